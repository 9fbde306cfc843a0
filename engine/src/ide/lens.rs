//! What can be run, above the line that declares it, with the last outcome in the title.

use super::Snapshot;
use super::results::{RunResults, TestResult};
use super::test_items::{TestItem, TestItemKind, test_items};
use crate::event::Outcome;
use crate::text::Span;
use std::time::Duration;

/// A line of words over a declaration; a click does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lens {
    pub span: Span,
    pub title: String,
    pub action: LensAction,
    /// True when its tests have run; a client may show only those.
    pub has_result: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LensAction {
    /// Run these, by full name.
    Run(Vec<String>),
    RunAll,
    RunFailed,
    /// Stop the run of these.
    Cancel(Vec<String>),
    /// Show what happened in the last run of this test, in time. Only plugins can.
    Timeline(String),
}

/// Longest reason in a title, in characters.
const MAX_REASON: usize = 40;

/// Every lens of the file, those of the file as a whole first.
pub fn lenses(snapshot: &Snapshot<'_>, results: &RunResults) -> Vec<Lens> {
    let items = test_items(snapshot);
    let mut lenses = whole_file(snapshot, &items, results);
    for item in &items {
        match item.kind {
            // Its cells are not known before the first evaluation.
            TestItemKind::Matrix if item.run.is_empty() => {}
            TestItemKind::Matrix => lenses.push(matrix(item, results)),
            TestItemKind::Cell if item.parent.is_some() => {}
            _ => lenses.extend(single(item, results)),
        }
    }
    lenses
}

fn whole_file(snapshot: &Snapshot<'_>, items: &[TestItem], results: &RunResults) -> Vec<Lens> {
    let count = items.iter().filter(|item| item.kind != TestItemKind::Matrix).count();
    if count == 0 {
        return Vec::new();
    }
    let span = Span::start_of(snapshot.tree().file);
    let lens = |title: String, action: LensAction, has_result: bool| Lens { span, title, action, has_result };
    let mut lenses =
        vec![lens(format!("▶ Run all ({count})"), LensAction::RunAll, !results.tests.is_empty())];
    let failed = results.tests.values().filter(|result| is_bad(result)).count();
    if failed > 0 {
        lenses.push(lens(format!("▶ Run failed ({failed})"), LensAction::RunFailed, true));
    }
    lenses
}

fn single(item: &TestItem, results: &RunResults) -> Vec<Lens> {
    let run = LensAction::Run(item.run.clone());
    let lens = |title: String, action: LensAction, has_result: bool| Lens {
        span: item.name_span,
        title,
        action,
        has_result,
    };
    match results.tests.get(&item.id) {
        None => vec![lens("▶ Run".to_owned(), run, false)],
        Some(TestResult::Running) => {
            vec![lens("◌ running · Cancel".to_owned(), LensAction::Cancel(item.run.clone()), true)]
        }
        Some(TestResult::Ended { outcome, duration, not_fired, reason, has_trace }) => {
            let silent = if *not_fired { " · not fired" } else { "" };
            let verdict = verdict(*outcome, *duration, reason.as_deref());
            let mut lenses = vec![lens(format!("{verdict}{silent} · Run"), run, true)];
            if *has_trace {
                lenses.push(lens("Timeline".to_owned(), LensAction::Timeline(item.id.clone()), true));
            }
            lenses
        }
    }
}

fn verdict(outcome: Outcome, duration: Duration, reason: Option<&str>) -> String {
    match outcome {
        Outcome::Pass => format!("✓ {}", elapsed(duration)),
        Outcome::Skipped => "skipped".to_owned(),
        Outcome::NotRun => "not run".to_owned(),
        Outcome::Bypassed => "✗ a fault never acted".to_owned(),
        Outcome::Fail | Outcome::Error | Outcome::Timeout | Outcome::Inconclusive => {
            format!("✗ {}", short(reason.unwrap_or(outcome.word())))
        }
    }
}

/// `52 ms` or `1.07 s`, rounded as every view of a plugin rounds it.
fn elapsed(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 0.9995 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.2} s") }
}

fn short(reason: &str) -> String {
    let line = reason.lines().next().unwrap_or("");
    if line.chars().count() <= MAX_REASON {
        return line.to_owned();
    }
    line.chars().take(MAX_REASON - 1).chain(['…']).collect()
}

fn is_bad(result: &TestResult) -> bool {
    matches!(result, TestResult::Ended { outcome, .. } if !outcome.is_good() && *outcome != Outcome::NotRun)
}

