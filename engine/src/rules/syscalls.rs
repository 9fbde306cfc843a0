//! System calls as rules see them: which calls a matcher means, on which files, to which peers.

use super::operation::Operation;
use crate::model::syscall::{CallShape, Files, Subject, Syscall};
use crate::model::{Peer, SyscallMatcher};
use std::fmt;
use std::net::SocketAddr;

/// Files of the loader and the runtime, and the sockets on which looking up a name asks daemons of the host: a rule
/// without a path leaves them alone, or no program could go on.
const SYSTEM_PREFIXES: &[&str] = &[
    "/lib/",
    "/lib64/",
    "/usr/lib/",
    "/usr/lib64/",
    "/proc/",
    "/sys/",
    "/dev/",
    "/etc/ld.so.",
    "/run/nscd/",
    "/var/run/nscd/",
    "/run/systemd/resolve/",
];

/// The file behind a subject of a syscall. Only [`SyscallFile::Path`] can match a glob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyscallFile<'p> {
    Path(&'p str),
    /// A socket, pipe, anonymous inode, or a call that names no file.
    NotAFile,
    Unresolved(Unreadable),
}

/// Why what a call acts on is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// The kernel lets nobody but root look into the process (PR_SET_DUMPABLE of prctl(2), ptrace(2)).
    Forbidden,
    /// It is named by a handle, not by a path.
    Handle,
    /// The call reaches every file.
    Everything,
    /// The process was gone, or the thread did not wait any more.
    Gone,
    /// The arguments point nowhere, so the call fails by itself.
    Invalid,
}

/// Where a syscall connects to or sends to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyscallPeer {
    Ip(SocketAddr),
    /// `connect` of a socket for datagrams: it only sets where the socket sends to. Looking up a name makes some
    /// (RFC 6724), to learn which addresses could be reached. `None` unsets it (AF_UNSPEC of connect(2)).
    Datagrams(Option<SocketAddr>),
    /// An address that has no port, such as a Unix socket's.
    Other,
    /// It carries no address.
    Nothing,
    Unresolved(Unreadable),
}

/// How a matcher and an operation go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    Yes,
    No,
    /// It may be meant; what decides is not known.
    Unknown(Unreadable),
}

impl Unreadable {
    /// Whether the call may have acted on what a rule is for.
    fn leaves_open(self) -> bool {
        match self {
            Unreadable::Forbidden | Unreadable::Handle | Unreadable::Everything => true,
            Unreadable::Gone | Unreadable::Invalid => false,
        }
    }
}

impl fmt::Display for Unreadable {
    /// Follows "its file is not known: ".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unreadable::Forbidden => {
                "only root may look into the process (PR_SET_DUMPABLE 0, or a program file without read permission)"
            }
            Unreadable::Handle => "it is named by a handle, not by a path",
            Unreadable::Everything => "the call reaches every file",
            Unreadable::Gone => "the process was gone before it could be read",
            Unreadable::Invalid => "its arguments point nowhere",
        })
    }
}

/// A syscall copied out of its process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedCall {
    pub syscall: Syscall,
    pub arguments: [u64; 6],
    /// What is behind each of its subjects, in their order.
    pub files: Vec<OwnedFile>,
    pub peer: SyscallPeer,
}

/// [`SyscallFile`] with a path of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnedFile {
    Path(String),
    NotAFile,
    Unresolved(Unreadable),
}

impl OwnedFile {
    pub fn get(&self) -> SyscallFile<'_> {
        match self {
            OwnedFile::Path(path) => SyscallFile::Path(path),
            OwnedFile::NotAFile => SyscallFile::NotAFile,
            OwnedFile::Unresolved(reason) => SyscallFile::Unresolved(*reason),
        }
    }
}

impl OwnedCall {
    /// A call on one file, with any arguments.
    pub fn on(syscall: Syscall, file: OwnedFile) -> OwnedCall {
        OwnedCall { syscall, arguments: [0; 6], files: vec![file], peer: SyscallPeer::Nothing }
    }
}

/// The shapes of a matcher that fit the call and its arguments.
fn meant<'m>(
    matcher: &'m SyscallMatcher,
    operation: &'m dyn Operation,
) -> impl Iterator<Item = CallShape> + 'm {
    let syscall = operation.syscall();
    let fits = move |shape: &&CallShape| {
        Some(shape.syscall) == syscall && shape.when.holds(|at| operation.argument(at))
    };
    matcher.calls.iter().filter(fits).copied()
}

pub(super) fn fit(matcher: &SyscallMatcher, operation: &dyn Operation) -> Fit {
    let mut whole = Fit::No;
    for shape in meant(matcher, operation) {
        match shape_fit(matcher, shape, operation) {
            Fit::Yes => return Fit::Yes,
            Fit::Unknown(reason) => whole = Fit::Unknown(reason),
            Fit::No => {}
        }
    }
    whole
}

