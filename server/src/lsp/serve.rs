//! `faultbox lsp`: the server on standard input and output. Standard output carries the protocol and nothing else.

use super::backend::Backend;
use super::outbox::Outbox;
use super::transport::{self, End};
use super::{ext, main_loop};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::io;
use std::process::ExitCode;
use std::time::Duration;
use tokio::runtime::Handle;
use tower_lsp::LspService;

/// How often to look whether the editor is still there.
const WATCH_EVERY: Duration = Duration::from_secs(3);

/// Serves until the client says `exit` or standard input ends. Runs end with this process.
pub(crate) fn serve() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("cannot start: {error}")),
    };
    let end = match runtime.block_on(run()) {
        Ok(end) => end,
        Err(error) => return failed(&format!("cannot start: {error}")),
    };
    if let Some(why) = end.lost {
        failed(&format!("the connection to the editor is lost: {why}"));
    }
    // Not `return`: a thread of the runtime may be blocked reading standard input. LSP 3.17 wants 0 after `shutdown`.
    std::process::exit(if end.was_shut_down { 0 } else { 1 })
}

#[expect(clippy::print_stderr, reason = "there is no client to tell it to")]
fn failed(why: &str) -> ExitCode {
    eprintln!("faultbox lsp: {why}");
    ExitCode::FAILURE
}

async fn run() -> io::Result<End> {
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
    Ok(transport::serve(service, socket).await)
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
