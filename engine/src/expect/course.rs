//! What happened in a leaf, as far as a verdict needs it.

use crate::model::{RuleName, StepId};
use crate::text::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The steps a leaf made and the rules that acted, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Course {
    pub steps: Vec<StepRecord>,
    /// The first acts of each rule.
    pub fired: Vec<FiredRule>,
    /// The last act of each rule.
    pub latest: BTreeMap<RuleName, FiredRule>,
    /// Steps of which a rule settled what came of them.
    pub settled: BTreeSet<StepId>,
}

/// One step with its reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    pub step: StepId,
    /// The interface it was made on, `api.public`.
    pub target: String,
    /// `GET /data/testkey`.
    pub summary: String,
    /// `404 "not found"`, or the transport error; empty while no reply has come.
    pub reply: String,
    pub span: Span,
}

/// One act of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiredRule {
    pub rule: RuleName,
    /// The interface or service it acted on: `api.public`, `db`.
    pub target: String,
    /// Since the leaf started.
    pub at: Duration,
    /// As evidence writes it: `response 503`, `deny(EIO)`.
    pub action: String,
    /// `answered`, `delayed`, `dropped`, `denied`.
    pub verb: &'static str,
    /// `POST /data/testkey`.
    pub operation: String,
    /// `503`, `500ms`, `deny(EIO)`.
    pub detail: String,
    /// The step whose own traffic it acted on.
    pub step: Option<StepId>,
    pub span: Span,
}

impl Course {
    pub fn step(&self, id: StepId) -> Option<&StepRecord> {
        self.steps.iter().find(|record| record.step == id)
    }

    /// How many steps there are, for a step's number to be read against; `None` when branches of `parallel` left gaps.
    pub fn count(&self) -> Option<usize> {
        let last = self.steps.iter().map(|record| record.step.0).max()?;
        (usize::try_from(last) == Ok(self.steps.len())).then_some(self.steps.len())
    }
}
