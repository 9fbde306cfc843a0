//! Reading `faultbox test --format jsonl`: the parts of each line this server acts on. `report/wire.rs` of the engine
//! writes them and documents the form; unknown events and keys are skipped.

use faultbox_engine::event::Outcome;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use std::path::PathBuf;

#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Line {
    RunStarted {
        leaves: Vec<LeafLine>,
    },
    LeafStarted(LeafLine),
    Phase {
        leaf: usize,
        phase: String,
        #[serde(default)]
        service: Option<String>,
    },
    LeafFinished(Finished),
    RunFinished {
        totals: Totals,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
pub(super) struct LeafLine {
    pub(super) test: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finished {
    pub(super) test: String,
    pub(super) outcome: Outcome,
    #[serde(deserialize_with = "milliseconds")]
    pub(super) duration_ms: f64,
    #[serde(default)]
    pub(super) not_fired: bool,
    #[serde(default)]
    pub(super) failure: Option<FailureLine>,
    #[serde(default)]
    pub(super) evidence: Vec<EvidenceLine>,
}

/// Reads a number with a fraction. The starlark crate turns on serde_json's arbitrary precision, under which a tagged
/// enum cannot hold an `f64` by itself, only a [`Number`].
fn milliseconds<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let number = Number::deserialize(from)?;
    number.as_f64().ok_or_else(|| D::Error::custom("not a number of milliseconds"))
}

#[derive(Debug, Deserialize)]
pub(super) struct FailureLine {
    pub(super) message: String,
    #[serde(default)]
    pub(super) place: Option<Place>,
    #[serde(default)]
    pub(super) label: String,
    #[serde(default)]
    pub(super) actual: Option<String>,
    #[serde(default)]
    pub(super) expected: Option<String>,
    #[serde(default)]
    pub(super) notes: Vec<NoteLine>,
    #[serde(default)]
    pub(super) help: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NoteLine {
    pub(super) text: String,
    #[serde(default)]
    pub(super) place: Option<Place>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NearMissLine {
    pub(super) reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EvidenceLine {
    pub(super) rule: String,
    pub(super) fired: u64,
    #[serde(default)]
    pub(super) seen: u64,
    #[serde(default)]
    pub(super) near_miss: Option<NearMissLine>,
    #[serde(default)]
    pub(super) summary: String,
    #[serde(default)]
    pub(super) place: Option<Place>,
}

/// 0-based, columns in UTF-16 units.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) end_line: u32,
    pub(super) end_column: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Totals {
    pub(super) passed: usize,
    pub(super) failed: usize,
    pub(super) errors: usize,
    pub(super) timeouts: usize,
    pub(super) bypassed: usize,
    pub(super) not_run: usize,
    pub(super) not_fired: usize,
}

impl Totals {
    /// `5 passed, 1 failed`, `5 passed (2 not fired)`: how a run ended, for one line of text.
    pub(super) fn sentence(&self) -> String {
        let parts = [
            (self.passed, "passed"),
            (self.failed, "failed"),
            (self.errors, "errors"),
            (self.timeouts, "timed out"),
            (self.bypassed, "bypassed"),
            (self.not_run, "not run"),
        ];
        let said = parts.iter().enumerate().filter(|(at, (count, _))| *at == 0 || *count > 0);
        let said = said.map(|(_, (count, word))| format!("{count} {word}")).collect::<Vec<_>>().join(", ");
        match self.not_fired {
            0 => said,
            count => format!("{said} ({count} not fired)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The engine's golden file is the contract; every line of it must be understood.
    #[test]
    fn the_engines_golden_events_are_understood() {
        let golden = include_str!("../../../engine/src/report/golden/events.jsonl");
        let lines: Vec<Line> = golden.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(matches!(&lines[0], Line::RunStarted { leaves } if leaves.len() == 2));
        let failure = lines.iter().find_map(|line| match line {
            Line::LeafFinished(finished) => finished.failure.as_ref(),
            _ => None,
        });
        let failure = failure.expect("one leaf fails");
        assert!(failure.message.starts_with("assert_eq failed"), "{failure:?}");
        assert_eq!(failure.place.as_ref().map(|place| place.line), Some(8));
        let last = lines.last().and_then(|line| match line {
            Line::RunFinished { totals } => Some(totals.sentence()),
            _ => None,
        });
        assert_eq!(last.as_deref(), Some("1 passed, 1 failed"));
    }
}
