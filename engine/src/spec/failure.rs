//! Why an evaluation ended early: a failed assertion, a refusal of the world, or a finding about the text.

use super::stage::Refusal;
use crate::diagnostic::Diagnostic;
use crate::model::StepId;
use crate::text::Span;
use std::fmt;

/// Why a performance did not end well.
#[derive(Debug, Clone, PartialEq)]
pub struct SpecFailure {
    pub kind: SpecFailureKind,
    pub message: String,
    /// The judged expression, else the call that failed.
    pub span: Option<Span>,
    /// Words for under the mark, such as "`r.status` is 404"; may be empty.
    pub label: String,
    pub actual: Option<String>,
    pub expected: Option<String>,
    /// True when it happened in the expectation, not in the scenario.
    pub in_expect: bool,
    /// What was read of replies since the last assertion that held, oldest first.
    pub reads: Vec<AttrRead>,
    /// Functions that were being called, outermost first, each with the call's place.
    pub stack: Vec<(String, Span)>,
    pub help: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecFailureKind {
    /// `assert_*` or an expectation factory said no.
    Assertion,
    /// The spec's own code went wrong.
    Evaluation,
    /// `fail(...)`.
    Fail,
    /// Steps, memory or nesting beyond the limit.
    Limit,
    Cancelled,
    /// The leaf was not prepared for what the body asked.
    Unprepared,
}

/// One attribute of a reply that the spec looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttrRead {
    pub step: StepId,
    pub attr: String,
    /// The value as a spec would write it, cut after 200 characters.
    pub value: String,
}

impl SpecFailure {
    pub(super) fn new(kind: SpecFailureKind, message: impl Into<String>, span: Option<Span>) -> SpecFailure {
        SpecFailure {
            kind,
            message: message.into(),
            span,
            label: String::new(),
            actual: None,
            expected: None,
            in_expect: false,
            reads: Vec::new(),
            stack: Vec::new(),
            help: Vec::new(),
        }
    }

    /// The failure a refusal of the world amounts to.
    pub(super) fn refused(refusal: Refusal, span: Span) -> SpecFailure {
        let (kind, message) = match refusal {
            Refusal::NotInTest => (SpecFailureKind::Evaluation, "nothing runs while a spec loads".to_owned()),
            Refusal::Cancelled => (SpecFailureKind::Cancelled, "the test was cancelled".to_owned()),
            Refusal::Unprepared => {
                (SpecFailureKind::Unprepared, "the test was not prepared for this".to_owned())
            }
            Refusal::Failed(text) => (SpecFailureKind::Evaluation, text),
        };
        SpecFailure::new(kind, message, Some(span))
    }
}

/// Ends an evaluation from inside a builtin.
#[derive(Debug)]
pub(super) enum Stop {
    /// An error Starlark made.
    Starlark(starlark::Error),
    /// A finding that ends the evaluation.
    Finding(Box<Diagnostic>),
    Failure(Box<SpecFailure>),
}

/// Carries a [`Stop`] through Starlark, which knows only its own error type.
#[derive(Debug, Clone)]
pub(super) enum Interruption {
    Finding(Box<Diagnostic>),
    Failure(Box<SpecFailure>),
}

impl fmt::Display for Interruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Interruption::Finding(finding) => f.write_str(&finding.message),
            Interruption::Failure(failure) => f.write_str(&failure.message),
        }
    }
}

impl std::error::Error for Interruption {}

impl From<starlark::Error> for Stop {
    fn from(error: starlark::Error) -> Stop {
        Stop::Starlark(error)
    }
}

impl From<Diagnostic> for Stop {
    fn from(finding: Diagnostic) -> Stop {
        Stop::Finding(Box::new(finding))
    }
}

impl From<SpecFailure> for Stop {
    fn from(failure: SpecFailure) -> Stop {
        Stop::Failure(Box::new(failure))
    }
}

impl From<Stop> for starlark::Error {
    fn from(stop: Stop) -> starlark::Error {
        match stop {
            Stop::Starlark(error) => error,
            Stop::Finding(finding) => starlark::Error::new_native(Interruption::Finding(finding)),
            Stop::Failure(failure) => starlark::Error::new_native(Interruption::Failure(failure)),
        }
    }
}
