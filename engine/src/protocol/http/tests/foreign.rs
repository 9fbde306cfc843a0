//! Connections that are no HTTP, or no longer: they pass at once, and evidence says so.

use crate::event::EventKind;
use crate::model::{Action, Params};
use crate::protocol::bench::{Bench, Peer, outcome};

const GET_A: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn answer() -> Action {
    Action::Respond(Params::default())
}

/// The client sends `first` and waits; it must reach the server, and what comes of the rule is `expected`.
async fn check(first: &[u8], expected: &str) {
    let bench = Bench::new().await;
    let rules = bench.install(&[("path", "/none")], answer());
    let (mut client, mut server) = bench.connect().await;
    client.send(first).await;
    server.expect(first).await;
    server.send(b"\x15\x03\x03any answer").await;
    client.expect(b"\x15\x03\x03any answer").await;
    client.send(GET_A).await;
    server.expect(GET_A).await;
    assert_eq!(outcome(&rules.evidence()[0]), format!("nothing; {expected}"), "{first:?}");
}

#[tokio::test]
async fn a_client_of_another_protocol_is_not_kept_waiting() {
    let hello = [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(), &[7; 507]].concat();
    check(&hello, "1 connection passed unread: the client speaks TLS").await;
    check(b"\x16\x03", "1 connection passed unread: the client speaks TLS").await;
    check(
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
        "1 connection passed unread: the client speaks HTTP/2",
    )
    .await;
    let no_request = "1 connection passed unread: a request line without a target";
    check(b"PING\r\n", no_request).await;
    check(b"EHLO\r\n", no_request).await;
    check(b"EHLO a\r\n", "1 connection passed unread: not HTTP/1.1 or HTTP/1.0").await;
    check(b"*1\r\n$4\r\nPING\r\n", no_request).await;
    for binary in [&b"\0\0\0\x08\x04\xd2\x16\x2f"[..], b"\x10\x0c\0\x04MQTT", b"\x16\x01", b"\xff", b" "] {
        check(binary, "1 connection passed unread: a method that is no token").await;
    }
    check(&[b'A'; 64], "1 connection passed unread: a method of 64 bytes or more").await;
}

#[tokio::test]
async fn a_client_that_says_half_a_word_is_kept_for_a_moment_only() {
    let check = async |first: &str| {
        let bench = Bench::new().await;
        let rules = bench.install(&[], answer());
        let (mut client, mut server) = bench.connect().await;
        client.send(first).await;
        server.expect(first).await;
        let expected = "nothing; 1 request not read whole: the client sent no more of it for 1s";
        assert_eq!(outcome(&rules.evidence()[0]), expected);
        server.send("answer").await;
        client.expect("answer").await;
    };
    let in_head = "GET / HTTP/1.1\r\nHost: x\r\n";
    tokio::join!(check("hello"), check("G"), check("\r"), check(in_head), check("\u{16}"));
}

#[tokio::test]
async fn a_request_that_passed_in_part_passes_and_the_next_is_read() {
    let bench = Bench::new().await;
    let rules = bench.install(&[("path", "/a")], answer());
    let (mut client, mut server) = bench.connect().await;
    let (half, rest) = GET_A.split_at(9);
    client.send(half).await;
    server.expect(half).await;
    client.send(rest).await;
    server.expect(rest).await;
    server.send(OK).await;
    client.expect(OK).await;
    assert_eq!(rules.evidence()[0].fired, 0);
    client.send(GET_A).await;
    client.expect("HTTP/1.1 500 Internal Server Error\r\n").await;
    assert_eq!(
        outcome(&rules.evidence()[0]),
        "fired; 1 request not read whole: the client sent no more of it for 1s"
    );
}

