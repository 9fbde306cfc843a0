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
use std::time::Instant;

use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;
use tokio::sync::watch;

use super::descent::{self, Marks};
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
    /// Locked from a fork to its registration, so that no exit falls between.
    state: Mutex<State>,
    /// Says to a reaper that had no child at all that there is one.
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    adopted: Vec<Adopted>,
    /// The living processes that adopted children are made of, with the place of the child.
    mains: HashMap<libc::pid_t, usize>,
    /// Those among them that nobody waits for yet; [`Reaper::of_everything`] waits for all alike.
    unwatched: Vec<libc::pid_t>,
}

#[derive(Debug)]
struct Adopted {
    marks: Marks,
    exit: watch::Sender<Exit>,
    end: watch::Sender<Option<End>>,
    /// The end of the main process that last left others behind.
    handover: Option<End>,
}

/// Whether a process has ended, and with which status, unless that was lost.
type Exit = Option<Option<ExitStatus>>;

/// How a child came to its end: when none of its main processes was left, or one of them failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// Of the process that ended last. `None` when it was lost, because something else in this process waited for it.
    pub status: Option<ExitStatus>,
    pub at: Instant,
}

/// A child whose exit is awaited. Clones await the same one.
///
/// Its main process is the one that was forked. When a main process ends with 0 and leaves children behind, as daemons do,
/// these are the main processes from then on.
#[derive(Debug, Clone)]
pub struct Child {
    pid: libc::pid_t,
    shared: Arc<Shared>,
    place: usize,
    exit: watch::Receiver<Exit>,
    end: watch::Receiver<Option<End>>,
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
        let mut state = self.shared.lock();
        let namespace = descent::mark_next_child();
        let pid = fork()?;
        let ((exit, exited), (end, ended)) = (watch::channel(None), watch::channel(None));
        let place = state.adopted.len();
        state.adopted.push(Adopted { marks: Marks::new(pid, namespace), exit, end, handover: None });
        state.mains.insert(pid, place);
        self.shared.arrived.notify_one();
        drop(state);
        if self.scope == Scope::Adopted {
            self.shared.clone().watch(pid)?;
        }
        Ok(Child { pid, shared: self.shared.clone(), place, exit: exited, end: ended })
    }

    /// Takes note of every exit there has been by now.
    pub fn catch_up(&self) {
        let mut state = self.shared.lock();
        self.shared.reap_mains(&mut state);
        match self.scope {
            Scope::Everything => {
                while let Ok(Some(pid)) = sys::find_exit() {
                    self.shared.reap(&mut state, pid);
                    self.shared.reap_mains(&mut state);
                }
            }
            Scope::Adopted => self.shared.watch_new(&mut state),
        }
    }
}

impl Child {
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The exit status of the process that was forked, if it has ended.
    pub fn status(&self) -> Option<ExitStatus> {
        self.exit.borrow().flatten()
    }

    /// Waits for the end of the process that was forked; any number of times, and cancellable. `None` when its status was
    /// lost, because something else in this process waited for it.
    pub async fn wait(&mut self) -> Option<ExitStatus> {
        let ended = self.exit.wait_for(Option::is_some).await;
        ended.ok().and_then(|status| status.flatten())
    }

    /// How it came to its end, if it has.
    pub fn end(&self) -> Option<End> {
        *self.end.borrow()
    }

    /// Waits for its end; any number of times, and cancellable.
    pub async fn ended(&mut self) -> End {
        let ended = self.end.wait_for(Option::is_some).await.ok().and_then(|end| *end);
        // The sender is kept for as long as this child.
        ended.unwrap_or_else(|| End { status: None, at: Instant::now() })
    }

    /// How the main process ended that last left others behind: a server that goes to the background, or one that ended
    /// beside processes of its own.
    pub fn handover(&self) -> Option<End> {
        self.shared.lock().adopted[self.place].handover
    }

    /// True when it has ended, or a main process of it is going to end, whatever anybody does.
    pub fn is_ending(&self) -> bool {
        // Under the lock, so that its last process is not reaped between the two looks.
        let state = self.shared.lock();
        self.end().is_some() || state.mains_of(self.place).any(descent::is_ending)
    }

    /// True when a main process of it is running right now: whether it is going to end is not certain yet.
    pub fn is_running(&self) -> bool {
        let state = self.shared.lock();
        state.mains_of(self.place).any(descent::is_running)
    }

