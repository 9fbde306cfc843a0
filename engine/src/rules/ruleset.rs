//! The rules installed on one target.

use super::active::{ActiveRule, fit, is_open, matches_but_for, names};
use super::evidence::Witness;
use super::index::Index;
use super::operation::{Operation, OwnedMessage};
use super::syscalls::Fit;
use crate::event::{Evidence, Unread, UnreadSubject};
use crate::model::syscall::Syscall;
use crate::model::{Action, Matcher, Rule};
use std::cmp::Ordering;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;

/// The rules installed on one interface or one service, newest installation first.
#[derive(Debug)]
pub struct RuleSet {
    seed: u64,
    /// Replaced as a whole, so that a decision works on one consistent list.
    batches: RwLock<Arc<Vec<Arc<Batch>>>>,
    /// Read before the lock, so that a target without rules costs one load.
    any: AtomicBool,
    next: AtomicU64,
    witness: Witness,
    /// Held while an answer is delivered and counted.
    delivery: Mutex<()>,
    /// What goes on happening without a call that can be faulted, with the reason.
    lasting: Mutex<Vec<(OwnedMessage, &'static str)>>,
}

/// How many lasting operations are told apart; beyond that they are taken for operations on any file.
const MAX_LASTING: usize = 256;

/// Rules installed together.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) id: u64,
    pub(super) rules: Vec<Arc<ActiveRule>>,
    index: Index,
    /// Behind this place no rule numbers its matches: a search that only counts ends here.
    numbered_until: usize,
    /// Operations the target had seen when the batch was installed.
    pub(super) seen_before: u64,
    /// What had passed unread by then and was over.
    unread_before: Vec<Unread>,
}

/// What to do with one operation. Empty when no rule acts.
#[derive(Debug, Default)]
pub struct Decision {
    /// Sum of every delay that fired.
    pub delay: Duration,
    /// The delays that fired, in order.
    pub delays: Vec<Arc<ActiveRule>>,
    /// The terminal rule that fired.
    pub terminal: Option<Arc<ActiveRule>>,
}

/// Holds rules in place; dropping it takes them out.
#[must_use = "the rules are removed when this is dropped"]
#[derive(Debug)]
pub struct Installed {
    set: Arc<RuleSet>,
    batch: Arc<Batch>,
    /// The evidence when the rules were taken out.
    at_removal: Option<Vec<Evidence>>,
}

impl RuleSet {
    pub fn new(seed: u64) -> Arc<RuleSet> {
        Arc::new(RuleSet {
            seed,
            batches: RwLock::default(),
            any: AtomicBool::new(false),
            next: AtomicU64::new(0),
            witness: Witness::default(),
            delivery: Mutex::default(),
            lasting: Mutex::default(),
        })
    }

    /// True when no rule is installed, the state in which a relay copies bytes without looking.
    pub fn is_empty(&self) -> bool {
        !self.any.load(Relaxed)
    }

    /// Installs rules before all others; they act on open connections at once.
    pub fn install(self: &Arc<RuleSet>, rules: Vec<Rule>) -> Installed {
        let rules: Vec<_> =
            rules.into_iter().map(|rule| Arc::new(ActiveRule::new(rule, self.seed))).collect();
        let batch = Arc::new(Batch {
            id: self.next.fetch_add(1, Relaxed),
            index: Index::new(&rules),
            numbered_until: rules.iter().rposition(|active| active.numbers_matches()).map_or(0, |at| at + 1),
            rules,
            seen_before: self.witness.seen(),
            unread_before: self.witness.unread_and_over(),
        });
        // Held, so that what begins at this moment is counted once.
        let lasting = self.lasting.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for (operation, reason) in lasting.iter() {
            batch.rules.iter().for_each(|active| active.could_not_act_on(operation, reason));
        }
        self.change(|batches| batches.insert(0, batch.clone()));
        drop(lasting);
        Installed { set: self.clone(), batch, at_removal: None }
    }

    /// Notes that something carries what no rule can look at or act on, because `reason`. Evidence always says so.
    pub fn could_not_see(&self, subject: UnreadSubject, reason: &str) {
        self.witness.mark_unreadable(subject, reason);
    }