fn shape_fit(matcher: &SyscallMatcher, shape: CallShape, operation: &dyn Operation) -> Fit {
    if let Some(peer) = &matcher.peer {
        return match operation.peer() {
            SyscallPeer::Ip(address) if reaches(peer, address) => Fit::Yes,
            SyscallPeer::Datagrams(Some(address)) if peer.datagrams && reaches(peer, address) => Fit::Yes,
            SyscallPeer::Unresolved(reason) if reason.leaves_open() => Fit::Unknown(reason),
            SyscallPeer::Ip(_)
            | SyscallPeer::Datagrams(_)
            | SyscallPeer::Other
            | SyscallPeer::Nothing
            | SyscallPeer::Unresolved(_) => Fit::No,
        };
    }
    let Some(glob) = &matcher.path else {
        let is_none = is_system_file(shape, operation) || only_sets_a_destination(operation);
        return if is_none { Fit::No } else { Fit::Yes };
    };
    let mut whole = Fit::No;
    for (at, _) in shape.subjects() {
        match operation.file(at) {
            SyscallFile::Path(path) if glob.matches(path) => return Fit::Yes,
            SyscallFile::Unresolved(reason) if reason.leaves_open() => whole = Fit::Unknown(reason),
            SyscallFile::Path(_) | SyscallFile::NotAFile | SyscallFile::Unresolved(_) => {}
        }
    }
    whole
}

fn only_sets_a_destination(operation: &dyn Operation) -> bool {
    matches!(operation.peer(), SyscallPeer::Datagrams(_))
}

/// Services are on this machine, so an interface is reached through loopback or the wildcard address.
fn reaches(peer: &Peer, address: SocketAddr) -> bool {
    let is_here = address.ip().is_loopback() || address.ip().is_unspecified();
    address.port() == peer.port && (peer.interface.is_none() || is_here)
}

/// True when all that the shape means of the call are files of the loader or the runtime. What is written through a
/// descriptor is never theirs.
fn is_system_file(shape: CallShape, operation: &dyn Operation) -> bool {
    let mut named = shape.subjects().filter(|(_, subject)| match subject {
        Subject::Path { .. } | Subject::LinkText { .. } | Subject::Address { .. } => true,
        Subject::Descriptor(_) => reads(shape),
        _ => false,
    });
    let is_theirs = |at: usize| match operation.file(at) {
        SyscallFile::Path(path) => SYSTEM_PREFIXES.iter().any(|prefix| path.starts_with(prefix)),
        SyscallFile::NotAFile | SyscallFile::Unresolved(_) => false,
    };
    match named.next() {
        Some((first, _)) => is_theirs(first) && named.all(|(at, _)| is_theirs(at)),
        None => false,
    }
}

fn reads(shape: CallShape) -> bool {
    shape.files == Files::Second
        || matches!(shape.syscall.name(), "read" | "readv" | "pread64" | "preadv" | "preadv2")
}

/// The path of the call that a matcher's glob matches, when the call names more than one.
pub(super) fn matched_path<'o>(matcher: &SyscallMatcher, operation: &'o dyn Operation) -> Option<&'o str> {
    let glob = matcher.path.as_ref()?;
    let shape = meant(matcher, operation).next()?;
    let several = shape.syscall.subjects().iter().filter(|subject| !matches!(subject, Subject::Socket(_)));
    if several.count() < 2 {
        return None;
    }
    let mut paths = shape.subjects().filter_map(|(at, _)| match operation.file(at) {
        SyscallFile::Path(path) => Some(path),
        SyscallFile::NotAFile | SyscallFile::Unresolved(_) => None,
    });
    paths.find(|path| glob.matches(path))
}

pub(super) const DATAGRAMS: &str =
    "its socket is for datagrams: the call makes no connection, it sets where the socket sends";

/// How near a call came to a matcher, and why it is not meant; `None` when it is.
pub(super) fn miss(matcher: &SyscallMatcher, operation: &dyn Operation) -> Option<(usize, String)> {
    let syscall = operation.syscall()?;
    let keyword = &matcher.keyword;
    let Some(shape) = meant(matcher, operation).next() else {
        let others = matcher.calls.iter().any(|shape| shape.syscall == syscall);
        let with = if others { " with these arguments" } else { "" };
        return Some((0, format!("{}{with} is not {keyword}", syscall.name())));
    };
    match fit(matcher, operation) {
        Fit::Yes => return None,
        Fit::Unknown(reason) => {
            let what = if matcher.peer.is_some() { "where it connects to" } else { "its file" };
            return Some((2, format!("{what} is not known: {reason}")));
        }
        Fit::No => {}
    }
    if let Some(peer) = &matcher.peer {
        return Some(match operation.peer() {
            SyscallPeer::Ip(address) if address.port() == peer.port => {
                (2, format!("{address} is not on this machine, where {peer} is"))
            }
            SyscallPeer::Ip(address) => (2, format!("{address} is not {peer}")),
            SyscallPeer::Datagrams(_) => (1, DATAGRAMS.to_owned()),
            SyscallPeer::Other => (1, format!("it is for a Unix socket, not for {peer}")),
            SyscallPeer::Nothing => (1, "it carries no address; its socket was connected before".to_owned()),
            SyscallPeer::Unresolved(reason) => (1, format!("where it connects to is not known: {reason}")),
        });
    }
    let Some(glob) = &matcher.path else {
        if only_sets_a_destination(operation) {
            return Some((1, DATAGRAMS.to_owned()));
        }
        return Some((2, "a file of the system, on which only a rule with path= acts".to_owned()));
    };
    let mut nearest = (1, "it acts on no file".to_owned());
    for (at, _) in shape.subjects() {
        match operation.file(at) {
            SyscallFile::Path(_) => return Some((2, format!("path is not {}", glob.as_str()))),
            SyscallFile::Unresolved(reason) => nearest.1 = format!("its file is not known: {reason}"),
            SyscallFile::NotAFile => {}
        }
    }
    if matches!(operation.peer(), SyscallPeer::Ip(_)) {
        nearest.1 = "it is for a network address, which to= or port= names".to_owned();
    }
    Some(nearest)
}