#[tokio::test]
async fn a_server_may_speak_first() {
    for greeting in [&b"220 mail ready\r\n"[..], b"J\0\0\0\x0a8.0.1", b"SSH-2.0-x\r\n", b"+OK\r\n"] {
        let bench = Bench::new().await;
        let rules = bench.install(&[], answer());
        let (mut client, mut server) = bench.connect().await;
        server.send(greeting).await;
        client.expect(greeting).await;
        client.send("hello").await;
        server.expect("hello").await;
        let expected = "nothing; 1 connection passed unread: the server speaks first, and it is not HTTP";
        assert_eq!(outcome(&rules.evidence()[0]), expected);
    }
}

#[tokio::test]
async fn a_server_that_speaks_tls_to_a_plain_request_is_named() {
    let bench = Bench::new().await;
    let rules = bench.install(&[("path", "/none")], answer());
    let (mut client, mut server) = bench.connect().await;
    client.send(GET_A).await;
    server.expect(GET_A).await;
    server.send(b"\x15\x03\x01\0\x02\x02\x46").await;
    client.expect(b"\x15\x03\x01\0\x02\x02\x46").await;
    assert_eq!(
        outcome(&rules.evidence()[0]),
        "path is not /none; 1 connection passed unread: the server speaks TLS"
    );
}

const ODD: &str = "GET /a HTTP/1.1\r\nContent-Length:\t3\r\n\r\nabc";
const IS_ODD: &str = "1 connection passed unread: a tab around a framing value";

async fn pass(client: &mut Peer, server: &mut Peer, bytes: &str) {
    client.send(bytes).await;
    server.expect(bytes).await;
}

#[tokio::test]
async fn unread_connections_are_in_the_evidence_of_rules_that_fired() {
    let bench = Bench::new().await;
    let rules = bench.install(&[("path", "/b")], answer());
    let (mut client, mut server) = bench.connect().await;
    pass(&mut client, &mut server, ODD).await;
    let (mut other, _other_server) = bench.connect().await;
    other.send("GET /b HTTP/1.1\r\n\r\n").await;
    other.expect("HTTP/1.1 500").await;
    assert_eq!(outcome(&rules.evidence()[0]), format!("fired; {IS_ODD}"));
}

#[tokio::test]
async fn what_is_unread_when_a_rule_is_installed_and_still_open_is_in_its_evidence() {
    let bench = Bench::new().await;
    // Without rules too, requests are read.
    let (mut gone, mut gone_server) = bench.connect().await;
    pass(&mut gone, &mut gone_server, ODD).await;
    drop((gone, gone_server));
    let closed = |event: &EventKind| matches!(event, EventKind::ConnectionClosed { .. }).then_some(());
    bench.log.wait_for(closed).await;
    let before = bench.install(&[], answer());
    assert_eq!(outcome(&before.evidence()[0]), "nothing", "that is over");

    drop(before);
    let (mut open, mut open_server) = bench.connect().await;
    pass(&mut open, &mut open_server, ODD).await;
    let later = bench.install(&[], answer());
    assert_eq!(outcome(&later.evidence()[0]), format!("nothing; {IS_ODD}"));
    drop((open, open_server));
    assert_eq!(outcome(&later.evidence()[0]), format!("nothing; {IS_ODD}"), "it was open meanwhile");
}

#[tokio::test]
async fn a_connection_that_carries_nothing_is_not_unread() {
    let bench = Bench::new().await;
    let rules = bench.install(&[], answer());
    let (client, mut server) = bench.connect().await;
    drop(client);
    assert_eq!(server.rest().await.unwrap(), "");
    assert_eq!(outcome(&rules.evidence()[0]), "nothing");
}

#[tokio::test]
async fn a_connection_that_both_sides_upgrade_is_told_apart_from_one_that_is_not_understood() {
    let check = async |request: &str, reply: &str, expected: &str| {
        let bench = Bench::new().await;
        let rules = bench.install(&[("path", "/none")], answer());
        let (mut client, mut server) = bench.connect().await;
        pass(&mut client, &mut server, request).await;
        server.send(reply).await;
        client.expect(reply).await;
        assert_eq!(rules.evidence()[0].unread, [], "nothing was said in the other protocol yet");
        pass(&mut client, &mut server, "\u{81}x").await;
        assert_eq!(rules.evidence()[0].unread[0].to_string(), expected);
    };
    let upgrade = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n";
    check(GET_A, upgrade, "1 connection left the protocol: 101 Switching Protocols").await;
    let connect = "CONNECT a:1 HTTP/1.1\r\n\r\n";
    check(connect, "HTTP/1.1 200 x\r\n\r\n", "1 connection left the protocol: CONNECT").await;
}

