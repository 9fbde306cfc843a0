//! What the language server hands to a run it starts, and the tie that ends the run with the server.
//!
//! `faultbox test --editor` reads one line of JSON from standard input, the editor's unsaved buffers, and then holds on to
//! that pipe: when it closes, because the server let go or was killed, the run and everything it started ends at once.

use faultbox_engine::sandbox;
use faultbox_engine::text::MemoryFiles;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

/// The first line a run reads.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Handover {
    /// Absolute path to text, for every open spec.
    pub(crate) buffers: BTreeMap<PathBuf, String>,
}

/// The server's end of our standard input; as long as nobody holds it, its end goes unnoticed.
pub(crate) struct Lifeline {
    stdin: OwnedFd,
}

impl Lifeline {
    /// Ends this process as soon as the server is gone. Starts a thread, so it comes after everything that forks.
    pub(crate) fn hold(self) -> io::Result<()> {
        sandbox::lifeline(self.stdin)
    }
}

/// Reads the handover from standard input.
///
/// # Errors
/// When standard input closes before the line ends or the line is not a handover.
pub(crate) fn receive() -> io::Result<(MemoryFiles, Lifeline)> {
    let stdin: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
    let mut reader = BufReader::new(std::fs::File::from(stdin.try_clone()?));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let handover: Handover = serde_json::from_str(&line)?;
    let files = handover.buffers.into_iter();
    let files = files.map(|(path, text)| (path, text.into_bytes().into())).collect();
    Ok((MemoryFiles { files }, Lifeline { stdin }))
}
