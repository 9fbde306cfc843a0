//! What a target saw, and which clause kept a rule from acting.
//!
//! Counting and naming near misses must not slow an operation down, so only the first operations are copied, and
//! reasons are worked out when the evidence is asked for.

use super::active::{ActiveRule, SETTLED, names_its_point};
use super::operation::{Operation, OwnedMessage, SyscallPath};
use crate::event::{Evidence, NearMiss, Unread, UnreadSubject, brief};
use crate::model::{Clause, Matcher, RuleName};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// How many operations are copied for near misses; more would only repeat them.
const MAX_COPIES: usize = 64;

/// How many reasons for unread traffic are told apart; reasons are few, and some name what a peer sent.
const MAX_REASONS: usize = 16;

/// Remembers the first operations of a target.
#[derive(Debug, Default)]
pub(super) struct Witness {
    seen: AtomicU64,
    copies: Mutex<Vec<(u64, OwnedMessage)>>,
    /// What could not be looked at, by reason, in the order of the first of each.
    unread: Mutex<Vec<Unread>>,
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

    pub(super) fn mark_unreadable(&self, subject: UnreadSubject, reason: &str, count: u64) {
        let mut unread = self.unread.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(same) = unread.iter_mut().find(|each| each.subject == subject && each.reason == reason) {
            same.count += count;
        } else if unread.len() < MAX_REASONS {
            unread.push(Unread { subject, reason: reason.to_owned(), count });
        }
    }

    pub(super) fn unread(&self) -> Vec<Unread> {
        self.unread.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// What came to `before`.
    pub(super) fn unread_since(&self, before: &[Unread]) -> Vec<Unread> {
        let mut unread = self.unread();
        for each in &mut unread {
            let same = |old: &&Unread| old.subject == each.subject && old.reason == each.reason;
            each.count -= before.iter().find(same).map_or(0, |old| old.count);
        }
        unread.retain(|each| each.count > 0);
        unread
    }

    pub(super) fn evidence(&self, active: &ActiveRule, seen_before: u64, unread: &[Unread]) -> Evidence {
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
            unread: unread.to_vec(),
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
        Matcher::Syscall(matcher) => {
            let syscall = operation.syscall?;
            if matcher.syscalls.binary_search(&syscall).is_err() {
                return Some((0, format!("{} is not {}", syscall.name(), matcher.keyword)));
            }
            let glob = matcher.path.as_ref()?;
            match operation.path() {
                SyscallPath::Path(path) if glob.matches(path) => None,
                SyscallPath::Path(_) => Some((2, format!("path is not {}", glob.as_str()))),
                SyscallPath::NotAFile => Some((1, "it acts on no file".to_owned())),
                SyscallPath::Unresolved => Some((1, "its path could not be read in time".to_owned())),
            }
        }
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
    if active.is_outstanding() {
        return "a delay before it has not ended".to_owned();
    }
    let trigger = &active.rule.trigger;
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
