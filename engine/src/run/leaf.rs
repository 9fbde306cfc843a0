//! One leaf from start to verdict: services up, faults in, body, judgement, faults out, services down.

use super::faults::Faults;
use super::network::Network;
use super::recorder::Recorder;
use super::resolver::{self, Resolver, Zone};
use super::services::{Services, Setting};
use super::stage::{Answer, LiveStage, StepRequest};
use super::verdict::{self, Ending};
use super::wire::{Isolation, Job};
use crate::event::{EventKind, Failure, FailureKind, LeafResult, Phase};
use crate::model::{CallableId, Endpoint, Rule, Spec, Test, TestKind};
use crate::plan::{Needs, place, together};
use crate::protocol;
use crate::proxy::tls::Authority;
use crate::sandbox::{Names, Reaper};
use crate::spec::{Limits, Performance, Performed, Program, STACK_BYTES, SpecFailureKind, Stage};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{oneshot, watch};

/// How long a cancelled body may take to notice; it is abandoned then, the worker ends anyway.
const BODY_GRACE: Duration = Duration::from_secs(1);

/// A longest wait for one step's reply; the leaf's timeout usually comes first.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);

/// What a leaf runs with.
pub(super) struct Leaf<'l> {
    pub(super) job: &'l Job,
    pub(super) spec: Arc<Spec>,
    pub(super) program: Arc<Program>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) reaper: Reaper,
    /// Variables services inherit.
    pub(super) environment: Vec<(String, String)>,
    /// Signs what relays show to clients that speak TLS.
    pub(super) authority: Option<Arc<Authority>>,
    /// What names mean inside; `None` for a leaf that has the host's files.
    pub(super) names: Option<Names>,
    /// Turns true when the dispatcher asks to cancel.
    pub(super) cancelled: watch::Receiver<bool>,
}

/// What became of a leaf.
pub(super) enum Ended {
    Judged(LeafResult),
    /// Start it again with these prepared.
    Unprepared(Needs),
}

/// Runs the leaf to its end; nothing of it is left but what PID 1's end takes along.
pub(super) async fn run(leaf: Leaf<'_>) -> Ended {
    let Some(test) = leaf.spec.tests.iter().find(|test| test.name == leaf.job.description.test).cloned()
    else {
        let text = format!("the spec has no test {} any more", leaf.job.description.test);
        return broken(&leaf, Failure::new(FailureKind::Environment, text, None));
    };
    leaf.recorder.event(EventKind::PhaseEntered { phase: Phase::Preparing });
    let faults =
        Arc::new(Faults::new(leaf.job.needs.clone(), leaf.job.description.seed, leaf.recorder.clone()));
    let placement = match leaf.job.isolation {
        Isolation::Namespaces => place(&leaf.spec, &leaf.job.needs),
        Isolation::Host => together(&leaf.spec, &leaf.job.needs),
    };
    let rules = |endpoint: &Endpoint| faults.on_interface(endpoint);
    let (recorder, authority) = (leaf.recorder.clone(), leaf.authority.clone());
    let network = Network::new(&leaf.spec, &placement, rules, recorder, authority).and_then(|network| {
        if leaf.job.isolation == Isolation::Host {
            network.detour(&leaf.spec)?;
        }
        Ok(network)
    });
    let network = match network {
        Ok(network) => Arc::new(network),
        Err(error) => {
            let text = format!("cannot make the leaf's network namespaces: {error}");
            let failure = Failure::new(FailureKind::Environment, text, None).help("run `faultbox doctor`");
            return broken(&leaf, failure);
        }
    };
    let directory = leaf.job.root.parent().unwrap_or(Path::new("/")).to_owned();
    let services = Rc::new(Services::new(Setting {
        spec: leaf.spec.clone(),
        placement,
        network: network.clone(),
        faults: faults.clone(),
        recorder: leaf.recorder.clone(),
        reaper: leaf.reaper.clone(),
        directory,
        environment: leaf.environment.clone(),
        isolation: leaf.job.isolation,
    }));
    let _resolver = leaf.names.as_ref().and_then(|names| resolve(&leaf, names, &network, &services));
    let sending = leaf.recorder.clone();
    let _sending = AbortOnDrop(tokio::task::spawn_local(async move { sending.send_what_waits().await }));
    let ending = course(&leaf, &test, &services, &network, &faults).await;
    // Whatever the body found, it found it without faults from some moment on.
    let ending = services.broken_judge().map_or(ending, Ending::Broken);
    let duration = leaf.recorder.start().elapsed();
    if ending.is_judged() {
        services.settle(ending.is_failure()).await;
        faults.settle().await;
    }
    let (proof, exits) = (faults.proof(), services.exits());
    services.end_part();
    leaf.recorder.event(EventKind::PhaseEntered { phase: Phase::Stopping });
    faults.remove_all();
    services.stop().await;
    network.close().await;
    let course = leaf.recorder.course();
    match verdict::result(ending, &leaf.spec, &test, &course, proof, &exits, duration) {
        Some(result) => Ended::Judged(result),
        None => Ended::Unprepared(faults.wanted()),
    }
}

