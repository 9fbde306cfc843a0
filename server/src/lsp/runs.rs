//! Runs that go on or have ended: who asked, which tests, what they told.

use super::ext::{RunArgs, TestEvent, TestEventParams};
use super::outbox::Outbox;
use super::progress::Progress;
use super::results::{RunTexts, SpecResults, TestResult};
use super::run_child::{Canceller, Ended, Fact};
use super::wire::{Line, Totals};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use tower_lsp::lsp_types::Url;

/// How many runs are kept for `faultbox/trace`.
const MAX_RECORDED_RUNS: usize = 16;

/// How many lines of one run are kept, and how many bytes, of lines that services printed.
const MAX_RECORDED_LINES: usize = 20_000;
const MAX_RECORDED_BYTES: usize = 8 * 1024 * 1024;

/// How many lines of a run's last services' output stay when there is no room for all.
const LAST_OUTPUT_LINES: usize = 200;

/// How many lines of a run's error output a message quotes.
const MAX_LOG_LINES: usize = 12;

/// A run that goes on.
pub(super) struct Run {
    pub(super) id: String,
    pub(super) uri: Url,
    /// The root spec.
    pub(super) path: PathBuf,
    /// Names as asked for; `None` means all.
    pub(super) tests: Option<Vec<String>>,
    pub(super) texts: RunTexts,
    /// Taking it cancels the run.
    pub(super) canceller: Option<Canceller>,
    pub(super) progress: Progress,
    seq: u64,
    /// Full names, as the run listed them.
    leaves: Vec<String>,
    finished: usize,
    totals: Totals,
    /// Its first lines on standard error, for a run that does not get far.
    log: Vec<String>,
}

/// What was recorded of a run.
#[derive(Default)]
pub(super) struct Recording {
    id: String,
    /// Each as compact JSON, which takes a fraction of the memory of a value; empty where one was given up.
    events: Vec<Box<str>>,
    bytes: usize,
    /// Where lines of services are for which there was no room.
    tight: VecDeque<usize>,
    truncated: bool,
}

#[derive(Default)]
pub(super) struct RunTable {
    last: u64,
    pub(super) active: BTreeMap<String, Run>,
    recorded: VecDeque<Recording>,
}

impl RunTable {
    pub(super) fn next_id(&mut self) -> String {
        self.last += 1;
        format!("r{}", self.last)
    }

    /// Takes a run that starts; returns the one whose recording had to go for it.
    pub(super) fn insert(&mut self, run: Run) -> Option<String> {
        let id = run.id.clone();
        self.active.insert(id.clone(), run);
        self.start_recording(id)
    }

    fn start_recording(&mut self, id: String) -> Option<String> {
        self.recorded.push_back(Recording { id, ..Recording::default() });
        let is_full = self.recorded.len() > MAX_RECORDED_RUNS;
        let oldest = if is_full { self.recorded.pop_front() } else { None };
        oldest.map(|recording| recording.id)
    }

    /// Cancels one run, or every run; returns which.
    pub(super) fn cancel(&mut self, id: Option<&str>) -> Vec<String> {
        let chosen = self.active.values_mut().filter(|run| id.is_none_or(|id| id == run.id));
        chosen.filter_map(|run| run.canceller.take().map(|_| run.id.clone())).collect()
    }

    /// Cancels what runs a test of the new run already.
    pub(super) fn cancel_overlapping(&mut self, path: &Path, tests: Option<&[String]>) {
        for run in self.active.values_mut().filter(|run| run.path == path) {
            let shares = match (&run.tests, tests) {
                (Some(old), Some(new)) => {
                    old.iter().any(|name| new.iter().any(|other| same_test(name, other)))
                }
                _ => true,
            };
            if shares {
                run.canceller.take();
            }
        }
    }

    pub(super) fn record(&mut self, id: &str, event: &Value) {
        if let Some(recording) = self.recorded.iter_mut().find(|recording| recording.id == id) {
            recording.keep(event);
        }
    }

    /// The answer to `faultbox/trace`; `None` for a run that is not known any more.
    pub(super) fn trace(&self, id: &str, test: Option<&str>) -> Option<Value> {
        let recording = self.recorded.iter().find(|recording| recording.id == id)?;
        let kept = recording.events.iter().filter(|event| !event.is_empty());
        let events: Vec<Value> = kept.filter_map(|event| serde_json::from_str(event).ok()).collect();
        let leaves = events.iter().find_map(|event| event.get("leaves")?.as_array());
        let name = |leaf: &Value| leaf.get("test").and_then(Value::as_str).unwrap_or("").to_owned();
        let names: Vec<String> = leaves.into_iter().flatten().map(name).collect();
        let wanted = |event: &&Value| {
            let Some(test) = test else { return true };
            let leaf =
                event.get("leaf").and_then(Value::as_u64).and_then(|at| names.get(usize::try_from(at).ok()?));
            leaf.is_none_or(|name| same_test(name, test))
        };
        let events: Vec<&Value> = events.iter().filter(wanted).collect();
        let mut answer = json!({ "events": events });
        if recording.truncated {
            answer["truncated"] = json!(true);
        }
        Some(answer)
    }
}

