//! Which file a call acts on.

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::memory::{self, Address};
use super::{signals, sys};
use crate::rules::Unreadable;

/// What a call acts on, as far as it is known. Only a path can match a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution<'a> {
    /// Absolute, without `.` and `..`. For a descriptor the name the kernel knows the open file by; for a path argument
    /// the path as given, joined to its directory, symbolic links not followed.
    Path(&'a Path),
    /// A socket, a pipe, an anonymous descriptor; or the call acts on no file at all.
    NotAFile,
    /// The target's memory or descriptor could not be read.
    Unresolved(Unreadable),
}

/// The outcome without the path, which stays in the [`Scratch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Path,
    NotAFile,
    Unresolved(Unreadable),
}

/// Why a process could not be read, from the error of reading it.
pub(super) fn unreadable(error: &io::Error) -> Unreadable {
    match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => Unreadable::Forbidden,
        Some(libc::EFAULT | libc::ENAMETOOLONG | libc::EIO) => Unreadable::Invalid,
        _ => Unreadable::Gone,
    }
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
            Kind::Unresolved(reason) => Resolution::Unresolved(reason),
        }
    }

    /// The file behind a descriptor of the target.
    pub(super) fn descriptor(&mut self, thread: u32, number: i32) -> Kind {
        match self.follow(&format!("/proc/{thread}/fd/{number}\0")) {
            Kind::Unresolved(Unreadable::Forbidden) => self.copy(thread, number),
            kind => kind,
        }
    }

    /// The file behind a descriptor whose process owns its `/proc` no more (PR_SET_DUMPABLE of prctl(2)): who may trace
    /// the process, as in a user namespace of ours, may still take a copy.
    fn copy(&mut self, thread: u32, number: i32) -> Kind {
        let Some(process) = signals::process_of(thread) else { return Kind::Unresolved(Unreadable::Gone) };
        match sys::take_descriptor_of(process, number) {
            Ok(copy) => self.follow(&format!("/proc/self/fd/{}\0", copy.as_raw_fd())),
            Err(_) => Kind::Unresolved(Unreadable::Forbidden),
        }
    }

    /// A path in the target's memory; relative ones start at its current directory or at `directory`. Without a path the
    /// call acts on the directory's descriptor itself (utimensat(2)).
    pub(super) fn argument(&mut self, thread: u32, directory: Option<i32>, address: u64) -> Kind {
        let mut argument = std::mem::take(&mut self.argument);
        argument.clear();
        let read = match address {
            0 => Ok(()),
            address => memory::read_path(thread, address, &mut argument),
        };
        let kind = match read {
            Ok(()) => self.join(thread, directory, &argument),
            Err(error) => Kind::Unresolved(unreadable(&error)),
        };
        self.argument = argument;
        kind
    }

    /// The text of a symbolic link in the target's memory; a relative one starts where the link is, whose path is the one
    /// found last.
    pub(super) fn link_text(&mut self, thread: u32, link: Kind, address: u64) -> Kind {
        let mut text = std::mem::take(&mut self.argument);
        let kind = match (memory::read_path(thread, address, &mut text), link) {
            (Err(error), _) => Kind::Unresolved(unreadable(&error)),
            (Ok(()), _) if text.starts_with(b"/") => self.join(thread, None, &text),
            (Ok(()), Kind::Path) => {
                self.path.truncate(self.path.iter().rposition(|&byte| byte == b'/').unwrap_or(0));
                self.append(&text);
                Kind::Path
            }
            (Ok(()), other) => other,
        };
        self.argument = text;
        kind
    }

    /// The file a Unix socket's address names; one of the abstract namespace is written with `@`.
    pub(super) fn socket_path(&mut self, thread: u32, address: &Address) -> Kind {
        match address {
            Address::Unix(path) if path.as_os_str().is_empty() => Kind::NotAFile,
            Address::Unix(path) => self.join(thread, None, path.as_os_str().as_bytes()),
            Address::Abstract(name) => {
                self.path.clear();
                self.path.push(b'@');
                self.path.extend_from_slice(name);
                Kind::Path
            }
            Address::Ip(_) | Address::Other { .. } => Kind::NotAFile,
        }
    }

    /// The file mapped at an address of the target (proc_pid_maps(5)).
    pub(super) fn mapping(&mut self, thread: u32, address: u64) -> Kind {
        let maps = match std::fs::read(format!("/proc/{thread}/maps")) {
            Ok(maps) => maps,
            Err(error) => return Kind::Unresolved(unreadable(&error)),
        };
        let Some(path) = maps.split(|&byte| byte == b'\n').find_map(|line| mapped(line, address)) else {
            return Kind::Unresolved(Unreadable::Invalid);
        };
        self.path.clear();
        self.file(path)
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
        self.append(argument);
        Kind::Path
    }

    /// Joins a relative path to the one found.
    fn append(&mut self, relative: &[u8]) {
        self.path.push(b'/');
        self.path.extend_from_slice(relative);
        climb(&mut self.path);
        clean(&mut self.path);
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
        let Ok(link) = CStr::from_bytes_with_nul(link.as_bytes()) else {
            return Kind::Unresolved(Unreadable::Invalid);
        };
        match sys::read_link(link, self.link.as_mut_slice()) {
            Ok(length) => {
                let target = self.link[..length].to_vec();
                self.file(&target)
            }
            Err(error) => Kind::Unresolved(unreadable(&error)),
        }
    }

    /// Takes over a name as the kernel gives it.
    fn file(&mut self, name: &[u8]) -> Kind {
        // Sockets, pipes and the like read `socket:[1]`; a memfd looks like a path and is none.
        if !name.starts_with(b"/") || name.starts_with(b"/memfd:") {
            return Kind::NotAFile;
        }
        self.path.extend_from_slice(name.strip_suffix(b" (deleted)").unwrap_or(name));
        Kind::Path
    }
}

