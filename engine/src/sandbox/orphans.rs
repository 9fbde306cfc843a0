//! What a process leaves behind when it runs without a PID namespace, and how that is ended.
//!
//! A daemon leaves its process group and session, but not its ancestors: orphans go to the nearest ancestor that asked
//! for them (PR_SET_CHILD_SUBREAPER(2const)). So worker and dispatcher ask for them, and each kills what it was given.

use nix::sys::signal::{Signal, kill as signal};
use nix::unistd::Pid;
use std::fs;
use std::io;

/// More rounds than any program needs that does not fork without end.
const MAX_ROUNDS: u32 = 1000;

/// Has every orphan among this process's descendants handed to it.
pub fn adopt() -> io::Result<()> {
    Ok(nix::sys::prctl::set_child_subreaper(true)?)
}

/// Kills every descendant of this process but `spared` and what descends from those. Nobody of them is waited for.
pub fn kill(spared: &[u32]) {
    for _ in 0..MAX_ROUNDS {
        let found = living_descendants(spared);
        if found.is_empty() {
            return;
        }
        for pid in found {
            // ESRCH: it is gone already.
            let _ = signal(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
        }
        // Those killed need the processor to die.
        std::thread::yield_now();
    }
}

/// Direct children of this process.
pub fn children() -> Vec<u32> {
    children_of(std::process::id())
}

fn living_descendants(spared: &[u32]) -> Vec<u32> {
    let mut found = Vec::new();
    let mut parents = vec![std::process::id()];
    while let Some(parent) = parents.pop() {
        let children = children_of(parent).into_iter().filter(|pid| !spared.contains(pid));
        for child in children {
            parents.push(child);
            if is_alive(child) {
                found.push(child);
            }
        }
    }
    found
}

/// Children of every thread, as proc_pid_task(5) lists them.
fn children_of(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let text = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    let all: String = threads.map(text).collect();
    all.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Whether it still runs: a dead process stays listed until its parent asks for its status (proc_pid_stat(5)).
fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}
