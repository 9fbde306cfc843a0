//! What comes of a rule: it has fired when something changed for a peer, and says why when nothing did.

use crate::event::EventKind;
use crate::model::{Action, DropMode, Params};
use crate::protocol::bench::{Bench, outcome};
use std::time::Duration;

const GET: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const HELLO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKS: &str =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2;x=y\r\n!!\r\n0\r\nT: t\r\n\r\n";

fn truncate(bytes: u64) -> Action {
    Action::Truncate { bytes }
}

fn corrupt(offset: u64) -> Action {
    Action::Corrupt { offset }
}

fn throttle(bytes_per_second: u64) -> Action {
    Action::Throttle { bytes_per_second }
}

/// The reply comes whole, and the rule says why it did nothing.
async fn check_inert(action: Action, request: &str, reply: &str, expected: &str) {
    let bench = Bench::new().await;
    let rules = bench.install(&[], action.clone());
    let (mut client, mut server) = bench.connect().await;
    client.send(request).await;
    server.expect(request).await;
    assert_eq!(rules.evidence()[0].fired, 0, "the effect of {action} is not known yet");
    server.send(reply).await;
    client.expect(reply).await;
    let evidence = &rules.evidence()[0];
    assert_eq!(outcome(evidence), format!("without effect: {expected}"), "{action} on {reply:?}");
    assert_eq!((evidence.matched, evidence.fired, evidence.ineffective), (1, 0, 1), "{action} on {reply:?}");
    assert_eq!(bench.log.fired(), [""; 0]);
}

#[tokio::test]
async fn what_a_reply_is_too_short_for_has_no_effect() {
    let beyond = |what: &str| format!("the reply's content has 5 bytes, and {what}");
    check_inert(truncate(4096), GET, HELLO, &beyond("truncate keeps 4096")).await;
    check_inert(truncate(5), GET, HELLO, &beyond("truncate keeps 5")).await;
    check_inert(corrupt(5), GET, HELLO, &beyond("corrupt changes the one at offset 5")).await;
    let none_waits = "at 1000000 bytes per second none had to wait";
    check_inert(throttle(1_000_000), GET, HELLO, &beyond(none_waits)).await;
    let chunks = |what: &str| format!("the reply's content has 7 bytes, and {what}");
    check_inert(truncate(7), GET, CHUNKS, &chunks("truncate keeps 7")).await;
    check_inert(corrupt(7), GET, CHUNKS, &chunks("corrupt changes the one at offset 7")).await;
    check_inert(throttle(1_000_000), GET, CHUNKS, &chunks(none_waits)).await;
    let one = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1";
    check_inert(
        corrupt(1),
        GET,
        one,
        "the reply's content has 1 byte, and corrupt changes the one at offset 1",
    )
    .await;
}

