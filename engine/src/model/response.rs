//! A step a test makes and what came back.

use super::data::Data;
use super::ids::{Endpoint, StepId};
use crate::text::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// A call of a test on an interface, its arguments checked against the protocol's schema.
#[derive(Debug, Clone)]
pub struct StepCall {
    pub endpoint: Endpoint,
    /// A step name of the protocol's schema, such as `post`.
    pub method: &'static str,
    /// Values by parameter name; absent ones have their default.
    pub args: BTreeMap<&'static str, Data>,
    /// The call in the spec.
    pub span: Span,
}

/// What a step gives back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepReply {
    pub step: StepId,
    /// HTTP status; 0 for other protocols and when no answer came.
    pub status: i64,
    /// The answer as text.
    pub body: String,
    /// The answer's bytes where they are not the text's alone: before it was decoded and trimmed.
    pub raw: Option<Vec<u8>>,
    /// The answer as data: decoded JSON, rows, or the text itself.
    pub data: Data,
    /// Header names as received, values as text.
    pub headers: Vec<(String, String)>,
    /// True when an answer came, whatever it says.
    pub ok: bool,
    /// Transport or protocol error, else empty.
    pub error: String,
    pub duration: Duration,
}

impl StepReply {
    /// The reply of a step that got no answer.
    pub fn failed(step: StepId, error: impl Into<String>, duration: Duration) -> StepReply {
        StepReply {
            step,
            status: 0,
            body: String::new(),
            raw: None,
            data: Data::None,
            headers: Vec::new(),
            ok: false,
            error: error.into(),
            duration,
        }
    }
}
