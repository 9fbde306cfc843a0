//! Which step of the test a connection or a datagram comes from.
//!
//! A step announces each of its sockets before the first byte, and the relay asks with the addresses it sees, which are
//! the same. What nobody announced is a service's.

use super::recorder::Recorder;
use crate::event::EventKind;
use crate::model::StepId;
use crate::proxy::{Observer, Route};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use tokio::sync::Notify;

/// The sockets that steps announced and no relay has asked for yet.
#[derive(Default)]
pub(super) struct Callers(Mutex<HashMap<Route, StepId>>);

/// Passes a relay's facts on. Only relays in the namespace of the steps know the `callers`: the same addresses mean
/// other sockets elsewhere.
pub(super) struct Watcher {
    pub(super) recorder: Arc<Recorder>,
    /// Hears of connections that could not be made.
    pub(super) missed: Arc<Notify>,
    pub(super) callers: Option<Arc<Callers>>,
}

/// Passes the facts of one connection on, with the step it belongs to.
struct OfConnection {
    recorder: Arc<Recorder>,
    missed: Arc<Notify>,
    callers: Arc<Callers>,
    route: Route,
    /// Looked up at the first act of a rule: by then the client has sent something, so a step has announced it.
    step: OnceLock<Option<StepId>>,
}

/// Passes the facts of one step's datagram on.
struct OfStep {
    recorder: Arc<Recorder>,
    step: StepId,
}

impl Callers {
    pub(super) fn announce(&self, route: Route, step: StepId) {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(route, step);
    }

    /// The step, once: a later socket with the same addresses is another one.
    fn take(&self, route: Route) -> Option<StepId> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).remove(&route)
    }
}

impl Observer for Watcher {
    fn event(&self, kind: EventKind) {
        notice_failure(&kind, &self.missed);
        self.recorder.event(kind);
    }

    fn on_route(&self, route: Route) -> Option<Arc<dyn Observer>> {
        let (recorder, callers) = (self.recorder.clone(), self.callers.clone()?);
        match route {
            Route::Connection { .. } => {
                let missed = self.missed.clone();
                Some(Arc::new(OfConnection { recorder, missed, callers, route, step: OnceLock::new() }))
            }
            Route::Datagram { .. } => {
                callers.take(route).map(|step| -> Arc<dyn Observer> { Arc::new(OfStep { recorder, step }) })
            }
        }
    }
}

impl Observer for OfConnection {
    fn event(&self, kind: EventKind) {
        let step = match kind {
            EventKind::RuleFired { .. } => *self.step.get_or_init(|| self.callers.take(self.route)),
            _ => None,
        };
        notice_failure(&kind, &self.missed);
        self.recorder.event(with_step(kind, step));
    }
}

impl Drop for OfConnection {
    fn drop(&mut self) {
        if self.step.get().is_none() {
            self.callers.take(self.route);
        }
    }
}

impl Observer for OfStep {
    fn event(&self, kind: EventKind) {
        self.recorder.event(with_step(kind, Some(self.step)));
    }
}

/// A mirror that cannot reach its original may be one too many.
fn notice_failure(kind: &EventKind, missed: &Notify) {
    if matches!(kind, EventKind::ConnectionFailed { .. }) {
        missed.notify_one();
    }
}

fn with_step(mut kind: EventKind, by: Option<StepId>) -> EventKind {
    if let EventKind::RuleFired { step, .. } = &mut kind {
        *step = by;
    }
    kind
}
