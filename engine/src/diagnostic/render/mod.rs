//! A diagnostic as text or JSON, one file per form.
//!
//! | form | for |
//! |---|---|
//! | [`full`] | people: the marked source lines, notes and help |
//! | [`concise`] | `grep`, quickfix lists and logs: one line each |
//! | [`json`] | programs |
//!
//! [`block`] draws what [`full`] and the reporters of a run share. Nothing here asks a terminal or the environment;
//! whoever calls says whether colour is wanted.

pub mod block;
pub mod concise;
pub mod full;
pub mod json;

/// How text for people looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// True when ANSI escape codes are wanted.
    pub color: bool,
    /// How many columns a source line may take before it is cut around its marks.
    pub width: usize,
}

impl Style {
    /// No escape codes, for files and pipes.
    pub const PLAIN: Style = Style { color: false, width: 140 };
}
