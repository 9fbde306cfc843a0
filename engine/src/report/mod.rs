//! Events to terminal, JSON, JUnit.
//!
//! A reporter sees events and sources and nothing else, so a stored run can be reported like a live one. Each writes
//! to the `Write` it is given; none looks at a terminal or the environment.
//!
//! | file | form |
//! |---|---|
//! | [`terminal`] | lines for people, in the order tests are declared |
//! | [`json`] | one object when the run is over, version 3 of the form older tools read |
//! | [`jsonl`] | one object per event as it comes, for editors |
//! | [`junit`] | the XML that CI systems read |

mod evidence;
pub mod failure;
mod grid;
mod json;
mod jsonl;
mod logs;
mod junit;
mod matrix;
mod record;
pub mod replay;
mod reporter;
mod terminal;
mod wire;

pub use json::Json;
pub use jsonl::JsonLines;
pub use junit::JUnit;
pub use reporter::{Fanout, Named, Reporter};
pub use terminal::{Show, Terminal, TerminalConfig};

#[cfg(test)]
pub(crate) mod fixture;
