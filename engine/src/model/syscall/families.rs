//! The table of families: for each keyword every call of Linux that does the same, and what a rule does about it.
//!
//! Source: section 2 of the manual pages, and the kernel's table of calls up to Linux 6.17. `server/tests/cli/families.rs`
//! compares it with what strace knows, and with what a program meets.

use super::family::{Coverage, Member, Row};
use super::shape::{Files, When};
use Coverage::{Counted, Elsewhere, Refused, Unseen};

const fn faulted(name: &'static str) -> Member {
    Member { name, when: When::Always, files: Files::All, coverage: Coverage::Faulted }
}

/// A call that acts on two descriptors, of which the family means one.
const fn one_of_two(name: &'static str, files: Files) -> Member {
    Member { name, when: When::Always, files, coverage: Coverage::Faulted }
}

const fn with(name: &'static str, when: When) -> Member {
    Member { name, when, files: Files::All, coverage: Coverage::Faulted }
}

const fn other(name: &'static str, when: When, coverage: Coverage) -> Member {
    Member { name, when, files: Files::All, coverage }
}

const fn row(keyword: &'static str, doc: &'static str, members: &'static [Member]) -> Row {
    Row { keyword, doc, members }
}

const QUEUED: &str = "its operations are carried out later, and their errors come from io_getevents";
const RING: &str = "operations on a ring are not calls; programs fall back";
const SYNC: &str = "it returns no error";
const MAPPED_TO_WRITE: &str = "what is stored in the mapping is not a call";
const MAPPED_TO_READ: &str = "what is loaded from the mapping is not a call";
const REMAPPED: &str = "making a mapping writable later looks like what every allocator does; one that is writable from the start is counted";
const LOADED: &str = "a program that starts is read by the kernel, and its start is never intercepted";
const PASSED_ON: &str = "the descriptor was opened by another process, where it is faulted";
const PIPE_END: &str =
    "it reads from one end of a pipe and writes to the other; the two look alike, and `write` acts on both";

/// For every family that io_uring has an operation for (io_uring_enter(2)).
const RINGS: Member = other("io_uring_setup", When::Always, Refused(RING));

