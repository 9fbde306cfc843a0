//! Lines for people.
//!
//! Results appear in the order tests are declared although leaves end in any order: a test that ended early is held
//! back until those before it have ended. The head lines (`--- PASS: name (61ms, seed=0) ---`) and the table keep the
//! shape that scripts written for older versions read.

use super::evidence;
use super::failure;
use super::logs::{Logs, Output};
use super::matrix::Table;
use super::record::Record;
use super::replay;
use super::reporter::Reporter;
use crate::diagnostic::render::Style;
use crate::event::{Event, EventKind, Evidence, LeafResult, Outcome, RunPlan, Totals};
use crate::model::AssumptionName;
use crate::model::units::format_duration;
use crate::text::{SourceMap, shown};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

/// Which tests get a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    All,
    /// Only those that did not pass.
    Fail,
}

#[derive(Debug, Clone)]
pub struct TerminalConfig {
    pub style: Style,
    pub show: Show,
    /// Show what services wrote for passing tests, too, and all of it.
    pub show_logs: bool,
    /// Show a line for each matrix cell that passed, and the operations each rule acted on.
    pub verbose: bool,
    /// How many characters a line may have; `None` where nothing limits it.
    pub width: Option<usize>,
    /// Options a replay command repeats, such as `--isolation host`, quoted for a shell; usually empty.
    pub replay_flags: String,
}

/// Writes result lines, explanations of failures, matrix tables and the summary.
pub struct Terminal {
    out: Box<dyn Write + Send>,
    config: TerminalConfig,
    plan: Option<RunPlan>,
    /// One per leaf of the plan.
    records: Vec<Record>,
    /// Leaves of one test (`--runs N` makes several), in order of declaration.
    groups: Vec<Vec<usize>>,
    /// The first group that is not yet written.
    next: usize,
    notices: Vec<String>,
}

impl Terminal {
    pub fn new(out: Box<dyn Write + Send>, config: TerminalConfig) -> Terminal {
        Terminal {
            out,
            config,
            plan: None,
            records: Vec::new(),
            groups: Vec::new(),
            next: 0,
            notices: Vec::new(),
        }
    }

    fn start(&mut self, plan: &RunPlan) {
        let logs = if self.config.show_logs { Logs::All } else { Logs::Tail };
        self.records = plan.leaves.iter().map(|leaf| Record::new(leaf.clone(), logs)).collect();
        for (at, leaf) in plan.leaves.iter().enumerate() {
            let known = self.groups.iter_mut().find(|group| plan.leaves[group[0]].test == leaf.test);
            match known {
                Some(group) => group.push(at),
                None => self.groups.push(vec![at]),
            }
        }
        self.plan = Some(plan.clone());
    }

    /// Writes the tests at the front of the queue that have ended.
    fn write_ended(&mut self, sources: &SourceMap) -> io::Result<()> {
        while let Some(group) = self.groups.get(self.next) {
            if group.iter().any(|&leaf| self.records[leaf].result.is_none()) {
                break;
            }
            self.write_next(sources)?;
        }
        self.out.flush()
    }

    /// Writes the next test as far as it ran, and frees what it held.
    fn write_next(&mut self, sources: &SourceMap) -> io::Result<()> {
        let group = std::mem::take(&mut self.groups[self.next]);
        self.next += 1;
        let text = self.group_text(&group, sources);
        for leaf in group {
            let record = &mut self.records[leaf];
            record.outputs = Vec::new();
            record.printed = Vec::new();
        }
        self.out.write_all(text.as_bytes())
    }

