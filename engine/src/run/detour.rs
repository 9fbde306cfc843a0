//! The fallback where namespaces are refused: relays on free ports, and consumers whose environment points at them.
//!
//! Only consumers that take the address from their environment are reached, so the run says that it is less than real
//! transparency. Steps of the test go through the relay like any consumer.

use super::network::{Network, transport};
use crate::model::{Endpoint, ServiceName, Spec};
use crate::plan::HOME;
use crate::proxy::{DatagramRelay, Relay};
use crate::service::ports::Transport;
use std::net::{IpAddr, Ipv4Addr, TcpListener, UdpSocket};

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
            let is_meant = |host: &str| is_loopback(host) || host == detour.endpoint.service.as_str();
            value = replace_port(&value, detour.original, detour.at, is_meant);
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

/// Whether a host is this machine's loopback: `localhost`, an address of 127.0.0.0/8, or `[::1]`.
fn is_loopback(host: &str) -> bool {
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || literal.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Replaces `host:port` of the hosts that are meant where it is a whole: `localhost:80` is not part of `localhost:8080`
/// or `mylocalhost:80`.
fn replace_port(value: &str, port: u16, at: u16, is_meant: impl Fn(&str) -> bool) -> String {
    let (mut out, mut rest, behind_host) = (String::with_capacity(value.len()), value, format!(":{port}"));
    while let Some(colon) = rest.find(&behind_host) {
        let (before, behind) = (&rest[..colon], &rest[colon + behind_host.len()..]);
        let host = host_at_the_end(before);
        if is_meant(host) && !behind.starts_with(|c: char| c.is_ascii_digit()) {
            out.push_str(&before[..before.len() - host.len()]);
            out.push_str(&format!("127.0.0.1:{at}"));
        } else {
            out.push_str(&rest[..colon + behind_host.len()]);
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// The name or address a text ends in: an IPv6 address with its brackets.
fn host_at_the_end(text: &str) -> &str {
    let start = if text.ends_with(']') {
        text.rfind('[')
    } else {
        let joins = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        text.rfind(|c: char| !joins(c)).map(|at| at + text[at..].chars().next().map_or(0, char::len_utf8))
    };
    &text[start.unwrap_or(0)..]
}

#[cfg(test)]
mod tests {
    use super::{is_loopback, replace_port};

    #[test]
    fn only_whole_addresses_are_replaced() {
        let replace = |value: &str| replace_port(value, 80, 9, |host| is_loopback(host) || host == "db");
        assert_eq!(replace("http://localhost:80/x,localhost:80"), "http://127.0.0.1:9/x,127.0.0.1:9");
        assert_eq!(replace("localhost:8080 my-localhost:80"), "localhost:8080 my-localhost:80");
        assert_eq!(replace("db:80 my_db:80 a.db:80"), "127.0.0.1:9 my_db:80 a.db:80");
        assert_eq!(replace("x=[::1]:80;127.0.0.7:80"), "x=127.0.0.1:9;127.0.0.1:9");
        assert_eq!(replace("[::2]:80 10.0.0.1:80 :80 é:80"), "[::2]:80 10.0.0.1:80 :80 é:80");
        assert_eq!(replace(""), "");
    }
}