#[tokio::test]
async fn a_reply_without_content_says_why_it_has_none() {
    let replies = [
        (GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "the reply's content is empty"),
        (
            GET,
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "the reply's content is empty",
        ),
        (GET, "HTTP/1.1 204 No Content\r\n\r\n", "a reply 204 has no content"),
        (GET, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\n\r\n", "a reply 204 has no content"),
        (GET, "HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n", "a reply 304 has no content"),
        (GET, "HTTP/1.1 101 x\r\nUpgrade: y\r\n\r\n", "a reply 101 has no content"),
        (
            "HEAD / HTTP/1.1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
            "the reply to HEAD has no content",
        ),
        ("CONNECT a:1 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "the reply to CONNECT has no content"),
    ];
    for (request, reply, expected) in replies {
        for action in [truncate(0), truncate(9), corrupt(0), throttle(1)] {
            check_inert(action, request, reply, expected).await;
        }
    }
}

#[tokio::test]
async fn a_reply_that_ends_with_the_connection_is_counted_when_it_ends() {
    let check = async |action: Action, reply: &str, expected: &str| {
        let bench = Bench::new().await;
        let rules = bench.install(&[], action);
        let (mut client, mut server) = bench.connect().await;
        client.send(GET).await;
        server.expect(GET).await;
        server.send(reply).await;
        server.finish().await;
        assert_eq!(client.rest().await.unwrap(), reply);
        assert_eq!(outcome(&rules.evidence()[0]), format!("without effect: {expected}"), "{reply:?}");
    };
    let open = "HTTP/1.1 200 OK\r\n\r\nhello";
    check(truncate(5), open, "the reply's content has 5 bytes, and truncate keeps 5").await;
    check(corrupt(9), open, "the reply's content has 5 bytes, and corrupt changes the one at offset 9").await;
    check(truncate(0), "HTTP/1.1 200 OK\r\n\r\n", "the reply's content is empty").await;
    let cut = &HELLO[..HELLO.len() - 2];
    check(truncate(4), cut, "the reply's content has 3 bytes, and truncate keeps 4").await;
    check(truncate(0), "", "the server closed the connection before its reply ended").await;
    check(truncate(0), "HTTP/1.1 2", "the server closed the connection before its reply ended").await;
}

#[tokio::test]
async fn an_effect_on_a_reply_has_fired_when_it_changes_it() {
    let check = async |action: Action, reply: &str, arrives: &[u8], closes: bool| {
        let bench = Bench::new().await;
        let rules = bench.install(&[], action.clone());
        let (mut client, mut server) = bench.connect().await;
        client.send(GET).await;
        server.expect(GET).await;
        server.send(reply).await;
        client.expect(arrives).await;
        if closes {
            assert_eq!(client.rest().await.unwrap(), "", "{action} on {reply:?}");
        }
        assert_eq!(outcome(&rules.evidence()[0]), "fired", "{action} on {reply:?}");
        assert_eq!(bench.log.fired(), [format!("GET /a: {action}")]);
    };
    let head = |reply: &str| reply.find("\r\n\r\n").unwrap() + 4;
    let (at, chunks_at) = (head(HELLO), head(CHUNKS));
    for kept in 0..5 {
        check(truncate(kept as u64), HELLO, &HELLO.as_bytes()[..at + kept], true).await;
    }
    // Nothing but a byte of content ends a reply in chunks: the framing around it does not count.
    for (kept, goes) in [(0, 3), (3, 6), (5, 17), (6, 18)] {
        check(truncate(kept), CHUNKS, &CHUNKS.as_bytes()[..chunks_at + goes], true).await;
    }
    let flipped = |reply: &str, at: usize| {
        let mut bytes = reply.as_bytes().to_vec();
        bytes[at] = !bytes[at];
        bytes
    };
    check(corrupt(4), HELLO, &flipped(HELLO, at + 4), false).await;
    for (offset, place) in [(0, 3), (4, 7), (5, 17), (6, 18)] {
        check(corrupt(offset), CHUNKS, &flipped(CHUNKS, chunks_at + place), false).await;
    }
    check(throttle(100), &HELLO.replace("hello", "hell!"), HELLO.replace("hello", "hell!").as_bytes(), false)
        .await;
}

#[tokio::test]
async fn a_truncation_waits_for_no_byte_that_certainly_comes() {
    for (reply, kept) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123", 4),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n", 0),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123", 4),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n", 0),
    ] {
        let bench = Bench::new().await;
        let rules = bench.install(&[], truncate(kept));
        let (mut client, mut server) = bench.connect().await;
        client.send(GET).await;
        server.expect(GET).await;
        server.send(reply).await;
        assert_eq!(client.rest().await.unwrap(), reply);
        assert_eq!(outcome(&rules.evidence()[0]), "fired");
    }
}

