//! Which addresses somebody listens on in a network namespace.
//!
//! Asked from the kernel by sock_diag(7), which looks at listening sockets only and takes microseconds. Reading
//! `/proc/net/tcp` instead walks the table of all connections of the machine, tens of milliseconds on a large one.

use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, recv, sendto, socket,
};
use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

/// `SOCK_DIAG_BY_FAMILY` of `linux/sock_diag.h`.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST` and `NLM_F_DUMP` of `linux/netlink.h`.
const ONE: u16 = 1;
const DUMP: u16 = 0x301;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// `INET_DIAG_SKV6ONLY` of `linux/inet_diag.h`.
const SKV6ONLY: u16 = 11;
/// Length of `struct nlmsghdr`.
const HEADER: usize = 16;
/// Length of `struct inet_diag_req_v2`, and of `struct inet_diag_msg`, which attributes follow.
const REQUEST: usize = 56;
const MESSAGE: usize = 72;
/// `1 << TCP_LISTEN` of the kernel's `tcp_states.h`.
const LISTENING: u32 = 1 << 10;
/// `1 << TCP_CLOSE`: a UDP socket that is bound and not connected, as servers have them.
const UNCONNECTED: u32 = 1 << 7;
/// `1 << TCP_ESTABLISHED`: a UDP socket that is connected.
const CONNECTED: u32 = 1 << 1;

/// Which sockets are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// TCP sockets that listen.
    Stream,
    /// UDP sockets that receive from anyone.
    Datagram,
}

impl Transport {
    fn protocol(self) -> i32 {
        match self {
            Transport::Stream => libc::IPPROTO_TCP,
            Transport::Datagram => libc::IPPROTO_UDP,
        }
    }

    /// States of a socket that clients can reach.
    fn open(self) -> u32 {
        match self {
            Transport::Stream => LISTENING,
            Transport::Datagram => UNCONNECTED,
        }
    }

    /// The same, and those of one that was: a UDP server may connect the socket it was reached on.
    fn kept(self) -> u32 {
        match self {
            Transport::Stream => LISTENING,
            Transport::Datagram => UNCONNECTED | CONNECTED,
        }
    }
}

/// Where a socket is bound, as far as it decides what reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bound {
    /// In the family of the socket: an IPv4 address of an IPv6 socket is a mapped one.
    pub address: SocketAddr,
    /// Whether an IPv6 socket takes no IPv4 (`IPV6_V6ONLY`); always false for IPv4.
    pub v6_only: bool,
}

impl Bound {
    /// Whether clients of this machine reach it: on loopback or any address. Nothing else exists in a leaf.
    pub fn is_local(self) -> bool {
        let ip = self.address.ip().to_canonical();
        ip.is_loopback() || ip.is_unspecified()
    }

    /// Where a client of the machine itself reaches it.
    pub fn reached_at(self) -> Vec<SocketAddr> {
        let at = |ip: IpAddr| SocketAddr::new(ip, self.address.port());
        let (v4, v6) = (at(Ipv4Addr::LOCALHOST.into()), at(Ipv6Addr::LOCALHOST.into()));
        match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => vec![v4],
            IpAddr::V6(ip) if ip.is_unspecified() && self.v6_only => vec![v6],
            IpAddr::V6(ip) if ip.is_unspecified() => vec![v4, v6],
            ip => vec![at(ip.to_canonical())],
        }
    }
}

/// Answers about one network namespace, from whatever thread asks.
#[derive(Debug)]
pub struct Ports {
    /// Belongs to the namespace it was made in. Some kernels have none, and then nothing is found.
    kernel: Option<Mutex<OwnedFd>>,
}

impl Ports {
    /// Of the calling thread's network namespace.
    pub fn of_this_namespace() -> Ports {
        let kind = SockProtocol::NetlinkSockDiag;
        let kernel = socket(AddressFamily::Netlink, SockType::Datagram, SockFlag::SOCK_CLOEXEC, kind);
        Ports { kernel: kernel.ok().map(Mutex::new) }
    }

