//! Ending a run early: first politely, then at once.

use std::sync::Arc;
use tokio::sync::watch;

/// How urgently a run should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    None,
    /// Workers cancel their leaf and tear down.
    Cancel,
    /// Workers are killed.
    Kill,
}

/// A handle that ends a run from any thread.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<watch::Sender<Urgency>>);

impl Cancel {
    #[expect(clippy::new_without_default, reason = "a handle is made for one run, not defaulted")]
    pub fn new() -> Cancel {
        Cancel(Arc::new(watch::Sender::new(Urgency::None)))
    }

    /// Asks every running leaf to wind up; no further leaf starts.
    pub fn cancel(&self) {
        self.raise(Urgency::Cancel);
    }

    /// Kills every worker at once.
    pub fn kill(&self) {
        self.raise(Urgency::Kill);
    }

    /// Whether the run was asked to end.
    pub fn is_requested(&self) -> bool {
        self.urgency() > Urgency::None
    }

    pub(super) fn urgency(&self) -> Urgency {
        *self.0.borrow()
    }

    /// Waits until the run should end at least this urgently.
    pub(super) async fn at_least(&self, urgency: Urgency) {
        let mut changes = self.0.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = changes.wait_for(|now| *now >= urgency).await;
    }

    fn raise(&self, to: Urgency) {
        self.0.send_if_modified(|now| {
            let more = to > *now;
            *now = to.max(*now);
            more
        });
    }
}
