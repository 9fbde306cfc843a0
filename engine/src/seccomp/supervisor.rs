//! Answers the intercepted calls of one service, on one thread of its own.
//!
//! The thread sleeps until a call arrives, asks the judge, answers. Delayed answers wait in a list of the same thread, so
//! nothing ever blocks it. It ends when the last target of the filter is gone, never earlier: a call that
//! nobody answers fails with ENOSYS, which no service expects.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use super::attend::Suspects;
use super::delay::{Delayed, Delays};
use super::foreign;
use super::interrupted::Interrupted;
use super::judge::{Answer, Judge, Reply};
use super::notify::{Listener, Sentence};
use super::path::Scratch;
use super::program::NATIVE_ARCH;
use super::signals;
use super::socket::Untaken;
use super::sys::RawNotification;
use super::view::SyscallView;
use crate::model::errno::Errno;
use crate::model::syscall::Syscall;

/// What a supervisor has seen so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SupervisorCounts {
    pub received: u64,
    /// Replies the kernel did not accept.
    pub lost: u64,
    /// Calls of another architecture (a 32-bit program), which rules cannot see; they were let through.
    pub foreign: u64,
    /// Delayed calls interrupted so that a signal handler of the service could run.
    pub interrupted: u64,
    /// Delayed calls answered early so that a signal handler of the service could run.
    pub shortened: u64,
    /// The judge panicked; from then on every call continues. The leaf's outcome is an error.
    pub judge_panicked: bool,
}

/// Handle of the thread. Dropping it releases the targets and leaves the thread to end with the last of them.
#[derive(Debug)]
pub struct Supervisor {
    shared: Arc<Shared>,
    wake: PipeWriter,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    released: AtomicBool,
    received: AtomicU64,
    lost: AtomicU64,
    foreign: AtomicU64,
    interrupted: AtomicU64,
    shortened: AtomicU64,
    judge_panicked: AtomicBool,
}

impl Supervisor {
    /// Starts answering. `name` is the service's, for the thread's name.
    pub fn start<J: Judge>(name: &str, listener: Listener, judge: Arc<J>) -> io::Result<Supervisor> {
        let (woken, wake) = io::pipe()?;
        let shared = Arc::new(Shared::default());
        // An older kernel without the flag is only slower.
        let _ = listener.enable_sync_wake_up();
        let mut watch = Watch {
            listener,
            judge,
            shared: shared.clone(),
            woken,
            scratch: Scratch::new(),
            delays: Delays::new(),
            interrupted: Interrupted::new(),
            suspects: Suspects::default(),
            untaken: Untaken::default(),
        };
        let thread = std::thread::Builder::new().name(format!("sys {name}")).spawn(move || watch.run())?;
        Ok(Supervisor { shared, wake, thread: Some(thread) })
    }

    /// Lets delayed calls continue at once, and every later call too, without asking the judge.
    pub fn release(&self) {
        self.shared.released.store(true, Relaxed);
        // The pipe never fills: one byte per release. A thread that is gone has no reader left, which is fine.
        let _ = (&self.wake).write_all(&[1]);
    }

    /// Releases the targets and waits until the last one is gone. Kill them first.
    pub fn join(mut self) -> SupervisorCounts {
        self.release();
        if let Some(thread) = self.thread.take() {
            // The thread catches the judge's panics; there is nothing to add when it dies of its own.
            let _ = thread.join();
        }
        self.counts()
    }

    /// Whether every target is gone.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    pub fn counts(&self) -> SupervisorCounts {
        SupervisorCounts {
            received: self.shared.received.load(Relaxed),
            lost: self.shared.lost.load(Relaxed),
            foreign: self.shared.foreign.load(Relaxed),
            interrupted: self.shared.interrupted.load(Relaxed),
            shortened: self.shared.shortened.load(Relaxed),
            judge_panicked: self.shared.judge_panicked.load(Relaxed),
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.release();
    }
}

/// What woke the thread.
struct Wake {
    call: bool,
    released: bool,
    gone: bool,
}

/// What a notification says of its call.
enum Call<T> {
    New,
    /// It was interrupted by a signal, and is made again.
    Again(Delayed<T>),
    /// Its thread does not wait any more.
    Gone,
}

