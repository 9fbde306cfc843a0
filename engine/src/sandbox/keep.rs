//! Copying out what a leaf wrote, for `--keep-files`.
//!
//! What is copied was made by programs under test, so neither its names nor its links are trusted: each leaf gets a folder
//! of its own, made anew, and everything in it is made relative to an open directory, never through a link.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use super::namespaces::Sandbox;
use super::overlay::through;

/// Written into each folder, so that a later run knows which ones it may replace.
const MARK: &str = ".faultbox-kept";

/// Longest name of a folder in bytes; most file systems allow 255 (`NAME_MAX`, limits.h(0p)).
const MAX_NAME: usize = 200;

/// The folder of a leaf's files.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Keep {
    /// Where the folders of all leaves are; made if it does not exist. May lie inside an overlaid directory.
    pub directory: PathBuf,
    /// The leaf's own; a folder of this name that an earlier run made is replaced.
    pub folder: String,
}

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

impl Keep {
    /// The folder for a test below `directory`; `run` counts from 1 where the test runs several times.
    pub fn of_test(directory: &Path, test: &str, run: Option<u32>) -> Keep {
        let run = run.map(|run| format!(".run{run}")).unwrap_or_default();
        Keep { directory: directory.to_owned(), folder: folder_name(test) + &run }
    }

    /// What is in the folder's place and was not made by an earlier run.
    pub fn foreign(&self) -> Option<PathBuf> {
        let place = self.place();
        let found = fs::symlink_metadata(&place).ok()?;
        let is_ours = found.is_dir() && fs::symlink_metadata(place.join(MARK)).is_ok();
        (!is_ours).then_some(place)
    }

    fn place(&self) -> PathBuf {
        self.directory.join(&self.folder)
    }

    /// Makes the folder anew.
    ///
    /// # Errors
    /// When something is there that `--keep-files` did not make, or the folder cannot be made.
    pub(super) fn open(&self) -> io::Result<OwnedFd> {
        fs::create_dir_all(&self.directory)?;
        let place = self.place();
        if let Some(foreign) = self.foreign() {
            let text = format!("{} exists and was not made by --keep-files", foreign.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        if fs::symlink_metadata(&place).is_ok() {
            // Removes a link itself, not what it leads to.
            fs::remove_dir_all(&place)?;
        }
        fs::create_dir(&place)?;
        let folder = directory_itself(&place)?;
        File::create_new(through(&folder).join(MARK))?.write_all(b"Made by faultbox test --keep-files.\n")?;
        Ok(folder)
    }
}

/// A test's name as the name of a folder. Tests may be named by any text; what is more than letters, digits and a few marks
/// is replaced, and a checksum keeps two such names apart.
fn folder_name(test: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "_-,+=@".contains(letter);
    let mut name: String =
        test.chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect::<String>();
    if name == test && name.len() <= MAX_NAME {
        return name;
    }
    let cut = (0..=MAX_NAME.min(name.len())).rev().find(|&at| name.is_char_boundary(at)).unwrap_or(0);
    name.truncate(cut);
    // FNV-1a, which needs no dependency and is the same in every build.
    let hash = test.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{name}-{:08x}", hash & 0xffff_ffff)
}

impl Sandbox {
    /// Copies every file the leaf changed into the folder of [`super::Config::keep_files`], under its absolute path: what
    /// was written to `/tmp/a` is `FOLDER/tmp/a`. Stop the services first. Does nothing without such a folder.
    ///
    /// # Errors
    /// When what the leaf wrote cannot be listed; a single file that cannot be copied is in [`Kept::failed`].
    pub fn keep_files(&self) -> io::Result<Kept> {
        let mut kept = Kept::default();
        let Some(keep) = &self.keep else { return Ok(kept) };
        for overlay in &self.overlays {
            let relative: PathBuf =
                overlay.directory.components().filter(|part| matches!(part, Component::Normal(_))).collect();
            copy_tree(&through(&overlay.upper), keep, &relative, &overlay.directory, &mut kept)?;
        }
        Ok(kept)
    }
}

/// Copies what is in `from` to `to` below `folder`; `name` is what the leaf calls it. Only folders with something in them are
/// made.
fn copy_tree(from: &Path, folder: &OwnedFd, to: &Path, name: &Path, kept: &mut Kept) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to, name) = (entry.path(), to.join(entry.file_name()), name.join(entry.file_name()));
        if let Err(error) = copy_entry(&from, folder, &to, &name, kept) {
            kept.failed.push((name, error.to_string()));
        }
    }
    Ok(())
}

