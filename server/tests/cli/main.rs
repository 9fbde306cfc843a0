//! The executable as a shell sees it, with real services: streams, exit codes, messages, and what is left behind.

mod bad_input;
mod encryption;
mod endings;
mod examples;
mod faults;
mod harness;
mod host;
mod languages;
mod neovim;
mod reports;
mod sentences;
mod usage;
mod verdicts;