    /// Signals its main processes as far as `wanted` says so, and gives their number.
    pub fn signal_mains(&self, signal: Signal, wanted: impl Fn(i32) -> bool) -> usize {
        // Under the lock, so that no number is given to another process meanwhile.
        let state = self.shared.lock();
        let mains: Vec<i32> = state.mains_of(self.place).filter(|&pid| wanted(pid)).collect();
        for &pid in &mains {
            // ESRCH: it is dead and about to be reaped.
            let _ = signal::kill(Pid::from_raw(pid), signal);
        }
        mains.len()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is whole at every point where a holder could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for one process in a thread of its own: a wait for any child would take those of others.
    fn watch(self: Arc<Shared>, pid: libc::pid_t) -> io::Result<()> {
        thread::Builder::new().name(format!("wait {pid}")).spawn(move || {
            // An error means that the child is gone already, which reaping then finds out.
            let _ = sys::await_exit(Some(pid));
            let mut state = self.lock();
            self.reap(&mut state, pid);
            self.watch_new(&mut state);
        })?;
        Ok(())
    }

    fn watch_new(self: &Arc<Shared>, state: &mut State) {
        for pid in std::mem::take(&mut state.unwatched) {
            // Without a thread its end is found when somebody catches up.
            let _ = self.clone().watch(pid);
        }
    }

    fn reap_everything(&self) {
        loop {
            match sys::await_exit(None) {
                Ok(pid) => {
                    let mut state = self.lock();
                    // An orphan may be listed before the process whose end handed it to us.
                    self.reap_mains(&mut state);
                    self.reap(&mut state, pid);
                }
                Err(error) if error.raw_os_error() == Some(libc::ECHILD) => self.await_child(),
                // Interrupted by a signal.
                Err(_) => {}
            }
        }
    }

    /// Sleeps while there is no child. Without one there is no descendant either, so no orphan can arrive meanwhile.
    fn await_child(&self) {
        let mut state = self.lock();
        self.reap_mains(&mut state);
        if state.mains.is_empty() {
            drop(self.arrived.wait(state));
        }
    }

    /// Reaps main processes until none of them is dead.
    fn reap_mains(&self, state: &mut State) {
        loop {
            let before: Vec<libc::pid_t> = state.mains.keys().copied().collect();
            before.iter().for_each(|&pid| self.reap(state, pid));
            if before.iter().all(|pid| state.mains.contains_key(pid)) {
                return;
            }
        }
    }

    /// Reaps one process if it has ended and reports it to whoever adopted it. A status that somebody else took is given
    /// up.
    ///
    /// Done under the lock: a number freed here can only be adopted again afterwards.
    fn reap(&self, state: &mut State, pid: libc::pid_t) {
        let status = match sys::reap(pid) {
            Ok(None) => return,
            Ok(Some(status)) => Some(ExitStatus::from_raw(status)),
            Err(_) => None,
        };
        let Some(place) = state.mains.remove(&pid) else { return };
        if status.is_some_and(|status| status.success()) {
            let successors = state.left_behind(place);
            state.mains.extend(successors.iter().map(|&pid| (pid, place)));
            state.unwatched.extend(successors);
        }
        let is_left = state.mains_of(place).next().is_some();
        let failed = status.is_some_and(|status| !status.success());
        let end = End { status, at: Instant::now() };
        let adopted = &mut state.adopted[place];
        if !failed && is_left {
            adopted.handover = Some(end);
        }
        if adopted.marks.first == pid && adopted.exit.borrow().is_none() {
            adopted.exit.send_replace(Some(status));
        }
        if (failed || !is_left) && adopted.end.borrow().is_none() {
            adopted.end.send_replace(Some(end));
        }
    }
}

impl State {
    fn mains_of(&self, place: usize) -> impl Iterator<Item = libc::pid_t> + '_ {
        self.mains.iter().filter(move |(_, of)| **of == place).map(|(pid, _)| *pid)
    }

    /// Processes that the child at `place` left behind.
    fn left_behind(&self, place: usize) -> Vec<libc::pid_t> {
        let all: Vec<&Marks> = self.adopted.iter().map(|adopted| &adopted.marks).collect();
        let is_there = |at: &usize| *at == place || self.mains_of(*at).next().is_some();
        let living: Vec<&Marks> = (0..all.len()).filter(is_there).map(|at| all[at]).collect();
        descent::left_behind(all[place], &all, &living, |pid| self.mains.contains_key(&pid))
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
        runtime.block_on(child.ended());
        // A settling run looks again at what ended since its last look.
        assert!(child.is_ending() && !child.is_running());
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
        assert!(refused.is_err() && reaper.shared.lock().mains.is_empty());
    }
}
