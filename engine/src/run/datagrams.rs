//! Mirrors of UDP ports in the namespaces their service is not in, from the moment it has bound them.
//!
//! Declared interfaces are mirrored with their rules. Of the others, whatever a service binds by itself is passed through
//! plainly: a socket that only sends is given its port by the kernel and needs no mirror, because answers find back to
//! it. Without word of the `bind` (see `sockets.rs`) only ports below those the kernel gives are passed through.

use super::mirrors::{Known, MirrorKey, gone, is_mirror, receiver};
use super::network::Network;
use crate::model::{Endpoint, Protocol, Spec};
use crate::plan::{Namespace, Placement};
use crate::protocol::udp;
use crate::proxy::{DatagramConfig, DatagramRelay, Dialer, FIRST_CLIENT_PORT};
use crate::rules::RuleSet;
use crate::service::ports::{Bound, Transport};
use std::collections::BTreeMap;
use std::io;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex, PoisonError};

/// The UDP interfaces of a leaf and the mirrors made for them.
pub(super) struct Datagrams {
    declared: Vec<Declared>,
    mirrors: Mutex<BTreeMap<MirrorKey, DatagramRelay>>,
}

struct Declared {
    endpoint: Endpoint,
    home: Namespace,
    port: u16,
    /// Empty for an interface without rules.
    rules: Arc<RuleSet>,
}

impl Datagrams {
    pub(super) fn new(
        spec: &Spec,
        placement: &Placement,
        rules: impl Fn(&Endpoint) -> Option<Arc<RuleSet>>,
    ) -> Datagrams {
        let mut declared = Vec::new();
        for service in &spec.services {
            for interface in service.interfaces.iter().filter(|one| one.protocol == Protocol::Udp) {
                let endpoint = service.endpoint(interface);
                let rules = rules(&endpoint).unwrap_or_else(|| RuleSet::new(0));
                let home = placement.of(&service.name);
                declared.push(Declared { endpoint, home, port: interface.port, rules });
            }
        }
        Datagrams { declared, mirrors: Mutex::default() }
    }

    fn declared(&self, home: Namespace, port: u16) -> Option<&Declared> {
        self.declared.iter().find(|one| one.home == home && one.port == port)
    }

    /// Opens the mirrors that an original lacks. Called from any thread inside the runtime.
    pub(super) fn add(&self, network: &Network, home: Namespace, original: Bound) {
        let mut mirrors = self.mirrors.lock().unwrap_or_else(PoisonError::into_inner);
        if !original.is_local() || is_mirror(&mirrors, home, original) {
            return;
        }
        for at in network.others(home) {
            let key = (home, original, at);
            if mirrors.contains_key(&key) {
                continue;
            }
            let upstream = network.within(home, Dialer::mirrored(original.address));
            let socket = network.enter(at, || receiver(original)).flatten();
            match socket
                .and_then(|socket| self.relay(network, (home, at), original.address.port(), upstream, socket))
            {
                Ok(relay) => {
                    mirrors.insert(key, relay);
                }
                Err(error) => network.not_mirrored(original, &error),
            }
        }
    }

    /// Opens mirrors for what is bound now and is surely no client's.
    pub(super) fn look(&self, network: &Network) {
        let known = Known::of(&self.mirrors.lock().unwrap_or_else(PoisonError::into_inner), network);
        for home in network.all() {
            // What cannot be read now is read at the next look.
            let bound = network.ports(home).all(Transport::Datagram).unwrap_or_default();
            let serves = |port| port < FIRST_CLIENT_PORT || self.declared(home, port).is_some();
            let is_new = |bound: &Bound| serves(bound.address.port()) && !known.has(home, *bound);
            for original in bound.into_iter().filter(is_new) {
                self.add(network, home, original);
            }
        }
    }

    /// Closes the mirrors whose original is gone: what is sent there then is refused, as it would be without us.
    pub(super) async fn prune(&self, network: &Network) {
        let gone: Vec<DatagramRelay> = {
            let mut mirrors = self.mirrors.lock().unwrap_or_else(PoisonError::into_inner);
            let gone = gone(network, Transport::Datagram, mirrors.keys());
            let stale = mirrors.extract_if(.., |&(home, original, _), _| gone.contains(&(home, original)));
            stale.map(|(_, relay)| relay).collect()
        };
        for relay in gone {
            relay.stop().await;
        }
    }

    pub(super) async fn close(&self) {
        let mirrors = std::mem::take(&mut *self.mirrors.lock().unwrap_or_else(PoisonError::into_inner));
        for mirror in mirrors.into_values() {
            mirror.stop().await;
        }
    }

    /// Relays what a socket in the namespace `at` receives: with the rules of a declared interface, plainly for anything else.
    pub(super) fn relay(
        &self,
        network: &Network,
        (home, at): (Namespace, Namespace),
        port: u16,
        upstream: Dialer,
        socket: UdpSocket,
    ) -> io::Result<DatagramRelay> {
        let (name, rules) = match self.declared(home, port) {
            Some(declared) => (declared.endpoint.to_string(), declared.rules.clone()),
            None => (format!("port {port}"), RuleSet::new(0)),
        };
        let config = DatagramConfig {
            name,
            upstream,
            rules,
            message: udp::message,
            answer: udp::answer,
            observe: network.observer(at),
        };
        DatagramRelay::start(vec![socket], config)
    }
}
