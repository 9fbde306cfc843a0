//! Which errors a system call may answer with: the likely ones in production first, after the ERRORS sections of the
//! manual pages, with those of sockets where a call acts on sockets as well.

use super::Family;
use crate::model::errno::Errno;

/// The errors of a keyword, of a family's or of one call; none where no page was read.
pub fn likely_errors(keyword: &str) -> impl Iterator<Item = Errno> {
    let family = || {
        let family = Family::all().find(|family| family.faulted_names().any(|name| name == keyword));
        row(family?.keyword())
    };
    let errors = row(keyword).or_else(family).unwrap_or_default();
    errors.iter().filter_map(|error| Errno::from_name(error))
}

fn row(name: &str) -> Option<&'static [&'static str]> {
    LIKELY.iter().find(|(names, _)| names.contains(&name)).map(|(_, errors)| *errors)
}

/// Calls with the same errors, a family under its keyword, and those errors.
#[rustfmt::skip]
const LIKELY: &[(&[&str], &[&str])] = &[
    (&["write"], &["EIO", "ENOSPC", "EDQUOT", "EPIPE", "EAGAIN", "EINTR", "EFBIG", "ECONNRESET", "EPERM", "EBADF", "EINVAL"]),
    (&["read"], &["EIO", "EAGAIN", "EINTR", "ECONNRESET", "ETIMEDOUT", "EISDIR", "EBADF", "EINVAL"]),
    (&["fsync", "sync_file_range", "syncfs", "msync"], &["EIO", "ENOSPC", "EDQUOT", "EROFS", "EINTR", "EINVAL", "EBADF"]),
    (&["open"], &["ENOENT", "EACCES", "EMFILE", "ENFILE", "ENOSPC", "EROFS", "EIO", "EEXIST", "EDQUOT", "EISDIR", "ENOTDIR", "ENOMEM", "EINTR", "EPERM", "ELOOP", "ETXTBSY", "ENAMETOOLONG"]),
    (&["connect"], &["ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH", "ECONNRESET", "EADDRNOTAVAIL", "EAGAIN", "EINTR", "EACCES", "EPERM", "EINPROGRESS", "EADDRINUSE", "EAFNOSUPPORT"]),
    (&["accept", "accept4"], &["EMFILE", "ENFILE", "ECONNABORTED", "ENOBUFS", "ENOMEM", "EINTR", "EAGAIN", "EPROTO", "EPERM"]),
    (&["bind"], &["EADDRINUSE", "EACCES", "EADDRNOTAVAIL", "EINVAL", "ENOMEM"]),
    (&["listen"], &["EADDRINUSE", "EOPNOTSUPP", "EBADF"]),
    (&["socket", "socketpair"], &["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EACCES", "EAFNOSUPPORT", "EPROTONOSUPPORT", "EINVAL"]),
    (&["sendto"], &["ECONNRESET", "EPIPE", "EAGAIN", "EINTR", "ENOBUFS", "ENOMEM", "ENETUNREACH", "EHOSTUNREACH", "ETIMEDOUT", "EMSGSIZE", "ENOTCONN", "EACCES"]),
    (&["recvfrom"], &["ECONNRESET", "ETIMEDOUT", "EAGAIN", "EINTR", "ECONNREFUSED", "ENOMEM", "ENOTCONN"]),
    (&["setsockopt", "getsockopt"], &["ENOPROTOOPT", "EINVAL", "EDOM", "EBADF"]),
    (&["shutdown", "getpeername", "getsockname"], &["ENOTCONN", "ENOBUFS", "EINVAL"]),
    (&["truncate", "ftruncate"], &["EIO", "EFBIG", "EROFS", "EPERM", "EACCES", "EINTR", "EINVAL"]),
    (&["fallocate"], &["ENOSPC", "EIO", "EFBIG", "EDQUOT", "EOPNOTSUPP", "EINTR", "EPERM", "ENOSYS"]),
    (&["rename", "renameat", "renameat2"], &["EIO", "ENOSPC", "EACCES", "ENOENT", "EXDEV", "EROFS", "EDQUOT", "EBUSY", "EEXIST", "ENOTEMPTY", "EISDIR", "ENOTDIR", "EPERM"]),
    (&["unlink", "unlinkat", "rmdir"], &["ENOENT", "EACCES", "EIO", "EBUSY", "EROFS", "EPERM", "ENOTEMPTY", "EISDIR", "ENOTDIR"]),
    (&["mkdir", "mkdirat", "mknod", "mknodat"], &["EEXIST", "ENOSPC", "EACCES", "ENOENT", "EROFS", "EDQUOT", "EMLINK", "ENOTDIR", "EPERM"]),
    (&["link", "linkat", "symlink", "symlinkat"], &["EEXIST", "ENOSPC", "EACCES", "ENOENT", "EROFS", "EDQUOT", "EMLINK", "EXDEV", "EIO", "EPERM"]),
    (&["stat", "lstat", "fstat", "newfstatat", "statx", "access", "faccessat", "faccessat2"], &["ENOENT", "EACCES", "ENOTDIR", "EIO", "ELOOP", "ENOMEM", "ENAMETOOLONG", "EOVERFLOW"]),
    (&["readlink", "readlinkat"], &["ENOENT", "EACCES", "EIO", "EINVAL", "ENOTDIR", "ELOOP"]),
    (&["getdents", "getdents64"], &["ENOENT", "ENOTDIR", "EBADF", "EINVAL"]),
    (&["chmod", "fchmod", "fchmodat", "chown", "fchown", "fchownat", "lchown", "utime", "utimensat", "setxattr", "removexattr"], &["EPERM", "EROFS", "EACCES", "EIO", "ENOENT"]),
    (&["statfs", "fstatfs"], &["EIO", "EACCES", "ENOENT", "EINTR", "ENOMEM", "ENOSYS"]),
    (&["lseek"], &["ESPIPE", "EINVAL", "ENXIO", "EOVERFLOW", "EBADF"]),
    (&["flock"], &["EAGAIN", "EINTR", "ENOLCK", "EBADF"]),
    (&["fcntl"], &["EAGAIN", "EACCES", "ENOLCK", "EDEADLK", "EINTR", "EMFILE", "EPERM"]),
    (&["sendfile", "copy_file_range", "splice"], &["EIO", "ENOSPC", "EAGAIN", "ENOMEM", "EPIPE", "EXDEV", "EFBIG", "EINVAL"]),
    (&["pipe", "eventfd", "epoll_create", "inotify_init", "signalfd", "timerfd_create", "memfd_create"], &["EMFILE", "ENFILE", "ENOMEM", "EINVAL"]),
    (&["epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "pselect6"], &["EINTR", "ENOMEM", "EBADF", "EINVAL"]),
    (&["epoll_ctl", "inotify_add_watch"], &["ENOSPC", "ENOMEM", "ENOENT", "EEXIST", "EPERM"]),
    (&["io_uring_setup", "io_uring_enter", "io_uring_register"], &["ENOSYS", "EPERM", "ENOMEM", "EAGAIN", "EBUSY", "EMFILE", "EINTR"]),
    (&["io_setup", "io_submit"], &["EAGAIN", "ENOMEM", "ENOSYS", "EINVAL"]),
    (&["getrandom"], &["EAGAIN", "EINTR", "ENOSYS", "EINVAL"]),
    (&["nanosleep", "clock_nanosleep", "wait4", "waitid"], &["EINTR", "EINVAL"]),
    (&["kill", "tgkill", "setuid", "setgid", "setpriority", "sched_setaffinity"], &["EPERM", "ESRCH", "EAGAIN", "EINVAL"]),
    (&["mount", "umount2"], &["EPERM", "EBUSY", "ENOENT", "ENODEV", "EACCES"]),
    (&["mlock", "mlock2", "mlockall"], &["ENOMEM", "EPERM", "EAGAIN"]),
    (&["setrlimit", "prlimit64"], &["EPERM", "EINVAL", "ESRCH"]),
];

#[cfg(test)]
mod tests {
    use super::{Errno, LIKELY, likely_errors};
    use crate::model::syscall::{exists_elsewhere, resolve};

    #[test]
    fn every_name_exists() {
        for (names, errors) in LIKELY {
            for name in *names {
                assert!(resolve(name).is_some() || exists_elsewhere(name), "{name}");
            }
            for error in *errors {
                assert!(Errno::from_name(error).is_some(), "{error}");
            }
        }
    }

    #[test]
    fn members_of_a_family_fail_alike() {
        let first = |keyword: &str| likely_errors(keyword).next().map(Errno::name);
        assert_eq!(first("pwritev2"), Some("EIO"));
        assert_eq!(first("fdatasync"), first("fsync"));
        assert_eq!(first("connect"), Some("ECONNREFUSED"));
        assert_eq!(first("wal"), None);
    }
}
