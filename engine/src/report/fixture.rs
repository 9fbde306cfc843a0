//! A small spec and the events of a run over it, for the tests of all reporters.

use super::reporter::Reporter;
use crate::event::{
    Event, EventKind, Evidence, Failure, FailureKind, Leaf, LeafResult, MatrixPlan, NearMiss, Outcome,
    RunPlan, Stream, Totals,
};
use crate::model::{RuleName, StepId};
use crate::text::{FileId, Source, SourceMap, Span};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const SPEC: &str = r#"def write_gets():
    api.public.post("/data/testkey", body = "x")
    return api.public.get("/data/testkey")

api_503 = fault_assumption("api_503", target = api.public, rules = [
    response(method = "POST", path = "/data/*", status = 503),
])
fault_scenario("write_gets_503", scenario = write_gets, faults = api_503,
    expect = lambda r: assert_eq(r.status, 503, "expected 503 from proxy"))
"#;

pub(crate) fn sources() -> SourceMap {
    let mut sources = SourceMap::default();
    sources.add(Source::new("protocol-test.star", SPEC));
    sources
}

/// The place of the first `text` in [`SPEC`].
pub(crate) fn at(text: &str) -> Span {
    let start = SPEC.find(text).expect("the text is in the spec") as u32;
    Span::new(FileId(0), start, start + text.len() as u32)
}

pub(crate) fn leaf(test: &str, seed: u64) -> Leaf {
    Leaf { test: test.into(), seed, repeat: 0, span: at("fault_scenario"), cell: None }
}

pub(crate) fn cell(test: &str, row: usize, column: usize) -> Leaf {
    Leaf { cell: Some((0, row, column)), ..leaf(test, 0) }
}

pub(crate) fn result(outcome: Outcome, millis: u64) -> LeafResult {
    LeafResult {
        outcome,
        duration: Duration::from_millis(millis),
        failure: None,
        evidence: Vec::new(),
        returned: None,
        assertions: 1,
        not_fired: false,
    }
}

pub(crate) fn evidence(rule: &str, target: &str, action: &str, matcher: &str, fired: u64) -> Evidence {
    let assumption = rule.split_once('[').map(|(name, _)| name.into());
    Evidence {
        rule: RuleName(rule.into()),
        assumption,
        target: target.to_owned(),
        action: action.to_owned(),
        matcher: matcher.to_owned(),
        label: None,
        seen: fired,
        matched: fired,
        fired,
        near_miss: None,
        ineffective: 0,
        shortened: 0,
        unread: Vec::new(),
        hits: Vec::new(),
        span: at("response(method"),
    }
}

pub(crate) fn missed(evidence: Evidence, seen: u64, operation: &str, reason: &str) -> Evidence {
    let near_miss = Some(NearMiss { operation: operation.to_owned(), reason: reason.to_owned() });
    Evidence { seen, matched: 0, fired: 0, near_miss, ..evidence }
}

/// The failure of `screens.md`: the expectation judged the GET's reply.
pub(crate) fn failure() -> Failure {
    let message = "assert_eq failed: 404 != 503 (expected 503 from proxy)";
    let mut failure = Failure::new(FailureKind::Expectation, message, Some(at("assert_eq(r.status, 503")))
        .note(
            "r is the reply to step 2 of 2:   GET /data/testkey -> 404 \"not found\"",
            Some(at("api.public.get")),
        )
        .note("rule api_503[0] (line 6) answered step 1:   POST /data/testkey -> 503", None)
        .help("the scenario returns the GET; return the POST's reply, or assert on it inside the scenario");
    failure.label = "r.status is 404".to_owned();
    failure.actual = Some("404".to_owned());
    failure.expected = Some("503".to_owned());
    failure
}

/// A run under construction: events with made-up times.
pub(crate) struct Run {
    plan: RunPlan,
    events: Vec<Event>,
    totals: Totals,
}

impl Run {
    pub(crate) fn of(leaves: Vec<Leaf>) -> Run {
        let runs = leaves.iter().map(|leaf| leaf.repeat + 1).max().unwrap_or(1);
        let plan = RunPlan {
            leaves,
            matrices: Vec::new(),
            jobs: 2,
            runs,
            spec: "protocol-test.star".to_owned(),
            descriptions: vec![("api_503".into(), "the shop is closed".to_owned())],
        };
        Run { plan, events: Vec::new(), totals: Totals::default() }
    }

    pub(crate) fn matrix(mut self, scenarios: &[&str], faults: &[&str], excluded: &[(usize, usize)]) -> Run {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        self.plan.matrices.push(MatrixPlan {
            scenarios: owned(scenarios),
            faults: owned(faults),
            excluded: excluded.to_vec(),
            span: at("fault_scenario"),
        });
        self
    }

    pub(crate) fn event(mut self, leaf: u32, millis: u64, kind: EventKind) -> Run {
        self.events.push(Event { leaf: Some(leaf), at: Duration::from_millis(millis), kind });
        self
    }

    pub(crate) fn output(self, leaf: u32, stream: Stream, line: &str) -> Run {
        let line = line.to_owned();
        self.event(leaf, 5, EventKind::ServiceOutput { service: "db".into(), stream, line })
    }

    pub(crate) fn step(self, leaf: u32, number: u32, method: &str, summary: &str, status: i64) -> Run {
        let step = StepId(number);
        let sent = EventKind::StepSent {
            step,
            target: "api.public".to_owned(),
            method: method.to_owned(),
            summary: summary.to_owned(),
            span: at("api.public.get"),
        };
        let received = EventKind::StepReceived {
            step,
            status,
            ok: true,
            error: String::new(),
            body: "not found".to_owned(),
            duration: Duration::from_micros(1500),
        };
        self.event(leaf, 10, sent).event(leaf, 12, received)
    }

    pub(crate) fn finished(mut self, leaf: u32, result: LeafResult) -> Run {
        self.totals.count(&result);
        let at = result.duration.as_millis() as u64;
        let kind = EventKind::LeafFinished { leaf: self.plan.leaves[leaf as usize].clone(), result };
        self.event(leaf, at, kind)
    }

    /// Every event, the run's start and end included.
    pub(crate) fn events(self, interrupted: bool) -> Vec<Event> {
        let mut totals = self.totals;
        let ended = self.events.iter().filter(|event| matches!(event.kind, EventKind::LeafFinished { .. }));
        totals.not_run += self.plan.leaves.len() - ended.count();
        let about_run = |at, kind| Event { leaf: None, at, kind };
        let mut events = vec![about_run(Duration::ZERO, EventKind::RunStarted { plan: self.plan })];
        events.extend(self.events);
        let (duration, tests_duration) = (Duration::from_millis(2120), Duration::from_millis(5040));
        let end = EventKind::RunFinished { totals, duration, tests_duration, interrupted };
        events.push(about_run(duration, end));
        events
    }
}

/// A writer whose text can be read while the reporter owns it.
#[derive(Clone, Default)]
pub(crate) struct Page(Arc<Mutex<Vec<u8>>>);

impl Page {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything the reporter writes about the events.
pub(crate) fn written(
    make: impl FnOnce(Box<dyn Write + Send>) -> Box<dyn Reporter>,
    events: &[Event],
) -> String {
    let page = Page::default();
    let mut reporter = make(Box::new(page.clone()));
    let sources = sources();
    for event in events {
        reporter.event(event, &sources).unwrap();
    }
    reporter.finish().unwrap();
    page.text()
}
