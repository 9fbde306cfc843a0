//! The faults on replies that every protocol has.

use super::due::Due;
use super::session::Portion;
use crate::model::Action;
use std::time::{Duration, Instant};

/// How long a throttled answer sleeps between two writes; shorter is smoother, longer is cheaper.
const SLICE: Duration = Duration::from_millis(5);

/// A fault on the bytes of an answer. Its rule has fired once a byte is changed, held back or cut off.
pub(super) struct Effect {
    due: Due,
    kind: EffectKind,
    /// Bytes of the answer that count and were let go.
    position: u64,
    started: Option<Instant>,
    /// Part of the answer has come.
    begun: bool,
    /// Part of the answer does not count: what counts is its content.
    has_frame: bool,
}

#[derive(Debug, Clone, Copy)]
enum EffectKind {
    Truncate { bytes: u64 },
    Throttle { bytes_per_second: u64 },
    Corrupt { offset: u64 },
}

/// What an [`Effect`] says about the bytes that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Admitted {
    /// So many may go now.
    pub(super) bytes: usize,
    /// The rest may be asked for then.
    pub(super) again: Option<Instant>,
    /// The connection ends behind these bytes.
    pub(super) end: bool,
    /// This one of them is inverted.
    pub(super) invert: Option<usize>,
}

impl Effect {
    /// The effect of a rule's action on the answer; the rule itself for the actions that have none.
    pub(super) fn of(due: Due) -> Result<Box<Effect>, Due> {
        let kind = match *due.action() {
            Action::Truncate { bytes } => EffectKind::Truncate { bytes },
            Action::Throttle { bytes_per_second } => EffectKind::Throttle { bytes_per_second },
            Action::Corrupt { offset } => EffectKind::Corrupt { offset },
            Action::Deny(_)
            | Action::Allow
            | Action::Delay(_)
            | Action::Respond(_)
            | Action::Error(_)
            | Action::Drop(_)
            | Action::Duplicate
            | Action::Reorder => return Err(due),
        };
        Ok(Box::new(Effect { due, kind, position: 0, started: None, begun: false, has_frame: false }))
    }

    /// Decides over the next `available` bytes of the answer, which are of one `portion`.
    pub(super) fn admit(&mut self, available: usize, portion: Portion, now: Instant) -> Admitted {
        self.begun = true;
        let mut admitted = Admitted { bytes: available, again: None, end: false, invert: None };
        if portion.counts {
            self.count(&mut admitted, now);
            self.position += admitted.bytes as u64;
        } else {
            self.has_frame = true;
        }
        if let EffectKind::Truncate { bytes } = self.kind {
            let cuts = admitted.bytes < available || portion.more;
            admitted.end = self.position == bytes && cuts;
        }
        if admitted.end || admitted.again.is_some() || admitted.invert.is_some() {
            self.due.acted();
        }
        admitted
    }

    fn count(&mut self, admitted: &mut Admitted, now: Instant) {
        let available = admitted.bytes;
        let at_most = |left: u64| available.min(usize::try_from(left).unwrap_or(usize::MAX));
        match self.kind {
            EffectKind::Truncate { bytes } => admitted.bytes = at_most(bytes - self.position),
            EffectKind::Throttle { bytes_per_second } => {
                let started = *self.started.get_or_insert(now);
                let due = bytes_in(now - started + SLICE, bytes_per_second).max(1);
                admitted.bytes = at_most(due.saturating_sub(self.position));
                if admitted.bytes < available {
                    let next = self.position + admitted.bytes as u64 + 1;
                    admitted.again = Some(started + time_for(next, bytes_per_second));
                }
            }
            EffectKind::Corrupt { offset } => {
                let within = offset.checked_sub(self.position).filter(|&within| within < available as u64);
                admitted.invert = within.and_then(|within| usize::try_from(within).ok());
            }
        }
    }

    /// The answer is over. `empty` says why no byte of it counts, where that is known.
    pub(super) fn answer_ended(&mut self, empty: Option<&str>) {
        let answer = if self.has_frame { "the reply's content" } else { "the reply" };
        let reason = match (self.position, empty) {
            (0, Some(reason)) => reason.to_owned(),
            (0, None) => format!("{answer} is empty"),
            (count, _) => self.too_short(&format!("{answer} has {}", bytes(count))),
        };
        self.due.had_no_effect(&reason);
    }

    /// No more of the answer comes, because `reason`.
    pub(super) fn answer_is_lost(&mut self, reason: &str) {
        if self.begun {
            return self.answer_ended(None);
        }
        self.due.had_no_effect(reason);
    }

    fn too_short(&self, answer: &str) -> String {
        match self.kind {
            EffectKind::Truncate { bytes } => format!("{answer}, and truncate keeps {bytes}"),
            EffectKind::Corrupt { offset } => {
                format!("{answer}, and corrupt changes the one at offset {offset}")
            }
            EffectKind::Throttle { bytes_per_second } => {
                format!("{answer}, and at {bytes_per_second} bytes per second none had to wait")
            }
        }
    }
}

fn bytes(count: u64) -> String {
    if count == 1 { "1 byte".to_owned() } else { format!("{count} bytes") }
}

/// Bytes that flow in `time`.
fn bytes_in(time: Duration, bytes_per_second: u64) -> u64 {
    u64::try_from(time.as_nanos() * u128::from(bytes_per_second) / 1_000_000_000).unwrap_or(u64::MAX)
}

/// When `bytes` may have flowed.
fn time_for(bytes: u64, bytes_per_second: u64) -> Duration {
    // At one byte a second a byte takes a second; at none it never comes.
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(bytes_per_second.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(Duration::from_secs(24 * 60 * 60))
}
