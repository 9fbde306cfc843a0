//! The faults every protocol has, and what an observer is told about a rule that fired.

use crate::event::{EventKind, FaultWord};
use crate::model::Action;
use crate::rules::ActiveRule;
use std::time::{Duration, Instant};

/// How long a throttled answer sleeps between two writes; shorter is smoother, longer is cheaper.
const SLICE: Duration = Duration::from_millis(5);

/// A fault on the bytes of an answer.
#[derive(Debug)]
pub(super) struct Effect {
    kind: EffectKind,
    /// Bytes of the answer that were let go.
    position: u64,
    started: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
enum EffectKind {
    Truncate { bytes: u64 },
    Throttle { bytes_per_second: u64 },
    Corrupt { offset: u64 },
}

/// What an [`Effect`] says about the bytes at hand.
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
    /// The effect of an action on the answer, for the actions that have one.
    pub(super) fn of(action: &Action) -> Option<Box<Effect>> {
        let kind = match *action {
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
            | Action::Reorder => return None,
        };
        Some(Box::new(Effect { kind, position: 0, started: None }))
    }

    /// Decides over the next `available` bytes of the answer. `available` may be zero: an answer that is to end
    /// after no byte of its body ends at its head.
    pub(super) fn admit(&mut self, available: usize, now: Instant) -> Admitted {
        let mut admitted = Admitted { bytes: available, again: None, end: false, invert: None };
        match self.kind {
            EffectKind::Truncate { bytes } => {
                let left = bytes - self.position;
                admitted.bytes = available.min(usize::try_from(left).unwrap_or(usize::MAX));
                admitted.end = admitted.bytes as u64 == left;
            }
            EffectKind::Throttle { bytes_per_second } => {
                let started = *self.started.get_or_insert(now);
                let due = bytes_in(now - started + SLICE, bytes_per_second).max(1);
                let left = due.saturating_sub(self.position);
                admitted.bytes = available.min(usize::try_from(left).unwrap_or(usize::MAX));
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
        self.position += admitted.bytes as u64;
        admitted
    }
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

/// The fact that a rule acted on an operation.
pub(super) fn fired(active: &ActiveRule, operation: &str) -> EventKind {
    let rule = &active.rule;
    EventKind::RuleFired {
        rule: rule.name.clone(),
        target: rule.target.to_string(),
        word: word(&rule.action),
        action: rule.action.to_string(),
        operation: operation.to_owned(),
        label: rule.label.clone(),
        span: rule.span,
    }
}

fn word(action: &Action) -> FaultWord {
    match action {
        Action::Deny(_) => FaultWord::Deny,
        Action::Allow => FaultWord::Allow,
        Action::Delay(_) => FaultWord::Delay,
        Action::Respond(_) => FaultWord::Respond,
        Action::Error(_) => FaultWord::Error,
        Action::Drop(_) => FaultWord::Drop,
        Action::Duplicate
        | Action::Truncate { .. }
        | Action::Throttle { .. }
        | Action::Corrupt { .. }
        | Action::Reorder => FaultWord::Change,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncate_ends_behind_its_last_byte() {
        let mut effect = Effect::of(&Action::Truncate { bytes: 5 }).unwrap();
        let now = Instant::now();
        assert_eq!(effect.admit(3, now), Admitted { bytes: 3, again: None, end: false, invert: None });
        assert_eq!(effect.admit(9, now), Admitted { bytes: 2, again: None, end: true, invert: None });
        let mut nothing = Effect::of(&Action::Truncate { bytes: 0 }).unwrap();
        assert_eq!(nothing.admit(0, now), Admitted { bytes: 0, again: None, end: true, invert: None });
    }

    #[test]
    fn throttle_lets_go_what_its_rate_allows() {
        let mut effect = Effect::of(&Action::Throttle { bytes_per_second: 1000 }).unwrap();
        let start = Instant::now();
        let first = effect.admit(1000, start);
        assert_eq!(first.bytes, 5);
        assert_eq!(first.again, Some(start + Duration::from_millis(6)));
        assert_eq!(effect.admit(995, start + Duration::from_millis(100)).bytes, 100);
        assert_eq!(effect.admit(895, start + Duration::from_secs(2)).again, None);
    }

    #[test]
    fn corrupt_inverts_one_byte_wherever_the_pieces_fall() {
        let mut effect = Effect::of(&Action::Corrupt { offset: 10 }).unwrap();
        let now = Instant::now();
        assert_eq!(effect.admit(10, now).invert, None);
        assert_eq!(effect.admit(4, now).invert, Some(0));
        assert_eq!(effect.admit(4, now).invert, None);
    }
}
