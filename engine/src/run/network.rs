//! The network of a leaf: its namespaces, and a mirror of every listening port in the namespaces it is not in.
//!
//! A service that was taken out must be reachable at the very address it listens on, from every other namespace, and
//! must reach the others the same way. So whatever listens in one namespace gets a relay in all others: with rules for
//! a ruled interface, plain for everything else, declared or not. A mirror is there only while its original is, so a
//! dead service refuses connections as it would without us.

use super::ahead::Ahead;
use super::callers::{Callers, Watcher};
use super::datagrams::Datagrams;
use super::detour::Detours;
use super::mirrors::Mirrors;
use super::recorder::Recorder;
use crate::event::EventKind;
use crate::model::{Endpoint, Protocol, ServiceName, Spec, StepId};
use crate::plan::{HOME, Namespace, Placement};
use crate::protocol;
use crate::proxy::tls::Authority;
use crate::proxy::{Dialer, Finder, Observer, Prelude, Relay, RelayConfig, datagram_socket_for};
use crate::rules::RuleSet;
use crate::sandbox::NetNs;
use crate::service::ports::{Bound, Ports, Transport};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// How often mirrors are compared with their originals.
const WATCH_PAUSE: Duration = Duration::from_millis(10);

/// How often new ports are looked for that no call told of: those of 32-bit programs and of rings (io_uring(7)).
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// How long a datagram of a step may be on its way to a relay. One to a full socket never arrives.
const TAKEN: Duration = Duration::from_secs(1);

/// The namespaces of one leaf.
pub(super) struct Network {
    spaces: Vec<Space>,
    ruled: Vec<Ruled>,
    recorder: Arc<Recorder>,
    /// Signs what relays show to clients that speak TLS; there when a service's protocol knows TLS.
    authority: Option<Arc<Authority>>,
    mirrors: Mirrors,
    /// Without namespaces: relays that consumers are sent to by their environment.
    detours: Mutex<Detours>,
    datagrams: Datagrams,
    runtime: Handle,
    /// Whether a service opens ports that no call tells of.
    is_unwatched: AtomicBool,
    /// A mirror could not reach its original.
    missed: Arc<Notify>,
    callers: Arc<Callers>,
}

/// One network namespace.
struct Space {
    /// `None` is the worker's own: nothing to enter.
    namespace: Option<Arc<NetNs>>,
    ports: Arc<Ports>,
    /// Sockets to reach it from elsewhere; `None` where there is nothing to enter.
    ahead: Option<Arc<Ahead>>,
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

impl Network {
    /// Makes the namespaces of a placement; the calling thread stays in the first, inside a runtime.
    pub(super) fn new(
        spec: &Spec,
        placement: &Placement,
        rules: impl Fn(&Endpoint) -> Option<Arc<RuleSet>>,
        recorder: Arc<Recorder>,
        authority: Option<Arc<Authority>>,
    ) -> io::Result<Network> {
        let datagrams = Datagrams::new(spec, placement, &rules);
        let interfaces = spec.services.iter().flat_map(|service| &service.interfaces);
        let declared: Vec<u16> = interfaces.map(|interface| interface.port).collect();
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
        Ok(Network {
            spaces: spaces(placement.namespaces, &declared)?,
            ruled: ruled.collect(),
            recorder,
            authority,
            mirrors: Mirrors::default(),
            detours: Mutex::default(),
            datagrams,
            runtime: Handle::current(),
            is_unwatched: AtomicBool::new(false),
            missed: Arc::default(),
            callers: Arc::default(),
        })
    }

    /// Sends consumers to relays on free ports, for a leaf that has the host's network.
    pub(super) fn detour(&self, spec: &Spec) -> io::Result<()> {
        let mut detours = self.detours.lock().unwrap_or_else(PoisonError::into_inner);
        for ruled in &self.ruled {
            detours.add(spec, &ruled.endpoint, self)?;
        }
        Ok(())
    }

    /// A value of a service's environment as that service must see it.
    pub(super) fn rewrite(&self, service: &ServiceName, value: &str) -> String {
        self.detours.lock().unwrap_or_else(PoisonError::into_inner).rewrite(service, value)
    }

    /// Ports of relays on the host, each with the port of the interface it is for.
    pub(super) fn detours(&self) -> Vec<(u16, u16)> {
        self.detours.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).ports()
    }

    /// Runs `action` with the calling thread in a namespace.
    pub(super) fn enter<T>(&self, namespace: Namespace, action: impl FnOnce() -> T) -> io::Result<T> {
        match &self.spaces[namespace.0].namespace {
            Some(namespace) => namespace.enter(action),
            None => Ok(action()),
        }
    }

