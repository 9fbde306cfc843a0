//! The one owner of the documents takes every message in order, one at a time, on a thread of its own.

use super::checker::Checked;
use super::document::Document;
use super::ext::{CancelArgs, FileTests, RunArgs, TraceParams, UriArgs};
use super::outbox::Outbox;
use super::owner::Owner;
use super::run_child::Fact;
use super::settings::{Client, Settings};
use super::state::World;
use faultbox_engine::diagnostic::Diagnostic;
use serde_json::Value;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::{io, thread};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tower_lsp::jsonrpc;
use tower_lsp::lsp_types::{TextDocumentContentChangeEvent, Url, WorkspaceFoldersChangeEvent};

/// Everything that can happen to the server.
pub(super) enum Event {
    // From the client.
    Started {
        client: Client,
        settings: Settings,
        folders: Vec<PathBuf>,
    },
    /// The client is ready to be asked for things.
    Initialized,
    Opened {
        uri: Url,
        version: i32,
        text: String,
    },
    Changed {
        uri: Url,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
    },
    Closed {
        uri: Url,
    },
    FoldersChanged(WorkspaceFoldersChangeEvent),
    FilesChanged(Vec<Url>),
    SettingsChanged(Value),
    /// A question that only reads; it is answered from a copy, on another thread.
    Ask {
        /// The document it is about.
        about: Option<Url>,
        query: Query,
    },
    Order(Order, Reply),
    // From within.
    Analysed(Analysed),
    Checked(Checked),
    Ran {
        run_id: String,
        fact: Fact,
    },
    /// Cancel every run and answer once the orders are out.
    Stop(oneshot::Sender<()>),
}

/// Answers a question about the world it is given.
pub(super) type Query = Box<dyn FnOnce(&World) + Send>;

/// Where the answer of an order goes.
pub(super) type Reply = oneshot::Sender<jsonrpc::Result<Value>>;

/// What a client can order.
#[derive(Debug)]
pub(super) enum Order {
    Run(RunArgs),
    RerunFailed(UriArgs),
    Cancel(CancelArgs),
    ClearResults(UriArgs),
    ShowCommand(RunArgs),
    Trace(TraceParams),
}

/// What the text of one version of a document says about itself.
#[derive(Debug)]
pub(super) struct Analysed {
    pub(super) document: Arc<Document>,
    pub(super) findings: Vec<Diagnostic>,
    /// For a client that asked for them.
    pub(super) tests: Option<FileTests>,
    /// Whether it can be evaluated for itself, which may be told by the files around it only.
    pub(super) is_root: bool,
    pub(super) cause: Cause,
}

/// Why a document was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Its text is new, so that it has to be evaluated again, too.
    Text,
    /// Its evaluation found something else declared than before.
    Outline,
}

/// Where events go; clones reach the same owner.
#[derive(Clone)]
pub(super) struct Mailbox {
    events: Sender<Event>,
}

impl Mailbox {
    /// One that nobody empties.
    pub(super) fn dead() -> Mailbox {
        Mailbox { events: channel().0 }
    }

    pub(super) fn put(&self, event: Event) {
        // The owner lives as long as the process.
        let _ = self.events.send(event);
    }
}

/// Starts the owner's thread. `runtime` runs what needs pipes and timers.
pub(super) fn start(outbox: Outbox, runtime: Handle) -> io::Result<Mailbox> {
    let (events, coming) = channel();
    let mailbox = Mailbox { events };
    let owner = Owner::new(mailbox.clone(), outbox, runtime)?;
    thread::Builder::new().name("documents".to_owned()).spawn(move || serve(owner, &coming))?;
    Ok(mailbox)
}

fn serve(mut owner: Owner, coming: &Receiver<Event>) {
    while let Ok(event) = coming.recv() {
        // A panic loses this event only: the world is changed by whole assignments. The hook has written it to stderr.
        let _ = catch_unwind(AssertUnwindSafe(|| owner.take(event)));
    }
}
