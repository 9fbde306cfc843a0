//! The resolver of a leaf: answers DNS at 127.0.0.1:53 of each of its namespaces.
//!
//! `/etc/hosts` is enough for programs that read it. Others ask a server for everything (c-ares' queries, nginx's
//! `resolver`), and with no server to say that a name does not exist musl waits five seconds for each. So this one knows
//! what the leaf's `/etc/hosts` has, and says of any other name at once that there is none.
//!
//! It is in IPv4 only: the leaf's `/etc/resolv.conf` names that address, and resolvers without the file ask it as well.
//!
//! | file | duty |
//! |---|---|
//! | `message` | queries and replies as bytes |
//! | `zone` | the names it knows |
//! | `asker` | which service asked |

mod asker;
mod message;
mod zone;

pub use message::{Carrier, Reply, answer};
pub use zone::Zone;

use super::leaf::AbortOnDrop;
use super::network::Network;
use super::recorder::Recorder;
use crate::event::EventKind;
use crate::model::{ServiceName, Spec};
use crate::plan::Namespace;
use crate::sandbox::NO_DOMAIN;
use nix::sys::socket::{setsockopt, sockopt};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

/// Where it is asked.
const ADDRESS: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, PORT);
const PORT: u16 = 53;

/// Bytes of queries that may wait while this process has no time: a lost one costs its sender seconds.
const QUEUE: usize = 1 << 20;

/// Connections at a time in one namespace; others wait until one ends.
const MAX_CONNECTIONS: usize = 64;

/// How long a connection may be silent (RFC 7766, section 6.2.3, asks for some seconds).
const IDLE: Duration = Duration::from_secs(10);

/// How many unknown names of a leaf are reported one by one.
const MAX_REPORTED: usize = 32;

/// The resolver; it answers until dropped.
pub(super) struct Resolver {
    _tasks: Vec<AbortOnDrop<()>>,
}

/// The services of a namespace with their first processes.
pub(super) type Running = Rc<dyn Fn(Namespace) -> Vec<(u32, ServiceName)>>;

/// What all listeners of one resolver share.
struct Shared {
    zone: Zone,
    network: Arc<Network>,
    running: Running,
    recorder: Arc<Recorder>,
    reported: RefCell<BTreeSet<String>>,
}

/// The interface that a spec declares where the resolver would listen.
pub(super) fn declared(spec: &Spec) -> Option<String> {
    let mut interfaces =
        spec.services.iter().flat_map(|one| one.interfaces.iter().map(move |own| (one, own)));
    let (service, interface) = interfaces.find(|(_, interface)| interface.port == PORT)?;
    Some(service.endpoint(interface).to_string())
}

impl Resolver {
    /// Listens in every namespace of the leaf, or, when one of them refuses, in none.
    pub(super) fn start(
        network: &Arc<Network>,
        zone: Zone,
        running: Running,
        recorder: Arc<Recorder>,
    ) -> io::Result<Resolver> {
        let mut sockets = Vec::new();
        for namespace in network.all() {
            let (udp, tcp) = network.enter(namespace, listen).flatten()?;
            sockets.push((namespace, UdpSocket::from_std(udp)?, TcpListener::from_std(tcp)?));
        }
        let shared =
            Shared { zone, network: network.clone(), running, recorder, reported: RefCell::default() };
        let shared = Rc::new(shared);
        let mut tasks = Vec::new();
        for (at, udp, tcp) in sockets {
            tasks.push(AbortOnDrop(tokio::task::spawn_local(datagrams(shared.clone(), at, udp))));
            tasks.push(AbortOnDrop(tokio::task::spawn_local(connections(shared.clone(), at, tcp))));
        }
        Ok(Resolver { _tasks: tasks })
    }
}

/// Opens both ports in the calling thread's network namespace.
fn listen() -> io::Result<(std::net::UdpSocket, std::net::TcpListener)> {
    let udp = std::net::UdpSocket::bind(ADDRESS)?;
    // The limit of the machine holds for those who may not exceed it.
    if setsockopt(&udp, sockopt::RcvBufForce, &QUEUE).is_err() {
        let _ = setsockopt(&udp, sockopt::RcvBuf, &QUEUE);
    }
    let tcp = std::net::TcpListener::bind(ADDRESS)?;
    udp.set_nonblocking(true)?;
    tcp.set_nonblocking(true)?;
    Ok((udp, tcp))
}

