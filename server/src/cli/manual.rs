//! `faultbox manual`: what a word of the language means, as Markdown.

use super::error::CliError;
use super::exit::Exit;
use faultbox_engine::diagnostic::suggest;
use faultbox_engine::ide::manual;
use std::io::{self, Write};

pub(crate) fn run(word: Option<&str>) -> Result<Exit, CliError> {
    let text = match word {
        None => manual::text(),
        Some(word) => manual::about(word).ok_or_else(|| unknown(word))?,
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Good)
}

fn unknown(word: &str) -> CliError {
    let error = CliError::usage(format!("the manual has no part about {word:?}"));
    let words = manual::words();
    match suggest::nearest(word, words.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean {near:?}?")),
        None => error.hint("`faultbox manual` without a word prints all of it".to_owned()),
    }
}
