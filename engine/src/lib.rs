//! Everything Faultbox knows: the spec language, planning, fault injection, running and reporting.
//!
//! The modules, in reading order. The first group is pure: no I/O, no clock, no async. `ARCHITECTURE.md` says which
//! module may import which; `tests/tidy.rs` enforces it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`text`] | a file's text, spans in it, lines and columns, and the trait files are read through |
//! | [`diagnostic`] | findings about a spec's text, their codes, and how they are rendered |
//! | [`model`] | what a spec says, as plain data |
//! | [`event`] | what happened in a run, as a closed enum of past facts |
//! | [`rules`] | which rule acts on an operation, and the evidence it leaves |
//! | [`syntax`] | the error-tolerant tree an editor needs |
//! | [`spec`] | Starlark to model: the registry of builtins and their evaluation |
//! | [`check`] | findings that need the whole model |
//! | [`plan`] | tests times faults to leaves, and which service lives in which namespace |
//! | [`expect`] | judging a leaf: assertions, expectations, outcome |
//! | [`ide`] | answers for an editor, as plain data |
//! | [`sandbox`] | Linux namespaces, overlays and reaping |
//! | [`seccomp`] | syscall interception: filter, listener, supervisor |
//! | [`proxy`] | the protocol-neutral relay and its generic faults |
//! | [`protocol`] | one folder per protocol: schema, session, step client |
//! | [`service`] | processes under test: start, readiness, output, teardown |
//! | [`run`] | dispatcher, workers, and the bridge from Starlark to the world |
//! | [`report`] | events to terminal, JSON and JUnit |

pub mod text;
pub mod diagnostic;
pub mod model;
pub mod event;
pub mod rules;
pub mod syntax;
pub mod spec;
pub mod check;
pub mod plan;
pub mod expect;
pub mod ide;
pub mod sandbox;
pub mod seccomp;
pub mod proxy;
pub mod protocol;
pub mod service;
pub mod run;
pub mod report;
