//! Proof that a rule acted, or why it did not.

use crate::model::{AssumptionName, RuleName};
use crate::text::Span;
use serde::{Deserialize, Serialize};

/// What one written rule saw and did in one leaf.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub rule: RuleName,
    /// The assumption it belongs to, `None` for a rule written in a test's body.
    pub assumption: Option<AssumptionName>,
    /// `api.public` or `db`.
    pub target: String,
    /// `response 503`, `write delay 200ms` and the like.
    pub action: String,
    /// `POST /data/*`.
    pub matcher: String,
    pub label: Option<String>,
    /// Operations on the target while the rule was installed.
    pub seen: u64,
    /// Operations its matcher fits.
    pub matched: u64,
    /// Operations it acted on.
    pub fired: u64,
    /// The operation it came nearest to, when it never fired.
    pub near_miss: Option<NearMiss>,
    /// The first operations it acted on, as people read them.
    pub hits: Vec<String>,
    pub span: Span,
}

/// An operation a rule did not act on, and the first reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearMiss {
    /// `POST /data/testkey`.
    pub operation: String,
    /// `path is not /data/key`.
    pub reason: String,
}
