//! The processes of a leaf: started in the order they depend on each other, watched, stopped together.

use super::exits::{self, Exit};
use super::faults::Faults;
use super::leaf::AbortOnDrop;
use super::network::{Network, transport};
use super::recorder::Recorder;
use super::supervision::is_about_filter;
use super::unready::{died, unready};
use super::wire::Isolation;
use crate::event::{EventKind, Failure, FailureKind, Phase, ServiceEnd};
use crate::model::{Interface, Service, ServiceName, Spec};
use crate::plan::{Namespace, Placement};
use crate::sandbox::{End, Reaper, orphans};
use crate::seccomp::{Supervisor, SupervisorCounts};
use crate::service::excerpt::{LeftOut, Printed};
use crate::service::input::Input;
use crate::service::output::Output;
use crate::service::process::{Process, StartError, Surroundings, describe};
use crate::service::teardown;
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// How long a stopped service's last lines are waited for.
const DRAIN: Duration = Duration::from_millis(200);

/// How long a service may take to end that is not ending yet: its connections end before it does, and one that runs may
/// have just been killed.
const SETTLE: Duration = Duration::from_millis(20);

/// How long a service that is ending may take to be gone; dumping core takes longest.
const ENDING: Duration = Duration::from_secs(5);

/// How often such a service is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// What a leaf has made before its services start.
pub(super) struct Setting {
    pub(super) spec: Arc<Spec>,
    pub(super) placement: Placement,
    pub(super) network: Arc<Network>,
    pub(super) faults: Arc<Faults>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) reaper: Reaper,
    /// The spec's; programs are looked up from here.
    pub(super) directory: PathBuf,
    pub(super) environment: Vec<(String, String)>,
    pub(super) isolation: Isolation,
}

/// The services of one leaf.
pub(super) struct Services {
    pub(super) setting: Setting,
    running: RefCell<Vec<Rc<Running>>>,
    watches: RefCell<Vec<AbortOnDrop<()>>>,
    exits: RefCell<Vec<Exit>>,
    exited: Notify,
    stopping: Cell<bool>,
}

struct Running {
    service: Service,
    process: Process,
    supervisor: Option<Supervisor>,
    /// From then on its end is no matter of its start any more.
    ready_at: Cell<Option<Instant>>,
    /// Its end is reported.
    end_is_known: Cell<bool>,
}

impl Services {
    pub(super) fn new(setting: Setting) -> Services {
        Services {
            setting,
            running: RefCell::default(),
            watches: RefCell::default(),
            exits: RefCell::default(),
            exited: Notify::new(),
            stopping: Cell::new(false),
        }
    }

    /// Starts every service, independent ones together, and waits until all are ready.
    pub(super) async fn start(self: &Rc<Services>) -> Result<(), Failure> {
        let mut waiting: Vec<Service> = self.setting.spec.services.clone();
        let mut ready: Vec<ServiceName> = Vec::new();
        let mut starting: JoinSet<Result<ServiceName, Failure>> = JoinSet::new();
        loop {
            let startable = |service: &Service| service.depends_on.iter().all(|name| ready.contains(name));
            let (now, later): (Vec<Service>, Vec<Service>) = waiting.into_iter().partition(startable);
            waiting = later;
            for service in now {
                let services = self.clone();
                starting.spawn_local(async move { services.bring_up(&service).await });
            }
            match starting.join_next().await {
                // A cycle is refused when the spec loads, so nothing can be waiting here.
                None => return Ok(()),
                Some(Ok(started)) => ready.push(started?),
                Some(Err(error)) => {
                    return Err(Failure::new(
                        FailureKind::Crash,
                        format!("starting services failed: {error}"),
                        None,
                    ));
                }
            }
        }
    }

    /// Starts one service and waits until it is ready.
    async fn bring_up(self: Rc<Services>, service: &Service) -> Result<ServiceName, Failure> {
        let began = Instant::now();
        self.setting.recorder.event(EventKind::PhaseEntered { phase: Phase::Starting(service.name.clone()) });
        let namespace = self.setting.placement.of(&service.name);
        let running = self.launch(service, namespace).map_err(|error| self.refused(service, error))?;
        let mut child = running.process.child();
        if let Some(check) = &service.healthcheck {
            self.setting
                .recorder
                .event(EventKind::PhaseEntered { phase: Phase::Waiting(service.name.clone()) });
            tokio::select! {
                ready = self.wait_ready(service, check, namespace) => {
                    ready.map_err(|refusal| {
                        let lines = running.process.output.last_lines();
                        let readers = running.process.input.borrow().as_ref().map(Input::readers);
                        unready(service, check, &refusal, &lines, &readers.unwrap_or_default())
                    })?;
                }
                _ = child.ended() => {}
            }
            self.setting.reaper.catch_up();
            if let Some(end) = child.end() {
                // Its last words may still be in the pipe.
                let _ = tokio::time::timeout(DRAIN, running.process.drained().wait()).await;
                return Err(died(service, &describe(end.status), &running.process.output.last_lines()));
            }
        }
        running.ready_at.set(Some(Instant::now()));
        self.setting.network.sync().await;
        running.process.end_part();
        self.setting
            .recorder
            .event(EventKind::ServiceReady { service: service.name.clone(), after: began.elapsed() });
        Ok(service.name.clone())
    }

