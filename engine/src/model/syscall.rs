//! System calls as a spec names them: single calls, families of calls, what each acts on, and which may not be faulted.
//!
//! Numbers are those of the architecture the program was built for; [`table`] holds both supported ones.

mod errors;
mod subject;
mod table;

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use errors::likely_errors;
pub use subject::Subject;
use table::TABLE;

/// One system call of this architecture. Serialised by name, since numbers differ between architectures.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Syscall {
    number: u16,
}

impl Syscall {
    pub fn from_name(name: &str) -> Option<Syscall> {
        let at = TABLE.binary_search_by_key(&name, |row| row.0).ok()?;
        u16::try_from(native(&TABLE[at])).ok().map(|number| Syscall { number })
    }

    /// The call with this number; `None` for numbers the table does not know, a newer kernel's for example.
    pub fn from_number(number: u32) -> Option<Syscall> {
        let number = u16::try_from(number).ok()?;
        row_of(number).map(|_| Syscall { number })
    }

    pub fn number(self) -> u32 {
        u32::from(self.number)
    }

    pub fn name(self) -> &'static str {
        row_of(self.number).map_or("unknown", |row| row.0)
    }

    /// The arguments that say what the call acts on: descriptors, paths and addresses, the primary one first.
    pub fn subjects(self) -> &'static [Subject] {
        subject::of(self.name())
    }

    /// Every call of this architecture that may be intercepted, in order of name.
    pub fn trappable() -> impl Iterator<Item = Syscall> {
        TABLE.iter().filter(|row| untrappable(row.0).is_none()).filter_map(|row| Syscall::from_name(row.0))
    }
}

impl fmt::Display for Syscall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Syscall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.number)
    }
}

impl Serialize for Syscall {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Syscall {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Syscall, D::Error> {
        let name = String::deserialize(deserializer)?;
        Syscall::from_name(&name)
            .ok_or_else(|| D::Error::custom(format!("`{name}` is not a system call here")))
    }
}

/// Calls that do the same thing in different shapes, so that a rule on one word misses none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    Write,
    Read,
    Fsync,
    Open,
    Sendto,
    Recvfrom,
}

impl Family {
    pub const ALL: [Family; 6] =
        [Family::Write, Family::Read, Family::Fsync, Family::Open, Family::Sendto, Family::Recvfrom];

    pub fn from_keyword(keyword: &str) -> Option<Family> {
        Family::ALL.into_iter().find(|family| family.keyword() == keyword)
    }

    pub fn keyword(self) -> &'static str {
        match self {
            Family::Write => "write",
            Family::Read => "read",
            Family::Fsync => "fsync",
            Family::Open => "open",
            Family::Sendto => "sendto",
            Family::Recvfrom => "recvfrom",
        }
    }

    /// Names of its calls; some do not exist on every architecture.
    pub fn members(self) -> &'static [&'static str] {
        match self {
            Family::Write => &["write", "writev", "pwrite64", "pwritev", "pwritev2"],
            Family::Read => &["read", "readv", "pread64", "preadv", "preadv2"],
            Family::Fsync => &["fsync", "fdatasync"],
            Family::Open => &["open", "openat", "openat2", "creat"],
            Family::Sendto => &["sendto", "sendmsg", "sendmmsg"],
            Family::Recvfrom => &["recvfrom", "recvmsg", "recvmmsg"],
        }
    }

    /// Its calls on this architecture.
    pub fn syscalls(self) -> Vec<Syscall> {
        self.members().iter().filter_map(|name| Syscall::from_name(name)).collect()
    }
}

/// The calls a keyword of a spec stands for: a family's, or the single call of that name. `None` when it is neither.
pub fn resolve(keyword: &str) -> Option<Vec<Syscall>> {
    match Family::from_keyword(keyword) {
        Some(family) => Some(family.syscalls()),
        None => Syscall::from_name(keyword).map(|call| vec![call]),
    }
}

/// Whether `name` is a system call of the other architecture only, for an error that says so.
pub fn exists_elsewhere(name: &str) -> bool {
    TABLE.binary_search_by_key(&name, |row| row.0).is_ok() && Syscall::from_name(name).is_none()
}

