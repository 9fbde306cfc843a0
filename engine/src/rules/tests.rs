//! Decisions, counters and evidence over hand-made operations.

use super::*;
use crate::event::UnreadSubject;
use crate::model::errno::Errno;
use crate::model::syscall;
use crate::model::*;
use crate::text::{FileId, Span};
use std::time::Duration;

pub(super) fn http(method: &str, path: &str) -> OwnedMessage {
    OwnedMessage {
        description: format!("{method} {path}"),
        fields: vec![("method", method.to_owned()), ("path", path.to_owned())],
        entries: vec![("header", "Accept".to_owned(), "text/html".to_owned())],
        syscall: None,
        path: None,
    }
}

pub(super) fn write(path: Option<Option<&str>>) -> OwnedMessage {
    OwnedMessage {
        description: "write".to_owned(),
        fields: Vec::new(),
        entries: Vec::new(),
        syscall: syscall::Syscall::from_name("write"),
        path: path.map(|path| path.map(str::to_owned)),
    }
}

pub(super) fn clause(field: &'static str, glob: &str) -> Clause {
    let fold = field == "method";
    Clause { field, key: None, pattern: Pattern::Glob(Glob::new(glob, Dialect::Path, fold)) }
}

pub(super) fn rule(name: &str, clauses: Vec<Clause>, action: Action) -> Rule {
    Rule {
        name: RuleName(name.into()),
        target: Target::Interface(Endpoint { service: "api".into(), interface: "public".into() }),
        matcher: Matcher::Message(clauses),
        action,
        trigger: Trigger::ALWAYS,
        label: None,
        span: Span::start_of(FileId(0)),
    }
}

pub(super) fn on_write(name: &str, path: Option<&str>) -> Rule {
    let matcher = SyscallMatcher {
        keyword: "write".to_owned(),
        syscalls: {
            let mut calls = syscall::resolve("write").unwrap_or_default();
            calls.sort();
            calls.into()
        },
        path: path.map(|path| Glob::new(path, Dialect::File, false)),
    };
    let eio = Errno::from_name("EIO").unwrap();
    Rule {
        matcher: Matcher::Syscall(matcher),
        target: Target::Service("db".into()),
        ..rule(name, Vec::new(), Action::Deny(eio))
    }
}

pub(super) fn respond() -> Action {
    Action::Respond(Params::default())
}

pub(super) fn delay(ms: u64) -> Action {
    Action::Delay(Duration::from_millis(ms))
}

pub(super) fn names(decision: &Decision) -> Vec<String> {
    decision.due().map(|active| active.rule.name.to_string()).collect()
}

pub(super) fn with(trigger: Trigger, rule: Rule) -> Rule {
    Rule { trigger, ..rule }
}

/// Decides, and carries out what is due as a relay does; true when something was.
fn carried_out(set: &RuleSet, operation: &OwnedMessage) -> bool {
    let decision = set.decide(operation);
    decision.due().for_each(|active| active.acted(&operation.description));
    !decision.is_pass()
}

#[test]
fn an_action_without_effect_has_not_fired() {
    let set = RuleSet::new(0);
    let once = Trigger { times: Some(1), ..Trigger::ALWAYS };
    let cut = rule("cut[0]", Vec::new(), Action::Truncate { bytes: 4096 });
    let installed = set.install(vec![Rule { trigger: once, ..cut }]);
    let short = set.decide(&http("GET", "/short"));
    assert_eq!(installed.evidence()[0].fired, 0, "the effect is not known yet");
    short.due().for_each(|active| active.had_no_effect("GET /short", "the reply has 5 bytes"));
    let evidence = &installed.evidence()[0];
    let miss = evidence.near_miss.clone().unwrap();
    assert_eq!((evidence.matched, evidence.fired, evidence.ineffective), (1, 0, 1));
    assert_eq!(
        (miss.operation.as_str(), miss.reason.as_str()),
        ("GET /short", "without effect: the reply has 5 bytes")
    );
    assert!(carried_out(&set, &http("GET", "/long")), "times=1 counts what acted");
    assert!(!carried_out(&set, &http("GET", "/long")));
    assert_eq!(installed.evidence()[0].fired, 1);
}

