//! Rules on a relayed Redis connection: what comes of them, and what passes unread.

use crate::event::EventKind;
use crate::model::{Action, DropMode, Params, Protocol};
use crate::protocol::bench::{Bench, outcome};
use serde_json::json;
use std::time::Duration;

const GET: &str = "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
const PING: &str = "PING\r\n";
const HELLO: &str = "$5\r\nhello\r\n";

fn value(text: &str) -> Action {
    Action::Respond(Params([("value", json!(text).into())].into()))
}

fn error() -> Action {
    Action::Error(Params::default())
}

/// The client asks and gets this reply whole; `GET` has the rule.
async fn check_inert(action: Action, talk: &[(&str, &str)], expected: &str) {
    let bench = Bench::of(Protocol::Redis).await;
    let rules = bench.install(&[("command", "GET")], action.clone());
    let (mut client, mut server) = bench.connect().await;
    for (commands, replies) in talk {
        client.send(commands).await;
        server.expect(commands).await;
        server.send(replies).await;
        client.expect(replies).await;
    }
    assert_eq!(outcome(&rules.evidence()[0]), format!("without effect: {expected}"), "{action}");
    assert_eq!(bench.log.fired(), [""; 0]);
}

#[tokio::test]
async fn a_rule_that_changes_nothing_says_why() {
    let all = "the reply has 11 bytes, and";
    let plain = [(GET, HELLO)];
    check_inert(Action::Truncate { bytes: 11 }, &plain, &format!("{all} truncate keeps 11")).await;
    let slow = Action::Throttle { bytes_per_second: 1_000_000 };
    check_inert(slow, &plain, &format!("{all} at 1000000 bytes per second none had to wait")).await;
    check_inert(Action::Delay(Duration::ZERO), &plain, "a delay of 0 holds nothing back").await;
    let silenced = [
        ("CLIENT REPLY OFF\r\nGET k\r\nCLIENT REPLY ON\r\n", "+OK\r\n"),
        ("CLIENT REPLY SKIP\r\nGET k\r\nPING\r\n", "+PONG\r\n"),
    ];
    check_inert(Action::Truncate { bytes: 0 }, &silenced, "the server does not reply to it").await;
    let queued = [("MULTI\r\nGET k\r\nEXEC\r\n", "+OK\r\n+QUEUED\r\n*1\r\n$-1\r\n")];
    let refused = "the protocol cannot answer this unit with a value: it is queued by MULTI";
    check_inert(value("x"), &queued, refused).await;
}

#[tokio::test]
async fn a_reply_is_cut_within_its_bytes() {
    for (bytes, reply) in [(0, HELLO), (3, HELLO), (10, HELLO), (0, ":1\r\n"), (6, "*2\r\n:1\r\n:2\r\n")] {
        let bench = Bench::of(Protocol::Redis).await;
        let rules = bench.install(&[], Action::Truncate { bytes });
        let (mut client, mut server) = bench.connect().await;
        client.send(GET).await;
        server.expect(GET).await;
        server.send(reply).await;
        assert_eq!(client.rest().await.unwrap(), &reply[..bytes as usize]);
        assert_eq!(outcome(&rules.evidence()[0]), "fired");
    }
}

#[tokio::test]
async fn an_error_in_a_transaction_has_fired_when_the_server_failed_it_too() {
    let bench = Bench::of(Protocol::Redis).await;
    let rules = bench.install(&[("command", "GET")], error());
    let (mut client, mut server) = bench.connect().await;
    client.send("MULTI\r\nGET k\r\n").await;
    server.expect("MULTI\r\n*1\r\n$3\r\nGET\r\n").await;
    server.send("+OK\r\n").await;
    client.expect("+OK\r\n").await;
    assert_eq!(rules.evidence()[0].fired, 0);
    server.send("-ERR wrong number\r\n").await;
    client.expect("-ERR injected fault\r\n").await;
    assert_eq!(outcome(&rules.evidence()[0]), "fired");
    // What the server never sees is withheld at once, though it fails to answer what came in its stead.
    client.send(GET).await;
    server.expect("*1\r\n$3\r\nGET\r\n").await;
    drop(server);
    let _ = client.rest().await;
    drop(client);
    let closed = |event: &EventKind| matches!(event, EventKind::ConnectionClosed { .. }).then_some(());
    bench.log.wait_for(closed).await;
    assert_eq!(rules.evidence()[0].fired, 2);
}

#[tokio::test]
async fn a_silent_drop_ends_all_replies_and_all_messages() {
    let bench = Bench::of(Protocol::Redis).await;
    let rules = bench.install(&[("command", "GET")], Action::Drop(DropMode::Silent));
    let other = bench.install(&[("command", "PING")], value("x"));
    let (mut client, mut server) = bench.connect().await;
    client.send("SUBSCRIBE c\r\n").await;
    server.expect("SUBSCRIBE c\r\n").await;
    let subscribed = "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n";
    client.send(format!("{GET}{PING}")).await;
    server.send(subscribed).await;
    client.expect(subscribed).await;
    server.send("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n").await;
    server.finish().await;
    client.finish().await;
    assert_eq!(client.rest().await.unwrap(), "");
    assert_eq!(server.rest().await.unwrap(), "");
    assert_eq!(outcome(&rules.evidence()[0]), "fired");
    assert_eq!(other.evidence()[0].fired, 0);
}

#[tokio::test]
async fn a_client_that_speaks_tls_passes_and_is_named() {
    let bench = Bench::of(Protocol::Redis).await;
    let rules = bench.install(&[], error());
    let (mut client, mut server) = bench.connect().await;
    let hello = b"\x16\x03\x01\0\xc8\x01\0\0\xc4\x03\x03";
    client.send(hello).await;
    server.expect(hello).await;
    server.send(b"\x16\x03\x03").await;
    client.expect(b"\x16\x03\x03").await;
    assert_eq!(outcome(&rules.evidence()[0]), "nothing; 1 connection passed unread: the client speaks TLS");
}

#[tokio::test]
async fn half_a_command_is_kept_for_a_moment_only() {
    let bench = Bench::of(Protocol::Redis).await;
    let rules = bench.install(&[], error());
    let (mut client, mut server) = bench.connect().await;
    client.send("*2\r\n$3\r\nGET\r\n").await;
    server.expect("*2\r\n$3\r\nGET\r\n").await;
    client.send("$1\r\nk\r\n").await;
    server.expect("$1\r\nk\r\n").await;
    server.send(HELLO).await;
    client.expect(HELLO).await;
    client.send(GET).await;
    client.expect("-ERR injected fault\r\n").await;
    assert_eq!(
        outcome(&rules.evidence()[0]),
        "fired; 1 request not read whole: the client sent no more of it for 1s"
    );
}

#[tokio::test]
async fn a_connection_that_becomes_a_stream_left_the_protocol() {
    let bench = Bench::of(Protocol::Redis).await;
    let rules = bench.install(&[], error());
    let (mut client, mut server) = bench.connect().await;
    client.send("MONITOR\r\n").await;
    server.expect("MONITOR\r\n").await;
    assert_eq!(rules.evidence()[0].unread[0].to_string(), "1 connection left the protocol: MONITOR");
}