pub(super) const FAMILIES: &[Row] = &[
    row(
        "write",
        "changing what a file holds, and putting bytes into a pipe or a socket through its descriptor",
        &[
            faulted("write"),
            faulted("writev"),
            faulted("pwrite64"),
            faulted("pwritev"),
            faulted("pwritev2"),
            one_of_two("sendfile", Files::First),
            one_of_two("copy_file_range", Files::First),
            one_of_two("splice", Files::First),
            one_of_two("tee", Files::First),
            faulted("vmsplice"),
            faulted("truncate"),
            faulted("ftruncate"),
            faulted("fallocate"),
            with("ioctl", When::Clones),
            other("io_submit", When::Always, Counted(QUEUED)),
            other("mmap", When::MapsToWrite, Counted(MAPPED_TO_WRITE)),
            RINGS,
            other("mprotect", When::Always, Unseen(REMAPPED)),
            other("open", When::Always, Elsewhere("open")),
            other("openat", When::Always, Elsewhere("open")),
            other("openat2", When::Always, Elsewhere("open")),
            other("creat", When::Always, Elsewhere("open")),
            other("sendto", When::Always, Elsewhere("sendto")),
            other("sendmsg", When::Always, Elsewhere("sendto")),
            other("sendmmsg", When::Always, Elsewhere("sendto")),
        ],
    ),
    row(
        "read",
        "reading a file, a pipe or a socket through its descriptor",
        &[
            faulted("read"),
            faulted("readv"),
            faulted("pread64"),
            faulted("preadv"),
            faulted("preadv2"),
            one_of_two("sendfile", Files::Second),
            one_of_two("copy_file_range", Files::Second),
            one_of_two("splice", Files::Second),
            one_of_two("tee", Files::Second),
            other("io_submit", When::Always, Counted(QUEUED)),
            other("mmap", When::MapsToRead, Counted(MAPPED_TO_READ)),
            RINGS,
            other("vmsplice", When::Always, Unseen(PIPE_END)),
            other("execve", When::Always, Unseen(LOADED)),
            other("execveat", When::Always, Unseen(LOADED)),
            other("getdents", When::Always, Elsewhere("getdents")),
            other("getdents64", When::Always, Elsewhere("getdents")),
            other("readlink", When::Always, Elsewhere("readlink")),
            other("readlinkat", When::Always, Elsewhere("readlink")),
            other("recvfrom", When::Always, Elsewhere("recvfrom")),
            other("recvmsg", When::Always, Elsewhere("recvfrom")),
            other("recvmmsg", When::Always, Elsewhere("recvfrom")),
        ],
    ),
    row(
        "open",
        "opening a file, or making a new one",
        &[
            faulted("open"),
            faulted("openat"),
            faulted("openat2"),
            faulted("creat"),
            faulted("open_by_handle_at"),
            RINGS,
            other("execve", When::Always, Unseen(LOADED)),
            other("execveat", When::Always, Unseen(LOADED)),
            other("recvmsg", When::Always, Unseen(PASSED_ON)),
            other("pidfd_getfd", When::Always, Unseen(PASSED_ON)),
            other("open_tree", When::Always, Elsewhere("open_tree")),
            other("memfd_create", When::Always, Elsewhere("memfd_create")),
            other("mq_open", When::Always, Elsewhere("mq_open")),
        ],
    ),
    row(
        "fsync",
        "making written data durable",
        &[
            faulted("fsync"),
            faulted("fdatasync"),
            faulted("syncfs"),
            faulted("msync"),
            other("io_submit", When::Always, Counted(QUEUED)),
            other("sync", When::Always, Counted(SYNC)),
            RINGS,
            other("sync_file_range", When::Always, Elsewhere("sync_file_range")),
        ],
    ),
    row("truncate", "changing a file's size", &[faulted("truncate"), faulted("ftruncate"), RINGS]),
    row(
        "rename",
        "renaming a file, or putting it in the place of another",
        &[faulted("rename"), faulted("renameat"), faulted("renameat2"), RINGS],
    ),
    row(
        "unlink",
        "removing a file's name",
        &[
            faulted("unlink"),
            with("unlinkat", When::WithoutRemoveDir),
            RINGS,
            other("rmdir", When::Always, Elsewhere("rmdir")),
        ],
    ),
    row("rmdir", "removing a directory", &[faulted("rmdir"), with("unlinkat", When::WithRemoveDir), RINGS]),
    row("mkdir", "making a directory", &[faulted("mkdir"), faulted("mkdirat"), RINGS]),
    row("mknod", "making a FIFO, a device or an empty file", &[faulted("mknod"), faulted("mknodat")]),
    row("link", "giving a file another name", &[faulted("link"), faulted("linkat"), RINGS]),
    row("symlink", "making a symbolic link", &[faulted("symlink"), faulted("symlinkat"), RINGS]),
    row(
        "connect",
        "opening a connection to another service",
        &[
            faulted("connect"),
            with("sendto", When::FastOpen(3)),
            with("sendmsg", When::FastOpen(2)),
            with("sendmmsg", When::FastOpen(3)),
            RINGS,
        ],
    ),
    row("accept", "taking an incoming connection", &[faulted("accept"), faulted("accept4"), RINGS]),
    row(
        "sendto",
        "sending on a socket",
        &[
            faulted("sendto"),
            faulted("sendmsg"),
            faulted("sendmmsg"),
            RINGS,
            other("write", When::Always, Elsewhere("write")),
            other("writev", When::Always, Elsewhere("write")),
            other("sendfile", When::Always, Elsewhere("write")),
            other("splice", When::Always, Elsewhere("write")),
        ],
    ),
    row(
        "recvfrom",
        "receiving from a socket",
        &[
            faulted("recvfrom"),
            faulted("recvmsg"),
            faulted("recvmmsg"),
            RINGS,
            other("read", When::Always, Elsewhere("read")),
            other("readv", When::Always, Elsewhere("read")),
            other("splice", When::Always, Elsewhere("read")),
        ],
    ),
    row(
        "stat",
        "asking for a file's attributes",
        &[
            faulted("stat"),
            faulted("lstat"),
            faulted("fstat"),
            faulted("newfstatat"),
            faulted("statx"),
            RINGS,
        ],
    ),
    row(
        "access",
        "asking what may be done with a file",
        &[faulted("access"), faulted("faccessat"), faulted("faccessat2")],
    ),
    row("readlink", "reading where a symbolic link points", &[faulted("readlink"), faulted("readlinkat")]),
    row("getdents", "reading a directory", &[faulted("getdents"), faulted("getdents64")]),
    row("statfs", "asking for a file system's size and free space", &[faulted("statfs"), faulted("fstatfs")]),
    row(
        "chmod",
        "changing a file's permissions",
        &[faulted("chmod"), faulted("fchmod"), faulted("fchmodat"), faulted("fchmodat2")],
    ),
    row(
        "chown",
        "changing a file's owner",
        &[faulted("chown"), faulted("lchown"), faulted("fchown"), faulted("fchownat")],
    ),
    row(
        "utime",
        "setting a file's times",
        &[faulted("utime"), faulted("utimes"), faulted("futimesat"), faulted("utimensat")],
    ),
    row(
        "setxattr",
        "setting an extended attribute",
        &[faulted("setxattr"), faulted("lsetxattr"), faulted("fsetxattr"), faulted("setxattrat"), RINGS],
    ),
    row(
        "getxattr",
        "reading an extended attribute",
        &[faulted("getxattr"), faulted("lgetxattr"), faulted("fgetxattr"), faulted("getxattrat"), RINGS],
    ),
    row(
        "listxattr",
        "listing extended attributes",
        &[faulted("listxattr"), faulted("llistxattr"), faulted("flistxattr"), faulted("listxattrat")],
    ),
    row(
        "removexattr",
        "removing an extended attribute",
        &[faulted("removexattr"), faulted("lremovexattr"), faulted("fremovexattr"), faulted("removexattrat")],
    ),
    row("pipe", "making a pipe", &[faulted("pipe"), faulted("pipe2")]),
    row("poll", "waiting for descriptors", &[faulted("poll"), faulted("ppoll"), RINGS]),
    row("select", "waiting for descriptors", &[faulted("select"), faulted("pselect6")]),
    row("epoll_create", "making an epoll instance", &[faulted("epoll_create"), faulted("epoll_create1")]),
    row(
        "epoll_wait",
        "waiting for the events of an epoll instance",
        &[faulted("epoll_wait"), faulted("epoll_pwait"), faulted("epoll_pwait2"), RINGS],
    ),
    row("eventfd", "making a counter to wait for", &[faulted("eventfd"), faulted("eventfd2")]),
    row("signalfd", "making a descriptor that reads signals", &[faulted("signalfd"), faulted("signalfd4")]),
    row("inotify_init", "watching files for changes", &[faulted("inotify_init"), faulted("inotify_init1")]),
    row("nanosleep", "sleeping", &[faulted("nanosleep"), faulted("clock_nanosleep")]),
    row(
        "mlock",
        "keeping memory from being swapped out",
        &[faulted("mlock"), faulted("mlock2"), faulted("mlockall")],
    ),
    row(
        "kill",
        "sending a signal",
        &[faulted("kill"), faulted("tkill"), faulted("tgkill"), faulted("pidfd_send_signal")],
    ),
];
