//! What rules do to the messages of open connections, and what passes untouched.

use super::super::SCHEMA;
use crate::event::EventKind;
use crate::model::{Action, Dialect, DropMode, Params, Rule};
use crate::protocol::bench::{Bench, Peer, rule};
use crate::rules::Installed;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn respond(params: &[(&'static str, Value)]) -> Action {
    Action::Respond(Params(params.iter().map(|(name, value)| (*name, value.clone().into())).collect()))
}

fn install(bench: &Bench, rules: Vec<Rule>) -> Installed {
    bench.rules.install(rules)
}

fn status(code: i64) -> Action {
    respond(&[("status", json!(code))])
}

const GET_A: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const GET_B: &str = "GET /b HTTP/1.1\r\nHost: x\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const TEAPOT: &str = "HTTP/1.1 418 I'm a teapot\r\nContent-Length: 0\r\n\r\n";

#[tokio::test]
async fn bytes_pass_as_they_are_without_rules_and_before_they_are_understood() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.connect().await;
    client.send("GET / HT").await;
    server.expect("GET / HT").await;
    client.send("TP/1.1\r\nx-ODD:  case \r\n\r\n").await;
    server.expect("TP/1.1\r\nx-ODD:  case \r\n\r\n").await;
    server.send("HTTP/1.1 2").await;
    client.expect("HTTP/1.1 2").await;
    server.send("00 OK\r\nContent-Length: 0\r\n\r\n").await;
    client.expect("00 OK\r\nContent-Length: 0\r\n\r\n").await;
}

#[tokio::test]
async fn a_rule_answers_and_other_requests_pass() {
    let bench = Bench::new().await;
    let body = json!({"error": "down"});
    let action = respond(&[("status", json!(503)), ("body", body), ("headers", json!({"Retry-After": "7"}))]);
    let rules = install(&bench, vec![rule(&[("method", "post"), ("path", "/data/*")], action)]);
    let (mut client, mut server) = bench.connect().await;
    client.send("POST /data/k HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello").await;
    client
        .expect(
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Type: application/json\r\n\
             Content-Length: 16\r\n\r\n{\"error\":\"down\"}",
        )
        .await;
    // The connection goes on, and the server saw nothing of the request.
    client.send(GET_A).await;
    server.expect(GET_A).await;
    server.send(OK).await;
    client.expect(OK).await;
    assert_eq!(bench.log.fired(), ["POST /data/k: response 503"]);
    let evidence = &rules.evidence()[0];
    assert_eq!((evidence.seen, evidence.matched, evidence.fired), (2, 1, 1));
}

#[tokio::test]
async fn an_injected_answer_waits_for_the_replies_before_it() {
    let bench = Bench::new().await;
    let _rules = install(&bench, vec![rule(&[("path", "/b")], status(418))]);
    let (mut client, mut server) = bench.connect().await;
    client.send(&format!("{GET_A}{GET_B}{GET_A}")).await;
    server.expect(&format!("{GET_A}{GET_A}")).await;
    server.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no").await;
    client.expect("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no").await;
    server.send(&format!("k{OK}")).await;
    client.expect(&format!("k{TEAPOT}{OK}")).await;
}

#[tokio::test]
async fn rules_act_at_once_on_open_connections_and_end_with_their_guard() {
    let bench = Bench::new().await;
    let (mut client, mut server) = bench.connect().await;
    for _ in 0..2 {
        client.send(GET_A).await;
        server.expect(GET_A).await;
        server.send(OK).await;
        client.expect(OK).await;
        let rules = install(&bench, vec![rule(&[], status(418))]);
        client.send(GET_A).await;
        client.expect(TEAPOT).await;
        drop(rules);
    }
}

#[tokio::test]
async fn an_answer_keeps_to_what_the_request_allows() {
    let bench = Bench::new().await;
    let action = respond(&[("status", json!(503)), ("body", json!("no"))]);
    let _rules = install(&bench, vec![rule(&[], action)]);
    let head = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\n";
    let (mut client, _server) = bench.connect().await;
    client.send("HEAD / HTTP/1.1\r\n\r\n").await;
    client.expect(&format!("{head}\r\n")).await;
    client.send("GET / HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert_eq!(client.rest().await.unwrap(), format!("{head}Connection: close\r\n\r\nno"));
    // The client waits for 100: whether its body comes is not known, so the connection ends.
    let (mut client, mut server) = bench.connect().await;
    client.send("PUT / HTTP/1.1\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n").await;
    assert_eq!(client.rest().await.unwrap(), format!("{head}Connection: close\r\n\r\nno"));
    drop(client);
    assert_eq!(server.rest().await.unwrap(), "");
}

#[tokio::test]
async fn a_chunked_request_that_a_rule_answers_is_read_to_its_end() {
    let bench = Bench::new().await;
    let _rules = install(&bench, vec![rule(&[("method", "PUT")], status(418))]);
    let (mut client, mut server) = bench.connect().await;
    client.send("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na").await;
    client.expect(TEAPOT).await;
    client.send(&format!("bc\r\n0\r\n\r\n{GET_A}")).await;
    server.expect(GET_A).await;
}

#[tokio::test]
async fn a_body_is_waited_for_only_when_a_rule_asks_for_it() {
    let bench = Bench::new().await;
    let _rules = install(&bench, vec![rule(&[("path", "/a"), ("body", "*needle*")], status(418))]);
    let (mut client, mut server) = bench.connect().await;
    let post = |path: &str, body: &str| {
        format!("POST {path} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    client.send(&post("/b", "needle")[..40]).await;
    server.expect(&post("/b", "needle")[..40]).await;
    client.send(&post("/b", "needle")[40..]).await;
    server.expect(&post("/b", "needle")[40..]).await;
    client.send(&post("/a", "a needle")[..42]).await;
    client.send(&post("/a", "a needle")[42..]).await;
    server.send(OK).await;
    client.expect(&format!("{OK}{TEAPOT}")).await;
    client.send(&post("/a", "hay")).await;
    server.expect(&post("/a", "hay")).await;
    // A client that waits to be asked for the body is asked, or both would wait for ever.
    let head = "PUT /a HTTP/1.1\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n";
    server.send(OK).await;
    client.send(head).await;
    client.expect(&format!("{OK}HTTP/1.1 100 Continue\r\n\r\n")).await;
    client.send("needle").await;
    client.expect(TEAPOT).await;
    // Behind 64 KiB a rule decides by what it has seen.
    let large = post("/a", &"x".repeat(200_000));
    client.send(&large).await;
    server.expect(&large).await;
}

#[tokio::test]
async fn half_closes_pass_each_way() {
    let bench = Bench::new().await;
    let _rules = install(&bench, vec![rule(&[("path", "/none")], status(418))]);
    let (mut client, mut server) = bench.connect().await;
    client.send(GET_A).await;
    client.0.shutdown().await.unwrap();
    assert_eq!(server.rest().await.unwrap(), GET_A);
    server.send("HTTP/1.0 200 OK\r\n\r\nuntil the end").await;
    client.expect("HTTP/1.0 200 OK\r\n\r\nuntil the end").await;
    server.0.shutdown().await.unwrap();
    assert_eq!(client.rest().await.unwrap(), "");
    let closed = |event: &EventKind| match event {
        EventKind::ConnectionClosed { to_server, to_client, .. } => Some((*to_server, *to_client)),
        _ => None,
    };
    assert_eq!(bench.log.wait_for(closed).await, (GET_A.len() as u64, 32));
}

#[tokio::test]
async fn a_dropped_request_ends_the_connection_the_way_asked_for() {
    let bench = Bench::new().await;
    let rules = install(&bench, vec![rule(&[("path", "/b")], Action::Drop(DropMode::Fin))]);
    let (mut client, mut server) = bench.connect().await;
    client.send(&format!("{GET_A}{GET_B}{GET_A}")).await;
    server.expect(GET_A).await;
    server.send(OK).await;
    assert_eq!(client.rest().await.unwrap(), OK);
    drop((client, rules));

    let rules = install(&bench, vec![rule(&[], Action::Drop(DropMode::Reset))]);
    let (mut client, mut server) = bench.connect().await;
    client.send(GET_A).await;
    assert_eq!(client.rest().await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    assert!(server.rest().await.is_err(), "the server is reset too");
    drop(rules);

    let _rules = install(&bench, vec![rule(&[("path", "/a")], Action::Drop(DropMode::Silent))]);
    let (mut client, mut server) = bench.connect().await;
    client.send(&format!("{GET_B}{GET_A}{GET_B}")).await;
    server.expect(GET_B).await;
    server.send(OK).await;
    client.expect(OK).await;
    let silent = ["GET /b: drop", "GET /a: drop (reset)", "GET /a: drop (silent)"];
    assert_eq!(bench.log.fired(), silent);
}

#[tokio::test]
async fn a_delay_holds_its_own_connection_and_no_other() {
    let bench = Bench::new().await;
    let long = install(&bench, vec![rule(&[("path", "/a")], Action::Delay(Duration::from_secs(3600)))]);
    let (mut slow, _slow_server) = bench.connect().await;
    let (mut fast, mut fast_server) = bench.connect().await;
    slow.send(GET_A).await;
    bench.log.wait_for(|event| matches!(event, EventKind::RuleFired { .. }).then_some(())).await;
    fast.send(GET_B).await;
    fast_server.expect(GET_B).await;
    drop(long);

    // Requests that came at once wait at the same time, and what is behind them waits with them.
    let delay = Duration::from_millis(200);
    let _rules = install(&bench, vec![rule(&[("path", "/a")], Action::Delay(delay))]);
    let started = Instant::now();
    fast.send(&format!("{GET_A}{GET_A}{GET_B}")).await;
    fast_server.expect(&format!("{GET_A}{GET_A}{GET_B}")).await;
    let elapsed = started.elapsed();
    assert!(elapsed >= delay && elapsed < delay * 2, "{elapsed:?}");
}

#[tokio::test]
async fn delays_add_up_and_come_before_the_answer() {
    let bench = Bench::new().await;
    let delay = Action::Delay(Duration::from_millis(20));
    let _rules = install(&bench, vec![rule(&[], delay.clone()), rule(&[], delay), rule(&[], status(418))]);
    let (mut client, _server) = bench.connect().await;
    let started = Instant::now();
    client.send(GET_A).await;
    client.expect(TEAPOT).await;
    assert!(started.elapsed() >= Duration::from_millis(40));
    assert_eq!(bench.log.fired(), ["GET /a: delay 20ms", "GET /a: delay 20ms", "GET /a: response 418"]);
}

#[tokio::test]
async fn an_answer_is_cut_short_slowed_down_or_changed() {
    let bench = Bench::new().await;
    let reply = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
    let rules = install(&bench, vec![rule(&[], Action::Truncate { bytes: 4 })]);
    let (mut client, mut server) = bench.connect().await;
    client.send(GET_A).await;
    server.send(reply).await;
    assert_eq!(client.rest().await.unwrap(), reply[..reply.len() - 6]);
    drop(rules);

    let rules = install(&bench, vec![rule(&[], Action::Corrupt { offset: 3 })]);
    let (mut client, mut server) = bench.connect().await;
    client.send(GET_A).await;
    server.expect(GET_A).await;
    server.send(reply).await;
    client.expect(&reply[..reply.len() - 7]).await;
    assert_eq!(client.0.read_u8().await.unwrap(), !b'3');
    client.expect("456789").await;
    drop(rules);

    let _rules = install(&bench, vec![rule(&[], Action::Throttle { bytes_per_second: 100 })]);
    let started = Instant::now();
    client.send(GET_A).await;
    server.expect(GET_A).await;
    server.send(reply).await;
    client.expect(reply).await;
    assert!(started.elapsed() >= Duration::from_millis(90), "{:?}", started.elapsed());
    client.send(GET_A).await;
}

#[tokio::test]
async fn what_is_not_http_is_forwarded_and_told() {
    let bench = Bench::new().await;
    let _rules = install(&bench, vec![rule(&[], status(418))]);
    let (mut client, mut server) = bench.connect().await;
    let odd = "GET /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
    client.send(odd).await;
    server.expect(odd).await;
    client.send(GET_A).await;
    server.expect(GET_A).await;
    server.send("what it likes").await;
    client.expect("what it likes").await;
    let opaque = |event: &EventKind| match event {
        EventKind::ConnectionOpaque { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    assert_eq!(bench.log.wait_for(opaque).await, "more than one Content-Length");
}

#[tokio::test]
async fn an_upgraded_connection_is_a_plain_pipe() {
    let bench = Bench::new().await;
    let _rules = install(&bench, vec![rule(&[("path", "/none")], status(418))]);
    let (mut client, mut server) = bench.connect().await;
    client.send("GET /ws HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").await;
    server.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x01").await;
    client.expect("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x01").await;
    client.send("\x02\r\n\r\n").await;
    server.expect("GET /ws HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x02\r\n\r\n").await;
}

#[tokio::test]
async fn a_dead_server_resets_and_a_stopped_relay_refuses() {
    let mut bench = Bench::new().await;
    drop(std::mem::replace(&mut bench.server, TcpListener::bind("127.0.0.1:0").await.unwrap()));
    let mut client = Peer(TcpStream::connect(bench.address).await.unwrap());
    assert_eq!(client.rest().await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
    let failed = |event: &EventKind| match event {
        EventKind::ConnectionFailed { reason, .. } => Some(reason.clone()),
        _ => None,
    };
    assert!(bench.log.wait_for(failed).await.contains("refused"));

    bench.relay.take().unwrap().stop().await;
    let refused = TcpStream::connect(bench.address).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn stopping_ends_open_connections() {
    let mut bench = Bench::new().await;
    let (mut client, mut server) = bench.connect().await;
    client.send(GET_A).await;
    server.expect(GET_A).await;
    bench.relay.take().unwrap().stop().await;
    let closed = |event: &EventKind| matches!(event, EventKind::ConnectionClosed { .. }).then_some(());
    bench.log.wait_for(closed).await;
    assert!(client.rest().await.is_ok_and(|rest| rest.is_empty()));
}

#[test]
fn every_field_of_the_schema_is_one_of_the_session() {
    let known = ["method", "path", "host", "query", "header", "body"];
    assert!(SCHEMA.fields.iter().all(|field| known.contains(&field.name)));
    assert!(SCHEMA.fields.iter().all(|field| field.name != "path" || field.dialect == Dialect::Path));
}
