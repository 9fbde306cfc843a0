//! What happened in a leaf, as far as a verdict needs it.

use crate::model::{RuleName, StepId};
use crate::text::Span;

/// The steps a leaf made and the rules that acted, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Course {
    pub steps: Vec<StepRecord>,
    pub fired: Vec<FiredRule>,
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
    /// `answered`, `delayed`, `dropped`, `denied`.
    pub verb: &'static str,
    /// `POST /data/testkey`.
    pub operation: String,
    /// `503`, `500ms`, `EIO`.
    pub detail: String,
    /// The step that was under way on the same interface.
    pub step: Option<StepId>,
    /// True when the operation never reached the service.
    pub terminal: bool,
    pub span: Span,
}

impl Course {
    pub fn step(&self, id: StepId) -> Option<&StepRecord> {
        self.steps.iter().find(|record| record.step == id)
    }

    /// The rules that acted on a step.
    pub fn touched(&self, id: StepId) -> impl Iterator<Item = &FiredRule> {
        self.fired.iter().filter(move |fired| fired.step == Some(id))
    }
}
