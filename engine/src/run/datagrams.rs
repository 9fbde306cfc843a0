//! Mirrors of UDP ports in the namespaces their service is not in, from the moment it has bound them.
//!
//! Declared interfaces are mirrored with their rules. Of the others, ports below the range the kernel gives to clients
//! are passed through plainly: what lies in it are the sockets of clients, our own among them.

use super::network::{MirrorKey, Network};
use crate::model::{Endpoint, Protocol, Spec};
use crate::plan::{Namespace, Placement};
use crate::protocol::udp;
use crate::proxy::{DatagramConfig, DatagramRelay};
use crate::rules::RuleSet;
use crate::service::ports;
use std::collections::BTreeMap;
use std::io;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex};

/// The first port the kernel gives to sockets that ask for none (ip(7), `ip_local_port_range`).
const FIRST_CLIENT_PORT: u16 = 32768;

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

    /// Mirrors what is bound by now. A mirror stays: a datagram to a dead service is lost either way.
    pub(super) fn sync(&self, network: &Network) {
        let mut mirrors = self.mirrors.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for home in network.all() {
            let bound = network.enter(home, ports::receiving).flatten().unwrap_or_default();
            for address in bound {
                let is_mirror = mirrors.keys().any(|&(_, of, at)| (of, at) == (address, home));
                let declared =
                    self.declared.iter().find(|one| one.home == home && one.port == address.port());
                if is_mirror || (declared.is_none() && address.port() >= FIRST_CLIENT_PORT) {
                    continue;
                }
                for at in network
                    .others(home)
                    .filter(|&at| !mirrors.contains_key(&(home, address, at)))
                    .collect::<Vec<_>>()
                {
                    // A taken port is somebody's own, as with TCP.
                    if let Ok(relay) = mirror(declared, network, (home, address, at)) {
                        mirrors.insert((home, address, at), relay);
                    }
                }
            }
        }
    }

    pub(super) async fn close(&self) {
        let mirrors =
            std::mem::take(&mut *self.mirrors.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
        for mirror in mirrors.into_values() {
            mirror.stop().await;
        }
    }
}

/// Starts a mirror: with the rules of a declared interface, plain for anything else.
fn mirror(declared: Option<&Declared>, network: &Network, key: MirrorKey) -> io::Result<DatagramRelay> {
    let (home, address, at) = key;
    let socket = network.enter(at, || UdpSocket::bind(address)).flatten()?;
    let (name, rules) = match declared {
        Some(declared) => (declared.endpoint.to_string(), declared.rules.clone()),
        None => (format!("port {}", address.port()), RuleSet::new(0)),
    };
    let config = DatagramConfig {
        name,
        upstream: network.upstream(home, address),
        rules,
        message: udp::message,
        answer: udp::answer,
        observe: network.observer(),
    };
    DatagramRelay::start(vec![socket], config)
}
