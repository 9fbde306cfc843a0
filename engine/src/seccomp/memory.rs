//! Strings and addresses in a target's memory.

use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::sys;

/// Longest path the kernel takes, NUL included (`PATH_MAX`).
const PATH_MAX: usize = 4096;
const PAGE: u64 = 4096;
/// Longest socket address (`struct sockaddr_storage`).
const ADDRESS_MAX: usize = 128;

/// Where a call connects to, binds or sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// IPv4 or IPv6; an IPv4 address mapped into IPv6, as the JVM writes them, is given as IPv4.
    Ip(SocketAddr),
    Unix(PathBuf),
    /// A Unix socket of the abstract namespace, without its leading NUL.
    Abstract(Vec<u8>),
    Other {
        family: u16,
    },
}

impl Address {
    /// Reads a `struct sockaddr`; `None` when it is too short for its family.
    pub fn parse(bytes: &[u8]) -> Option<Address> {
        let family = u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?);
        let port = || Some(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?));
        match i32::from(family) {
            libc::AF_INET => {
                let octets: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
                Some(Address::Ip(SocketAddr::new(Ipv4Addr::from(octets).into(), port()?)))
            }
            libc::AF_INET6 => {
                let octets: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
                let address = IpAddr::V6(Ipv6Addr::from(octets)).to_canonical();
                Some(Address::Ip(SocketAddr::new(address, port()?)))
            }
            libc::AF_UNIX => Some(match bytes.get(2..)? {
                [0, name @ ..] => Address::Abstract(name.to_vec()),
                path => Address::Unix(OsStr::from_bytes(until_nul(path)).into()),
            }),
            _ => Some(Address::Other { family }),
        }
    }
}

fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or(bytes)
}

/// Reads a NUL-terminated string into `into`, without the NUL. ENAMETOOLONG when it is no path.
///
/// A read never crosses a page, because one that does fails as a whole when the second page is not mapped.
pub(super) fn read_path(thread: u32, address: u64, into: &mut Vec<u8>) -> io::Result<()> {
    into.clear();
    while into.len() < PATH_MAX {
        let from = address + into.len() as u64;
        let start = into.len();
        let wanted = ((PAGE - from % PAGE) as usize).min(PATH_MAX - start);
        into.resize(start + wanted, 0);
        let read = sys::read_memory(thread, from, &mut into[start..])?;
        into.truncate(start + read);
        if let Some(end) = into[start..].iter().position(|&byte| byte == 0) {
            into.truncate(start + end);
            return Ok(());
        }
        if read == 0 {
            return Err(io::Error::from_raw_os_error(libc::EFAULT));
        }
    }
    Err(io::Error::from_raw_os_error(libc::ENAMETOOLONG))
}

/// Reads a socket address of `length` bytes; `None` when it is too short for its family.
pub(super) fn read_address(thread: u32, address: u64, length: u64) -> io::Result<Option<Address>> {
    let mut bytes = [0; ADDRESS_MAX];
    let length = usize::try_from(length).unwrap_or(ADDRESS_MAX).min(ADDRESS_MAX);
    let read = sys::read_memory(thread, address, &mut bytes[..length])?;
    Ok(Address::parse(&bytes[..read]))
}

/// Reads the address a `struct msghdr` points to; `None` when it names none. That of a 32-bit program is narrow.
pub(super) fn read_message_address(
    thread: u32,
    message: u64,
    is_narrow: bool,
) -> io::Result<Option<Address>> {
    // `msg_name` is a pointer at the front, `msg_namelen` the four bytes behind it.
    let width = if is_narrow { 4 } else { 8 };
    let mut head = [0; 12];
    let read = sys::read_memory(thread, message, &mut head[..width + 4])?;
    if read < width + 4 {
        return Err(io::Error::from_raw_os_error(libc::EFAULT));
    }
    let mut name = [0; 8];
    name[..width].copy_from_slice(&head[..width]);
    let mut length = [0; 4];
    length.copy_from_slice(&head[width..width + 4]);
    match u64::from_le_bytes(name) {
        0 => Ok(None),
        name => read_address(thread, name, u32::from_le_bytes(length).into()),
    }
}

/// Reads numbers of four bytes, the arguments of `socketcall` for example.
pub(super) fn read_words<const N: usize>(thread: u32, address: u64) -> io::Result<[u32; N]> {
    let mut words = [0; N];
    for (at, word) in words.iter_mut().enumerate() {
        let mut bytes = [0; 4];
        if sys::read_memory(thread, address + 4 * at as u64, &mut bytes)? < 4 {
            return Err(io::Error::from_raw_os_error(libc::EFAULT));
        }
        *word = u32::from_le_bytes(bytes);
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(family: i32, rest: &[u8], expected: Option<Address>) {
        let bytes: Vec<u8> = (family as u16).to_ne_bytes().into_iter().chain(rest.iter().copied()).collect();
        assert_eq!(Address::parse(&bytes), expected);
    }

    fn ip(text: &str) -> Option<Address> {
        Some(Address::Ip(text.parse().expect("an address")))
    }

    #[test]
    fn addresses_of_every_family() {
        check(libc::AF_INET, &[0x15, 0x38, 127, 0, 0, 1], ip("127.0.0.1:5432"));
        let mut six = vec![0, 80, 0, 0, 0, 0];
        six.extend(Ipv6Addr::LOCALHOST.octets());
        check(libc::AF_INET6, &six, ip("[::1]:80"));
        let mut mapped = vec![0, 80, 0, 0, 0, 0];
        mapped.extend(Ipv4Addr::new(10, 0, 0, 7).to_ipv6_mapped().octets());
        check(libc::AF_INET6, &mapped, ip("10.0.0.7:80"));
        check(libc::AF_UNIX, b"/run/db\0junk", Some(Address::Unix("/run/db".into())));
        check(libc::AF_UNIX, b"\0name", Some(Address::Abstract(b"name".to_vec())));
        check(libc::AF_NETLINK, &[], Some(Address::Other { family: libc::AF_NETLINK as u16 }));
        check(libc::AF_INET, &[0, 80, 127], None);
    }

    #[test]
    fn a_string_is_read_from_memory_up_to_its_end() {
        let own = std::process::id();
        let text = [b"/data/".as_slice(), &[b'x'; 3000], b"\0tail"].concat();
        let mut into = Vec::new();
        read_path(own, text.as_ptr() as u64, &mut into).expect("our own memory is readable");
        assert_eq!(into, text[..3006]);
        let endless = vec![b'y'; 8000];
        let error = read_path(own, endless.as_ptr() as u64, &mut into).expect_err("no path is that long");
        assert_eq!(error.raw_os_error(), Some(libc::ENAMETOOLONG));
        assert!(read_path(own, 8, &mut into).is_err());
    }
}
