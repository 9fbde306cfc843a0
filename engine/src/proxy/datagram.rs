//! A relay for datagrams: every datagram of a client is an operation of its own.
//!
//! Nothing orders datagrams, so a delayed one holds up no other. Each client gets a socket towards the server, so
//! that answers find back; answers pass untouched.

use super::dial::{Dialer, Route};
use super::due::Due;
use super::relay::Observer;
use crate::event::EventKind;
use crate::model::{Action, Params};
use crate::rules::{OwnedMessage, RuleSet};
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
const IS_LOST: &str = "it was lost, because 16384 datagrams were delayed already";

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
    upstream: Upstream,
    answers: AbortHandle,
}

/// A client's socket towards the server, and where the server is reached from it.
#[derive(Clone)]
struct Upstream {
    socket: Arc<UdpSocket>,
    address: SocketAddr,
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
        // A step may wait for this, whether or not there are rules now.
        let own = self.config.observe.on_route(Route::datagram(from));
        if self.config.rules.is_empty() {
            return way.send(datagram).await;
        }
        let message = (self.config.message)(datagram);
        let decision = self.config.rules.decide(&message);
        let observe = own.as_ref().unwrap_or(&self.config.observe);
        let operation: Arc<str> = message.description.into();
        let due = |active| Due::new(observe, active, &operation);
        for active in &decision.delays {
            match active.rule.action {
                Action::Delay(time) if time.is_zero() => {
                    due(active).had_no_effect("a delay of 0 holds nothing back");
                }
                _ => due(active).acted(),
            }
        }
        let mut terminal = decision.terminal.as_ref().map(due);
        if decision.delay.is_zero() {
            return way.carry_out(terminal, datagram).await;
        }
        if self.delayed.len() >= MAX_DELAYED {
            if let Some(due) = &mut terminal {
                due.had_no_effect(IS_LOST);
            }
            return;
        }
        let at = tokio::time::Instant::now() + decision.delay;
        let datagram = datagram.to_vec();
        self.delayed.spawn(async move {
            tokio::time::sleep_until(at).await;
            way.carry_out(terminal, &datagram).await;
        });
    }

    /// The socket of a client towards the server, made when the client is new.
    fn upstream_of(&mut self, from: SocketAddr) -> io::Result<Upstream> {
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
        let (socket, address) = self.config.upstream.datagram_socket_of(from)?;
        let upstream = Upstream { socket: Arc::new(socket), address };
        let answers = bring_back(upstream.socket.clone(), self.downstream.clone(), from);
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
    upstream: Upstream,
    from: SocketAddr,
}

impl Way {
    async fn carry_out(&self, terminal: Option<Due>, datagram: &[u8]) {
        let Some(mut due) = terminal else { return self.send(datagram).await };
        // What is said of the rule is said before anything is sent: who gets it may ask.
        match due.action().clone() {
            Action::Drop(_) => due.acted(),
            Action::Respond(params) => {
                due.acted();
                // A datagram that cannot be sent is lost, as datagrams are.
                let _ = self.downstream.send_to(&(self.config.answer)(&params), self.from).await;
            }
            Action::Duplicate => {
                due.acted();
                self.send(datagram).await;
                self.send(datagram).await;
            }
            Action::Truncate { bytes } => self.send(truncated(datagram, bytes, &mut due)).await,
            Action::Corrupt { offset } => self.send(&corrupted(datagram, offset, &mut due)).await,
            // No protocol of datagrams has these in its schema.
            Action::Deny(_)
            | Action::Allow
            | Action::Delay(_)
            | Action::Error(_)
            | Action::Throttle { .. }
            | Action::Reorder => {
                due.had_no_effect("it changes nothing about a datagram");
                self.send(datagram).await;
            }
        }
    }

    async fn send(&self, datagram: &[u8]) {
        // A datagram that cannot be sent is lost, as datagrams are.
        let _ = self.upstream.socket.send_to(datagram, self.upstream.address).await;
    }
}

fn truncated<'d>(datagram: &'d [u8], bytes: u64, due: &mut Due) -> &'d [u8] {
    match usize::try_from(bytes).ok().and_then(|len| datagram.get(..len)) {
        Some(kept) if kept.len() < datagram.len() => {
            due.acted();
            kept
        }
        _ => {
            due.had_no_effect(&format!(
                "the datagram has {} bytes, and truncate keeps {bytes}",
                datagram.len()
            ));
            datagram
        }
    }
}

fn corrupted(datagram: &[u8], offset: u64, due: &mut Due) -> Vec<u8> {
    let mut changed = datagram.to_vec();
    match usize::try_from(offset).ok().and_then(|at| changed.get_mut(at)) {
        Some(byte) => {
            *byte = !*byte;
            due.acted();
        }
        None => due.had_no_effect(&format!(
            "the datagram has {} bytes, and corrupt changes the one at offset {offset}",
            datagram.len()
        )),
    }
    changed
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
