//! A relay for datagrams: every datagram of a client is an operation of its own.
//!
//! Nothing orders datagrams, so a delayed one holds up no other. Each client gets a socket towards the server, so
//! that answers find back; answers pass untouched.

use super::action;
use super::dial::Dialer;
use super::relay::Observer;
use crate::event::EventKind;
use crate::model::{Action, Params};
use crate::rules::{Decision, OwnedMessage, RuleSet};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::task::{AbortHandle, JoinSet};

/// Longest datagram (RFC 768: the length has 16 bits).
const MAX_DATAGRAM: usize = 64 * 1024;
/// Clients at a time on one socket; the one that has been there longest gives way.
const MAX_CLIENTS: usize = 1024;
/// Delayed datagrams at a time; one more is lost, as datagrams are.
const MAX_DELAYED: usize = 16 * 1024;

/// What a datagram relay stands for.
#[derive(Clone)]
pub struct DatagramConfig {
    /// The interface for events, such as `dns.main`.
    pub name: String,
    pub upstream: Dialer,
    pub rules: Arc<RuleSet>,
    /// The fields of a datagram; from the protocol.
    pub message: fn(&[u8]) -> OwnedMessage,
    /// The datagram a `response` rule answers with.
    pub answer: fn(&Params) -> Vec<u8>,
    pub observe: Arc<dyn Observer>,
}

/// Stands between consumers and one datagram interface. Dropping it ends it at once.
#[derive(Debug)]
pub struct DatagramRelay {
    owners: JoinSet<()>,
}

impl DatagramRelay {
    /// Starts to relay what arrives on `sockets`.
    ///
    /// # Errors
    /// When a socket cannot be used without blocking.
    ///
    /// # Panics
    /// When called outside a tokio runtime.
    pub fn start(sockets: Vec<std::net::UdpSocket>, config: DatagramConfig) -> io::Result<DatagramRelay> {
        let config = Arc::new(config);
        let mut owners = JoinSet::new();
        for socket in sockets {
            socket.set_nonblocking(true)?;
            let downstream = Arc::new(UdpSocket::from_std(socket)?);
            let owner = Owner {
                config: config.clone(),
                downstream,
                clients: HashMap::new(),
                next: 0,
                tasks: JoinSet::new(),
                delayed: JoinSet::new(),
            };
            owners.spawn(owner.run());
        }
        Ok(DatagramRelay { owners })
    }

    /// Ends the relay and returns when nothing of it is left.
    pub async fn stop(mut self) {
        self.owners.shutdown().await;
    }
}

/// One consumer-side socket.
struct Owner {
    config: Arc<DatagramConfig>,
    downstream: Arc<UdpSocket>,
    clients: HashMap<SocketAddr, Client>,
    /// Numbers clients in the order they came.
    next: u64,
    /// One task per client that brings answers back.
    tasks: JoinSet<()>,
    delayed: JoinSet<()>,
}

struct Client {
    number: u64,
    upstream: Arc<UdpSocket>,
    answers: AbortHandle,
}

impl Owner {
    async fn run(mut self) {
        let mut buf = vec![0; MAX_DATAGRAM];
        loop {
            tokio::select! {
                received = self.downstream.recv_from(&mut buf) => {
                    // An error is about a datagram sent earlier (an ICMP answer); the socket goes on.
                    if let Ok((len, from)) = received {
                        self.relay(&buf[..len], from).await;
                    }
                }
                Some(_) = self.delayed.join_next() => {}
                Some(_) = self.tasks.join_next() => {}
            }
        }
    }

