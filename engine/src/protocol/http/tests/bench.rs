//! A relay between a scripted client and a scripted server.

use super::super::{HttpSession, SCHEMA};
use crate::event::EventKind;
use crate::model::{Action, Clause, Endpoint, Glob, Matcher, Pattern, Rule, RuleName, Target, Trigger};
use crate::proxy::{Dialer, Observer, Relay, RelayConfig};
use crate::rules::RuleSet;
use crate::text::{FileId, Span};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Keeps what a relay told, and wakes whoever waits for more.
#[derive(Default)]
pub(super) struct Log {
    events: Mutex<Vec<EventKind>>,
    more: Notify,
}

impl Observer for Log {
    fn event(&self, kind: EventKind) {
        self.events.lock().unwrap().push(kind);
        self.more.notify_waiters();
    }
}

impl Log {
    /// Waits for an event that `pick` makes something of.
    pub(super) async fn wait_for<T>(&self, pick: impl Fn(&EventKind) -> Option<T>) -> T {
        loop {
            let more = self.more.notified();
            if let Some(found) = self.events.lock().unwrap().iter().find_map(&pick) {
                return found;
            }
            more.await;
        }
    }

    /// Why connections were given up.
    pub(super) fn opaque(&self) -> Vec<String> {
        let reason = |event: &EventKind| match event {
            EventKind::ConnectionOpaque { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        self.events.lock().unwrap().iter().filter_map(reason).collect()
    }

    pub(super) fn fired(&self) -> Vec<String> {
        let describe = |event: &EventKind| match event {
            EventKind::RuleFired { action, operation, .. } => Some(format!("{operation}: {action}")),
            _ => None,
        };
        self.events.lock().unwrap().iter().filter_map(describe).collect()
    }
}

/// A relay in front of a listener the test serves itself.
pub(super) struct Bench {
    pub(super) relay: Option<Relay>,
    pub(super) rules: Arc<RuleSet>,
    pub(super) log: Arc<Log>,
    pub(super) address: SocketAddr,
    pub(super) server: TcpListener,
}

impl Bench {
    pub(super) async fn new() -> Bench {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (rules, log) = (RuleSet::new(0), Arc::new(Log::default()));
        let config = RelayConfig {
            name: "api.public".to_owned(),
            upstream: Dialer::new(server.local_addr().unwrap()),
            rules: rules.clone(),
            session: Arc::new(|| Box::new(HttpSession::new())),
            observe: log.clone(),
            prelude: None,
        };
        Bench { relay: Some(Relay::start(vec![listener], config)), rules, log, address, server }
    }

    /// A connected pair: the client's end and the server's end.
    pub(super) async fn connect(&self) -> (Peer, Peer) {
        let (client, server) = tokio::join!(TcpStream::connect(self.address), self.server.accept());
        (Peer(client.unwrap()), Peer(server.unwrap().0))
    }
}

/// One end of a connection, with reads that say what they wait for.
pub(super) struct Peer(pub(super) TcpStream);

impl Peer {
    pub(super) async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Exactly this comes next.
    pub(super) async fn expect(&mut self, text: &str) {
        let mut bytes = vec![0; text.len()];
        let read = tokio::time::timeout(Duration::from_secs(10), self.0.read_exact(&mut bytes)).await;
        read.unwrap_or_else(|_| panic!("{text:?} did not come")).unwrap();
        assert_eq!(String::from_utf8_lossy(&bytes), text);
    }

    /// Everything until the end; an error when it is a reset.
    pub(super) async fn rest(&mut self) -> std::io::Result<String> {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), self.0.read_to_end(&mut bytes)).await;
        read.expect("the connection did not end")?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A rule on requests whose fields match.
pub(super) fn rule(fields: &[(&'static str, &str)], action: Action) -> Rule {
    let clause = |(field, pattern): &(&'static str, &str)| {
        let spec = SCHEMA.fields.iter().find(|at| at.name == *field).unwrap();
        let pattern = Pattern::Glob(Glob::new(pattern, spec.dialect, spec.fold_case));
        Clause { field, key: None, pattern }
    };
    Rule {
        name: RuleName("fault[0]".into()),
        target: Target::Interface(Endpoint { service: "api".into(), interface: "public".into() }),
        matcher: Matcher::Message(fields.iter().map(clause).collect()),
        action,
        trigger: Trigger::ALWAYS,
        label: None,
        span: Span::start_of(FileId(0)),
    }
}
