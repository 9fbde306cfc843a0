//! How a leaf's programs look names up: from files of the leaf, and from no daemon of the host.
//!
//! The C library asks nscd's socket before it reads `/etc/hosts`, and its modules ask systemd-resolved, avahi and others
//! (nscd(8), nss-resolve(8)); what those know is the host's, not the leaf's. So their sockets are covered, and the files
//! that say where to look are the leaf's own. A file that the host does not have is not made: without `/etc/resolv.conf`
//! resolvers ask 127.0.0.1 as well, and without `/etc/nsswitch.conf` the C library does.

use super::hosts::{nsswitch, render, resolv_conf};
use super::overlay::Store;
use nix::mount::{MsFlags, mount};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where resolver daemons have their sockets. D-Bus stays: only nss-resolve before systemd 246 used it for names, and
/// `/etc/nsswitch.conf` leaves that out.
const DAEMONS: [&str; 4] = ["/run/nscd", "/var/run/nscd", "/run/systemd/resolve", "/run/avahi-daemon"];

/// How many symbolic links a path may lead through (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// What became of the names of a leaf.
#[derive(Debug, Default)]
pub struct Names {
    /// The text of the leaf's `/etc/hosts`.
    pub hosts: String,
    /// Why `/etc/hosts` is the host's own, if so.
    pub hosts_error: Option<String>,
    /// Directories and files of the host that may still answer for it, and why.
    pub exposed: Vec<(PathBuf, String)>,
}

impl Names {
    /// Covers what the host has with what the leaf must see.
    pub(super) fn set_up(store: &Store, services: &[String]) -> Names {
        let machine = nix::unistd::gethostname().unwrap_or_default();
        let machine = machine.to_string_lossy();
        let hosts = render(&read("/etc/hosts"), services, &machine);
        let mut names = Names { hosts, ..Names::default() };
        // Found before their directory may be covered.
        let switch = (final_path("/etc/nsswitch.conf"), nsswitch(&read("/etc/nsswitch.conf")));
        let resolv = (final_path("/etc/resolv.conf"), resolv_conf(&machine));
        let covered = names.cover_daemons();
        for (name, (target, text)) in [("nsswitch.conf", switch), ("resolv.conf", resolv)] {
            let Some(target) = target else { continue };
            let is_covered = covered.iter().any(|directory| target.starts_with(directory));
            let placed = match is_covered {
                true => write_new(&target, &text),
                false => place(store, name, &target, &text),
            };
            names.note(&target, placed);
        }
        let hosts = place(store, "hosts", Path::new("/etc/hosts"), &names.hosts);
        names.hosts_error = hosts.err().map(|error| error.to_string());
        names
    }

    /// The first thing about names that does not work, if any.
    pub(super) fn trouble(&self) -> Option<String> {
        let exposed = self.exposed.first();
        let exposed = exposed.map(|(path, reason)| format!("cannot cover {}: {reason}", path.display()));
        self.hosts_error.as_ref().map(|reason| format!("/etc/hosts cannot be replaced: {reason}")).or(exposed)
    }

    /// Gives the directories that are empty now.
    fn cover_daemons(&mut self) -> Vec<PathBuf> {
        let mut covered: Vec<PathBuf> = Vec::new();
        for directory in DAEMONS {
            let Ok(directory) = Path::new(directory).canonicalize() else { continue };
            if covered.contains(&directory) {
                continue;
            }
            let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
            let options = Some("mode=0755,size=64k");
            let done = mount(Some("tmpfs"), &directory, Some("tmpfs"), flags, options);
            self.note(&directory, done.map_err(io::Error::from));
            if done.is_ok() {
                covered.push(directory);
            }
        }
        covered
    }

    fn note(&mut self, path: &Path, done: io::Result<()>) {
        match done {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.exposed.push((path.to_owned(), error.to_string()));
            }
            Ok(()) | Err(_) => {}
        }
    }
}

/// A text of the host. What this user cannot read, services could not read either; comments may be in any encoding.
fn read(path: &str) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// Where a path leads to, whether or not anything is there; `None` when its directory does not exist.
fn final_path(path: &str) -> Option<PathBuf> {
    let mut path = PathBuf::from(path);
    for _ in 0..MAX_LINKS {
        let directory = path.parent()?.canonicalize().ok()?;
        match fs::read_link(&path) {
            Ok(target) => path = directory.join(target),
            Err(_) => return Some(directory.join(path.file_name()?)),
        }
    }
    None
}

/// Covers a file by one of the leaf's.
fn place(store: &Store, name: &str, target: &Path, text: &str) -> io::Result<()> {
    let file = store.path(name);
    write_new(&file, text)?;
    let none: Option<&str> = None;
    Ok(mount(Some(&file), target, none, MsFlags::MS_BIND, none)?)
}

/// Writes a file that every user may read, whatever the umask says.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    fs::File::create(path)?.write_all(text.as_bytes())?;
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o644))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_path_is_followed_to_where_nothing_may_be() {
        let base = tempfile::tempdir().expect("a temporary directory");
        let base = base.path().canonicalize().expect("it exists");
        fs::create_dir_all(base.join("run/resolve")).expect("writable");
        fs::write(base.join("plain"), "").expect("writable");
        symlink("link2", base.join("link")).expect("writable");
        symlink("run/resolve/stub", base.join("link2")).expect("writable");
        symlink("nowhere/file", base.join("lost")).expect("writable");
        symlink("round", base.join("round")).expect("writable");
        let found = |name: &str| final_path(base.join(name).to_str().expect("UTF-8"));
        assert_eq!(found("plain"), Some(base.join("plain")));
        assert_eq!(found("link"), Some(base.join("run/resolve/stub")), "a link to a file that is not there");
        assert_eq!(found("absent"), Some(base.join("absent")));
        assert_eq!(found("lost"), None);
        assert_eq!(found("round"), None);
    }
}
