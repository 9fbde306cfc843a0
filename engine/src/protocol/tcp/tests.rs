//! Plain TCP through a relay, and its step.

use super::{TcpSession, step};
use crate::event::EventKind;
use crate::model::{
    Action, Clause, Dialect, DropMode, Endpoint, Glob, Matcher, Params, Pattern, Rule, RuleName, StepCall,
    StepId, StepReply, Target, Trigger,
};
use crate::proxy::{Dialer, Observer, Relay, RelayConfig};
use crate::rules::RuleSet;
use crate::text::{FileId, Span};
use serde_json::json;
use std::net::SocketAddr;
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

async fn send(address: SocketAddr, data: &str) -> StepReply {
    let call = StepCall {
        endpoint: Endpoint { service: "db".into(), interface: "main".into() },
        method: "send",
        args: [("data", json!(data))].into(),
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
    let body = Action::Respond(Params([("body", json!("NO\nmore"))].into()));
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
