//! The `faultbox` command: a runner and a language server, two thin faces over `faultbox-engine`.

mod cli;
mod handover;
mod lsp;
mod program;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
