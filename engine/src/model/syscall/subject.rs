//! Which arguments of a call say what it acts on. Positions follow the call's page in section 2 of the manual.

/// An argument that names a file or a peer, by its position (0 to 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// An open descriptor.
    Descriptor(u8),
    /// A descriptor that the call takes of sockets only.
    Socket(u8),
    /// A pointer to a path; a relative one starts at the current directory, or at the descriptor in `directory`.
    Path { directory: Option<u8>, path: u8 },
    /// A pointer to the text of a symbolic link; a relative one starts at the directory of the link's own path.
    LinkText { text: u8, directory: Option<u8>, link: u8 },
    /// An address inside a mapping of a file.
    Mapping(u8),
    /// A file named by a handle, which is no path (open_by_handle_at(2)).
    Handle,
    /// A pointer to a socket address and the argument with its length in bytes.
    Address { address: u8, length: u8 },
    /// A pointer to a `msghdr`, whose `msg_name` may hold a socket address.
    Message(u8),
}

use Subject::{Address, Descriptor, Handle, LinkText, Mapping, Message, Socket};

const FD: &[Subject] = &[Descriptor(0)];
const SOCKET: &[Subject] = &[Socket(0)];
const PATH: &[Subject] = &[at_cwd(0)];
const AT: &[Subject] = &[at(0, 1)];
const SECOND_PATH: &[Subject] = &[at_cwd(1)];
const TWO_PATHS: &[Subject] = &[at_cwd(0), at_cwd(1)];
const TWO_AT: &[Subject] = &[at(0, 1), at(2, 3)];

const SOCKET_AND_ADDRESS: &[Subject] = &[Socket(0), Address { address: 1, length: 2 }];
const MAY_HAVE_ADDRESS: &[Subject] = &[Socket(0), Address { address: 4, length: 5 }];
const OTHER_DIRECTORY: &[Subject] = &[at(3, 4)];
const TARGET_AND_SOURCE: &[Subject] = &[at_cwd(1), at_cwd(0)];
/// The link's own path, which appears on disk, comes first.
const SYMLINK: &[Subject] = &[at_cwd(1), LinkText { text: 0, directory: None, link: 1 }];
const SYMLINK_AT: &[Subject] = &[at(1, 2), LinkText { text: 0, directory: Some(1), link: 2 }];

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
        | "fgetxattr" | "flistxattr" | "fremovexattr" | "vmsplice" | "cachestat" | "finit_module" => FD,
        "listen" | "accept" | "accept4" | "shutdown" | "getsockname" | "getpeername" | "setsockopt"
        | "getsockopt" | "recvfrom" | "recvmsg" | "recvmmsg" => SOCKET,
        "connect" | "bind" => SOCKET_AND_ADDRESS,
        "sendto" => MAY_HAVE_ADDRESS,
        // A vector of messages begins with the first one's `msghdr`.
        "sendmsg" | "sendmmsg" => &[Socket(0), Message(1)],
        "sendfile" => &[Descriptor(0), Descriptor(1)],
        "tee" => &[Descriptor(1), Descriptor(0)],
        "splice" | "copy_file_range" => &[Descriptor(2), Descriptor(0)],
        "mmap" => &[Descriptor(4)],
        "msync" => &[Mapping(0)],
        "open_by_handle_at" => &[Handle],
        "open" | "creat" | "stat" | "lstat" | "access" | "truncate" | "chdir" | "mkdir" | "rmdir"
        | "unlink" | "readlink" | "chmod" | "chown" | "lchown" | "mknod" | "utime" | "utimes" | "statfs"
        | "chroot" | "acct" | "swapon" | "swapoff" | "setxattr" | "lsetxattr" | "getxattr" | "lgetxattr"
        | "listxattr" | "llistxattr" | "removexattr" | "lremovexattr" | "uselib" | "umount2" => PATH,
        "openat" | "openat2" | "mkdirat" | "mknodat" | "unlinkat" | "fchmodat" | "fchmodat2" | "fchownat"
        | "faccessat" | "faccessat2" | "newfstatat" | "statx" | "readlinkat" | "utimensat" | "futimesat"
        | "name_to_handle_at" | "open_tree" | "setxattrat" | "getxattrat" | "listxattrat"
        | "removexattrat" | "file_getattr" | "file_setattr" | "fspick" | "mount_setattr" => AT,
        "inotify_add_watch" | "quotactl" => SECOND_PATH,
        "fanotify_mark" => OTHER_DIRECTORY,
        "rename" | "link" | "pivot_root" => TWO_PATHS,
        "mount" => TARGET_AND_SOURCE,
        "renameat" | "renameat2" | "linkat" | "move_mount" => TWO_AT,
        "symlink" => SYMLINK,
        "symlinkat" => SYMLINK_AT,
        _ => &[],
    }
}
