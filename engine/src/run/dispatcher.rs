//! The dispatcher: one worker per leaf, so many at a time, and one ordered stream of facts for the reporters.

use super::cancel::{Cancel, Urgency};
use super::spawn::{WorkerProcess, spawn};
use super::wire::{CANCEL, Isolation, Job, Message, Recording, Snapshot};
use crate::event::{Event, EventKind, Failure, FailureKind, LeafResult, Outcome, Totals};
use crate::model::Spec;
use crate::plan::{LeafPlan, Needs, Plan};
use crate::report::Reporter;
use crate::sandbox::{Keep, orphans};
use crate::spec::{self, Limits, Loaded};
use crate::text::{Files, SourceMap};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

/// How often one leaf is started again because its body asks for more; every start adds something, so this is only a
/// stop for a body that asks for something new each time.
const MAX_RESTARTS: u32 = 32;

/// How long services without a healthcheck may take, and everything else before the body starts.
const START_GRACE: Duration = Duration::from_secs(30);

/// How much longer than its own limits a worker may take before it is killed.
const BACKSTOP: Duration = Duration::from_secs(15);

/// How long a cancelled worker may take to tear down before it is killed.
const CANCEL_GRACE: Duration = Duration::from_secs(5);

/// What a run is made of.
pub struct RunConfig {
    /// The program and arguments that start a worker: this very executable.
    pub worker: PathBuf,
    pub worker_arguments: Vec<String>,
    pub jobs: usize,
    /// Longest time from a test's first step to its verdict, unless the test says otherwise.
    pub timeout: Duration,
    pub isolation: Isolation,
    pub keep_files: Option<PathBuf>,
    /// The spec as the user named it, for replay commands.
    pub shown_path: String,
    pub runs: u32,
    pub cancel: Cancel,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunSummary {
    pub totals: Totals,
    pub interrupted: bool,
}

/// Why a run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("cannot start the event loop: {0}")]
    Runtime(#[source] io::Error),
    #[error("cannot start a worker: {0}")]
    Worker(#[source] io::Error),
    #[error("cannot write the report: {0}")]
    Report(#[source] io::Error),
}

/// A loaded spec together with the bytes it was loaded from.
pub struct LoadedSpec {
    pub loaded: Loaded,
    root: PathBuf,
    snapshot: Snapshot,
}

/// Loads a spec and remembers every byte that was read, so that workers see the same text however long the run takes.
/// `root` must be absolute.
pub fn load(files: &dyn Files, root: &Path) -> LoadedSpec {
    let recording = Recording::new(files);
    let loaded = spec::load(&recording, root, &Limits::load());
    LoadedSpec { loaded, root: root.to_owned(), snapshot: recording.snapshot() }
}

/// Runs the plan and feeds every fact to the reporter, in the order it became known.
pub fn dispatch(
    spec: &LoadedSpec,
    plan: &Plan,
    config: &RunConfig,
    reporter: &mut dyn Reporter,
) -> Result<RunSummary, RunError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(RunError::Runtime)?;
    tokio::task::LocalSet::new().block_on(&runtime, run(spec, plan, config, reporter))
}

async fn run(
    spec: &LoadedSpec,
    plan: &Plan,
    config: &RunConfig,
    reporter: &mut dyn Reporter,
) -> Result<RunSummary, RunError> {
    let start = Instant::now();
    let sources = &spec.loaded.sources;
    let jobs = if config.isolation == Isolation::Host { 1 } else { config.jobs.max(1) };
    if config.isolation == Isolation::Host {
        // Without PID namespaces, what a worker leaves behind comes to this process, see `LeafRun::attempt`.
        orphans::adopt().map_err(RunError::Worker)?;
    }
    let whole = |kind| Event { leaf: None, at: start.elapsed(), kind };
    let described = plan.describe(&spec.loaded.spec, jobs, config.runs, &config.shown_path);
    let mut tell = |event: &Event| reporter.event(event, sources).map_err(RunError::Report);
    tell(&whole(EventKind::RunStarted { plan: described }))?;

    let (facts, mut arriving) = unbounded_channel();
    let mut waiting = plan.leaves.iter().enumerate();
    let mut running: JoinSet<Result<(), RunError>> = JoinSet::new();
    let mut tally = Tally::default();
    loop {
        while running.len() < jobs && config.cancel.urgency() == Urgency::None {
            let Some((number, leaf)) = waiting.next() else { break };
            let worker = LeafRun::new(spec, leaf, number as u32, config, start, facts.clone());
            running.spawn_local(worker.run());
        }
        if running.is_empty() {
            break;
        }
        tokio::select! {
            Some(event) = arriving.recv() => {
                if tally.note(&event) {
                    tell(&event)?;
                }
            }
            Some(ended) = running.join_next() => {
                ended.map_err(|error| RunError::Worker(io::Error::other(error)))??;
            }
        }
    }
    while let Ok(event) = arriving.try_recv() {
        if tally.note(&event) {
            tell(&event)?;
        }
    }
    for (number, leaf) in waiting {
        let kind = EventKind::LeafFinished { leaf: leaf.leaf.clone(), result: LeafResult::not_run() };
        let event = Event { leaf: Some(number as u32), at: start.elapsed(), kind };
        tally.note(&event);
        tell(&event)?;
    }
    let interrupted = config.cancel.urgency() != Urgency::None;
    let (totals, tests_duration) = (tally.totals, tally.duration);
    tell(&whole(EventKind::RunFinished { totals, duration: start.elapsed(), tests_duration, interrupted }))?;
    reporter.finish().map_err(RunError::Report)?;
    Ok(RunSummary { totals, interrupted })
}

/// Counts results as they pass.
#[derive(Default)]
struct Tally {
    totals: Totals,
    duration: Duration,
    notices: BTreeSet<String>,
}

impl Tally {
    /// False when the fact was told before: what a machine refuses it refuses every leaf.
    fn note(&mut self, event: &Event) -> bool {
        match &event.kind {
            EventKind::LeafFinished { result, .. } => {
                self.totals.count(result);
                self.duration += result.duration;
                true
            }
            EventKind::Notice { text } => self.notices.insert(text.clone()),
            _ => true,
        }
    }
}

/// Where what a leaf writes is copied to.
fn kept(config: &RunConfig, leaf: &LeafPlan) -> Option<Keep> {
    let run = (config.runs > 1).then_some(leaf.leaf.repeat + 1);
    config.keep_files.as_ref().map(|to| Keep::of_test(to, leaf.leaf.test.as_str(), run))
}

/// What is in the way of the files the plan's tests would keep, and is not of an earlier run.
pub fn kept_clashes(plan: &Plan, config: &RunConfig) -> Vec<PathBuf> {
    plan.leaves.iter().filter_map(|leaf| kept(config, leaf)?.foreign()).collect()
}

/// One leaf with its worker, or several when it must be started again.
struct LeafRun {
    job: Job,
    worker: Rc<(PathBuf, Vec<String>)>,
    cancel: Cancel,
    limit: Duration,
    run_start: Instant,
    facts: UnboundedSender<Event>,
}

/// How one worker ended.
enum WorkerEnd {
    Finished,
    Unprepared(Needs),
    /// It ended without a result.
    Lost(Failure, Outcome),
}

impl LeafRun {
    fn new(
        spec: &LoadedSpec,
        leaf: &LeafPlan,
        number: u32,
        config: &RunConfig,
        run_start: Instant,
        facts: UnboundedSender<Event>,
    ) -> LeafRun {
        let model = &spec.loaded.spec;
        let timeout = model.tests.get(leaf.test).and_then(|test| test.timeout).unwrap_or(config.timeout);
        LeafRun {
            job: Job {
                leaf: number,
                description: leaf.leaf.clone(),
                root: spec.root.clone(),
                files: spec.snapshot.clone(),
                needs: leaf.needs.clone(),
                names: model.services.iter().map(|service| service.name.to_string()).collect(),
                timeout: config.timeout,
                isolation: config.isolation,
                keep_files: kept(config, leaf),
            },
            worker: Rc::new((config.worker.clone(), config.worker_arguments.clone())),
            cancel: config.cancel.clone(),
            limit: timeout + readiness(model) + START_GRACE + BACKSTOP,
            run_start,
            facts,
        }
    }

    async fn run(mut self) -> Result<(), RunError> {
        self.tell(EventKind::LeafStarted { leaf: self.job.description.clone() });
        for _ in 0..MAX_RESTARTS {
            match self.attempt().await? {
                WorkerEnd::Finished => return Ok(()),
                WorkerEnd::Unprepared(needs) => {
                    self.job.needs.merge(&needs);
                    let reason = "the body asks for faults the leaf was not prepared for".to_owned();
                    self.tell(EventKind::LeafRestarted { reason });
                }
                WorkerEnd::Lost(failure, outcome) => {
                    self.lost(failure, outcome);
                    return Ok(());
                }
            }
        }
        let text = format!("the test's body asked for something new after {MAX_RESTARTS} starts");
        let failure = Failure::new(FailureKind::Evaluation, text, Some(self.job.description.span));
        self.lost(
            failure.help("declare its faults with fault_assumption, so that they are known before it runs"),
            Outcome::Error,
        );
        Ok(())
    }

    /// Starts one worker and passes its facts on until it is gone.
    async fn attempt(&self) -> Result<WorkerEnd, RunError> {
        let began = Instant::now();
        let others = orphans::children();
        let worker = spawn(&self.worker.0, &self.worker.1, &self.job).await.map_err(RunError::Worker)?;
        let WorkerProcess { mut child, mut lifeline, reports } = worker;
        let mut lines = BufReader::new(reports).lines();
        let mut end = None;
        let mut cancelling = self.cancel.urgency() >= Urgency::Cancel;
        if cancelling {
            ask_to_cancel(&mut lifeline).await;
        }
        let mut deadline = Box::pin(tokio::time::sleep(self.limit));
        loop {
            tokio::select! {
                line = lines.next_line() => match line {
                    Ok(Some(line)) => self.note(&line, began, &mut end),
                    Ok(None) | Err(_) => break,
                },
                () = &mut deadline => {
                    // ESRCH: it is gone already.
                    let _ = child.start_kill();
                    end.get_or_insert_with(|| self.overdue(cancelling));
                }
                () = self.cancel.at_least(Urgency::Cancel), if !cancelling => {
                    cancelling = true;
                    ask_to_cancel(&mut lifeline).await;
                    deadline = Box::pin(tokio::time::sleep(CANCEL_GRACE));
                }
                () = self.cancel.at_least(Urgency::Kill) => {
                    let _ = child.start_kill();
                    end.get_or_insert_with(|| self.overdue(true));
                    break;
                }
            }
        }
        let status = child.wait().await.ok();
        drop(lifeline);
        if self.job.isolation == Isolation::Host {
            // One leaf runs at a time, so whatever else descends from this process now is what a killed worker left.
            orphans::kill(&others);
        }
        Ok(end.unwrap_or_else(|| {
            let status = crate::service::process::describe(status);
            let text =
                format!("the worker of {} ended without a result: {status}", self.job.description.test);
            let failure = Failure::new(FailureKind::Crash, text, Some(self.job.description.span));
            WorkerEnd::Lost(failure, Outcome::Error)
        }))
    }

    fn note(&self, line: &str, began: Instant, end: &mut Option<WorkerEnd>) {
        match serde_json::from_str(line) {
            Ok(Message::Event(event)) => {
                if matches!(event.kind, EventKind::LeafFinished { .. }) {
                    *end = Some(WorkerEnd::Finished);
                }
                let at = began.duration_since(self.run_start) + event.at;
                // The receiver lives as long as the run.
                let _ = self.facts.send(Event { at, ..*event });
            }
            Ok(Message::Unprepared(needs)) => *end = Some(WorkerEnd::Unprepared(needs)),
            Err(error) => {
                self.tell(EventKind::Notice { text: format!("a worker said something unreadable: {error}") });
            }
        }
    }

    fn overdue(&self, cancelling: bool) -> WorkerEnd {
        if cancelling {
            return WorkerEnd::Lost(
                Failure::new(FailureKind::Interrupted, "interrupted", None),
                Outcome::NotRun,
            );
        }
        let text = format!("{} did not end within its limits and was killed", self.job.description.test);
        let failure = Failure::new(FailureKind::Timeout, text, Some(self.job.description.span));
        WorkerEnd::Lost(failure, Outcome::Timeout)
    }

    fn lost(&self, failure: Failure, outcome: Outcome) {
        let result = LeafResult { outcome, failure: Some(failure), ..LeafResult::not_run() };
        self.tell(EventKind::LeafFinished { leaf: self.job.description.clone(), result });
    }

    fn tell(&self, kind: EventKind) {
        let event = Event { leaf: Some(self.job.leaf), at: self.run_start.elapsed(), kind };
        // The receiver lives as long as the run.
        let _ = self.facts.send(event);
    }
}

async fn ask_to_cancel(lifeline: &mut tokio::process::ChildStdin) {
    // A worker that is gone needs no cancelling.
    let _ = lifeline.write_all(format!("{CANCEL}\n").as_bytes()).await;
    let _ = lifeline.flush().await;
}

/// The longest all healthchecks together may take.
fn readiness(spec: &Spec) -> Duration {
    let checks = spec.services.iter().filter_map(|service| service.healthcheck.as_ref());
    checks.map(|check| check.timeout).sum()
}

impl LoadedSpec {
    pub fn sources(&self) -> &SourceMap {
        &self.loaded.sources
    }
}
