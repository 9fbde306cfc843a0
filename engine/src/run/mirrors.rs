//! Mirrors of TCP ports: a relay in every other namespace for whatever listens in one.
//!
//! A mirror is bound exactly as its original is, so that it takes and refuses what the original would. It is there before
//! the service's `listen` returns (`sockets.rs`); a look at all ports finds what was opened on another way. A mirror
//! whose original is gone is closed: it accepts nothing more, and its connections go on, as the original's do.

use super::network::Network;
use crate::event::EventKind;
use crate::plan::Namespace;
use crate::proxy::Relay;
use crate::service::ports::{Bound, Transport};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind, listen, setsockopt, socket, sockopt,
};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

/// A mirror: where the original lives, how it is bound, and where the mirror is.
pub(super) type MirrorKey = (Namespace, Bound, Namespace);

/// The mirrors of a leaf.
#[derive(Default)]
pub(super) struct Mirrors {
    open: Mutex<BTreeMap<MirrorKey, Relay>>,
    /// Closed ones with connections.
    closed: Mutex<Vec<Relay>>,
}

impl Mirrors {
    /// Opens the mirrors that an original lacks. Called from any thread inside the runtime.
    pub(super) fn add(&self, network: &Network, home: Namespace, original: Bound) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if !original.is_local() || is_mirror(&open, home, original) {
            return;
        }
        for at in network.others(home) {
            let key = (home, original, at);
            if open.contains_key(&key) {
                continue;
            }
            match network.enter(at, || listener(original)).flatten() {
                Ok(listener) => {
                    open.insert(key, network.relay((home, at), original.address, listener));
                }
                Err(error) => network.not_mirrored(original, &error),
            }
        }
    }

    /// Opens mirrors for whatever listens now.
    pub(super) fn look(&self, network: &Network) {
        let known = Known::of(&self.open.lock().unwrap_or_else(PoisonError::into_inner), network);
        for home in network.all() {
            // What cannot be read now is read at the next look.
            let listening = network.ports(home).all(Transport::Stream).unwrap_or_default();
            for original in listening.into_iter().filter(|&bound| !known.has(home, bound)) {
                self.add(network, home, original);
            }
        }
    }

    /// Closes the mirrors whose original is gone.
    pub(super) async fn prune(&self, network: &Network) {
        let gone: Vec<(MirrorKey, Relay)> = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let gone = gone(network, Transport::Stream, open.keys());
            open.extract_if(.., |&(home, original, _), _| gone.contains(&(home, original))).collect()
        };
        let mut reopened = BTreeSet::new();
        for ((home, original, _), mut relay) in gone {
            relay.close().await;
            reopened.insert((home, original.address.port()));
            self.closed.lock().unwrap_or_else(PoisonError::into_inner).push(relay);
        }
        // The port may have been opened anew while its mirror was still in the way.
        for (home, port) in reopened {
            for original in network.ports(home).at(Transport::Stream, port).unwrap_or_default() {
                self.add(network, home, original);
            }
        }
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).retain(|relay| !relay.is_finished());
    }

    /// Ends every mirror and its connections.
    pub(super) async fn close(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        let closed = std::mem::take(&mut *self.closed.lock().unwrap_or_else(PoisonError::into_inner));
        for relay in open.into_values().chain(closed) {
            relay.stop().await;
        }
    }
}

/// What needs no mirror, asked for many sockets at once.
pub(super) struct Known {
    mirrors: HashSet<(Namespace, SocketAddr)>,
    /// Originals with a mirror in every other namespace.
    mirrored: HashSet<(Namespace, Bound)>,
}

impl Known {
    pub(super) fn of<T>(open: &BTreeMap<MirrorKey, T>, network: &Network) -> Known {
        let mut counts: HashMap<(Namespace, Bound), usize> = HashMap::new();
        for &(home, original, _) in open.keys() {
            *counts.entry((home, original)).or_default() += 1;
        }
        let others = network.all().count() - 1;
        let mirrored = counts.into_iter().filter(|&(_, count)| count == others).map(|(of, _)| of);
        Known {
            mirrors: open.keys().map(|&(_, original, at)| (at, original.address)).collect(),
            mirrored: mirrored.collect(),
        }
    }