/// The name in a line of `/proc/<thread>/maps`, if the address lies in its range.
fn mapped(line: &[u8], address: u64) -> Option<&[u8]> {
    let mut words = line.splitn(6, |&byte| byte == b' ');
    let (start, end) = std::str::from_utf8(words.next()?).ok()?.split_once('-')?;
    let number = |text| u64::from_str_radix(text, 16).ok();
    let is_there = number(start)? <= address && address < number(end)?;
    is_there.then(|| words.nth(4).unwrap_or_default().trim_ascii_start())
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
        assert_eq!(scratch.descriptor(own(), 1_000_000), Kind::Unresolved(Unreadable::Gone));
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
        assert_eq!(Scratch::new().argument(own(), None, 8), Kind::Unresolved(Unreadable::Invalid));
    }

    #[test]
    fn no_path_means_the_descriptor_itself() {
        let mut scratch = Scratch::new();
        let file = File::open("/etc/passwd").expect("a file every system has");
        let kind = scratch.argument(own(), Some(file.as_raw_fd()), 0);
        assert_eq!(scratch.resolution(kind), Resolution::Path(Path::new("/etc/passwd")));
    }

    #[test]
    fn a_links_text_starts_where_the_link_is() {
        let mut scratch = Scratch::new();
        for (text, expected) in
            [(c"config.v2", "/srv/app/config.v2"), (c"../x", "/srv/x"), (c"/etc/y", "/etc/y")]
        {
            let link = scratch.argument(own(), None, c"/srv/app/config".as_ptr() as u64);
            let kind = scratch.link_text(own(), link, text.as_ptr() as u64);
            assert_eq!(scratch.resolution(kind), Resolution::Path(Path::new(expected)));
        }
    }

    #[test]
    fn a_mapping_is_known_by_its_address() {
        let line = b"7f00-7f10 rw-s 00000000 00:1b 123                        /data/a map";
        assert_eq!(mapped(line, 0x7f08), Some(b"/data/a map".as_slice()));
        assert_eq!(mapped(line, 0x7f10), None);
        assert_eq!(mapped(b"7f00-7f10 rw-p 00000000 00:00 0", 0x7f00), Some(b"".as_slice()));
        let on_the_stack = 1;
        let mut scratch = Scratch::new();
        assert_eq!(scratch.mapping(own(), (&raw const on_the_stack) as u64), Kind::NotAFile);
        assert_eq!(scratch.mapping(own(), 8), Kind::Unresolved(Unreadable::Invalid));
    }

    #[test]
    fn sockets_have_paths_and_names() {
        let mut scratch = Scratch::new();
        let mut check = |address: Address, expected: Option<&str>| {
            let kind = scratch.socket_path(own(), &address);
            let expected = expected.map_or(Resolution::NotAFile, |path| Resolution::Path(Path::new(path)));
            assert_eq!(scratch.resolution(kind), expected);
        };
        check(Address::Unix("/run/../db".into()), Some("/db"));
        check(Address::Abstract(b"name".to_vec()), Some("@name"));
        check(Address::Unix("".into()), None);
        check(Address::Ip("127.0.0.1:1".parse().expect("an address")), None);
    }
}
