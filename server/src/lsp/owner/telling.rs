//! What clients hear besides findings: tests, status and results for those that opted in, and when to ask again.

use super::super::disk;
use super::super::document::Document;
use super::super::ext::{
    FileTests, Health, ResultsChanged, ResultsChangedParams, Status, StatusParams, TestsChanged,
};
use super::super::outbox::Outbox;
use super::super::requests::discover;
use super::super::to_proto;
use super::Owner;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use tower_lsp::lsp_types::Url;
use tower_lsp::lsp_types::request::{CodeLensRefresh, InlayHintRefreshRequest};

/// Lenses are not asked for again sooner than this while a run goes on.
const REFRESH_PAUSE: Duration = Duration::from_millis(150);

impl Owner {
    pub(in crate::lsp) fn events(&self) -> Option<&Outbox> {
        self.world.client.test_events.then_some(&self.outbox)
    }

    /// A closed file keeps the tests it was told to have until it is gone, or its new text shows others. Those that
    /// only evaluation sees are not looked for again before it is opened.
    pub(super) fn tell_tests_of_closed(&mut self, path: &Path) {
        let Some(uri) = to_proto::uri(path).filter(|uri| self.told_tests.contains_key(uri)) else { return };
        if self.world.document(&uri).is_some() {
            return;
        }
        match disk::text(path) {
            Ok(text) => {
                let document = Document::new(uri, 0, text);
                let tests = discover::of_document(&self.world, &document).tests;
                if !tests.is_empty() {
                    self.tell_tests(FileTests { uri: document.uri, version: None, tests });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.tell_tests(FileTests { uri, version: None, tests: Vec::new() });
            }
            // Whatever hinders the reading, the file is there.
            Err(_) => {}
        }
    }

    /// Tells the tests of a file unless they are as told before.
    pub(super) fn tell_tests(&mut self, tests: FileTests) {
        let last = self.told_tests.get(&tests.uri);
        if last.map_or(tests.tests.is_empty(), |last| last.tests == tests.tests) {
            return;
        }
        if tests.tests.is_empty() {
            self.told_tests.remove(&tests.uri);
        } else {
            self.told_tests.insert(tests.uri.clone(), tests.clone());
        }
        self.outbox.notify::<TestsChanged>(tests);
    }

    pub(in crate::lsp) fn tell_status(&mut self) {
        let health = if self.trouble.is_some() { Health::Warning } else { Health::Ok };
        let status = StatusParams { health, running: self.runs.active.len(), message: self.trouble.clone() };
        if self.world.client.test_events && self.told_status.as_ref() != Some(&status) {
            self.told_status = Some(status.clone());
            self.outbox.notify::<Status>(status);
        }
    }

    pub(in crate::lsp) fn tell_results(&self, uri: &Url) {
        if let Some(outbox) = self.events() {
            outbox.notify::<ResultsChanged>(ResultsChangedParams { uri: uri.clone() });
        }
    }

    /// Has the client ask again for what it shows between the lines. Unless it is `important`, not too often.
    pub(in crate::lsp) fn refresh(&mut self, important: bool) {
        if !important && self.refreshed.is_some_and(|last| last.elapsed() < REFRESH_PAUSE) {
            return;
        }
        self.refreshed = Some(Instant::now());
        if self.world.client.refresh_lenses {
            self.outbox.request::<CodeLensRefresh>(());
        }
        if self.world.client.refresh_hints {
            self.outbox.request::<InlayHintRefreshRequest>(());
        }
    }
}