    /// Notes that an operation happened which no call that can be faulted stands for, because `reason`. The rules that
    /// are for it, or may be, say so in their evidence.
    pub fn could_not_fault(&self, operation: &dyn Operation, reason: &str) {
        let batches = self.current();
        let rules = batches.iter().flat_map(|batch| &batch.rules);
        rules.for_each(|active| active.could_not_act_on(operation, reason));
    }

    /// As [`RuleSet::could_not_fault`], for what happens from now on: it concerns rules of later installations too.
    pub fn cannot_fault_from_now(&self, operation: OwnedMessage, reason: &'static str) {
        let mut lasting = self.lasting.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        self.could_not_fault(&operation, reason);
        if lasting.iter().any(|(known, _)| *known == operation) {
            return;
        }
        match lasting.len().cmp(&MAX_LASTING) {
            Ordering::Less => lasting.push((operation, reason)),
            Ordering::Equal => lasting.push((operation.on_any_file(), reason)),
            Ordering::Greater => {}
        }
    }

    /// Notes that a call was refused that would have led past every rule; said of rules of later installations too.
    pub fn refused(&self, reason: &'static str) {
        self.witness.mark_unreadable(UnreadSubject::Refusal, reason);
    }

    /// The same about something that goes on: rules installed while it does have it in their evidence too.
    pub fn cannot_see(self: &Arc<RuleSet>, subject: UnreadSubject, reason: &str) -> Unseen {
        Unseen { set: self.clone(), entry: self.witness.mark_open(subject, reason) }
    }

    /// Held by who delivers an answer until it is counted: the peer may go on at once, and evidence that is asked for then
    /// must not miss what the peer has seen.
    pub fn delivery(&self) -> MutexGuard<'_, ()> {
        self.delivery.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Asks every rule in order. Counts matches, but does nothing else: the caller carries the answer out and reports to
    /// each rule of the decision what came of it ([`ActiveRule::acted`], [`ActiveRule::had_no_effect`],
    /// [`ActiveRule::was_not_carried_out`]).
    ///
    /// Rules whose trigger depends on the number of a match count the operation even when an earlier rule settled it.
    pub fn decide(&self, operation: &dyn Operation) -> Decision {
        let mut decision = Decision::default();
        if self.is_empty() {
            return decision;
        }
        self.witness.saw(operation);
        let batches = self.current();
        for batch in batches.iter() {
            if decision.terminal.is_some() && batch.numbered_until == 0 {
                continue;
            }
            batch.index.candidates(&batch.rules, operation, |at, active| {
                decision.ask(active, operation);
                decision.terminal.is_none() || at + 1 < batch.numbered_until
            });
        }
        decision
    }

    /// True when some rule has a clause on `field`.
    pub fn names_field(&self, field: &str) -> bool {
        !self.is_empty()
            && self.current().iter().flat_map(|batch| &batch.rules).any(|active| names(active, field))
    }

    /// True when some rule is on this syscall, whatever its arguments.
    pub fn names_call(&self, syscall: Syscall) -> bool {
        let is_on = |active: &Arc<ActiveRule>| match &active.rule.matcher {
            Matcher::Syscall(matcher) => matcher.calls.iter().any(|shape| shape.syscall == syscall),
            Matcher::Message(_) => false,
        };
        !self.is_empty() && self.current().iter().flat_map(|batch| &batch.rules).any(is_on)
    }

    /// True when some rule has a clause on `field` that what is there of the field does not settle, and every other
    /// clause of it holds: more of the operation is worth waiting for. Counts nothing.
    pub fn waits_for(&self, field: &str, operation: &dyn Operation) -> bool {
        let batches = self.current();
        let mut rules = batches.iter().flat_map(|batch| &batch.rules);
        rules.any(|active| {
            let matcher = &active.rule.matcher;
            names(active, field)
                && matches_but_for(matcher, field, operation)
                && is_open(matcher, field, operation)
        })
    }

    /// Notes that the operation goes on before all of `field` was there, because `reason`. It is in the evidence of the
    /// rules that waited for more of it and do not match what was there.
    pub fn could_not_read(&self, field: &str, operation: &dyn Operation, reason: &str) {
        self.missed_for(field, operation, reason, &|matcher| is_open(matcher, field, operation));
    }

    /// Notes that some values of `field`, which has several, are missing from the operation, because `reason`. It is in
    /// the evidence of the rules that one of them could have matched.
    pub fn lacked(&self, field: &str, operation: &dyn Operation, reason: &str) {
        self.missed_for(field, operation, reason, &|_| true);
    }

