//! The words a syscall fault may be given under, and the calls that may never be intercepted.

use super::Syscall;
use super::family::Family;
use super::shape::CallShape;

/// The calls a keyword of a spec stands for: a family's, or the single call of that name. `None` when it is neither.
///
/// A word that names both is the family: no program is asked to care which shape of a call it makes.
pub fn resolve(keyword: &str) -> Option<Vec<CallShape>> {
    match Family::from_keyword(keyword) {
        Some(family) => Some(family.faulted()),
        None => Syscall::from_name(keyword).map(|call| vec![call.into()]),
    }
}

/// A word that `fault(service, <word>=...)` accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyword {
    pub name: &'static str,
    /// What is faulted by it; present for the commonly faulted ones, which completion offers first.
    pub doc: Option<&'static str>,
}

/// Every keyword: the documented ones in the order of their table, then the other families, then the remaining calls
/// by name.
pub fn keywords() -> Vec<Keyword> {
    let common = COMMON.iter().map(|&(name, doc)| Keyword { name, doc: Some(doc) });
    let mut all: Vec<Keyword> = common.filter(|keyword| resolve(keyword.name).is_some()).collect();
    let families = Family::all().map(|family| Keyword { name: family.keyword(), doc: Some(family.doc()) });
    let calls = Syscall::trappable().map(|call| Keyword { name: call.name(), doc: None });
    for keyword in families.chain(calls) {
        if all.iter().all(|known| known.name != keyword.name) {
            all.push(keyword);
        }
    }
    all
}

/// What a documented keyword means.
pub fn keyword_doc(name: &str) -> Option<&'static str> {
    let common = COMMON.iter().find(|(word, _)| *word == name).map(|&(_, doc)| doc);
    common.or_else(|| Family::from_keyword(name).map(Family::doc))
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

/// What is commonly faulted, the commonest first. Families are described by their own table.
const COMMON: &[(&str, &str)] = &[
    ("write", "changing what a file holds, and sending on pipes and sockets through write and its kin"),
    ("read", "reading files, pipes and sockets through read and its kin"),
    ("open", "opening a file, or making a new one"),
    ("fsync", "making written data durable"),
    ("connect", "opening a connection to another service"),
    ("accept", "taking an incoming connection"),
    ("rename", "renaming a file, or putting it in the place of another"),
    ("unlink", "removing a file"),
    ("bind", "claiming a local address"),
    ("listen", "starting to take connections"),
    ("socket", "creating a socket"),
    ("sendto", "sending on a socket"),
    ("recvfrom", "receiving from a socket"),
    ("mkdir", "creating a directory"),
    ("truncate", "changing a file's size"),
    ("fallocate", "reserving space for a file"),
    ("openat", "opening a file, as nearly every program does"),
    ("accept4", "taking an incoming connection (most servers use this one)"),
    ("writev", "writing several buffers at once"),
    ("readv", "reading into several buffers at once"),
    ("pwrite64", "writing at an offset, as databases do"),
    ("pread64", "reading at an offset, as databases do"),
    ("fdatasync", "making written data durable without its metadata, as write-ahead logs do"),
    ("sync_file_range", "starting or awaiting write-back of a part of a file"),
    ("ftruncate", "changing a file's size through its descriptor"),
    ("renameat2", "renaming a file, with flags"),
    ("unlinkat", "removing a file or directory"),
    ("stat", "asking for a file's attributes"),
    ("flock", "locking a file"),
    ("sendmsg", "sending a message on a socket"),
    ("recvmsg", "receiving a message from a socket"),
    ("sendfile", "copying from a file to a socket inside the kernel"),
    ("copy_file_range", "copying between files inside the kernel"),
    ("getrandom", "asking for random bytes"),
];

#[cfg(test)]
mod tests {
    use super::super::exists_elsewhere;
    use super::*;

    fn names(keyword: &str) -> String {
        let calls = resolve(keyword).unwrap_or_default();
        calls.iter().map(|call| call.syscall.name()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_keyword_is_a_family_or_one_call() {
        assert!(names("write").starts_with("write writev pwrite64 pwritev pwritev2 sendfile"));
        assert_eq!(names("fsync"), "fsync fdatasync syncfs msync");
        assert_eq!(names("bind"), "bind");
        assert_eq!(names("renameat2"), "renameat2");
        assert_eq!(names("wirte"), "");
        assert!(names("open").contains("openat openat2"));
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
}
