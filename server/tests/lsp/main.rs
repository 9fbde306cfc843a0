//! The language server as an editor meets it: the real executable over real pipes.

mod client;
mod diagnostics;
mod features;
mod lifecycle;
mod panels;
mod random_edits;
mod runs;
mod sync;
mod typing;
