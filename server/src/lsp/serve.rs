//! `faultbox lsp`: the server on standard input and output. Standard output carries the protocol and nothing else.

use super::backend::Backend;
use super::ext;
use super::main_loop;
use super::outbox::Outbox;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tower_lsp::jsonrpc::Request;
use tower_lsp::{LspService, Server};
use tower_service::Service;

/// How many requests may wait for their answer at once; answers come from elsewhere, so waiting costs nothing.
const MAX_WAITING: usize = 64;

/// How often to look whether the editor is still there.
const WATCH_EVERY: Duration = Duration::from_secs(3);

/// Serves until the client says `exit` or standard input ends. Runs end with this process.
pub(crate) fn serve() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(run()) {
        // Not `return`: a thread of the runtime may be blocked reading standard input.
        Ok(code) => std::process::exit(code),
        Err(error) => failed(&error),
    }
}

#[expect(clippy::print_stderr, reason = "there is no client to tell it to")]
fn failed(error: &io::Error) -> ExitCode {
    eprintln!("faultbox lsp: cannot start: {error}");
    ExitCode::FAILURE
}

/// Serves; returns the exit code the protocol asks for: 0 when `shutdown` came first.
async fn run() -> io::Result<i32> {
    let mut started = Ok(());
    let (service, socket) = LspService::build(|client| {
        let outbox = Outbox::start(client);
        let mailbox = main_loop::start(outbox, Handle::current());
        Backend::new(mailbox.unwrap_or_else(|error| {
            started = Err(error);
            main_loop::Mailbox::dead()
        }))
    })
    .custom_method(ext::PROGRESS_CANCEL, Backend::progress_cancel)
    .custom_method(ext::DISCOVER_TESTS, Backend::discover_tests)
    .custom_method(ext::MATRIX, Backend::matrix)
    .custom_method(ext::RESULTS, Backend::results)
    .custom_method(ext::TRACE, Backend::trace)
    .finish();
    started?;
    let end = Arc::new(End::default());
    let service = Mended { inner: service, end: Arc::clone(&end) };
    let server = Server::new(tokio::io::stdin(), tokio::io::stdout(), socket).concurrency_level(MAX_WAITING);
    tokio::select! {
        () = server.serve(service) => {}
        () = end.exited.notified() => {}
    }
    Ok(if end.was_shut_down.load(Ordering::Relaxed) { 0 } else { 1 })
}

#[derive(Default)]
struct End {
    was_shut_down: AtomicBool,
    exited: Notify,
}

/// Mends what tower-lsp 0.20 gets wrong: it goes on after `exit` while standard input is open, which leaves an orphan
/// behind, and it refuses `shutdown` with `"params": null`, which is what some clients send.
struct Mended<S> {
    inner: S,
    end: Arc<End>,
}

impl<S: Service<Request>> Service<Request> for Mended<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> S::Future {
        let (method, id, params) = request.into_parts();
        match method.as_ref() {
            "shutdown" => self.end.was_shut_down.store(true, Ordering::Relaxed),
            "exit" => self.end.exited.notify_one(),
            _ => {}
        }
        let mut mended = Request::build(method);
        if let Some(id) = id {
            mended = mended.id(id);
        }
        if let Some(params) = params.filter(|params| !params.is_null()) {
            mended = mended.params(params);
        }
        self.inner.call(mended.finish())
    }
}

/// Ends this process when the editor is gone although something else holds its end of our standard input.
pub(super) fn end_with(editor: u32) {
    let Some(editor) = i32::try_from(editor).ok().filter(|pid| *pid > 1).map(Pid::from_raw) else { return };
    let is_there = move || kill(editor, None) != Err(nix::errno::Errno::ESRCH);
    if !is_there() {
        // It lives in another pid namespace, where its number means nothing to us.
        return;
    }
    tokio::spawn(async move {
        while is_there() {
            tokio::time::sleep(WATCH_EVERY).await;
        }
        std::process::exit(1);
    });
}
