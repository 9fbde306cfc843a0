//! Plain TCP through a relay, and its step.

use super::{TcpSession, step};
use crate::event::EventKind;
use crate::model::{
    Action, Clause, Data, Dialect, DropMode, Endpoint, Glob, Matcher, Params, Pattern, Protocol, Rule,
    RuleName, StepCall, StepId, StepReply, Target, Trigger,
};
use crate::protocol::bench::{Bench, outcome};
use crate::proxy::{Dialer, Observer, Relay, RelayConfig};
use crate::rules::RuleSet;
use crate::text::{FileId, Span};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv, send as send_with, setsockopt, sockopt};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

struct Deaf;

impl Observer for Deaf {
    fn event(&self, _kind: EventKind) {}
}

/// A relay in front of a server that greets, then answers each connection's first line with `PONG` and closes.
async fn start(rules: &Arc<RuleSet>) -> (Relay, SocketAddr) {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = RelayConfig {
        name: "db.main".to_owned(),
        upstream: Dialer::new(server.local_addr().unwrap()),
        rules: rules.clone(),
        session: Arc::new(|| Box::new(TcpSession::new())),
        observe: Arc::new(Deaf),
        prelude: None,
    };
    tokio::spawn(async move {
        while let Ok((mut peer, _)) = server.accept().await {
            tokio::spawn(async move {
                let mut line = [0; 64];
                // A client that goes away is no concern of this server.
                if matches!(peer.read(&mut line).await, Ok(count) if count > 0) {
                    let _ = peer.write_all(b"PONG again\n").await;
                }
            });
        }
    });
    (Relay::start(vec![listener], config), address)
}

async fn send(address: SocketAddr, data: impl Into<Data>) -> StepReply {
    let call = StepCall {
        endpoint: Endpoint { service: "db".into(), interface: "main".into() },
        method: "send",
        args: [("data", data.into())].into(),
        span: Span::start_of(FileId(0)),
    };
    step(&Dialer::new(address), &call, StepId(1), Duration::from_secs(10)).await
}

fn rule(action: Action) -> Rule {
    let pattern = Pattern::Glob(Glob::new("SET *", Dialect::Plain, false));
    Rule {
        name: RuleName("fault[0]".into()),
        target: Target::Interface(Endpoint { service: "db".into(), interface: "main".into() }),
        matcher: Matcher::Message(vec![Clause { field: "data", key: None, pattern }]),
        action,
        trigger: Trigger::ALWAYS,
        label: None,
        span: Span::start_of(FileId(0)),
    }
}

#[tokio::test]
async fn rules_act_on_a_connections_first_bytes() {
    let rules = RuleSet::new(0);
    let (_relay, address) = start(&rules).await;
    let check = async |action: Action, expected: Result<&str, &str>| {
        let text = format!("{action}");
        let _installed = rules.install(vec![rule(action)]);
        assert_eq!(send(address, "GET k").await.body, "PONG again");
        let reply = send(address, "SET k").await;
        let found = if reply.ok { Ok(reply.body.as_str()) } else { Err(reply.error.as_str()) };
        match (found, expected) {
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{text}: {found}"),
            (found, expected) => assert_eq!(found, expected, "{text}"),
        }
    };
    let body = Action::Respond(Params([("body", "NO\nmore".into())].into()));
    check(body, Ok("NO")).await;
    check(Action::Drop(DropMode::Fin), Err("closed without an answer")).await;
    check(Action::Drop(DropMode::Reset), Err("reset")).await;
    check(Action::Truncate { bytes: 4 }, Ok("PONG")).await;
    check(Action::Corrupt { offset: 1 }, Ok("P\u{fffd}NG again")).await;
    check(Action::Throttle { bytes_per_second: 1000 }, Ok("PONG again")).await;
    check(Action::Delay(Duration::from_millis(20)), Ok("PONG again")).await;
}

/// A client and a server with a relay between them.
async fn connected(rules: &Arc<RuleSet>) -> (Relay, TcpStream, TcpStream) {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let config = RelayConfig {
        name: "mail.smtp".to_owned(),
        upstream: Dialer::new(server.local_addr().unwrap()),
        rules: rules.clone(),
        session: Arc::new(|| Box::new(TcpSession::new())),
        observe: Arc::new(Deaf),
        prelude: None,
    };
    let relay = Relay::start(vec![listener], config);
    let (client, accepted) = tokio::join!(TcpStream::connect(address), server.accept());
    (relay, client.unwrap(), accepted.unwrap().0)
}

