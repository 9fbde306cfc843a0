//! The one way a spec's files are read: from disk, from memory, or from an editor's unsaved buffers over either.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest file a spec may read, in bytes; a larger one is an error, not a wait.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Reads the files of a spec.
pub trait Files: Send + Sync {
    /// The bytes of the file at `path`.
    fn read(&self, path: &Path) -> io::Result<Arc<[u8]>>;

    /// Names of what lies in a folder, for "did you mean"; none where that cannot be told.
    fn names_in(&self, folder: &Path) -> Vec<String> {
        let _ = folder;
        Vec::new()
    }
}

/// Entries of a folder that are looked at.
const MAX_NAMES: usize = 1_000;

/// The file system of this machine.
#[derive(Debug, Clone, Copy)]
pub struct DiskFiles;

/// Files held in memory, for tests and for the snapshot a worker is handed.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles {
    pub files: BTreeMap<PathBuf, Arc<[u8]>>,
}

/// Buffers that stand before the files of `below`.
pub struct OverlayFiles<F> {
    pub buffers: MemoryFiles,
    pub below: F,
}

impl Files for DiskFiles {
    fn read(&self, path: &Path) -> io::Result<Arc<[u8]>> {
        let size = std::fs::metadata(path)?.len();
        if size > MAX_FILE_BYTES {
            let limit = MAX_FILE_BYTES / (1024 * 1024);
            let text = format!("the file has {size} bytes; at most {limit} MiB are read");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        Ok(std::fs::read(path)?.into())
    }

    fn names_in(&self, folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_NAMES);
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }
}

impl MemoryFiles {
    pub fn with(mut self, path: impl Into<PathBuf>, text: &str) -> MemoryFiles {
        self.files.insert(path.into(), text.as_bytes().into());
        self
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &Path) -> io::Result<Arc<[u8]>> {
        self.files.get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn names_in(&self, folder: &Path) -> Vec<String> {
        let within = self.files.keys().filter(|path| path.parent() == Some(folder));
        within.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).take(MAX_NAMES).collect()
    }
}

impl<F: Files> Files for OverlayFiles<F> {
    fn read(&self, path: &Path) -> io::Result<Arc<[u8]>> {
        self.buffers.read(path).or_else(|_| self.below.read(path))
    }

    fn names_in(&self, folder: &Path) -> Vec<String> {
        let mut names = self.buffers.names_in(folder);
        names.extend(self.below.names_in(folder));
        names
    }
}
