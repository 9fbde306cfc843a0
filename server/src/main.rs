//! The `faultbox` command: a runner and a language server, two thin faces over `faultbox-engine`.

mod handover;
mod lsp;

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("lsp") => lsp::serve(),
        Some("__check") => lsp::check_child(),
        _ => ExitCode::FAILURE,
    }
}
