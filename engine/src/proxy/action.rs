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

#[cfg(test)]
mod tests {
    use super::super::relay::Observer;
    use super::*;
    use crate::event::EventKind;
    use crate::model::{Matcher, Rule, RuleName, Target, Trigger};
    use crate::rules::{Installed, OwnedMessage, RuleSet};
    use crate::text::{FileId, Span};
    use std::sync::Arc;

    struct Deaf;

    impl Observer for Deaf {
        fn event(&self, _kind: EventKind) {}
    }

    const FRAME: Portion = Portion { counts: false, more: false, empty: None };
    const OPEN: Portion = Portion { counts: true, more: false, empty: None };

    fn effect(action: Action) -> (Box<Effect>, Installed) {
        let set = RuleSet::new(0);
        let rule = Rule {
            name: RuleName("fault[0]".into()),
            target: Target::Service("api".into()),
            matcher: Matcher::Message(Vec::new()),
            action,
            trigger: Trigger::ALWAYS,
            label: None,
            span: Span::start_of(FileId(0)),
        };
        let installed = set.install(vec![rule]);
        let message = OwnedMessage {
            description: "GET /".to_owned(),
            fields: Vec::new(),
            entries: Vec::new(),
            syscall: None,
        };
        let decision = set.decide(&message);
        let observe: Arc<dyn Observer> = Arc::new(Deaf);
        let due = Due::new(&observe, decision.terminal.as_ref().unwrap(), &message.description.into());
        (Effect::of(due).ok().unwrap(), installed)
    }

    fn admitted(bytes: usize, end: bool) -> Admitted {
        Admitted { bytes, again: None, end, invert: None }
    }

    #[test]
    fn truncate_ends_behind_its_last_byte_once_more_is_certain() {
        let now = Instant::now();
        let (mut cut, rules) = effect(Action::Truncate { bytes: 5 });
        assert_eq!(cut.admit(3, Portion::ALL, now), admitted(3, false));
        assert_eq!(rules.evidence()[0].fired, 0);
        assert_eq!(cut.admit(9, OPEN, now), admitted(2, true));
        assert_eq!(rules.evidence()[0].fired, 1);
        let (mut whole, rules) = effect(Action::Truncate { bytes: 5 });
        assert_eq!(whole.admit(5, OPEN, now), admitted(5, false));
        assert_eq!(whole.admit(7, FRAME, now), admitted(7, false));
        whole.answer_ended(None);
        assert_eq!((rules.evidence()[0].fired, rules.evidence()[0].ineffective), (0, 1));
        let (mut nothing, _rules) = effect(Action::Truncate { bytes: 0 });
        assert_eq!(nothing.admit(40, FRAME, now), admitted(40, false));
        assert_eq!(nothing.admit(3, Portion { more: true, ..FRAME }, now), admitted(3, true));
    }

    #[test]
    fn throttle_lets_go_what_its_rate_allows_and_frames_at_once() {
        let (mut slow, rules) = effect(Action::Throttle { bytes_per_second: 1000 });
        let start = Instant::now();
        assert_eq!(slow.admit(5000, FRAME, start), admitted(5000, false));
        assert_eq!(rules.evidence()[0].fired, 0);
        let first = slow.admit(1000, OPEN, start);
        assert_eq!((first.bytes, first.again), (5, Some(start + Duration::from_millis(6))));
        assert_eq!(rules.evidence()[0].fired, 1);
        assert_eq!(slow.admit(995, OPEN, start + Duration::from_millis(100)).bytes, 100);
        assert_eq!(slow.admit(895, OPEN, start + Duration::from_secs(2)).again, None);
    }

    #[test]
    fn corrupt_inverts_one_byte_wherever_the_pieces_fall() {
        let now = Instant::now();
        let (mut flip, rules) = effect(Action::Corrupt { offset: 10 });
        assert_eq!(flip.admit(10, OPEN, now).invert, None);
        assert_eq!(flip.admit(4, FRAME, now).invert, None);
        assert_eq!(rules.evidence()[0].fired, 0);
        assert_eq!(flip.admit(4, OPEN, now).invert, Some(0));
        assert_eq!(flip.admit(4, OPEN, now).invert, None);
        flip.answer_ended(None);
        assert_eq!((rules.evidence()[0].fired, rules.evidence()[0].ineffective), (1, 0));
    }

    #[test]
    fn an_effect_that_is_given_up_says_so() {
        let (unknown, rules) = effect(Action::Corrupt { offset: 0 });
        drop(unknown);
        let miss = rules.evidence()[0].near_miss.clone().unwrap();
        assert_eq!(miss.reason, "without effect: its turn never came");
    }
}
