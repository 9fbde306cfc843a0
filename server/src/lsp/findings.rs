//! The layers of findings of one file, merged: a client knows only one list per file.

use super::document::{Document, THIS_FILE};
use super::position::Encoding;
use super::results::{Mark, TestResult};
use super::state::{Evaluation, World};
use super::to_proto;
use faultbox_engine::diagnostic::{Code, Diagnostic, Fix};
use faultbox_engine::ide::findings::{Said, is_syntax};
use faultbox_engine::text::{FileId, Source, Span};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tower_lsp::lsp_types::{
    self as lsp, DiagnosticRelatedInformation, DiagnosticTag, Location, NumberOrString, Range, TextEdit,
};

/// Who says it: about the text.
pub(super) const SOURCE: &str = "faultbox";
/// Who says it: about a run.
pub(super) const RUN_SOURCE: &str = "faultbox run";

/// What travels with a finding so that a quick fix needs no second look.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct FindingData {
    pub(super) fixes: Vec<FixData>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct FixData {
    pub(super) title: String,
    pub(super) edits: Vec<TextEdit>,
}

/// Everything there is to say about the file at `path`, sorted by place.
pub(super) fn of_file(world: &World, path: &Path) -> Vec<lsp::Diagnostic> {
    let mut said = Said::default();
    let mut all = Vec::new();
    if let Some(found) = world.static_findings.get(path) {
        let files = [path.to_owned()];
        let to_lsp = Converter::new(world, &files);
        let found = found.iter().filter(|finding| said.by_text(finding));
        all.extend(found.filter_map(|finding| to_lsp.finding(finding)));
    }
    for evaluation in world.evaluations.values() {
        let to_lsp = Converter::new(world, &evaluation.files);
        let found = evaluated(world, evaluation, path).filter(|finding| said.by_evaluation(finding));
        all.extend(found.filter_map(|finding| to_lsp.finding(finding)));
    }
    all.extend(of_runs(world, path));
    all.sort_by_key(|found| (found.range.start, found.range.end));
    all
}

/// Findings about the text of an open document, with spans in it, for whoever offers their fixes.
pub(super) fn of_text(world: &World, document: &Document) -> Vec<Diagnostic> {
    let path = document.path();
    let mut said = Said::default();
    let text = world.static_findings.get(path).into_iter().flat_map(|found| found.iter());
    let mut all: Vec<Diagnostic> = text.filter(|finding| said.by_text(finding)).cloned().collect();
    for evaluation in world.evaluations.values() {
        let found = evaluated(world, evaluation, path).filter(|finding| said.by_evaluation(finding));
        all.extend(found.filter_map(|finding| only_in(finding, finding.primary.span.file)));
    }
    all
}

/// What the evaluation says about the file. Syntax is the text's own to tell once that has changed.
fn evaluated<'e>(
    world: &World,
    evaluation: &'e Evaluation,
    path: &Path,
) -> impl Iterator<Item = &'e Diagnostic> {
    let is_old = evaluation.is_old && world.document_at(path).is_some();
    let file = evaluation.file_id(path);
    let findings = evaluation.findings.iter();
    findings.filter(move |finding| {
        Some(finding.primary.span.file) == file && !(is_old && is_syntax(finding.code))
    })
}

/// The finding as one of a single file; fixes that reach into others are left out.
fn only_in(finding: &Diagnostic, file: FileId) -> Option<Diagnostic> {
    let here = |span: Span| (span.file == file).then_some(Span { file: THIS_FILE, ..span });
    let mut finding = finding.clone();
    finding.primary.span = here(finding.primary.span)?;
    finding.secondary.clear();
    finding.fixes.retain_mut(|fix| {
        fix.edits.iter_mut().all(|edit| {
            let at = here(edit.span);
            edit.span = at.unwrap_or(edit.span);
            at.is_some()
        })
    });
    Some(finding)
}

/// Converts findings whose spans number files by their place in `files`.
struct Converter<'w> {
    encoding: Encoding,
    files: &'w [PathBuf],
    world: &'w World,
}

