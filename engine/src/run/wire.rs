//! What dispatcher and worker say to each other.
//!
//! The job goes to the worker's standard input as one line of JSON; the input then stays open as the lifeline: its end
//! means the dispatcher is gone, a further line `cancel` asks the worker to wind up. The worker answers on a
//! descriptor of its own, never on stdout, one JSON value per line.

use crate::event::Event;
use crate::plan::Needs;
use crate::sandbox::Keep;
use crate::text::{Files, MemoryFiles};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The line that asks a worker to cancel its leaf and tear down.
pub(super) const CANCEL: &str = "cancel";

/// The descriptor a worker reports on.
pub(super) const REPORT_DESCRIPTOR: i32 = 3;

/// Everything one worker needs to run one leaf. A save of the spec during a run changes nothing: the text is here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Job {
    /// The leaf's number in the plan.
    pub(super) leaf: u32,
    pub(super) description: crate::event::Leaf,
    pub(super) root: PathBuf,
    pub(super) files: Snapshot,
    pub(super) needs: Needs,
    /// Service names, which resolve to loopback inside the leaf.
    pub(super) names: Vec<String>,
    /// Longest time from the first step to the verdict, unless the test says otherwise.
    pub(super) timeout: Duration,
    pub(super) isolation: Isolation,
    /// Where to copy what the leaf wrote.
    pub(super) keep_files: Option<Keep>,
}

/// How far leaves are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Every leaf has namespaces of its own; leaves run in parallel.
    Namespaces,
    /// The host's network and files; leaves run one at a time, and consumers reach relays through their environment.
    Host,
}

/// The texts of a spec at one moment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Snapshot(pub(super) Vec<(PathBuf, Content)>);

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Content {
    Text(String),
    Bytes(Vec<u8>),
}

/// A line from a worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    Event(Box<Event>),
    /// The body asked for something the leaf was not prepared for; start it again with these as well.
    Unprepared(Needs),
}

/// Remembers every file that is read, so that workers see the same bytes.
pub(super) struct Recording<'f> {
    below: &'f dyn Files,
    read: Mutex<Vec<(PathBuf, Arc<[u8]>)>>,
}

impl<'f> Recording<'f> {
    pub(super) fn new(below: &'f dyn Files) -> Recording<'f> {
        Recording { below, read: Mutex::default() }
    }

    pub(super) fn snapshot(self) -> Snapshot {
        let read = self.read.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
        let content = |bytes: Arc<[u8]>| match std::str::from_utf8(&bytes) {
            Ok(text) => Content::Text(text.to_owned()),
            Err(_) => Content::Bytes(bytes.to_vec()),
        };
        Snapshot(read.into_iter().map(|(path, bytes)| (path, content(bytes))).collect())
    }
}

impl Files for Recording<'_> {
    fn read_at_most(&self, path: &Path, max_bytes: u64) -> io::Result<Arc<[u8]>> {
        let bytes = self.below.read_at_most(path, max_bytes)?;
        let mut read = self.read.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if !read.iter().any(|(known, _)| known == path) {
            read.push((path.to_owned(), bytes.clone()));
        }
        Ok(bytes)
    }
}

impl Snapshot {
    pub(super) fn files(&self) -> MemoryFiles {
        let mut files = MemoryFiles::default();
        for (path, content) in &self.0 {
            let bytes: &[u8] = match content {
                Content::Text(text) => text.as_bytes(),
                Content::Bytes(bytes) => bytes,
            };
            files.files.insert(path.clone(), bytes.into());
        }
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_holds_what_was_read_and_survives_the_wire() {
        let mut disk = MemoryFiles::default().with("a.star", "x = 1");
        disk.files.insert("blob".into(), [0xff_u8, 0].as_slice().into());
        let recording = Recording::new(&disk);
        for path in ["a.star", "blob", "a.star"] {
            assert!(recording.read(Path::new(path)).is_ok());
        }
        assert!(recording.read(Path::new("absent")).is_err());
        let line = serde_json::to_string(&recording.snapshot()).unwrap();
        let back: Snapshot = serde_json::from_str(&line).unwrap();
        assert_eq!(back.files().files, disk.files);
    }
}
