//! What is going on right now, on a terminal: a line per running test and a bar for the whole.

use super::outlet::Outlet;
use faultbox_engine::event::{Event, EventKind, LeafResult, Outcome, Phase};
use faultbox_engine::report::Reporter;
use faultbox_engine::text::{SourceMap, shown};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Write};
use std::time::Duration;

/// Redraws per second; more would flicker over a slow connection.
const REDRAWS_PER_SECOND: u8 = 10;
/// How many failures stay visible below the results already printed.
const MAX_FAILURES: usize = 5;

/// A live display on standard error. It vanishes at the end; results are printed by the text report.
pub(crate) struct Progress {
    lines: MultiProgress,
    total: ProgressBar,
    running: BTreeMap<u32, ProgressBar>,
    failures: VecDeque<ProgressBar>,
    names: Vec<String>,
    failed: usize,
    color: bool,
}

impl Progress {
    pub(crate) fn new(color: bool) -> Progress {
        let target = ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND);
        let lines = MultiProgress::with_draw_target(target);
        let total = lines.add(ProgressBar::no_length());
        total.set_style(style("{bar:30} {pos}/{len}{msg} · {elapsed}"));
        Progress {
            lines,
            total,
            running: BTreeMap::new(),
            failures: VecDeque::new(),
            names: Vec::new(),
            failed: 0,
            color,
        }
    }

    /// A handle that prints above the display.
    pub(crate) fn lines(&self) -> MultiProgress {
        self.lines.clone()
    }

    fn start(&mut self, leaf: u32) {
        let name = self.names.get(leaf as usize).cloned().unwrap_or_default();
        let line = self.lines.insert_before(&self.total, ProgressBar::new_spinner());
        line.set_style(style("  {prefix} · {msg} · {elapsed}"));
        line.set_prefix(name);
        line.set_message(phase_text(&Phase::Preparing));
        line.enable_steady_tick(Duration::from_secs(1) / u32::from(REDRAWS_PER_SECOND));
        if let Some(stale) = self.running.insert(leaf, line) {
            self.lines.remove(&stale);
        }
    }

    fn end(&mut self, leaf: u32, result: &LeafResult) {
        if let Some(line) = self.running.remove(&leaf) {
            line.finish_and_clear();
            self.lines.remove(&line);
        }
        self.total.inc(1);
        if result.outcome.is_good() || result.outcome == Outcome::NotRun {
            return;
        }
        self.failed += 1;
        self.total.set_message(format!(" · {} not passed", self.failed));
        let line = self.lines.insert(self.failures.len(), ProgressBar::new_spinner());
        line.set_style(style("{msg}"));
        let name = self.names.get(leaf as usize).map_or("", String::as_str);
        line.set_message(failure_line(name, result, self.color));
        line.tick();
        self.failures.push_back(line);
        if self.failures.len() > MAX_FAILURES
            && let Some(oldest) = self.failures.pop_front()
        {
            self.lines.remove(&oldest);
        }
    }
}

impl Reporter for Progress {
    fn event(&mut self, event: &Event, _: &SourceMap) -> io::Result<()> {
        match (&event.kind, event.leaf) {
            (EventKind::RunStarted { plan }, _) => {
                self.names = plan.leaves.iter().map(|leaf| shown(leaf.test.as_str()).into_owned()).collect();
                self.total.set_length(plan.leaves.len() as u64);
                self.total.enable_steady_tick(Duration::from_secs(1) / u32::from(REDRAWS_PER_SECOND));
            }
            (EventKind::LeafStarted { .. }, Some(leaf)) => self.start(leaf),
            (EventKind::PhaseEntered { phase }, Some(leaf)) => {
                if let Some(line) = self.running.get(&leaf) {
                    line.set_message(phase_text(phase));
                }
            }
            (EventKind::LeafFinished { result, .. }, Some(leaf)) => self.end(leaf, result),
            // The summary that follows must not be drawn over.
            (EventKind::RunFinished { .. }, _) => self.finish()?,
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        for line in self.running.values().chain(&self.failures) {
            line.finish_and_clear();
        }
        self.total.finish_and_clear();
        self.lines.clear()
    }
}

/// Standard output below which a display may be drawn: each piece of text is written with the display out of the way.
pub(crate) struct Above {
    pub(crate) lines: MultiProgress,
    pub(crate) out: Outlet,
}

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lines.suspend(|| {
            self.out.write_all(bytes)?;
            self.out.flush()
        })?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn phase_text(phase: &Phase) -> String {
    match phase {
        Phase::Preparing => "preparing".to_owned(),
        Phase::Starting(service) => format!("starting {}", shown(service.as_str())),
        Phase::Waiting(service) => format!("waiting for {}", shown(service.as_str())),
        Phase::Scenario => "scenario".to_owned(),
        Phase::Expect => "judging".to_owned(),
        Phase::Stopping => "stopping".to_owned(),
    }
}

fn failure_line(name: &str, result: &LeafResult, color: bool) -> String {
    let word = match color {
        true => format!("\u{1b}[1;31m{}\u{1b}[0m", result.outcome),
        false => result.outcome.to_string(),
    };
    let message = result.failure.as_ref().and_then(|failure| failure.message.lines().next());
    match message {
        Some(message) => format!("{word} {name}: {}", shown(message)),
        None => format!("{word} {name}"),
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are well formed").progress_chars("━╸─")
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultbox_engine::event::{Failure, FailureKind};

    #[test]
    fn lines_say_what_a_test_is_busy_with_and_why_it_failed() {
        assert_eq!(phase_text(&Phase::Waiting("db".into())), "waiting for db");
        let mut result = LeafResult { outcome: Outcome::Fail, ..LeafResult::not_run() };
        assert_eq!(failure_line("test_x", &result, false), "FAIL test_x");
        result.failure = Some(Failure::new(FailureKind::Assertion, "404 != 503\nmore", None));
        assert_eq!(failure_line("test_x", &result, false), "FAIL test_x: 404 != 503");
        let red = "\u{1b}[1;31mFAIL\u{1b}[0m test_x: 404 != 503";
        assert_eq!(failure_line("test_x", &result, true), red);
    }
}