#[test]
fn what_no_rule_could_read_is_in_the_evidence_of_every_rule() {
    let set = RuleSet::new(0);
    set.could_not_see(UnreadSubject::Connection, "before any rule");
    let installed =
        set.install(vec![rule("a[0]", Vec::new(), respond()), rule("b[0]", Vec::new(), delay(1))]);
    set.could_not_see(UnreadSubject::Connection, "the client speaks TLS");
    set.could_not_see(UnreadSubject::Connection, "the client speaks TLS");
    assert!(carried_out(&set, &http("GET", "/")));
    for evidence in installed.evidence() {
        let unread: Vec<String> = evidence.unread.iter().map(ToString::to_string).collect();
        assert_eq!(unread, ["2 connections passed unread: the client speaks TLS"]);
    }
}

#[test]
fn delays_add_up_until_the_first_terminal_rule() {
    let set = RuleSet::new(0);
    let rules = vec![
        rule("a[0]", vec![clause("path", "/data/*")], delay(100)),
        rule("a[1]", vec![clause("method", "post")], respond()),
        rule("a[2]", Vec::new(), delay(900)),
    ];
    let _installed = set.install(rules);
    let post = set.decide(&http("POST", "/data/x"));
    assert_eq!(
        (post.delay, names(&post)),
        (Duration::from_millis(100), vec!["a[0]".to_owned(), "a[1]".to_owned()])
    );
    let get = set.decide(&http("GET", "/data/x"));
    assert_eq!(
        (get.delay, names(&get)),
        (Duration::from_secs(1), vec!["a[0]".to_owned(), "a[2]".to_owned()])
    );
}

#[test]
fn the_newest_installation_is_asked_first_and_removal_restores_the_older() {
    let set = RuleSet::new(0);
    assert!(set.is_empty());
    let outer = set.install(vec![rule("outer[0]", Vec::new(), respond())]);
    let inner = set.install(vec![rule("inner[0]", Vec::new(), respond())]);
    assert_eq!(names(&set.decide(&http("GET", "/"))), ["inner[0]"]);
    drop(inner);
    assert_eq!(names(&set.decide(&http("GET", "/"))), ["outer[0]"]);
    drop(outer);
    assert!(set.is_empty() && set.decide(&http("GET", "/")).is_pass());
}

#[test]
fn triggers_count_matches() {
    let check = |trigger: Trigger, wanted: &[u64]| {
        let set = RuleSet::new(0);
        let _installed =
            set.install(vec![Rule { trigger, ..rule("a[0]", vec![clause("path", "/x")], respond()) }]);
        let _ = set.decide(&http("GET", "/other"));
        let fired: Vec<u64> = (1..=6).filter(|_| !set.decide(&http("GET", "/x")).is_pass()).collect();
        assert_eq!(fired, wanted, "{trigger:?}");
    };
    check(Trigger { nth: Some(2), ..Trigger::ALWAYS }, &[2]);
    check(Trigger { after: Some(4), ..Trigger::ALWAYS }, &[5, 6]);
    check(Trigger { every: Some(3), ..Trigger::ALWAYS }, &[3, 6]);
    check(Trigger { times: Some(2), ..Trigger::ALWAYS }, &[1, 2]);
    check(Trigger { after: Some(1), every: Some(2), times: Some(2), ..Trigger::ALWAYS }, &[2, 4]);
    check(Trigger { probability: Probability::fraction(0.0).unwrap(), ..Trigger::ALWAYS }, &[]);
}

#[test]
fn another_rule_never_moves_a_rules_draws() {
    let half = Trigger { probability: Probability::fraction(0.5).unwrap(), ..Trigger::ALWAYS };
    let fired = |extra: bool| -> Vec<bool> {
        let set = RuleSet::new(42);
        let mut rules = vec![Rule { trigger: half, ..rule("a[0]", vec![clause("path", "/x")], delay(1)) }];
        if extra {
            rules.insert(0, Rule { trigger: half, ..rule("b[0]", Vec::new(), delay(1)) });
        }
        let _installed = set.install(rules);
        let hit = |decision: Decision| names(&decision).contains(&"a[0]".to_owned());
        (0..64).map(|_| hit(set.decide(&http("GET", "/x")))).collect()
    };
    assert_eq!(fired(false), fired(true));
}