const STREAM: &str = "POST /s HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

/// The client sends a head and one piece of its content, and waits until the server has it.
async fn check_stream(pattern: &str, piece: &str, expected: &str) {
    let bench = Bench::new().await;
    let rules = bench.install(&[("body", pattern)], answer());
    let (mut client, mut server) = bench.connect().await;
    client.send(STREAM).await;
    client.send(piece).await;
    server.expect(format!("{STREAM}{piece}")).await;
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n").await;
    server.send("echoed").await;
    client.expect("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nechoed").await;
    assert_eq!(outcome(&rules.evidence()[0]), expected, "{pattern}");
}

#[tokio::test]
async fn a_stream_is_let_go_when_its_body_can_match_no_more_or_its_client_waits() {
    check_stream("zzz*", "5\r\nhello\r\n", "body is not zzz*").await;
    check_stream("hell", "5\r\nhello\r\n", "body is not hell").await;
    check_stream("h?llow*", "1\r\nh\r\n5\r\nallo!\r\n", "body is not h?llow*").await;
    let waited = "1 request not read whole: the client sent no more of it for 1s";
    let misses =
        ["hello w*", "*needle*"].map(|pattern| (pattern, format!("body is not {pattern}; {waited}")));
    let [more, needle] =
        misses.each_ref().map(|(pattern, miss)| check_stream(pattern, "5\r\nhello\r\n", miss));
    tokio::join!(more, needle);
}

#[tokio::test]
async fn a_body_that_matches_whatever_follows_is_answered_at_once() {
    let bench = Bench::new().await;
    let rules = bench.install(&[("body", "*needle*")], answer());
    let (mut client, _server) = bench.connect().await;
    client.send(format!("{STREAM}8\r\na needle\r\n")).await;
    client.expect("HTTP/1.1 500 Internal Server Error\r\n").await;
    assert_eq!(outcome(&rules.evidence()[0]), "fired");
}

#[tokio::test]
async fn a_body_that_is_not_looked_at_whole_is_told_to_the_rules_that_wait_for_it() {
    let bench = Bench::new().await;
    let rules = bench.install(&[("body", "*needle")], answer());
    let elsewhere = bench.install(&[("path", "/none"), ("body", "*needle")], answer());
    let other = bench.install(&[("path", "/none")], answer());
    let (mut client, mut server) = bench.connect().await;
    let large = format!("POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000));
    pass(&mut client, &mut server, &large).await;
    let expected = "body is not *needle; 1 request not read whole: its body is longer than 64 KiB";
    assert_eq!(outcome(&rules.evidence()[0]), expected);
    assert_eq!(outcome(&elsewhere.evidence()[0]), "path is not /none");
    assert_eq!(outcome(&other.evidence()[0]), "path is not /none");
}

/// A reply that ends the dialogue must not let the rest of an answered request through as a request of its own.
#[tokio::test]
async fn what_is_left_of_an_answered_request_never_reaches_the_server() {
    let bench = Bench::new().await;
    let _rules = bench.install(&[("method", "PUT")], answer());
    let (mut client, mut server) = bench.connect().await;
    pass(&mut client, &mut server, GET_A).await;
    client.send("PUT / HTTP/1.1\r\nContent-Length: 30\r\n\r\nabc").await;
    let fired = |event: &EventKind| matches!(event, EventKind::RuleFired { .. }).then_some(());
    bench.log.wait_for(fired).await;
    server.send("no HTTP").await;
    client.expect("no HTTP").await;
    client.send("GET /smuggled HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.rest().await.unwrap(), "");
    drop(client);
    assert_eq!(server.rest().await.unwrap(), "");
}
