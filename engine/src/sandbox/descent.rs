//! Which of the orphans handed to this process descend from which child, and whether a process is about to end.
//!
//! A daemon leaves its parent, session and process group, but not its UTS namespace (uts_namespaces(7)): each child gets
//! one of its own, with the same names in it. Where that is refused, a session or group tells, and an orphan of which
//! nothing tells anything is taken for one of the child that ended last.

use super::orphans;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What the descendants of one child have in common.
#[derive(Debug)]
pub(super) struct Marks {
    /// The child's number: that of its session or process group while it makes no new one.
    pub(super) first: i32,
    namespace: Option<PathBuf>,
}

/// Names the UTS namespace of the next child of the calling thread.
pub(super) fn mark_next_child() -> Option<PathBuf> {
    // Refused without CAP_SYS_ADMIN; the child is in the namespace of the others then.
    let _ = unshare(CloneFlags::CLONE_NEWUTS);
    fs::read_link("/proc/thread-self/ns/uts").ok()
}

impl Marks {
    pub(super) fn new(first: i32, namespace: Option<PathBuf>) -> Marks {
        Marks { first, namespace }
    }

    /// True when nothing but this child has its namespace.
    fn is_alone_among(&self, all: &[&Marks]) -> bool {
        let same = all.iter().filter(|other| other.namespace == self.namespace).count();
        self.namespace.is_some() && same == 1 && self.namespace != fs::read_link("/proc/self/ns/uts").ok()
    }
}

/// Children of this process that `ended` left behind. `all` are the marks of every child there has been, `living` those of
/// children that are there, `known` the processes that need no looking at.
pub(super) fn left_behind(
    ended: &Marks,
    all: &[&Marks],
    living: &[&Marks],
    known: impl Fn(i32) -> bool,
) -> Vec<i32> {
    if !takes_orphans() {
        return Vec::new();
    }
    let certain = ended.is_alone_among(living);
    let is_left_behind = |pid: i32| {
        // None of a process that is dead, or does not let itself be looked at.
        let namespace = fs::read_link(format!("/proc/{pid}/ns/uts")).ok();
        let is_known = namespace.is_some() && all.iter().any(|marks| marks.namespace == namespace);
        if certain && is_known {
            return namespace == ended.namespace;
        }
        match of_session(pid, living) {
            Some(first) => first == ended.first,
            // In a namespace that it made itself, or nothing can be told.
            None => !certain || namespace.is_some(),
        }
    };
    let begun = Instant::now();
    let mut is_settled = false;
    loop {
        let children: Vec<i32> =
            orphans::children().into_iter().map(u32::cast_signed).filter(|&pid| !known(pid)).collect();
        let found: Vec<i32> = children.iter().copied().filter(|&pid| is_left_behind(pid)).collect();
        if is_settled || begun.elapsed() > PATIENCE {
            return found;
        }
        // A process between two forks of a daemon loses its namespaces before it hands its child to this one. The next
        // list has what those that are dead by now left behind.
        let exits = |pid: &i32| Stat::of(*pid).is_some_and(|stat| stat.is_exiting() && !stat.is_dead());
        is_settled = !children.iter().any(exits);
        std::thread::yield_now();
    }
}

/// How long a process may take to exit that may leave others behind.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether orphans of this process's descendants are handed to it.
fn takes_orphans() -> bool {
    std::process::id() == 1 || nix::sys::prctl::get_child_subreaper().unwrap_or(false)
}

/// The child whose session or process group the process is in; the fields are those of proc_pid_stat(5).
fn of_session(pid: i32, all: &[&Marks]) -> Option<i32> {
    let stat = Stat::of(pid)?;
    let numbers = [stat.number(2)?, stat.number(3)?];
    all.iter().map(|marks| marks.first).find(|&first| numbers.contains(&i64::from(first)))
}

/// The fields of `/proc/PID/stat` behind the name, which may hold anything.
struct Stat(String);

impl Stat {
    fn of(pid: i32) -> Option<Stat> {
        Stat::in_folder(Path::new(&format!("/proc/{pid}")))
    }

    fn in_folder(folder: &Path) -> Option<Stat> {
        let text = fs::read_to_string(folder.join("stat")).ok()?;
        Some(Stat(text.rsplit_once(')')?.1.to_owned()))
    }