#[test]
fn only_a_resolved_path_matches_a_glob() {
    let set = RuleSet::new(0);
    let installed = set.install(vec![on_write("wal[0]", Some("/data/**"))]);
    assert!(set.decide(&write(None)).is_pass());
    assert!(set.decide(&write(Some(None))).is_pass());
    assert!(set.decide(&write(Some(Some("/dev/null")))).is_pass());
    let evidence = &installed.evidence()[0];
    let miss = evidence.near_miss.clone().unwrap();
    assert_eq!((evidence.seen, evidence.matched, miss.reason.as_str()), (3, 0, "path is not /data/**"));
    assert!(carried_out(&set, &write(Some(Some("/data/a/wal")))));
    assert_eq!(installed.evidence()[0].fired, 1);
}

#[test]
fn evidence_names_the_nearest_miss() {
    let set = RuleSet::new(0);
    let early = set.decide(&http("POST", "/data/key"));
    assert!(early.is_pass());
    let rules =
        vec![rule("block_key[0]", vec![clause("method", "POST"), clause("path", "/data/key")], respond())];
    let installed = set.install(rules);
    let _ = set.decide(&http("GET", "/data/testkey"));
    let _ = set.decide(&http("POST", "/data/testkey"));
    let evidence = &installed.evidence()[0];
    assert_eq!(evidence.assumption, Some("block_key".into()));
    assert_eq!(evidence.seen, 2);
    let miss = evidence.near_miss.clone().unwrap();
    assert_eq!(
        (miss.operation.as_str(), miss.reason.as_str()),
        ("POST /data/testkey", "path is not /data/key")
    );
}

#[test]
fn evidence_tells_of_an_earlier_rule_that_took_the_operation() {
    let set = RuleSet::new(0);
    let rules = vec![
        rule("first[0]", vec![clause("path", "/a")], respond()),
        rule("second[0]", vec![clause("path", "/a")], delay(1)),
    ];
    let installed = set.install(rules);
    assert!(carried_out(&set, &http("GET", "/a")));
    let evidence = installed.evidence();
    assert_eq!((evidence[0].fired, evidence[1].fired), (1, 0));
    let miss = evidence[1].near_miss.clone().unwrap();
    assert_eq!(
        (miss.operation.as_str(), miss.reason.as_str()),
        ("GET /a", "a rule tried before it settled that")
    );
}

#[test]
fn table_fields_match_any_entry_and_name_what_is_missing() {
    let set = RuleSet::new(0);
    let header = |key: &str, glob: &str| Clause {
        field: "header",
        key: Some(key.to_owned()),
        pattern: Pattern::Glob(Glob::new(glob, Dialect::Plain, false)),
    };
    let installed = set.install(vec![rule("h[0]", vec![header("x-tenant", "*")], respond())]);
    assert!(set.decide(&http("GET", "/")).is_pass());
    assert_eq!(installed.evidence()[0].near_miss.clone().unwrap().reason, "it has no header x-tenant");
    let _second = set.install(vec![rule("h[1]", vec![header("accept", "*html*")], respond())]);
    assert!(!set.decide(&http("GET", "/")).is_pass());
}

#[test]
fn many_rules_decide_as_if_each_were_asked() {
    let patterns = ["/a", "/a/*", "/a/b", "/x/**", "*", "/a/b*", "/é/*", "/a/?", "**/b", "/a/b/c"];
    let many = |count: usize| -> Vec<Rule> {
        let rule_at = |n: usize| rule(&format!("r[{n}]"), vec![clause("path", patterns[n % 10])], delay(1));
        (0..count).map(rule_at).collect()
    };
    for path in ["/a", "/a/b", "/a/b/c", "/x/1/2", "/é/1", "", "/zzz", "/a/é"] {
        let indexed = RuleSet::new(0);
        let _installed = indexed.install(many(40));
        let one_by_one = RuleSet::new(0);
        // Installed newest first, so in reverse.
        let _each: Vec<_> = many(40).into_iter().rev().map(|rule| one_by_one.install(vec![rule])).collect();
        assert_eq!(
            names(&indexed.decide(&http("GET", path))),
            names(&one_by_one.decide(&http("GET", path))),
            "{path}"
        );
    }
}
