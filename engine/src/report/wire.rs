//! The form of events that other programs read, apart from the enum we change freely. Version 1.
//!
//! Every object has `v` (1), `event` (what happened), `atMs` (milliseconds since the leaf, or the run, started) and,
//! when it is about a leaf, `leaf` (its index in `run_started.leaves`). Keys are camelCase. A place is
//! `{path, line, column, endLine, endColumn}`, 0-based, columns in UTF-16 units, as the Language Server Protocol 3.17
//! counts by default. Readers must skip events and keys they do not know; a change that breaks them raises `v`.

use super::evidence::verdict;
use super::failure::kind_word;
use super::replay;
use crate::event::{
    Event, EventKind, Evidence, Failure, FaultWord, Leaf, LeafResult, MatrixPlan, Note, Outcome, Phase,
    RunPlan, ServiceEnd, Stream, Totals,
};
use crate::text::{SourceMap, Span};
use serde_json::{Map, Value, json};
use std::time::Duration;

const VERSION: u32 = 1;

/// The object for one event. `plan` is the run's, once it is known.
pub(super) fn event(event: &Event, plan: Option<&RunPlan>, sources: &SourceMap) -> Value {
    let mut object = Map::new();
    object.insert("v".to_owned(), json!(VERSION));
    let (name, body) = body(&event.kind, plan, sources);
    object.insert("event".to_owned(), json!(name));
    if let Some(leaf) = event.leaf {
        object.insert("leaf".to_owned(), json!(leaf));
    }
    object.insert("atMs".to_owned(), json!(millis(event.at)));
    if let Value::Object(body) = body {
        object.extend(body);
    }
    Value::Object(object)
}

/// Milliseconds with three decimals.
pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}

/// The word for an outcome in machine output.
pub(super) fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::Error => "error",
        Outcome::Timeout => "timeout",
        Outcome::Bypassed => "bypassed",
        Outcome::Inconclusive => "inconclusive",
        Outcome::Skipped => "skipped",
        Outcome::NotRun => "not_run",
    }
}

/// Name and keys of each event: one row per variant, so the whole form can be read in one place.
fn body(kind: &EventKind, plan: Option<&RunPlan>, sources: &SourceMap) -> (&'static str, Value) {
    let at = |span: &Span| place(sources, *span);
    match kind {
        EventKind::RunStarted { plan } => ("run_started", run_plan(plan, sources)),
        EventKind::Notice { text } => ("notice", json!({ "text": text })),
        EventKind::LeafStarted { leaf } => ("leaf_started", Value::Object(leaf_object(leaf, sources))),
        EventKind::PhaseEntered { phase } => ("phase", phase_object(phase)),
        EventKind::LeafRestarted { reason } => ("leaf_restarted", json!({ "reason": reason })),
        EventKind::ServiceStarted { service, pid } => {
            ("service_started", json!({ "service": service, "pid": pid }))
        }
        EventKind::ServiceReady { service, after } => {
            ("service_ready", json!({ "service": service, "afterMs": millis(*after) }))
        }
        EventKind::ServiceExited { service, status, end, cause } => {
            let (expected, allowed) = (*end == ServiceEnd::Asked, *end == ServiceEnd::Allowed);
            let object = json!({ "service": service, "status": status, "expected": expected, "allowed": allowed, "cause": cause });
            ("service_exited", object)
        }
        EventKind::ServiceOutput { service, stream, line } => {
            ("service_output", json!({ "service": service, "stream": stream_word(*stream), "line": line }))
        }
        EventKind::OutputLeftOut { service, lines, bytes } => {
            ("service_output_left_out", json!({ "service": service, "lines": lines, "bytes": bytes }))
        }
        EventKind::StepSent { step, target, method, summary, span } => (
            "step_sent",
            json!({ "step": step, "target": target, "method": method, "summary": summary, "place": at(span) }),
        ),
        EventKind::StepReceived { step, status, ok, error, body, duration } => {
            let took = millis(*duration);
            let object = json!({ "step": step, "status": status, "ok": ok, "error": error, "body": body, "durationMs": took });
            ("step_received", object)
        }
        EventKind::RuleInstalled { rule, target, text, span } => {
            ("rule_installed", json!({ "rule": rule, "target": target, "text": text, "place": at(span) }))
        }
        EventKind::RuleRemoved { rule } => ("rule_removed", json!({ "rule": rule })),
        EventKind::RuleFired { rule, target, word, action, operation, label, step, span } => (
            "rule_fired",
            json!({
                "rule": rule, "target": target, "word": fault_word(*word), "action": action,
                "operation": operation, "label": label, "step": step, "place": at(span),
            }),
        ),
        EventKind::ConnectionOpened { target, connection } => {
            ("connection_opened", json!({ "target": target, "connection": connection }))
        }
        EventKind::ConnectionClosed { target, connection, to_server, to_client } => {
            let (up, down) = (to_server, to_client);
            let object = json!({ "target": target, "connection": connection, "bytesToServer": up, "bytesToClient": down });
            ("connection_closed", object)
        }
        EventKind::ConnectionOpaque { target, connection, reason } => {
            ("connection_opaque", json!({ "target": target, "connection": connection, "reason": reason }))
        }
        EventKind::ConnectionFailed { target, reason } => {
            ("connection_failed", json!({ "target": target, "reason": reason }))
        }
        EventKind::Printed { text, span } => {
            ("printed", json!({ "text": text, "place": span.as_ref().map(at) }))
        }
        EventKind::AssertionPassed { span } => ("assertion_passed", json!({ "place": at(span) })),
        EventKind::Warning { failure } => ("warning", failure_object(failure, sources)),
        EventKind::LeafFinished { leaf, result } => ("leaf_finished", finished(leaf, result, plan, sources)),
        EventKind::RunFinished { totals, duration, tests_duration, interrupted } => {
            let (took, tests) = (millis(*duration), millis(*tests_duration));
            let totals = totals_object(totals);
            let object = json!({ "totals": totals, "durationMs": took, "testsDurationMs": tests, "interrupted": interrupted });
            ("run_finished", object)
        }
    }
}

