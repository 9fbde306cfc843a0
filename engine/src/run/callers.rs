//! Which step of the test a connection or a datagram comes from.
//!
//! A step announces each of its sockets before the first byte, and the relay asks with the addresses it sees, which are
//! the same. What nobody announced is a service's.

use super::recorder::Recorder;
use crate::event::EventKind;
use crate::model::StepId;
use crate::proxy::{Observer, Route};
use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::Notify;

/// The sockets that steps announced and no relay has asked for yet.
#[derive(Default)]
pub(super) struct Callers {
    announced: Mutex<HashMap<Route, StepId>>,
    /// A relay has asked for one.
    asked: Notify,
}

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
        self.lock().insert(route, step);
    }

    /// Waits until a relay has asked for whatever a step announced.
    pub(super) async fn taken(&self, step: StepId) {
        let mut asked = pin!(self.asked.notified());
        loop {
            // Heard from now on, so nothing is missed between looking and waiting.
            asked.as_mut().enable();
            if !self.lock().values().any(|&of| of == step) {
                return;
            }
            asked.as_mut().await;
            asked.set(self.asked.notified());
        }
    }

    /// The step, once: a later socket with the same addresses is another one.
    fn take(&self, route: Route) -> Option<StepId> {
        let step = self.lock().remove(&route);
        if step.is_some() {
            self.asked.notify_waiters();
        }
        step
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Route, StepId>> {
        self.announced.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::FaultWord;
    use crate::model::RuleName;
    use crate::text::{FileId, Span};
    use std::future::Future;
    use std::net::SocketAddr;
    use std::task::{Context, Waker};
    use std::time::Instant;

    struct Bench {
        recorder: Arc<Recorder>,
        callers: Arc<Callers>,
    }

    impl Bench {
        fn new() -> Bench {
            let out = tempfile::tempfile().expect("a file");
            let recorder = Arc::new(Recorder::new(0, out, Instant::now()));
            Bench { recorder, callers: Arc::default() }
        }

        fn watcher(&self, at_home: bool) -> Watcher {
            let callers = at_home.then(|| self.callers.clone());
            Watcher { recorder: self.recorder.clone(), missed: Arc::default(), callers }
        }

        /// The steps of the acts so far.
        fn steps(&self) -> Vec<Option<u32>> {
            self.recorder.course().fired.iter().map(|fired| fired.step.map(|step| step.0)).collect()
        }
    }

    fn fired() -> EventKind {
        EventKind::RuleFired {
            rule: RuleName("a[0]".into()),
            target: "api.public".to_owned(),
            word: FaultWord::Respond,
            action: "response 503".to_owned(),
            operation: "GET /".to_owned(),
            label: None,
            step: None,
            span: Span::start_of(FileId(0)),
        }
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_connection_belongs_to_the_step_that_announced_it_and_to_no_later_one() {
        let bench = Bench::new();
        let watcher = bench.watcher(true);
        let (from, to) = (address("127.0.0.1:40000"), address("127.0.0.1:80"));
        let seen = Route::connection(address("[::ffff:127.0.0.1]:40000"), address("[::ffff:127.0.0.1]:80"));
        // Accepted before the step has announced it, as may happen; it has before it sends anything.
        let connection = watcher.on_route(seen).expect("an observer of its own");
        bench.callers.announce(Route::connection(from, to), StepId(7));
        connection.event(fired());
        connection.event(fired());
        // The same addresses once more, and another port.
        watcher.on_route(seen).expect("another").event(fired());
        let other = Route::connection(from, address("127.0.0.1:81"));
        watcher.on_route(other).expect("another").event(fired());
        assert_eq!(bench.steps(), [Some(7), Some(7), None, None]);
    }

    #[test]
    fn a_connection_on_which_no_rule_acted_takes_its_announcement_along() {
        let bench = Bench::new();
        let route = Route::connection(address("[::1]:40000"), address("[::1]:80"));
        bench.callers.announce(route, StepId(1));
        drop(bench.watcher(true).on_route(route));
        bench.watcher(true).on_route(route).expect("another").event(fired());
        assert_eq!(bench.steps(), [None]);
    }

    #[tokio::test]
    async fn a_step_is_taken_when_a_relay_has_asked_for_all_it_announced() {
        let bench = Bench::new();
        let routes = [40000, 40001].map(|port| Route::datagram(([127, 0, 0, 1], port).into()));
        for route in routes {
            bench.callers.announce(route, StepId(3));
        }
        let mut taken = pin!(bench.callers.taken(StepId(3)));
        let mut cx = Context::from_waker(Waker::noop());
        for route in routes {
            assert!(taken.as_mut().poll(&mut cx).is_pending());
            bench.watcher(true).on_route(route).expect("a step's");
        }
        taken.await;
        bench.callers.taken(StepId(4)).await;
    }

    #[test]
    fn a_datagram_is_a_steps_once_and_only_where_steps_are() {
        let bench = Bench::new();
        let route = Route::datagram(address("127.0.0.1:40000"));
        bench.callers.announce(route, StepId(3));
        assert!(bench.watcher(false).on_route(route).is_none());
        bench.watcher(true).on_route(route).expect("a step's").event(fired());
        assert!(bench.watcher(true).on_route(route).is_none());
        assert_eq!(bench.steps(), [Some(3)]);
    }
}
