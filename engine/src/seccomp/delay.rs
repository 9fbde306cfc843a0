//! Calls whose answer is due later, and those a signal took out of their wait.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use super::notify::Sentence;
use super::sys::RawNotification;

/// One delayed call.
#[derive(Debug)]
pub(super) struct Delayed<T> {
    pub(super) raw: RawNotification,
    /// What to answer when the time has come.
    pub(super) sentence: Sentence,
    pub(super) token: T,
    pub(super) due: Instant,
}

/// All delayed calls of one supervisor, the next one due first.
#[derive(Debug)]
pub(super) struct Delays<T> {
    waiting: BTreeMap<(Instant, u64), Delayed<T>>,
    /// By thread: calls answered with a restart code so that a signal handler could run. When the thread makes the very
    /// same call next, it is the restart and only the rest of its delay is left.
    interrupted: HashMap<u32, Delayed<T>>,
}

/// How often the targets of delayed calls are looked at for pending signals: a handler is late by this much at most.
const SIGNAL_TICK: Duration = Duration::from_millis(5);

impl<T> Delays<T> {
    pub(super) fn new() -> Delays<T> {
        Delays { waiting: BTreeMap::new(), interrupted: HashMap::new() }
    }

    pub(super) fn add(&mut self, delayed: Delayed<T>) {
        self.waiting.insert((delayed.due, delayed.raw.id), delayed);
    }

    /// How long the supervisor may sleep; `None` when nothing is delayed.
    pub(super) fn sleep(&self, now: Instant, watch_signals: bool) -> Option<Duration> {
        let (&(due, _), _) = self.waiting.first_key_value()?;
        let left = due.saturating_duration_since(now);
        Some(if watch_signals { left.min(SIGNAL_TICK) } else { left })
    }

    /// Takes the calls whose time has come, in order.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Delayed<T>> {
        let mut due = Vec::new();
        while let Some(entry) = self.waiting.first_entry()
            && entry.key().0 <= now
        {
            due.push(entry.remove());
        }
        due
    }

    pub(super) fn take_all(&mut self) -> Vec<Delayed<T>> {
        std::mem::take(&mut self.waiting).into_values().collect()
    }

    /// Takes the calls whose thread `wants_out`, at most `limit` looked at, the oldest notification first.
    pub(super) fn take_if(
        &mut self,
        limit: usize,
        mut wants_out: impl FnMut(u32) -> bool,
    ) -> Vec<Delayed<T>> {
        let keys: Vec<(Instant, u64)> = self
            .waiting
            .iter()
            .take(limit)
            .filter(|(_, delayed)| wants_out(delayed.raw.pid))
            .map(|(&key, _)| key)
            .collect();
        keys.iter().filter_map(|key| self.waiting.remove(key)).collect()
    }

    pub(super) fn remember_interrupted(&mut self, delayed: Delayed<T>) -> Option<Delayed<T>> {
        self.interrupted.insert(delayed.raw.pid, delayed)
    }

    /// The interrupted call that `raw` restarts. `Err` gives back one that was never restarted: its thread moved on.
    pub(super) fn take_restarted(&mut self, raw: &RawNotification) -> Option<Result<Delayed<T>, Delayed<T>>> {
        let mut delayed = self.interrupted.remove(&raw.pid)?;
        let same = (delayed.raw.number, delayed.raw.arguments, delayed.raw.instruction_pointer)
            == (raw.number, raw.arguments, raw.instruction_pointer);
        delayed.raw.id = if same { raw.id } else { delayed.raw.id };
        Some(if same { Ok(delayed) } else { Err(delayed) })
    }

    pub(super) fn take_interrupted(&mut self) -> Vec<Delayed<T>> {
        std::mem::take(&mut self.interrupted).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delayed(id: u64, thread: u32, due: Instant) -> Delayed<u64> {
        let raw = RawNotification { id, pid: thread, ..RawNotification::default() };
        Delayed { raw, sentence: Sentence::Continue, token: id, due }
    }

    fn ids(taken: &[Delayed<u64>]) -> Vec<u64> {
        taken.iter().map(|delayed| delayed.token).collect()
    }

    #[test]
    fn due_calls_come_in_order_of_time() {
        let now = Instant::now();
        let mut delays = Delays::new();
        assert_eq!(delays.sleep(now, true), None);
        for (id, ms) in [(1, 30), (2, 10), (3, 20), (4, 500)] {
            delays.add(delayed(id, 7, now + Duration::from_millis(ms)));
        }
        assert_eq!(delays.sleep(now, false), Some(Duration::from_millis(10)));
        assert_eq!(delays.sleep(now, true), Some(SIGNAL_TICK));
        assert_eq!(ids(&delays.take_due(now + Duration::from_millis(30))), [2, 3, 1]);
        assert_eq!(ids(&delays.take_all()), [4]);
    }

    #[test]
    fn a_restarted_call_is_recognised() {
        let now = Instant::now();
        let mut delays = Delays::new();
        delays.add(delayed(1, 7, now));
        delays.add(delayed(2, 8, now));
        let out = delays.take_if(10, |thread| thread == 7);
        assert_eq!(ids(&out), [1]);
        for call in out {
            assert!(delays.remember_interrupted(call).is_none());
        }
        let again = delayed(9, 7, now).raw;
        let restarted =
            delays.take_restarted(&again).expect("thread 7 was interrupted").expect("the same call");
        assert_eq!((restarted.token, restarted.raw.id), (1, 9));
        assert!(delays.take_restarted(&again).is_none());

        assert!(delays.remember_interrupted(restarted).is_none());
        let other = RawNotification { number: 5, ..again };
        assert!(delays.take_restarted(&other).expect("thread 7 was interrupted").is_err());
    }
}
