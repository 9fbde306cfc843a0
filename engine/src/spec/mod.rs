//! Starlark to model. The only room that names the `starlark` crate; its errors become diagnostics here.
//!
//! Reading order: [`stage`] (how Starlark reaches the world) · [`registry`] (the table of builtins) · [`load`] (text to
//! spec) · [`program`] (calling what was loaded) · `call` and `shape` (arguments to parameters) · `builtins` and
//! `values` (what specs use) · `target` and `asked` (a rule meets its interface, a fault its calls) · `guard` (bounds).

pub mod stage;
pub mod registry;
pub mod recipes;
pub mod outline;
pub mod load;
pub mod program;
mod failure;
mod session;
mod draft;
mod nesting;
mod gather;
pub(crate) mod globals;
pub(crate) mod shape;
pub(crate) mod wording;
mod call;
mod accept;
mod convert;
pub(crate) mod target;
pub(crate) mod asked;
mod bundle;
mod register;
mod guard;
pub(crate) mod handed;
mod coroutine;
mod numbering;
mod errors;
pub(crate) mod bodies;
pub(crate) mod builtins;
pub(crate) mod values;

pub use failure::{AttrRead, SpecFailure, SpecFailureKind};
pub use load::{Loaded, load};
pub use program::{Performance, Performed, Program, Returned};
pub use stage::{FaultCall, InstallId, Refusal, Stage, Ticket};

/// Bounds on one evaluation.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Calls and rounds of loops.
    pub max_ticks: u64,
    /// Memory of Starlark values, in bytes.
    pub max_heap_bytes: usize,
    /// Calls within calls.
    pub max_call_depth: usize,
}

impl Limits {
    /// For loading a spec: far more than any spec needs, and over within about a second.
    pub fn load() -> Limits {
        Limits { max_ticks: 5_000_000, max_heap_bytes: 256 * 1024 * 1024, max_call_depth: 50 }
    }

    /// For a test's body, which may loop over many steps.
    pub fn body() -> Limits {
        Limits { max_ticks: 50_000_000, max_heap_bytes: 512 * 1024 * 1024, max_call_depth: 50 }
    }
}

/// Stack that an evaluation needs at most: the parser and the evaluator recurse. Pages are used on demand.
pub const STACK_BYTES: usize = 256 * 1024 * 1024;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod bytes_tests;
#[cfg(test)]
mod tests;
