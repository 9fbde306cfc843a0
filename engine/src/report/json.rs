//! The whole run as one JSON object, version 3: every key that version 2 readers use, and more beside them.
//!
//! Places (`place`, `test_place`) are 1-based with columns in characters, like `file` and `line` have always been.
//! `tests[].events` holds the objects of `--format jsonl`, whose places are 0-based as editors count.

use super::evidence::verdict;
use super::failure::kind_word;
use super::replay;
use super::reporter::Reporter;
use super::wire::{self, millis, outcome_word};
use crate::diagnostic::render::json::place;
use crate::event::{
    Event, EventKind, Evidence, Failure, FailureKind, LeafResult, MatrixPlan, Note, Outcome, RunPlan, Totals,
};
use crate::text::{SourceMap, Span};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::time::Duration;

const VERSION: u32 = 3;

/// Events kept of one leaf; later ones are counted as `events_dropped`, so that nothing can fill the memory.
const MAX_EVENTS: usize = 50_000;

/// What lines of services may take of the memory in the whole report, in bytes; after that each leaf keeps its last lines.
const OUTPUT_ROOM: usize = 64 * 1024 * 1024;

/// What a line takes besides its text.
const LINE_COST: usize = 600;

/// Lines of services kept of a leaf when there is no room any more.
const LAST_LINES: usize = 20;

/// The events of one leaf that has not ended.
#[derive(Default)]
struct Events {
    kept: Vec<Value>,
    dropped: usize,
    /// Lines of services for which there was no room, as places in `kept`.
    tight: VecDeque<usize>,
    /// Lines given up for later ones.
    lines_left_out: u64,
}

/// Collects the run and writes the object when it is over.
pub struct Json {
    out: Box<dyn Write + Send>,
    plan: Option<RunPlan>,
    notices: Vec<String>,
    warnings: BTreeMap<u32, Vec<Value>>,
    events: BTreeMap<u32, Events>,
    /// How much lines of services may still take.
    output_room: usize,
    /// By leaf: its outcome for the matrix, and its object under `tests`.
    tests: BTreeMap<u32, (LeafResult, Value)>,
    end: Option<(Totals, Duration, bool)>,
}

impl Json {
    pub fn new(out: Box<dyn Write + Send>) -> Json {
        Json {
            out,
            plan: None,
            notices: Vec::new(),
            warnings: BTreeMap::new(),
            events: BTreeMap::new(),
            output_room: OUTPUT_ROOM,
            tests: BTreeMap::new(),
            end: None,
        }
    }

    /// Keeps an event of a leaf that goes on.
    fn keep(&mut self, leaf: u32, event: &Event, sources: &SourceMap) {
        let events = self.events.entry(leaf).or_default();
        if events.kept.len() >= MAX_EVENTS {
            events.dropped += 1;
            return;
        }
        if let EventKind::ServiceOutput { line, .. } = &event.kind {
            let cost = line.len() + LINE_COST;
            if self.output_room >= cost {
                self.output_room -= cost;
            } else {
                events.tight.push_back(events.kept.len());
                if events.tight.len() > LAST_LINES
                    && let Some(oldest) = events.tight.pop_front()
                {
                    events.kept[oldest] = Value::Null;
                    events.lines_left_out += 1;
                }
            }
        }
        events.kept.push(wire::event(event, self.plan.as_ref(), sources));
    }

    /// The object of one ended leaf.
    fn test(&mut self, index: u32, result: &LeafResult, plan: &RunPlan, sources: &SourceMap) -> Value {
        let leaf = &plan.leaves[index as usize];
        let at = |span: Span| Value::Object(place(sources, span));
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
        put("name", json!(leaf.test));
        put("result", json!(outcome_word(result.outcome)));
        if let Some(failure) = &result.failure {
            put("reason", json!(failure.message));
            put("failure_type", json!(failure_type(failure.kind)));
            put("failure", failure_object(failure, sources));
            if let (Some(span), FailureKind::Assertion | FailureKind::Expectation) =
                (failure.span, failure.kind)
            {
                put("assertion", assertion(failure, span, sources));
            }
            if failure.kind == FailureKind::Expectation {
                put("expectation_violated", json!(true));
            }
        }
        put("seed", json!(leaf.seed));
        put("repeat", json!(leaf.repeat));
        put("duration_ms", json!(millis(result.duration)));
        put("return_value", json!(result.returned));
        put("replay_command", json!(replay::command(&plan.spec, leaf, "")));
        if result.outcome == Outcome::Bypassed {
            put("fault_bypassed", json!(true));
        }
        put("not_fired", json!(result.not_fired));
        let idle =
            result.evidence.iter().filter(|each| each.fired == 0).map(|each| rule(each, plan, sources));
        put("bypassed_rules", Value::Array(idle.collect()));
        put("faults", Value::Array(result.evidence.iter().map(|each| rule(each, plan, sources)).collect()));
        put("diagnostics", Value::Array(self.warnings.remove(&index).unwrap_or_default()));
        put("assertions", json!(result.assertions));
        put("test_place", at(leaf.span));
        let events = self.events.remove(&index).unwrap_or_default();
        // What was given up is null.
        put("events", Value::Array(events.kept.into_iter().filter(|event| !event.is_null()).collect()));
        if events.dropped > 0 {
            put("events_dropped", json!(events.dropped));
        }
        if events.lines_left_out > 0 {
            put("output_lines_left_out", json!(events.lines_left_out));
        }
        Value::Object(object)
    }