    fn missed_for(
        &self,
        field: &str,
        operation: &dyn Operation,
        reason: &str,
        could_match: &dyn Fn(&Matcher) -> bool,
    ) {
        for active in self.current().iter().flat_map(|batch| &batch.rules) {
            let matcher = &active.rule.matcher;
            if names(active, field)
                && matches_but_for(matcher, field, operation)
                && could_match(matcher)
                && fit(matcher, operation) != Fit::Yes
            {
                active.could_not_act(UnreadSubject::Request, reason);
            }
        }
    }

    fn current(&self) -> Arc<Vec<Arc<Batch>>> {
        self.batches.read().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    fn change(&self, edit: impl FnOnce(&mut Vec<Arc<Batch>>)) {
        let mut guard = self.batches.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut batches = Vec::clone(&guard);
        edit(&mut batches);
        self.any.store(batches.iter().any(|batch| !batch.rules.is_empty()), Relaxed);
        *guard = Arc::new(batches);
    }
}

/// Something no rule can look at or act on, for as long as this is held.
#[must_use = "dropping it says that what could not be seen is over"]
#[derive(Debug)]
pub struct Unseen {
    set: Arc<RuleSet>,
    entry: usize,
}

impl Drop for Unseen {
    fn drop(&mut self) {
        self.set.witness.mark_over(self.entry);
    }
}

impl Decision {
    /// Asks one rule. Once a terminal rule is found, later ones only count.
    fn ask(&mut self, active: &Arc<ActiveRule>, operation: &dyn Operation) {
        if self.terminal.is_some() {
            if active.numbers_matches() && fit(&active.rule.matcher, operation) == Fit::Yes {
                active.is_passed_over(operation);
            }
            return;
        }
        match fit(&active.rule.matcher, operation) {
            Fit::Yes if active.fires() => {}
            Fit::Yes | Fit::No => return,
            Fit::Unknown(reason) => {
                let reason = format!("what the call acts on is not known: {reason}");
                return active.could_not_act(UnreadSubject::Call, &reason);
            }
        }
        match active.rule.action {
            Action::Delay(duration) => {
                self.delay += duration;
                self.delays.push(active.clone());
            }
            _ => self.terminal = Some(active.clone()),
        }
    }

    pub fn is_pass(&self) -> bool {
        self.terminal.is_none() && self.delays.is_empty()
    }

    /// Every rule that is due, in order.
    pub fn due(&self) -> impl Iterator<Item = &Arc<ActiveRule>> {
        self.delays.iter().chain(&self.terminal)
    }
}

impl Installed {
    /// Takes the rules out. Operations they are still being carried out on count in the evidence when that has ended.
    pub fn remove(&mut self) {
        if self.at_removal.is_none() {
            self.at_removal = Some(self.evidence());
            self.take_out();
        }
    }

    /// What each rule saw while it was installed, and did so far, in the order written.
    pub fn evidence(&self) -> Vec<Evidence> {
        if let Some(evidence) = &self.at_removal {
            let rules = evidence.iter().zip(&self.batch.rules);
            return rules.map(|(evidence, active)| active.caught_up(evidence.clone())).collect();
        }
        let set = &self.set;
        drop(set.delivery());
        let unread = set.witness.unread_since(&self.batch.unread_before);
        let of = |active: &Arc<ActiveRule>| {
            let unread = unread.iter().cloned().chain(active.unread()).collect();
            set.witness.evidence(active, self.batch.seen_before, unread)
        };
        self.batch.rules.iter().map(of).collect()
    }

    pub fn is_removed(&self) -> bool {
        self.at_removal.is_some()
    }

    /// Ready unless a rule that has not fired has matched something of which nothing has come yet; the task is woken when
    /// something has.
    pub fn poll_settled(&self, cx: &mut Context<'_>) -> Poll<()> {
        let is_under_way = self.batch.rules.iter().any(|active| active.is_under_way(cx.waker()));
        if is_under_way { Poll::Pending } else { Poll::Ready(()) }
    }

    fn take_out(&self) {
        let id = self.batch.id;
        self.set.change(|batches| batches.retain(|batch| batch.id != id));
    }
}

impl Drop for Installed {
    fn drop(&mut self) {
        self.take_out();
    }
}
