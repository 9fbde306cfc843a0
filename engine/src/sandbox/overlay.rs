//! Writable copies of host directories that vanish with the leaf.
//!
//! The upper and work directories are on a tmpfs made in the leaf's own mount namespace. It is mounted over `/proc` and
//! hidden under the leaf's fresh `/proc`, so no path of the host is needed for it; it is reached through a descriptor.

use std::ffi::CString;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

use super::{mounts, sys};

/// A directory whose changes stay in the leaf.
#[derive(Debug)]
pub struct Overlay {
    pub directory: PathBuf,
    /// What the leaf wrote: the overlay's upper directory.
    pub upper: OwnedFd,
}

/// A directory that stays the host's own, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotOverlaid {
    pub directory: PathBuf,
    pub reason: String,
}

/// Directories to overlay, in the order they must be mounted: canonical, without repetition, and without those another
/// one covers. A directory on a mount of its own is not covered by the overlay of the directory above it.
pub(super) fn choose(wanted: &[PathBuf]) -> (Vec<PathBuf>, Vec<NotOverlaid>) {
    let mut refused = Vec::new();
    let mut found: Vec<(PathBuf, u64)> = Vec::new();
    for directory in wanted {
        match directory.canonicalize().and_then(|path| Ok((path.metadata()?.dev(), path))) {
            Ok((_, path)) if path == Path::new("/") => {
                refused.push(not_overlaid(directory, "the root directory cannot be overlaid"));
            }
            Ok((device, path)) => found.push((path, device)),
            Err(error) => refused.push(not_overlaid(directory, &error.to_string())),
        }
    }
    found.sort();
    found.dedup();
    let covered = |(path, device): &(PathBuf, u64)| {
        found.iter().any(|(above, other)| path != above && path.starts_with(above) && device == other)
    };
    (found.iter().filter(|one| !covered(one)).map(|(path, _)| path.clone()).collect(), refused)
}

fn not_overlaid(directory: &Path, reason: &str) -> NotOverlaid {
    NotOverlaid { directory: directory.into(), reason: reason.into() }
}

/// The hidden tmpfs where upper and work directories, and other files of the leaf, are kept.
#[derive(Debug)]
pub(super) struct Store {
    root: OwnedFd,
}

impl Store {
    /// Mounts it over `place`; the caller mounts something else on top.
    pub(super) fn mount_over(place: &Path) -> io::Result<Store> {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("tmpfs"), place, Some("tmpfs"), flags, Some("mode=0700"))?;
        Ok(Store { root: open_directory(place)? })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        through(&self.root).join(name)
    }

    /// Overlays `directory`. Mounts below it, which an overlay does not show, are put back on top.
    pub(super) fn overlay(&self, directory: &Path, index: usize, user_xattr: bool) -> io::Result<Overlay> {
        let lower = open_directory(directory)?;
        let upper = self.create_like(&lower, &format!("upper{index}"))?;
        let work = self.create_like(&lower, &format!("work{index}"))?;
        let mountinfo = fs::read_to_string("/proc/self/mountinfo")?;
        let nested = mounts::below(&mountinfo, directory)
            .into_iter()
            .map(|point| CString::new(point.into_os_string().into_encoded_bytes()).map_err(io::Error::other))
            .map(|point| point.and_then(|point| Ok((sys::clone_mount(&point)?, point))))
            .collect::<io::Result<Vec<_>>>()?;

        let [lower, upper_path, work] = [&lower, &upper, &work].map(|fd| through(fd).display().to_string());
        let options = format!("lowerdir={lower},upperdir={upper_path},workdir={work}");
        let options = if user_xattr { options + ",userxattr" } else { options };
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("overlay"), directory, Some("overlay"), flags, Some(options.as_str()))?;
        for (tree, point) in &nested {
            sys::attach_mount(tree, point)?;
        }
        Ok(Overlay { directory: directory.into(), upper })
    }

    /// A directory with the mode of `model`, and its owner where we may give it away: an overlay shows its upper
    /// directory's own attributes as the root's.
    fn create_like(&self, model: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
        let path = self.path(name);
        fs::create_dir(&path)?;
        let model = File::from(model.try_clone()?).metadata()?;
        // An ordinary user cannot give files away; the directory is then the user's, with the same mode.
        let _ = std::os::unix::fs::chown(&path, Some(model.uid()), Some(model.gid()));
        fs::set_permissions(&path, Permissions::from_mode(model.mode() & 0o7777))?;
        open_directory(&path)
    }
}

/// A path that leads to an open directory, wherever it is mounted now.
pub(super) fn through(directory: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()))
}

pub(super) fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let directory = File::open(path)?;
    if !directory.metadata()?.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    Ok(directory.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_each_directory_once_and_parents_first() {
        let base = tempfile::tempdir().expect("a temporary directory");
        let base = base.path().canonicalize().expect("it exists");
        for name in ["a/b", "c"] {
            fs::create_dir_all(base.join(name)).expect("writable");
        }
        std::os::unix::fs::symlink(base.join("c"), base.join("link")).expect("writable");
        let wanted = ["c", "a/b", "a", "link", "missing"].map(|name| base.join(name));
        let (chosen, refused) = choose(&wanted);
        assert_eq!(chosen, [base.join("a"), base.join("c")]);
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].directory, base.join("missing"));
        assert_eq!(choose(&[PathBuf::from("/")]).1.len(), 1);
    }
}
