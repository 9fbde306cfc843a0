//! Findings about a spec's text: what is wrong, where, why, and what to do about it. Data first; the terminal, the
//! editor and JSON each render the same [`Diagnostic`].

pub mod codes;
mod finding;
pub mod render;
pub mod suggest;

pub use codes::Code;
pub use finding::{Diagnostic, Edit, Fix, Label, Severity};
