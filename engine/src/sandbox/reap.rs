//! The one place where children are waited for.
//!
//! PID 1 of a sandbox must wait for every orphan, and must not thereby take away the exit status of a service from the
//! code that started it. So nobody else waits: services are registered while they are forked, and learn their status from
//! here. Code that waits by itself (`std::process`, `tokio::process`) must not run beside [`Reaper::of_everything`].

use std::collections::HashMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::watch;

use super::sys;

/// Waits for children and hands out their exit statuses. Made once in a process and kept until its end; clones are the
/// same reaper.
#[derive(Debug, Clone)]
pub struct Reaper {
    shared: Arc<Shared>,
    scope: Scope,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    Everything,
    Adopted,
}

#[derive(Debug, Default)]
struct Shared {
    /// Adopted children that have not been reaped. Locked from a fork to its registration, so that no exit falls between.
    adopted: Mutex<HashMap<libc::pid_t, watch::Sender<Option<ExitStatus>>>>,
    /// Tells a reaper that had no child at all that there is one.
    arrived: Condvar,
}

/// A child whose exit is awaited. Clones await the same one.
#[derive(Debug, Clone)]
pub struct Child {
    pid: libc::pid_t,
    exit: watch::Receiver<Option<ExitStatus>>,
}

impl Reaper {
    /// For PID 1: reaps every child, orphans that were handed to it too.
    pub fn of_everything() -> io::Result<Reaper> {
        let shared = Arc::new(Shared::default());
        let reaping = shared.clone();
        thread::Builder::new().name("reaper".into()).spawn(move || reaping.reap_everything())?;
        Ok(Reaper { shared, scope: Scope::Everything })
    }

    /// For a process that has other children as well (`--isolation host`, tests): waits for adopted ones only.
    pub fn of_adopted() -> Reaper {
        Reaper { shared: Arc::default(), scope: Scope::Adopted }
    }

    /// Registers the child that `fork` makes, which gives its process id.
    pub fn adopt(&self, fork: impl FnOnce() -> io::Result<libc::pid_t>) -> io::Result<Child> {
        let mut adopted = self.shared.lock();
        let pid = fork()?;
        let (report, exit) = watch::channel(None);
        adopted.insert(pid, report);
        self.shared.arrived.notify_one();
        drop(adopted);
        if self.scope == Scope::Adopted {
            let shared = self.shared.clone();
            // One thread for each: a wait for any child would take those of others.
            thread::Builder::new().name(format!("wait {pid}")).spawn(move || {
                // An error means that the child is gone already, which reaping then finds out.
                let _ = sys::await_exit(Some(pid));
                shared.reap(&mut shared.lock(), pid);
            })?;
        }
        Ok(Child { pid, exit })
    }
}

impl Child {
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Its exit status, if it has ended.
    pub fn status(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Waits for its end; any number of times, and cancellable. `None` when its status was lost, because something else
    /// in this process waited for it.
    pub async fn wait(&mut self) -> Option<ExitStatus> {
        let ended = self.exit.wait_for(Option::is_some).await;
        ended.ok().and_then(|status| *status)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, HashMap<libc::pid_t, watch::Sender<Option<ExitStatus>>>> {
        // The map is whole at every point where a holder could panic.
        self.adopted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reap_everything(&self) {
        loop {
            match sys::await_exit(None) {
                Ok(pid) => self.reap(&mut self.lock(), pid),
                Err(error) if error.raw_os_error() == Some(libc::ECHILD) => self.await_child(),
                // Interrupted by a signal.
                Err(_) => {}
            }
        }
    }

    /// Sleeps while there is no child. Without one there is no descendant either, so no orphan can arrive meanwhile.
    fn await_child(&self) {
        let mut adopted = self.lock();
        let pids: Vec<libc::pid_t> = adopted.keys().copied().collect();
        for pid in pids {
            self.reap(&mut adopted, pid);
        }
        if adopted.is_empty() {
            drop(self.arrived.wait(adopted));
        }
    }

    /// Reaps one process if it has ended and tells whoever adopted it. A status that somebody else took is given up.
    ///
    /// Done under the lock: a number freed here can only be adopted again afterwards.
    fn reap(&self, adopted: &mut HashMap<libc::pid_t, watch::Sender<Option<ExitStatus>>>, pid: libc::pid_t) {
        let status = match sys::reap(pid) {
            Ok(None) => return,
            Ok(Some(status)) => Some(status),
            Err(_) => None,
        };
        if let (Some(report), Some(status)) = (adopted.remove(&pid), status) {
            report.send_replace(Some(ExitStatus::from_raw(status)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;
    use std::process::Command;

    use super::*;

    fn run(script: &str) -> Option<ExitStatus> {
        let reaper = Reaper::of_adopted();
        let fork =
            || Command::new("/bin/sh").args(["-c", script]).process_group(0).spawn().map(|child| child.id());
        let mut child = reaper.adopt(|| fork().map(u32::cast_signed)).expect("a shell starts");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let status = runtime.block_on(child.wait());
        assert_eq!(child.status(), status);
        assert_eq!(runtime.block_on(child.wait()), status);
        status
    }

    #[test]
    fn a_child_learns_how_it_ended() {
        assert_eq!(run("exit 7").and_then(|status| status.code()), Some(7));
        assert_eq!(run("kill -9 $$").and_then(|status| status.signal()), Some(9));
    }

    #[test]
    fn a_fork_that_fails_leaves_nothing_registered() {
        let reaper = Reaper::of_adopted();
        let refused = reaper.adopt(|| Err(io::ErrorKind::OutOfMemory.into()));
        assert!(refused.is_err() && reaper.shared.lock().is_empty());
    }
}
