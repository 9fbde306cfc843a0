//! Everything the server knows, as one value: the owner changes it, readers get a cheap copy.

use super::disk::{self, Disk};
use super::document::{Document, EditSpan, path_of};
use super::neighbours::Freshness;
use super::results::SpecResults;
use super::settings::{Client, Settings};
use super::workspace;
use faultbox_engine::diagnostic::Diagnostic;
use faultbox_engine::ide::kin::Kin;
use faultbox_engine::ide::results::RunResults;
use faultbox_engine::ide::{Outline, Snapshot};
use faultbox_engine::syntax::size_complaint;
use faultbox_engine::text::{FileId, Source, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tower_lsp::lsp_types::Url;

/// A snapshot; cloning it copies pointers.
#[derive(Debug, Clone, Default)]
pub(super) struct World {
    pub(super) client: Client,
    pub(super) settings: Settings,
    pub(super) folders: Vec<PathBuf>,
    pub(super) documents: BTreeMap<Url, Arc<Document>>,
    /// The last version of each open document whose tree was made, for answers about others.
    pub(super) understood: BTreeMap<Url, Arc<Document>>,
    /// Specs that open ones load and that are not open themselves.
    pub(super) closed: BTreeMap<PathBuf, Arc<Document>>,
    /// Files that were read for a question about others.
    pub(super) disk: Arc<Disk>,
    /// What is wrong with the text of each open document, by its path, as of its version.
    pub(super) static_findings: BTreeMap<PathBuf, Arc<Vec<Diagnostic>>>,
    /// By root spec.
    pub(super) evaluations: BTreeMap<PathBuf, Arc<Evaluation>>,
    /// By root spec.
    pub(super) results: BTreeMap<PathBuf, Arc<SpecResults>>,
}

/// What evaluating a spec found, with spans moved along by later edits.
#[derive(Debug, Clone, Default)]
pub(super) struct Evaluation {
    /// What is declared, as of the last time evaluation reached the end of the spec.
    pub(super) outline: Outline,
    /// `FileId(n)` of a finding is the n-th of these.
    pub(super) files: Vec<PathBuf>,
    pub(super) findings: Vec<Diagnostic>,
    /// True once a file it was made from has changed.
    pub(super) is_old: bool,
}

impl World {
    pub(super) fn document(&self, uri: &Url) -> Option<&Arc<Document>> {
        self.documents.get(uri)
    }

    pub(super) fn document_at(&self, path: &Path) -> Option<&Arc<Document>> {
        self.documents.values().find(|document| document.path() == path)
    }

    /// The text at `path`: the open buffer, else the file.
    pub(super) fn source(&self, path: &Path) -> Option<Arc<Source>> {
        if let Some(document) = self.document_at(path).or_else(|| self.closed.get(path)) {
            return Some(Arc::clone(&document.source));
        }
        let text = disk::text(path).ok()?;
        Some(Arc::new(Source::new(path, text)))
    }

    /// True when the document is ours to judge: it reads like a spec, or a spec loads it. May read the files around it.
    pub(super) fn is_spec(&self, document: &Document) -> bool {
        self.is_ours(document) || self.is_loaded(document.path())
    }

    /// True when the document can be evaluated for itself. Paths in a part that is loaded from another folder only start
    /// there. May read the files around it.
    pub(super) fn is_root(&self, document: &Document) -> bool {
        let is_part = || {
            let (own, loaders) = (document.path().parent(), &self.kin(document).loaders);
            !loaders.is_empty() && !loaders.iter().any(|folder| Some(folder.as_path()) == own)
        };
        document.is_readable() && (document.reads_like_a_spec() || self.is_ours(document) && !is_part())
    }

    fn is_ours(&self, document: &Document) -> bool {
        let by_kin = || self.kin(document).has_spec_beside || !self.kin(document).loaders.is_empty();
        document.reads_like_a_spec()
            || !document.is_foreign()
                && (document.plain_loads().any(|path| self.reads_like_a_spec(&path)) || by_kin())
    }

    fn reads_like_a_spec(&self, path: &Path) -> bool {
        let closed = || self.disk.look(path, self.closed.get(path));
        self.document_at(path).cloned().or_else(closed).is_some_and(|document| document.reads_like_a_spec())
    }

    fn kin<'d>(&self, document: &'d Document) -> &'d Kin {
        document.kin(workspace::bound(&self.folders, document.path()))
    }

    fn is_loaded(&self, path: &Path) -> bool {
        self.evaluations.iter().any(|(root, evaluation)| root != path && evaluation.file_id(path).is_some())
    }

    /// The evaluation of the spec at `path`, or of one that loads it.
    pub(super) fn evaluation(&self, path: &Path) -> Option<&Arc<Evaluation>> {
        let loads = || self.evaluations.values().find(|evaluation| evaluation.file_id(path).is_some());
        self.evaluations.get(path).or_else(loads)
    }

    pub(super) fn results(&self, uri: &Url) -> Option<&Arc<SpecResults>> {
        self.results.get(&path_of(uri))
    }

    /// Calls `answer` with the document and everything known around it. Another open document that is just being parsed
    /// takes part as it was before, so that nobody waits for it.
    pub(super) fn with_snapshot<R>(&self, document: &Document, answer: impl FnOnce(&Snapshot<'_>) -> R) -> R {
        let others = self.open_specs(Freshness::Understood).chain(self.closed.values());
        self.with_others(document, others, &BTreeMap::new(), answer)
    }

    /// Every document as it is now, for answers that point into others.
    pub(super) fn with_exact_snapshot<R>(
        &self,
        document: &Document,
        answer: impl FnOnce(&Snapshot<'_>) -> R,
    ) -> R {
        let others = self.open_specs(Freshness::Newest).chain(self.closed.values());
        self.with_others(document, others, &BTreeMap::new(), answer)
    }

    /// The open documents that are ours, as new as asked for.
    pub(super) fn open_specs(&self, freshness: Freshness) -> impl Iterator<Item = &Arc<Document>> {
        let open = self.documents.values().filter_map(move |document| {
            let is_fit = freshness != Freshness::Understood || document.is_understood();
            if is_fit { Some(document) } else { self.understood.get(&document.uri) }
        });
        open.filter(|document| self.is_spec(document))
    }

    /// Of several with one path, the first counts.
    pub(super) fn with_others<'w, R>(
        &self,
        document: &'w Document,
        others: impl Iterator<Item = &'w Arc<Document>>,
        root_folders: &BTreeMap<PathBuf, PathBuf>,
        answer: impl FnOnce(&Snapshot<'_>) -> R,
    ) -> R {
        let mut paths = BTreeSet::from([document.path()]);
        let others = others.filter(|other| paths.insert(other.path()));
        let others: Vec<_> = others.map(|other| other.view()).collect();
        let outline = self.evaluation(document.path()).map(|evaluation| &evaluation.outline);
        let root_folders = Some(root_folders);
        answer(&Snapshot { file: document.view(), others: &others, outline, root_folders })
    }

    /// What the last runs said about the document: the outcomes of its own tests, and what rules in it did in any spec.
    pub(super) fn run_results(&self, document: &Document) -> RunResults {
        let path = document.path();
        let mut all = RunResults::default();
        for (root, results) in &self.results {
            let found = results.of_file(path);
            all.rules.extend(found.rules);
            if root == path {
                all.tests = found.tests;
            }
        }
        all
    }

    /// The open buffers that can be part of a spec, for an evaluation. Nobody needs to carry the others around.
    pub(super) fn readable_buffers(&self) -> BTreeMap<PathBuf, Arc<str>> {
        let mut buffers = self.buffers();
        buffers.retain(|_, text| size_complaint(text.len()).is_none());
        buffers
    }

    /// Every open buffer, for whoever reads files in our place.
    pub(super) fn buffers(&self) -> BTreeMap<PathBuf, Arc<str>> {
        let open = self.documents.values();
        open.map(|document| (document.path().clone(), Arc::clone(&document.source.text))).collect()
    }
}

impl Evaluation {
    pub(super) fn new(outline: Outline, findings: Vec<Diagnostic>) -> Evaluation {
        Evaluation { files: outline.files.clone(), outline, findings, is_old: false }
    }

    /// This evaluation, with what the one before declared where this one did not reach the end. What this one asked for
    /// counts all the same: a data file that was missing may come.
    pub(super) fn over(mut self, old: Option<&Evaluation>) -> Evaluation {
        if let Some(old) = old.filter(|old| !self.outline.complete && old.outline.complete) {
            let asked = std::mem::replace(&mut self.outline, old.outline.clone()).data_files;
            let known = &mut self.outline.data_files;
            known.extend(asked.into_iter().filter(|file| !old.outline.data_files.contains(file)));
        }
        self
    }

    pub(super) fn file_id(&self, path: &Path) -> Option<FileId> {
        position(&self.files, path)
    }

    /// True when the spec was made from this file, as text or as data.
    pub(super) fn reads(&self, path: &Path) -> bool {
        let texts = self.files.iter().chain(&self.outline.files);
        texts.chain(&self.outline.data_files).any(|file| file == path)
    }

    /// Moves every span in `path`. A finding whose place was changed is dropped: it will be found again or is mended.
    pub(super) fn edited(&mut self, path: &Path, edits: &[EditSpan]) {
        self.is_old = true;
        if let Some(file) = position(&self.outline.files, path) {
            move_outline(&mut self.outline, file, edits);
        }
        let Some(file) = self.file_id(path) else { return };
        let moved = |span: Span| -> Option<Span> {
            if span.file != file {
                return Some(span);
            }
            let at =
                edits.iter().try_fold((span.start, span.end), |(start, end), edit| edit.moved(start, end))?;
            Some(Span { file, start: at.0, end: at.1 })
        };
        self.findings.retain_mut(|finding| move_finding(finding, moved));
    }
}

fn position(files: &[PathBuf], path: &Path) -> Option<FileId> {
    let at = files.iter().position(|file| file == path)?;
    u32::try_from(at).ok().map(FileId)
}

fn move_outline(outline: &mut Outline, file: FileId, edits: &[EditSpan]) {
    outline.for_each_span(&mut |span| {
        if span.file != file {
            return;
        }
        for edit in edits {
            let at = edit.stretched(span.start, span.end);
            (span.start, span.end) = at.unwrap_or((edit.new_end, edit.new_end));
        }
    });
}

fn move_finding(finding: &mut Diagnostic, moved: impl Fn(Span) -> Option<Span>) -> bool {
    let Some(primary) = moved(finding.primary.span) else { return false };
    finding.primary.span = primary;
    finding.secondary.retain_mut(|label| {
        let at = moved(label.span);
        label.span = at.unwrap_or(label.span);
        at.is_some()
    });
    finding.fixes.retain_mut(|fix| {
        fix.edits.iter_mut().all(|edit| {
            let at = moved(edit.span);
            edit.span = at.unwrap_or(edit.span);
            at.is_some()
        })
    });
    true
}
