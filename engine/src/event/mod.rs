//! What happened in a run: past facts in one closed enum, ordered by the dispatcher.
//!
//! A worker streams [`Event`]s to the dispatcher, the dispatcher orders them and feeds the reporters. The form users
//! read (`--format jsonl`) is versioned and lives in `report`, not here.

mod evidence;
mod kind;
mod outcome;

pub use evidence::{Evidence, NearMiss, Unread, UnreadSubject, brief};
pub use kind::{Event, EventKind, FaultWord, Leaf, MatrixPlan, Phase, RunPlan, ServiceEnd, Stream};
pub use outcome::{Failure, FailureKind, LeafResult, Note, Outcome, Totals};