#[tokio::test]
async fn a_server_may_speak_first() {
    let rules = RuleSet::new(0);
    let _installed = rules.install(vec![rule(Action::Drop(DropMode::Fin))]);
    let (_relay, mut client, mut peer) = connected(&rules).await;
    let mut seen = [0; 4];
    peer.write_all(b"220 ").await.unwrap();
    client.read_exact(&mut seen).await.unwrap();
    client.write_all(b"EHLO").await.unwrap();
    peer.read_exact(&mut seen).await.unwrap();
    assert_eq!(&seen, b"EHLO");
}

/// Redis does this after a protocol error: it answers, and closes although more is coming in.
#[tokio::test]
async fn a_client_that_keeps_writing_learns_that_the_server_closed() {
    let rules = RuleSet::new(0);
    let _installed = rules.install(vec![rule(Action::Drop(DropMode::Fin))]);
    let (_relay, mut client, mut peer) = connected(&rules).await;
    client.write_all(b"first").await.unwrap();
    // What is left unread turns the server's close into a reset.
    assert_eq!(peer.read_u8().await.unwrap(), b'f');
    // Nothing is awaited in between, so the relay meets the answer, the reset and more to write all at once.
    assert_eq!(peer.try_write(b"bye").unwrap(), 3);
    drop(peer);
    assert_eq!(client.try_write(b"second").unwrap(), 6);
    let mut answer = [0; 3];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"bye");
    let refused = async { while client.write_all(b"more").await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(10), refused).await.expect("the client may write for ever");
}

#[tokio::test]
async fn a_rule_that_changes_nothing_says_why_when_the_connection_ends() {
    let check = async |action: Action, greeting: &str, reply: &str, expected: &str| {
        let bench = Bench::of(Protocol::Tcp).await;
        let rules = bench.install(&[("data", "SET *")], action);
        let (mut client, mut server) = bench.connect().await;
        server.send(greeting).await;
        client.expect(greeting).await;
        client.send("SET k").await;
        server.expect("SET k").await;
        server.send(reply).await;
        client.expect(reply).await;
        assert_eq!(outcome(&rules.evidence()[0]), "without effect so far: it was still under way");
        server.finish().await;
        assert_eq!(client.rest().await.unwrap(), "");
        assert_eq!(outcome(&rules.evidence()[0]), format!("without effect: {expected}"));
    };
    let truncate = |bytes| Action::Truncate { bytes };
    check(truncate(2), "", "ok", "the reply has 2 bytes, and truncate keeps 2").await;
    check(truncate(2), "220 ", "ok", "the reply has 2 bytes, and truncate keeps 2").await;
    let beyond = "the reply has 2 bytes, and corrupt changes the one at offset 2";
    check(Action::Corrupt { offset: 2 }, "220 ", "ok", beyond).await;
    let slow = Action::Throttle { bytes_per_second: 1_000_000 };
    check(slow, "", "ok", "the reply has 2 bytes, and at 1000000 bytes per second none had to wait").await;
    check(truncate(0), "220 ", "", "the server closed the connection before its reply ended").await;
}

#[tokio::test]
async fn a_silent_drop_ends_all_replies() {
    let bench = Bench::of(Protocol::Tcp).await;
    let rules = bench.install(&[("data", "SET *")], Action::Drop(DropMode::Silent));
    let (mut client, mut server) = bench.connect().await;
    server.send("220 ").await;
    client.expect("220 ").await;
    client.send("SET k").await;
    let fired = |event: &EventKind| matches!(event, EventKind::RuleFired { .. }).then_some(());
    bench.log.wait_for(fired).await;
    client.send("GET k").await;
    server.send("a late word").await;
    client.finish().await;
    assert_eq!(client.rest().await.unwrap(), "");
    assert_eq!(server.rest().await.unwrap(), "");
    assert_eq!(outcome(&rules.evidence()[0]), "fired");
}

#[tokio::test]
async fn tls_is_bytes_like_any_other_here() {
    let bench = Bench::of(Protocol::Tcp).await;
    let rules = bench.install(&[], Action::Corrupt { offset: 0 });
    let (mut client, mut server) = bench.connect().await;
    client.send(b"\x16\x03\x01").await;
    server.expect(b"\x16\x03\x01").await;
    server.send(b"\x0f").await;
    client.expect(b"\xf0").await;
    assert_eq!(outcome(&rules.evidence()[0]), "fired");
}