    fn launch(
        self: &Rc<Services>,
        service: &Service,
        namespace: Namespace,
    ) -> Result<Rc<Running>, StartFailure> {
        let rules = self.setting.faults.on_service(&service.name);
        let filter = self.filter(service, namespace)?;
        let (recorder, name) = (self.setting.recorder.clone(), service.name.clone());
        let output = Output::new(move |printed| recorder.event(printed_event(&name, printed)));
        let mut service = service.clone();
        for (_, value) in &mut service.env {
            *value = self.setting.network.rewrite(&service.name, value);
        }
        let mut surroundings = Surroundings {
            reaper: &self.setting.reaper,
            directory: &self.setting.directory,
            environment: &self.setting.environment,
            filter: filter.as_ref(),
            dies_with_us: self.setting.isolation == Isolation::Host,
        };
        let network = &self.setting.network;
        let start = |surroundings: &Surroundings<'_>| {
            let started = network.enter(namespace, || Process::start(&service, surroundings, output.clone()));
            started.map_err(StartFailure::Namespace)
        };
        let mut started = start(&surroundings)?;
        if let (Err(error), true, None) = (&started, filter.is_some(), &rules)
            && is_about_filter(error)
        {
            // Only sockets needed it.
            self.cannot_watch(&service, error);
            surroundings.filter = None;
            started = start(&surroundings)?;
        }
        let mut process = started?;
        let listener = process.take_listener();
        let supervisor = listener.map(|listener| self.supervise(&service, namespace, rules, listener));
        let supervisor = supervisor.transpose().map_err(StartFailure::Supervisor)?;
        let pid = u32::try_from(process.launched.pid).unwrap_or(0);
        self.setting.recorder.event(EventKind::ServiceStarted { service: service.name.clone(), pid });
        let (ready_at, end_is_known) = (Cell::new(None), Cell::new(false));
        let running = Rc::new(Running { service, process, supervisor, ready_at, end_is_known });
        let watch = tokio::task::spawn_local(self.clone().watch(running.clone()));
        self.watches.borrow_mut().push(AbortOnDrop(watch));
        self.running.borrow_mut().push(running.clone());
        Ok(running)
    }

    /// The services that run in a namespace, with their first processes.
    pub(super) fn running_in(&self, namespace: Namespace) -> Vec<(u32, ServiceName)> {
        let running = self.running.borrow();
        let here = running.iter().filter(|one| self.setting.placement.of(&one.service.name) == namespace);
        here.map(|one| (one.process.launched.pid.cast_unsigned(), one.service.name.clone())).collect()
    }

    async fn watch(self: Rc<Services>, running: Rc<Running>) {
        running.process.child().ended().await;
        self.note_end(&running);
        if !self.stopping.get() {
            self.setting.network.sync().await;
        }
    }

    /// The end of a server that left processes behind and nothing that listens in its place.
    fn deserted(&self, running: &Running) -> Option<End> {
        let end = running.process.child().handover()?;
        let (service, network) = (&running.service, &self.setting.network);
        let at = self.setting.placement.of(&service.name);
        let is_reached = |one: &Interface| network.is_reached(at, transport(one.protocol), one.port);
        let is_served = service.interfaces.is_empty() || service.interfaces.iter().any(is_reached);
        (running.ready_at.get()? < end.at && !is_served).then_some(end)
    }

    /// Reports the end of a service once it has ended.
    fn note_end(&self, running: &Running) {
        let end = running.process.child().end().or_else(|| self.deserted(running));
        let Some(end) = end else { return };
        if running.end_is_known.replace(true) {
            return;
        }
        let (service, recorder) = (&running.service, &self.setting.recorder);
        let is_done = service.interfaces.is_empty() && end.status.is_some_and(|status| status.success());
        let what = match self.stopping.get() {
            true => ServiceEnd::Asked,
            false if service.may_exit || is_done => ServiceEnd::Allowed,
            false => ServiceEnd::Unasked,
        };
        let at = end.at.saturating_duration_since(recorder.start());
        let is_asked = what == ServiceEnd::Asked;
        let cause = || exits::cause(&recorder.course(), &self.setting.spec, service, at);
        let cause = if is_asked { None } else { cause() };
        recorder.event(EventKind::ServiceExited {
            service: service.name.clone(),
            status: describe(end.status),
            end: what,
            cause: cause.clone(),
        });
        if !is_asked && running.ready_at.get().is_some() {
            self.exits.borrow_mut().push(Exit {
                service: service.name.clone(),
                status: end.status,
                cause,
                at,
                allowed: what == ServiceEnd::Allowed,
                output: running.process.output.clone(),
                span: service.span,
            });
            self.exited.notify_one();
        }
    }

    /// Takes note of every service that has ended, or will without anybody's doing, before the test is judged. After a
    /// failure a moment more is waited for one whose end explains it.
    pub(super) async fn settle(&self, failed: bool) {
        let running = self.running.borrow().clone();
        let begun = Instant::now();
        loop {
            self.setting.reaper.catch_up();
            running.iter().for_each(|one| self.note_end(one));
            let mut others = running.iter().filter(|one| !one.end_is_known.get());
            let waits = others.any(|one| {
                let child = one.process.child();
                child.is_ending() || (begun.elapsed() < SETTLE && child.is_running())
            });
            if !waits || begun.elapsed() > ENDING {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        // One may have been reaped since it was asked for.
        running.iter().for_each(|one| self.note_end(one));
        if failed && self.exits.borrow().is_empty() {
            // No end within the moment is the usual case.
            let _ = tokio::time::timeout(SETTLE, self.exited.notified()).await;
        }
        for one in running.iter().filter(|one| one.end_is_known.get()) {
            // What it left behind may hold the pipe.
            let _ = tokio::time::timeout(DRAIN, one.process.drained().wait()).await;
        }
    }

    /// What went wrong in deciding about a service's calls; from then on no fault acted on it.
    pub(super) fn broken_judge(&self) -> Option<Failure> {
        let running = self.running.borrow();
        running.iter().find_map(|one| judge_failure(&one.service.name, &one.supervisor.as_ref()?.counts()))
    }

    /// Services that ended before they were asked to, in that order.
    pub(super) fn exits(&self) -> Vec<Exit> {
        let mut exits = self.exits.borrow().clone();
        exits.sort_by_key(|exit| exit.at);
        exits
    }

    /// Tells everything that services have printed by now.
    pub(super) fn end_part(&self) {
        self.running.borrow().iter().for_each(|one| one.process.end_part());
    }

    /// Stops every service: delayed calls continue, then each process group ends.
    pub(super) async fn stop(&self) {
        self.stopping.set(true);
        let running = std::mem::take(&mut *self.running.borrow_mut());
        let watches = std::mem::take(&mut *self.watches.borrow_mut());
        for one in &running {
            if let Some(supervisor) = &one.supervisor {
                supervisor.release();
            }
        }
        let mut stops = JoinSet::new();
        for one in running.iter().rev() {
            let (handle, input) = (one.process.handle(), one.process.input.take());
            stops.spawn_local(async move { teardown::stop(&handle, input).await });
        }
        while stops.join_next().await.is_some() {}
        for (one, mut watch) in running.iter().zip(watches) {
            // A daemon that left the process group may hold the pipe; it dies with the namespace.
            let _ = tokio::time::timeout(DRAIN, one.process.drained().wait()).await;
            // It tells of the end that teardown waited for; dropped before, it would tell in some runs and not in others.
            let _ = tokio::time::timeout(DRAIN, &mut watch.0).await;
            one.process.end_part();
        }
        if self.setting.isolation == Isolation::Host {
            orphans::kill(&[]);
        }
    }

    fn refused(&self, service: &Service, failure: StartFailure) -> Failure {
        let message = format!("failed to start {}: {failure}", service.name);
        let out = Failure::new(FailureKind::Service, message, Some(service.span));
        match failure {
            StartFailure::Start(StartError::Launch(_)) => out.help(format!(
                "programs are looked up from {}, then in PATH",
                self.setting.directory.display()
            )),
            StartFailure::Start(StartError::Input(_) | StartError::Output(_))
            | StartFailure::Namespace(_)
            | StartFailure::Supervisor(_)
            | StartFailure::Filter(_) => out.help("run `faultbox doctor` to see what this machine allows"),
        }
    }
}

fn printed_event(service: &ServiceName, printed: Printed) -> EventKind {
    let service = service.clone();
    match printed {
        Printed::Line(stream, line) => EventKind::ServiceOutput { service, stream, line },
        Printed::LeftOut(LeftOut { lines, bytes }) => EventKind::OutputLeftOut { service, lines, bytes },
    }
}

fn judge_failure(service: &ServiceName, counts: &SupervisorCounts) -> Option<Failure> {
    let message =
        format!("deciding about the system calls of {service} failed; later calls passed without a fault");
    counts.judge_panicked.then(|| {
        Failure::new(FailureKind::Crash, message, None).help("please report this as a bug of Faultbox")
    })
}

/// Why a service could not be launched. Messages follow "failed to start <service>: ".
#[derive(Debug, thiserror::Error)]
pub(super) enum StartFailure {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error("cannot enter its network namespace: {0}")]
    Namespace(std::io::Error),
    #[error("cannot watch its syscalls: {0}")]
    Supervisor(std::io::Error),
    #[error("{0}")]
    Filter(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_that_panicked_is_a_failure_of_the_leaf() {
        let counts = |judge_panicked| SupervisorCounts { judge_panicked, ..SupervisorCounts::default() };
        assert!(judge_failure(&"db".into(), &counts(false)).is_none());
        let failure = judge_failure(&"db".into(), &counts(true)).unwrap();
        assert_eq!(failure.kind, FailureKind::Crash);
        assert!(failure.message.contains("system calls of db"), "{}", failure.message);
    }
}
