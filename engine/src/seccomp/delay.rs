//! Calls whose answer is due later.

use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
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
    /// The judge knows that it waits.
    pub(super) held: bool,
    /// The signals its thread blocked when it made the call, where that is known.
    pub(super) blocked: Option<u64>,
}

/// A place in the order of what is due.
pub(super) type Key = (Instant, u64);

/// A delayed call whose thread is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) key: Key,
    pub(super) thread: u32,
}

/// All delayed calls of one supervisor, the next one due first.
#[derive(Debug)]
pub(super) struct Delays<T> {
    waiting: BTreeMap<Key, Delayed<T>>,
    next_look: Instant,
    /// The last one looked at.
    looked_until: Option<Key>,
}

/// How often delayed calls are looked at for signals and for their death: a handler is late by this much at most.
const LOOK_EVERY: Duration = Duration::from_millis(5);

impl<T> Delays<T> {
    pub(super) fn new() -> Delays<T> {
        Delays { waiting: BTreeMap::new(), next_look: Instant::now(), looked_until: None }
    }

    pub(super) fn add(&mut self, delayed: Delayed<T>) {
        self.waiting.insert((delayed.due, delayed.raw.id), delayed);
    }

    /// How long the supervisor may sleep; `None` when nothing is delayed.
    pub(super) fn sleep(&self, now: Instant) -> Option<Duration> {
        let (&(due, _), _) = self.waiting.first_key_value()?;
        Some(due.min(self.next_look).saturating_duration_since(now))
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

    pub(super) fn take(&mut self, key: Key) -> Option<Delayed<T>> {
        self.waiting.remove(&key)
    }

    /// Takes the call of a thread that has made another one since: it was interrupted.
    pub(super) fn take_of(&mut self, thread: u32) -> Option<Delayed<T>> {
        let (&key, _) = self.waiting.iter().find(|(_, delayed)| delayed.raw.pid == thread)?;
        self.take(key)
    }

    /// The calls to look at now, at most `limit`; with more of them, each has its turn.
    pub(super) fn take_looks(&mut self, now: Instant, limit: usize) -> Vec<Waiting> {
        if now < self.next_look || self.waiting.is_empty() {
            return Vec::new();
        }
        self.next_look = now + LOOK_EVERY;
        let from = self.looked_until.map_or(Unbounded, Excluded);
        let until = self.looked_until.unwrap_or((now, 0));
        let in_turn = self.waiting.range((from, Unbounded)).chain(self.waiting.range(..=until));
        let waiting = in_turn.map(|(&key, delayed)| Waiting { key, thread: delayed.raw.pid });
        let mut chosen: Vec<Waiting> = waiting.take(limit.min(self.waiting.len())).collect();
        self.looked_until = chosen.last().map(|last| last.key);
        chosen.sort_unstable_by_key(|waiting| waiting.key);
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delayed(id: u64, thread: u32, due: Instant) -> Delayed<u64> {
        let raw = RawNotification { id, pid: thread, ..RawNotification::default() };
        Delayed { raw, sentence: Sentence::Continue, token: id, due, held: false, blocked: None }
    }

    fn ids(taken: &[Delayed<u64>]) -> Vec<u64> {
        taken.iter().map(|delayed| delayed.token).collect()
    }

    #[test]
    fn due_calls_come_in_order_of_time() {
        let mut delays = Delays::new();
        let now = Instant::now();
        assert_eq!(delays.sleep(now), None);
        for (id, ms) in [(1, 30), (2, 10), (3, 20), (4, 500)] {
            delays.add(delayed(id, 7, now + Duration::from_millis(ms)));
        }
        assert_eq!(delays.take_looks(now, 10).len(), 4);
        assert_eq!(delays.sleep(now), Some(LOOK_EVERY));
        assert_eq!(ids(&delays.take_due(now + Duration::from_millis(30))), [2, 3, 1]);
        assert_eq!(ids(&delays.take_all()), [4]);
    }

    #[test]
    fn every_delayed_call_is_looked_at_in_its_turn() {
        let mut delays = Delays::new();
        let now = Instant::now();
        for thread in 0..5 {
            delays.add(delayed(1, thread, now + Duration::from_secs(60 + u64::from(thread))));
        }
        let mut looked = |times: u32| -> Vec<u32> {
            delays.take_looks(now + LOOK_EVERY * times, 2).iter().map(|waiting| waiting.thread).collect()
        };
        assert_eq!([looked(0), looked(1), looked(2), looked(3)], [[0, 1], [2, 3], [0, 4], [1, 2]]);
        assert!(looked(3).is_empty(), "not more often than every {LOOK_EVERY:?}");
        assert_eq!(delays.take_of(3).map(|call| call.raw.pid), Some(3));
        assert!(delays.take_of(3).is_none());
    }
}
