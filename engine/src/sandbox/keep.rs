//! Copying out what a leaf wrote, for `--keep-files`.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

use super::namespaces::Sandbox;
use super::overlay::through;

/// What was copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    pub files: u64,
    pub bytes: u64,
    /// Absolute paths that the leaf removed.
    pub removed: Vec<PathBuf>,
    /// What could not be copied, and why.
    pub failed: Vec<(PathBuf, String)>,
}

impl Sandbox {
    /// Copies every file the leaf changed to the directory of [`super::Config::keep_files`], under its absolute path: what
    /// was written to `/tmp/a` is `DIR/tmp/a`. Stop the services first. Does nothing without such a directory.
    pub fn keep_files(&self) -> io::Result<Kept> {
        let mut kept = Kept::default();
        let Some(keep) = &self.keep else { return Ok(kept) };
        for overlay in &self.overlays {
            let relative: PathBuf =
                overlay.directory.components().filter(|part| matches!(part, Component::Normal(_))).collect();
            copy_tree(
                &through(&overlay.upper),
                &through(keep).join(relative),
                &overlay.directory,
                &mut kept,
            )?;
        }
        Ok(kept)
    }
}

/// Copies `from` to `to`; `name` is what the leaf calls it.
fn copy_tree(from: &Path, to: &Path, name: &Path, kept: &mut Kept) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to, name) = (entry.path(), to.join(entry.file_name()), name.join(entry.file_name()));
        if let Err(error) = copy_entry(&from, &to, &name, kept) {
            kept.failed.push((name, error.to_string()));
        }
    }
    Ok(())
}

fn copy_entry(from: &Path, to: &Path, name: &Path, kept: &mut Kept) -> io::Result<()> {
    let found = from.symlink_metadata()?;
    let kind = found.file_type();
    if kind.is_dir() {
        return copy_tree(from, to, name, kept);
    }
    // An overlay marks a removed file by a character device with number 0.
    if kind.is_char_device() && found.rdev() == 0 {
        kept.removed.push(name.into());
        return Ok(());
    }
    if !kind.is_file() && !kind.is_symlink() {
        // Sockets, pipes and devices have no content to keep.
        return Ok(());
    }
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent)?;
    }
    if kind.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from)?, to)?;
    } else {
        kept.bytes += fs::copy(from, to)?;
    }
    kept.files += 1;
    Ok(())
}