#[tokio::test]
async fn the_effects_of_pipelined_requests_are_told_apart() {
    let bench = Bench::new().await;
    let first = bench.install(&[("path", "/a")], corrupt(9));
    let second = bench.install(&[("path", "/b")], corrupt(1));
    let (mut client, mut server) = bench.connect().await;
    let both = format!("{GET}GET /b HTTP/1.1\r\n\r\n");
    client.send(&both).await;
    server.expect(&both).await;
    server.send(format!("{HELLO}{HELLO}")).await;
    client.expect(HELLO).await;
    client.expect([&HELLO.as_bytes()[..HELLO.len() - 4], &[!b'e'], b"llo"].concat()).await;
    assert_eq!((first.evidence()[0].fired, second.evidence()[0].fired), (0, 1));
    assert_eq!((first.evidence()[0].ineffective, second.evidence()[0].ineffective), (1, 0));
}

#[tokio::test]
async fn a_reply_that_is_still_to_come_is_said_to_be() {
    let bench = Bench::new().await;
    let rules = bench.install(&[], truncate(0));
    let (mut client, mut server) = bench.connect().await;
    client.send(GET).await;
    server.expect(GET).await;
    assert_eq!(outcome(&rules.evidence()[0]), "without effect so far: it was still under way");
    drop(client);
    let closed = |event: &EventKind| matches!(event, EventKind::ConnectionClosed { .. }).then_some(());
    drop(server);
    bench.log.wait_for(closed).await;
    assert!(outcome(&rules.evidence()[0]).contains("before its reply ended"), "{:?}", rules.evidence());
}

#[tokio::test]
async fn a_reply_that_is_not_understood_is_not_changed() {
    let bench = Bench::new().await;
    let rules = bench.install(&[], truncate(0));
    let (mut client, mut server) = bench.connect().await;
    client.send(GET).await;
    server.expect(GET).await;
    server.send("ICY 200 OK\r\n\r\nmusic").await;
    client.expect("ICY 200 OK\r\n\r\nmusic").await;
    assert_eq!(
        outcome(&rules.evidence()[0]),
        "without effect: its reply was not understood: a reply that is not HTTP/1.1 or HTTP/1.0; \
         1 connection passed unread: a reply that is not HTTP/1.1 or HTTP/1.0"
    );
}

#[tokio::test]
async fn requests_are_held_withheld_or_neither() {
    let fires = async |action: Action| {
        let bench = Bench::new().await;
        let rules = bench.install(&[], action);
        let (mut client, _server) = bench.connect().await;
        client.send(GET).await;
        let fired = |event: &EventKind| matches!(event, EventKind::RuleFired { .. }).then_some(());
        bench.log.wait_for(fired).await;
        assert_eq!(outcome(&rules.evidence()[0]), "fired");
    };
    for mode in [DropMode::Fin, DropMode::Reset, DropMode::Silent] {
        fires(Action::Drop(mode)).await;
    }
    fires(Action::Delay(Duration::from_secs(3600))).await;
    fires(Action::Respond(Params::default())).await;
    fires(Action::Error(Params::default())).await;
    fires(Action::Duplicate).await;
    check_inert(Action::Delay(Duration::ZERO), GET, HELLO, "a delay of 0 holds nothing back").await;
    check_inert(Action::Reorder, GET, HELLO, "it changes nothing on a connection").await;
    let put = "PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\n";
    check_inert(Action::Duplicate, put, HELLO, "it was too large to be kept whole, and went once").await;
}

#[tokio::test]
async fn a_rule_whose_delay_is_not_over_has_not_answered() {
    let bench = Bench::new().await;
    let slow = bench.install(&[], Action::Respond(Params::default()));
    let _later = bench.install(&[], Action::Delay(Duration::from_secs(3600)));
    let (mut client, mut server) = bench.connect().await;
    client.send(GET).await;
    let fired = |event: &EventKind| matches!(event, EventKind::RuleFired { .. }).then_some(());
    bench.log.wait_for(fired).await;
    assert_eq!(outcome(&slow.evidence()[0]), "without effect so far: it was still under way");
    client.0.set_zero_linger().unwrap();
    drop(client);
    let _ = server.rest().await;
    let closed = |event: &EventKind| matches!(event, EventKind::ConnectionClosed { .. }).then_some(());
    bench.log.wait_for(closed).await;
    assert_eq!(slow.evidence()[0].fired, 0);
}
