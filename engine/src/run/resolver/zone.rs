//! What the resolver of a leaf knows: the addresses of the leaf's `/etc/hosts`, and `localhost`.

use super::message::{A, AAAA, ANY, PTR, encode};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const LOOPBACK: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Names with their addresses, and the other way round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Zone {
    /// By name in lower case, in the order of the file.
    addresses: HashMap<String, Vec<IpAddr>>,
    /// The first name an address has.
    names: HashMap<IpAddr, String>,
}

/// What is known of a name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Found {
    addresses: Vec<IpAddr>,
    /// The name of the address that was asked for, in the form of a message.
    pointer: Option<Vec<u8>>,
}

impl Zone {
    /// Reads a hosts(5) file.
    pub fn of_hosts(text: &str) -> Zone {
        let mut zone = Zone::default();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or("").split_whitespace();
            let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else { continue };
            let named = words.map(|word| word.trim_end_matches('.').to_ascii_lowercase());
            for name in named.filter(|name| !name.is_empty()) {
                zone.names.entry(address).or_insert_with(|| name.clone());
                let known = zone.addresses.entry(name).or_default();
                if !known.contains(&address) {
                    known.push(address);
                }
            }
        }
        zone
    }

    /// What is known of a name in lower case; `None` when there is no such name.
    pub(super) fn find(&self, name: &str, kind: u16) -> Option<Found> {
        if let Some(addresses) = self.addresses.get(name) {
            return Some(Found { addresses: addresses.clone(), pointer: None });
        }
        // RFC 6761, section 6.3: these are loopback wherever they are looked up.
        if name == "localhost" || name.ends_with(".localhost") {
            return Some(Found { addresses: LOOPBACK.to_vec(), pointer: None });
        }
        // The root is there, with nothing that a leaf has.
        if name.is_empty() {
            return Some(Found::default());
        }
        let address = (kind == PTR || kind == ANY).then(|| reversed(name)).flatten()?;
        let known = self.names.get(&address).map(String::as_str);
        let pointer = encode(known.or(address.is_loopback().then_some("localhost"))?);
        Some(Found { addresses: Vec::new(), pointer })
    }
}

impl Found {
    /// The records of a type, with their data.
    pub(super) fn records(&self, kind: u16) -> impl Iterator<Item = (u16, Vec<u8>)> {
        let addresses = self.addresses.iter().map(|address| match address {
            IpAddr::V4(address) => (A, address.octets().to_vec()),
            IpAddr::V6(address) => (AAAA, address.octets().to_vec()),
        });
        let pointers = self.pointer.iter().map(|name| (PTR, name.clone()));
        addresses.chain(pointers).filter(move |(own, _)| *own == kind || kind == ANY)
    }
}

/// Whether a name is in the tree of addresses, where programs look names up for their logs.
pub(super) fn is_reverse(name: &str) -> bool {
    name == "arpa" || name.ends_with(".arpa")
}

/// The address a name of the tree of addresses stands for (RFC 1035, section 3.5; RFC 3596, section 2.5).
fn reversed(name: &str) -> Option<IpAddr> {
    if let Some(rest) = name.strip_suffix(".in-addr.arpa") {
        let mut bytes = [0; 4];
        fill(rest, &mut bytes, 10)?;
        return Some(IpAddr::V4(Ipv4Addr::from(bytes)));
    }
    let mut digits = [0; 32];
    fill(name.strip_suffix(".ip6.arpa")?, &mut digits, 16)?;
    let digit = |value, &digit: &u8| (digit < 16).then_some((value << 4) | u128::from(digit));
    let value = digits.iter().try_fold(0_u128, digit)?;
    Some(IpAddr::V6(Ipv6Addr::from(value)))
}

/// The labels as numbers, the last one first.
fn fill(text: &str, numbers: &mut [u8], radix: u32) -> Option<()> {
    let mut labels = text.rsplit('.');
    for number in numbers {
        *number = u8::from_str_radix(labels.next()?, radix).ok()?;
    }
    labels.next().is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTS: &str =
        "127.0.0.1 localhost\n127.0.0.1\tDB\n::1\tdb # service\n10.0.0.5 x. x.lan\nfe80::1%lo z\nrubbish\n";

    fn check(name: &str, kind: u16, expected: Option<&[&[u8]]>) {
        let found = Zone::of_hosts(HOSTS).find(name, kind);
        let records = found.map(|found| found.records(kind).map(|(_, data)| data).collect::<Vec<_>>());
        let expected = expected.map(|records| records.iter().map(|data| data.to_vec()).collect::<Vec<_>>());
        assert_eq!(records, expected, "{name} {kind}");
    }

    #[test]
    fn a_name_has_the_addresses_of_the_hosts_file() {
        let one = Ipv6Addr::LOCALHOST.octets();
        check("db", A, Some(&[&[127, 0, 0, 1]]));
        check("db", AAAA, Some(&[&one]));
        check("db", ANY, Some(&[&[127, 0, 0, 1], &one]));
        check("db", 16, Some(&[]));
        check("x", A, Some(&[&[10, 0, 0, 5]]));
        check("z", A, None);
        check("api", A, None);
        check("", A, Some(&[]));
    }

    #[test]
    fn localhost_is_loopback_whatever_the_file_says_of_others() {
        // The file's word counts where it has one.
        check("localhost", AAAA, Some(&[]));
        check("a.localhost", A, Some(&[&[127, 0, 0, 1]]));
        check("alocalhost", A, None);
    }

    #[test]
    fn an_address_has_the_first_name_of_the_hosts_file() {
        let name = |text: &str| encode(text).unwrap();
        check("1.0.0.127.in-addr.arpa", PTR, Some(&[&name("localhost")]));
        check("5.0.0.10.in-addr.arpa", PTR, Some(&[&name("x")]));
        check("9.0.0.127.in-addr.arpa", PTR, Some(&[&name("localhost")]));
        let one = format!("1.{}ip6.arpa", "0.".repeat(31));
        check(&one, PTR, Some(&[&name("db")]));
        check(&one, A, None);
        for other in
            ["8.8.8.8.in-addr.arpa", "256.0.0.127.in-addr.arpa", "1.1.0.0.127.in-addr.arpa", "ip6.arpa"]
        {
            check(other, PTR, None);
        }
        check(&format!("11.{}ip6.arpa", "0.".repeat(31)), PTR, None);
        check(&format!("1.{}ip6.arpa", "0.".repeat(30)), PTR, None);
    }
}
