//! A system call as a keyword of a spec means it: with which arguments, and for which of its files.

use super::{Subject, Syscall};
use serde::{Deserialize, Serialize};

/// A call, the arguments with which it is meant, and which of its subjects a `path=` looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CallShape {
    pub syscall: Syscall,
    pub when: When,
    pub files: Files,
}

/// With which arguments a call is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum When {
    Always,
    /// `unlinkat` of a directory.
    WithRemoveDir,
    /// `unlinkat` of anything else.
    WithoutRemoveDir,
    /// A first message that opens the connection (`MSG_FASTOPEN`); the position of the flags.
    FastOpen(u8),
    /// An `ioctl` that makes a file share the blocks of another.
    Clones,
    /// A mapping through which a file is written.
    MapsToWrite,
    /// A mapping through which a file is read, those of the loader aside.
    MapsToRead,
}

/// Which of a call's subjects a keyword means, in the order of [`Syscall::subjects`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Files {
    All,
    /// What is written to, of a call that also reads.
    First,
    /// What is read from, of a call that also writes.
    Second,
}

/// A test on the low 32 bits of an argument, which a filter in the kernel can make as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// At least one of the bits is set.
    Any {
        argument: u8,
        bits: u32,
    },
    /// None of the bits is set.
    None {
        argument: u8,
        bits: u32,
    },
    OneOf {
        argument: u8,
        values: &'static [u32],
    },
}

const AT_REMOVEDIR: u32 = 0x200;
const MSG_FASTOPEN: u32 = 0x2000_0000;
const FICLONE: u32 = 0x4004_9409;
const FICLONERANGE: u32 = 0x4020_940d;
const PROT_READ: u32 = 1;
const PROT_WRITE: u32 = 2;
const PROT_EXEC: u32 = 4;
/// `MAP_SHARED` and `MAP_SHARED_VALIDATE` have it, `MAP_PRIVATE` has not.
const SHARED_BIT: u32 = 1;
const MAP_ANONYMOUS: u32 = 0x20;
/// Without effect since Linux 2.x; the C library's loader sets it on what it loads.
const MAP_DENYWRITE: u32 = 0x800;
/// Set in a negative descriptor.
const SIGN: u32 = 0x8000_0000;

impl When {
    /// All of these must hold.
    pub fn conditions(self) -> &'static [Condition] {
        use Condition::{Any, OneOf};
        const fn none(argument: u8, bits: u32) -> Condition {
            Condition::None { argument, bits }
        }
        match self {
            When::Always => &[],
            When::WithRemoveDir => &[Any { argument: 2, bits: AT_REMOVEDIR }],
            When::WithoutRemoveDir => const { &[none(2, AT_REMOVEDIR)] },
            When::FastOpen(2) => &[Any { argument: 2, bits: MSG_FASTOPEN }],
            When::FastOpen(_) => &[Any { argument: 3, bits: MSG_FASTOPEN }],
            When::Clones => &[OneOf { argument: 1, values: &[FICLONE, FICLONERANGE] }],
            When::MapsToWrite => {
                const {
                    &[
                        Any { argument: 2, bits: PROT_WRITE },
                        Any { argument: 3, bits: SHARED_BIT },
                        none(3, MAP_ANONYMOUS),
                        none(4, SIGN),
                    ]
                }
            }
            When::MapsToRead => {
                const {
                    &[
                        Any { argument: 2, bits: PROT_READ },
                        none(2, PROT_EXEC),
                        none(3, MAP_ANONYMOUS | MAP_DENYWRITE),
                        none(4, SIGN),
                    ]
                }
            }
        }
    }

    pub fn holds(self, argument: impl Fn(u8) -> u64) -> bool {
        let low = |at: u8| argument(at) as u32;
        self.conditions().iter().all(|condition| match *condition {
            Condition::Any { argument, bits } => low(argument) & bits != 0,
            Condition::None { argument, bits } => low(argument) & bits == 0,
            Condition::OneOf { argument, values } => values.contains(&low(argument)),
        })
    }

    /// What is said behind the name of the call; empty for `Always`.
    pub fn words(self) -> &'static str {
        match self {
            When::Always => "",
            When::WithRemoveDir => "with AT_REMOVEDIR",
            When::WithoutRemoveDir => "without AT_REMOVEDIR",
            When::FastOpen(_) => "with MSG_FASTOPEN",
            When::Clones => "with FICLONE or FICLONERANGE",
            When::MapsToWrite => "of a file, shared and writable",
            When::MapsToRead => "of a file, readable",
        }
    }
}

