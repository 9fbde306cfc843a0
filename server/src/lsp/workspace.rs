//! The folders of a workspace: the specs in them, found by their names, and how far to look around a file.

use faultbox_engine::text::{FolderFiles, regular};
use std::collections::VecDeque;
use std::fs::DirEntry;
use std::path::{Path, PathBuf};

/// Specs that are found; far above what a workspace has.
pub(super) const MAX_FILES: usize = 4_000;
/// Entries of folders that are looked at, so that a home folder opened as workspace ends too.
const MAX_ENTRIES: usize = 100_000;
/// Folders of tools, which hold copies of specs or none.
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// The folder that holds everything to look at around `path`: the workspace folder it lies in, and its own folder when
/// it lies in none. A client without a workspace is answered as `faultbox check` is, which knows of none either.
pub(super) fn bound<'p>(folders: &'p [PathBuf], path: &'p Path) -> &'p Path {
    let holding = folders.iter().filter(|folder| path.starts_with(folder));
    let outermost = holding.min_by_key(|folder| folder.components().count());
    match (outermost, path.parent()) {
        (Some(folder), _) => folder,
        (None, Some(own)) if !folders.is_empty() => own,
        _ => Path::new("/"),
    }
}

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
            walk.list(beside, &FolderFiles::within(beside));
        }
        let files: Vec<FolderFiles> = folders.iter().map(|folder| FolderFiles::within(folder)).collect();
        let mut pending: VecDeque<(PathBuf, &FolderFiles)> = folders.iter().cloned().zip(&files).collect();
        // Breadth first: where the bounds are met, what lies deep is left out.
        while let Some((folder, files)) = pending.pop_front() {
            pending.extend(walk.list(&folder, files).into_iter().map(|below| (below, files)));
        }
        walk
    }

    /// Adds the specs right in the folder; returns the folders in it.
    fn list(&mut self, folder: &Path, files: &FolderFiles) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if self.entries == 0 || self.specs.len() >= MAX_FILES {
                self.is_complete = false;
                break;
            }
            self.entries -= 1;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.ends_with(".star") && is_file(&entry, files) {
                self.specs.push(entry.path());
            } else if !name.starts_with('.') && !SKIPPED.contains(&&*name) && is_folder(&entry) {
                folders.push(entry.path());
            }
        }
        folders
    }
}

/// A link to a file of the workspace is one.
fn is_file(entry: &DirEntry, files: &FolderFiles) -> bool {
    let leads_to_one = || files.holds(&entry.path()) && regular(&entry.path()).is_ok();
    entry.file_type().is_ok_and(|kind| kind.is_file() || kind.is_symlink() && leads_to_one())
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
    fn links_lead_to_files_of_the_folder_only_and_bounds_are_told() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("deep/target")).unwrap();
        for name in ["a.star", "deep/b.star", "deep/target/c.star", "d.txt"] {
            std::fs::write(at(name), "").unwrap();
        }
        std::fs::write(outside.path().join("far.star"), "").unwrap();
        symlink(at("a.star"), at("link.star")).unwrap();
        symlink(outside.path().join("far.star"), at("out.star")).unwrap();
        symlink("/dev/zero", at("zero.star")).unwrap();
        symlink(outside.path().join("gone.star"), at("gone.star")).unwrap();
        symlink(folder.path(), at("deep/again")).unwrap();
        let folders = [folder.path().to_owned()];
        let mut walk = Walk::through(&folders, Some(&at("deep")));
        walk.specs.sort();
        assert_eq!(walk.specs, [at("a.star"), at("deep/b.star"), at("link.star")]);
        assert!(walk.is_complete);
        assert_eq!(Walk::through(&folders, Some(outside.path())).specs.len(), 4);
        let mut bounded = Walk { specs: Vec::new(), is_complete: true, entries: 2 };
        bounded.list(folder.path(), &FolderFiles::within(folder.path()));
        assert!(!bounded.is_complete);
    }

    #[test]
    fn nobody_looks_out_of_a_workspace() {
        let folders = ["/w/a".into(), "/w".into(), "/other".into()];
        assert_eq!(bound(&folders, Path::new("/w/a/x.star")), Path::new("/w"));
        assert_eq!(bound(&folders, Path::new("/elsewhere/x.star")), Path::new("/elsewhere"));
        assert_eq!(bound(&[], Path::new("/elsewhere/x.star")), Path::new("/"));
    }
}