    fn group_text(&self, group: &[usize], sources: &SourceMap) -> String {
        let ran: Vec<(&Record, &LeafResult)> = group
            .iter()
            .filter_map(|&leaf| Some((&self.records[leaf], self.records[leaf].result.as_ref()?)))
            .filter(|(_, result)| result.outcome != Outcome::NotRun)
            .collect();
        // What is told in full: the first run that did not pass, else the first.
        let Some(&(record, result)) =
            ran.iter().find(|(_, result)| !result.outcome.is_good()).or_else(|| ran.first())
        else {
            return String::new();
        };
        let good = result.outcome.is_good();
        let is_plain = record.warnings.is_empty() && !result.evidence.iter().any(evidence::has_unread);
        let only_in_table = record.leaf.cell.is_some() && !self.config.verbose && is_plain;
        if good && (self.config.show == Show::Fail || (only_in_table && !self.config.show_logs)) {
            return String::new();
        }
        let mut text = self.head_line(&ran, group.len(), record, result);
        if ran.len() > 1 && !good {
            let number = record.leaf.repeat + 1;
            let _ = writeln!(text, "  run {number} of {}, the first that did not pass:", group.len());
        }
        self.leaf_text(&mut text, record, result, sources);
        text
    }

    fn head_line(
        &self,
        ran: &[(&Record, &LeafResult)],
        of: usize,
        record: &Record,
        result: &LeafResult,
    ) -> String {
        let word = self.paint(result.outcome, result.outcome.word());
        let test = shown(record.leaf.test.as_str());
        if of > 1 {
            let passed = ran.iter().filter(|(_, result)| result.outcome == Outcome::Pass).count();
            return format!("--- {word}: {test} ({passed}/{of} runs) ---\n");
        }
        format!("--- {word}: {test} ({}ms, seed={}) ---\n", result.duration.as_millis(), record.leaf.seed)
    }

    fn leaf_text(&self, text: &mut String, record: &Record, result: &LeafResult, sources: &SourceMap) {
        let good = result.outcome.is_good();
        for (line, span) in &record.printed {
            let place = span.map(|span| format!("{}: ", shown(&sources.place(span).to_string())));
            let place = place.unwrap_or_default();
            let _ = writeln!(text, "  {place}{}", shown(line));
        }
        if self.config.verbose || !good {
            self.descriptions(text, result);
        }
        for end in record.ends.iter().filter(|end| end.is_worth_a_line(good, self.config.verbose)) {
            let _ = writeln!(text, "  {}", shown(&end.text()));
        }
        // Rules the explanation below speaks of need no line of their own. Rules of one name may differ in what they did.
        let told = |evidence: &Evidence| {
            let mention = format!("rule {} ", evidence.rule);
            let mut notes = result.failure.iter().flat_map(|failure| &failure.notes);
            notes.any(|note| {
                note.text
                    .strip_prefix(&mention)
                    .is_some_and(|rest| rest.starts_with("never fired") == (evidence.fired == 0))
            })
        };
        let evidence: Vec<&Evidence> = result.evidence.iter().filter(|each| !told(each)).collect();
        text.push_str(&evidence::lines(&evidence, &result.evidence, self.config.verbose || !good));
        for warning in &record.warnings {
            text.push_str(&failure::render_warning(sources, warning, self.config.style));
        }
        if let Some(failure) = &result.failure {
            text.push_str(&failure::render(sources, &record.without_output(failure), self.config.style));
        }
        if self.config.show_logs || !good {
            text.extend(record.outputs.iter().map(Output::text));
            if record.outputs.iter().any(Output::is_cut) {
                text.push_str("  --show-logs shows all of the output\n");
            }
        }
        if let (false, Some(plan)) = (good, &self.plan) {
            let command = replay::command(&plan.spec, &record.leaf, &self.config.replay_flags);
            let _ = writeln!(text, "  replay: {command}");
        }
    }

    /// What the assumptions of a test stand for, as far as the spec says.
    fn descriptions(&self, text: &mut String, result: &LeafResult) {
        let mut names: Vec<&AssumptionName> =
            result.evidence.iter().filter_map(|evidence| evidence.assumption.as_ref()).collect();
        names.dedup();
        for name in names {
            if let Some(description) = self.plan.as_ref().and_then(|plan| plan.description(name)) {
                let _ = writeln!(text, "  {}: {}", shown(name.as_str()), shown(description));
            }
        }
    }

