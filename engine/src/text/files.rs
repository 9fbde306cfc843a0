//! The one way a spec's files are read: from disk, from memory, or from an editor's unsaved buffers over either.

use std::collections::BTreeMap;
use std::io::{self, Read};
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
        // Looked at before it is opened: opening a pipe waits for somebody to write, and a device may never end.
        let about = std::fs::metadata(path)?;
        if !about.is_file() {
            let text = if about.is_dir() { "it is a directory" } else { "it is not a regular file" };
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let limit = MAX_FILE_BYTES / (1024 * 1024);
        let too_large = |size: String| {
            let text = format!("the file has {size} bytes; at most {limit} MiB are read");
            Err(io::Error::new(io::ErrorKind::FileTooLarge, text))
        };
        if about.len() > MAX_FILE_BYTES {
            return too_large(about.len().to_string());
        }
        // Files of /proc say that they are empty, and a file may grow.
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > MAX_FILE_BYTES {
            return too_large(format!("more than {MAX_FILE_BYTES}"));
        }
        Ok(bytes.into())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(path: &Path, part: &str) {
        let error = DiskFiles.read(path).expect_err(part).to_string();
        assert!(error.contains(part), "{}: {error}", path.display());
    }

    #[test]
    fn only_regular_files_of_bounded_length_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("blob"), [0xff, 0, b'\n']).unwrap();
        assert_eq!(&*DiskFiles.read(&at("blob")).unwrap(), [0xff, 0, b'\n']);
        refused(folder.path(), "it is a directory");
        // It has no writer, and reading it would never end.
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        refused(&at("pipe"), "it is not a regular file");
        refused(Path::new("/dev/zero"), "it is not a regular file");
        std::fs::File::create(at("large")).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        refused(&at("large"), "at most 16 MiB are read");
        assert!(!DiskFiles.read(Path::new("/proc/self/stat")).unwrap().is_empty());
    }
}
