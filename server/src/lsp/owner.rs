//! What each event does to the world, and what follows from it. `documents` holds what clients do with their documents,
//! `telling` what they hear besides findings.

mod documents;
mod telling;

use super::checker::{Checked, Checker, Question};
use super::document::{Document, path_of};
use super::ext::{FileTests, StatusParams};
use super::findings;
use super::main_loop::{Analysed, Cause, Event, Mailbox, Query};
use super::outbox::Outbox;
use super::pool::{Pool, Subject};
use super::recent::Recent;
use super::requests::discover;
use super::runs::RunTable;
use super::state::{Evaluation, World};
use super::{capabilities, statics, to_proto, workspace};
use dashmap::DashMap;
use faultbox_engine::diagnostic::{Code, Diagnostic, Severity};
use faultbox_engine::text::{FileId, Span};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Handle;
use tower_lsp::lsp_types::notification::PublishDiagnostics;
use tower_lsp::lsp_types::request::RegisterCapability;
use tower_lsp::lsp_types::{self as lsp, PublishDiagnosticsParams, RegistrationParams, Url};

/// Owns the world; [`super::main_loop`] feeds it.
pub(super) struct Owner {
    pub(super) world: Arc<World>,
    pub(super) runs: RunTable,
    pub(super) mailbox: Mailbox,
    pub(super) outbox: Outbox,
    pub(super) runtime: Handle,
    pub(super) program: PathBuf,
    pool: Pool,
    checker: Checker,
    recent: BTreeMap<Url, Recent>,
    /// The newest version of each open document, so that work on older ones is skipped.
    newest: Arc<DashMap<Url, i32>>,
    /// Which version of each open document `static_findings` are about.
    analysed: BTreeMap<PathBuf, i32>,
    /// How many questions were asked.
    asked: u64,
    /// The last question about each root; only its answer is taken.
    generations: BTreeMap<PathBuf, u64>,
    published: BTreeMap<PathBuf, Vec<lsp::Diagnostic>>,
    told_tests: BTreeMap<Url, FileTests>,
    told_status: Option<StatusParams>,
    refreshed: Option<Instant>,
    trouble: Option<String>,
}

impl Owner {
    pub(super) fn new(mailbox: Mailbox, outbox: Outbox, runtime: Handle) -> io::Result<Owner> {
        let program = std::env::current_exe()?;
        let checked = mailbox.clone();
        let entered = runtime.enter();
        let checker = Checker::start(program.clone(), move |result| checked.put(Event::Checked(result)));
        drop(entered);
        Ok(Owner {
            world: Arc::default(),
            runs: RunTable::default(),
            mailbox,
            outbox,
            runtime,
            program,
            pool: Pool::start()?,
            checker,
            recent: BTreeMap::new(),
            newest: Arc::default(),
            analysed: BTreeMap::new(),
            asked: 0,
            generations: BTreeMap::new(),
            published: BTreeMap::new(),
            told_tests: BTreeMap::new(),
            told_status: None,
            refreshed: None,
            trouble: None,
        })
    }

    pub(super) fn take(&mut self, event: Event) {
        match event {
            Event::Started { client, settings, folders } => {
                let world = self.change();
                (world.client, world.settings, world.folders) = (client, settings, folders);
            }
            Event::Initialized => self.initialized(),
            Event::Opened { uri, version, text } => self.opened(Document::new(uri, version, text)),
            Event::Changed { uri, version, changes } => self.changed(&uri, version, changes),
            Event::Closed { uri } => self.closed(&uri),
            Event::FoldersChanged(change) => self.folders_changed(&change),
            Event::FilesChanged(uris) => uris.iter().for_each(|uri| self.file_changed(&path_of(uri))),
            Event::SettingsChanged(object) => self.settings_changed(&object),
            Event::Ask { about, query } => self.ask(about, query),
            Event::Order(order, reply) => {
                // A client that cancelled its request does not wait for the answer.
                let _ = reply.send(self.obey(order));
            }
            Event::Analysed(analysed) => self.analysed(analysed),
            Event::Checked(checked) => self.checked(checked),
            Event::Ran { run_id, fact } => self.ran(&run_id, fact),
            Event::Stop(done) => {
                self.runs.cancel(None);
                // Whoever asked may be gone.
                let _ = done.send(());
            }
        }
    }

    /// The world, to change it; readers keep the copy they have.
    pub(super) fn change(&mut self) -> &mut World {
        Arc::make_mut(&mut self.world)
    }

    fn ask(&self, about: Option<Url>, query: Query) {
        let world = Arc::clone(&self.world);
        let about = about.map_or(Subject::Nothing, Subject::Question);
        self.pool.run(about, move || query(&world));
    }

    fn initialized(&mut self) {
        if self.world.client.watches_files {
            let registrations = vec![capabilities::watch_files()];
            self.outbox.request::<RegisterCapability>(RegistrationParams { registrations });
        }
        self.tell_status();
    }

    // --- findings ---

    /// Looks at the text itself, off this thread, unless a newer version has come by then.
    fn analyse(&self, document: Arc<Document>, cause: Cause) {
        let (newest, mailbox) = (Arc::clone(&self.newest), self.mailbox.clone());
        let world = Arc::clone(&self.world);
        self.pool.run(Subject::Analysis(document.uri.clone()), move || {
            let is_newest = || newest.get(&document.uri).is_some_and(|version| *version == document.version);
            if !is_newest() {
                return;
            }
            let findings =
                if world.is_spec(&document) { statics::findings(&world, &document) } else { Vec::new() };
            let tests = world.client.test_events.then(|| discover::of_document(&world, &document));
            let is_root = world.is_root(&document);
            mailbox.put(Event::Analysed(Analysed { document, findings, tests, is_root, cause }));
        });
    }

