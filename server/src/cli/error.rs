//! Why a command could not do its work, and what to do next. Every error ends with exit code 1.

use faultbox_engine::text::shown_lines;
use std::fmt;
use std::io;

/// An error for the person at the terminal.
#[derive(Debug)]
pub(crate) struct CliError {
    kind: Kind,
    message: String,
    hints: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// What was asked for makes no sense as asked.
    Usage,
    /// The spec has errors; they have been shown already.
    Spec,
    /// The machine refused something.
    Machine,
    /// Nobody reads our output any more; nothing is wrong and nothing is said.
    BrokenPipe,
}

impl CliError {
    pub(crate) fn usage(message: impl Into<String>) -> CliError {
        CliError { kind: Kind::Usage, message: message.into(), hints: Vec::new() }
    }

    pub(crate) fn spec(message: impl Into<String>) -> CliError {
        CliError { kind: Kind::Spec, message: message.into(), hints: Vec::new() }
    }

    pub(crate) fn machine(message: impl Into<String>) -> CliError {
        CliError { kind: Kind::Machine, message: message.into(), hints: Vec::new() }
    }

    /// Adds a next move.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> CliError {
        self.hints.push(hint.into());
        self
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }
}

impl From<io::Error> for CliError {
    /// An error of writing to the terminal or a pipe.
    fn from(error: io::Error) -> CliError {
        let kind = if error.kind() == io::ErrorKind::BrokenPipe { Kind::BrokenPipe } else { Kind::Machine };
        CliError { kind, message: format!("cannot write the output: {error}"), hints: Vec::new() }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", shown_lines(&self.message))?;
        self.hints.iter().try_for_each(|hint| write!(f, "\n  hint: {}", shown_lines(hint)))
    }
}
