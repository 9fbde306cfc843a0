//! The fallback where namespaces are refused: relays on free ports, and consumers whose environment points at them.
//!
//! Only consumers that take the address from their environment are reached, so the run says that it is less than real
//! transparency. Steps of the test go through the relay like any consumer.

use super::network::{Network, transport};
use crate::model::{Endpoint, ServiceName, Spec};
use crate::plan::HOME;
use crate::proxy::{DatagramRelay, Relay};
use crate::service::ports::Transport;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

/// The relays of a leaf without namespaces.
#[derive(Default)]
pub(super) struct Detours(Vec<Detour>);

struct Detour {
    endpoint: Endpoint,
    /// The port the service listens on.
    original: u16,
    /// The port its relay listens on.
    at: u16,
    relay: Either,
}

enum Either {
    Stream(Relay),
    Datagram(DatagramRelay),
}

impl Detours {
    /// Starts a relay for an interface on a free port of the host.
    pub(super) fn add(&mut self, spec: &Spec, endpoint: &Endpoint, network: &Network) -> std::io::Result<()> {
        let service = spec.service(&endpoint.service);
        let Some(interface) = service.and_then(|service| service.interface(&endpoint.interface)) else {
            return Ok(());
        };
        let (original, any) = (interface.port, (Ipv4Addr::LOCALHOST, 0));
        let transport = transport(interface.protocol);
        let upstream = network.reaching(HOME, transport, original);
        let (at, relay) = match transport {
            Transport::Stream => {
                let listener = TcpListener::bind(any)?;
                let at = listener.local_addr()?.port();
                (at, Either::Stream(network.relay_to((HOME, HOME), original, upstream, listener)))
            }
            Transport::Datagram => {
                let socket = UdpSocket::bind(any)?;
                let at = socket.local_addr()?.port();
                let relay = network.datagrams().relay(network, (HOME, HOME), original, upstream, socket)?;
                (at, Either::Datagram(relay))
            }
        };
        self.0.push(Detour { endpoint: endpoint.clone(), original, at, relay });
        Ok(())
    }

    /// The port a step on `endpoint` goes to.
    pub(super) fn port(&self, endpoint: &Endpoint) -> Option<u16> {
        self.0.iter().find(|detour| detour.endpoint == *endpoint).map(|detour| detour.at)
    }

    /// Where relays listen, each with the port it stands for.
    pub(super) fn ports(&self) -> Vec<(u16, u16)> {
        self.0.iter().map(|detour| (detour.at, detour.original)).collect()
    }

    /// A value of a service's environment with the addresses of detoured interfaces replaced. A service's own address
    /// stays: it is where it listens.
    pub(super) fn rewrite(&self, service: &ServiceName, value: &str) -> String {
        let mut value = value.to_owned();
        for detour in self.0.iter().filter(|detour| detour.endpoint.service != *service) {
            for host in ["localhost", "127.0.0.1", detour.endpoint.service.as_str()] {
                value = replace_address(&value, &format!("{host}:{}", detour.original), detour.at);
            }
        }
        value
    }

    pub(super) async fn stop(self) {
        for detour in self.0 {
            match detour.relay {
                Either::Stream(relay) => relay.stop().await,
                Either::Datagram(relay) => relay.stop().await,
            }
        }
    }
}

/// Replaces `host:port` where it stands as a whole: `localhost:80` is not part of `localhost:8080` or `mylocalhost:80`.
fn replace_address(value: &str, address: &str, port: u16) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find(address) {
        let (before, behind) = (&rest[..at], &rest[at + address.len()..]);
        let joins = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        let whole = !before.ends_with(joins) && !behind.starts_with(|c: char| c.is_ascii_digit());
        out.push_str(before);
        if whole {
            out.push_str(&format!("127.0.0.1:{port}"));
        } else {
            out.push_str(address);
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::replace_address;

    #[test]
    fn only_whole_addresses_are_replaced() {
        let replace = |value: &str| replace_address(value, "localhost:80", 9);
        assert_eq!(replace("http://localhost:80/x,localhost:80"), "http://127.0.0.1:9/x,127.0.0.1:9");
        assert_eq!(replace("localhost:8080 my-localhost:80"), "localhost:8080 my-localhost:80");
        assert_eq!(replace(""), "");
    }
}
