//! What is done about signals while calls are delayed, on a kernel where a received call waits unharmed by them
//! (`WAIT_KILLABLE_RECV`). On an older one the kernel interrupts the call itself, see [`super::interrupted`].
//!
//! - The thread is known to be marked: the call is answered with a restart code. The handler runs, the kernel makes the
//!   call again, and what is left of its delay follows.
//! - Some thread of the process is marked: with several threads nothing says which, and a restart code might reach the
//!   program. A thread that is not delayed takes its signal at once. So when the signal is still there at the third
//!   look, one delayed call is answered before its time and reported as shortened; if it stays, three looks later another
//!   one.

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use super::delay::{Key, Waiting};
use super::judge::Judge;
use super::notify::Sentence;
use super::signals::{self, Pending};
use super::supervisor::Watch;
use super::view::SyscallView;
use crate::model::syscall::Syscall;

/// The kernel's "restart this call if the handler was installed with SA_RESTART, else EINTR".
const ERESTARTSYS: i32 = 512;
/// The kernel's "run the handler, then always restart this call".
const ERESTARTNOINTR: i32 = 513;

/// At most this many delayed calls are looked at a time, about 15 microseconds each.
const LOOKS: usize = 64;

/// So many looks in a row must find a signal before a delay is shortened for it.
const PATIENCE: u32 = 3;

impl<J: Judge> Watch<J> {
    /// Looks at delayed calls: those whose thread is gone or was interrupted, and those that a handler waits for.
    pub(super) fn attend(&mut self) {
        let waiting = self.delays.take_looks(Instant::now(), LOOKS);
        if waiting.is_empty() {
            return;
        }
        let mut held_up = Vec::new();
        for each in waiting {
            if !self.listener.is_waiting(each.key.1) {
                if let Some(call) = self.delays.take(each.key) {
                    self.undelivered(call);
                }
            } else if self.listener.is_killable()
                && let Some(found) = signals::look(each.thread)
            {
                match found.pending {
                    Pending::Nothing => {}
                    Pending::Marked => self.interrupt(each.key, found.blocked),
                    Pending::Somewhere => held_up.push((found.process, each)),
                }
            }
        }
        for key in self.suspects.choose(&held_up) {
            self.shorten(key);
        }
        for call in self.interrupted.take_unless(|thread| signals::look(thread).is_some()) {
            self.lose(call.token);
        }
    }

    /// Lets the handler of a marked thread run. The thread has waited since before it was looked at, or the kernel does
    /// not accept the answer.
    fn interrupt(&mut self, key: Key, blocked: u64) {
        let Some(mut call) = self.delays.take(key) else { return };
        let syscall = Syscall::from_number(call.raw.number.cast_unsigned());
        let interruptible = syscall.is_some_and(|syscall| {
            SyscallView::new(syscall, &call.raw, &self.listener, &mut self.scratch).is_interruptible()
        });
        let code = if interruptible { ERESTARTSYS } else { ERESTARTNOINTR };
        if self.listener.send(call.raw.id, Sentence::Fail(code)) {
            self.count_interrupted();
            call.blocked = Some(blocked);
            self.keep_interrupted(call);
        } else {
            self.undelivered(call);
        }
    }

    /// Answers a call before its time.
    fn shorten(&mut self, key: Key) {
        let Some(call) = self.delays.take(key) else { return };
        let carried = self.prepare(&call.raw, call.sentence);
        let judge = self.judge.clone();
        let _delivery = judge.delivery();
        if self.deliver(&call.raw, call.sentence, carried) {
            self.count_shortened();
            self.judge.shortened(&call.token);
            self.judge.committed(call.token);
        } else {
            self.undelivered(call);
        }
    }
}

/// Processes that have a signal waiting for one of their threads, and at how many looks in a row.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    looks: HashMap<u32, u32>,
}

impl Suspects {
    /// Chooses the calls to be shortened among those with such a signal: one of a process, of its first thread where that
    /// is delayed, because the kernel prefers it (`complete_signal`), else the one with least to lose.
    fn choose(&mut self, held_up: &[(u32, Waiting)]) -> Vec<Key> {
        let mut best: BTreeMap<u32, Waiting> = BTreeMap::new();
        for &(process, each) in held_up {
            let known = best.entry(process).or_insert(each);
            if each.thread == process {
                *known = each;
            }
        }
        self.looks.retain(|process, _| best.contains_key(process));
        let mut chosen = Vec::new();
        for (process, each) in best {
            let looks = self.looks.entry(process).or_default();
            *looks += 1;
            if *looks >= PATIENCE {
                *looks = 0;
                chosen.push(each.key);
            }
        }
        chosen.sort_unstable();
        chosen
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_signal_must_stay_before_a_delay_is_shortened() {
        let now = Instant::now();
        let waiting = |ms: u64, thread: u32| Waiting { key: (now + Duration::from_millis(ms), 1), thread };
        let mut suspects = Suspects::default();
        let others = [(7, waiting(1, 9)), (7, waiting(2, 8)), (5, waiting(3, 6))];
        assert!(suspects.choose(&others).is_empty());
        assert!(suspects.choose(&others).is_empty());
        assert!(suspects.choose(&others[..2]).contains(&others[0].1.key), "the soonest");
        assert!(suspects.choose(&others[2..]).is_empty(), "process 5 starts anew");
        let first = [(7, waiting(1, 9)), (7, waiting(8, 7)), (7, waiting(9, 8))];
        assert!(suspects.choose(&first).is_empty(), "process 7 starts anew");
        assert!(suspects.choose(&first).is_empty());
        assert_eq!(suspects.choose(&first), [first[1].1.key], "the first thread");
        assert!(suspects.choose(&first).is_empty(), "the next needs as many looks");
    }
}
