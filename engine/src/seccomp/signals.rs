//! Signals that wait for a thread, from `/proc/<thread>/status` (proc_pid_status(5)).
//!
//! A restart code as the answer of a call must never reach the program. The kernel replaces it on the way back to user
//! mode if the thread is *marked* (`TIF_SIGPENDING`), whether or not a signal is still there by then: the handler runs,
//! or the call is simply made again. The mark cannot be read, but it follows from what can be:
//!
//! - A signal sent to the thread itself that it does not block has marked it, and so has one sent to a process of a single
//!   thread. Only the thread itself takes the mark away again, which it cannot while it waits for an answer: not even
//!   when another thread makes the process ignore the signal (kernel/signal.c, `recalc_sigpending_tsk`: "We must never
//!   clear the flag in another thread").
//! - A signal sent to a process of several threads has marked one of them, and nothing says which (`complete_signal`).

/// The signals of one thread, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signals {
    /// Number of the process, which is that of its first thread.
    pub(super) process: u32,
    pub(super) pending: Pending,
    /// Bit `n - 1` stands for signal `n`. A handler blocks more than the code it interrupts.
    pub(super) blocked: u64,
}

/// Whether a handler of the program waits for the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pending {
    Nothing,
    /// The thread is marked: a restart code is safe.
    Marked,
    /// This thread or another one of the process is marked. A restart code might reach the program.
    Somewhere,
}

/// Looks at a thread; `None` when it is gone.
pub(super) fn look(thread: u32) -> Option<Signals> {
    parse(&std::fs::read_to_string(format!("/proc/{thread}/status")).ok()?)
}

/// Whether the process handles this signal itself, so that it is worth sending before SIGKILL.
pub fn catches(process: i32, signal: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    (1..=64).contains(&signal) && field(&status, "SigCgt:", 16).unwrap_or(0) & (1 << (signal - 1)) != 0
}

/// The process a thread belongs to.
pub(super) fn process_of(thread: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    field(&status, "Tgid:", 10).and_then(|process| u32::try_from(process).ok())
}

/// The kernel writes all of these under one lock, so they belong together.
fn parse(status: &str) -> Option<Signals> {
    let mask = |name| field(status, name, 16);
    let blocked = mask("SigBlk:")?;
    let (own, shared) = (mask("SigPnd:")? & !blocked, mask("ShdPnd:")? & !blocked);
    let alone = field(status, "Threads:", 10)? == 1;
    let is_marked = own != 0 || (alone && shared != 0);
    let pending = match (own | shared) & mask("SigCgt:")? {
        0 => Pending::Nothing,
        _ if is_marked => Pending::Marked,
        _ => Pending::Somewhere,
    };
    let process = u32::try_from(field(status, "Tgid:", 10)?).ok()?;
    Some(Signals { process, pending, blocked })
}

fn field(status: &str, name: &str, radix: u32) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    u64::from_str_radix(line.trim(), radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALRM: u64 = 1 << 13;
    const USR1: u64 = 1 << 9;

    #[track_caller]
    fn check(threads: u32, own: u64, shared: u64, blocked: u64, caught: u64, expected: Pending) {
        let status = format!(
            "Name:\tx\nTgid:\t7\nThreads:\t{threads}\nSigQ:\t0/1\nSigPnd:\t{own:016x}\nShdPnd:\t{shared:016x}\n\
             SigBlk:\t{blocked:016x}\nSigIgn:\t0000000000000000\nSigCgt:\t{caught:016x}\n"
        );
        assert_eq!(parse(&status), Some(Signals { process: 7, pending: expected, blocked }));
    }

    #[test]
    fn only_caught_unblocked_signals_count() {
        check(1, 0, 0, 0, ALRM, Pending::Nothing);
        check(1, 0, ALRM, 0, ALRM, Pending::Marked);
        check(1, ALRM, 0, ALRM, ALRM, Pending::Nothing);
        check(1, ALRM, 0, 0, 0, Pending::Nothing);
    }

    #[test]
    fn of_several_threads_only_one_with_a_signal_of_its_own_is_known_to_be_marked() {
        check(2, 0, ALRM, 0, ALRM, Pending::Somewhere);
        check(2, ALRM, 0, 0, ALRM, Pending::Marked);
        check(2, USR1, ALRM, 0, ALRM | USR1, Pending::Marked);
        check(2, USR1, ALRM, USR1, ALRM | USR1, Pending::Somewhere);
    }

    #[test]
    fn a_process_without_a_handler_does_not_catch() {
        assert!(!catches(std::process::id().cast_signed(), libc::SIGUSR2));
        assert!(!catches(0, libc::SIGTERM) && !catches(1, 0));
    }
}