/// A word that `fault(service, <word>=...)` accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyword {
    pub name: &'static str,
    /// What is faulted by it; present for the commonly faulted ones, which completion offers first.
    pub doc: Option<&'static str>,
}

/// Every keyword: the documented ones in the order of their table, then the remaining calls by name.
pub fn keywords() -> Vec<Keyword> {
    let common = COMMON.iter().map(|&(name, doc)| Keyword { name, doc: Some(doc) });
    let known = common.filter(|keyword| resolve(keyword.name).is_some());
    let rest =
        Syscall::trappable().map(Syscall::name).filter(|name| COMMON.iter().all(|(word, _)| word != name));
    known.chain(rest.map(|name| Keyword { name, doc: None })).collect()
}

/// What a documented keyword means.
pub fn keyword_doc(name: &str) -> Option<&'static str> {
    COMMON.iter().find(|(word, _)| *word == name).map(|&(_, doc)| doc)
}

/// Why a call may never be intercepted, or `None` when it may be.
///
/// A signal can interrupt an intercepted call before the supervisor received it (seccomp_unotify(2)); these calls
/// cannot be interrupted in nature, so a program loses a descriptor, a child or a lock when they are.
pub fn untrappable(name: &str) -> Option<&'static str> {
    UNTRAPPABLE.iter().find(|(names, _)| names.contains(&name)).map(|(_, reason)| *reason)
}

/// Every call that may never be intercepted, with the reason.
pub fn untrappable_groups() -> impl Iterator<Item = (&'static [&'static str], &'static str)> {
    UNTRAPPABLE.iter().copied()
}

const UNTRAPPABLE: &[(&[&str], &str)] = &[
    (
        &["close", "close_range", "dup", "dup2", "dup3"],
        "a signal would make it fail with EINTR, which it never does in nature, and the program would leak the descriptor",
    ),
    (
        &["clone", "clone3", "fork", "vfork", "execve", "execveat"],
        "starting a process or thread is how the service itself runs; an interrupted start cannot be repeated safely",
    ),
    (&["exit", "exit_group"], "it never returns, so there is nothing to answer"),
    (
        &[
            "futex",
            "futex_wait",
            "futex_wake",
            "futex_waitv",
            "futex_requeue",
            "set_robust_list",
            "get_robust_list",
        ],
        "locks inside the service use it; stopping there would deadlock the service",
    ),
    (
        &["mmap", "munmap", "mprotect", "mremap", "brk", "madvise", "arch_prctl", "set_tid_address", "rseq"],
        "the loader and the allocator of every program need it before the program's own code runs",
    ),
    (
        &["rt_sigreturn", "restart_syscall", "rt_sigaction", "rt_sigprocmask", "sigaltstack"],
        "it is part of signal delivery and must not be delayed or answered by somebody else",
    ),
    (&["seccomp", "prctl", "ptrace"], "it controls the interception itself"),
];

const COMMON: &[(&str, &str)] = &[
    ("write", "write, writev, pwrite64, pwritev and pwritev2: files, pipes and sockets alike"),
    ("read", "read, readv, pread64, preadv and preadv2: files, pipes and sockets alike"),
    ("open", "open, openat, openat2 and creat"),
    ("fsync", "fsync and fdatasync: making written data durable"),
    ("connect", "opening a connection to another service"),
    ("accept4", "taking an incoming connection (most servers use this one)"),
    ("accept", "taking an incoming connection"),
    ("bind", "claiming a local address"),
    ("listen", "starting to take connections"),
    ("socket", "creating a socket"),
    ("sendto", "sendto, sendmsg and sendmmsg: sending on a socket"),
    ("recvfrom", "recvfrom, recvmsg and recvmmsg: receiving from a socket"),
    ("openat", "opening a file, as nearly every program does"),
    ("writev", "writing several buffers at once"),
    ("readv", "reading into several buffers at once"),
    ("pwrite64", "writing at an offset, as databases do"),
    ("pread64", "reading at an offset, as databases do"),
    ("fdatasync", "making written data durable without its metadata, as write-ahead logs do"),
    ("sync_file_range", "starting or awaiting write-back of a part of a file"),
    ("ftruncate", "changing a file's size through its descriptor"),
    ("fallocate", "reserving space for a file"),
    ("rename", "renaming a file"),
    ("renameat", "renaming a file"),
    ("renameat2", "renaming a file, with flags"),
    ("unlink", "removing a file"),
    ("unlinkat", "removing a file or directory"),
    ("mkdir", "creating a directory"),
    ("mkdirat", "creating a directory"),
    ("newfstatat", "asking for a file's attributes"),
    ("statx", "asking for a file's attributes"),
    ("flock", "locking a file"),
    ("sendmsg", "sending a message on a socket"),
    ("recvmsg", "receiving a message from a socket"),
    ("sendfile", "copying from a file to a socket inside the kernel"),
    ("copy_file_range", "copying between files inside the kernel"),
    ("getrandom", "asking for random bytes"),
];

