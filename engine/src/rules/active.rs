//! A rule that is installed, with its counters.

use super::operation::Operation;
use super::syscalls::{self, Fit};
use super::{chance, evidence};
use crate::event::{Evidence, NearMiss, Unread, UnreadSubject};
use crate::model::{Clause, Matcher, Rule};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;

/// How many operations a rule names in its evidence.
pub(super) const MAX_HITS: usize = 8;

/// Why a rule did not act on an operation that it was due on.
pub(super) const SETTLED: &str = "a rule tried before it settled that";

/// An installed rule. Counters are shared by every connection and thread that asks.
#[derive(Debug)]
pub struct ActiveRule {
    pub rule: Rule,
    pub(super) key: u64,
    pub(super) seed: u64,
    pub(super) matched: AtomicU64,
    /// Firings handed out: those that acted and those whose effect is not known yet. `times=` limits these.
    handed_out: AtomicU64,
    pub(super) fired: AtomicU64,
    pub(super) ineffective: AtomicU64,
    /// Delays that a signal ended early.
    pub(super) shortened: AtomicU64,
    /// The first operation it was due on without acting, and why.
    pub(super) in_vain: Mutex<Option<NearMiss>>,
    pub(super) hits: Mutex<Vec<String>>,
    /// Calls that it was for and could not act on, and operations it could not look at whole.
    unread: Mutex<Vec<Unread>>,
    /// Who waits for what comes of its matches.
    waiting: Mutex<Vec<Waker>>,
}

impl ActiveRule {
    pub(super) fn new(rule: Rule, seed: u64) -> ActiveRule {
        ActiveRule {
            key: chance::rule_key(&rule.draw_text()),
            seed,
            matched: AtomicU64::new(0),
            handed_out: AtomicU64::new(0),
            fired: AtomicU64::new(0),
            ineffective: AtomicU64::new(0),
            shortened: AtomicU64::new(0),
            in_vain: Mutex::default(),
            hits: Mutex::default(),
            unread: Mutex::default(),
            waiting: Mutex::default(),
            rule,
        }
    }

    /// Whether what it does depends on the number of a match. Such a rule counts every operation its matcher fits, also
    /// those that a rule before it settled.
    pub(super) fn numbers_matches(&self) -> bool {
        let trigger = &self.rule.trigger;
        let chance = trigger.probability.as_fraction();
        let by_chance = chance > 0.0 && chance < 1.0;
        trigger.nth.is_some() || trigger.after.is_some() || trigger.every.is_some() || by_chance
    }

    /// Counts a match and says whether the rule is due on it. Who carries the action out says what came of it:
    /// [`ActiveRule::acted`], [`ActiveRule::had_no_effect`] or [`ActiveRule::was_not_carried_out`].
    ///
    /// A match keeps its number whatever comes of it, so no number is given twice.
    pub(super) fn fires(&self) -> bool {
        if !self.counts_as_due() {
            return false;
        }
        let free = |handed_out: u64| self.rule.trigger.times.is_none_or(|times| handed_out < times);
        let take = |handed_out| free(handed_out).then_some(handed_out + 1);
        self.handed_out.fetch_update(Relaxed, Relaxed, take).is_ok()
    }

    /// Counts a match that a rule before this one settled.
    pub(super) fn is_passed_over(&self, operation: &dyn Operation) {
        if self.counts_as_due() {
            self.note_in_vain(|| NearMiss { operation: operation.describe(), reason: SETTLED.to_owned() });
        }
    }

    /// Counts a match; true when the trigger names its number.
    fn counts_as_due(&self) -> bool {
        let trigger = &self.rule.trigger;
        let occurrence = self.matched.fetch_add(1, Relaxed) + 1;
        trigger.nth.is_none_or(|nth| occurrence == nth)
            && trigger.after.is_none_or(|after| occurrence > after)
            && trigger.every.is_none_or(|every| occurrence.is_multiple_of(every))
            && chance::draw(self.seed, self.key, occurrence) < trigger.probability.as_fraction()
    }

    /// The action changed something for a peer or for the service: the rule has fired.
    pub fn acted(&self, operation: &str) {
        self.fired.fetch_add(1, Relaxed);
        let mut hits = self.hits.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if hits.len() < MAX_HITS {
            hits.push(operation.to_owned());
        }
        drop(hits);
        self.wake_waiting();
    }

    /// The action was carried out and nothing changed, because `reason`: the rule has matched, and not fired.
    pub fn had_no_effect(&self, operation: &str, reason: &str) {
        self.handed_out.fetch_sub(1, Relaxed);
        self.ineffective.fetch_add(1, Relaxed);
        let reason = format!("without effect: {reason}");
        self.note_in_vain(|| NearMiss { operation: operation.to_owned(), reason });
        self.wake_waiting();
    }

    /// Firings handed out of which nothing has come yet.
    pub(super) fn pending(&self) -> u64 {
        self.handed_out.load(Relaxed).saturating_sub(self.fired.load(Relaxed))
    }