async fn datagrams(shared: Rc<Shared>, at: Namespace, socket: UdpSocket) {
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut buffer).await else {
            // A bound socket has no lasting errors; what it has must not become a loop.
            tokio::time::sleep(Duration::from_millis(1)).await;
            continue;
        };
        if let Some(reply) = shared.reply(at, &buffer[..length], Carrier::Udp, peer) {
            // A client that is gone needs no reply.
            let _ = socket.send_to(&reply, peer).await;
        }
    }
}

async fn connections(shared: Rc<Shared>, at: Namespace, listener: TcpListener) {
    let mut open = JoinSet::new();
    loop {
        while open.len() >= MAX_CONNECTIONS {
            // How a connection ended matters to its client only.
            let _ = open.join_next().await;
        }
        while open.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, peer)) => {
                let shared = shared.clone();
                open.spawn_local(async move {
                    let _ = connection(&shared, at, stream, peer).await;
                });
            }
            // Out of descriptors, or the client gave up meanwhile.
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

/// Answers queries, each behind its length in two bytes (RFC 1035, section 4.2.2), until there is one that is no query.
async fn connection(
    shared: &Shared,
    at: Namespace,
    mut stream: TcpStream,
    peer: SocketAddr,
) -> io::Result<()> {
    loop {
        let query = tokio::time::timeout(IDLE, async {
            let length = stream.read_u16().await?;
            let mut query = vec![0; usize::from(length)];
            stream.read_exact(&mut query).await?;
            Ok::<_, io::Error>(query)
        });
        let query = query.await??;
        let Some(reply) = shared.reply(at, &query, Carrier::Tcp, peer) else { return Ok(()) };
        let length = u16::try_from(reply.len()).map_err(io::Error::other)?;
        let framed = [&length.to_be_bytes()[..], &reply].concat();
        tokio::time::timeout(IDLE, stream.write_all(&framed)).await??;
    }
}

/// Whether the search list of the leaf's `/etc/resolv.conf` made the name.
fn is_in_no_domain(name: &str) -> bool {
    name.strip_suffix(NO_DOMAIN).is_some_and(|rest| rest.ends_with('.'))
}

impl Shared {
    fn reply(&self, at: Namespace, query: &[u8], carrier: Carrier, peer: SocketAddr) -> Option<Vec<u8>> {
        let reply = answer(&self.zone, query, carrier)?;
        if let Some((name, kind)) = reply.unknown
            && !zone::is_reverse(&name)
            && !is_in_no_domain(&name)
        {
            self.report(at, &name, kind, carrier, peer);
        }
        Some(reply.bytes)
    }

    /// Reports a name that nothing declares, once. Called before the reply, while the socket that asked is still there.
    fn report(&self, at: Namespace, name: &str, kind: u16, carrier: Carrier, peer: SocketAddr) {
        let mut reported = self.reported.borrow_mut();
        if reported.len() > MAX_REPORTED || reported.contains(name) {
            return;
        }
        reported.insert(name.to_owned());
        let text = if reported.len() > MAX_REPORTED {
            "services asked for further names that the spec does not declare".to_owned()
        } else {
            let who = self.asker(at, carrier, peer).map_or("a service".to_owned(), |name| name.to_string());
            let what = records(kind).map(|kind| format!(" ({kind})")).unwrap_or_default();
            format!("{who} asked for {name}{what}, which the spec does not declare")
        };
        self.recorder.event(EventKind::Notice { text });
    }

    fn asker(&self, at: Namespace, carrier: Carrier, peer: SocketAddr) -> Option<ServiceName> {
        let running = (self.running)(at);
        if let [(_, only)] = &running[..] {
            return Some(only.clone());
        }
        let pid = self.network.enter(at, || asker::process(carrier, peer)).ok().flatten()?;
        asker::owner(pid, &running)
    }
}

/// The name of a type that is not about addresses, as far as programs ask for it.
fn records(kind: u16) -> Option<&'static str> {
    let known = [(2, "NS"), (5, "CNAME"), (6, "SOA"), (12, "PTR"), (15, "MX"), (16, "TXT"), (33, "SRV")];
    known.iter().find(|(number, _)| *number == kind).map(|(_, name)| *name)
}

#[cfg(test)]
#[path = "resolver_tests.rs"]
mod tests;
