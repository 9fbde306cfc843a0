//! The XML that CI systems read: one suite, one case per leaf.
//!
//! There is no standard; this keeps to what Jenkins' `xunit` schema allows. A test that said no is a `failure`
//! (fail, timeout, bypassed), one that could not say anything an `error` (error, inconclusive), the rest `skipped`.

use super::evidence;
use super::failure;
use super::logs::{Logs, Output};
use super::record::Record;
use super::replay;
use super::reporter::Reporter;
use crate::diagnostic::render::Style;
use crate::event::{Event, EventKind, Evidence, LeafResult, Outcome, RunPlan};
use crate::text::{SourceMap, shown_lines};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

/// Collects the run and writes the document when it is over.
pub struct JUnit {
    out: Box<dyn Write + Send>,
    plan: Option<RunPlan>,
    records: Vec<Record>,
    /// One `<testcase>` per leaf, as far as they have ended.
    cases: Vec<Option<String>>,
    duration: Duration,
}

impl JUnit {
    pub fn new(out: Box<dyn Write + Send>) -> JUnit {
        JUnit { out, plan: None, records: Vec::new(), cases: Vec::new(), duration: Duration::ZERO }
    }

    fn document(&self, plan: &RunPlan) -> String {
        let outcome =
            |record: &Record| record.result.as_ref().map_or(Outcome::NotRun, |result| result.outcome);
        let count =
            |tag: &str| self.records.iter().filter(|record| tag_of(outcome(record)) == Some(tag)).count();
        let (tests, failures) = (self.records.len(), count("failure"));
        let (errors, skipped) = (count("error"), count("skipped"));
        let counts = format!(
            "tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"{:.3}\"",
            self.duration.as_secs_f64()
        );
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let _ = writeln!(text, "<testsuites name=\"faultbox\" {counts}>");
        let _ = writeln!(text, "  <testsuite name=\"{}\" {counts}>", escape(&plan.spec));
        let silent = |record: &&Record| record.result.as_ref().is_some_and(|result| result.not_fired);
        let silent = self.records.iter().filter(silent).count();
        if silent > 0 {
            text.push_str("    <properties>\n");
            let _ = writeln!(text, "      <property name=\"not_fired\" value=\"{silent}\"/>");
            text.push_str("    </properties>\n");
        }
        for (record, case) in self.records.iter().zip(&self.cases) {
            match case {
                Some(case) => text.push_str(case),
                None => {
                    text.push_str(&case_text(record, &LeafResult::not_run(), plan, &SourceMap::default()));
                }
            }
        }
        text.push_str("  </testsuite>\n</testsuites>\n");
        text
    }
}

impl Reporter for JUnit {
    fn event(&mut self, event: &Event, sources: &SourceMap) -> io::Result<()> {
        match &event.kind {
            EventKind::RunStarted { plan } => {
                self.records =
                    plan.leaves.iter().cloned().map(|leaf| Record::new(leaf, Logs::Tail)).collect();
                self.cases = vec![None; plan.leaves.len()];
                self.plan = Some(plan.clone());
            }
            EventKind::RunFinished { duration, .. } => self.duration = *duration,
            _ => {}
        }
        let Some(leaf) = event.leaf.map(|leaf| leaf as usize) else { return Ok(()) };
        let Some(record) = self.records.get_mut(leaf) else { return Ok(()) };
        record.event(&event.kind);
        if let (EventKind::LeafFinished { result, .. }, Some(plan)) = (&event.kind, &self.plan) {
            self.cases[leaf] = Some(case_text(record, result, plan, sources));
            record.outputs = Vec::new();
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        let Some(plan) = self.plan.take() else { return Ok(()) };
        self.out.write_all(self.document(&plan).as_bytes())?;
        self.out.flush()
    }
}

fn tag_of(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Pass => None,
        Outcome::Fail | Outcome::Timeout | Outcome::Bypassed => Some("failure"),
        Outcome::Error | Outcome::Inconclusive => Some("error"),
        Outcome::Skipped | Outcome::NotRun => Some("skipped"),
    }
}

fn case_text(record: &Record, result: &LeafResult, plan: &RunPlan, sources: &SourceMap) -> String {
    let leaf = &record.leaf;
    let repeat = if plan.runs > 1 { format!(" (run {})", leaf.repeat + 1) } else { String::new() };
    let mut text = format!(
        "    <testcase classname=\"{}\" name=\"{}{repeat}\" time=\"{:.3}\"",
        escape(&plan.spec),
        escape(leaf.test.as_str()),
        result.duration.as_secs_f64()
    );
    let unread = escape(&unread_lines(result));
    let Some(tag) = tag_of(result.outcome) else {
        text.push_str(&passed(record, result));
        return text;
    };
    text.push_str(">\n");
    let word = result.outcome.word().to_lowercase();
    let message = result.failure.as_ref().map_or(word.as_str(), |failure| &failure.message);
    if tag == "skipped" {
        let _ = writeln!(text, "      <skipped message=\"{}\"/>", escape(message));
    } else {
        let explained =
            result.failure.as_ref().map(|failure| failure::render(sources, failure, Style::PLAIN));
        let replay = replay::command(&plan.spec, leaf, "");
        let body = format!("{}replay: {replay}\n", explained.unwrap_or_default());
        let (kind, message, body) = (escape(&word), escape(message), escape(&body));
        let _ = writeln!(text, "      <{tag} type=\"{kind}\" message=\"{message}\">{body}</{tag}>");
        let output: String = record.outputs.iter().map(Output::text).collect();
        if !(output.is_empty() && unread.is_empty()) {
            let _ = writeln!(text, "      <system-out>{unread}{}</system-out>", escape(&output));
        }
    }
    text.push_str("    </testcase>\n");
    text
}