fn copy_entry(from: &Path, folder: &OwnedFd, to: &Path, name: &Path, kept: &mut Kept) -> io::Result<()> {
    let found = from.symlink_metadata()?;
    let kind = found.file_type();
    if kind.is_dir() {
        return copy_tree(from, folder, to, name, kept);
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
    let (parent, last) = (to.parent().unwrap_or(Path::new("")), to.file_name().unwrap_or_default());
    let parent = make_directories(folder, parent)?;
    let place = through(&parent).join(last);
    if kind.is_symlink() {
        std::os::unix::fs::symlink(fs::read_link(from)?, place)?;
    } else {
        kept.bytes += copy_file(from, &place, found.mode())?;
    }
    kept.files += 1;
    Ok(())
}

/// Copies content and the permission bits; a program under test must not leave a set-user-ID file on the host.
fn copy_file(from: &Path, to: &Path, mode: u32) -> io::Result<u64> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let source = File::options().read(true).custom_flags(flags).open(from)?;
    let length = source.metadata()?.len();
    let mut copy = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    // As long as it was when its turn came: a daemon that goes on writing would never let this end.
    let bytes = io::copy(&mut source.take(length), &mut copy)?;
    copy.set_permissions(Permissions::from_mode(mode & 0o777))?;
    Ok(bytes)
}

/// The directory `below` an open one, made where it is missing; never through a link.
fn make_directories(folder: &OwnedFd, below: &Path) -> io::Result<OwnedFd> {
    let mut directory = folder.try_clone()?;
    for part in below.components() {
        let next = through(&directory).join(part);
        match fs::DirBuilder::new().mode(0o755).create(&next) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        directory = directory_itself(&next)?;
    }
    Ok(directory)
}

/// Opens a directory that is one, not a link to one.
fn directory_itself(path: &Path) -> io::Result<OwnedFd> {
    let flags = libc::O_NOFOLLOW | libc::O_DIRECTORY;
    Ok(File::options().read(true).custom_flags(flags).open(path)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_folder_is_named_like_its_test_and_never_leads_elsewhere() {
        assert_eq!(folder_name("test_order_is_stored"), "test_order_is_stored");
        assert_eq!(folder_name("test_größe"), "test_größe");
        let climbing = folder_name("test_/../../../up");
        assert!(climbing.starts_with("test___________up-") && !climbing.contains(['/', '.']), "{climbing}");
        assert_ne!(folder_name("test_a/b"), folder_name("test_a.b"));
        assert_ne!(folder_name(".."), "..");
        assert!(folder_name(&"é".repeat(500)).len() <= MAX_NAME + 9);
        let keep = Keep::of_test(Path::new("/k"), "test_a", Some(2));
        assert_eq!(keep.folder, "test_a.run2");
    }

    #[test]
    fn a_later_run_replaces_what_an_earlier_one_kept_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let keep = Keep::of_test(&place.path().join("kept"), "test_a", None);
        let folder = place.path().join("kept/test_a");
        drop(keep.open().unwrap());
        fs::write(folder.join("old"), "x").unwrap();
        drop(keep.open().unwrap());
        assert!(!folder.join("old").exists() && folder.join(MARK).exists());

        fs::remove_dir_all(&folder).unwrap();
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("precious"), "x").unwrap();
        let error = keep.open().unwrap_err().to_string();
        assert!(
            error.contains("was not made by --keep-files") && folder.join("precious").exists(),
            "{error}"
        );

        fs::remove_dir_all(&folder).unwrap();
        let elsewhere = place.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join(MARK), "x").unwrap();
        symlink(&elsewhere, &folder).unwrap();
        assert!(keep.open().is_err(), "a link is not a folder of ours");
        assert!(elsewhere.join(MARK).exists());
    }

    #[test]
    fn no_link_in_the_folder_is_followed() {
        let place = tempfile::tempdir().unwrap();
        let keep = Keep::of_test(&place.path().join("kept"), "test_a", None);
        let folder = keep.open().unwrap();
        let outside = place.path().join("outside");
        fs::create_dir(&outside).unwrap();
        symlink(&outside, place.path().join("kept/test_a/tmp")).unwrap();
        assert!(make_directories(&folder, Path::new("tmp/sub")).is_err());
        assert!(fs::read_dir(&outside).unwrap().next().is_none());
    }
}
