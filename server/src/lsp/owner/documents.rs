//! What is open, in which version and with which settings, and what each change of it sets off.

use super::super::disk;
use super::super::document::{Document, EditSpan, path_of};
use super::super::main_loop::Cause;
use super::super::pool::Subject;
use super::super::to_proto;
use super::Owner;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tower_lsp::lsp_types::{self as lsp, Url};

impl Owner {
    pub(super) fn opened(&mut self, document: Document) {
        self.newest.insert(document.uri.clone(), document.version);
        self.recent.remove(&document.uri);
        let document = Arc::new(document);
        self.change().closed.remove(document.path());
        self.change().documents.insert(document.uri.clone(), Arc::clone(&document));
        self.analyse(document, Cause::Text);
    }

    pub(super) fn changed(
        &mut self,
        uri: &Url,
        version: i32,
        changes: Vec<lsp::TextDocumentContentChangeEvent>,
    ) {
        let Some(document) = self.world.document(uri) else { return };
        let recent = self.recent.entry(uri.clone()).or_default();
        let (next, edits) = recent.apply(document, version, changes, self.world.client.encoding);
        let path = next.path().clone();
        self.newest.insert(uri.clone(), next.version);
        for run in self.runs.active.values_mut() {
            run.texts.edited(&path, &edits);
        }
        let next = Arc::new(next);
        let world = self.change();
        let old = world.documents.insert(uri.clone(), Arc::clone(&next));
        for evaluation in world.evaluations.values_mut().filter(|evaluation| evaluation.reads(&path)) {
            Arc::make_mut(evaluation).edited(&path, &edits);
        }
        for results in world.results.values_mut() {
            Arc::make_mut(results).edited(&path, &edits);
        }
        self.discard(old);
        self.analyse(next, Cause::Text);
    }

    /// Frees a version nobody needs any more: the tree of a large text takes longer than others should wait.
    pub(super) fn discard(&self, old: Option<Arc<Document>>) {
        if let Some(old) = old {
            self.pool.run(Subject::Nothing, move || drop(old));
        }
    }

    /// What is known about the text goes with the buffer. The file stays a spec: what it declares, and what its last run
    /// found, is still true of it, unless the buffer held something else.
    pub(super) fn closed(&mut self, uri: &Url) {
        self.newest.remove(uri);
        self.recent.remove(uri);
        let path = path_of(uri);
        let world = self.change();
        let buffer = world.documents.remove(uri);
        let understood = world.understood.remove(uri);
        world.static_findings.remove(&path);
        world.evaluations.remove(&path);
        self.generations.remove(&path);
        self.analysed.remove(&path);
        if buffer.is_some() && !self.readers(&path).is_empty() {
            self.read_closed(&path);
        }
        if let Some(buffer) = buffer.filter(|buffer| !is_saved(buffer)) {
            let everything = [EditSpan { start: 0, old_end: buffer.source.text.len() as u32, new_end: 0 }];
            for results in self.change().results.values_mut() {
                Arc::make_mut(results).edited(&path, &everything);
            }
            self.tell_tests_of_closed(&path);
        }
        self.discard(understood);
        self.part_changed(&path);
        self.publish_changed();
    }

    /// Something outside the open documents, or an open one's text on disk, is different now.
    pub(super) fn file_changed(&mut self, path: &Path) {
        self.part_changed(path);
        self.tell_tests_of_closed(path);
    }

    /// Has the specs evaluated again that read the file.
    fn part_changed(&mut self, path: &Path) {
        if self.world.closed.contains_key(path) {
            self.read_closed(path);
        }
        let readers = self.readers(path);
        readers.iter().for_each(|root| self.check(root));
    }

    /// Reads a spec that is not open; one that cannot be read is forgotten.
    pub(super) fn read_closed(&mut self, path: &Path) {
        let read = to_proto::uri(path).zip(disk::text(path).ok());
        let world = self.change();
        match read {
            Some((uri, text)) => world.closed.insert(path.to_owned(), Arc::new(Document::new(uri, 0, text))),
            None => world.closed.remove(path),
        };
    }

    pub(super) fn folders_changed(&mut self, change: &lsp::WorkspaceFoldersChangeEvent) {
        let world = self.change();
        let removed: Vec<PathBuf> = change.removed.iter().map(|folder| path_of(&folder.uri)).collect();
        world.folders.retain(|folder| !removed.contains(folder));
        world.folders.extend(change.added.iter().map(|folder| path_of(&folder.uri)));
    }

    pub(super) fn settings_changed(&mut self, object: &serde_json::Value) {
        let settings = self.world.settings.with(Some(object));
        if settings == self.world.settings {
            return;
        }
        let was_trusted = self.world.settings.trusted;
        self.change().settings = settings;
        if was_trusted && !settings.trusted {
            self.runs.cancel(None);
            self.change().evaluations.clear();
            self.publish_changed();
        } else if settings.trusted && !was_trusted {
            let documents: Vec<_> = self.world.documents.values().cloned().collect();
            documents.into_iter().for_each(|document| self.analyse(document, Cause::Text));
        }
        self.refresh(true);
    }
}

/// True when the file has the text of the buffer.
fn is_saved(buffer: &Document) -> bool {
    let text = buffer.source.text.trim_start_matches(disk::BYTE_ORDER_MARK);
    disk::text(buffer.path()).is_ok_and(|saved| saved == text)
}