impl From<Syscall> for CallShape {
    /// The call with any arguments.
    fn from(syscall: Syscall) -> CallShape {
        CallShape { syscall, when: When::Always, files: Files::All }
    }
}

impl CallShape {
    /// The subjects it means, with their places among those of the call.
    pub fn subjects(self) -> impl Iterator<Item = (usize, Subject)> {
        let means = move |at: &usize| match self.files {
            Files::All => true,
            Files::First => *at == 0,
            Files::Second => *at == 1,
        };
        self.syscall.subjects().iter().copied().enumerate().filter(move |(at, _)| means(at))
    }

    /// True when a `path=` can match: it names a file or a Unix socket, or acts on a descriptor that may be a file's.
    pub fn has_path(self) -> bool {
        self.subjects().any(|(_, subject)| match subject {
            Subject::Descriptor(_)
            | Subject::Path { .. }
            | Subject::LinkText { .. }
            | Subject::Mapping(_)
            | Subject::Handle
            | Subject::Address { .. }
            | Subject::Message(_) => true,
            Subject::Socket(_) => false,
        })
    }

    /// True when all it may name by a path is a Unix socket.
    pub fn has_only_sockets(self) -> bool {
        self.subjects().all(|(_, subject)| {
            matches!(subject, Subject::Socket(_) | Subject::Address { .. } | Subject::Message(_))
        })
    }

    /// True when it carries the address of a peer, or the local one.
    pub fn has_address(self) -> bool {
        self.subjects().any(|(_, subject)| matches!(subject, Subject::Address { .. } | Subject::Message(_)))
    }

    /// True when the arguments of `self` include those of `other`.
    pub fn covers(self, other: CallShape) -> bool {
        self.syscall == other.syscall && (self.when == When::Always || self.when == other.when)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(when: When, arguments: [u64; 6], expected: bool) {
        assert_eq!(when.holds(|at| arguments[usize::from(at)]), expected, "{when:?} {arguments:x?}");
    }

    #[test]
    fn arguments_say_what_a_call_does() {
        check(When::WithRemoveDir, [0, 0, 0x200, 0, 0, 0], true);
        check(When::WithoutRemoveDir, [0, 0, 0x200, 0, 0, 0], false);
        // Only the low half counts, as in the kernel, where flags are an int.
        check(When::WithoutRemoveDir, [0, 0, 0x200 << 32, 0, 0, 0], true);
        check(When::FastOpen(3), [0, 0, 0, 0x2000_0000, 0, 0], true);
        check(When::FastOpen(2), [0, 0, 0, 0x2000_0000, 0, 0], false);
        check(When::Clones, [3, 0x4004_9409, 4, 0, 0, 0], true);
        check(When::Clones, [3, 0x5401, 4, 0, 0, 0], false);
    }

    #[test]
    fn mappings_of_files_are_told_from_memory() {
        let map = |protection: u64, flags: u64, fd: i64| [0, 4096, protection, flags, fd as u64, 0];
        check(When::MapsToWrite, map(3, libc::MAP_SHARED as u64, 5), true);
        check(When::MapsToWrite, map(3, libc::MAP_SHARED_VALIDATE as u64, 5), true);
        check(When::MapsToWrite, map(3, libc::MAP_PRIVATE as u64, 5), false);
        check(When::MapsToWrite, map(1, libc::MAP_SHARED as u64, 5), false);
        check(When::MapsToWrite, map(3, (libc::MAP_SHARED | libc::MAP_ANONYMOUS) as u64, -1), false);
        check(When::MapsToWrite, map(3, libc::MAP_SHARED as u64, -1), false);
        check(When::MapsToRead, map(1, libc::MAP_PRIVATE as u64, 5), true);
        check(When::MapsToRead, map(1, (libc::MAP_PRIVATE | libc::MAP_DENYWRITE) as u64, 5), false);
        check(When::MapsToRead, map(5, libc::MAP_PRIVATE as u64, 5), false);
        check(When::MapsToRead, map(3, (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as u64, -1), false);
    }

    #[test]
    fn constants_are_those_of_the_c_library() {
        assert_eq!(AT_REMOVEDIR, libc::AT_REMOVEDIR as u32);
        assert_eq!(MSG_FASTOPEN, libc::MSG_FASTOPEN as u32);
        assert_eq!((PROT_READ, PROT_WRITE, PROT_EXEC), (1, 2, libc::PROT_EXEC as u32));
        assert_eq!((MAP_ANONYMOUS, MAP_DENYWRITE), (libc::MAP_ANONYMOUS as u32, libc::MAP_DENYWRITE as u32));
    }
}
