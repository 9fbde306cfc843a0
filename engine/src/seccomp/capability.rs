//! What this kernel's seccomp can do, found out by trying.

use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::notify::{Listener, Sentence};
use super::pre_exec;
use super::program::{JUMP_EQUAL, OFFSET_NUMBER, RET_ALLOW, RET_NOTIFY, branch, load, ret};
use super::sys::{self, Handshake, SharedPage};

/// Which parts of syscall interception work here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeccompSupport {
    /// Whether calls can be intercepted at all; otherwise why not.
    pub notify: Result<(), String>,
    /// Received calls survive signals (Linux 5.19), as observed: a signal is sent and the call still waits.
    pub wait_killable: bool,
    /// Fast hand-over between processors (Linux 6.6).
    pub sync_wake_up: bool,
}

/// Tries interception on a child of ours. Takes about 20 ms; the caller is unaffected.
///
/// Waits for its child by process id, so it must not run in a process whose children a reaper collects.
pub fn probe() -> SeccompSupport {
    match try_interception() {
        Ok(support) => support,
        Err(error) => {
            let reason = match error.raw_os_error() {
                Some(libc::EBUSY) => {
                    "another seccomp supervisor controls this process tree (a sandbox, WSL mirrored networking)".into()
                }
                Some(libc::EINVAL | libc::ENOSYS | libc::EOPNOTSUPP) => {
                    format!("the kernel has no seccomp user notification, it came with Linux 5.0 ({error})")
                }
                Some(libc::EPERM) => format!("a container's seccomp profile or ptrace policy forbids it ({error})"),
                _ => error.to_string(),
            };
            SeccompSupport { notify: Err(reason), wait_killable: false, sync_wake_up: false }
        }
    }
}

/// How long a call is watched after a signal; a kernel without the feature drops it within microseconds.
const SIGNAL_WATCH: Duration = Duration::from_millis(20);

fn try_interception() -> io::Result<SeccompSupport> {
    sys::action_available(RET_NOTIFY)?;
    let page = SharedPage::new()?;
    let handshake = page.get();
    let filter = [
        load(OFFSET_NUMBER),
        branch(JUMP_EQUAL, libc::SYS_getppid as u32, 0, 1),
        ret(RET_NOTIFY),
        ret(RET_ALLOW),
    ];
    let (pid, process) = pre_exec::fork_into(|| pre_exec::intercepted_child(&filter, handshake))?;
    let watched = watch(handshake, &process);
    // The child may be gone already; it is ours to reap in any case.
    let _ = sys::signal(process.as_fd(), libc::SIGKILL);
    let _ = waitpid(Pid::from_raw(pid), None);
    watched
}

fn watch(handshake: &Handshake, process: &std::os::fd::OwnedFd) -> io::Result<SeccompSupport> {
    let deadline = Instant::now() + Duration::from_secs(5);
    while handshake.state.load(Ordering::Acquire) == 0 {
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        sys::wait_on(&handshake.state, 0, Duration::from_millis(10));
    }
    if handshake.state.load(Ordering::Acquire) == Handshake::FAILED {
        return Err(io::Error::from_raw_os_error(handshake.errno.load(Ordering::Relaxed)));
    }
    let fd = sys::take_descriptor(process.as_fd(), handshake.listener.load(Ordering::Relaxed))?;
    let listener = Listener::new(fd, handshake.killable.load(Ordering::Relaxed) != 0);
    let sync_wake_up = listener.enable_sync_wake_up().is_ok();
    handshake.acknowledged.store(1, Ordering::Release);
    sys::wake(&handshake.acknowledged);

    let call = listener.receive()?;
    sys::signal(process.as_fd(), libc::SIGUSR1)?;
    let until = Instant::now() + SIGNAL_WATCH;
    while listener.is_waiting(call.id) && Instant::now() < until {
        sys::wait_on(&handshake.acknowledged, 1, Duration::from_millis(1));
    }
    let survived = listener.send(call.id, Sentence::Continue);
    Ok(SeccompSupport { notify: Ok(()), wait_killable: listener.is_killable() && survived, sync_wake_up })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probing_leaves_nothing_behind_and_agrees_with_the_kernel() {
        let support = probe();
        if let Err(reason) = &support.notify {
            return super::super::tests::skip(reason);
        }
        let release = nix::sys::utsname::uname().expect("uname works");
        let release = release.release().to_string_lossy().into_owned();
        let mut parts = release.split('.').map_while(|part| part.parse::<u32>().ok());
        let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        assert_eq!(support.wait_killable, version >= (5, 19), "{release}");
        assert_eq!(support.sync_wake_up, version >= (6, 6), "{release}");
    }
}
