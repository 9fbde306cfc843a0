//! Which process has the socket that a query came from. Looked up once per unknown name, in the namespace it came from.

use super::message::Carrier;
use crate::model::ServiceName;
use std::fs;
use std::net::SocketAddr;

/// How far up a process is looked for.
const MAX_ANCESTORS: usize = 64;

/// The process that has the socket, as far as this process may look into it.
pub(super) fn process(carrier: Carrier, peer: SocketAddr) -> Option<u32> {
    let tables = match carrier {
        Carrier::Udp => ["udp", "udp6"],
        Carrier::Tcp => ["tcp", "tcp6"],
    };
    let read = |table| fs::read_to_string(format!("/proc/thread-self/net/{table}")).ok();
    let inode = tables.into_iter().filter_map(read).find_map(|text| inode(&text, peer.port()))?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.find(|&pid| has(pid, &format!("socket:[{inode}]")))
}

/// The service a process is of: the first of its ancestors, or of their process groups' leaders, that a service began with.
/// A daemon that left its group is an orphan and nobody's.
pub(super) fn owner(pid: u32, services: &[(u32, ServiceName)]) -> Option<ServiceName> {
    let mut pid = pid;
    for _ in 0..MAX_ANCESTORS {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (parent, group) = parent_and_group(&stat)?;
        let found = services.iter().find(|(first, _)| *first == pid || *first == group);
        if let Some((_, service)) = found {
            return Some(service.clone());
        }
        pid = parent;
    }
    None
}

/// From proc_pid_stat(5): the name, which may hold anything, ends at the last parenthesis.
fn parent_and_group(stat: &str) -> Option<(u32, u32)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_ascii_whitespace().skip(1);
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

fn has(pid: u32, link: &str) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    descriptors.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|target| target.as_os_str() == link)
}

/// The inode of the socket with this local port, from a table of proc_net(5): `sl local rem st queues tr retrnsmt uid
/// timeout inode ...`, addresses and ports in hexadecimal.
fn inode(table: &str, port: u16) -> Option<u64> {
    let mut lines = table.lines().skip(1).map(|line| line.split_ascii_whitespace());
    lines.find_map(|mut words| {
        let (_, local) = words.nth(1)?.rsplit_once(':')?;
        let is_port = u16::from_str_radix(local, 16) == Ok(port);
        // A socket without inode is nobody's any more.
        is_port.then(|| words.nth(7)?.parse().ok().filter(|&inode| inode != 0))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream, UdpSocket};

    #[test]
    fn the_process_behind_a_socket_is_found() {
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let own = Some(std::process::id());
        assert_eq!(process(Carrier::Udp, udp.local_addr().unwrap()), own);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert_eq!(process(Carrier::Tcp, tcp.local_addr().unwrap()), own);
    }

    #[test]
    fn a_process_is_of_the_service_it_descends_from() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let of = |first: u32| owner(child.id(), &[(first, ServiceName::new("api"))]);
        assert!(of(child.id()).is_some() && of(std::process::id()).is_some());
        assert_eq!(of(u32::MAX), None);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(parent_and_group("7 (a) S 1) R 3 5 9"), Some((3, 5)));
        assert_eq!(parent_and_group("7 a R 3"), None);
    }

    #[test]
    fn a_table_of_another_form_has_no_socket() {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
        let line = " 123: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 4711 2 0\n";
        assert_eq!(inode(&format!("{head}{line}"), 53), Some(4711));
        assert_eq!(inode(&format!("{head}{line}"), 54), None);
        assert_eq!(inode(&format!("{head}{}", line.replace("4711", "0")), 53), None);
        for text in ["", head, "x\ny\n", "x\n1: y\n", "x\n1: :0035\n"] {
            assert_eq!(inode(text, 53), None, "{text}");
        }
    }
}
