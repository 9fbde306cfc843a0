//! Starlark to model. The only room that names the `starlark` crate; its errors become diagnostics here.

pub mod stage;

pub use stage::{InstallId, Refusal, Stage, Ticket};
