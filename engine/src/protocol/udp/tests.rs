//! Datagrams through a relay.

use super::{answer, message, step};
use crate::event::EventKind;
use crate::model::{
    Action, Clause, Data, Dialect, DropMode, Endpoint, Glob, Matcher, Params, Pattern, Rule, RuleName,
    StepCall, StepId, Target, Trigger,
};
use crate::protocol::bench::outcome;
use crate::proxy::{DatagramConfig, DatagramRelay, Dialer, Observer};
use crate::rules::RuleSet;
use crate::text::{FileId, Span};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UdpSocket;

struct Deaf;

impl Observer for Deaf {
    fn event(&self, _kind: EventKind) {}
}

fn rule(action: Action) -> Rule {
    rule_on("set *", action)
}

fn rule_on(pattern: &str, action: Action) -> Rule {
    let pattern = Pattern::Glob(Glob::new(pattern, Dialect::Plain, false));
    Rule {
        name: RuleName("fault[0]".into()),
        target: Target::Interface(Endpoint { service: "s".into(), interface: "main".into() }),
        matcher: Matcher::Message(vec![Clause { field: "data", key: None, pattern }]),
        action,
        trigger: Trigger::ALWAYS,
        label: None,
        span: Span::start_of(FileId(0)),
    }
}

/// Sends `set k` and then `mark` through the action, and gives what arrives until the mark, and behind it as many
/// datagrams as `late` says.
async fn arrives(action: Action, late: usize) -> Vec<String> {
    arrive("set k", action, late).await.0
}

/// The same for any first datagram, with what came of the rule.
async fn arrive(datagram: &str, action: Action, late: usize) -> (Vec<String>, String) {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let rules = RuleSet::new(0);
    let pattern = if datagram.is_empty() { "" } else { "set *" };
    let installed = rules.install(vec![rule_on(pattern, action)]);
    let config = DatagramConfig {
        name: "s.main".to_owned(),
        upstream: Dialer::new(server.local_addr().unwrap()),
        rules,
        message,
        answer,
        observe: Arc::new(Deaf),
    };
    let _relay = DatagramRelay::start(vec![socket], config).unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for datagram in [datagram, "mark"] {
        client.send_to(datagram.as_bytes(), address).await.unwrap();
    }
    let mut found = Vec::new();
    let mut left = None;
    while left != Some(0) {
        let mut buf = [0; 64];
        let received = tokio::time::timeout(Duration::from_secs(10), server.recv_from(&mut buf)).await;
        let (len, _) = received.expect("a datagram").unwrap();
        found.push(String::from_utf8_lossy(&buf[..len]).into_owned());
        let at_mark = left.is_none() && &buf[..len] == b"mark";
        left = if at_mark { Some(late) } else { left.map(|left| left - 1) };
    }
    (found, outcome(&installed.evidence()[0]))
}

#[tokio::test]
async fn a_rule_that_changes_nothing_says_why() {
    let check = async |datagram: &str, action: Action, expected: &str| {
        let found = arrive(datagram, action, 0).await;
        let wanted = (vec![datagram.to_owned(), "mark".to_owned()], format!("without effect: {expected}"));
        assert_eq!(found, wanted);
    };
    let truncate = |bytes| Action::Truncate { bytes };
    check("set k", truncate(5), "the datagram has 5 bytes, and truncate keeps 5").await;
    check("set k", truncate(4096), "the datagram has 5 bytes, and truncate keeps 4096").await;
    let corrupt = |offset| Action::Corrupt { offset };
    check("set k", corrupt(5), "the datagram has 5 bytes, and corrupt changes the one at offset 5").await;
    check("", truncate(0), "the datagram has 0 bytes, and truncate keeps 0").await;
    check("", corrupt(0), "the datagram has 0 bytes, and corrupt changes the one at offset 0").await;
    check("set k", Action::Delay(Duration::ZERO), "a delay of 0 holds nothing back").await;
    let throttle = Action::Throttle { bytes_per_second: 1 };
    check("set k", throttle, "it changes nothing about a datagram").await;
    assert_eq!(arrive("", Action::Duplicate, 0).await.1, "fired");
    assert_eq!(arrive("set k", truncate(0), 0).await.1, "fired");
}

#[tokio::test]
async fn rules_act_on_each_datagram() {
    assert_eq!(arrives(Action::Drop(DropMode::Fin), 0).await, ["mark"]);
    assert_eq!(arrives(Action::Duplicate, 0).await, ["set k", "set k", "mark"]);
    assert_eq!(arrives(Action::Truncate { bytes: 3 }, 0).await, ["set", "mark"]);
    assert_eq!(arrives(Action::Corrupt { offset: 4 }, 0).await, ["set \u{fffd}", "mark"]);
    assert_eq!(arrives(Action::Delay(Duration::from_millis(50)), 1).await, ["mark", "set k"]);
}

#[tokio::test]
async fn a_step_gets_the_servers_answer_or_the_rules() {
    let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let rules = RuleSet::new(0);
    let answers = |body: Data| rules.install(vec![rule(Action::Respond(Params([("body", body)].into())))]);
    let installed = answers("no".into());
    let config = DatagramConfig {
        name: "s.main".to_owned(),
        upstream: Dialer::new(server.local_addr().unwrap()),
        rules: rules.clone(),
        message,
        answer,
        observe: Arc::new(Deaf),
    };
    let _relay = DatagramRelay::start(vec![socket], config).unwrap();
    let send = async |data: Data| {
        let call = StepCall {
            endpoint: Endpoint { service: "s".into(), interface: "main".into() },
            method: "send",
            args: [("data", data)].into(),
            span: Span::start_of(FileId(0)),
        };
        step(&Dialer::new(address), &call, StepId(1), Duration::from_secs(10)).await
    };
    assert_eq!(send("set k".into()).await.body, "no");
    drop(installed);
    let _installed = answers(Data::bytes(*b"\xff\0 "));
    let reply = send(Data::bytes(*b"set \xff")).await;
    assert_eq!((reply.body.as_str(), reply.raw.as_deref()), ("\u{fffd}\0", Some(&b"\xff\0 "[..])));
    let echo = async {
        let mut buf = [0; 64];
        let (len, from) = server.recv_from(&mut buf).await.unwrap();
        server.send_to(&buf[..len], from).await.unwrap();
    };
    assert_eq!(tokio::join!(send("get k".into()), echo).0.body, "get k");
}