/// Starts the leaf's resolver, unless the spec has something else on its port, and reports what names do not work.
fn resolve(
    leaf: &Leaf<'_>,
    names: &Names,
    network: &Arc<Network>,
    services: &Rc<Services>,
) -> Option<Resolver> {
    let notice = |text| leaf.recorder.event(EventKind::Notice { text });
    for (path, reason) in &names.exposed {
        notice(format!("names may be looked up on the host: cannot cover {}: {reason}", path.display()));
    }
    let started = match resolver::declared(&leaf.spec) {
        Some(interface) => {
            notice(format!("{interface} has port 53, so it answers what services ask by DNS"));
            None
        }
        None => {
            let owners = services.clone();
            let running = Rc::new(move |namespace| owners.running_in(namespace));
            let zone = Zone::of_hosts(&names.hosts);
            let started = Resolver::start(network, zone, running, leaf.recorder.clone());
            let refused = |error: &std::io::Error| {
                notice(format!("names are looked up in /etc/hosts only: cannot listen on port 53: {error}"));
            };
            started.inspect_err(refused).ok()
        }
    };
    if let Some(reason) = names.hosts_error.as_ref().filter(|_| started.is_none()) {
        notice(format!("services cannot be reached by name, only as localhost: {reason}"));
    }
    started
}

fn broken(leaf: &Leaf<'_>, failure: Failure) -> Ended {
    let result = LeafResult {
        outcome: crate::event::Outcome::Error,
        duration: leaf.recorder.start().elapsed(),
        failure: Some(failure),
        evidence: Vec::new(),
        returned: None,
        assertions: 0,
        not_fired: false,
    };
    Ended::Judged(result)
}

/// Everything between preparation and judgement. A cancelled leaf skips to its end.
async fn course(
    leaf: &Leaf<'_>,
    test: &Test,
    services: &Rc<Services>,
    network: &Arc<Network>,
    faults: &Arc<Faults>,
) -> Ending {
    let mut cancelled = leaf.cancelled.clone();
    let watching = network.clone();
    let _watch = AbortOnDrop(tokio::task::spawn_local(async move { watching.watch().await }));
    let started = tokio::select! {
        started = services.start() => started,
        _ = cancelled.wait_for(|cancelled| *cancelled) => return Ending::Cancelled,
    };
    if let Err(failure) = started {
        return Ending::Broken(failure);
    }
    let rules: Vec<Rule> = test.faults().iter().flat_map(|name| leaf.spec.rules_of(name)).cloned().collect();
    if !rules.is_empty() && faults.install(None, rules).is_err() {
        return Ending::Unprepared;
    }
    leaf.recorder.event(EventKind::PhaseEntered { phase: Phase::Scenario });
    let limit = test.timeout.unwrap_or(leaf.job.timeout);
    let (mut body, requests) = Body::start(leaf, test, faults.clone());
    let serving = serve_steps(leaf, network, requests, body.answers.clone());
    tokio::select! {
        performed = &mut body.done => match performed {
            Ok(performed) => ending_of(performed),
            Err(_) => Ending::Broken(Failure::new(FailureKind::Crash, "the test's thread died", Some(test.span))),
        },
        () = serving => Ending::Cancelled,
        () = tokio::time::sleep(limit) => {
            body.abandon().await;
            match leaf.program.expects_hang(&performance(test)) {
                true => Ending::Performed(Performed { returned: None, failure: None, assertions: 1 }),
                false => Ending::TimedOut { limit },
            }
        }
        _ = cancelled.wait_for(|cancelled| *cancelled) => {
            body.abandon().await;
            Ending::Cancelled
        }
    }
}

