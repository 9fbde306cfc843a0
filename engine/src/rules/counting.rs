//! Tests of what a trigger counts: every match once, whatever became of it and whoever acted on it.

use super::tests::{delay, http, names, on_write, path, respond, rule, with, write};
use super::*;
use crate::model::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Wake, Waker};

fn nth(n: u64) -> Trigger {
    Trigger { nth: Some(n), ..Trigger::ALWAYS }
}

/// For each of the first `count` operations, the rules that act on it.
fn acts(set: &RuleSet, count: usize) -> Vec<String> {
    (0..count).map(|_| names(&set.decide(&http("GET", "/"))).join("+")).collect()
}

#[test]
fn rules_count_what_an_earlier_one_settled() {
    let set = RuleSet::new(0);
    let first = with(nth(1), rule("first", Vec::new(), respond()));
    let third = with(nth(3), rule("third", Vec::new(), respond()));
    let installed = set.install(vec![first, third]);
    assert_eq!(acts(&set, 5), ["first", "", "third", "", ""]);
    assert_eq!(installed.evidence().iter().map(|each| each.matched).collect::<Vec<_>>(), [5, 5]);
}

/// Counts how often it is woken.
struct Woken(AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Relaxed);
    }
}

#[test]
fn who_waits_for_matches_to_come_to_something_is_told() {
    let came_to: [fn(&ActiveRule); 3] = [
        |active| active.acted("GET /"),
        |active| active.had_no_effect("GET /", "the reply was that already"),
        |active| active.was_not_carried_out("GET /", "the client left"),
    ];
    for came_to in came_to {
        let set = RuleSet::new(0);
        let installed = set.install(vec![rule("a", Vec::new(), respond())]);
        let woken = Arc::new(Woken(AtomicU64::new(0)));
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        assert!(installed.poll_settled(&mut cx).is_ready(), "nothing matched yet");
        let decision = set.decide(&http("GET", "/"));
        for _ in 0..2 {
            assert!(installed.poll_settled(&mut cx).is_pending());
        }
        assert_eq!(woken.0.load(Relaxed), 0);
        decision.due().for_each(|active| came_to(active));
        assert_eq!(woken.0.load(Relaxed), 1);
        assert!(installed.poll_settled(&mut cx).is_ready());
    }
}

#[test]
fn every_kind_of_trigger_counts_on() {
    let counts_on = |trigger: Trigger, wanted: [&str; 6]| {
        let first = with(nth(1), rule("a", Vec::new(), respond()));
        let later = with(trigger, rule("b", Vec::new(), respond()));
        let set = RuleSet::new(0);
        let _together = set.install(vec![first.clone(), later.clone()]);
        assert_eq!(acts(&set, 6), wanted, "{trigger:?}");
        let set = RuleSet::new(0);
        let _outer = set.install(vec![later.clone()]);
        let _inner = set.install(vec![first.clone()]);
        assert_eq!(acts(&set, 6), wanted, "in two installations, {trigger:?}");
        let set = RuleSet::new(0);
        let other =
            |n: usize| rule(&format!("o{n}"), vec![super::tests::clause("path", "/other/*")], delay(1));
        let many = (0..20).map(other).chain([first]).chain((20..40).map(other)).chain([later]);
        let _many = set.install(many.collect());
        assert_eq!(acts(&set, 6), wanted, "among many, {trigger:?}");
    };
    counts_on(Trigger { every: Some(2), ..Trigger::ALWAYS }, ["a", "b", "", "b", "", "b"]);
    counts_on(Trigger { after: Some(2), ..Trigger::ALWAYS }, ["a", "", "b", "b", "b", "b"]);
    counts_on(Trigger { after: Some(1), times: Some(2), ..Trigger::ALWAYS }, ["a", "b", "b", "", "", ""]);
    // It limits what the rule did, not what it saw.
    counts_on(Trigger { times: Some(2), ..Trigger::ALWAYS }, ["a", "b", "b", "", "", ""]);
}

#[test]
fn an_earlier_terminal_rule_never_moves_a_rules_draws() {
    let half = Trigger { probability: Probability::fraction(0.5).unwrap(), ..Trigger::ALWAYS };
    let drawn = |before: Vec<Rule>| -> Vec<bool> {
        let set = RuleSet::new(42);
        let _installed =
            set.install(before.into_iter().chain([with(half, rule("b", Vec::new(), respond()))]).collect());
        acts(&set, 64).iter().map(|act| act == "b").collect()
    };
    let alone = drawn(Vec::new());
    let behind = drawn(vec![with(nth(5), rule("a", Vec::new(), respond()))]);
    assert_eq!(alone[5..], behind[5..]);
    assert!(!behind[4], "the fifth is not its own");
}