    fn report(&self, plan: &RunPlan) -> Value {
        let (totals, duration, interrupted) = self.end.unwrap_or((Totals::default(), Duration::ZERO, true));
        let tests: Vec<&Value> = self.tests.values().map(|(_, object)| object).collect();
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
        put("version", json!(VERSION));
        put("star_file", json!(plan.spec));
        put("duration_ms", json!(millis(duration)));
        put("pass", json!(totals.passed));
        put("fail", json!(totals.failed));
        put("error", json!(totals.errors));
        put("timeout", json!(totals.timeouts));
        put("bypassed", json!(totals.bypassed));
        put("inconclusive", json!(totals.inconclusive));
        put("skipped", json!(totals.skipped));
        put("not_run", json!(totals.not_run));
        put("not_fired", json!(totals.not_fired));
        put("interrupted", json!(interrupted));
        put("jobs", json!(plan.jobs));
        put("runs", json!(plan.runs));
        put("notices", json!(self.notices));
        put("tests", json!(tests));
        let matrices: Vec<Value> =
            plan.matrices.iter().enumerate().map(|(at, matrix)| self.matrix(at, matrix, plan)).collect();
        // Older readers know one matrix.
        if let Some(first) = matrices.first() {
            put("matrix", first.clone());
        }
        put("matrices", Value::Array(matrices));
        Value::Object(object)
    }

    fn matrix(&self, number: usize, matrix: &MatrixPlan, plan: &RunPlan) -> Value {
        let name = |names: &[String], at: usize| names.get(at).cloned().unwrap_or_default();
        let mut cells = Vec::new();
        let (mut passed, mut not_fired) = (0, 0);
        for (index, (result, _)) in &self.tests {
            let Some((of, row, column)) = plan.leaves[*index as usize].cell else { continue };
            if of != number {
                continue;
            }
            let pass = result.outcome == Outcome::Pass;
            passed += usize::from(pass);
            not_fired += usize::from(result.not_fired);
            cells.push(json!({
                "scenario": name(&matrix.scenarios, row), "fault": name(&matrix.faults, column),
                "passed": pass, "outcome": outcome_word(result.outcome), "duration_ms": millis(result.duration),
                "reason": result.failure.as_ref().map(|failure| &failure.message),
                "fired": !result.not_fired && result.evidence.iter().any(Evidence::is_proof),
            }));
        }
        let excluded: Vec<Value> = matrix
            .excluded
            .iter()
            .map(|&(row, column)| {
                json!({ "scenario": name(&matrix.scenarios, row), "fault": name(&matrix.faults, column) })
            })
            .collect();
        let (total, failed) = (cells.len(), cells.len() - passed);
        json!({
            "scenarios": matrix.scenarios, "faults": matrix.faults, "cells": cells, "excluded": excluded,
            "total": total, "passed": passed, "failed": failed, "not_fired": not_fired,
        })
    }
}

impl Reporter for Json {
    fn event(&mut self, event: &Event, sources: &SourceMap) -> io::Result<()> {
        match (&event.kind, event.leaf) {
            (EventKind::RunStarted { plan }, _) => self.plan = Some(plan.clone()),
            (EventKind::Notice { text }, _) => self.notices.push(text.clone()),
            (EventKind::RunFinished { totals, duration, interrupted, .. }, _) => {
                self.end = Some((*totals, *duration, *interrupted));
            }
            (EventKind::LeafFinished { result, .. }, Some(leaf)) => {
                let Some(plan) = self.plan.clone() else { return Ok(()) };
                let object = self.test(leaf, result, &plan, sources);
                self.tests.insert(leaf, (result.clone(), object));
            }
            (kind, Some(leaf)) => {
                match kind {
                    EventKind::LeafRestarted { .. } => {
                        self.events.remove(&leaf);
                        self.warnings.remove(&leaf);
                    }
                    EventKind::Warning { failure } => {
                        let finding = json!({ "level": "warning", "message": failure.message,
                            "failure": failure_object(failure, sources) });
                        self.warnings.entry(leaf).or_default().push(finding);
                    }
                    _ => {}
                }
                self.keep(leaf, event, sources);
            }
            (_, None) => {}
        }
        Ok(())
    }

    /// Writes what is known, even when the run never ended.
    fn finish(&mut self) -> io::Result<()> {
        let Some(plan) = self.plan.take() else { return Ok(()) };
        let report = self.report(&plan);
        serde_json::to_writer_pretty(&mut self.out, &report)?;
        writeln!(self.out)?;
        self.out.flush()
    }
}

// --- parts of a test's object ---

/// The classes version 2 had.
fn failure_type(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Assertion | FailureKind::Expectation | FailureKind::Bypassed => "assertion",
        FailureKind::Timeout => "timeout",
        FailureKind::Service => "service_start",
        FailureKind::Evaluation
        | FailureKind::ServiceEnded
        | FailureKind::Environment
        | FailureKind::Crash
        | FailureKind::Interrupted => "error",
    }
}

