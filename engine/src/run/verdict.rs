//! From the end of a body to the result of its leaf.

use super::exits::{self, Exit};
use super::faults::Proof;
use crate::event::{Evidence, Failure, FailureKind, LeafResult, Outcome};
use crate::expect::{Course, Demand, judge};
use crate::model::{AssumptionName, Spec, StepId, Test, TestKind};
use crate::spec::{Performed, SpecFailure, SpecFailureKind};
use crate::text::Span;
use std::ops::Range;
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
    /// Whether there is something to judge.
    pub(super) fn is_judged(&self) -> bool {
        match self {
            Ending::Performed(_) | Ending::TimedOut { .. } => true,
            Ending::Broken(_) | Ending::Cancelled | Ending::Unprepared => false,
        }
    }

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
    proof: Proof,
    exits: &[Exit],
    duration: Duration,
) -> Option<LeafResult> {
    let (failure, judged, returned, assertions) = match ending {
        Ending::Performed(performed) => {
            let returned = performed.returned.as_ref().map(|returned| returned.text.clone());
            let from = performed.returned.as_ref().and_then(|returned| returned.step);
            let judged = performed.failure.as_ref().and_then(|failure| judged_step(failure, from));
            let failure = performed.failure.map(|failure| exits::explained(failure_of(failure), exits));
            let failure = failure.or_else(|| exits::failure(exits));
            (failure, judged, returned, performed.assertions)
        }
        Ending::TimedOut { limit } => {
            let limit = crate::model::format_duration(limit);
            let mut failure = Failure::new(
                FailureKind::Timeout,
                format!("the test took longer than its {limit}"),
                Some(test.span),
            );
            let unanswered = course.steps.iter().filter(|step| step.reply.is_empty());
            if let Some(step) = unanswered.max_by_key(|step| step.step) {
                let text = format!("step {} had no reply yet:   {}", step.step.0, step.summary);
                failure = failure.note(text, Some(step.span));
            }
            let failure = failure.help("raise timeout= or --timeout when the system needs longer");
            (Some(exits::explained(failure, exits)), None, None, 0)
        }
        Ending::Broken(failure) => (Some(failure), None, None, 0),
        Ending::Cancelled => {
            let failure = Failure::new(FailureKind::Interrupted, "interrupted", None);
            (Some(failure), None, None, 0)
        }
        Ending::Unprepared => return None,
    };
    let demands = demands(spec, test, &proof);
    let (outcome, failure) = judge(failure, judged, course, &proof.evidence, &demands);
    let not_fired = outcome == Outcome::Pass && not_fired(test, &proof);
    let evidence = proof.evidence;
    Some(LeafResult { outcome, duration, failure, evidence, returned, assertions, not_fired })
}

/// The step whose reply the failing assertion looked at: the last one read, or the one the scenario returned.
fn judged_step(failure: &SpecFailure, returned: Option<StepId>) -> Option<StepId> {
    let same =
        |read: &&crate::spec::AttrRead| failure.actual.as_ref().is_some_and(|actual| read.value == *actual);
    let read = failure.reads.iter().rev().find(same).or(failure.reads.last());
    read.map(|read| read.step).or(returned)
}

fn failure_of(failure: SpecFailure) -> Failure {
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
    out
}

fn covers(outer: Span, inner: Span) -> bool {
    outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end
}

/// Which rules must act: in a fault scenario one of every part that has rules, in a cell only when the matrix asks, and
/// one of every call in the test that installs rules.
fn demands(spec: &Spec, test: &Test, proof: &Proof) -> Vec<Demand> {
    let (declared, called) = match &test.kind {
        TestKind::Body { .. } | TestKind::Scenario { .. } => (false, true),
        TestKind::FaultScenario { may_miss, .. } => (!may_miss, !may_miss),
        TestKind::Cell(cell) => {
            let asks = spec.matrices.get(cell.matrix).is_some_and(|matrix| matrix.require_faults_fire);
            (asks, true)
        }
    };
    let mut demands = Vec::new();
    for (call, places) in &proof.installed {
        match call {
            None if declared => {
                let parts = test.faults().iter();
                parts.for_each(|name| demand(spec, name, test.span, (proof, places), &mut demands));
            }
            Some(call) if called && !call.may_miss => match &call.assumption {
                Some(name) => demand(spec, name, call.span, (proof, places), &mut demands),
                None => demands.push(Demand {
                    name: format!("{}() on {}", call.name, call.target),
                    rules: places.clone().collect(),
                    span: call.span,
                }),
            },
            _ => {}
        }
    }
    demands
}

/// Asks for an act of every part of an assumption whose rules stand at `places` of the evidence. `span` is where it was
/// asked for.
fn demand(
    spec: &Spec,
    name: &AssumptionName,
    span: Span,
    (proof, places): (&Proof, &Range<usize>),
    into: &mut Vec<Demand>,
) {
    let Some(assumption) = spec.assumption(name).filter(|assumption| !assumption.may_miss) else { return };
    let own = |at: &usize| proof.evidence[*at].assumption.as_ref() == Some(name);
    let rules: Vec<usize> = places.clone().filter(own).collect();
    let known = |demand: &Demand| demand.rules == rules;
    if !rules.is_empty() && !into.iter().any(known) {
        into.push(Demand { name: name.to_string(), rules, span });
    }
    assumption.parts.iter().for_each(|part| demand(spec, part, span, (proof, places), into));
}

/// True when the faults of a passed test never acted: those it is declared with, or, when there are none, those of the
/// calls in it.
fn not_fired(test: &Test, proof: &Proof) -> bool {
    let is_declared = !test.faults().is_empty();
    let of_test = proof.installed.iter().filter(|(call, _)| call.is_none() == is_declared);
    let rules: Vec<&Evidence> = of_test.flat_map(|(_, places)| &proof.evidence[places.clone()]).collect();
    !rules.is_empty() && !rules.iter().any(|rule| rule.is_proof())
}