fn matrix(item: &TestItem, results: &RunResults) -> Lens {
    let known: Vec<&TestResult> = item.run.iter().filter_map(|name| results.tests.get(name)).collect();
    let running = known.iter().any(|result| **result == TestResult::Running);
    let bad = known.iter().filter(|result| is_bad(result)).count();
    let good = known
        .iter()
        .filter(|result| matches!(result, TestResult::Ended { outcome: Outcome::Pass, .. }))
        .count();
    let mut title = match (running, item.run.len()) {
        (true, _) => "◌ running · Cancel".to_owned(),
        (false, 1) => "▶ Run 1 cell".to_owned(),
        (false, cells) => format!("▶ Run {cells} cells"),
    };
    if good + bad > 0 {
        title.push_str(" ·");
        for (count, sign) in [(good, "✓"), (bad, "✗")].into_iter().filter(|(count, _)| *count > 0) {
            title.push_str(&format!(" {count} {sign}"));
        }
        let silent = |result: &&&TestResult| matches!(result, TestResult::Ended { not_fired: true, .. });
        match known.iter().filter(silent).count() {
            0 => {}
            count => title.push_str(&format!(" ({count} not fired)")),
        }
    }
    let tests = item.run.clone();
    let action = if running { LensAction::Cancel(tests) } else { LensAction::Run(tests) };
    Lens { span: item.name_span, title, action, has_result: !known.is_empty() }
}

#[cfg(test)]
mod tests {
    use super::lenses;
    use crate::event::Outcome;
    use crate::ide::fixture::Fixture;
    use crate::ide::results::{RunResults, TestResult};
    use std::time::Duration;

    const SPEC: &str = "def test_a():\n    pass\ndef f():\n    pass\nx = fault_assumption(\"x\")\nfault_matrix(scenarios=[f, test_a], faults=[x])\n";

    fn ended(outcome: Outcome, reason: Option<&str>) -> TestResult {
        let reason = reason.map(str::to_owned);
        let duration = Duration::from_millis(52);
        TestResult::Ended { outcome, duration, not_fired: false, reason, has_trace: true }
    }

    fn unfired() -> TestResult {
        match ended(Outcome::Pass, None) {
            TestResult::Ended { outcome, duration, reason, has_trace, .. } => {
                TestResult::Ended { outcome, duration, not_fired: true, reason, has_trace }
            }
            TestResult::Running => TestResult::Running,
        }
    }

    #[test]
    fn times_are_rounded_and_short() {
        let shown = [0, 47_600, 999_400, 999_600, 1_069_000].map(Duration::from_micros).map(super::elapsed);
        assert_eq!(shown, ["0 ms", "48 ms", "999 ms", "1.00 s", "1.07 s"]);
    }

    #[track_caller]
    fn check(results: &[(&str, TestResult)], expected: &[&str]) {
        let tests = results.iter().map(|(name, result)| ((*name).to_owned(), result.clone())).collect();
        let results = RunResults { tests, ..RunResults::default() };
        let lenses = Fixture::new(SPEC).ask(|snapshot, _| lenses(snapshot, &results));
        let titles: Vec<&str> = lenses.iter().map(|lens| lens.title.as_str()).collect();
        assert_eq!(titles, expected);
    }

    #[test]
    fn titles_carry_the_last_outcome() {
        check(&[], &["▶ Run all (3)", "▶ Run", "▶ Run 2 cells"]);
        check(
            &[("test_a", ended(Outcome::Pass, None))],
            &["▶ Run all (3)", "✓ 52 ms · Run", "Timeline", "▶ Run 2 cells"],
        );
        check(
            &[
                ("test_a", ended(Outcome::Fail, Some("404 != 503"))),
                ("test_matrix_f_x", ended(Outcome::Pass, None)),
            ],
            &["▶ Run all (3)", "▶ Run failed (1)", "✗ 404 != 503 · Run", "Timeline", "▶ Run 2 cells · 1 ✓"],
        );
        check(
            &[("test_a", unfired()), ("test_matrix_f_x", unfired())],
            &["▶ Run all (3)", "✓ 52 ms · not fired · Run", "Timeline", "▶ Run 2 cells · 1 ✓ (1 not fired)"],
        );
        check(&[("test_a", TestResult::Running)], &["▶ Run all (3)", "◌ running · Cancel", "▶ Run 2 cells"]);
    }
}