/// The thread's own state.
pub(super) struct Watch<J: Judge> {
    pub(super) listener: Listener,
    pub(super) judge: Arc<J>,
    shared: Arc<Shared>,
    woken: PipeReader,
    pub(super) scratch: Scratch,
    pub(super) delays: Delays<J::Token>,
    pub(super) interrupted: Interrupted<J::Token>,
    pub(super) suspects: Suspects,
    pub(super) untaken: Untaken,
}

impl<J: Judge> Watch<J> {
    fn run(&mut self) {
        while let Ok(wake) = self.sleep() {
            if wake.released {
                self.flush();
            }
            if wake.call {
                // ENOENT is routine: the target died or was interrupted before its call was received.
                if let Ok(raw) = self.listener.receive() {
                    self.handle(raw);
                }
            } else if wake.gone {
                break;
            }
            self.answer_due();
            self.attend();
        }
        self.flush();
    }

    fn sleep(&mut self) -> io::Result<Wake> {
        let timeout = self.delays.sleep(Instant::now()).map(TimeSpec::from_duration);
        let mut ready = [
            PollFd::new(self.listener.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.woken.as_fd(), PollFlags::POLLIN),
        ];
        match ppoll(&mut ready, timeout, None) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let [call, woken] = ready.map(|fd| fd.revents().unwrap_or(PollFlags::empty()));
        let released = woken.contains(PollFlags::POLLIN);
        if released {
            let _ = self.woken.read(&mut [0; 8])?;
        }
        let gone = call.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL);
        Ok(Wake { call: call.contains(PollFlags::POLLIN), released, gone })
    }

    fn handle(&mut self, raw: RawNotification) {
        self.shared.received.fetch_add(1, Relaxed);
        if raw.arch != NATIVE_ARCH {
            self.shared.foreign.fetch_add(1, Relaxed);
            let refused = self.ask_about_foreign(&raw);
            let sentence = refused.map_or(Sentence::Continue, |errno| Sentence::Fail(errno.number()));
            self.listener.send(raw.id, sentence);
            return;
        }
        match self.resume(&raw) {
            Call::New => {}
            Call::Again(call) if call.due <= Instant::now() => return self.answer(call),
            Call::Again(call) => return self.hold(call),
            Call::Gone => return,
        }
        let Some((answer, has_vanished)) = self.ask(&raw) else {
            self.listener.send(raw.id, Sentence::Continue);
            return;
        };
        if has_vanished && answer.reply == Reply::Continue && !self.listener.is_killable() {
            // A signal interrupted it before it was read. Made again, it is judged again.
            return;
        }
        let (wait, sentence) = match answer.reply {
            Reply::Continue => (Duration::ZERO, Sentence::Continue),
            Reply::Errno(errno) => (Duration::ZERO, Sentence::Fail(errno.number())),
            Reply::Return(value) => (Duration::ZERO, Sentence::Return(value)),
            Reply::ContinueAfter(wait) => (wait, Sentence::Continue),
            Reply::ErrnoAfter(wait, errno) => (wait, Sentence::Fail(errno.number())),
        };
        // A delay beyond what the clock can hold is one that never ends.
        let due = Instant::now().checked_add(wait).unwrap_or_else(|| Instant::now() + FOR_EVER);
        let call = Delayed { raw, sentence, token: answer.token, due, held: false, blocked: None };
        if wait.is_zero() { self.answer(call) } else { self.hold(call) }
    }

    /// Whether `raw` makes a call again that a signal interrupted.
    fn resume(&mut self, raw: &RawNotification) -> Call<J::Token> {
        if !self.listener.is_killable()
            && let Some(call) = self.delays.take_of(raw.pid)
        {
            self.keep_interrupted(call);
        }
        if !self.interrupted.has(raw.pid) {
            return Call::New;
        }
        let blocked = signals::look(raw.pid).map(|found| found.blocked);
        // Checked after looking: the thread may have been interrupted once more, and what was seen is its handler.
        if !self.listener.is_waiting(raw.id) {
            return Call::Gone;
        }
        let resumed = self.interrupted.resume(raw, blocked);
        for call in resumed.given_up {
            self.lose(call.token);
        }
        match resumed.call {
            None => Call::New,
            Some(call) if self.shared.released.load(Relaxed) => {
                self.lose(call.token);
                Call::New
            }
            Some(call) => Call::Again(call),
        }
    }

    /// Begins a delay, or goes on with it.
    fn hold(&mut self, mut call: Delayed<J::Token>) {
        let look = || signals::look(call.raw.pid).map(|found| found.blocked);
        let blocked = if self.listener.is_killable() { None } else { look() };
        if !self.listener.is_waiting(call.raw.id) {
            return self.undelivered(call);
        }
        call.blocked = blocked;
        if !std::mem::replace(&mut call.held, true) {
            self.judge.held(&mut call.token);
        }
        self.delays.add(call);
    }

    /// The judge's answer, and whether the call was gone before the judge had read it; `None` when there is no judge any
    /// more.
    fn ask(&mut self, raw: &RawNotification) -> Option<(Answer<J::Token>, bool)> {
        if self.shared.released.load(Relaxed) || self.shared.judge_panicked.load(Relaxed) {
            return None;
        }
        let syscall = Syscall::from_number(raw.number.cast_unsigned())?;
        let mut view = SyscallView::new(syscall, raw, &self.listener, &mut self.scratch);
        let asked = catch_unwind(AssertUnwindSafe(|| self.judge.judge(&mut view)));
        let has_vanished = view.has_vanished();
        if asked.is_err() {
            self.note_panic();
        }
        Some((asked.ok()?, has_vanished))
    }

    fn ask_about_foreign(&mut self, raw: &RawNotification) -> Option<Errno> {
        if self.shared.released.load(Relaxed) || self.shared.judge_panicked.load(Relaxed) {
            return None;
        }
        let translated = foreign::translate(raw);
        let mut view = translated
            .as_ref()
            .map(|(syscall, raw)| SyscallView::new(*syscall, raw, &self.listener, &mut self.scratch));
        let asked = catch_unwind(AssertUnwindSafe(|| self.judge.foreign(view.as_mut())));
        if asked.is_err() {
            self.note_panic();
        }
        asked.ok().flatten()
    }

    fn answer(&mut self, call: Delayed<J::Token>) {
        let carried = self.prepare(&call.raw, call.sentence);
        let judge = self.judge.clone();
        let _delivery = judge.delivery();
        if self.deliver(&call.raw, call.sentence, carried) {
            self.judge.committed(call.token);
        } else {
            self.undelivered(call);
        }
    }

    /// The target does not wait for this answer any more: it died, or, on an older kernel, a signal interrupted the call.
    pub(super) fn undelivered(&mut self, call: Delayed<J::Token>) {
        if self.listener.is_killable() { self.lose(call.token) } else { self.keep_interrupted(call) }
    }

    pub(super) fn keep_interrupted(&mut self, call: Delayed<J::Token>) {
        if let Some(forgotten) = self.interrupted.keep(call) {
            self.lose(forgotten.token);
        }
    }

    pub(super) fn note_panic(&self) {
        self.shared.judge_panicked.store(true, Relaxed);
    }

    pub(super) fn lose(&self, token: J::Token) {
        self.shared.lost.fetch_add(1, Relaxed);
        self.judge.lost(token);
    }

    pub(super) fn count_interrupted(&self) {
        self.shared.interrupted.fetch_add(1, Relaxed);
    }

    pub(super) fn count_shortened(&self) {
        self.shared.shortened.fetch_add(1, Relaxed);
    }

    fn answer_due(&mut self) {
        for delayed in self.delays.take_due(Instant::now()) {
            self.answer(delayed);
        }
    }

    /// Lets every delayed call continue: used when released and when the targets are gone.
    fn flush(&mut self) {
        for delayed in self.delays.take_all() {
            self.listener.send(delayed.raw.id, Sentence::Continue);
            self.lose(delayed.token);
        }
        for delayed in self.interrupted.take_unless(|_| false) {
            self.lose(delayed.token);
        }
    }
}

/// Ten years.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);