    /// Field 3 of the man page, the state, has place 0.
    fn number(&self, place: usize) -> Option<i64> {
        self.0.split_whitespace().nth(place)?.parse().ok()
    }

    fn is_dead(&self) -> bool {
        self.0.trim_start().starts_with(['Z', 'X'])
    }

    /// Whether it is on a processor or waits for one.
    fn is_running(&self) -> bool {
        self.0.trim_start().starts_with('R')
    }

    fn is_exiting(&self) -> bool {
        self.is_dead() || self.number(6).is_some_and(|flags| flags & EXITING != 0)
    }
}

/// The threads of a process that are there, by the names of their folders (proc_pid_task(5)).
fn threads(pid: i32) -> Vec<PathBuf> {
    let all = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    all.map(|thread| thread.path()).collect()
}

/// `PF_EXITING` of the kernel's `sched.h`.
const EXITING: i64 = 4;

/// Whether the process will certainly end by itself: all of it is exiting, it dumps core, or a thread has a signal that
/// kills all of them. The first thread may be gone while others go on.
pub(super) fn is_ending(pid: i32) -> bool {
    let mut goes_on = false;
    for thread in threads(pid) {
        let Some(stat) = Stat::in_folder(&thread) else { continue };
        if stat.is_exiting() {
            continue;
        }
        if fs::read_to_string(thread.join("status")).is_ok_and(|status| is_doomed(&status)) {
            return true;
        }
        goes_on = true;
    }
    !goes_on
}

/// Whether a thread of the process is on a processor or waits for one. A signal that kills is neither pending nor are the
/// marks of an exit set for a moment in between, which such a thread may be in.
pub(super) fn is_running(pid: i32) -> bool {
    threads(pid).iter().any(|thread| Stat::in_folder(thread).is_some_and(|stat| stat.is_running()))
}

/// Reads what proc_pid_status(5) says of signals.
fn is_doomed(status: &str) -> bool {
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map_or("", str::trim);
    let mask = |name: &str| u64::from_str_radix(field(name), 16).unwrap_or(0);
    let pending = mask("SigPnd:") | mask("ShdPnd:");
    let harmless = [
        Signal::SIGCHLD,
        Signal::SIGCONT,
        Signal::SIGURG,
        Signal::SIGWINCH,
        Signal::SIGSTOP,
        Signal::SIGTSTP,
        Signal::SIGTTIN,
        Signal::SIGTTOU,
    ];
    let bit = |signal: Signal| 1_u64 << (signal as i32 - 1);
    let harmless: u64 = harmless.into_iter().map(bit).sum();
    let survived = mask("SigBlk:") | mask("SigIgn:") | mask("SigCgt:") | harmless;
    let kill = bit(Signal::SIGKILL);
    field("CoreDumping:") == "1" || pending & kill != 0 || pending & !survived != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_dooms_a_process_that_neither_catches_nor_blocks_it() {
        let status = |pending: u64, blocked: u64, caught: u64| {
            format!(
                "Name:\tx\nSigPnd:\t{pending:016x}\nShdPnd:\t{:016x}\nSigBlk:\t{blocked:016x}\n\
                 SigIgn:\t{:016x}\nSigCgt:\t{caught:016x}\nCoreDumping:\t0\n",
                0, 0
            )
        };
        let bit = |signal: Signal| 1_u64 << (signal as i32 - 1);
        let term = bit(Signal::SIGTERM);
        assert!(!is_doomed(&status(0, 0, 0)));
        assert!(is_doomed(&status(term, 0, 0)));
        assert!(!is_doomed(&status(term, term, 0)));
        assert!(!is_doomed(&status(term, 0, term)));
        assert!(!is_doomed(&status(bit(Signal::SIGCHLD), 0, 0)));
        assert!(is_doomed(&status(bit(Signal::SIGKILL), u64::MAX, u64::MAX)));
        assert!(is_doomed("CoreDumping:\t1\n"));
    }

    #[test]
    fn this_process_goes_on_and_one_that_does_not_exist_is_gone() {
        assert!(!is_ending(std::process::id().cast_signed()));
        assert!(is_ending(i32::MAX));
    }
}