    /// Whether it has matched something of which nothing has come yet, and has not fired; `waker` then hears of the next
    /// of which something comes.
    pub(super) fn is_under_way(&self, waker: &Waker) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at while nobody can be told: what comes later finds the waker.
        let is_under_way = self.fired() == 0 && self.pending() > 0;
        if is_under_way && !waiting.iter().any(|known| known.will_wake(waker)) {
            waiting.push(waker.clone());
        }
        is_under_way
    }

    fn wake_waiting(&self) {
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Notes that what it was for happened and it could not act, because `reason`.
    pub(super) fn could_not_act(&self, subject: UnreadSubject, reason: &str) {
        let mut unread = self.unread.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        evidence::count_unread(&mut unread, subject, reason);
    }

    /// Notes that an operation happened on which no rule can act, if the rule is for it or may be.
    pub(super) fn could_not_act_on(&self, operation: &dyn Operation, reason: &str) {
        if fit(&self.rule.matcher, operation) != Fit::No {
            self.could_not_act(UnreadSubject::Call, reason);
        }
    }

    /// The words for an operation it acts on: which of the files it matched, when the operation names several.
    pub fn words_for(&self, operation: &dyn Operation, description: &str) -> String {
        let path = match &self.rule.matcher {
            Matcher::Syscall(matcher) => syscalls::matched_path(matcher, operation),
            Matcher::Message(_) => None,
        };
        path.map_or_else(|| description.to_owned(), |path| format!("{description} (matched {path})"))
    }

    pub(super) fn unread(&self) -> Vec<Unread> {
        self.unread.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// The action was not carried out, because `reason`. The match keeps its number; `times=` does not count it.
    pub fn was_not_carried_out(&self, operation: &str, reason: &str) {
        self.handed_out.fetch_sub(1, Relaxed);
        self.note_in_vain(|| NearMiss { operation: operation.to_owned(), reason: reason.to_owned() });
        self.wake_waiting();
    }

    /// The delay has begun (see [`ActiveRule::acted`]), and a signal ended it before its time.
    pub fn was_shortened(&self) {
        self.shortened.fetch_add(1, Relaxed);
    }

    fn note_in_vain(&self, miss: impl FnOnce() -> NearMiss) {
        let mut in_vain = self.in_vain.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        in_vain.get_or_insert_with(miss);
    }

    /// Evidence taken earlier, with what became of firings that were under way then.
    pub(super) fn caught_up(&self, mut evidence: Evidence) -> Evidence {
        evidence.fired = self.fired.load(Relaxed);
        evidence.ineffective = self.ineffective.load(Relaxed);
        evidence.shortened = self.shortened.load(Relaxed);
        evidence.hits = self.hits.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        if evidence.fired > 0 {
            evidence.near_miss = None;
        } else if self.pending() == 0 && self.is_in_vain() {
            evidence.near_miss = self.in_vain.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        }
        evidence
    }

    fn is_in_vain(&self) -> bool {
        self.in_vain.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).is_some()
    }

    pub fn fired(&self) -> u64 {
        self.fired.load(Relaxed)
    }
}

/// True when the rule has a clause on `field`.
pub(super) fn names(active: &ActiveRule, field: &str) -> bool {
    match &active.rule.matcher {
        Matcher::Message(clauses) => clauses.iter().any(|clause| clause.field == field),
        Matcher::Syscall(_) => false,
    }
}

/// True when every clause but those on `field` fits the operation.
pub(super) fn matches_but_for(matcher: &Matcher, field: &str, operation: &dyn Operation) -> bool {
    match matcher {
        Matcher::Message(clauses) => {
            clauses.iter().filter(|clause| clause.field != field).all(|clause| holds(clause, operation))
        }
        Matcher::Syscall(_) => false,
    }
}

/// True when what stands in `field` so far does not settle whether the rule's clauses on it hold: more of the field is
/// to come.
pub(super) fn is_open(matcher: &Matcher, field: &str, operation: &dyn Operation) -> bool {
    let Matcher::Message(clauses) = matcher else { return false };
    let text = operation.field(field).unwrap_or_default();
    // A character that is not all there reads as a replacement character.
    let text = text.trim_end_matches('\u{fffd}');
    let of_field = clauses.iter().filter(|clause| clause.field == field);
    let outlooks: Vec<Option<bool>> = of_field.map(|clause| clause.pattern.outlook(text)).collect();
    !outlooks.contains(&Some(false)) && outlooks.contains(&None)
}

/// An operation with the field `on` is none of the usual ones (it is connecting, say): only rules that say so act on
/// it, or a rule for the third statement would count it.
pub(super) fn names_its_point(clauses: &[Clause], operation: &dyn Operation) -> bool {
    clauses.iter().any(|clause| clause.field == "on") || operation.field("on").is_none()
}

fn holds(clause: &Clause, operation: &dyn Operation) -> bool {
    match &clause.key {
        Some(key) => operation.entries(clause.field, key).iter().any(|text| clause.pattern.matches(text)),
        None => operation.any(clause.field, &mut |text| clause.pattern.matches(text)),
    }
}

/// How the matcher and the operation go together.
pub(super) fn fit(matcher: &Matcher, operation: &dyn Operation) -> Fit {
    match matcher {
        Matcher::Message(clauses) => {
            let all =
                names_its_point(clauses, operation) && clauses.iter().all(|clause| holds(clause, operation));
            if all { Fit::Yes } else { Fit::No }
        }
        Matcher::Syscall(matcher) => syscalls::fit(matcher, operation),
    }
}