    /// Every address somebody is reached on.
    pub fn all(&self, transport: Transport) -> io::Result<BTreeSet<Bound>> {
        self.dump(transport, transport.open(), 0)
    }

    /// Those with a port.
    pub fn at(&self, transport: Transport, port: u16) -> io::Result<BTreeSet<Bound>> {
        self.dump(transport, transport.open(), port)
    }

    /// Whether a socket found before is still there.
    pub fn holds(&self, transport: Transport, bound: Bound) -> io::Result<bool> {
        if self.nearest(transport, bound.address)? == Some(bound) {
            return Ok(true);
        }
        // Another one may be nearer, and connected ones are not found without their peer. Of those the kernel does not
        // say whether they take IPv4.
        let kept = self.dump(transport, transport.kept(), bound.address.port())?;
        let is_same = |one: &Bound| one.address == bound.address && transport == Transport::Datagram;
        Ok(kept.iter().any(|one| *one == bound || is_same(one)))
    }

    /// The socket that what is sent to an address arrives at. A few microseconds, however many sockets there are.
    pub fn nearest(&self, transport: Transport, address: SocketAddr) -> io::Result<Option<Bound>> {
        let mut found = BTreeSet::new();
        match self.ask(&lookup(transport, address), &mut found) {
            Ok(()) => Ok(found.pop_first()),
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn dump(&self, transport: Transport, states: u32, port: u16) -> io::Result<BTreeSet<Bound>> {
        let mut found = BTreeSet::new();
        for family in [libc::AF_INET, libc::AF_INET6] {
            self.ask(&dump_of(family, transport, states, port), &mut found)?;
        }
        Ok(found)
    }

    fn ask(&self, request: &[u8], found: &mut BTreeSet<Bound>) -> io::Result<()> {
        let kernel = self.kernel.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        let kernel = kernel.lock().unwrap_or_else(PoisonError::into_inner);
        let descriptor = kernel.as_raw_fd();
        sendto(descriptor, request, &NetlinkAddr::new(0, 0), MsgFlags::empty())?;
        let mut buffer = vec![0; 32 * 1024];
        loop {
            let length = match recv(descriptor, &mut buffer, MsgFlags::empty()) {
                Err(nix::errno::Errno::EINTR) => continue,
                received => received?,
            };
            if read_answer(&buffer[..length], found)? {
                return Ok(());
            }
        }
    }
}

/// Asks for the sockets of one family in some states; port 0 is any.
fn dump_of(family: i32, transport: Transport, states: u32, port: u16) -> Vec<u8> {
    let mut bytes = request(DUMP, family, transport, states);
    bytes[HEADER + 8..HEADER + 10].copy_from_slice(&port.to_be_bytes());
    bytes
}

/// Asks for the socket that receives what is sent to an address.
fn lookup(transport: Transport, address: SocketAddr) -> Vec<u8> {
    let (family, ip) = match address.ip() {
        IpAddr::V4(ip) => (libc::AF_INET, ip.octets().to_vec()),
        IpAddr::V6(ip) => (libc::AF_INET6, ip.octets().to_vec()),
    };
    let mut bytes = request(ONE, family, transport, u32::MAX);
    // Of UDP sockets the kernel takes source and destination in the other order (`udp_dump_one`).
    let (port, at) = match transport {
        Transport::Stream => (HEADER + 8, HEADER + 12),
        Transport::Datagram => (HEADER + 10, HEADER + 28),
    };
    bytes[port..port + 2].copy_from_slice(&address.port().to_be_bytes());
    bytes[at..at + ip.len()].copy_from_slice(&ip);
    // `INET_DIAG_NOCOOKIE` twice: any socket will do.
    bytes[HEADER + 48..].fill(0xff);
    bytes
}

fn request(flags: u16, family: i32, transport: Transport, states: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + REQUEST);
    bytes.extend(((HEADER + REQUEST) as u32).to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([family as u8, transport.protocol() as u8, 0, 0]);
    bytes.extend(states.to_ne_bytes());
    bytes.resize(HEADER + REQUEST, 0);
    bytes
}

/// Reads the messages of one datagram of the kernel's answer; true when it is complete. The error is the kernel's.
pub fn read_answer(mut bytes: &[u8], found: &mut BTreeSet<Bound>) -> io::Result<bool> {
    /// `NLM_F_MULTI`: more messages follow.
    const MULTI: u16 = 2;
    while let (Some(length), Some(kind), Some(flags)) = (u32_at(bytes, 0), u16_at(bytes, 4), u16_at(bytes, 6))
    {
        let length = length as usize;
        if kind == NLMSG_DONE {
            return Ok(true);
        }
        if kind == NLMSG_ERROR {
            let errno = u32_at(bytes, HEADER).unwrap_or(0) as i32;
            return Err(io::Error::from_raw_os_error(errno.checked_neg().unwrap_or(libc::EIO)));
        }
        let Some(message) = bytes.get(HEADER..length) else { break };
        found.extend(bound(message));
        if flags & MULTI == 0 {
            return Ok(true);
        }
        // Messages are aligned to four bytes (NLMSG_ALIGN).
        let Some(rest) = bytes.get(length.next_multiple_of(4)..) else { break };
        bytes = rest;
    }
    Ok(false)
}

/// The local address of a `struct inet_diag_msg` and what its attributes say.
fn bound(message: &[u8]) -> Option<Bound> {
    let port = u16::from_be_bytes(message.get(4..6)?.try_into().ok()?);
    let source: [u8; 16] = message.get(8..24)?.try_into().ok()?;
    let ip = match i32::from(*message.first()?) {
        libc::AF_INET => {
            let [a, b, c, d, ..] = source;
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        libc::AF_INET6 => IpAddr::V6(Ipv6Addr::from(source)),
        _ => return None,
    };
    let v6_only = ip.is_ipv6() && message.get(MESSAGE..).is_some_and(says_v6_only);
    Some(Bound { address: SocketAddr::new(ip, port), v6_only })
}

/// Looks through attributes (`struct nlattr`: length, kind, value; aligned to four bytes).
fn says_v6_only(mut attributes: &[u8]) -> bool {
    while let (Some(length), Some(kind)) = (u16_at(attributes, 0), u16_at(attributes, 2)) {
        if kind == SKV6ONLY {
            return attributes.get(4).is_some_and(|&value| value != 0);
        }
        let next = usize::from(length).max(4).next_multiple_of(4);
        let Some(rest) = attributes.get(next..) else { return false };
        attributes = rest;
    }
    false
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
    use std::net::{TcpListener, TcpStream, UdpSocket};

    /// As a socket is that asks for nothing: bound to one IPv6 address, it takes no IPv4 (`inet6_bind` of Linux).
    fn plain(address: SocketAddr) -> Bound {
        Bound { address, v6_only: address.is_ipv6() && !address.ip().is_unspecified() }
    }

    #[test]
    fn finds_exactly_the_listeners_of_this_process_while_they_listen() {
        let ports = Ports::of_this_namespace();
        let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
        let v6 = TcpListener::bind("[::1]:0").unwrap();
        let addresses = [v4.local_addr().unwrap(), v6.local_addr().unwrap()];
        let connected = TcpStream::connect(addresses[0]).unwrap();
        let found = ports.all(Transport::Stream).unwrap();
        assert!(addresses.iter().all(|&address| found.contains(&plain(address))), "{found:?}");
        assert!(!found.contains(&plain(connected.local_addr().unwrap())));
        for address in addresses {
            assert!(ports.holds(Transport::Stream, plain(address)).unwrap());
            assert!(ports.at(Transport::Stream, address.port()).unwrap().contains(&plain(address)));
        }
        drop((v4, v6));
        for address in addresses {
            assert!(!ports.holds(Transport::Stream, plain(address)).unwrap());
            assert!(ports.at(Transport::Stream, address.port()).unwrap().is_empty());
        }
    }

    #[test]
    fn says_which_families_a_listener_takes() {
        let ports = Ports::of_this_namespace();
        let both = TcpListener::bind("[::]:0").unwrap();
        let port = both.local_addr().unwrap().port();
        assert_eq!(
            ports.at(Transport::Stream, port).unwrap().pop_first().map(|one| one.v6_only),
            Some(false)
        );
        let near =
            |ip: &str| ports.nearest(Transport::Stream, SocketAddr::new(ip.parse().unwrap(), port)).unwrap();
        assert_eq!(near("127.0.0.1"), Some(plain(both.local_addr().unwrap())));
        drop(both);
        assert_eq!(near("127.0.0.1"), None);
        let only = socket(AddressFamily::Inet6, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
        nix::sys::socket::setsockopt(&only, nix::sys::socket::sockopt::Ipv6V6Only, &true).unwrap();
        let only = TcpListener::from(only);
        nix::sys::socket::listen(&only, nix::sys::socket::Backlog::new(1).unwrap()).unwrap();
        let address = only.local_addr().unwrap();
        assert!(ports.holds(Transport::Stream, Bound { address, v6_only: true }).unwrap());
        assert!(!ports.holds(Transport::Stream, plain(address)).unwrap());
    }

    #[test]
    fn finds_a_socket_that_receives_datagrams() {
        let ports = Ports::of_this_namespace();
        let receives = |address| ports.all(Transport::Datagram).unwrap().contains(&plain(address));
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        assert!(receives(address) && ports.holds(Transport::Datagram, plain(address)).unwrap());
        assert_eq!(ports.nearest(Transport::Datagram, address).unwrap(), Some(plain(address)));
        socket.connect("127.0.0.1:9").unwrap();
        // Nobody else reaches it any more, but it is still there.
        assert!(!receives(address) && ports.holds(Transport::Datagram, plain(address)).unwrap());
        drop(socket);
        assert!(!ports.holds(Transport::Datagram, plain(address)).unwrap());
    }

    #[test]
    fn addresses_are_reached_where_their_family_allows() {
        let check = |address: &str, v6_only, expected: &[&str]| {
            let bound = Bound { address: address.parse().unwrap(), v6_only };
            let expected: Vec<SocketAddr> = expected.iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(bound.reached_at(), expected, "{address} {v6_only}");
        };
        check("0.0.0.0:80", false, &["127.0.0.1:80"]);
        check("[::]:80", false, &["127.0.0.1:80", "[::1]:80"]);
        check("[::]:80", true, &["[::1]:80"]);
        check("127.0.0.2:80", false, &["127.0.0.2:80"]);
        check("[::ffff:127.0.0.1]:80", false, &["127.0.0.1:80"]);
        check("[::1]:80", true, &["[::1]:80"]);
    }

    #[test]
    fn broken_answers_end_the_reading() {
        let mut found = BTreeSet::new();
        assert!(matches!(read_answer(&[], &mut found), Ok(false)));
        assert!(matches!(read_answer(&[255; 20], &mut found), Ok(false)));
        let mut error = request(DUMP, 2, Transport::Stream, LISTENING);
        error[4..6].copy_from_slice(&NLMSG_ERROR.to_ne_bytes());
        error[HEADER..HEADER + 4].copy_from_slice(&(-1_i32).to_ne_bytes());
        assert_eq!(read_answer(&error, &mut found).unwrap_err().raw_os_error(), Some(1));
        // No errno, but nothing to fall over either.
        error[HEADER..HEADER + 4].copy_from_slice(&i32::MIN.to_ne_bytes());
        assert_eq!(read_answer(&error, &mut found).unwrap_err().raw_os_error(), Some(libc::EIO));
        assert!(found.is_empty());
        // Attributes that claim no length are no loop.
        assert!(!says_v6_only(&[0; 12]));
    }
}
