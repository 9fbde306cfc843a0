//! The last outcome of each test, and where in the text it points; edits move or end those marks.

use super::disk;
use super::document::{EditSpan, THIS_FILE};
use super::ext::ResultView;
use super::wire::{EvidenceLine, FailureLine, Finished, Place};
use faultbox_engine::event::Outcome;
use faultbox_engine::ide::results::{self, RuleResult, RunResults};
use faultbox_engine::text::{LineColumn, Source, Span};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Outcomes of one spec's tests by full name.
#[derive(Debug, Clone, Default)]
pub(super) struct SpecResults {
    pub(super) tests: BTreeMap<String, TestResult>,
}

#[derive(Debug, Clone)]
pub(super) struct TestResult {
    pub(super) run_id: String,
    /// `None` while it runs.
    pub(super) outcome: Option<Outcome>,
    pub(super) duration_ms: Option<f64>,
    /// It passed, and none of its faults acted.
    pub(super) not_fired: bool,
    pub(super) failure: Option<Failed>,
    pub(super) evidence: Vec<RuleEvidence>,
    /// Its run is still recorded.
    pub(super) has_trace: bool,
}

/// Why a test did not pass.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) message: String,
    pub(super) label: String,
    pub(super) expected: Option<String>,
    pub(super) actual: Option<String>,
    pub(super) mark: Option<Mark>,
    pub(super) notes: Vec<(String, Option<Mark>)>,
    pub(super) help: Vec<String>,
}

/// What a written rule did.
#[derive(Debug, Clone)]
pub(super) struct RuleEvidence {
    pub(super) rule: String,
    /// `fired 1x`, or why not.
    pub(super) summary: String,
    pub(super) fired: u64,
    pub(super) seen: u64,
    pub(super) near_miss: Option<String>,
    pub(super) mark: Option<Mark>,
}

/// Bytes of a file's current text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) path: PathBuf,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// The texts a run was started with, and what was edited since: places of its events refer to the former, marks to the
/// text of now.
#[derive(Debug, Clone, Default)]
pub(super) struct RunTexts {
    /// Where the run was started: its paths are relative to it.
    directory: PathBuf,
    sources: BTreeMap<PathBuf, Arc<Source>>,
    edits: BTreeMap<PathBuf, Vec<EditSpan>>,
}

impl TestResult {
    pub(super) fn running(run_id: &str) -> TestResult {
        TestResult {
            run_id: run_id.to_owned(),
            outcome: None,
            duration_ms: None,
            not_fired: false,
            failure: None,
            evidence: Vec::new(),
            has_trace: false,
        }
    }

    pub(super) fn finished(run_id: &str, finished: &Finished, texts: &RunTexts) -> TestResult {
        TestResult {
            run_id: run_id.to_owned(),
            outcome: Some(finished.outcome),
            duration_ms: Some(finished.duration_ms),
            not_fired: finished.not_fired,
            failure: finished.failure.as_ref().map(|failure| failed(failure, texts)),
            evidence: finished.evidence.iter().map(|each| evidence(each, texts)).collect(),
            has_trace: true,
        }
    }

    pub(super) fn is_running(&self) -> bool {
        self.outcome.is_none()
    }

    /// True for an outcome that lets a run end with an error.
    pub(super) fn is_bad(&self) -> bool {
        self.outcome.is_some_and(|outcome| !outcome.is_good() && outcome != Outcome::NotRun)
    }

    fn for_engine(&self) -> results::TestResult {
        let Some(outcome) = self.outcome else { return results::TestResult::Running };
        let reason = self.failure.as_ref().map(|failure| match (&failure.actual, &failure.expected) {
            (Some(actual), Some(expected)) => format!("{actual} != {expected}"),
            _ => failure.message.clone(),
        });
        let duration = Duration::try_from_secs_f64(self.duration_ms.unwrap_or(0.0) / 1e3).unwrap_or_default();
        let (not_fired, has_trace) = (self.not_fired, self.has_trace);
        results::TestResult::Ended { outcome, duration, not_fired, reason, has_trace }
    }

    pub(super) fn view(&self) -> ResultView {
        let acted = || !self.not_fired && self.evidence.iter().any(|rule| rule.fired > 0);
        let fired = (!self.evidence.is_empty()).then(acted);
        ResultView {
            outcome: self.outcome.map_or("running".to_owned(), word),
            duration_ms: self.duration_ms,
            message: self.failure.as_ref().map(|failure| failure.message.clone()),
            fired,
            run_id: self.run_id.clone(),
        }
    }
}

