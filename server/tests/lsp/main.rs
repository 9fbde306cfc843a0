//! The language server as an editor meets it: the real executable over real pipes.

mod agreement;
mod client;
mod closing;
mod diagnostics;
mod edits;
mod features;
mod figures;
mod hostile;
mod large;
mod lifecycle;
mod messages;
mod neighbours;
mod panels;
mod peer;
mod protocols;
mod random_edits;
mod runs;
mod sync;
mod typing;
