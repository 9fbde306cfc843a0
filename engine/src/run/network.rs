//! The network of a leaf: its namespaces, and a mirror of every listening port in the namespaces it is not in.
//!
//! A service that was taken out must be reachable at the very address it listens on, from every other namespace, and
//! must reach the others the same way. So whatever listens in one namespace gets a relay in all others: with rules for
//! a ruled interface, plain for everything else, declared or not. A mirror stands only while its original listens, so a
//! dead service refuses connections as it would without us.

use super::datagrams::Datagrams;
use super::detour::Detours;
use super::recorder::Recorder;
use crate::event::EventKind;
use crate::model::{Endpoint, Protocol, ServiceName, Spec};
use crate::plan::{HOME, Namespace, Placement};
use crate::protocol;
use crate::proxy::tls::Authority;
use crate::proxy::{Dialer, Observer, Prelude, Relay, RelayConfig};
use crate::rules::RuleSet;
use crate::sandbox::NetNs;
use crate::service::ports;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpSocket;

/// How often listening ports are looked at while services run.
const WATCH_PAUSE: Duration = Duration::from_millis(10);

/// The namespaces of one leaf.
pub(super) struct Network {
    /// `None` is the worker's own: nothing to enter.
    namespaces: Vec<Option<Arc<NetNs>>>,
    ruled: Vec<Ruled>,
    recorder: Arc<Recorder>,
    /// Signs what relays show to clients that speak TLS; there when a service's protocol knows TLS.
    authority: Option<Arc<Authority>>,
    mirrors: Mutex<BTreeMap<MirrorKey, Mirror>>,
    /// Without namespaces: relays that consumers are sent to by their environment.
    detours: Mutex<Detours>,
    datagrams: Datagrams,
}

/// A ruled interface: connections to its port go through its rules.
struct Ruled {
    endpoint: Endpoint,
    home: Namespace,
    port: u16,
    rules: Arc<RuleSet>,
    protocol: Protocol,
    /// The service's, for credentials.
    env: Vec<(String, String)>,
}

/// A relay in an original's stead.
struct Mirror {
    relay: Relay,
    /// Looks in a row that did not find the original.
    missed: u32,
}

/// How many looks must miss an original before its mirror goes: a dump of a table that is being changed can leave a
/// socket out (`NLM_F_DUMP_INTR` of netlink(7)).
const MISSES: u32 = 2;

/// A mirror: where the original lives, its address, and where the mirror stands.
pub(super) type MirrorKey = (Namespace, SocketAddr, Namespace);

impl Network {
    /// Makes the namespaces of a placement; the calling thread stays in the first.
    pub(super) fn new(
        spec: &Spec,
        placement: &Placement,
        rules: impl Fn(&Endpoint) -> Option<Arc<RuleSet>>,
        recorder: Arc<Recorder>,
        authority: Option<Arc<Authority>>,
    ) -> io::Result<Network> {
        let mut namespaces = vec![None];
        for _ in 1..placement.namespaces {
            namespaces.push(Some(Arc::new(NetNs::new()?)));
        }
        let datagrams = Datagrams::new(spec, placement, &rules);
        let ruled = placement.ruled.iter().filter_map(|endpoint| {
            let service = spec.service(&endpoint.service)?;
            let interface = service.interface(&endpoint.interface)?;
            Some(Ruled {
                endpoint: endpoint.clone(),
                home: placement.of(&endpoint.service),
                port: interface.port,
                rules: rules(endpoint)?,
                protocol: interface.protocol,
                env: service.env.clone(),
            })
        });
        let (mirrors, detours) = (Mutex::default(), Mutex::default());
        Ok(Network { ruled: ruled.collect(), namespaces, recorder, authority, mirrors, detours, datagrams })
    }

    /// Sends consumers to relays on free ports, for a leaf that has the host's network.
    pub(super) fn detour(&self, spec: &Spec) -> io::Result<()> {
        let mut detours = self.detours.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for ruled in &self.ruled {
            detours.add(spec, &ruled.endpoint, |original, listener| self.relay(HOME, original, listener))?;
        }
        Ok(())
    }

