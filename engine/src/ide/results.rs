//! What the last runs told about a file: an outcome per test, and what each rule did.

use crate::event::{Evidence, LeafResult, Outcome};
use crate::text::Span;
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything known from runs about one file. Spans are those of the text at hand; who keeps results moves them with
/// the edits and drops what an edit made stale.
#[derive(Debug, Clone, Default)]
pub struct RunResults {
    /// By full name.
    pub tests: BTreeMap<String, TestResult>,
    pub rules: Vec<RuleResult>,
}

/// How a test stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TestResult {
    Running,
    Ended {
        outcome: Outcome,
        duration: Duration,
        /// It passed, and none of its faults acted.
        not_fired: bool,
        /// Why it did not pass, in a few words.
        reason: Option<String>,
        /// There is a recording to show.
        has_trace: bool,
    },
}

/// What one written rule did in one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleResult {
    /// The full name of the test.
    pub test: String,
    /// The expression that made the rule.
    pub span: Span,
    pub fired: u64,
    /// Operations on the target while the rule was installed.
    pub seen: u64,
    /// Why it did not act on what came nearest, such as `path is not /data/key`.
    pub near_miss: Option<String>,
}

impl TestResult {
    /// The result of a leaf that ended.
    pub fn of(leaf: &LeafResult) -> TestResult {
        let failure = leaf.failure.as_ref();
        let compared = failure.and_then(|failure| {
            let (actual, expected) = (failure.actual.as_ref()?, failure.expected.as_ref()?);
            Some(format!("{actual} != {expected}"))
        });
        let reason = compared.or_else(|| failure.map(|failure| failure.message.clone()));
        let (outcome, duration, not_fired) = (leaf.outcome, leaf.duration, leaf.not_fired);
        TestResult::Ended { outcome, duration, not_fired, reason, has_trace: true }
    }
}

impl RuleResult {
    /// What a rule did; `span` is its place in the text at hand.
    pub fn of(test: &str, evidence: &Evidence, span: Span) -> RuleResult {
        RuleResult {
            test: test.to_owned(),
            span,
            fired: evidence.fired,
            seen: evidence.seen,
            near_miss: evidence.near_miss.as_ref().map(|miss| miss.reason.clone()),
        }
    }
}