/// The evidence of the rules that could not look at everything: a pass may be one of unread traffic.
fn unread_lines(result: &LeafResult) -> String {
    let rules: Vec<&Evidence> = result.evidence.iter().filter(|rule| !rule.unread.is_empty()).collect();
    evidence::lines(&rules, &result.evidence, false)
}

/// The rest of a test case that passed: what is to be known about the pass.
fn passed(record: &Record, result: &LeafResult) -> String {
    let mut told = String::new();
    if !result.not_fired {
        told.push_str(&unread_lines(result));
    } else {
        let evidence: Vec<&Evidence> = result.evidence.iter().collect();
        told.push_str("not fired: none of its faults acted\n");
        told.push_str(&evidence::lines(&evidence, &result.evidence, false));
    }
    for end in record.ends.iter().filter(|end| end.is_worth_a_line(true, false)) {
        let _ = writeln!(told, "{}", end.text());
    }
    match told.as_str() {
        "" => "/>\n".to_owned(),
        told => format!(">\n      <system-out>{}</system-out>\n    </testcase>\n", escape(told)),
    }
}

/// Escapes text for element content and attributes, and replaces what XML 1.0 (section 2.2) does not allow at all.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in shown_lines(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(c),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::JUnit;
    use crate::event::{
        EventKind, Evidence, Failure, FailureKind, Outcome, ServiceEnd, Stream, Unread, UnreadSubject,
    };
    use crate::report::fixture::*;

    #[test]
    fn what_passed_unread_is_said_of_passes_too() {
        let mut passed = result(Outcome::Pass, 5);
        let unread = |count| Unread {
            subject: UnreadSubject::Connection,
            reason: "the client speaks <TLS>".to_owned(),
            count,
        };
        let read = evidence("slow[0]", "api.public", "delay 5ms", "*", 1);
        let rule = evidence("down[0]", "api.public", "response 503", "*", 1);
        passed.evidence = vec![read, Evidence { unread: vec![unread(2)], ..rule }];
        let mut failed = passed.clone();
        failed.outcome = Outcome::Fail;
        let run = Run::of(vec![leaf("test_a", 3), leaf("test_b", 3)]).finished(0, passed).finished(1, failed);
        let text = written(|out| Box::new(JUnit::new(out)), &run.events(true));
        let line = "      <system-out>  down   response 503   *   fired 1x; 2 connections passed unread: \
                    the client speaks &lt;TLS&gt;\n</system-out>\n";
        assert_eq!(text.matches(line).count(), 2, "{text}");
    }

    #[test]
    fn the_document_is_escaped_and_complete() {
        let mut failed = result(Outcome::Fail, 57);
        failed.failure = Some(Failure::new(FailureKind::Assertion, "\"<a>\" & \u{7}", None));
        let run = Run::of(vec![leaf("test_a", 3), leaf("test_b", 3), leaf("test_c", 3), leaf("test_d", 3)])
            .output(0, Stream::Stdout, "a < b ]]>")
            .finished(2, result(Outcome::Error, 1))
            .finished(1, result(Outcome::Pass, 1500))
            .finished(0, failed);
        let text = written(|out| Box::new(JUnit::new(out)), &run.events(true));
        let expected = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="faultbox" tests="4" failures="1" errors="1" skipped="1" time="2.120">
  <testsuite name="protocol-test.star" tests="4" failures="1" errors="1" skipped="1" time="2.120">
    <testcase classname="protocol-test.star" name="test_a" time="0.057">
      <failure type="fail" message="&quot;&lt;a&gt;&quot; &amp; ␇">error[assertion]: "<a>" & X
replay: faultbox test protocol-test.star --test a --seed 3
</failure>
      <system-out>  output of db, 1 line:
    | a &lt; b ]]&gt;
</system-out>
    </testcase>
    <testcase classname="protocol-test.star" name="test_b" time="1.500"/>
    <testcase classname="protocol-test.star" name="test_c" time="0.001">
      <error type="error" message="error">replay: faultbox test protocol-test.star --test c --seed 3
</error>
    </testcase>
    <testcase classname="protocol-test.star" name="test_d" time="0.000">
      <skipped message="not run"/>
    </testcase>
  </testsuite>
</testsuites>
"#;
        let expected = expected.replace("\"<a>\" & X", "&quot;&lt;a&gt;&quot; &amp; ␇");
        assert!(text == expected, "--- written\n{text}--- expected\n{expected}---");
    }

    #[test]
    fn a_pass_without_an_act_of_a_fault_is_counted_and_explained() {
        let mut silent = result(Outcome::Pass, 4);
        silent.not_fired = true;
        silent.evidence = vec![evidence("slow[0]", "db", "delay 1s", "write", 0)];
        let ended = EventKind::ServiceExited {
            service: "worker".into(),
            status: "killed by SIGABRT".to_owned(),
            end: ServiceEnd::Allowed,
            cause: Some("3 ms after write -> ENOSPC on /x".to_owned()),
        };
        let run = Run::of(vec![leaf("test_a", 0), leaf("test_b", 0)])
            .event(1, 2, ended)
            .finished(0, silent)
            .finished(1, result(Outcome::Pass, 1));
        let text = written(|out| Box::new(JUnit::new(out)), &run.events(false));
        for part in [
            "<property name=\"not_fired\" value=\"1\"/>",
            "<system-out>not fired: none of its faults acted\n  slow   write delay 1s   never fired: no system call seen\n</system-out>",
            "<system-out>worker ended: killed by SIGABRT, 3 ms after write -&gt; ENOSPC on /x\n</system-out>",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
    }
}
