//! The command line: arguments in, exit code out. One file per command.

mod args;
mod check;
mod doctor;
mod error;
mod exit;
mod opened;
mod outlet;
mod output;
mod plan;
mod progress;
mod manual;
mod misread;
mod recipes;
mod signals;
mod spec_path;
mod terminal;
mod test;
mod tree;

use args::{Args, ColorChoice, Command};
use clap::Parser;
use error::{CliError, Kind};
use exit::Exit;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use terminal::Terminal;

/// Does what the command line asks for.
pub(crate) fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let args = match Args::try_parse_from(&arguments) {
        Ok(args) => args,
        Err(error) => {
            let words: Vec<String> =
                arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
            let error = misread::explained(error, &words);
            // Help and version arrive here too and go to stdout. Nobody reads what cannot be printed.
            let _ = error.print();
            let asked_for_help = !error.use_stderr();
            return if asked_for_help { Exit::Good } else { Exit::CouldNot }.into();
        }
    };
    if let Command::Worker = args.command {
        // A variable that is not UTF-8 cannot be told to services through JSON or Starlark either.
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        return faultbox_engine::run::worker_main(std::env::vars_os().filter_map(text).collect());
    }
    match args.command {
        Command::Lsp => return crate::lsp::serve(),
        Command::CheckServer => return crate::lsp::check_child(),
        _ => {}
    }
    match perform(args.command, args.color) {
        Ok(exit) => exit.into(),
        Err(error) => report(&error).into(),
    }
}

fn perform(command: Command, color: ColorChoice) -> Result<Exit, CliError> {
    let terminal = Terminal::detect(color);
    match command {
        Command::Test(args) => test::run(&args, terminal),
        Command::Check(args) => check::run(&args, terminal),
        Command::Plan(args) => plan::run(&args, terminal),
        Command::Doctor => doctor::run(),
        Command::Manual { word } => manual::run(word.as_deref()),
        Command::Recipes(command) => recipes::run(&command),
        Command::Worker | Command::Lsp | Command::CheckServer => {
            Err(CliError::usage("this command does not end with a report"))
        }
    }
}

fn report(error: &CliError) -> Exit {
    if error.kind() == Kind::BrokenPipe {
        return Exit::Good;
    }
    // Without a standard error there is nobody to tell; the exit code says it.
    let _ = writeln!(io::stderr(), "{error}");
    Exit::CouldNot
}
