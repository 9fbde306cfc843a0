//! Which arguments of a call say what it acts on. Positions follow the call's page in section 2 of the manual.

/// An argument that names a file or a peer, by its position (0 to 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An open descriptor.
    Descriptor(u8),
    /// A pointer to a path; a relative one starts at the current directory, or at the descriptor in `directory`.
    Path { directory: Option<u8>, path: u8 },
    /// A pointer to a socket address and the argument with its length in bytes.
    Address { address: u8, length: u8 },
    /// A pointer to a `msghdr`, whose `msg_name` may hold a socket address.
    Message(u8),
}

use Subject::{Address, Descriptor, Message};

const FD: &[Subject] = &[Descriptor(0)];
const PATH: &[Subject] = &[at_cwd(0)];
const AT: &[Subject] = &[at(0, 1)];
const SECOND_PATH: &[Subject] = &[at_cwd(1)];
const TWO_PATHS: &[Subject] = &[at_cwd(0), at_cwd(1)];
const TWO_AT: &[Subject] = &[at(0, 1), at(2, 3)];
/// The link's own path is what appears on disk; its target is only text.
const SYMLINK_AT: &[Subject] = &[at(1, 2)];

const fn at_cwd(path: u8) -> Subject {
    Subject::Path { directory: None, path }
}

const fn at(directory: u8, path: u8) -> Subject {
    Subject::Path { directory: Some(directory), path }
}

/// Subjects of the call of this name, the primary one first; empty when it has none we know of.
pub(super) fn of(name: &str) -> &'static [Subject] {
    match name {
        "write" | "writev" | "pwrite64" | "pwritev" | "pwritev2" | "read" | "readv" | "pread64"
        | "preadv" | "preadv2" | "fsync" | "fdatasync" | "sync_file_range" | "syncfs" | "ftruncate"
        | "fallocate" | "fadvise64" | "readahead" | "lseek" | "flock" | "fcntl" | "ioctl" | "fstat"
        | "fstatfs" | "fchmod" | "fchown" | "fchdir" | "getdents" | "getdents64" | "fsetxattr"
        | "fgetxattr" | "flistxattr" | "fremovexattr" | "vmsplice" | "listen" | "accept" | "accept4"
        | "shutdown" | "getsockname" | "getpeername" | "setsockopt" | "getsockopt" | "recvfrom"
        | "recvmsg" | "recvmmsg" | "sendmmsg" | "epoll_wait" | "epoll_pwait" | "epoll_pwait2" => FD,
        "connect" | "bind" => &[Descriptor(0), Address { address: 1, length: 2 }],
        "sendto" => &[Descriptor(0), Address { address: 4, length: 5 }],
        "sendmsg" => &[Descriptor(0), Message(1)],
        "sendfile" | "tee" => &[Descriptor(0), Descriptor(1)],
        "splice" | "copy_file_range" => &[Descriptor(2), Descriptor(0)],
        "epoll_ctl" => &[Descriptor(0), Descriptor(2)],
        "open" | "creat" | "stat" | "lstat" | "access" | "truncate" | "chdir" | "mkdir" | "rmdir"
        | "unlink" | "readlink" | "chmod" | "chown" | "lchown" | "mknod" | "utime" | "utimes" | "statfs"
        | "chroot" | "acct" | "swapon" | "swapoff" | "setxattr" | "lsetxattr" | "getxattr" | "lgetxattr"
        | "listxattr" | "llistxattr" | "removexattr" | "lremovexattr" | "uselib" => PATH,
        "openat" | "openat2" | "mkdirat" | "mknodat" | "unlinkat" | "fchmodat" | "fchmodat2" | "fchownat"
        | "faccessat" | "faccessat2" | "newfstatat" | "statx" | "readlinkat" | "utimensat" | "futimesat"
        | "name_to_handle_at" | "open_tree" | "setxattrat" | "getxattrat" | "listxattrat"
        | "removexattrat" | "file_getattr" | "file_setattr" => AT,
        "inotify_add_watch" | "symlink" => SECOND_PATH,
        "rename" | "link" => TWO_PATHS,
        "symlinkat" => SYMLINK_AT,
        "renameat" | "renameat2" | "linkat" => TWO_AT,
        _ => &[],
    }
}