    fn write_summary(
        &mut self,
        totals: &Totals,
        duration: Duration,
        tests: Duration,
        interrupted: bool,
    ) -> io::Result<()> {
        let matrices = self.plan.as_ref().map(|plan| plan.matrices.as_slice()).unwrap_or_default();
        for (at, matrix) in matrices.iter().enumerate() {
            if let Some(table) = Table::of(at, matrix, self.records.iter()) {
                let text = table.text(self.config.width, &|outcome, text| self.paint(outcome, text));
                write!(self.out, "\n{text}")?;
            }
        }
        if !self.records.is_empty() {
            writeln!(self.out)?;
        }
        let jobs = self.plan.as_ref().map_or(1, |plan| plan.jobs);
        let noun = if jobs == 1 { "job" } else { "jobs" };
        let (took, tests) = (rounded(duration), rounded(tests));
        let counts = self.counts(totals, interrupted);
        writeln!(self.out, "{counts}  in {took} ({jobs} {noun}; {tests} of tests)")?;
        self.out.flush()
    }

    /// `11 passed, 0 failed`, then the other counts that are not zero, and how many passed without a fault.
    fn counts(&self, totals: &Totals, interrupted: bool) -> String {
        let not_run = if interrupted { "not run (interrupted)" } else { "not run" };
        let errors = if totals.errors == 1 { "error" } else { "errors" };
        let parts = [
            (totals.passed, "passed", Outcome::Pass, true),
            (totals.failed, "failed", Outcome::Fail, true),
            (totals.errors, errors, Outcome::Error, false),
            (totals.timeouts, "timed out", Outcome::Timeout, false),
            (totals.bypassed, "bypassed", Outcome::Bypassed, false),
            (totals.inconclusive, "inconclusive", Outcome::Inconclusive, false),
            (totals.skipped, "skipped", Outcome::Skipped, false),
            (totals.not_run, not_run, Outcome::NotRun, false),
        ];
        let shown = parts.into_iter().filter(|(count, _, _, always)| *always || *count > 0);
        let painted = shown.map(|(count, word, outcome, _)| {
            let part = format!("{count} {word}");
            if count == 0 { part } else { self.paint(outcome, &part) }
        });
        let mut counts = painted.collect::<Vec<_>>().join(", ");
        if totals.not_fired > 0 {
            let part = format!("({} not fired)", totals.not_fired);
            let _ = write!(counts, " {}", self.paint(Outcome::Skipped, &part));
        }
        counts
    }

    fn paint(&self, outcome: Outcome, text: &str) -> String {
        if !self.config.style.color {
            return text.to_owned();
        }
        let code = match outcome {
            Outcome::Pass => "32",
            Outcome::Fail | Outcome::Error | Outcome::Timeout | Outcome::Bypassed => "1;31",
            Outcome::Inconclusive | Outcome::Skipped | Outcome::NotRun => "33",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

impl Reporter for Terminal {
    fn event(&mut self, event: &Event, sources: &SourceMap) -> io::Result<()> {
        if let Some(record) = event.leaf.and_then(|leaf| self.records.get_mut(leaf as usize)) {
            record.event(&event.kind);
        }
        match &event.kind {
            EventKind::RunStarted { plan } => self.start(plan),
            EventKind::Notice { text } if !self.notices.contains(text) => {
                self.notices.push(text.clone());
                writeln!(self.out, "note: {}", shown(text))?;
                self.out.flush()?;
            }
            EventKind::LeafFinished { .. } => self.write_ended(sources)?,
            EventKind::RunFinished { totals, duration, tests_duration, interrupted } => {
                // An interrupted run leaves gaps; what ended behind them is told now.
                while self.next < self.groups.len() {
                    self.write_next(sources)?;
                }
                self.write_summary(totals, *duration, *tests_duration, *interrupted)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// To a tenth of a second, or to a millisecond below one second.
fn rounded(duration: Duration) -> String {
    let step = if duration.as_millis() >= 1000 { 100 } else { 1 };
    let millis = (duration.as_micros() as u64 + step * 500) / (step * 1000) * step;
    if millis == 0 { "0ms".to_owned() } else { format_duration(Duration::from_millis(millis)) }
}

#[cfg(test)]
mod tests;
