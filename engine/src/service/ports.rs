//! Which addresses somebody listens on in the calling thread's network namespace.
//!
//! Asked from the kernel by sock_diag(7), which looks at listening sockets only and takes microseconds. Reading
//! `/proc/net/tcp` instead walks the table of all connections of the machine, tens of milliseconds on a large one.

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};
use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

/// `SOCK_DIAG_BY_FAMILY` of `linux/sock_diag.h`.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_DUMP` of `linux/netlink.h`.
const DUMP: u16 = 0x301;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// Length of `struct nlmsghdr`.
const HEADER: usize = 16;
/// Length of `struct inet_diag_req_v2`, and the least of `struct inet_diag_msg` that is read here.
const REQUEST: usize = 56;
const MESSAGE: usize = 24;
/// `1 << TCP_LISTEN` of the kernel's `tcp_states.h`.
const LISTENING: u32 = 1 << 10;
/// `1 << TCP_CLOSE`: a UDP socket that is bound and not connected, as servers have them.
const UNCONNECTED: u32 = 1 << 7;

/// A protocol and the sockets of it that are asked for.
#[derive(Clone, Copy)]
struct Kind {
    protocol: i32,
    states: u32,
}

/// TCP addresses somebody listens on.
pub fn listening() -> io::Result<BTreeSet<SocketAddr>> {
    both_families(Kind { protocol: libc::IPPROTO_TCP, states: LISTENING })
}

/// UDP addresses somebody receives datagrams on from anyone.
pub fn receiving() -> io::Result<BTreeSet<SocketAddr>> {
    both_families(Kind { protocol: libc::IPPROTO_UDP, states: UNCONNECTED })
}

fn both_families(kind: Kind) -> io::Result<BTreeSet<SocketAddr>> {
    let mut found = BTreeSet::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        dump(family as u8, kind, &mut found)?;
    }
    Ok(found)
}

fn dump(family: u8, kind: Kind, found: &mut BTreeSet<SocketAddr>) -> io::Result<()> {
    let diag = socket(
        AddressFamily::Netlink,
        SockType::Datagram,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )?;
    let descriptor = diag.as_raw_fd();
    sendto(descriptor, &request(family, kind), &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let length = recv(descriptor, &mut buffer, MsgFlags::empty())?;
        if read_answer(&buffer[..length], found)? {
            return Ok(());
        }
    }
}

/// A dump of the sockets of one family.
fn request(family: u8, kind: Kind) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + REQUEST);
    bytes.extend(((HEADER + REQUEST) as u32).to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(DUMP.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([family, kind.protocol as u8, 0, 0]);
    bytes.extend(kind.states.to_ne_bytes());
    bytes.resize(HEADER + REQUEST, 0);
    bytes
}

/// Reads the messages of one datagram of the kernel's answer; true when the dump is complete. The error is the kernel's.
pub fn read_answer(mut bytes: &[u8], found: &mut BTreeSet<SocketAddr>) -> io::Result<bool> {
    while let (Some(length), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
        let length = length as usize;
        if kind == NLMSG_DONE {
            return Ok(true);
        }
        if kind == NLMSG_ERROR {
            let errno = u32_at(bytes, HEADER).unwrap_or(0) as i32;
            return Err(io::Error::from_raw_os_error(errno.checked_neg().unwrap_or(libc::EIO)));
        }
        let Some(message) = bytes.get(HEADER..length) else { break };
        found.extend(address(message));
        // Messages are aligned to four bytes (NLMSG_ALIGN).
        let Some(rest) = bytes.get(length.next_multiple_of(4)..) else { break };
        bytes = rest;
    }
    Ok(false)
}

/// The local address of a `struct inet_diag_msg`.
fn address(message: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes(message.get(4..6)?.try_into().ok()?);
    let source: [u8; 16] = message.get(8..MESSAGE)?.try_into().ok()?;
    let ip = match i32::from(*message.first()?) {
        libc::AF_INET => {
            let [a, b, c, d, ..] = source;
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        libc::AF_INET6 => IpAddr::V6(Ipv6Addr::from(source)),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn finds_exactly_the_listeners_of_this_process_while_they_listen() {
        let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
        let v6 = TcpListener::bind("[::1]:0").unwrap();
        let addresses = [v4.local_addr().unwrap(), v6.local_addr().unwrap()];
        let connected = std::net::TcpStream::connect(addresses[0]).unwrap();
        let found = listening().unwrap();
        assert!(addresses.iter().all(|address| found.contains(address)), "{found:?}");
        assert!(!found.contains(&connected.local_addr().unwrap()));
        drop((v4, v6));
        let found = listening().unwrap();
        assert!(!addresses.iter().any(|address| found.contains(address)));
    }

    #[test]
    fn finds_a_socket_that_receives_datagrams() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        assert!(receiving().unwrap().contains(&address));
        drop(socket);
        assert!(!receiving().unwrap().contains(&address));
    }

    #[test]
    fn broken_answers_end_the_reading() {
        let mut found = BTreeSet::new();
        assert!(matches!(read_answer(&[], &mut found), Ok(false)));
        assert!(matches!(read_answer(&[255; 20], &mut found), Ok(false)));
        let mut error = request(2, Kind { protocol: libc::IPPROTO_TCP, states: LISTENING });
        error[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        error[HEADER..HEADER + 4].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(read_answer(&error, &mut found).unwrap_err().raw_os_error(), Some(1));
        // No errno, but nothing to fall over either.
        error[HEADER..HEADER + 4].copy_from_slice(&i32::MIN.to_ne_bytes());
        assert_eq!(read_answer(&error, &mut found).unwrap_err().raw_os_error(), Some(libc::EIO));
        assert!(found.is_empty());
    }
}