// --- parts ---

fn place(sources: &SourceMap, span: Span) -> Value {
    let source = sources.get(span.file);
    let start = source.lines.utf16_position(&source.text, span.start);
    let end = source.lines.utf16_position(&source.text, span.end);
    json!({
        "path": source.path.display().to_string(),
        "line": start.line, "column": start.column, "endLine": end.line, "endColumn": end.column,
    })
}

fn run_plan(plan: &RunPlan, sources: &SourceMap) -> Value {
    let leaves: Vec<Value> =
        plan.leaves.iter().map(|leaf| Value::Object(leaf_object(leaf, sources))).collect();
    let matrix = |matrix: &MatrixPlan| {
        json!({
            "scenarios": matrix.scenarios, "faults": matrix.faults, "excluded": matrix.excluded,
            "place": place(sources, matrix.span),
        })
    };
    let matrices: Vec<Value> = plan.matrices.iter().map(matrix).collect();
    let described = plan.descriptions.iter();
    let descriptions: Map<String, Value> =
        described.map(|(name, description)| (name.to_string(), json!(description))).collect();
    json!({
        "spec": plan.spec, "jobs": plan.jobs, "runs": plan.runs, "leaves": leaves, "matrices": matrices,
        "descriptions": descriptions,
    })
}

fn leaf_object(leaf: &Leaf, sources: &SourceMap) -> Map<String, Value> {
    let cell =
        leaf.cell.map(|(matrix, row, column)| json!({ "matrix": matrix, "row": row, "column": column }));
    let mut object = Map::new();
    object.insert("test".to_owned(), json!(leaf.test));
    object.insert("seed".to_owned(), json!(leaf.seed));
    object.insert("repeat".to_owned(), json!(leaf.repeat));
    object.insert("place".to_owned(), place(sources, leaf.span));
    object.insert("cell".to_owned(), json!(cell));
    object
}

fn phase_object(phase: &Phase) -> Value {
    match phase {
        Phase::Preparing => json!({ "phase": "preparing" }),
        Phase::Starting(service) => json!({ "phase": "starting", "service": service }),
        Phase::Waiting(service) => json!({ "phase": "waiting", "service": service }),
        Phase::Scenario => json!({ "phase": "scenario" }),
        Phase::Expect => json!({ "phase": "expect" }),
        Phase::Stopping => json!({ "phase": "stopping" }),
    }
}

fn finished(leaf: &Leaf, result: &LeafResult, plan: Option<&RunPlan>, sources: &SourceMap) -> Value {
    let mut object = leaf_object(leaf, sources);
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put("outcome", json!(outcome_word(result.outcome)));
    put("durationMs", json!(millis(result.duration)));
    put("notFired", json!(result.not_fired));
    put("failure", json!(result.failure.as_ref().map(|failure| failure_object(failure, sources))));
    let evidence = result.evidence.iter().map(|each| evidence_object(each, sources)).collect();
    put("evidence", Value::Array(evidence));
    put("returned", json!(result.returned));
    put("assertions", json!(result.assertions));
    put("replay", json!(plan.map(|plan| replay::command(&plan.spec, leaf, ""))));
    Value::Object(object)
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

fn evidence_object(evidence: &Evidence, sources: &SourceMap) -> Value {
    let miss =
        evidence.near_miss.as_ref().map(|miss| json!({ "operation": miss.operation, "reason": miss.reason }));
    json!({
        "rule": evidence.rule, "assumption": evidence.assumption, "target": evidence.target,
        "action": evidence.action, "matcher": evidence.matcher, "label": evidence.label,
        "seen": evidence.seen, "matched": evidence.matched, "fired": evidence.fired,
        "ineffective": evidence.ineffective, "shortened": evidence.shortened, "unread": evidence.unread, "nearMiss": miss, "hits": evidence.hits, "summary": verdict(evidence),
        "place": place(sources, evidence.span),
    })
}

fn totals_object(totals: &Totals) -> Value {
    json!({
        "passed": totals.passed, "failed": totals.failed, "errors": totals.errors, "timeouts": totals.timeouts,
        "bypassed": totals.bypassed, "inconclusive": totals.inconclusive, "skipped": totals.skipped,
        "notRun": totals.not_run, "notFired": totals.not_fired,
    })
}

fn stream_word(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    }
}

fn fault_word(word: FaultWord) -> &'static str {
    match word {
        FaultWord::Respond => "respond",
        FaultWord::Error => "error",
        FaultWord::Delay => "delay",
        FaultWord::Drop => "drop",
        FaultWord::Deny => "deny",
        FaultWord::Allow => "allow",
        FaultWord::Change => "change",
    }
}
