//! Sockets made ahead of need in a network namespace, for those outside of it.
//!
//! Going into a namespace and back costs twice what a socket does, and a connection waits for it. So each time that one is
//! needed, several are made.

use crate::sandbox::NetNs;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::net::TcpSocket;

/// How many are made at a time.
const BATCH: usize = 8;

/// TCP sockets of one namespace that nobody has used.
pub(super) struct Ahead {
    namespace: Arc<NetNs>,
    v4: Mutex<Vec<TcpSocket>>,
    v6: Mutex<Vec<TcpSocket>>,
}

impl Ahead {
    pub(super) fn new(namespace: Arc<NetNs>) -> Ahead {
        Ahead { namespace, v4: Mutex::default(), v6: Mutex::default() }
    }

    /// A socket of the address's family.
    pub(super) fn take(&self, address: SocketAddr) -> io::Result<TcpSocket> {
        let ready = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        let mut ready = ready.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(socket) = ready.pop() {
            return Ok(socket);
        }
        let (socket, more) = self.namespace.enter(|| {
            let socket = socket(address)?;
            // Fewer will do where descriptors run out.
            let more: Vec<TcpSocket> = (1..BATCH).map_while(|_| self::socket(address).ok()).collect();
            io::Result::Ok((socket, more))
        })??;
        ready.extend(more);
        Ok(socket)
    }
}

fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
}
