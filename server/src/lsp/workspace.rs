//! The specs in the folders of a workspace, found by their names.

use std::collections::VecDeque;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};

/// Specs that are found; far above what a workspace has.
pub(super) const MAX_FILES: usize = 4_000;
/// Entries of folders that are looked at, so that a home folder opened as workspace ends too.
const MAX_ENTRIES: usize = 100_000;
/// Folders of tools, which hold copies of specs or none.
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// What a walk through folders found.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) specs: Vec<PathBuf>,
    /// False when a bound was met before the end.
    pub(super) is_complete: bool,
    /// Entries that may still be looked at.
    entries: usize,
}

impl Walk {
    /// The specs in the folders and all below, and those right in `beside`, when it lies in none of them.
    pub(super) fn through(folders: &[PathBuf], beside: Option<&Path>) -> Walk {
        let mut walk = Walk { specs: Vec::new(), is_complete: true, entries: MAX_ENTRIES };
        let is_apart = |beside: &&Path| !folders.iter().any(|folder| beside.starts_with(folder));
        if let Some(beside) = beside.filter(|beside| beside.is_absolute()).filter(is_apart) {
            walk.list(beside);
        }
        let mut pending: VecDeque<PathBuf> = folders.iter().cloned().collect();
        // Breadth first: where the bounds are met, what lies deep is left out.
        while let Some(folder) = pending.pop_front() {
            pending.extend(walk.list(&folder));
        }
        walk
    }

    /// Adds the specs right in the folder; returns the folders in it.
    fn list(&mut self, folder: &Path) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if self.entries == 0 || self.specs.len() >= MAX_FILES {
                self.is_complete = false;
                break;
            }
            self.entries -= 1;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.ends_with(".star") && is_file(&entry) {
                self.specs.push(entry.path());
            } else if !name.starts_with('.') && !SKIPPED.contains(&&*name) && is_folder(&entry) {
                folders.push(entry.path());
            }
        }
        folders
    }
}

/// A link to a file is one.
fn is_file(entry: &DirEntry) -> bool {
    let kind = entry.file_type();
    kind.is_ok_and(|kind| kind.is_file() || kind.is_symlink() && entry.path().is_file())
}

/// A link to a folder is none: it may lead in a circle.
fn is_folder(entry: &DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_lead_to_files_only_and_bounds_are_told() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("deep/target")).unwrap();
        for name in ["a.star", "deep/b.star", "deep/target/c.star", "d.txt"] {
            std::fs::write(at(name), "").unwrap();
        }
        std::fs::write(outside.path().join("far.star"), "").unwrap();
        symlink(outside.path().join("far.star"), at("link.star")).unwrap();
        symlink(outside.path().join("gone.star"), at("gone.star")).unwrap();
        symlink(folder.path(), at("deep/again")).unwrap();
        let folders = [folder.path().to_owned()];
        let mut walk = Walk::through(&folders, Some(&at("deep")));
        walk.specs.sort();
        assert_eq!(walk.specs, [at("a.star"), at("deep/b.star"), at("link.star")]);
        assert!(walk.is_complete);
        assert_eq!(Walk::through(&folders, Some(outside.path())).specs.len(), 4);
        let mut bounded = Walk { specs: Vec::new(), is_complete: true, entries: 2 };
        bounded.list(folder.path());
        assert!(!bounded.is_complete);
    }
}
