//! Rules on a relayed PostgreSQL connection: what comes of them.

use super::{message, startup};
use crate::event::EventKind;
use crate::model::{Action, DropMode, Params, Protocol};
use crate::protocol::bench::{Bench, Peer, outcome};
use crate::proxy::Direction::{ToClient, ToServer};
use crate::rules::Installed;
use std::time::Duration;

fn said(tags: &str) -> Vec<u8> {
    tags.chars().flat_map(|tag| message(ToServer, tag)).collect()
}

fn replied(tags: &str) -> Vec<u8> {
    tags.chars().flat_map(|tag| message(ToClient, tag)).collect()
}

/// A client that has logged in, its server, and a rule on its statements.
async fn logged_in(action: Action) -> (Bench, Installed, Peer, Peer) {
    let bench = Bench::of(Protocol::Postgres).await;
    let rules = bench.install(&[], action);
    let (mut client, mut server) = bench.connect().await;
    let start = startup(196_608, b"user\0app\0\0");
    client.send(&start).await;
    server.expect(&start).await;
    server.send(replied("RSKZ")).await;
    client.expect(replied("RSKZ")).await;
    (bench, rules, client, server)
}

async fn check_inert(action: Action, asks: &str, replies: &str, expected: &str) {
    let (bench, rules, mut client, mut server) = logged_in(action).await;
    client.send(said(asks)).await;
    server.expect(said(asks)).await;
    server.send(replied(replies)).await;
    client.expect(replied(replies)).await;
    assert_eq!(outcome(&rules.evidence()[0]), format!("without effect: {expected}"), "{asks} {replies}");
    assert_eq!(bench.log.fired(), [""; 0]);
}

#[tokio::test]
async fn a_rule_that_changes_nothing_says_why() {
    // A query's answer ends with ReadyForQuery, an execution's with CommandComplete.
    let (query, execution) = (replied("TDCZ").len() as u64, replied("DC").len() as u64);
    let kept = |bytes: u64| format!("the reply has {bytes} bytes, and truncate keeps {bytes}");
    check_inert(Action::Truncate { bytes: query }, "Q", "TDCZ", &kept(query)).await;
    check_inert(Action::Truncate { bytes: execution }, "PBES", "12DCZ", &kept(execution)).await;
    let slow = Action::Throttle { bytes_per_second: 1_000_000 };
    let expected = format!("the reply has {query} bytes, and at 1000000 bytes per second none had to wait");
    check_inert(slow, "Q", "TDCZ", &expected).await;
    check_inert(Action::Delay(Duration::ZERO), "Q", "CZ", "a delay of 0 holds nothing back").await;
    // Behind an error the server passes over what is left up to the next Sync.
    let passed_over = "the server passed over it after an earlier error";
    check_inert(Action::Truncate { bytes: 0 }, "PBES", "EZ", passed_over).await;
}

#[tokio::test]
async fn an_error_on_a_statement_the_server_passes_over_has_no_effect() {
    let (bench, rules, mut client, mut server) = logged_in(Action::Error(Params::default())).await;
    client.send(said("PBES")).await;
    server.expect(said("PB")).await;
    server.send(replied("EZ")).await;
    client.expect(replied("EZ")).await;
    let expected = "without effect: the server passed over it after an earlier error";
    assert_eq!(outcome(&rules.evidence()[0]), expected);
    assert_eq!(bench.log.fired(), [""; 0]);
}

#[tokio::test]
async fn nothing_is_cut_off_an_answer_that_is_not_counted() {
    let bench = Bench::of(Protocol::Postgres).await;
    let rules = bench.install(&[("on", "connect")], Action::Truncate { bytes: 0 });
    let (mut client, mut server) = bench.connect().await;
    let start = startup(196_608, b"user\0app\0\0");
    client.send(&start).await;
    server.expect(&start).await;
    server.send(replied("RSKZ")).await;
    client.expect(replied("RSKZ")).await;
    assert_eq!(outcome(&rules.evidence()[0]), "without effect: the server does not reply to it");
}

#[tokio::test]
async fn an_answer_is_cut_as_soon_as_more_is_certain() {
    for (asks, replies, kept) in [("Q", "T", 0), ("Q", "T", replied("T").len()), ("BES", "2DD", 0)] {
        let (_bench, rules, mut client, mut server) =
            logged_in(Action::Truncate { bytes: kept as u64 }).await;
        client.send(said(asks)).await;
        server.expect(said(asks)).await;
        server.send(replied(replies)).await;
        let pushed = if asks == "Q" { "" } else { "2" };
        let reply = [replied(pushed), replied("T")[..kept].to_vec()].concat();
        assert_eq!(client.rest().await.unwrap().as_bytes(), reply);
        assert_eq!(outcome(&rules.evidence()[0]), "fired");
    }
}

#[tokio::test]
async fn a_silent_drop_leaves_a_transaction_open_on_both_sides() {
    for statement in ["PBES", "Q"] {
        let (bench, rules, mut client, mut server) = logged_in(Action::Drop(DropMode::Silent)).await;
        // Neither the statement nor what would commit what is left of the transaction reaches the server.
        let before = if statement == "Q" { "" } else { "PB" };
        client.send(said(statement)).await;
        client.send(said("QQ")).await;
        server.expect(said(before)).await;
        // Nothing of what it says is heard any more, notices included.
        server.send(replied("12NZ")).await;
        client.finish().await;
        assert_eq!(client.rest().await.unwrap(), "");
        assert_eq!(server.rest().await.unwrap(), "");
        assert_eq!(outcome(&rules.evidence()[0]), "fired");
        let closed = |event: &EventKind| matches!(event, EventKind::ConnectionClosed { .. }).then_some(());
        bench.log.wait_for(closed).await;
    }
}

#[tokio::test]
async fn tls_from_the_first_byte_passes_and_is_named() {
    let bench = Bench::of(Protocol::Postgres).await;
    let rules = bench.install(&[], Action::Error(Params::default()));
    let (mut client, mut server) = bench.connect().await;
    client.send(b"\x16\x03\x01\0").await;
    server.expect(b"\x16\x03\x01\0").await;
    assert_eq!(
        outcome(&rules.evidence()[0]),
        "nothing; 1 connection passed unread: TLS from the first byte hides requests from rules: \
         set the client's sslnegotiation to postgres"
    );
}
