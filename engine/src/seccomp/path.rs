//! Which file a call acts on.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::memory;
use super::sys;

/// What a call acts on, as far as it can be told. Only a path can match a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution<'a> {
    /// Absolute, without `.` and `..`. For a descriptor the name the kernel knows the open file by; for a path argument
    /// the path as given, joined to its directory, symbolic links not followed.
    Path(&'a Path),
    /// A socket, a pipe, an anonymous descriptor; or the call acts on no file at all.
    NotAFile,
    /// The target's memory or descriptor could not be read.
    Unresolved,
}

/// The outcome without the path, which stays in the [`Scratch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Path,
    NotAFile,
    Unresolved,
}

/// Buffers kept from one notification to the next.
#[derive(Debug)]
pub(super) struct Scratch {
    /// The absolute path found.
    path: Vec<u8>,
    argument: Vec<u8>,
    link: Box<[u8; 4096]>,
}

impl Scratch {
    pub(super) fn new() -> Scratch {
        Scratch { path: Vec::new(), argument: Vec::new(), link: Box::new([0; 4096]) }
    }

    pub(super) fn resolution(&self, kind: Kind) -> Resolution<'_> {
        match kind {
            Kind::Path => Resolution::Path(Path::new(OsStr::from_bytes(&self.path))),
            Kind::NotAFile => Resolution::NotAFile,
            Kind::Unresolved => Resolution::Unresolved,
        }
    }

    /// The file behind a descriptor of the target.
    pub(super) fn descriptor(&mut self, thread: u32, number: i32) -> Kind {
        let link = format!("/proc/{thread}/fd/{number}\0");
        self.follow(&link)
    }

    /// A path in the target's memory; relative ones start at its current directory or at `directory`.
    pub(super) fn argument(&mut self, thread: u32, directory: Option<i32>, address: u64) -> Kind {
        let mut argument = std::mem::take(&mut self.argument);
        let read = memory::read_path(thread, address, &mut argument);
        let kind = match read {
            Ok(()) => self.join(thread, directory, &argument),
            Err(_) => Kind::Unresolved,
        };
        self.argument = argument;
        kind
    }

    fn join(&mut self, thread: u32, directory: Option<i32>, argument: &[u8]) -> Kind {
        let base = match directory {
            _ if argument.starts_with(b"/") => self.root(thread),
            Some(number) if number != libc::AT_FDCWD => self.descriptor(thread, number),
            _ => self.follow(&format!("/proc/{thread}/cwd\0")),
        };
        // With an empty path the call acts on the directory descriptor itself (AT_EMPTY_PATH).
        if base != Kind::Path || argument.is_empty() {
            return base;
        }
        self.path.push(b'/');
        self.path.extend_from_slice(argument);
        climb(&mut self.path);
        clean(&mut self.path);
        Kind::Path
    }

    /// The target's root directory, so that an absolute path of a process in a chroot is what we would call it.
    fn root(&mut self, thread: u32) -> Kind {
        let kind = self.follow(&format!("/proc/{thread}/root\0"));
        if self.path == b"/" {
            self.path.clear();
        }
        kind
    }

    /// Reads a link of `/proc` (its text ends in NUL) into `path`.
    fn follow(&mut self, link: &str) -> Kind {
        self.path.clear();
        let Ok(link) = CStr::from_bytes_with_nul(link.as_bytes()) else { return Kind::Unresolved };
        let Ok(length) = sys::read_link(link, self.link.as_mut_slice()) else { return Kind::Unresolved };
        let target = &self.link[..length];
        // Sockets, pipes and the like read `socket:[1]`; a memfd looks like a path and is none.
        if !target.starts_with(b"/") || target.starts_with(b"/memfd:") {
            return Kind::NotAFile;
        }
        self.path.extend_from_slice(target.strip_suffix(b" (deleted)").unwrap_or(target));
        Kind::Path
    }
}

/// Resolves `..` as the kernel would, through symbolic links, when the directory named exists.
fn climb(path: &mut Vec<u8>) {
    if !path.split(|&byte| byte == b'/').any(|part| part == b"..") {
        return;
    }
    let given = Path::new(OsStr::from_bytes(path));
    let (Some(parent), Some(name)) = (given.parent(), given.file_name()) else { return };
    if let Ok(parent) = parent.canonicalize() {
        let exact = parent.join(name).into_os_string();
        path.clear();
        path.extend_from_slice(exact.as_bytes());
    }
}

/// Removes empty and `.` parts, and `..` with the part before it, in place.
fn clean(path: &mut Vec<u8>) {
    let given = std::mem::take(path);
    for part in given.split(|&byte| byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => path.truncate(path.iter().rposition(|&byte| byte == b'/').unwrap_or(0)),
            _ => {
                path.push(b'/');
                path.extend_from_slice(part);
            }
        }
    }
    if path.is_empty() {
        path.push(b'/');
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsRawFd;

    use super::*;

    fn own() -> u32 {
        std::process::id()
    }

    #[test]
    fn paths_are_cleaned() {
        for (given, expected) in [
            ("/a//b/./c", "/a/b/c"),
            ("/", "/"),
            ("/a/..", "/"),
            ("/a/../../b", "/b"),
            ("//a/b/../c/", "/a/c"),
        ] {
            let mut path = given.as_bytes().to_vec();
            clean(&mut path);
            assert_eq!(String::from_utf8_lossy(&path), expected, "{given}");
        }
    }

    #[test]
    fn descriptors_are_files_or_not() {
        let mut scratch = Scratch::new();
        let file = File::open("/etc/passwd").expect("a file every system has");
        let kind = scratch.descriptor(own(), file.as_raw_fd());
        assert_eq!(scratch.resolution(kind), Resolution::Path(Path::new("/etc/passwd")));
        let (reader, _writer) = std::io::pipe().expect("a pipe");
        assert_eq!(scratch.descriptor(own(), reader.as_raw_fd()), Kind::NotAFile);
        assert_eq!(scratch.descriptor(own(), 1_000_000), Kind::Unresolved);
    }

    #[test]
    fn relative_paths_start_where_the_kernel_starts_them() {
        let mut scratch = Scratch::new();
        let mut check = |directory, text: &CStr, expected: &Path| {
            let kind = scratch.argument(own(), directory, text.as_ptr() as u64);
            assert_eq!(scratch.resolution(kind), Resolution::Path(expected), "{text:?}");
        };
        let etc = File::open("/etc").expect("a directory every system has");
        let here = std::env::current_dir().expect("a current directory");
        check(None, c"/data/wal", Path::new("/data/wal"));
        check(None, c"wal/1", &here.join("wal/1"));
        check(Some(libc::AT_FDCWD), c"./wal", &here.join("wal"));
        check(Some(etc.as_raw_fd()), c"hosts", Path::new("/etc/hosts"));
        check(Some(etc.as_raw_fd()), c"", Path::new("/etc"));
        check(Some(etc.as_raw_fd()), c"../no/such", Path::new("/no/such"));
    }

    #[test]
    fn unreadable_memory_is_unresolved() {
        assert_eq!(Scratch::new().argument(own(), None, 8), Kind::Unresolved);
    }
}