    pub(super) fn has(&self, at: Namespace, bound: Bound) -> bool {
        self.mirrored.contains(&(at, bound)) || self.mirrors.contains(&(at, bound.address))
    }
}

/// Whether what is bound in a namespace is a mirror of something elsewhere.
pub(super) fn is_mirror<T>(mirrors: &BTreeMap<MirrorKey, T>, at: Namespace, bound: Bound) -> bool {
    // By its address alone: a mirror may take fewer families than its original.
    mirrors.keys().any(|&(_, original, mirror_at)| (original.address, mirror_at) == (bound.address, at))
}

/// Originals asked for one by one; of more, all ports of their namespace are read at once.
const ONE_BY_ONE: usize = 32;

/// The originals of mirrors that are no longer there.
pub(super) fn gone<'k>(
    network: &Network,
    transport: Transport,
    mirrors: impl Iterator<Item = &'k MirrorKey>,
) -> BTreeSet<(Namespace, Bound)> {
    let mut originals: BTreeSet<(Namespace, Bound)> =
        mirrors.map(|&(home, original, _)| (home, original)).collect();
    for home in network.all() {
        if originals.iter().filter(|(at, _)| *at == home).count() > ONE_BY_ONE {
            let present = network.ports(home).all(transport).unwrap_or_default();
            originals.retain(|(at, original)| *at != home || !present.contains(original));
        }
    }
    // A read of many may leave one out while the table changes, so each is asked for; what cannot be asked stays.
    originals.retain(|&(home, original)| !network.ports(home).holds(transport, original).unwrap_or(true));
    originals
}

/// Makes a socket like another one, by `make`. Sockets of one group (SO_REUSEPORT of socket(7)) may share a port's IPv4
/// addresses; a mirror that finds these taken is for IPv6 only.
fn alike<T>(original: Bound, make: impl Fn(Bound) -> io::Result<T>) -> io::Result<T> {
    let is_any = original.address.ip() == IpAddr::from(Ipv6Addr::UNSPECIFIED);
    make(original).or_else(|error| match error.kind() {
        io::ErrorKind::AddrInUse if is_any && !original.v6_only => make(Bound { v6_only: true, ..original }),
        _ => Err(error),
    })
}

/// A socket that listens as another does.
fn listener(original: Bound) -> io::Result<TcpListener> {
    alike(original, listener_at)
}

fn listener_at(original: Bound) -> io::Result<TcpListener> {
    let socket = unbound(original, SockType::Stream)?;
    // Connections of an earlier mirror may still be there (SO_REUSEADDR of socket(7)); another listener may not.
    setsockopt(&socket, sockopt::ReuseAddr, &true)?;
    bind(socket.as_raw_fd(), &SockaddrStorage::from(original.address))?;
    listen(&socket, Backlog::MAXALLOWABLE)?;
    Ok(socket.into())
}

/// A socket that receives datagrams as another does.
pub(super) fn receiver(original: Bound) -> io::Result<UdpSocket> {
    alike(original, |original| {
        let socket = unbound(original, SockType::Datagram)?;
        bind(socket.as_raw_fd(), &SockaddrStorage::from(original.address))?;
        Ok(socket.into())
    })
}

fn unbound(original: Bound, kind: SockType) -> io::Result<OwnedFd> {
    let family = if original.address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket = socket(family, kind, SockFlag::SOCK_CLOEXEC, None)?;
    if original.address.is_ipv6() {
        setsockopt(&socket, sockopt::Ipv6V6Only, &original.v6_only)?;
    }
    Ok(socket)
}

impl Network {
    /// Says why an original cannot be reached from elsewhere, unless the port has an owner there: that is what its
    /// neighbours reach, as they would on one machine.
    pub(super) fn not_mirrored(&self, original: Bound, error: &io::Error) {
        if error.kind() != io::ErrorKind::AddrInUse {
            let port = original.address.port();
            let text = format!("port {port} is not reachable from every service of this test: {error}");
            self.recorder().event(EventKind::Notice { text });
        }
    }
}
