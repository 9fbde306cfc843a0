//! One JSON object per line and event, as it happens: what `faultbox test --format jsonl` writes and editors read.

use super::reporter::Reporter;
use super::wire;
use crate::event::{Event, EventKind, RunPlan};
use crate::text::SourceMap;
use std::io::{self, Write};

/// Writes each event as a line and flushes it; the form is described in `report/wire.rs`.
pub struct JsonLines {
    out: Box<dyn Write + Send>,
    plan: Option<RunPlan>,
}

impl JsonLines {
    pub fn new(out: Box<dyn Write + Send>) -> JsonLines {
        JsonLines { out, plan: None }
    }
}

impl Reporter for JsonLines {
    fn event(&mut self, event: &Event, sources: &SourceMap) -> io::Result<()> {
        if let EventKind::RunStarted { plan } = &event.kind {
            self.plan = Some(plan.clone());
        }
        let object = wire::event(event, self.plan.as_ref(), sources);
        writeln!(self.out, "{object}")?;
        self.out.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::JsonLines;
    use crate::event::{EventKind, FaultWord, Outcome, Phase, Stream};
    use crate::model::{RuleName, StepId};
    use crate::report::fixture::*;

    /// The golden file is the contract with editors: a changed line needs a new `v` or only new keys.
    #[test]
    fn the_wire_form_is_the_golden_file() {
        let mut failed = result(Outcome::Fail, 57);
        failed.failure = Some(failure());
        failed.returned = Some("404 \"not found\"".to_owned());
        let missed_rule = evidence("api_503[1]", "api.public", "response 500", "PUT /data/*", 0);
        failed.evidence = vec![
            evidence("api_503[0]", "api.public", "response 503", "POST /data/*", 1),
            missed(missed_rule, 2, "POST /data/testkey", "method is not PUT"),
        ];
        let fired = EventKind::RuleFired {
            rule: RuleName("api_503[0]".into()),
            target: "api.public".to_owned(),
            word: FaultWord::Respond,
            action: "response 503".to_owned(),
            operation: "POST /data/testkey".to_owned(),
            label: None,
            step: Some(StepId(1)),
            span: at("response(method"),
        };
        let events = Run::of(vec![leaf("test_write_gets_503", 0), cell("test_matrix_a_x", 0, 0)])
            .matrix(&["a"], &["x"], &[])
            .event(0, 1, EventKind::PhaseEntered { phase: Phase::Starting("db".into()) })
            .event(0, 2, EventKind::ServiceStarted { service: "db".into(), pid: 7 })
            .output(0, Stream::Stderr, "é\u{1b}[0m")
            .event(
                0,
                6,
                EventKind::OutputLeftOut { service: "db".into(), lines: 1_234_567, bytes: 2_469_134 },
            )
            .step(0, 2, "get", "GET /data/testkey", 404)
            .event(0, 13, fired)
            .finished(0, failed)
            .finished(1, result(Outcome::Pass, 4))
            .events(false);
        let text = written(|out| Box::new(JsonLines::new(out)), &events);
        let golden = include_str!("golden/events.jsonl");
        assert!(text == golden, "--- written\n{text}--- golden\n{golden}---");
        for line in text.lines() {
            let object: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(object["v"], 1, "{line}");
        }
    }
}
