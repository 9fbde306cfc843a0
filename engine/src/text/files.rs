//! The one way a spec's files are read: from disk, from memory, or from an editor's unsaved buffers over either.

use super::regular::read_regular;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest file a spec may read, in bytes; a larger one is an error, not a wait.
const MAX_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Reads the files of a spec.
pub trait Files: Send + Sync {
    /// The bytes of the file at `path`, which may be at most `max_bytes` long.
    fn read_at_most(&self, path: &Path, max_bytes: u64) -> io::Result<Arc<[u8]>>;

    /// The bytes of a file that a spec names.
    fn read(&self, path: &Path) -> io::Result<Arc<[u8]>> {
        self.read_at_most(path, MAX_FILE_BYTES)
    }

    /// Names of what lies in a folder, for "did you mean"; none where that cannot be told.
    fn names_in(&self, folder: &Path) -> Vec<String> {
        let _ = folder;
        Vec::new()
    }
}

/// Entries of a folder that are looked at.
const MAX_NAMES: usize = 1_000;

/// The file system of this machine: its regular files.
#[derive(Debug, Clone, Copy)]
pub struct DiskFiles;

/// The files of this machine within one folder, for looking around: a link that leads out of it leads nowhere.
#[derive(Debug, Clone)]
pub struct FolderFiles {
    /// Without links; `None` when there is no such folder.
    folder: Option<PathBuf>,
}

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
    fn read_at_most(&self, path: &Path, max_bytes: u64) -> io::Result<Arc<[u8]>> {
        Ok(read_regular(path, max_bytes)?.into())
    }

    fn names_in(&self, folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_NAMES);
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }
}

impl FolderFiles {
    /// The files within `folder` and all folders below.
    pub fn within(folder: &Path) -> FolderFiles {
        FolderFiles { folder: folder.canonicalize().ok() }
    }

    /// True when what `path` leads to lies in the folder.
    pub fn holds(&self, path: &Path) -> bool {
        let real = path.canonicalize();
        real.is_ok_and(|real| self.folder.as_ref().is_some_and(|folder| real.starts_with(folder)))
    }
}

impl Files for FolderFiles {
    fn read_at_most(&self, path: &Path, max_bytes: u64) -> io::Result<Arc<[u8]>> {
        match self.holds(path) {
            true => DiskFiles.read_at_most(path, max_bytes),
            false => Err(io::Error::new(io::ErrorKind::NotFound, "it leads out of the folder")),
        }
    }

    fn names_in(&self, folder: &Path) -> Vec<String> {
        if self.holds(folder) { DiskFiles.names_in(folder) } else { Vec::new() }
    }
}

impl MemoryFiles {
    pub fn with(mut self, path: impl Into<PathBuf>, text: &str) -> MemoryFiles {
        self.files.insert(path.into(), text.as_bytes().into());
        self
    }
}

impl Files for MemoryFiles {
    fn read_at_most(&self, path: &Path, max_bytes: u64) -> io::Result<Arc<[u8]>> {
        let bytes = self.files.get(path).ok_or(io::ErrorKind::NotFound)?;
        match bytes.len() as u64 > max_bytes {
            true => Err(io::ErrorKind::FileTooLarge.into()),
            false => Ok(Arc::clone(bytes)),
        }
    }

    fn names_in(&self, folder: &Path) -> Vec<String> {
        let within = self.files.keys().filter(|path| path.parent() == Some(folder));
        within.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).take(MAX_NAMES).collect()
    }
}

impl<F: Files> Files for OverlayFiles<F> {
    fn read_at_most(&self, path: &Path, max_bytes: u64) -> io::Result<Arc<[u8]>> {
        match self.buffers.files.contains_key(path) {
            true => self.buffers.read_at_most(path, max_bytes),
            false => self.below.read_at_most(path, max_bytes),
        }
    }

    fn names_in(&self, folder: &Path) -> Vec<String> {
        let mut names = self.buffers.names_in(folder);
        names.extend(self.below.names_in(folder));
        names
    }
}

#[cfg(test)]
mod tests {
    use super::{Files, FolderFiles};
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_out_of_the_folder_leads_nowhere() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("below")).unwrap();
        for path in [at("below/a.star"), outside.path().join("b.star")] {
            std::fs::write(path, "x = 1\n").unwrap();
        }
        symlink(at("below"), at("in")).unwrap();
        symlink(outside.path(), at("out")).unwrap();
        symlink(outside.path().join("b.star"), at("c.star")).unwrap();
        let files = FolderFiles::within(folder.path());
        assert!(files.read(&at("below/a.star")).is_ok() && files.read(&at("in/a.star")).is_ok());
        assert_eq!(files.names_in(&at("in")), ["a.star"]);
        assert!(files.read(&at("out/b.star")).is_err() && files.read(&at("c.star")).is_err());
        assert!(files.read(&at("below/../../nowhere")).is_err());
        assert!(files.names_in(&at("out")).is_empty());
        assert!(files.names_in(folder.path().parent().unwrap()).is_empty());
        // A workspace is often reached through a link itself.
        assert!(FolderFiles::within(&at("in")).read(&at("in/a.star")).is_ok());
        assert!(FolderFiles::within(&at("gone")).read(&at("below/a.star")).is_err());
    }
}
