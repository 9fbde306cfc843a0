//! The executable as a shell sees it, with real services: streams, exit codes, messages, and what is left behind.

mod acting;
mod answers;
mod bad_input;
mod beyond;
mod chatty;
mod deaths;
mod encryption;
mod endings;
mod examples;
mod families;
mod faults;
mod harness;
mod host;
mod inert;
mod languages;
mod names;
mod neovim;
mod network;
mod peers;
mod reports;
mod sentences;
mod snippets;
mod stdin;
mod storms;
mod usage;
mod verdicts;