#[tokio::test]
async fn bytes_go_out_and_come_back_as_they_are() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let serve = async {
        let mut peer = server.accept().await.unwrap().0;
        let mut request = [0; 3];
        peer.read_exact(&mut request).await.unwrap();
        peer.write_all(b" \xff\x80 \r\nmore").await.unwrap();
        request
    };
    let (reply, request) = tokio::join!(send(address, Data::bytes(*b"\0\xff\r")), serve);
    assert_eq!(&request, b"\0\xff\r", "no line end is put after bytes");
    assert_eq!(reply.raw.as_deref(), Some(&b" \xff\x80 \r\n"[..]));
    let rules = RuleSet::new(0);
    let (_relay, address) = start(&rules).await;
    let body = Action::Respond(Params([("body", Data::bytes(*b"\xff\x80\0"))].into()));
    let _installed = rules.install(vec![rule(body)]);
    let reply = send(address, Data::bytes(*b"SET k")).await;
    assert_eq!(reply.raw.as_deref(), Some(&b"\xff\x80\0"[..]));
    assert_eq!(send(address, "GET k").await.raw, None, "text answers text");
}

/// A client and a server with a relay between them, for reads that block: the runtime's own are misled by urgent data.
async fn blocking(rules: &Arc<RuleSet>) -> (Relay, std::net::TcpStream, std::net::TcpStream) {
    let (relay, client, peer) = connected(rules).await;
    let [client, peer] = [client, peer].map(|stream| {
        let stream = stream.into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    });
    (relay, client, peer)
}

fn send_urgent(from: &std::net::TcpStream) {
    assert_eq!(send_with(from.as_raw_fd(), b"!", MsgFlags::MSG_OOB).unwrap(), 1);
}

/// Waits for urgent data and takes it, as a program does that keeps it out of its stream.
fn take_urgent(at: &std::net::TcpStream) -> u8 {
    let mut fds = [PollFd::new(at.as_fd(), PollFlags::POLLPRI)];
    assert_eq!(poll(&mut fds, PollTimeout::from(10_000_u16)).unwrap(), 1, "no urgent data came");
    let mut byte = [0];
    assert_eq!(recv(at.as_raw_fd(), &mut byte, MsgFlags::MSG_OOB).unwrap(), 1);
    byte[0]
}

#[tokio::test]
async fn urgent_data_arrives_as_such_in_both_directions() {
    for delay in [0, 20] {
        let rules = RuleSet::new(0);
        let _installed = rules.install(vec![rule(Action::Delay(Duration::from_millis(delay)))]);
        let (_relay, mut client, mut peer) = blocking(&rules).await;
        let talk = move || {
            let mut seen = [0; 8];
            client.write_all(b"SET ").unwrap();
            send_urgent(&client);
            client.write_all(b"more").unwrap();
            assert_eq!(take_urgent(&peer), b'!');
            peer.read_exact(&mut seen).unwrap();
            assert_eq!(&seen, b"SET more");
            // First in what comes, and alone.
            send_urgent(&peer);
            assert_eq!(take_urgent(&client), b'!');
            peer.write_all(b"so").unwrap();
            client.read_exact(&mut seen[..2]).unwrap();
            assert_eq!(&seen[..2], b"so");
        };
        tokio::task::spawn_blocking(talk).await.unwrap();
    }
}

#[tokio::test]
async fn urgent_data_keeps_its_place_in_the_stream() {
    let rules = RuleSet::new(0);
    let _installed = rules.install(vec![rule(Action::Drop(DropMode::Fin))]);
    let (_relay, mut client, mut peer) = blocking(&rules).await;
    setsockopt(&peer, sockopt::OobInline, &true).unwrap();
    let talk = move || {
        let mut sent = Vec::new();
        for at in 0..100_u8 {
            client.write_all(&[at; 3]).unwrap();
            send_urgent(&client);
            sent.extend_from_slice(&[at, at, at, b'!']);
        }
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut seen = Vec::new();
        peer.read_to_end(&mut seen).unwrap();
        assert_eq!(seen, sent);
    };
    tokio::task::spawn_blocking(talk).await.unwrap();
}