impl<'w> Converter<'w> {
    fn new(world: &'w World, files: &'w [PathBuf]) -> Converter<'w> {
        Converter { encoding: world.client.encoding, files, world }
    }

    fn source(&self, file: FileId) -> Option<Arc<Source>> {
        self.world.source(self.files.get(file.0 as usize)?)
    }

    fn location(&self, span: Span) -> Option<Location> {
        let uri = to_proto::uri(self.files.get(span.file.0 as usize)?)?;
        let range = |source: Arc<Source>| to_proto::range(&source, span.start, span.end, self.encoding);
        // What is wrong with a file may be that it is no text.
        Some(Location { uri, range: self.source(span.file).map(range).unwrap_or_default() })
    }

    fn finding(&self, finding: &Diagnostic) -> Option<lsp::Diagnostic> {
        let location = self.location(finding.primary.span)?;
        let related = finding.secondary.iter().filter_map(|label| {
            let location = self.location(label.span)?;
            let message = if label.text.is_empty() { "see also".to_owned() } else { label.text.clone() };
            Some(DiagnosticRelatedInformation { location, message })
        });
        let related: Vec<_> = related.collect();
        let fixes = finding.fixes.iter().filter_map(|fix| self.fix(fix, finding.primary.span.file));
        let data = FindingData { fixes: fixes.collect() };
        Some(lsp::Diagnostic {
            range: location.range,
            severity: Some(to_proto::severity(finding.severity)),
            code: Some(NumberOrString::String(finding.code.id().to_owned())),
            source: Some(SOURCE.to_owned()),
            message: sentence(finding),
            related_information: (!related.is_empty()).then_some(related),
            tags: tags(finding.code),
            data: if data.fixes.is_empty() { None } else { serde_json::to_value(data).ok() },
            ..lsp::Diagnostic::default()
        })
    }

    /// A fix that stays within its file; others cannot be carried in a plain list of edits.
    fn fix(&self, fix: &Fix, file: FileId) -> Option<FixData> {
        let source = self.source(file)?;
        let edit = |edit: &faultbox_engine::diagnostic::Edit| {
            let span = edit.span;
            let range = to_proto::range(&source, span.start, span.end, self.encoding);
            (span.file == file).then(|| TextEdit { range, new_text: edit.text.clone() })
        };
        let edits = fix.edits.iter().map(edit).collect::<Option<Vec<_>>>()?;
        Some(FixData { title: fix.title.clone(), edits })
    }
}

/// Message, notes and help as one text: a client shows nothing else.
fn sentence(finding: &Diagnostic) -> String {
    let mut text = finding.message.clone();
    if !finding.primary.text.is_empty() && !text.contains(&finding.primary.text) {
        text.push_str(&format!(" ({})", finding.primary.text));
    }
    finding.notes.iter().for_each(|note| text.push_str(&format!("\n{note}")));
    finding.help.iter().for_each(|help| text.push_str(&format!("\nhelp: {help}")));
    text
}

fn tags(code: Code) -> Option<Vec<DiagnosticTag>> {
    matches!(code, Code::UnusedLoad | Code::UnusedAssumption | Code::ShadowedRule)
        .then(|| vec![DiagnosticTag::UNNECESSARY])
}

/// Outcomes that point into the file.
fn of_runs(world: &World, path: &Path) -> Vec<lsp::Diagnostic> {
    let results = world.results.values().flat_map(|results| &results.tests);
    results.filter_map(|(test, result)| of_result(world, path, test, result)).collect()
}

fn of_result(world: &World, path: &Path, test: &str, result: &TestResult) -> Option<lsp::Diagnostic> {
    let failure = result.failure.as_ref()?;
    let mark = failure.mark.as_ref().filter(|mark| mark.path == path)?;
    let mut related = Vec::new();
    let mut message = failure.message.clone();
    if !failure.label.is_empty() {
        message.push_str(&format!("\n{}", failure.label));
    }
    for (text, at) in &failure.notes {
        match at.as_ref().and_then(|mark| location(world, mark)) {
            Some(location) => related.push(DiagnosticRelatedInformation { location, message: text.clone() }),
            None => message.push_str(&format!("\n{text}")),
        }
    }
    for rule in &result.evidence {
        if let Some(location) = rule.mark.as_ref().and_then(|mark| location(world, mark)) {
            let text = format!("{} {}", rule.rule, rule.summary);
            related.push(DiagnosticRelatedInformation { location, message: text });
        }
    }
    failure.help.iter().for_each(|help| message.push_str(&format!("\nhelp: {help}")));
    Some(lsp::Diagnostic {
        range: location(world, mark)?.range,
        severity: Some(lsp::DiagnosticSeverity::ERROR),
        code: Some(NumberOrString::String(test.to_owned())),
        source: Some(RUN_SOURCE.to_owned()),
        message,
        related_information: (!related.is_empty()).then_some(related),
        data: Some(json!({ "runId": result.run_id, "test": test })),
        ..lsp::Diagnostic::default()
    })
}

fn location(world: &World, mark: &Mark) -> Option<Location> {
    let source = world.source(&mark.path)?;
    let range: Range = to_proto::range(&source, mark.start, mark.end, world.client.encoding);
    Some(Location { uri: to_proto::uri(&mark.path)?, range })
}

/// Every file something could be said about.
pub(super) fn files(world: &World) -> BTreeSet<PathBuf> {
    let open = world.documents.values().map(|document| document.path().clone());
    let evaluated = world.evaluations.values().flat_map(|evaluation| evaluation.files.iter().cloned());
    let failed = world.results.values().flat_map(|results| results.tests.values());
    let marks = failed.filter_map(|result| Some(result.failure.as_ref()?.mark.as_ref()?.path.clone()));
    open.chain(evaluated).chain(marks).collect()
}
