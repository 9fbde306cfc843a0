//! Calls that a signal interrupted before their answer, and which the kernel makes again when the handler is done.
//!
//! A call made again is the same call: it keeps its answer and the time it has waited, and is not judged twice. It is known
//! by its thread, number, arguments and place in the program; so a call that failed with EINTR and that the program tries
//! again is the same call, too. The handler may make calls of its own meanwhile; it blocks signals that the interrupted
//! code does not.

use std::collections::HashMap;

use super::delay::Delayed;
use super::sys::RawNotification;
use crate::model::syscall::Syscall;

/// Handlers interrupted by handlers that are followed, for each thread.
const MAX_DEPTH: usize = 8;

/// The interrupted calls of one supervisor.
#[derive(Debug)]
pub(super) struct Interrupted<T> {
    /// The innermost last.
    by_thread: HashMap<u32, Vec<Kept<T>>>,
}

#[derive(Debug)]
struct Kept<T> {
    call: Delayed<T>,
    /// Where it is not known what the thread blocked at the call: what it blocked at its next one, perhaps in a handler.
    later: Option<u64>,
}

/// What a new call of a thread means for its interrupted ones.
#[derive(Debug)]
pub(super) struct Resumed<T> {
    /// The one that is made again.
    pub(super) call: Option<Delayed<T>>,
    /// Those that will not be: the thread went on without them.
    pub(super) given_up: Vec<Delayed<T>>,
}

impl<T> Interrupted<T> {
    pub(super) fn new() -> Interrupted<T> {
        Interrupted { by_thread: HashMap::new() }
    }

    /// Keeps a call; gives back one that is too many.
    pub(super) fn keep(&mut self, call: Delayed<T>) -> Option<Delayed<T>> {
        let calls = self.by_thread.entry(call.raw.pid).or_default();
        calls.push(Kept { call, later: None });
        (calls.len() > MAX_DEPTH).then(|| calls.remove(0).call)
    }

    /// Whether calls of this thread are kept.
    pub(super) fn has(&self, thread: u32) -> bool {
        self.by_thread.contains_key(&thread)
    }

    /// Finds the call that `raw` makes again. `now` are the signals that the thread blocks.
    pub(super) fn resume(&mut self, raw: &RawNotification, now: Option<u64>) -> Resumed<T> {
        let mut resumed = Resumed { call: None, given_up: Vec::new() };
        let Some(calls) = self.by_thread.get_mut(&raw.pid) else { return resumed };
        while resumed.call.is_none()
            && let Some(mut innermost) = calls.pop()
        {
            let level = innermost.level(now);
            match level {
                Level::Same | Level::Unknown if is_same(&innermost.call.raw, raw) => {
                    resumed.call = Some(Delayed { raw: *raw, ..innermost.call });
                }
                Level::Handler | Level::Unknown => {
                    innermost.later = innermost.later.or(now);
                    calls.push(innermost);
                    break;
                }
                Level::Same | Level::Left => resumed.given_up.push(innermost.call),
            }
        }
        if calls.is_empty() {
            self.by_thread.remove(&raw.pid);
        }
        resumed
    }

    /// Takes the calls of threads that are gone.
    pub(super) fn take_unless(&mut self, lives: impl Fn(u32) -> bool) -> Vec<Delayed<T>> {
        let gone = self.by_thread.extract_if(|&thread, _| !lives(thread));
        gone.flat_map(|(_, calls)| calls).map(|kept| kept.call).collect()
    }
}

/// Where a thread is, seen from an interrupted call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// In the code that made the call.
    Same,
    /// In a handler, from which it comes back.
    Handler,
    /// Elsewhere.
    Left,
    Unknown,
}

impl<T> Kept<T> {
    /// From the signals that the thread blocks now: in a handler, all it blocked before and more.
    fn level(&self, now: Option<u64>) -> Level {
        match (now, self.call.blocked, self.later) {
            (Some(now), Some(before), _) if now == before => Level::Same,
            (Some(now), Some(before), _) if before & !now == 0 => Level::Handler,
            (Some(_), Some(_), _) => Level::Left,
            (Some(now), None, Some(later)) if later & !now == 0 => Level::Handler,
            (Some(now), None, Some(later)) if now & !later == 0 => Level::Same,
            (Some(_), None, Some(_)) => Level::Left,
            (None, _, _) | (_, None, None) => Level::Unknown,
        }
    }
}

fn is_same(before: &RawNotification, now: &RawNotification) -> bool {
    (before.number, before.instruction_pointer) == (now.number, now.instruction_pointer)
        && before
            .arguments
            .iter()
            .zip(&now.arguments)
            .take(arguments(now.number))
            .all(|(one, other)| one == other)
}

/// How many arguments a call has; in the other registers is whatever the program left there. Six where it is not known.
fn arguments(number: i32) -> usize {
    let name = Syscall::from_number(number.cast_unsigned()).map_or("", Syscall::name);
    FEW_ARGUMENTS.iter().position(|names| names.contains(&name)).unwrap_or(6)
}

