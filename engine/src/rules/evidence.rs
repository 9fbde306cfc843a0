//! What a target saw, and which clause kept a rule from acting.
//!
//! Counting and naming near misses must not slow an operation down, so only the first operations are copied, and
//! reasons are worked out when the evidence is asked for.

use super::active::{ActiveRule, SETTLED, names_its_point};
use super::operation::{Operation, OwnedMessage};
use super::syscalls;
use crate::event::{Evidence, NearMiss, Unread, UnreadSubject, brief};
use crate::model::{Clause, Matcher, RuleName};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};

/// How many operations are copied for near misses; more would only repeat them.
const MAX_COPIES: usize = 64;

/// How many reasons for unread traffic are told apart; reasons are few, and some name what a peer sent.
const MAX_REASONS: usize = 16;

/// What further reasons are counted under.
const OTHER_REASONS: &str = "other reasons";

/// Remembers the first operations of a target.
#[derive(Debug, Default)]
pub(super) struct Witness {
    seen: AtomicU64,
    copies: Mutex<Vec<(u64, OwnedMessage)>>,
    /// What could not be looked at, by reason, in the order of the first of each.
    unread: Mutex<Vec<Entry>>,
}

/// What could not be looked at for one reason.
#[derive(Debug)]
struct Entry {
    unread: Unread,
    /// How many of them go on.
    open: u64,
}

impl Witness {
    pub(super) fn seen(&self) -> u64 {
        self.seen.load(Relaxed)
    }

    pub(super) fn saw(&self, operation: &dyn Operation) {
        let number = self.seen.fetch_add(1, Relaxed);
        if number < MAX_COPIES as u64 {
            let mut copies = self.copies.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            copies.push((number, operation.snapshot()));
        }
    }

    /// Notes one thing that cannot be looked at, and is over.
    pub(super) fn mark_unreadable(&self, subject: UnreadSubject, reason: &str) {
        let entry = self.mark_open(subject, reason);
        self.mark_over(entry);
    }

    /// Notes one thing that cannot be looked at from now on, and gives the entry for [`Witness::mark_over`].
    pub(super) fn mark_open(&self, subject: UnreadSubject, reason: &str) -> usize {
        let mut entries = self.entries();
        let find = |entries: &[Entry], reason: &str| {
            entries.iter().position(|entry| entry.unread.subject == subject && entry.unread.reason == reason)
        };
        let is_full = entries.len() >= MAX_REASONS;
        let known = find(&entries, reason).or_else(|| find(&entries, OTHER_REASONS).filter(|_| is_full));
        let at = known.unwrap_or_else(|| {
            let reason = if is_full { OTHER_REASONS } else { reason };
            let unread = Unread { subject, reason: reason.to_owned(), count: 0 };
            entries.push(Entry { unread, open: 0 });
            entries.len() - 1
        });
        entries[at].unread.count += 1;
        entries[at].open += 1;
        at
    }

    pub(super) fn mark_over(&self, entry: usize) {
        if let Some(entry) = self.entries().get_mut(entry) {
            entry.open = entry.open.saturating_sub(1);
        }
    }

    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.unread.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn unread(&self) -> Vec<Unread> {
        self.entries().iter().map(|entry| entry.unread.clone()).collect()
    }

    /// What could not be looked at and does not go on.
    pub(super) fn unread_and_over(&self) -> Vec<Unread> {
        let over = |entry: &Entry| Unread { count: entry.unread.count - entry.open, ..entry.unread.clone() };
        self.entries().iter().map(over).collect()
    }

    /// What came to `before`. A refusal keeps its effect, so those before count as well.
    pub(super) fn unread_since(&self, before: &[Unread]) -> Vec<Unread> {
        let mut unread = self.unread();
        for each in unread.iter_mut().filter(|each| each.subject != UnreadSubject::Refusal) {
            let same = |old: &&Unread| old.subject == each.subject && old.reason == each.reason;
            each.count -= before.iter().find(same).map_or(0, |old| old.count);
        }
        unread.retain(|each| each.count > 0);
        unread
    }

    pub(super) fn evidence(&self, active: &ActiveRule, seen_before: u64, unread: Vec<Unread>) -> Evidence {
        let rule = &active.rule;
        let fired = active.fired.load(Relaxed);
        let matched = active.matched.load(Relaxed);
        let hits = active.hits.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        Evidence {
            rule: rule.name.clone(),
            assumption: assumption_of(&rule.name),
            target: rule.target.to_string(),
            action: rule.action.to_string(),
            matcher: rule.matcher.to_string(),
            label: rule.label.clone(),
            seen: self.seen().saturating_sub(seen_before),
            matched,
            fired,
            ineffective: active.ineffective.load(Relaxed),
            shortened: active.shortened.load(Relaxed),
            unread,
            near_miss: (fired == 0).then(|| self.near_miss(active, matched, seen_before)).flatten(),
            hits,
            span: rule.span,
        }
    }

