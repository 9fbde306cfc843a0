//! The complete set of Linux error numbers, by name, with one line of meaning each.
//!
//! Numbers are those of `asm-generic/errno-base.h` and `asm-generic/errno.h`, which x86_64 and aarch64 share.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An error number a system call can answer with, always one that has a name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Errno {
    number: i32,
}

impl Errno {
    /// Every Linux error number, in order of number.
    pub const ALL: &[Errno] = &NUMBERS;

    /// The ones a service is likely to meet in production, in the order completion offers them.
    pub const RECOMMENDED: &[Errno] = &RECOMMENDED;

    /// The number a name stands for, in any letter case; the aliases `EWOULDBLOCK`, `EDEADLOCK` and `ENOTSUP` included.
    pub fn from_name(name: &str) -> Option<Errno> {
        let name =
            ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)).map_or(name, |(_, real)| real);
        let found = TABLE.iter().find(|(_, known, _)| known.eq_ignore_ascii_case(name))?;
        Some(Errno { number: found.0 })
    }

    /// The error with this number, if Linux has one.
    pub fn from_number(number: i32) -> Option<Errno> {
        TABLE.iter().any(|row| row.0 == number).then_some(Errno { number })
    }

    pub fn number(self) -> i32 {
        self.number
    }

    /// Its C name, for example `ENOSPC`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// What it tells a program, in a few words.
    pub fn meaning(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> &'static (i32, &'static str, &'static str) {
        // Rows are in order of number and an `Errno` is only made from one of them.
        let at = TABLE.binary_search_by_key(&self.number, |row| row.0).unwrap_or(0);
        &TABLE[at]
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Errno {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Errno {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Errno, D::Error> {
        let name = String::deserialize(deserializer)?;
        Errno::from_name(&name).ok_or_else(|| D::Error::custom(format!("`{name}` is not a Linux error name")))
    }
}

const ALIASES: &[(&str, &str)] =
    &[("EWOULDBLOCK", "EAGAIN"), ("EDEADLOCK", "EDEADLK"), ("ENOTSUP", "EOPNOTSUPP")];

const NUMBERS: [Errno; TABLE.len()] = {
    let mut all = [Errno { number: 0 }; TABLE.len()];
    let mut at = 0;
    while at < TABLE.len() {
        all[at] = Errno { number: TABLE[at].0 };
        at += 1;
    }
    all
};

const RECOMMENDED: [Errno; 29] = {
    let numbers = [
        2, 13, 1, 5, 28, 30, 17, 39, 23, 24, 27, 111, 104, 103, 110, 101, 113, 98, 99, 4, 11, 12, 16, 22, 38,
        35, 40, 122, 37,
    ];
    let mut all = [Errno { number: 0 }; 29];
    let mut at = 0;
    while at < all.len() {
        all[at] = Errno { number: numbers[at] };
        at += 1;
    }
    all
};

/// Number, name, meaning; in order of number.
#[rustfmt::skip]
const TABLE: &[(i32, &str, &str)] = &[
    (1, "EPERM", "the caller is not allowed to do this"),
    (2, "ENOENT", "no such file or directory"),
    (3, "ESRCH", "no such process"),
    (4, "EINTR", "a signal arrived before the call finished"),
    (5, "EIO", "the device failed while reading or writing"),
    (6, "ENXIO", "no device behind this address"),
    (7, "E2BIG", "arguments and environment are too long"),
    (8, "ENOEXEC", "not a format this machine can execute"),
    (9, "EBADF", "the descriptor is not open, or not for this use"),
    (10, "ECHILD", "no child to wait for"),
    (11, "EAGAIN", "nothing available now; try again"),
    (12, "ENOMEM", "out of memory"),
    (13, "EACCES", "file permissions forbid it"),
    (14, "EFAULT", "a pointer argument is not mapped"),
    (15, "ENOTBLK", "a block device is needed here"),
    (16, "EBUSY", "the device or file is in use"),
    (17, "EEXIST", "the file exists already"),
    (18, "EXDEV", "the two names are on different filesystems"),
    (19, "ENODEV", "no such device"),
    (20, "ENOTDIR", "a part of the path is not a directory"),
    (21, "EISDIR", "the path is a directory"),
    (22, "EINVAL", "an argument makes no sense for this call"),
    (23, "ENFILE", "the whole system has too many files open"),
    (24, "EMFILE", "the process has too many files open"),
    (25, "ENOTTY", "the descriptor does not know this request"),
    (26, "ETXTBSY", "the program file is being executed"),
    (27, "EFBIG", "the file would become too large"),
    (28, "ENOSPC", "no space left on the device"),
    (29, "ESPIPE", "a pipe or socket cannot seek"),
    (30, "EROFS", "the filesystem is mounted read-only"),
    (31, "EMLINK", "too many links to one file"),
    (32, "EPIPE", "nobody reads the other end any more"),
    (33, "EDOM", "argument outside the function's domain"),
    (34, "ERANGE", "the result does not fit"),
    (35, "EDEADLK", "waiting for this lock would never end"),
    (36, "ENAMETOOLONG", "the file name is too long"),
    (37, "ENOLCK", "no more file locks available"),
    (38, "ENOSYS", "the kernel does not have this call"),
    (39, "ENOTEMPTY", "the directory is not empty"),
    (40, "ELOOP", "too many symbolic links in the path"),
    (42, "ENOMSG", "no message of the wanted type"),
    (43, "EIDRM", "the identifier was removed"),
    (44, "ECHRNG", "channel number out of range"),
    (45, "EL2NSYNC", "level 2 is not synchronised"),
    (46, "EL3HLT", "level 3 is halted"),
    (47, "EL3RST", "level 3 was reset"),
    (48, "ELNRNG", "link number out of range"),
    (49, "EUNATCH", "the protocol driver is not attached"),
    (50, "ENOCSI", "no CSI structure available"),
    (51, "EL2HLT", "level 2 is halted"),
    (52, "EBADE", "the exchange is invalid"),
    (53, "EBADR", "the request descriptor is invalid"),
    (54, "EXFULL", "the exchange is full"),
    (55, "ENOANO", "no anode"),
    (56, "EBADRQC", "the request code is invalid"),
    (57, "EBADSLT", "the slot is invalid"),
    (59, "EBFONT", "the font file has a bad format"),
    (60, "ENOSTR", "the device is not a stream"),
    (61, "ENODATA", "no data, or no such extended attribute"),
    (62, "ETIME", "a timer ran out"),
    (63, "ENOSR", "no stream resources left"),
    (64, "ENONET", "the machine is not on the network"),
    (65, "ENOPKG", "the package is not installed"),
    (66, "EREMOTE", "the object is on another machine"),
    (67, "ENOLINK", "the link was cut"),
    (68, "EADV", "advertise error"),
    (69, "ESRMNT", "remote mount error"),
    (70, "ECOMM", "sending failed"),
    (71, "EPROTO", "the peer broke the protocol"),
    (72, "EMULTIHOP", "more than one hop was tried"),
    (73, "EDOTDOT", "a remote filesystem's own error"),
    (74, "EBADMSG", "the message is damaged"),
    (75, "EOVERFLOW", "a value does not fit its type"),
    (76, "ENOTUNIQ", "the name is not unique on the network"),
    (77, "EBADFD", "the descriptor is in a bad state"),
    (78, "EREMCHG", "the remote address changed"),
    (79, "ELIBACC", "a needed shared library is not accessible"),
    (80, "ELIBBAD", "a shared library is damaged"),
    (81, "ELIBSCN", "a library section of the program is damaged"),
    (82, "ELIBMAX", "too many shared libraries"),
    (83, "ELIBEXEC", "a shared library cannot be executed"),
    (84, "EILSEQ", "the bytes are no valid character"),
    (85, "ERESTART", "the interrupted call should be made again"),
    (86, "ESTRPIPE", "the stream's pipe failed"),
    (87, "EUSERS", "too many users"),
    (88, "ENOTSOCK", "the descriptor is not a socket"),
    (89, "EDESTADDRREQ", "a destination address is needed"),
    (90, "EMSGSIZE", "the message is too long for one piece"),
    (91, "EPROTOTYPE", "wrong protocol type for this socket"),
    (92, "ENOPROTOOPT", "the protocol does not have this option"),
    (93, "EPROTONOSUPPORT", "the protocol is not supported"),
    (94, "ESOCKTNOSUPPORT", "the socket type is not supported"),
    (95, "EOPNOTSUPP", "the operation is not supported here"),
    (96, "EPFNOSUPPORT", "the protocol family is not supported"),
    (97, "EAFNOSUPPORT", "the address family is not supported"),
    (98, "EADDRINUSE", "something else listens on this address"),
    (99, "EADDRNOTAVAIL", "the address is not one of this machine, or no port is left"),
    (100, "ENETDOWN", "the network is down"),
    (101, "ENETUNREACH", "no route to the network"),
    (102, "ENETRESET", "the network dropped the connection"),
    (103, "ECONNABORTED", "the connection was given up before it was accepted"),
    (104, "ECONNRESET", "the peer reset the connection"),
    (105, "ENOBUFS", "no buffer space left"),
    (106, "EISCONN", "the socket is connected already"),
    (107, "ENOTCONN", "the socket is not connected"),
    (108, "ESHUTDOWN", "the socket was shut down for sending"),
    (109, "ETOOMANYREFS", "too many references"),
    (110, "ETIMEDOUT", "the peer did not answer in time"),
    (111, "ECONNREFUSED", "nobody listens at the address"),
    (112, "EHOSTDOWN", "the machine is down"),
    (113, "EHOSTUNREACH", "no route to the machine"),
    (114, "EALREADY", "the same operation is under way"),
    (115, "EINPROGRESS", "the operation goes on in the background"),
    (116, "ESTALE", "the remote file is gone"),
    (117, "EUCLEAN", "the filesystem needs repair"),
    (118, "ENOTNAM", "not a named file"),
    (119, "ENAVAIL", "no semaphores available"),
    (120, "EISNAM", "is a named file"),
    (121, "EREMOTEIO", "the remote side failed while reading or writing"),
    (122, "EDQUOT", "the user's disk quota is used up"),
    (123, "ENOMEDIUM", "no disk in the drive"),
    (124, "EMEDIUMTYPE", "the wrong kind of disk is in the drive"),
    (125, "ECANCELED", "the operation was cancelled"),
    (126, "ENOKEY", "the needed key is missing"),
    (127, "EKEYEXPIRED", "the key has expired"),
    (128, "EKEYREVOKED", "the key was revoked"),
    (129, "EKEYREJECTED", "the service rejected the key"),
    (130, "EOWNERDEAD", "the owner of the lock died"),
    (131, "ENOTRECOVERABLE", "the state cannot be repaired"),
    (132, "ERFKILL", "the radio is switched off"),
    (133, "EHWPOISON", "the memory page has a hardware error"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_name_and_number() {
        assert!(TABLE.is_sorted_by(|a, b| a.0 < b.0));
        for &errno in Errno::ALL {
            assert_eq!(Errno::from_name(&errno.name().to_lowercase()), Some(errno));
            assert_eq!(Errno::from_number(errno.number()), Some(errno));
            assert!(!errno.meaning().is_empty());
        }
    }

    #[test]
    fn names_agree_with_the_c_library() {
        for (name, number) in [
            ("EIO", libc::EIO),
            ("ewouldblock", libc::EWOULDBLOCK),
            ("ENOTSUP", libc::ENOTSUP),
            ("EDEADLOCK", libc::EDEADLK),
            ("ENOLCK", libc::ENOLCK),
            ("EHWPOISON", libc::EHWPOISON),
            ("ECONNREFUSED", libc::ECONNREFUSED),
        ] {
            assert_eq!(Errno::from_name(name).map(Errno::number), Some(number), "{name}");
        }
        assert_eq!(Errno::from_name("EWRONG"), None);
        assert_eq!(Errno::from_number(41), None);
    }

    #[test]
    fn the_recommended_list_is_the_documented_one() {
        let names: Vec<&str> = Errno::RECOMMENDED.iter().map(|errno| errno.name()).collect();
        assert_eq!(
            names.join(" "),
            "ENOENT EACCES EPERM EIO ENOSPC EROFS EEXIST ENOTEMPTY ENFILE EMFILE EFBIG ECONNREFUSED ECONNRESET \
             ECONNABORTED ETIMEDOUT ENETUNREACH EHOSTUNREACH EADDRINUSE EADDRNOTAVAIL EINTR EAGAIN ENOMEM EBUSY EINVAL \
             ENOSYS EDEADLK ELOOP EDQUOT ENOLCK"
        );
    }

    #[test]
    fn serialises_as_its_name() {
        let errno = Errno::from_number(28).expect("ENOSPC exists");
        assert_eq!(serde_json::to_string(&errno).expect("a string"), "\"ENOSPC\"");
        assert_eq!(serde_json::from_str::<Errno>("\"enospc\"").expect("a name"), errno);
        assert!(serde_json::from_str::<Errno>("\"ENOPE\"").is_err());
    }
}