impl Recording {
    /// Keeps an event. What services print is given up first, all but the last lines; how tests ended is always kept.
    fn keep(&mut self, event: &Value) {
        let word = event.get("event").and_then(Value::as_str).unwrap_or("");
        let text = event.to_string().into_boxed_str();
        let is_full = self.events.len() >= MAX_RECORDED_LINES;
        let is_output = word == "service_output";
        if is_output && (is_full || self.bytes + text.len() > MAX_RECORDED_BYTES) {
            self.truncated = true;
            if self.tight.len() == LAST_OUTPUT_LINES
                && let Some(oldest) = self.tight.pop_front()
            {
                self.events[oldest] = Box::default();
            }
            self.tight.push_back(self.events.len());
        } else if is_full && !matches!(word, "leaf_started" | "leaf_finished" | "run_finished") {
            self.truncated = true;
            return;
        }
        self.bytes += if is_output { text.len() } else { 0 };
        self.events.push(text);
    }
}

/// True when two names mean one test: `test_` may be left out.
pub(super) fn same_test(one: &str, other: &str) -> bool {
    let bare = |name: &str| name.strip_prefix("test_").unwrap_or(name).to_owned();
    bare(one) == bare(other)
}

/// The command line of a run, without the options only the server gives.
pub(super) fn arguments(
    path: &Path,
    args: &RunArgs,
    tests: Option<&[String]>,
    jobs: Option<NonZeroU32>,
) -> Vec<String> {
    let spec = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let mut arguments = vec!["test".to_owned(), spec];
    for test in tests.unwrap_or_default() {
        arguments.extend(["--test".to_owned(), test.clone()]);
    }
    if let Some(seed) = args.seed {
        arguments.extend(["--seed".to_owned(), seed.to_string()]);
    }
    if let Some(jobs) = jobs {
        arguments.extend(["--jobs".to_owned(), jobs.to_string()]);
    }
    arguments
}

/// What a fact changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) results: bool,
    pub(super) over: bool,
}

impl Run {
    pub(super) fn new(
        id: String,
        uri: Url,
        path: PathBuf,
        tests: Option<Vec<String>>,
        texts: RunTexts,
        canceller: Canceller,
        progress: Progress,
    ) -> Run {
        Run {
            id,
            uri,
            path,
            tests,
            texts,
            canceller: Some(canceller),
            progress,
            seq: 0,
            leaves: Vec::new(),
            finished: 0,
            totals: Totals::default(),
            log: Vec::new(),
        }
    }

    /// Sends the event to the client when it asked for events.
    pub(super) fn tell(&mut self, outbox: Option<&Outbox>, event: Value) {
        let seq = self.seq;
        self.seq += 1;
        if let Some(outbox) = outbox {
            let params = TestEventParams { run_id: self.id.clone(), seq, uri: self.uri.clone(), event };
            outbox.notify::<TestEvent>(params);
        }
    }

    /// Takes a fact into the results.
    pub(super) fn take(&mut self, fact: &Fact, results: &mut SpecResults) -> Change {
        match fact {
            Fact::Line(event) => Change { results: self.take_line(event, results), over: false },
            Fact::Log(text) => {
                if self.log.len() < MAX_LOG_LINES {
                    self.log.push(text.clone());
                }
                Change::default()
            }
            Fact::Ended(ended) => {
                self.end(ended, results);
                Change { results: true, over: true }
            }
        }
    }

