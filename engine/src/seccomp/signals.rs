//! Signals a target has pending and would handle, from `/proc/<thread>/status` (proc_pid_status(5)).

/// The kernel's "restart this call if the handler was installed with SA_RESTART, else EINTR".
pub(super) const ERESTARTSYS: i32 = 512;
/// The kernel's "run the handler, then always restart this call".
pub(super) const ERESTARTNOINTR: i32 = 513;

/// How a pending signal reaches a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interruption {
    /// It is sure to be handled by this thread.
    Own,
    /// Any thread of the process may take it. A restart code would then leak into the program, so only EINTR is safe.
    Shared,
}

/// Whether the thread has a signal pending that it handles and does not block.
pub(super) fn pending(thread: u32) -> Option<Interruption> {
    parse_pending(&std::fs::read_to_string(format!("/proc/{thread}/status")).ok()?)
}

/// Whether the process handles this signal itself, so that it is worth sending before SIGKILL.
pub fn catches(process: i32, signal: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    (1..=64).contains(&signal) && field(&status, "SigCgt:", 16).unwrap_or(0) & (1 << (signal - 1)) != 0
}

fn parse_pending(status: &str) -> Option<Interruption> {
    let mask = |name| field(status, name, 16);
    let handled = mask("SigCgt:")? & !mask("SigBlk:")?;
    if mask("SigPnd:")? & handled != 0 {
        return Some(Interruption::Own);
    }
    let shared = mask("ShdPnd:")? & handled != 0;
    let alone = field(status, "Threads:", 10)? == 1;
    shared.then_some(if alone { Interruption::Own } else { Interruption::Shared })
}

fn field(status: &str, name: &str, radix: u32) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    u64::from_str_radix(line.trim(), radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        threads: u32,
        pending: u64,
        shared: u64,
        blocked: u64,
        caught: u64,
        expected: Option<Interruption>,
    ) {
        let status = format!(
            "Name:\tx\nThreads:\t{threads}\nSigQ:\t0/1\nSigPnd:\t{pending:016x}\nShdPnd:\t{shared:016x}\n\
             SigBlk:\t{blocked:016x}\nSigIgn:\t0000000000000000\nSigCgt:\t{caught:016x}\n"
        );
        assert_eq!(parse_pending(&status), expected);
    }

    #[test]
    fn only_caught_unblocked_signals_count() {
        check(1, 0, 0, 0, 0x2000, None);
        check(1, 0, 0x2000, 0, 0x2000, Some(Interruption::Own));
        check(2, 0, 0x2000, 0, 0x2000, Some(Interruption::Shared));
        check(2, 0x2000, 0, 0, 0x2000, Some(Interruption::Own));
        check(1, 0x2000, 0, 0x2000, 0x2000, None);
        check(1, 0x2000, 0, 0, 0, None);
    }

    #[test]
    fn a_process_without_a_handler_does_not_catch() {
        assert!(!catches(std::process::id().cast_signed(), libc::SIGUSR2));
        assert!(!catches(0, libc::SIGTERM) && !catches(1, 0));
    }
}