    async fn relay(&mut self, datagram: &[u8], from: SocketAddr) {
        let upstream = match self.upstream_of(from) {
            Ok(upstream) => upstream,
            Err(error) => {
                let reason = format!("cannot make a socket: {error}");
                let target = self.config.name.clone();
                return self.config.observe.event(EventKind::ConnectionFailed { target, reason });
            }
        };
        let way = Way { config: self.config.clone(), downstream: self.downstream.clone(), upstream, from };
        if self.config.rules.is_empty() {
            return way.send(datagram).await;
        }
        let message = (self.config.message)(datagram);
        let decision = self.config.rules.decide(&message);
        for active in decision.due() {
            active.acted(&message.description);
            self.config.observe.event(action::fired(active, &message.description));
        }
        if decision.delay.is_zero() {
            return way.carry_out(&decision, datagram).await;
        }
        if self.delayed.len() < MAX_DELAYED {
            let due = tokio::time::Instant::now() + decision.delay;
            let datagram = datagram.to_vec();
            self.delayed.spawn(async move {
                tokio::time::sleep_until(due).await;
                way.carry_out(&decision, &datagram).await;
            });
        }
    }

    /// The socket of a client towards the server, made when the client is new.
    fn upstream_of(&mut self, from: SocketAddr) -> io::Result<Arc<UdpSocket>> {
        if let Some(client) = self.clients.get(&from) {
            return Ok(client.upstream.clone());
        }
        if self.clients.len() >= MAX_CLIENTS
            && let Some(oldest) =
                self.clients.iter().min_by_key(|(_, client)| client.number).map(|(at, _)| *at)
            && let Some(client) = self.clients.remove(&oldest)
        {
            client.answers.abort();
        }
        let upstream = Arc::new(self.config.upstream.datagram_socket()?);
        let answers = bring_back(upstream.clone(), self.downstream.clone(), from);
        let answers = self.tasks.spawn(answers);
        self.next += 1;
        self.clients.insert(from, Client { number: self.next, upstream: upstream.clone(), answers });
        Ok(upstream)
    }
}

/// Where a datagram comes from and goes to.
struct Way {
    config: Arc<DatagramConfig>,
    downstream: Arc<UdpSocket>,
    upstream: Arc<UdpSocket>,
    from: SocketAddr,
}

impl Way {
    async fn carry_out(&self, decision: &Decision, datagram: &[u8]) {
        let Some(active) = &decision.terminal else { return self.send(datagram).await };
        match &active.rule.action {
            Action::Drop(_) => {}
            Action::Respond(params) => {
                // A datagram that cannot be sent is lost, as datagrams are.
                let _ = self.downstream.send_to(&(self.config.answer)(params), self.from).await;
            }
            Action::Duplicate => {
                self.send(datagram).await;
                self.send(datagram).await;
            }
            Action::Truncate { bytes } => {
                let len = usize::try_from(*bytes).unwrap_or(usize::MAX).min(datagram.len());
                self.send(&datagram[..len]).await;
            }
            Action::Corrupt { offset } => {
                let mut changed = datagram.to_vec();
                let at = usize::try_from(*offset).unwrap_or(usize::MAX);
                if let Some(byte) = changed.get_mut(at) {
                    *byte = !*byte;
                }
                self.send(&changed).await;
            }
            // No protocol of datagrams has these in its schema.
            Action::Deny(_)
            | Action::Allow
            | Action::Delay(_)
            | Action::Error(_)
            | Action::Throttle { .. }
            | Action::Reorder => self.send(datagram).await,
        }
    }

    async fn send(&self, datagram: &[u8]) {
        // A datagram that cannot be sent is lost, as datagrams are.
        let _ = self.upstream.send_to(datagram, self.config.upstream.address()).await;
    }
}

/// Sends what the server answers to the client that asked.
async fn bring_back(upstream: Arc<UdpSocket>, downstream: Arc<UdpSocket>, client: SocketAddr) {
    let mut buf = vec![0; MAX_DATAGRAM];
    loop {
        // An error is about a datagram sent earlier (an ICMP answer); the socket goes on.
        if let Ok(len) = upstream.recv(&mut buf).await {
            let _ = downstream.send_to(&buf[..len], client).await;
        }
    }
}