fn failure_object(failure: &Failure, sources: &SourceMap) -> Value {
    let at = |span: Option<Span>| span.map(|span| place(sources, span));
    let note = |note: &Note| json!({ "text": note.text, "place": at(note.span) });
    json!({
        "kind": kind_word(failure.kind), "message": failure.message, "place": at(failure.span),
        "label": failure.label, "actual": failure.actual, "expected": failure.expected,
        "notes": failure.notes.iter().map(note).collect::<Vec<_>>(), "help": failure.help,
    })
}

fn assertion(failure: &Failure, span: Span, sources: &SourceMap) -> Value {
    let source = sources.get(span.file);
    let line = source.lines.position(span.start).line;
    let func = sources.text(span).split('(').next().unwrap_or_default().trim().to_owned();
    json!({
        "func": func, "expected": failure.expected, "actual": failure.actual, "message": failure.message,
        "file": source.path.display().to_string(), "line": line + 1, "context": [source.line(line)],
    })
}

/// A rule's object; `service`, `syscall`, `action`, `hits` and `label` are version 2's.
fn rule(evidence: &Evidence, plan: &RunPlan, sources: &SourceMap) -> Value {
    let description = evidence.assumption.as_ref().and_then(|assumption| plan.description(assumption));
    let (service, interface) = match evidence.target.split_once('.') {
        Some((service, interface)) => (service, Some(interface)),
        None => (evidence.target.as_str(), None),
    };
    let syscall = interface.is_none().then(|| evidence.matcher.split(' ').next());
    json!({
        "rule": evidence.rule, "assumption": evidence.assumption, "description": description, "service": service, "interface": interface,
        "syscall": syscall, "action": evidence.action, "matcher": evidence.matcher, "label": evidence.label,
        "hits": evidence.fired, "seen": evidence.seen, "matched": evidence.matched,
        "ineffective": evidence.ineffective, "shortened": evidence.shortened, "unread": evidence.unread,
        "summary": verdict(evidence), "place": place(sources, evidence.span),
    })
}

#[cfg(test)]
mod tests {
    use super::{Json, LINE_COST, OUTPUT_ROOM};
    use crate::event::{Outcome, Stream};
    use crate::report::fixture::*;
    use crate::report::reporter::Reporter;

    #[test]
    fn the_report_is_the_golden_file() {
        let mut failed = result(Outcome::Fail, 57);
        failed.failure = Some(failure());
        failed.evidence = vec![evidence("api_503[0]", "api.public", "response 503", "POST /data/*", 1)];
        let mut cell_result = result(Outcome::Pass, 4);
        cell_result.not_fired = true;
        cell_result.evidence =
            vec![missed(evidence("x[0]", "db", "deny(EIO)", "write", 0), 3, "fsync 5", "fsync is not write")];
        let events = Run::of(vec![leaf("test_write_gets_503", 0), cell("test_matrix_a_x", 0, 0)])
            .matrix(&["a"], &["x", "y"], &[(0, 1)])
            .step(0, 2, "get", "GET /data/testkey", 404)
            .finished(1, cell_result)
            .finished(0, failed)
            .events(false);
        let text = written(|out| Box::new(Json::new(out)), &events);
        let golden = include_str!("golden/report.json");
        assert!(text == golden, "--- written\n{text}--- golden\n{golden}---");
    }

    #[test]
    fn lines_of_services_take_a_bounded_part_of_the_memory() {
        let mut json = Json::new(Box::new(std::io::sink()));
        let line = "x".repeat(60_000);
        let mut run = Run::of(vec![leaf("test_a", 0), leaf("test_b", 0)]);
        for number in 0..2000 {
            run = run.output(u32::from(number >= 1500), Stream::Stdout, &format!("{number} {line}"));
        }
        for event in run.events(true) {
            json.event(&event, &sources()).unwrap();
        }
        let lines = |leaf: u32| -> Vec<String> {
            let kept = json.events[&leaf].kept.iter().filter_map(|event| event["line"].as_str());
            kept.map(|line| line[..4].trim().to_owned()).collect()
        };
        let kept: usize = [0, 1].iter().map(|&leaf| lines(leaf).len()).sum();
        assert!(kept * (line.len() + LINE_COST) <= OUTPUT_ROOM + 40 * 70_000, "{kept}");
        assert_eq!(lines(0).last().map(String::as_str), Some("1499"));
        assert_eq!(lines(1).last().map(String::as_str), Some("1999"));
        assert_eq!(lines(1).len() as u64 + json.events[&1].lines_left_out, 500);
    }

    #[test]
    fn a_run_that_was_cut_off_still_makes_valid_json() {
        let mut events = Run::of(vec![leaf("test_a", 0)]).finished(0, result(Outcome::Pass, 1)).events(true);
        events.pop();
        let text = written(|out| Box::new(Json::new(out)), &events);
        let report: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&report["interrupted"], &report["tests"][0]["result"]), (&true.into(), &"pass".into()));
    }
}