    /// The operation that failed the latest clause, with that clause.
    fn near_miss(&self, active: &ActiveRule, matched: u64, seen_before: u64) -> Option<NearMiss> {
        let copies = self.copies.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let since = copies.iter().filter(|(number, _)| *number >= seen_before).map(|(_, copy)| copy);
        let hit = since.clone().find(|copy| first_miss(&active.rule.matcher, copy).is_none());
        let in_vain = active.in_vain.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        if in_vain.is_some() {
            return in_vain;
        }
        if matched > 0 {
            let operation =
                hit.map(|copy| copy.description.clone()).unwrap_or_else(|| "an operation".to_owned());
            return Some(NearMiss { operation, reason: trigger_reason(active, matched) });
        }
        if let Some(copy) = hit {
            let reason = SETTLED.to_owned();
            return Some(NearMiss { operation: copy.description.clone(), reason });
        }
        let misses = since.filter_map(|copy| Some((copy, first_miss(&active.rule.matcher, copy)?)));
        // The most clauses passed is nearest; among equals the first seen.
        let mut best: Option<(&OwnedMessage, (usize, String))> = None;
        for (copy, miss) in misses {
            if best.as_ref().is_none_or(|(_, (passed, _))| miss.0 > *passed) {
                best = Some((copy, miss));
            }
        }
        best.map(|(copy, (_, reason))| NearMiss { operation: copy.description.clone(), reason })
    }
}

/// Counts one more for the reason.
pub(super) fn count_unread(unread: &mut Vec<Unread>, subject: UnreadSubject, reason: &str) {
    if let Some(same) = unread.iter_mut().find(|each| each.subject == subject && each.reason == reason) {
        same.count += 1;
    } else if unread.len() < MAX_REASONS {
        unread.push(Unread { subject, reason: reason.to_owned(), count: 1 });
    }
}

/// How many clauses hold, and why the first that does not fails; `None` when all hold.
fn first_miss(matcher: &Matcher, operation: &OwnedMessage) -> Option<(usize, String)> {
    match matcher {
        Matcher::Message(clauses) if !names_its_point(clauses, operation) => {
            let on = operation.field("on").unwrap_or_default();
            Some((0, format!("only a rule with on = {on:?} acts on it")))
        }
        Matcher::Message(clauses) => {
            let missed = clauses.iter().find(|clause| !clause_holds(clause, operation))?;
            let passed = clauses.iter().filter(|clause| clause_holds(clause, operation)).count();
            Some((passed, clause_reason(missed, operation)))
        }
        Matcher::Syscall(matcher) => syscalls::miss(matcher, operation),
    }
}

fn clause_holds(clause: &Clause, operation: &OwnedMessage) -> bool {
    match &clause.key {
        Some(key) => operation.entries(clause.field, key).iter().any(|text| clause.pattern.matches(text)),
        None => operation.any(clause.field, &mut |text| clause.pattern.matches(text)),
    }
}

fn clause_reason(clause: &Clause, operation: &OwnedMessage) -> String {
    match &clause.key {
        Some(key) if operation.entries(clause.field, key).is_empty() => {
            format!("it has no {} {key}", clause.field)
        }
        Some(key) => format!("{} {key} is not {}", clause.field, brief(&clause.pattern.to_string())),
        None if operation.field(clause.field).is_none() => format!("it has no {}", clause.field),
        None => format!("{} is not {}", clause.field, brief(&clause.pattern.to_string())),
    }
}

fn trigger_reason(active: &ActiveRule, matched: u64) -> String {
    let trigger = &active.rule.trigger;
    if active.pending() > 0 {
        return "without effect so far: it was still under way".to_owned();
    }
    let times = if matched == 1 { "once".to_owned() } else { format!("{matched} times") };
    if let Some(nth) = trigger.nth {
        return format!("it matched {times}, and nth={nth} waits for match {nth}");
    }
    if let Some(after) = trigger.after.filter(|&after| matched <= after) {
        return format!("it matched {times}, and after={after} lets the first {after} pass");
    }
    if let Some(every) = trigger.every.filter(|&every| matched < every) {
        return format!("it matched {times}, and every={every} acts on match {every} first");
    }
    format!("it matched {times}, and probability {} drew no each time", trigger.probability)
}

/// `api_503[0]` belongs to `api_503`; rules written in a body are named `fault[0]` and belong to none.
fn assumption_of(name: &RuleName) -> Option<crate::model::AssumptionName> {
    let (assumption, _) = name.0.rsplit_once('[')?;
    (assumption != "fault").then(|| assumption.into())
}