    pub(super) fn ports(&self, namespace: Namespace) -> &Arc<Ports> {
        &self.spaces[namespace.0].ports
    }

    /// The same dialer, from within a namespace.
    pub(super) fn within(&self, namespace: Namespace, dialer: Dialer) -> Dialer {
        let space = &self.spaces[namespace.0];
        let (Some(namespace), Some(ahead)) = (space.namespace.clone(), space.ahead.clone()) else {
            return dialer;
        };
        let datagram = move |from, to| namespace.enter(|| datagram_socket_for(from, to))?;
        let stream = move |address| ahead.take(address);
        dialer.with_sockets(Arc::new(stream)).with_datagram_sockets(Arc::new(datagram))
    }

    /// Reaches whoever listens on a port of a namespace, at whatever address that is.
    pub(super) fn reaching(&self, namespace: Namespace, transport: Transport, port: u16) -> Dialer {
        let ports = self.ports(namespace).clone();
        let find: Arc<Finder> = Arc::new(move || where_reached(&ports, transport, port));
        self.within(namespace, Dialer::found_by(find))
    }

    /// Whether somebody is reached on a port of a namespace; also true where the kernel cannot say.
    pub(super) fn is_reached(&self, namespace: Namespace, transport: Transport, port: u16) -> bool {
        self.ports(namespace).at(transport, port).map_or(true, |found| !found.is_empty())
    }

    pub(super) fn recorder(&self) -> &Arc<Recorder> {
        &self.recorder
    }

    /// Hears what happens on relays in a namespace.
    pub(super) fn observer(&self, at: Namespace) -> Arc<dyn Observer> {
        let callers = (at == HOME).then(|| self.callers.clone());
        Arc::new(Watcher { recorder: self.recorder.clone(), missed: self.missed.clone(), callers })
    }

    /// Whether services live in several namespaces.
    pub(super) fn is_split(&self) -> bool {
        self.spaces.len() > 1
    }

    pub(super) fn all(&self) -> impl Iterator<Item = Namespace> + use<> {
        (0..self.spaces.len()).map(Namespace)
    }

    /// Every namespace but one.
    pub(super) fn others(&self, home: Namespace) -> impl Iterator<Item = Namespace> + use<> {
        self.all().filter(move |&at| at != home)
    }

    /// A service has opened a port; its mirrors are open when this returns. Called from any thread. False when nothing
    /// is reached at the address in that namespace by this transport.
    pub(super) fn opened(&self, home: Namespace, transport: Transport, address: SocketAddr) -> bool {
        let _inside = self.runtime.enter();
        let bound = self.ports(home).at(transport, address.port()).unwrap_or_default();
        let mut originals = bound.into_iter().filter(|bound| bound.address == address).peekable();
        let found = originals.peek().is_some();
        for original in originals {
            match transport {
                Transport::Stream => self.mirrors.add(self, home, original),
                Transport::Datagram => self.datagrams.add(self, home, original),
            }
        }
        found
    }

    /// A service runs whose calls are not seen: its ports are found by looking.
    pub(super) fn has_unwatched(&self) {
        self.is_unwatched.store(true, Relaxed);
    }

    /// Brings the mirrors in line with what listens now.
    pub(super) async fn sync(&self) {
        if self.is_split() {
            self.prune().await;
            self.look();
        }
    }

    async fn prune(&self) {
        self.mirrors.prune(self).await;
        self.datagrams.prune(self).await;
    }

    fn look(&self) {
        self.mirrors.look(self);
        self.datagrams.look(self);
    }

    /// Keeps the mirrors in line until dropped.
    pub(super) async fn watch(&self) {
        if !self.is_split() {
            return;
        }
        let mut looked = Instant::now();
        loop {
            self.prune().await;
            if self.is_unwatched.load(Relaxed) || looked.elapsed() >= LOOK_PAUSE {
                self.look();
                looked = Instant::now();
            }
            // Whichever comes first; both mean another round.
            let _ = tokio::time::timeout(WATCH_PAUSE, self.missed.notified()).await;
        }
    }

    /// Ends every mirror and its connections.
    pub(super) async fn close(&self) {
        self.mirrors.close().await;
        self.datagrams.close().await;
        let detours = std::mem::take(&mut *self.detours.lock().unwrap_or_else(PoisonError::into_inner));
        detours.stop().await;
    }