    fn analysed(&mut self, analysed: Analysed) {
        let document = analysed.document;
        if !self.world.document(&document.uri).is_some_and(|newest| Arc::ptr_eq(newest, &document)) {
            return self.discard(Some(document));
        }
        let path = document.path().clone();
        self.analysed.insert(path.clone(), document.version);
        let world = self.change();
        let old = world.understood.insert(document.uri.clone(), Arc::clone(&document));
        world.static_findings.insert(path.clone(), Arc::new(analysed.findings));
        self.discard(old);
        self.publish(&path, analysed.cause == Cause::Text);
        if let Some(tests) = analysed.tests {
            self.tell_tests(tests);
        }
        if analysed.cause == Cause::Outline {
            return;
        }
        let mut roots = self.readers(&path);
        let is_root = analysed.is_root && !self.is_part(&path);
        if is_root && !roots.contains(&path) {
            roots.push(path.clone());
        } else if !is_root && self.world.evaluations.contains_key(&path) {
            self.change().evaluations.remove(&path);
            roots.retain(|root| *root != path);
        }
        roots.iter().for_each(|root| self.check(root));
    }

    /// Roots whose evaluation read the file.
    fn readers(&self, path: &Path) -> Vec<PathBuf> {
        let all = self.world.evaluations.iter();
        all.filter(|(_, evaluation)| evaluation.reads(path)).map(|(root, _)| root.clone()).collect()
    }

    /// True when another evaluated spec loads the file.
    fn is_part(&self, path: &Path) -> bool {
        self.readers(path).iter().any(|root| root != path)
    }

    /// Has the spec evaluated once it rests.
    fn check(&mut self, root: &Path) {
        if !self.world.settings.trusted || !root.is_absolute() {
            return;
        }
        self.asked += 1;
        self.generations.insert(root.to_owned(), self.asked);
        let within = workspace::bound(&self.world.folders, root).to_owned();
        let buffers = self.world.readable_buffers();
        self.checker.check(self.asked, Question { root: root.to_owned(), within, buffers });
    }

    fn checked(&mut self, checked: Checked) {
        let root = checked.root;
        let is_current = self.generations.get(&root) == Some(&checked.generation);
        let is_open = self.world.document_at(&root).is_some();
        if !is_current || !is_open || !self.world.settings.trusted {
            return;
        }
        self.trouble = match &checked.result {
            Err(super::checker::Refused::Broken(why)) => Some(why.clone()),
            _ => None,
        };
        let old = self.world.evaluations.get(&root).cloned();
        let next = match checked.result {
            Ok(evaluation) => evaluation.over(old.as_deref()),
            Err(refused) => {
                let hint = Diagnostic {
                    severity: Severity::Hint,
                    ..Diagnostic::new(Code::EvaluationLimit, Span::start_of(FileId(0)), refused.to_string())
                };
                let outline = old.as_ref().map(|old| old.outline.clone()).unwrap_or_default();
                Evaluation { outline, files: vec![root.clone()], findings: vec![hint], is_old: false }
            }
        };
        let parts: Vec<PathBuf> = next.files.iter().filter(|file| **file != root).cloned().collect();
        let is_other = old.is_none_or(|old| old.outline != next.outline);
        let mut files: Vec<PathBuf> = next.files.clone();
        files.retain(|_| is_other);
        let world = self.change();
        world.evaluations.insert(root, Arc::new(next));
        for part in &parts {
            world.evaluations.remove(part);
        }
        // What was asked about a part before it was known as one is not wanted any more.
        self.generations.retain(|root, _| !parts.contains(root));
        let unread = |part: &&PathBuf| {
            self.world.document_at(part).is_none() && !self.world.closed.contains_key(*part)
        };
        let unread: Vec<PathBuf> = parts.iter().filter(unread).cloned().collect();
        unread.iter().for_each(|part| self.read_closed(part));
        self.publish_changed();
        // What a text says, and its tests, depend on what is declared where only evaluation can tell.
        for document in files.iter().filter_map(|file| self.world.document_at(file)) {
            self.analyse(Arc::clone(document), Cause::Outline);
        }
        self.tell_status();
        self.refresh(true);
    }

    /// Sends the file's findings; when `always` is false, only if they changed.
    ///
    /// While a new version is being looked at, nothing is sent: what is known belongs to the one before, and all of it
    /// follows with what is found.
    fn publish(&mut self, path: &Path, always: bool) {
        if self
            .world
            .document_at(path)
            .is_some_and(|document| self.analysed.get(path) != Some(&document.version))
        {
            return;
        }
        let found = findings::of_file(&self.world, path);
        let last = self.published.get(path);
        if !always && last.map_or(found.is_empty(), |last| *last == found) {
            return;
        }
        let open = self.world.document_at(path);
        let version = open.map(|document| document.version);
        let uri = open.map(|document| document.uri.clone()).or_else(|| to_proto::uri(path));
        let Some(uri) = uri else { return };
        if found.is_empty() && open.is_none() {
            self.published.remove(path);
        } else {
            self.published.insert(path.to_owned(), found.clone());
        }
        self.outbox.notify::<PublishDiagnostics>(PublishDiagnosticsParams {
            uri,
            diagnostics: found,
            version,
        });
    }

    /// Publishes every file whose findings changed.
    pub(super) fn publish_changed(&mut self) {
        let mut files = findings::files(&self.world);
        files.extend(self.published.keys().cloned());
        files.iter().for_each(|path| self.publish(path, false));
    }
}
