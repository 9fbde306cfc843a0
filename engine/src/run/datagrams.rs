//! Mirrors of UDP interfaces in the namespaces their service is not in.
//!
//! Nobody listens on UDP, so only declared interfaces are mirrored, from the moment their service has bound the port.

use super::network::{MirrorKey, Network};
use crate::model::{Endpoint, Protocol, Spec};
use crate::plan::{Namespace, Placement};
use crate::protocol::udp;
use crate::proxy::{DatagramConfig, DatagramRelay};
use crate::rules::RuleSet;
use crate::service::ports;
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

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
        for declared in &self.declared {
            let bound = network.enter(declared.home, ports::receiving).flatten().unwrap_or_default();
            let own = bound.into_iter().filter(|address| address.port() == declared.port);
            for address in own {
                for at in network.others(declared.home) {
                    let key = (declared.home, address, at);
                    if mirrors.contains_key(&key) {
                        continue;
                    }
                    // A taken port is somebody's own, as with TCP.
                    if let Ok(relay) = declared.mirror(network, address, at) {
                        mirrors.insert(key, relay);
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

impl Declared {
    fn mirror(&self, network: &Network, address: SocketAddr, at: Namespace) -> io::Result<DatagramRelay> {
        let socket = network.enter(at, || UdpSocket::bind(address)).flatten()?;
        let config = DatagramConfig {
            name: self.endpoint.to_string(),
            upstream: network.upstream(self.home, address),
            rules: self.rules.clone(),
            message: udp::message,
            answer: udp::answer,
            observe: network.observer(),
        };
        DatagramRelay::start(vec![socket], config)
    }
}
