//! Ending a service: politely when it listens, at once when it does not.

use super::input::Input;
use crate::sandbox::Child;
use crate::seccomp::Launched;
use nix::sys::signal::Signal;
use std::time::Duration;

/// How long a service that catches SIGTERM has to end by itself.
const GRACE: Duration = Duration::from_secs(2);

/// How long a killed process may take to be reaped; uninterruptible sleep is the only reason to wait longer.
const KILLED: Duration = Duration::from_secs(5);

/// Ends the service and everything in its process group, and what it left behind as a daemon. The end of its input comes
/// behind SIGTERM: a program that reads it for ever would otherwise not end by itself.
pub async fn stop(launched: &Launched<Child>, input: Option<Input>) {
    let mut child = launched.child.clone();
    // Both signals: ESRCH when it ended by itself meanwhile.
    if child.status().is_none() {
        if catches_term(launched.pid) {
            let _ = launched.signal(libc::SIGTERM);
            drop(input);
            let _ = tokio::time::timeout(GRACE, child.wait()).await;
        }
    } else if child.signal_mains(Signal::SIGTERM, catches_term) > 0 {
        drop(input);
        let _ = tokio::time::timeout(GRACE, child.ended()).await;
    }
    let _ = launched.signal_group(libc::SIGKILL);
    let _ = launched.signal(libc::SIGKILL);
    child.signal_mains(Signal::SIGKILL, |_| true);
    let _ = tokio::time::timeout(KILLED, child.wait()).await;
}

/// Whether the process has a handler for SIGTERM: without one the signal kills it anyway, and as SIGKILL does it at
/// once. Reads `SigCgt` of proc_pid_status(5).
fn catches_term(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask & (1 << (libc::SIGTERM - 1)) != 0
}