    /// Relays what a mirror in the namespace `at` of an address at home accepts.
    pub(super) fn relay(
        &self,
        (home, at): (Namespace, Namespace),
        address: SocketAddr,
        listener: TcpListener,
    ) -> Relay {
        self.relay_to((home, at), address.port(), self.within(home, Dialer::mirrored(address)), listener)
    }

    /// Relays what a listener accepts, by the rules of a port of a namespace.
    pub(super) fn relay_to(
        &self,
        (home, at): (Namespace, Namespace),
        port: u16,
        upstream: Dialer,
        listener: TcpListener,
    ) -> Relay {
        let ruled = self.ruled.iter().find(|ruled| ruled.home == home && ruled.port == port);
        let observe = self.observer(at);
        // What nobody declared is passed through as it is.
        let plain = || (format!("port {port}"), RuleSet::new(0), Protocol::Tcp);
        let (name, rules, protocol) = ruled
            .map_or_else(plain, |ruled| (ruled.endpoint.to_string(), ruled.rules.clone(), ruled.protocol));
        let session = Arc::new(move || protocol::session(protocol));
        let prelude = ruled.and_then(|ruled| self.prelude(ruled));
        Relay::start(vec![listener], RelayConfig { name, upstream, rules, session, observe, prelude })
    }

    pub(super) fn datagrams(&self) -> &Datagrams {
        &self.datagrams
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

    /// Where a step goes for an interface: its relay when it is ruled, else the service itself.
    pub(super) fn step_dialer(
        &self,
        step: StepId,
        endpoint: &Endpoint,
        protocol: Protocol,
        port: u16,
    ) -> Dialer {
        let detour = self.detours.lock().unwrap_or_else(PoisonError::into_inner).port(endpoint);
        let callers = self.callers.clone();
        let announce = Arc::new(move |route| callers.announce(route, step));
        self.reaching(HOME, transport(protocol), detour.unwrap_or(port)).announcing(announce)
    }

    /// Waits until the relay of an interface has looked at a step's datagram, to which no reply is awaited: a rule that is
    /// removed next has still seen it, and one that is installed next has not.
    pub(super) async fn taken(&self, step: StepId, endpoint: &Endpoint) {
        let is_relayed = self.ruled.iter().any(|ruled| ruled.endpoint == *endpoint);
        if is_relayed {
            let _ = tokio::time::timeout(TAKEN, self.callers.taken(step)).await;
        }
    }
}

/// Ports the kernel gives to clients, of all namespaces together (ip(7), `ip_local_port_range`).
const CLIENT_PORTS: std::ops::Range<u32> = 32_768..65_536;

/// Makes namespaces, the worker's own first. Each gives ports of its own to sockets that ask for none: two services that
/// ask for a free port never get the same one, so their mirrors never meet. Nobody is given a declared one.
fn spaces(count: usize, declared: &[u16]) -> io::Result<Vec<Space>> {
    let mut spaces = Vec::with_capacity(count);
    let each = CLIENT_PORTS.len() as u32 / u32::try_from(count).unwrap_or(u32::MAX).max(1);
    for index in 0..count {
        let namespace = if index == 0 { None } else { Some(Arc::new(NetNs::new()?)) };
        let first = CLIENT_PORTS.start + each * index as u32;
        let make = || {
            if count > 1 {
                NetNs::give_client_ports(first as u16, (first + each - 1) as u16, declared);
            }
            Ports::of_this_namespace()
        };
        let ports = match &namespace {
            Some(namespace) => namespace.enter(make)?,
            None => make(),
        };
        let ahead = namespace.clone().map(|namespace| Arc::new(Ahead::new(namespace)));
        spaces.push(Space { namespace, ports: Arc::new(ports), ahead });
    }
    Ok(spaces)
}

pub(super) fn transport(protocol: Protocol) -> Transport {
    if protocol == Protocol::Udp { Transport::Datagram } else { Transport::Stream }
}

fn both_loopbacks(port: u16) -> Vec<SocketAddr> {
    vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
}

/// Where a client of the machine reaches a port, the usual loopback addresses first. When nobody listens, those are
/// where it is refused.
fn where_reached(ports: &Ports, transport: Transport, port: u16) -> Vec<SocketAddr> {
    let usual = both_loopbacks(port);
    let is_there =
        |&&address: &&SocketAddr| ports.nearest(transport, address).is_ok_and(|found| found.is_some());
    if let Some(&address) = usual.iter().find(is_there) {
        return vec![address];
    }
    let bound = ports.at(transport, port).unwrap_or_default();
    let elsewhere: Vec<SocketAddr> = bound.into_iter().flat_map(Bound::reached_at).collect();
    if elsewhere.is_empty() { usual } else { elsewhere }
}