fn ending_of(performed: Performed) -> Ending {
    match performed.failure.as_ref().map(|failure| failure.kind) {
        Some(SpecFailureKind::Unprepared) => Ending::Unprepared,
        Some(SpecFailureKind::Cancelled) => Ending::Cancelled,
        Some(
            SpecFailureKind::Assertion
            | SpecFailureKind::Evaluation
            | SpecFailureKind::Fail
            | SpecFailureKind::Limit,
        )
        | None => Ending::Performed(performed),
    }
}

/// The thread that evaluates the test.
struct Body {
    done: oneshot::Receiver<Performed>,
    answers: mpsc::Sender<Answer>,
    cancelled: Arc<AtomicBool>,
}

impl Body {
    fn start(leaf: &Leaf<'_>, test: &Test, faults: Arc<Faults>) -> (Body, UnboundedReceiver<StepRequest>) {
        let (finished, done) = oneshot::channel();
        let (requests, incoming) = unbounded_channel();
        let (answers, receiving) = mpsc::channel();
        let cancelled = Arc::new(AtomicBool::new(false));
        let performance = performance(test);
        let (program, recorder, flag) = (leaf.program.clone(), leaf.recorder.clone(), cancelled.clone());
        let seed = leaf.job.description.seed;
        let body = move || {
            let stage: Rc<dyn Stage> = Rc::new(LiveStage {
                requests,
                answers: receiving,
                faults,
                recorder,
                cancelled: flag,
                seed,
                tickets: Cell::new(0),
                early: RefCell::new(BTreeMap::new()),
            });
            // The leaf may have given up waiting; then nobody wants the result.
            let _ = finished.send(program.perform(&performance, stage, &Limits::body()));
        };
        // When the thread cannot start, `finished` is dropped and the leaf learns of it through `done`.
        let _ = std::thread::Builder::new().name("body".to_owned()).stack_size(STACK_BYTES).spawn(body);
        (Body { done, answers, cancelled }, incoming)
    }

    /// Tells the body to end and waits a little for it.
    async fn abandon(&mut self) {
        self.cancelled.store(true, SeqCst);
        // A body that is not waiting for an answer looks at the flag by itself.
        let _ = self.answers.send(Answer::Wake);
        let _ = tokio::time::timeout(BODY_GRACE, &mut self.done).await;
    }
}

fn performance(test: &Test) -> Performance {
    let (body, expect): (CallableId, Option<CallableId>) = match &test.kind {
        TestKind::Body { callable } | TestKind::Scenario { callable } => (*callable, None),
        TestKind::FaultScenario { callable, expect, .. } => (*callable, *expect),
        TestKind::Cell(cell) => (cell.callable, cell.expect),
    };
    Performance { body, expect }
}

/// Makes the steps a body asks for, each in a task of its own, until the body is gone.
async fn serve_steps(
    leaf: &Leaf<'_>,
    network: &Arc<Network>,
    mut requests: UnboundedReceiver<StepRequest>,
    answers: mpsc::Sender<Answer>,
) {
    while let Some(request) = requests.recv().await {
        let endpoint = &request.call.endpoint;
        let Some(service) = leaf.spec.service(&endpoint.service) else { continue };
        let Some(interface) = service.interface(&endpoint.interface) else { continue };
        let (protocol, port) = (interface.protocol, interface.port);
        let dialer = network.step_dialer(request.step, endpoint, protocol, port);
        let (protocol, env) = (interface.protocol, service.env.clone());
        let (recorder, answers) = (leaf.recorder.clone(), answers.clone());
        let network = network.clone();
        tokio::task::spawn_local(async move {
            let StepRequest { ticket, step, call } = request;
            let reply = protocol::step(protocol, &dialer, &call, step, &env, STEP_TIMEOUT).await;
            if reply.ok && call.method == "send_no_reply" {
                network.taken(step, &call.endpoint).await;
            }
            recorder.event(EventKind::StepReceived {
                step,
                status: reply.status,
                ok: reply.ok,
                error: reply.error.clone(),
                body: reply.body.chars().take(2048).collect(),
                duration: reply.duration,
            });
            // A body that gave up waiting is gone with its receiver.
            let _ = answers.send(Answer::Reply(ticket, reply));
        });
    }
    // The body drops its sender when it ends; its result arrives through `done`.
    std::future::pending::<()>().await;
}

/// Ends a task with its owner.
pub(super) struct AbortOnDrop<T>(pub(super) tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
