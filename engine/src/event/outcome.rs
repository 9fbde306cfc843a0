//! How a leaf ended and why.

use super::Evidence;
use crate::text::Span;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// The final value of a test. One enum for terminal, JSON, JUnit, editor and exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    /// An assertion or expectation said no, or a service ended.
    Fail,
    /// We or the environment could not run it.
    Error,
    /// It took longer than its timeout.
    Timeout,
    /// It would have passed, but one of its faults never acted.
    Bypassed,
    /// It ended without telling anything.
    Inconclusive,
    /// Left out by the spec.
    Skipped,
    /// The run ended before its turn.
    NotRun,
}

/// Counts per outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    pub passed: usize,
    pub failed: usize,
    pub errors: usize,
    pub timeouts: usize,
    pub bypassed: usize,
    pub inconclusive: usize,
    pub skipped: usize,
    pub not_run: usize,
    /// Of those that passed, tests none of whose faults acted.
    pub not_fired: usize,
}

/// Everything known about an ended leaf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LeafResult {
    pub outcome: Outcome,
    /// From the start of the worker to its last event.
    pub duration: Duration,
    /// Why it did not pass.
    pub failure: Option<Failure>,
    /// One entry per written rule that was installed, in the order written.
    pub evidence: Vec<Evidence>,
    /// The scenario's return value in short.
    pub returned: Option<String>,
    /// How many assertions were judged.
    pub assertions: u32,
    /// It passed, and none of its faults acted.
    pub not_fired: bool,
}

/// Why a leaf did not pass: what, where, how it came about, and what to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    /// One line, such as `assert_eq failed: 404 != 503 (expected 503 from proxy)`.
    pub message: String,
    pub span: Option<Span>,
    /// A few words to stand under the mark.
    pub label: String,
    /// What was compared, as text, when it was a comparison.
    pub actual: Option<String>,
    pub expected: Option<String>,
    pub notes: Vec<Note>,
    pub help: Vec<String>,
}

/// A fact that explains a failure, with the place it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub text: String,
    pub span: Option<Span>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// An assertion in a body failed.
    Assertion,
    /// An assertion in an `expect` failed.
    Expectation,
    /// The body raised an error.
    Evaluation,
    /// A service did not become ready.
    Service,
    /// A service ended while the test ran.
    ServiceEnded,
    /// The machine refused something a run needs.
    Environment,
    Timeout,
    /// A fault never acted.
    Bypassed,
    /// The worker process crashed.
    Crash,
    Interrupted,
}

impl Outcome {
    /// True when the outcome lets a run end with exit code 0.
    pub fn is_good(self) -> bool {
        match self {
            Outcome::Pass | Outcome::Skipped => true,
            Outcome::Fail
            | Outcome::Error
            | Outcome::Timeout
            | Outcome::Bypassed
            | Outcome::Inconclusive
            | Outcome::NotRun => false,
        }
    }

    /// The word on a result line.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Pass => "PASS",
            Outcome::Fail => "FAIL",
            Outcome::Error => "ERROR",
            Outcome::Timeout => "TIMEOUT",
            Outcome::Bypassed => "BYPASSED",
            Outcome::Inconclusive => "INCONCLUSIVE",
            Outcome::Skipped => "SKIPPED",
            Outcome::NotRun => "NOT RUN",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl Totals {
    pub fn count(&mut self, result: &LeafResult) {
        self.not_fired += usize::from(result.not_fired);
        *match result.outcome {
            Outcome::Pass => &mut self.passed,
            Outcome::Fail => &mut self.failed,
            Outcome::Error => &mut self.errors,
            Outcome::Timeout => &mut self.timeouts,
            Outcome::Bypassed => &mut self.bypassed,
            Outcome::Inconclusive => &mut self.inconclusive,
            Outcome::Skipped => &mut self.skipped,
            Outcome::NotRun => &mut self.not_run,
        } += 1;
    }

    /// Tests that were run and did not come out good.
    pub fn bad(&self) -> usize {
        self.failed + self.errors + self.timeouts + self.bypassed
    }
}

impl LeafResult {
    /// A leaf that never ran.
    pub fn not_run() -> LeafResult {
        LeafResult {
            outcome: Outcome::NotRun,
            duration: Duration::ZERO,
            failure: None,
            evidence: Vec::new(),
            returned: None,
            assertions: 0,
            not_fired: false,
        }
    }
}

impl Failure {
    pub fn new(kind: FailureKind, message: impl Into<String>, span: Option<Span>) -> Failure {
        Failure {
            kind,
            message: message.into(),
            span,
            label: String::new(),
            actual: None,
            expected: None,
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    pub fn note(mut self, text: impl Into<String>, span: Option<Span>) -> Failure {
        self.notes.push(Note { text: text.into(), span });
        self
    }

    pub fn help(mut self, text: impl Into<String>) -> Failure {
        self.help.push(text.into());
        self
    }
}