#[test]
fn delays_that_are_due_add_up_before_a_terminal_rule_and_count_behind_it() {
    let set = RuleSet::new(0);
    let rules = vec![
        with(nth(2), rule("before", Vec::new(), delay(1))),
        with(Trigger { every: Some(2), ..Trigger::ALWAYS }, rule("deny", Vec::new(), respond())),
        with(nth(3), rule("behind", Vec::new(), delay(1))),
    ];
    let _installed = set.install(rules);
    assert_eq!(acts(&set, 4), ["", "before+deny", "behind", "deny"]);
}

#[test]
fn syscall_rules_count_alike() {
    let set = RuleSet::new(0);
    let _installed = set.install(vec![
        with(nth(1), on_write("a", None)),
        with(nth(3), on_write("b", Some("/data/*"))),
        with(nth(3), on_write("c", None)),
    ]);
    let call = write(path("/data/x"));
    let acts: Vec<String> = (0..5).map(|_| names(&set.decide(&call)).join("+")).collect();
    assert_eq!(acts, ["a", "", "b", "", ""], "c is passed over by b");
}

#[test]
fn evidence_says_that_an_earlier_rule_had_the_match_it_waited_for() {
    let set = RuleSet::new(0);
    let always = rule("always", vec![super::tests::clause("path", "/a")], respond());
    let installed = set.install(vec![
        always,
        with(nth(2), rule("second", Vec::new(), respond())),
        with(nth(9), rule("ninth", Vec::new(), respond())),
    ]);
    (0..3).for_each(|_| drop(set.decide(&http("GET", "/a"))));
    let reasons: Vec<String> = installed.evidence()[1..]
        .iter()
        .map(|each| format!("{}: {}", each.matched, each.near_miss.clone().unwrap().reason))
        .collect();
    assert_eq!(
        reasons,
        ["3: a rule tried before it settled that", "3: it matched 3 times, and nth=9 waits for match 9"]
    );
}

#[test]
fn a_match_keeps_its_number_when_its_answer_was_lost() {
    let set = RuleSet::new(0);
    let every = Trigger { every: Some(2), times: Some(2), ..Trigger::ALWAYS };
    let installed = set.install(vec![with(every, on_write("w", None))]);
    let mut fired = Vec::new();
    for call in 1..=8 {
        for active in set.decide(&write(OwnedFile::NotAFile)).due() {
            fired.push(call);
            if call == 2 {
                active.was_not_carried_out("write", "the call ended before it was answered");
            } else {
                active.acted("write");
            }
        }
    }
    assert_eq!(fired, [2, 4, 6], "never two in a row, and times=2 does not count the lost one");
    let evidence = &installed.evidence()[0];
    assert_eq!((evidence.matched, evidence.fired, evidence.ineffective), (8, 2, 0));

    let set = RuleSet::new(0);
    let installed = set.install(vec![with(nth(2), on_write("w", None))]);
    for _ in 0..4 {
        set.decide(&write(OwnedFile::NotAFile))
            .due()
            .for_each(|active| active.was_not_carried_out("write", "it ended"));
    }
    let miss = installed.evidence()[0].near_miss.clone().unwrap();
    assert_eq!((miss.operation.as_str(), miss.reason.as_str()), ("write", "it ended"));
}

#[test]
fn numbers_are_given_once_also_when_answers_are_lost_at_the_same_time() {
    let set = RuleSet::new(0);
    let every = Trigger { every: Some(3), ..Trigger::ALWAYS };
    let installed = set.install(vec![with(every, on_write("w", None))]);
    let (due, lost) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (set, due, lost) = (&set, &due, &lost);
            scope.spawn(move || {
                for call in 0..1000 {
                    let decision = set.decide(&write(OwnedFile::NotAFile));
                    due.fetch_add(decision.due().count() as u64, Relaxed);
                    for active in decision.due() {
                        if (call + thread) % 5 == 0 {
                            lost.fetch_add(1, Relaxed);
                            active.was_not_carried_out("write", "it ended");
                        } else {
                            active.acted("write");
                        }
                    }
                }
            });
        }
    });
    let evidence = installed.evidence();
    assert_eq!((due.into_inner(), evidence[0].matched), (8000 / 3, 8000));
    assert_eq!(evidence[0].fired + lost.into_inner(), 8000 / 3);
}

#[test]
fn a_rule_whose_answer_waits_for_a_delay_has_not_missed_its_chance() {
    let set = RuleSet::new(0);
    let installed =
        set.install(vec![rule("slow", Vec::new(), delay(60_000)), rule("a", Vec::new(), respond())]);
    let decision = set.decide(&http("GET", "/"));
    decision.delays.iter().for_each(|active| active.acted("GET /"));
    decision.delays.iter().for_each(|active| active.was_shortened());
    let evidence = installed.evidence();
    assert_eq!((evidence[0].fired, evidence[0].shortened, evidence[1].fired), (1, 1, 0));
    assert_eq!(
        evidence[1].near_miss.clone().unwrap().reason,
        "without effect so far: it was still under way"
    );
}
