//! Sockets of a target: taken over as copies, and calls on them that are carried out in the target's stead.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, SockType, SockaddrLike, SockaddrStorage, getsockname, getsockopt, sockopt,
};

use super::sys::{self, RawNotification};
use crate::model::errno::Errno;

/// Lengths of `struct sockaddr_in` and `struct sockaddr_in6`.
const IN: usize = 16;
const IN6: usize = 28;

/// What became of a call that goes on.
#[derive(Debug)]
pub enum Carried {
    /// Nothing yet: the kernel is to carry it out.
    ByKernel,
    /// The judge did it, and it returns this.
    Value(i64),
    /// The judge tried, and it fails like this.
    Failed(Errno),
    /// It returns a new descriptor: a copy of this one.
    Descriptor { descriptor: OwnedFd, close_on_exec: bool },
}

impl Carried {
    /// The call fails as the attempt did.
    pub fn failed(error: &io::Error) -> Carried {
        error.raw_os_error().and_then(Errno::from_number).map_or(Carried::ByKernel, Carried::Failed)
    }
}

/// Calls that were carried out and whose result the target did not take, because a signal interrupted its wait. The
/// kernel starts such a call again; doing it twice would fail (`bind` with EINVAL). Only before Linux 5.19.
#[derive(Debug, Default)]
pub(super) struct Untaken(HashMap<u32, (RawNotification, i64)>);

impl Untaken {
    pub(super) fn remember(&mut self, raw: &RawNotification, value: i64) {
        self.0.insert(raw.pid, (*raw, value));
    }

    /// What the call returned when it was carried out, if this is the same call started again.
    pub(super) fn take(&mut self, raw: &RawNotification) -> Option<i64> {
        let (before, value) = self.0.remove(&raw.pid)?;
        let same = (before.number, before.arguments, before.instruction_pointer)
            == (raw.number, raw.arguments, raw.instruction_pointer);
        same.then_some(value)
    }
}

/// Whether it is a UDP socket.
pub(super) fn is_for_datagrams(socket: &OwnedFd) -> bool {
    let name = getsockname::<SockaddrStorage>(socket.as_raw_fd());
    let family = name.ok().and_then(|name| name.family());
    matches!(family, Some(AddressFamily::Inet | AddressFamily::Inet6))
        && getsockopt(socket, sockopt::SockType) == Ok(SockType::Datagram)
}

/// A copy of a descriptor of the process a thread belongs to.
pub(super) fn take(thread: u32, number: i32) -> io::Result<OwnedFd> {
    let process = match sys::open_process(thread) {
        // Not the process's first thread, whose number is the process's.
        Err(_) => sys::open_process(process_of(thread)?)?,
        Ok(process) => process,
    };
    sys::take_descriptor(process.as_fd(), number)
}

fn process_of(thread: u32) -> io::Result<u32> {
    let status = std::fs::read_to_string(format!("/proc/{thread}/status"))?;
    let number = status.lines().find_map(|line| line.strip_prefix("Tgid:"));
    number.and_then(|number| number.trim().parse().ok()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Reads an internet address; `None` for another family, or one that the kernel would refuse as too short.
pub(super) fn address(thread: u32, address: u64, length: u64) -> Option<SocketAddr> {
    let mut bytes = [0; IN6];
    let length = usize::try_from(length & 0xffff_ffff).ok()?.min(IN6);
    let read = sys::read_memory(thread, address, &mut bytes[..length]).ok()?;
    parse(&bytes[..read])
}

/// A `struct sockaddr_in` or `sockaddr_in6` (ip(7), ipv6(7)).
fn parse(bytes: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?);
    let port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    match i32::from(family) {
        libc::AF_INET if bytes.len() >= IN => {
            let octets: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Some((Ipv4Addr::from(octets), port).into())
        }
        libc::AF_INET6 if bytes.len() >= IN6 => {
            let flow = u32::from_ne_bytes(bytes.get(4..8)?.try_into().ok()?);
            let octets: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            let scope = u32::from_ne_bytes(bytes.get(24..28)?.try_into().ok()?);
            Some(SocketAddrV6::new(Ipv6Addr::from(octets), port, flow, scope).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;

    fn check(family: i32, rest: &[u8], length: usize, expected: Option<&str>) {
        let mut bytes = [&(family as u16).to_ne_bytes(), rest].concat();
        bytes.resize(length, 0);
        assert_eq!(parse(&bytes), expected.map(|text| text.parse().expect("an address")));
    }

    #[test]
    fn addresses_keep_the_family_they_are_written_in() {
        check(libc::AF_INET, &[0x1f, 0x90, 127, 0, 0, 2], IN, Some("127.0.0.2:8080"));
        check(libc::AF_INET, &[0x1f, 0x90, 127, 0, 0, 2], IN - 1, None);
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped().octets();
        let rest = [&[0x1f, 0x90, 0, 0, 0, 0][..], &mapped].concat();
        check(libc::AF_INET6, &rest, IN6, Some("[::ffff:127.0.0.1]:8080"));
        check(libc::AF_INET6, &rest, IN6 - 1, None);
        check(libc::AF_UNIX, b"/run/db", 20, None);
        check(libc::AF_INET, &[], 2, None);
    }

    #[test]
    fn a_call_started_again_is_not_carried_out_twice() {
        let call = RawNotification { pid: 7, number: 49, ..RawNotification::default() };
        let mut untaken = Untaken::default();
        untaken.remember(&call, 5);
        assert_eq!(untaken.take(&RawNotification { id: 9, ..call }), Some(5));
        assert_eq!(untaken.take(&call), None);
        untaken.remember(&call, 5);
        assert_eq!(untaken.take(&RawNotification { number: 50, ..call }), None);
        assert_eq!(untaken.take(&call), None);
    }

    #[test]
    fn a_copy_is_the_same_socket_also_from_another_thread() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let number = listener.as_raw_fd();
        let copied = std::thread::spawn(move || take(nix::unistd::gettid().as_raw().cast_unsigned(), number));
        let copy = TcpListener::from(copied.join().expect("no panic").expect("our own descriptor"));
        assert_eq!(copy.local_addr().expect("bound"), listener.local_addr().expect("bound"));
        // What is done to the copy is done to the socket.
        nix::sys::socket::shutdown(copy.as_raw_fd(), nix::sys::socket::Shutdown::Both).expect("it listens");
        assert!(listener.accept().is_err());
    }
}