/// Calls with none, one, two arguments and so on.
const FEW_ARGUMENTS: &[&[&str]] = &[
    &["sync"],
    &["chdir", "chroot", "fchdir", "fdatasync", "fsync", "rmdir", "syncfs", "unlink"],
    &[
        "access",
        "chmod",
        "creat",
        "fchmod",
        "flock",
        "fstat",
        "ftruncate",
        "link",
        "listen",
        "lstat",
        "mkdir",
        "rename",
        "shutdown",
        "stat",
        "statfs",
        "symlink",
        "truncate",
    ],
    &[
        "accept",
        "bind",
        "chown",
        "connect",
        "faccessat",
        "fchmodat",
        "fchown",
        "fcntl",
        "getdents",
        "getdents64",
        "ioctl",
        "lchown",
        "lseek",
        "mkdirat",
        "mknod",
        "open",
        "poll",
        "read",
        "readlink",
        "readv",
        "recvmsg",
        "sendmsg",
        "socket",
        "symlinkat",
        "unlinkat",
        "write",
        "writev",
    ],
    &[
        "accept4",
        "epoll_wait",
        "faccessat2",
        "fallocate",
        "mknodat",
        "newfstatat",
        "openat",
        "openat2",
        "pread64",
        "pwrite64",
        "readlinkat",
        "renameat",
        "sendfile",
        "sendmmsg",
        "sync_file_range",
        "tee",
        "utimensat",
        "vmsplice",
    ],
    &["fchownat", "linkat", "ppoll", "preadv", "pwritev", "recvmmsg", "renameat2", "statx"],
];

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::notify::Sentence;
    use super::*;

    const ALRM: u64 = 1 << 13;
    const USR1: u64 = 1 << 9;

    fn notification(id: u64, number: i32) -> RawNotification {
        RawNotification { id, pid: 7, number, ..RawNotification::default() }
    }

    fn call(token: char, number: i32, blocked: Option<u64>) -> Delayed<char> {
        let raw = notification(1, number);
        Delayed { raw, sentence: Sentence::Continue, token, due: Instant::now(), held: true, blocked }
    }

    #[track_caller]
    fn check(
        interrupted: &mut Interrupted<char>,
        number: i32,
        blocked: Option<u64>,
        again: Option<char>,
        given_up: &str,
    ) {
        let resumed = interrupted.resume(&notification(9, number), blocked);
        assert_eq!(resumed.call.as_ref().map(|call| call.token), again);
        assert!(resumed.call.is_none_or(|call| call.raw.id == 9), "it waits under its new number");
        assert_eq!(resumed.given_up.iter().map(|call| call.token).collect::<String>(), given_up);
    }

    #[test]
    fn a_call_made_again_is_the_same_call() {
        let mut interrupted = Interrupted::new();
        assert!(interrupted.keep(call('w', 1, Some(0))).is_none());
        check(&mut interrupted, 1, Some(0), Some('w'), "");
        check(&mut interrupted, 1, Some(0), None, "");
    }

    #[test]
    fn registers_that_a_call_does_not_use_may_change() {
        for (used, names) in FEW_ARGUMENTS.iter().enumerate() {
            for name in *names {
                let Some(syscall) = Syscall::from_name(name) else { continue };
                let number = syscall.number().cast_signed();
                for changed in 0..6 {
                    let mut raw = notification(2, number);
                    raw.arguments[changed] = 7;
                    let same = is_same(&notification(1, number), &raw);
                    assert_eq!(same, changed >= used, "{name}, register {changed}");
                }
            }
        }
    }

    #[test]
    fn calls_of_a_handler_leave_the_interrupted_one_alone() {
        let mut interrupted = Interrupted::new();
        interrupted.keep(call('w', 1, Some(0)));
        check(&mut interrupted, 5, Some(ALRM), None, "");
        check(&mut interrupted, 1, Some(ALRM), None, "");
        interrupted.keep(call('h', 5, Some(ALRM)));
        check(&mut interrupted, 5, Some(ALRM | USR1), None, "");
        check(&mut interrupted, 5, Some(ALRM), Some('h'), "");
        check(&mut interrupted, 1, Some(0), Some('w'), "");
    }

    #[test]
    fn a_thread_that_goes_on_gives_its_calls_up() {
        let mut interrupted = Interrupted::new();
        interrupted.keep(call('w', 1, Some(0)));
        interrupted.keep(call('h', 5, Some(ALRM)));
        check(&mut interrupted, 3, Some(0), None, "hw");
    }

    #[test]
    fn a_call_whose_place_is_not_known_is_found_again_when_the_handler_is_done() {
        let mut interrupted = Interrupted::new();
        interrupted.keep(call('w', 1, None));
        check(&mut interrupted, 1, Some(ALRM), Some('w'), "");
        interrupted.keep(call('w', 1, None));
        check(&mut interrupted, 3, Some(ALRM), None, "");
        check(&mut interrupted, 1, Some(ALRM), None, "");
        check(&mut interrupted, 1, Some(0), Some('w'), "");
        interrupted.keep(call('w', 1, None));
        check(&mut interrupted, 3, Some(ALRM), None, "");
        check(&mut interrupted, 3, Some(0), None, "w");
        interrupted.keep(call('w', 1, None));
        check(&mut interrupted, 3, Some(ALRM), None, "");
        check(&mut interrupted, 1, Some(USR1), None, "w");
        interrupted.keep(call('w', 1, Some(0)));
        check(&mut interrupted, 1, None, Some('w'), "");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut interrupted = Interrupted::new();
        for depth in 0..MAX_DEPTH {
            assert!(interrupted.keep(call('w', 1, Some((1 << depth) - 1))).is_none());
        }
        assert!(interrupted.keep(call('w', 1, Some(u64::MAX))).is_some());
        assert_eq!(interrupted.take_unless(|_| true).len(), 0);
        assert_eq!(interrupted.take_unless(|_| false).len(), MAX_DEPTH);
    }
}
