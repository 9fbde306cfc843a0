//! From the end of a body to the result of its leaf.

use super::services::Exit;
use crate::event::{Evidence, Failure, FailureKind, LeafResult};
use crate::expect::{Course, Demand, Demands, judge};
use crate::model::{AssumptionName, Spec, StepId, Test, TestKind};
use crate::spec::{Performed, SpecFailure, SpecFailureKind};
use crate::text::Span;
use std::time::Duration;

/// How a leaf's body came to an end.
pub(super) enum Ending {
    Performed(Performed),
    TimedOut {
        limit: Duration,
    },
    /// The services did not come up, or the machine refused something.
    Broken(Failure),
    /// Asked to stop from outside.
    Cancelled,
    /// The body asked for something the leaf was not prepared for.
    Unprepared,
}

impl Ending {
    /// Whether something went wrong that the death of a service may explain.
    pub(super) fn is_failure(&self) -> bool {
        match self {
            Ending::Performed(performed) => performed.failure.is_some(),
            Ending::TimedOut { .. } => true,
            Ending::Broken(_) | Ending::Cancelled | Ending::Unprepared => false,
        }
    }
}

/// Judges an ended body. `None` when there is nothing to judge: the leaf is started again.
pub(super) fn result(
    ending: Ending,
    spec: &Spec,
    test: &Test,
    course: &Course,
    evidence: Vec<Evidence>,
    exits: &[Exit],
    duration: Duration,
) -> Option<LeafResult> {
    let (failure, judged, returned, assertions) = match ending {
        Ending::Performed(performed) => {
            let returned = performed.returned.as_ref().map(|returned| returned.text.clone());
            let from = performed.returned.as_ref().and_then(|returned| returned.step);
            let judged = performed.failure.as_ref().and_then(|failure| judged_step(failure, from));
            let failure = performed.failure.map(|failure| failure_of(failure, exits));
            (failure, judged, returned, performed.assertions)
        }
        Ending::TimedOut { limit } => {
            let limit = crate::model::format_duration(limit);
            let mut failure = Failure::new(
                FailureKind::Timeout,
                format!("the test took longer than its {limit}"),
                Some(test.span),
            );
            if let Some(step) = course.steps.iter().rev().find(|step| step.reply.is_empty()) {
                let text = format!("step {} had no reply yet:   {}", step.step.0, step.summary);
                failure = failure.note(text, Some(step.span));
            }
            let failure = failure.help("raise timeout= or --timeout when the system needs longer");
            (Some(crashes(failure, exits)), None, None, 0)
        }
        Ending::Broken(failure) => (Some(failure), None, None, 0),
        Ending::Cancelled => {
            let failure = Failure::new(FailureKind::Interrupted, "interrupted", None);
            (Some(failure), None, None, 0)
        }
        Ending::Unprepared => return None,
    };
    let (outcome, failure) = judge(failure, judged, course, &evidence, &demands(spec, test));
    Some(LeafResult { outcome, duration, failure, evidence, returned, assertions })
}

/// The step whose reply the failing assertion looked at: the last one read, or the one the scenario returned.
fn judged_step(failure: &SpecFailure, returned: Option<StepId>) -> Option<StepId> {
    let same =
        |read: &&crate::spec::AttrRead| failure.actual.as_ref().is_some_and(|actual| read.value == *actual);
    let read = failure.reads.iter().rev().find(same).or(failure.reads.last());
    read.map(|read| read.step).or(returned)
}

fn failure_of(failure: SpecFailure, exits: &[Exit]) -> Failure {
    let kind = match failure.kind {
        SpecFailureKind::Assertion if failure.in_expect => FailureKind::Expectation,
        SpecFailureKind::Assertion => FailureKind::Assertion,
        SpecFailureKind::Fail => FailureKind::Assertion,
        SpecFailureKind::Evaluation | SpecFailureKind::Limit => FailureKind::Evaluation,
        SpecFailureKind::Cancelled | SpecFailureKind::Unprepared => FailureKind::Interrupted,
    };
    let mut out = Failure::new(kind, failure.message, failure.span);
    out.label = failure.label;
    out.actual = failure.actual;
    out.expected = failure.expected;
    out.help = failure.help;
    // The innermost place is marked already; builtins have no line of their own to show.
    let shown = failure.span;
    let elsewhere = |span: Span| shown.is_none_or(|mark| !covers(span, mark));
    // From the inside out, as the words "called from" read.
    for (name, span) in failure.stack.into_iter().rev().filter(|(_, span)| elsewhere(*span)) {
        out = out.note(format!("called from {name}"), Some(span));
    }
    crashes(out, exits)
}

fn covers(outer: Span, inner: Span) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end
}

/// Adds the services that died on the way.
fn crashes(mut failure: Failure, exits: &[Exit]) -> Failure {
    for exit in exits {
        failure = failure.note(
            format!("service {} ended during the test: {}", exit.service, exit.status),
            Some(exit.span),
        );
        for line in &exit.last_lines {
            failure = failure.note(format!("{} | {line}", exit.service), None);
        }
    }
    failure
}

/// Which assumptions must act: in a fault scenario every part that has rules, in a cell only when the matrix asks.
fn demands(spec: &Spec, test: &Test) -> Demands {
    let wanted = match &test.kind {
        TestKind::Body { .. } | TestKind::Scenario { .. } => false,
        TestKind::FaultScenario { may_miss, .. } => !may_miss,
        TestKind::Cell(cell) => {
            spec.matrices.get(cell.matrix).is_some_and(|matrix| matrix.require_faults_fire)
        }
    };
    let mut demands = Demands { each: Vec::new(), span: Some(test.span) };
    if wanted {
        test.faults().iter().for_each(|name| demand(spec, name, &mut demands.each));
    }
    demands
}

fn demand(spec: &Spec, name: &AssumptionName, into: &mut Vec<Demand>) {
    let Some(assumption) = spec.assumption(name).filter(|assumption| !assumption.may_miss) else { return };
    if !assumption.rules.is_empty() && !into.iter().any(|known| known.assumption == *name) {
        into.push(Demand { assumption: name.clone(), span: assumption.span });
    }
    assumption.parts.iter().for_each(|part| demand(spec, part, into));
}