/// The word for an outcome, as on the wire.
fn word(outcome: Outcome) -> String {
    let word = serde_json::to_value(outcome).ok();
    word.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

fn failed(failure: &FailureLine, texts: &RunTexts) -> Failed {
    Failed {
        message: failure.message.clone(),
        label: failure.label.clone(),
        expected: failure.expected.clone(),
        actual: failure.actual.clone(),
        mark: failure.place.as_ref().and_then(|place| texts.mark(place)),
        notes: failure
            .notes
            .iter()
            .map(|note| (note.text.clone(), note.place.as_ref().and_then(|place| texts.mark(place))))
            .collect(),
        help: failure.help.clone(),
    }
}

fn evidence(evidence: &EvidenceLine, texts: &RunTexts) -> RuleEvidence {
    RuleEvidence {
        rule: evidence.rule.clone(),
        summary: evidence.summary.clone(),
        fired: evidence.fired,
        seen: evidence.seen,
        near_miss: evidence.near_miss.as_ref().map(|miss| miss.reason.clone()),
        mark: evidence.place.as_ref().and_then(|place| texts.mark(place)),
    }
}

impl RunTexts {
    pub(super) fn new(directory: PathBuf, sources: impl IntoIterator<Item = Arc<Source>>) -> RunTexts {
        let sources = sources.into_iter().map(|source| (source.path.clone(), source)).collect();
        RunTexts { directory, sources, edits: BTreeMap::new() }
    }

    pub(super) fn edited(&mut self, path: &Path, edits: &[EditSpan]) {
        if self.sources.contains_key(path) {
            self.edits.entry(path.to_owned()).or_default().extend(edits);
        }
    }

    /// Where the place is now; `None` when it was edited away or its file cannot be read.
    pub(super) fn mark(&self, place: &Place) -> Option<Mark> {
        let path = self.directory.join(&place.path);
        let from_disk = || read(&path);
        let source = self.sources.get(&path).cloned().or_else(from_disk)?;
        // A run counts without the mark an editor may keep in its buffer.
        let mark = u32::from(source.text.starts_with(disk::BYTE_ORDER_MARK));
        let offset = |line, column| {
            let column = if line == 0 { column + mark } else { column };
            source.lines.utf16_offset(&source.text, LineColumn { line, column })
        };
        let (mut start, mut end) =
            (offset(place.line, place.column), offset(place.end_line, place.end_column));
        for edit in self.edits.get(&path).into_iter().flatten() {
            (start, end) = edit.moved(start, end)?;
        }
        Some(Mark { path, start, end: end.max(start) })
    }
}

fn read(path: &Path) -> Option<Arc<Source>> {
    let text = disk::text(path).ok()?;
    Some(Arc::new(Source::new(path, text)))
}

impl SpecResults {
    /// Moves every mark in `path`; returns false when nothing pointed there.
    pub(super) fn edited(&mut self, path: &Path, edits: &[EditSpan]) -> bool {
        let mut touched = false;
        for result in self.tests.values_mut() {
            let failure = result.failure.iter_mut();
            let of_failure = failure.flat_map(|failure| {
                std::iter::once(&mut failure.mark).chain(failure.notes.iter_mut().map(|(_, mark)| mark))
            });
            let of_rules = result.evidence.iter_mut().map(|rule| &mut rule.mark);
            for slot in of_failure.chain(of_rules) {
                touched |= move_mark(slot, path, edits);
            }
        }
        touched
    }

    /// What the engine's answers want to know, for the file at `path`.
    pub(super) fn of_file(&self, path: &Path) -> RunResults {
        let tests = self.tests.iter().map(|(name, result)| (name.clone(), result.for_engine())).collect();
        let rules = self.tests.iter().flat_map(|(name, result)| {
            let here = result.evidence.iter().filter_map(|rule| Some((rule, rule.mark.as_ref()?)));
            here.filter(|(_, mark)| mark.path == path).map(|(rule, mark)| RuleResult {
                test: name.clone(),
                span: Span::new(THIS_FILE, mark.start, mark.end),
                fired: rule.fired,
                seen: rule.seen,
                near_miss: rule.near_miss.clone(),
            })
        });
        RunResults { tests, rules: rules.collect() }
    }

    /// The recording of that run is gone.
    pub(super) fn forget_trace(&mut self, run_id: &str) {
        let of_run = self.tests.values_mut().filter(|result| result.run_id == run_id);
        of_run.for_each(|result| result.has_trace = false);
    }

    /// Full names of the tests whose last outcome was bad.
    pub(super) fn bad(&self) -> Vec<String> {
        self.tests.iter().filter(|(_, result)| result.is_bad()).map(|(name, _)| name.clone()).collect()
    }
}

fn move_mark(slot: &mut Option<Mark>, path: &Path, edits: &[EditSpan]) -> bool {
    let Some(mark) = slot.as_ref().filter(|mark| mark.path == path) else { return false };
    let mut at = Some((mark.start, mark.end));
    for edit in edits {
        at = at.and_then(|(start, end)| edit.moved(start, end));
    }
    *slot = at.map(|(start, end)| Mark { path: path.to_owned(), start, end });
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: u32, column: u32, end_column: u32) -> Place {
        Place { path: "x.star".into(), line, column, end_line: line, end_column }
    }

    #[test]
    fn places_of_a_run_follow_edits_made_since_it_started() {
        let source = Arc::new(Source::new("/x.star", "a = 1\n😀 = bad\n"));
        let mut texts = RunTexts::new("/".into(), [source]);
        assert_eq!(texts.mark(&place(1, 5, 8)), Some(Mark { path: "/x.star".into(), start: 13, end: 16 }));
        texts.edited(Path::new("/x.star"), &[EditSpan { start: 0, old_end: 1, new_end: 4 }]);
        assert_eq!(texts.mark(&place(1, 5, 8)).map(|mark| mark.start), Some(16));
        texts.edited(Path::new("/x.star"), &[EditSpan { start: 17, old_end: 18, new_end: 18 }]);
        assert_eq!(texts.mark(&place(1, 5, 8)), None);
    }
}