    /// A value of a service's environment as that service must see it.
    pub(super) fn rewrite(&self, service: &ServiceName, value: &str) -> String {
        self.detours.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).rewrite(service, value)
    }

    /// Ports of relays on the host, each with the port of the interface it is for.
    pub(super) fn detours(&self) -> Vec<(u16, u16)> {
        self.detours.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).ports()
    }

    /// Runs `action` with the calling thread in a namespace.
    pub(super) fn enter<T>(&self, namespace: Namespace, action: impl FnOnce() -> T) -> io::Result<T> {
        match &self.namespaces[namespace.0] {
            Some(namespace) => namespace.enter(action),
            None => Ok(action()),
        }
    }

    /// Connects to an address as seen from a namespace.
    pub(super) fn dialer(&self, from: Namespace, addresses: Vec<SocketAddr>) -> Dialer {
        let namespace = self.namespaces[from.0].clone();
        let make = move |address| match &namespace {
            Some(namespace) => namespace.enter(|| socket(address))?,
            None => socket(address),
        };
        let namespace = self.namespaces[from.0].clone();
        let datagram = move |address| match &namespace {
            Some(namespace) => namespace.enter(|| datagram_socket(address))?,
            None => datagram_socket(address),
        };
        Dialer::with_sockets(addresses, Arc::new(make)).with_datagram_sockets(Arc::new(datagram))
    }

    /// Reaches whoever listens on an address of a namespace.
    pub(super) fn upstream(&self, home: Namespace, address: SocketAddr) -> Dialer {
        self.dialer(home, upstream_of(address))
    }

    pub(super) fn observer(&self) -> Arc<dyn Observer> {
        Arc::new(Watcher { recorder: self.recorder.clone() })
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Namespace> + use<> {
        (0..self.namespaces.len()).map(Namespace)
    }

    /// Every namespace but one.
    pub(super) fn others(&self, home: Namespace) -> impl Iterator<Item = Namespace> + use<> {
        self.all().filter(move |&at| at != home)
    }

    /// Brings the mirrors in line with what listens now.
    pub(super) async fn sync(&self) {
        if self.namespaces.len() == 1 {
            return;
        }
        self.datagrams.sync(self);
        let stopped = self.update();
        for relay in stopped {
            relay.stop().await;
        }
    }

    /// Keeps the mirrors in line until dropped.
    pub(super) async fn watch(&self) {
        loop {
            self.sync().await;
            tokio::time::sleep(WATCH_PAUSE).await;
        }
    }

    /// Ends every mirror and its connections.
    pub(super) async fn close(&self) {
        let mirrors =
            std::mem::take(&mut *self.mirrors.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        for mirror in mirrors.into_values() {
            mirror.relay.stop().await;
        }
        self.datagrams.close().await;
        let detours =
            std::mem::take(&mut *self.detours.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        detours.stop().await;
    }

    /// Opens missing mirrors and gives the relays whose original is gone.
    fn update(&self) -> Vec<Relay> {
        let mut mirrors = self.mirrors.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // What cannot be read now is read at the next look.
        let Ok(originals) = self.originals(&mirrors) else { return Vec::new() };
        for ((home, address, _), mirror) in mirrors.iter_mut() {
            mirror.missed = if originals.contains(&(*home, *address)) { 0 } else { mirror.missed + 1 };
        }
        let gone = mirrors.extract_if(.., |_, mirror| mirror.missed >= MISSES);
        let stopped = gone.map(|(_, mirror)| mirror.relay).collect();
        for (home, address) in originals {
            for at in self.others(home) {
                if mirrors.contains_key(&(home, address, at)) {
                    continue;
                }
                // A taken port is somebody's own: a service that listens there itself is what its neighbours reach.
                if let Ok(Ok(listener)) = self.enter(at, || TcpListener::bind(address)) {
                    let relay = self.relay(home, address, listener);
                    mirrors.insert((home, address, at), Mirror { relay, missed: 0 });
                }
            }
        }
        stopped
    }

    /// What listens of itself, mirrors left out.
    fn originals(
        &self,
        mirrors: &BTreeMap<MirrorKey, Mirror>,
    ) -> io::Result<BTreeSet<(Namespace, SocketAddr)>> {
        let mut found = BTreeSet::new();
        for namespace in self.all() {
            let listening = self.enter(namespace, ports::listening).flatten()?;
            let is_mirror =
                |address: SocketAddr| mirrors.keys().any(|&(_, of, at)| (of, at) == (address, namespace));
            let own = listening.into_iter().filter(|&address| is_local(address.ip()) && !is_mirror(address));
            found.extend(own.map(|address| (namespace, address)));
        }
        Ok(found)
    }

    fn relay(&self, home: Namespace, address: SocketAddr, listener: TcpListener) -> Relay {
        let ruled = self.ruled.iter().find(|ruled| ruled.home == home && ruled.port == address.port());
        let observe = self.observer();
        let upstream = self.upstream(home, address);
        // What nobody declared is passed through as it is.
        let plain = || (format!("port {}", address.port()), RuleSet::new(0), Protocol::Tcp);
        let (name, rules, protocol) = ruled
            .map_or_else(plain, |ruled| (ruled.endpoint.to_string(), ruled.rules.clone(), ruled.protocol));
        let session = Arc::new(move || protocol::session(protocol));
        let prelude = ruled.and_then(|ruled| self.prelude(ruled));
        Relay::start(vec![listener], RelayConfig { name, upstream, rules, session, observe, prelude })
    }

    /// What connections to a ruled interface settle first.
    fn prelude(&self, ruled: &Ruled) -> Option<Arc<dyn Prelude>> {
        let (service, authority) = (ruled.endpoint.service.as_str(), self.authority.as_ref()?);
        let made = protocol::prelude(ruled.protocol, service, &ruled.env, authority);
        made.unwrap_or_else(|error| {
            let text = format!("{}: rules do not see inside TLS: {error}", ruled.endpoint);
            self.recorder.event(EventKind::Notice { text });
            None
        })
    }

    /// Where a test's steps go for an interface: its relay when it is ruled, else the service itself.
    pub(super) fn step_dialer(&self, endpoint: &Endpoint, port: u16) -> Dialer {
        let detour = self.detours.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).port(endpoint);
        self.dialer(HOME, both_loopbacks(detour.unwrap_or(port)))
    }
}

/// Passes a relay's facts on.
struct Watcher {
    recorder: Arc<Recorder>,
}

impl Observer for Watcher {
    fn event(&self, kind: EventKind) {
        self.recorder.event(kind);
    }
}

pub(super) fn both_loopbacks(port: u16) -> Vec<SocketAddr> {
    vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
}

fn is_local(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}

/// Where a listener answers, from inside its namespace.
fn upstream_of(address: SocketAddr) -> Vec<SocketAddr> {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => vec![(Ipv4Addr::LOCALHOST, address.port()).into()],
        IpAddr::V6(ip) if ip.is_unspecified() => {
            vec![(Ipv6Addr::LOCALHOST, address.port()).into(), (Ipv4Addr::LOCALHOST, address.port()).into()]
        }
        IpAddr::V4(_) | IpAddr::V6(_) => vec![address],
    }
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
}

/// A datagram socket from which an address can be reached.
fn datagram_socket(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    UdpSocket::bind(any)
}