    fn take_line(&mut self, event: &Value, results: &mut SpecResults) -> bool {
        use serde::Deserialize;
        match Line::deserialize(event) {
            Ok(Line::RunStarted { leaves }) => {
                self.leaves = leaves.into_iter().map(|leaf| leaf.test).collect();
                for test in &self.leaves {
                    results.tests.insert(test.clone(), TestResult::running(&self.id));
                }
                true
            }
            Ok(Line::LeafStarted(leaf)) => {
                self.progress.report(self.percent(), leaf.test);
                false
            }
            Ok(Line::Phase { leaf, phase, service }) => {
                let name = self.leaves.get(leaf).map_or("", String::as_str);
                let of = service.map(|service| format!(" {service}")).unwrap_or_default();
                self.progress.report(self.percent(), format!("{name}: {phase}{of}"));
                false
            }
            Ok(Line::LeafFinished(finished)) => {
                self.finished += 1;
                let result = TestResult::finished(&self.id, &finished, &self.texts);
                // Of several repeats, one that failed must not be hidden by a later one that passed.
                let keeps = results
                    .tests
                    .get(&finished.test)
                    .is_some_and(|old| old.run_id == self.id && old.is_bad() && !result.is_bad());
                if !keeps {
                    results.tests.insert(finished.test, result);
                }
                self.progress.report(self.percent(), self.tally());
                true
            }
            Ok(Line::RunFinished { totals }) => {
                self.totals = totals;
                false
            }
            // A line of a newer engine says something this server does not act on.
            Ok(Line::Other) | Err(_) => false,
        }
    }

    fn end(&mut self, ended: &Ended, results: &mut SpecResults) {
        results.tests.retain(|_, result| !(result.is_running() && result.run_id == self.id));
        self.progress.end(self.summary(ended));
    }

    /// How the run ended, in one line.
    pub(super) fn summary(&self, ended: &Ended) -> String {
        match (&ended.message, ended.cancelled) {
            (_, true) => "cancelled".to_owned(),
            (Some(message), false) => message.clone(),
            (None, false) if self.leaves.is_empty() => format!("nothing was run: {}", self.log.join("\n")),
            (None, false) => self.totals.sentence(),
        }
    }

    /// True when the run got as far as listing its tests.
    pub(super) fn has_run(&self) -> bool {
        !self.leaves.is_empty()
    }

    fn percent(&self) -> u32 {
        (self.finished * 100 / self.leaves.len().max(1)) as u32
    }

    fn tally(&self) -> String {
        format!("{} of {}", self.finished, self.leaves.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_of_one_test_keeps_what_is_about_the_whole_run() {
        let mut table = RunTable::default();
        table.start_recording("r1".to_owned());
        for event in [
            json!({"event": "run_started", "leaves": [{"test": "test_a"}, {"test": "test_b"}]}),
            json!({"event": "phase", "leaf": 0}),
            json!({"event": "phase", "leaf": 1}),
            json!({"event": "run_finished"}),
        ] {
            table.record("r1", &event);
        }
        let kept = |test| table.trace("r1", test).unwrap()["events"].as_array().unwrap().len();
        assert_eq!((kept(None), kept(Some("b"))), (4, 3));
        assert!(table.trace("r2", None).is_none());
    }

    #[test]
    fn a_chatty_service_leaves_room_for_how_its_test_ended() {
        let mut table = RunTable::default();
        table.start_recording("r1".to_owned());
        let long = "x".repeat(10_000);
        for number in 0..30_000 {
            let line = if number % 2 == 0 { &long } else { "y" };
            table.record("r1", &json!({"event": "service_output", "leaf": 0, "line": line}));
        }
        table.record("r1", &json!({"event": "leaf_finished", "leaf": 0}));
        let recording = &table.recorded[0];
        let kept: usize = recording.events.iter().map(|event| event.len()).sum();
        assert!(kept < MAX_RECORDED_BYTES + LAST_OUTPUT_LINES * 11_000, "{kept}");
        let answer = table.trace("r1", None).unwrap();
        assert_eq!(answer["truncated"], true);
        assert_eq!(answer["events"].as_array().unwrap().last().unwrap()["event"], "leaf_finished");
    }

    #[test]
    fn the_oldest_recording_goes_first_and_is_named() {
        let mut table = RunTable::default();
        let gone: Vec<String> =
            (0..MAX_RECORDED_RUNS + 2).filter_map(|at| table.start_recording(format!("r{at}"))).collect();
        assert_eq!(gone, ["r0", "r1"]);
        assert!(table.trace("r1", None).is_none() && table.trace("r2", None).is_some());
    }

    #[test]
    fn the_command_line_is_what_a_user_would_type() {
        let args = RunArgs {
            uri: Url::parse("file:///a/x.star").unwrap(),
            tests: None,
            all: false,
            failed: false,
            seed: Some(7),
        };
        let tests = ["write".to_owned()];
        let line = |jobs| arguments(Path::new("/a/x.star"), &args, Some(&tests), jobs);
        assert_eq!(line(None), ["test", "x.star", "--test", "write", "--seed", "7"]);
        assert_eq!(line(NonZeroU32::new(2))[6..], ["--jobs", "2"]);
    }
}
