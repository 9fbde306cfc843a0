//! Decisions, counters and evidence over hand-made operations.

use super::syscalls::DATAGRAMS;
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
    }
}

pub(super) fn call(name: &str, files: &[OwnedFile]) -> OwnedMessage {
    let syscall = syscall::Syscall::from_name(name).unwrap();
    let first = OwnedCall::on(syscall, OwnedFile::NotAFile);
    OwnedMessage::of_call(OwnedCall { files: files.to_vec(), ..first })
}

pub(super) fn path(text: &str) -> OwnedFile {
    OwnedFile::Path(text.to_owned())
}

pub(super) fn write(file: OwnedFile) -> OwnedMessage {
    call("write", &[file])
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
    on_calls("write", name, path)
}

fn on_calls(keyword: &str, name: &str, path: Option<&str>) -> Rule {
    let matcher = SyscallMatcher {
        keyword: keyword.to_owned(),
        calls: syscall::resolve(keyword).unwrap_or_default().into(),
        path: path.map(|path| Glob::new(path, Dialect::File, false)),
        peer: None,
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
fn what_goes_on_unread_is_in_the_evidence_of_later_rules() {
    let set = RuleSet::new(0);
    let open = set.cannot_see(UnreadSubject::Connection, "the client speaks TLS");
    drop(set.cannot_see(UnreadSubject::Connection, "the client speaks TLS"));
    let during = set.install(vec![rule("a[0]", Vec::new(), respond())]);
    drop(open);
    let behind = set.install(vec![rule("a[0]", Vec::new(), respond())]);
    let upgraded = set.cannot_see(UnreadSubject::Upgrade, "CONNECT");
    let shown = |installed: &Installed| -> Vec<String> {
        installed.evidence()[0].unread.iter().map(ToString::to_string).collect()
    };
    let tls = "1 connection passed unread: the client speaks TLS";
    assert_eq!(shown(&during), [tls, "1 connection left the protocol: CONNECT"]);
    assert_eq!(shown(&behind), ["1 connection left the protocol: CONNECT"]);
    drop(upgraded);
}

#[test]
fn reasons_beyond_the_first_are_counted_together() {
    let set = RuleSet::new(0);
    let installed = set.install(vec![rule("a[0]", Vec::new(), respond())]);
    for number in 0..30 {
        set.could_not_see(UnreadSubject::Connection, &format!("reason {number}"));
    }
    set.could_not_see(UnreadSubject::Connection, "reason 3");
    let unread = &installed.evidence()[0].unread;
    assert_eq!(unread.iter().map(|each| each.count).sum::<u64>(), 31);
    let last = unread.last().unwrap().to_string();
    assert_eq!((unread.len(), last.as_str()), (17, "14 connections passed unread: other reasons"));
    assert_eq!(unread[3].count, 2);
}

#[test]
fn a_rule_waits_for_more_of_a_field_only_while_that_could_decide() {
    let set = RuleSet::new(0);
    let on = |path, body| {
        let body = Pattern::Glob(Glob::new(body, Dialect::Plain, false));
        let body = Clause { field: "body", key: None, pattern: body };
        rule("a[0]", vec![clause("path", path), body], respond())
    };
    let _installed = set.install(vec![on("/a", "needle*"), on("/b", "é*")]);
    let waits = |path: &str, body: &str| {
        let mut message = http("POST", path);
        message.fields.push(("body", body.to_owned()));
        set.waits_for("body", &message)
    };
    assert!(waits("/a", "") && waits("/a", "need"));
    assert!(!waits("/a", "hay") && !waits("/a", "needle and") && !waits("/c", "need"));
    assert!(waits("/b", "\u{fffd}"), "half a character may become the one awaited");
    assert!(!waits("/b", "e"));
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
    assert!(set.decide(&write(OwnedFile::NotAFile)).is_pass());
    assert!(set.decide(&write(OwnedFile::Unresolved(Unreadable::Gone))).is_pass());
    assert!(set.decide(&write(path("/dev/null"))).is_pass());
    let evidence = &installed.evidence()[0];
    let miss = evidence.near_miss.clone().unwrap();
    assert_eq!((evidence.seen, evidence.matched, miss.reason.as_str()), (3, 0, "path is not /data/**"));
    assert!(carried_out(&set, &write(path("/data/a/wal"))));
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

#[test]
fn a_rename_has_two_names_and_either_may_match() {
    let set = RuleSet::new(0);
    let rename = |old: &str, new: &str| call("rename", &[path(old), path(new)]);
    let installed = set.install(vec![on_calls("rename", "r[0]", Some("/data/config.json"))]);
    assert!(set.decide(&rename("/data/a", "/data/b")).is_pass());
    assert_eq!(installed.evidence()[0].near_miss.clone().unwrap().reason, "path is not /data/config.json");
    for (old, new) in [("/data/tmp", "/data/config.json"), ("/data/config.json", "/data/old")] {
        let operation = rename(old, new);
        let decision = set.decide(&operation);
        let rule = decision.terminal.as_ref().expect("one of its names is the rule's");
        assert_eq!(rule.words_for(&operation, "rename"), "rename (matched /data/config.json)");
    }
}

#[test]
fn a_copy_is_a_write_to_one_file_and_a_read_of_the_other() {
    let copied = |source: &str, to: &str| call("copy_file_range", &[path(to), path(source)]);
    for (keyword, acts_on) in [("write", "/data/new"), ("read", "/data/old")] {
        let set = RuleSet::new(0);
        let _installed = set.install(vec![on_calls(keyword, "c[0]", Some("/data/new"))]);
        assert_eq!(
            set.decide(&copied("/data/old", "/data/new")).is_pass(),
            acts_on != "/data/new",
            "{keyword}"
        );
        assert_eq!(
            set.decide(&copied("/data/new", "/data/old")).is_pass(),
            acts_on == "/data/new",
            "{keyword}"
        );
    }
}

#[test]
fn arguments_decide_between_families_that_share_a_call() {
    let remove = |flags: u64| {
        let mut operation = call("unlinkat", &[path("/data/x")]);
        operation.syscall.as_mut().unwrap().arguments[2] = flags;
        operation
    };
    for (keyword, flags) in [("unlink", 0), ("rmdir", 0x200)] {
        let set = RuleSet::new(0);
        let installed = set.install(vec![on_calls(keyword, "u[0]", None)]);
        assert!(set.decide(&remove(flags ^ 0x200)).is_pass(), "{keyword}");
        let reason = installed.evidence()[0].near_miss.clone().unwrap().reason;
        assert_eq!(reason, format!("unlinkat with these arguments is not {keyword}"));
        assert!(carried_out(&set, &remove(flags)), "{keyword}");
    }
}

#[test]
fn a_file_that_may_not_be_read_is_said_so_and_counted() {
    let set = RuleSet::new(0);
    let forbidden = || write(OwnedFile::Unresolved(Unreadable::Forbidden));
    let rules = vec![on_write("a[0]", Some("/data/**")), on_calls("fsync", "b[0]", Some("/data/**"))];
    let installed = set.install(rules);
    assert!(set.decide(&forbidden()).is_pass() && set.decide(&forbidden()).is_pass());
    let evidence = installed.evidence();
    let reason =
        "only root may look into the process (PR_SET_DUMPABLE 0, or a program file without read permission)";
    assert_eq!(evidence[0].near_miss.clone().unwrap().reason, format!("its file is not known: {reason}"));
    assert_eq!(
        evidence[0].unread[0].to_string(),
        format!("2 calls passed unfaulted: what the call acts on is not known: {reason}")
    );
    assert!(evidence[1].unread.is_empty(), "it was not an fsync");
    // A process that is gone acted on nothing.
    assert!(set.decide(&write(OwnedFile::Unresolved(Unreadable::Gone))).is_pass());
    assert_eq!(installed.evidence()[0].unread[0].count, 2);
    // Without a path there is nothing to know.
    let _all = set.install(vec![on_write("c[0]", None)]);
    assert!(carried_out(&set, &forbidden()));
}

#[test]
fn what_cannot_be_faulted_concerns_the_rules_it_may_be_for() {
    let set = RuleSet::new(0);
    let queued = |file: OwnedFile| call("pwrite64", &[file]);
    let installed = set.install(vec![
        on_write("wal[0]", Some("/data/wal")),
        on_write("other[0]", Some("/data/other")),
        on_write("any[0]", None),
        on_calls("read", "read[0]", None),
    ]);
    set.could_not_fault(&queued(path("/data/wal")), "queued");
    set.could_not_fault(&queued(OwnedFile::Unresolved(Unreadable::Forbidden)), "queued");
    let counts = |installed: &Installed| -> Vec<u64> {
        installed.evidence().iter().map(|each| each.unread.iter().map(|unread| unread.count).sum()).collect()
    };
    assert_eq!(counts(&installed), [2, 1, 2, 0]);
    assert_eq!(installed.evidence()[0].seen, 0, "none of them is an operation rules decide about");
    // A mapping made before a rule is installed still is one.
    set.cannot_fault_from_now(write(path("/data/other")), "mapped");
    let later =
        set.install(vec![on_write("wal[0]", Some("/data/wal")), on_write("other[0]", Some("/data/other"))]);
    assert_eq!(counts(&later), [0, 1]);
    assert_eq!(counts(&installed), [2, 2, 3, 0]);
    set.refused("io_uring_setup fails");
    let last = set.install(vec![on_write("wal[0]", Some("/data/wal"))]);
    assert_eq!(last.evidence()[0].unread[0].to_string(), "1 call refused: io_uring_setup fails");
}

#[test]
fn more_mappings_than_are_remembered_may_be_of_any_file() {
    let set = RuleSet::new(0);
    for number in 0..300 {
        set.cannot_fault_from_now(write(path(&format!("/data/{number}"))), "mapped");
    }
    let installed = set.install(vec![on_write("w[0]", Some("/elsewhere"))]);
    assert_eq!(installed.evidence()[0].unread.len(), 1);
}

#[test]
fn a_peer_is_an_interface_here_or_a_port_anywhere() {
    let connect = |peer: SyscallPeer| {
        let mut operation = call("connect", &[OwnedFile::NotAFile, OwnedFile::NotAFile]);
        operation.syscall.as_mut().unwrap().peer = peer;
        operation
    };
    let ip = |text: &str| SyscallPeer::Ip(text.parse().expect("an address"));
    let to = |interface: bool| {
        let interface = interface.then(|| Endpoint { service: "redis".into(), interface: "main".into() });
        let mut rule = on_calls("connect", "p[0]", None);
        if let Matcher::Syscall(matcher) = &mut rule.matcher {
            matcher.peer = Some(Peer { interface, port: 6379, datagrams: false });
        }
        rule
    };
    for (is_interface, peer, acts, reason) in [
        (true, ip("127.0.0.1:6379"), true, ""),
        (true, ip("[::1]:6379"), true, ""),
        (true, ip("0.0.0.0:6379"), true, ""),
        (true, ip("10.0.0.1:6379"), false, "10.0.0.1:6379 is not on this machine, where redis.main is"),
        (true, ip("127.0.0.1:80"), false, "127.0.0.1:80 is not redis.main"),
        (false, ip("10.0.0.1:6379"), true, ""),
        (false, ip("10.0.0.1:80"), false, "10.0.0.1:80 is not port 6379"),
        (true, SyscallPeer::Datagrams("127.0.0.1:6379".parse().ok()), false, DATAGRAMS),
        (false, SyscallPeer::Datagrams(None), false, DATAGRAMS),
        (false, SyscallPeer::Other, false, "it is for a Unix socket, not for port 6379"),
        (false, SyscallPeer::Nothing, false, "it carries no address; its socket was connected before"),
    ] {
        let set = RuleSet::new(0);
        let installed = set.install(vec![to(is_interface)]);
        assert_eq!(!set.decide(&connect(peer)).is_pass(), acts, "{peer:?}");
        let miss = installed.evidence()[0].near_miss.clone().map(|miss| miss.reason);
        assert_eq!(miss.filter(|_| !acts).unwrap_or_default(), reason);
    }
    // Without a peer every connection is meant, and a socket for datagrams makes none.
    let set = RuleSet::new(0);
    let installed = set.install(vec![on_calls("connect", "all[0]", None)]);
    let looked_up = SyscallPeer::Datagrams("127.0.0.1:53".parse().ok());
    assert!(set.decide(&connect(looked_up)).is_pass());
    assert_eq!(installed.evidence()[0].near_miss.clone().unwrap().reason, DATAGRAMS);
    assert!(
        !set.decide(&connect(ip("127.0.0.1:53"))).is_pass()
            && !set.decide(&connect(SyscallPeer::Other)).is_pass()
    );
    // An interface of datagrams is reached by both: TCP may have the same port.
    let mut datagrams = to(true);
    if let Matcher::Syscall(matcher) = &mut datagrams.matcher {
        matcher.peer.as_mut().unwrap().datagrams = true;
    }
    let set = RuleSet::new(0);
    let _installed = set.install(vec![datagrams]);
    assert!(!set.decide(&connect(SyscallPeer::Datagrams("[::1]:6379".parse().ok()))).is_pass());
    assert_eq!(to(true).matcher.to_string(), "connect to redis.main");
    assert_eq!(to(false).matcher.to_string(), "connect to port 6379");
}

/// Without a path a rule leaves the loader's files alone, and says so when nothing else came by.
#[test]
fn files_of_the_system_are_left_alone_unless_named() {
    for (keyword, files, acts) in [
        ("open", vec![path("/usr/lib/libc.so.6")], false),
        ("open", vec![path("/srv/data")], true),
        ("read", vec![path("/usr/lib/x")], false),
        ("write", vec![path("/dev/shm/x")], true),
        ("rename", vec![path("/tmp/x"), path("/usr/lib/x")], true),
        ("rename", vec![path("/usr/lib/x"), path("/usr/lib/y")], false),
        ("connect", vec![OwnedFile::NotAFile, path("/var/run/nscd/socket")], false),
        ("connect", vec![OwnedFile::NotAFile, path("/run/postgresql/.s.PGSQL.5432")], true),
        // How a file without a name gets one (open(2), O_TMPFILE).
        ("link", vec![path("/proc/self/fd/5"), path("/srv/x")], true),
    ] {
        let set = RuleSet::new(0);
        let installed = set.install(vec![on_calls(keyword, "s[0]", None)]);
        assert_eq!(carried_out(&set, &call(keyword, &files)), acts, "{keyword} {files:?}");
        let miss = installed.evidence()[0].near_miss.clone().map(|miss| miss.reason);
        let expected = "a file of the system, on which only a rule with path= acts";
        assert_eq!(miss.as_deref(), (!acts).then_some(expected), "{keyword} {files:?}");
    }
}

/// A service goes on before whoever answered it gets to count, so evidence waits for the count.
#[test]
fn evidence_waits_for_an_answer_that_is_on_its_way() {
    let set = RuleSet::new(0);
    let installed = set.install(vec![on_write("w[0]", None)]);
    let (delivered, seen) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let decision = set.decide(&write(OwnedFile::NotAFile));
            let _delivery = set.delivery();
            delivered.send(()).unwrap();
            // Long enough for evidence that does not wait to come first.
            (0..10_000).for_each(|_| std::thread::yield_now());
            decision.due().for_each(|active| active.acted("write"));
        });
        seen.recv().unwrap();
        assert_eq!(installed.evidence()[0].fired, 1);
    });
}

#[test]
fn what_becomes_of_an_action_after_its_rule_was_removed_counts() {
    let set = RuleSet::new(0);
    let path = || vec![clause("path", "/x")];
    let mut installed = set.install(vec![rule("a[0]", path(), respond())]);
    let first = set.decide(&http("GET", "/x"));
    installed.remove();
    assert!(installed.is_removed() && set.is_empty());
    assert_eq!(installed.evidence()[0].fired, 0);
    let _later = set.install(vec![rule("b[0]", path(), respond())]);
    set.decide(&http("GET", "/x"));
    for active in first.due() {
        active.acted("GET /x");
    }
    let evidence = &installed.evidence()[0];
    assert_eq!((evidence.fired, evidence.seen, evidence.near_miss.as_ref()), (1, 1, None));
    assert_eq!(evidence.hits, ["GET /x"]);
}