const fn native(row: &(&str, i16, i16)) -> i16 {
    if cfg!(target_arch = "aarch64") { row.2 } else { row.1 }
}

/// Rows by native number, since every intercepted call asks for its name; `u16::MAX` where there is no call.
static ROW_BY_NUMBER: [u16; 512] = {
    let mut rows = [u16::MAX; 512];
    let mut at = 0;
    while at < TABLE.len() {
        let number = native(&TABLE[at]);
        if number >= 0 {
            rows[number as usize] = at as u16;
        }
        at += 1;
    }
    rows
};

fn row_of(number: u16) -> Option<&'static (&'static str, i16, i16)> {
    let row = *ROW_BY_NUMBER.get(usize::from(number))?;
    TABLE.get(usize::from(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(keyword: &str) -> String {
        let calls = resolve(keyword).unwrap_or_default();
        calls.iter().map(|call| call.name()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_keyword_is_a_family_or_one_call() {
        assert_eq!(names("write"), "write writev pwrite64 pwritev pwritev2");
        assert_eq!(names("fsync"), "fsync fdatasync");
        assert_eq!(names("connect"), "connect");
        assert_eq!(names("wirte"), "");
        assert!(names("open").contains("openat openat2"));
    }

    #[test]
    fn the_table_is_sorted_and_numbers_are_unique() {
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0));
        for column in [|row: &(&str, i16, i16)| row.1, |row: &(&str, i16, i16)| row.2] {
            let mut numbers: Vec<i16> = TABLE.iter().map(column).filter(|&number| number >= 0).collect();
            let count = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), count);
        }
    }

    #[test]
    fn numbers_agree_with_the_c_library() {
        for (name, number) in [
            ("write", libc::SYS_write),
            ("openat2", libc::SYS_openat2),
            ("futex", libc::SYS_futex),
            ("io_uring_setup", libc::SYS_io_uring_setup),
            ("mseal", libc::SYS_mseal),
        ] {
            assert_eq!(Syscall::from_name(name).map(|call| i64::from(call.number())), Some(number), "{name}");
        }
    }

    #[test]
    fn every_name_in_the_side_tables_exists() {
        for (names, reason) in UNTRAPPABLE {
            assert!(!reason.is_empty());
            for name in *names {
                assert!(Syscall::from_name(name).is_some() || exists_elsewhere(name), "{name}");
            }
        }
        for (name, _) in COMMON {
            assert!(resolve(name).is_some() || exists_elsewhere(name), "{name}");
            assert_eq!(untrappable(name), None, "{name} is offered but refused");
        }
    }

    #[test]
    fn keywords_hold_each_word_once() {
        let mut words: Vec<&str> = keywords().iter().map(|keyword| keyword.name).collect();
        assert_eq!(words[0], "write");
        assert!(words.contains(&"statx") && !words.contains(&"close"));
        let count = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), count);
    }

    #[test]
    fn serialises_by_name() {
        let call = Syscall::from_name("fsync").expect("fsync exists");
        assert_eq!(serde_json::to_string(&call).expect("a string"), "\"fsync\"");
        assert_eq!(serde_json::from_str::<Syscall>("\"fsync\"").expect("a call"), call);
    }
}
