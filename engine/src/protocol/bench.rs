//! A relay between a scripted client and a scripted server.

use crate::event::{EventKind, Evidence};
use crate::model::{
    Action, Clause, Endpoint, Glob, Matcher, Pattern, Protocol, Rule, RuleName, Target, Trigger,
};
use crate::proxy::{Dialer, Observer, Relay, RelayConfig};
use crate::rules::{Installed, RuleSet};
use crate::text::{FileId, Span};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// Keeps what a relay told, and wakes whoever waits for more.
#[derive(Default)]
pub(crate) struct Log {
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
    pub(crate) async fn wait_for<T>(&self, pick: impl Fn(&EventKind) -> Option<T>) -> T {
        loop {
            let more = self.more.notified();
            if let Some(found) = self.events.lock().unwrap().iter().find_map(&pick) {
                return found;
            }
            tokio::time::timeout(Duration::from_secs(20), more).await.expect("the event did not come");
        }
    }

    /// Why connections were given up.
    pub(crate) fn opaque(&self) -> Vec<String> {
        let reason = |event: &EventKind| match event {
            EventKind::ConnectionOpaque { reason, .. } => Some(reason.clone()),
            _ => None,
        };
        self.events.lock().unwrap().iter().filter_map(reason).collect()
    }

    pub(crate) fn fired(&self) -> Vec<String> {
        let describe = |event: &EventKind| match event {
            EventKind::RuleFired { action, operation, .. } => Some(format!("{operation}: {action}")),
            _ => None,
        };
        self.events.lock().unwrap().iter().filter_map(describe).collect()
    }
}

/// A relay in front of a listener the test serves itself.
pub(crate) struct Bench {
    pub(crate) relay: Option<Relay>,
    pub(crate) rules: Arc<RuleSet>,
    pub(crate) log: Arc<Log>,
    pub(crate) address: SocketAddr,
    pub(crate) server: TcpListener,
    protocol: Protocol,
}

impl Bench {
    /// Of HTTP.
    pub(crate) async fn new() -> Bench {
        Bench::of(Protocol::Http).await
    }

    pub(crate) async fn of(protocol: Protocol) -> Bench {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (rules, log) = (RuleSet::new(0), Arc::new(Log::default()));
        let config = RelayConfig {
            name: "api.public".to_owned(),
            upstream: Dialer::new(server.local_addr().unwrap()),
            rules: rules.clone(),
            session: Arc::new(move || super::session(protocol)),
            observe: log.clone(),
            prelude: None,
        };
        let relay = Some(Relay::start(vec![listener], config));
        Bench { relay, rules, log, address, server, protocol }
    }

    /// A connected pair: the client's end and the server's end.
    pub(crate) async fn connect(&self) -> (Peer, Peer) {
        let (client, server) = tokio::join!(TcpStream::connect(self.address), self.server.accept());
        (Peer(client.unwrap()), Peer(server.unwrap().0))
    }

    /// Installs one rule on operations whose fields match.
    pub(crate) fn install(&self, fields: &[(&'static str, &str)], action: Action) -> Installed {
        self.rules.install(vec![rule_on(self.protocol, fields, action)])
    }
}

/// What came of a rule: `fired`, or the reason why not, then what passed unread.
pub(crate) fn outcome(evidence: &Evidence) -> String {
    let unread: Vec<String> = evidence.unread.iter().map(ToString::to_string).collect();
    let acts = match (evidence.fired, &evidence.near_miss) {
        (0, None) => "nothing".to_owned(),
        (0, Some(miss)) => miss.reason.clone(),
        _ => "fired".to_owned(),
    };
    [vec![acts], unread].concat().join("; ")
}

/// One end of a connection, with reads that say what they wait for.
pub(crate) struct Peer(pub(crate) TcpStream);

impl Peer {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Exactly this comes next.
    pub(crate) async fn expect(&mut self, wanted: impl AsRef<[u8]>) {
        let text = String::from_utf8_lossy(wanted.as_ref());
        let mut bytes = vec![0; wanted.as_ref().len()];
        let read = tokio::time::timeout(Duration::from_secs(10), self.0.read_exact(&mut bytes)).await;
        read.unwrap_or_else(|_| panic!("{text:?} did not come")).unwrap();
        assert_eq!(String::from_utf8_lossy(&bytes), text);
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn finish(&mut self) {
        self.0.shutdown().await.unwrap();
    }

    /// Everything until the end; an error when it is a reset.
    pub(crate) async fn rest(&mut self) -> std::io::Result<String> {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), self.0.read_to_end(&mut bytes)).await;
        read.expect("the connection did not end")?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A rule on HTTP requests whose fields match.
pub(crate) fn rule(fields: &[(&'static str, &str)], action: Action) -> Rule {
    rule_on(Protocol::Http, fields, action)
}

fn rule_on(protocol: Protocol, fields: &[(&'static str, &str)], action: Action) -> Rule {
    let clause = |(field, pattern): &(&'static str, &str)| {
        let spec = super::schema(protocol).fields.iter().find(|at| at.name == *field).unwrap();
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
