//! Reaching a service, in whatever network namespace it lives.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::{TcpSocket, TcpStream};

type SocketFactory = dyn Fn(SocketAddr) -> io::Result<TcpSocket> + Send + Sync;

/// Makes a bound datagram socket that can reach the address.
pub type DatagramSocketFactory = dyn Fn(SocketAddr) -> io::Result<std::net::UdpSocket> + Send + Sync;

/// Makes connections to one service.
#[derive(Clone)]
pub struct Dialer {
    addresses: Arc<[SocketAddr]>,
    make_socket: Arc<SocketFactory>,
    make_datagram_socket: Arc<DatagramSocketFactory>,
}

/// A socket that exists already, so that running out of descriptors is noticed before a connection is accepted.
pub struct Prepared {
    dialer: Dialer,
    first: TcpSocket,
}

impl Dialer {
    /// Dials `address` from the calling thread's network namespace.
    pub fn new(address: SocketAddr) -> Dialer {
        Dialer::with_sockets(vec![address], Arc::new(socket_for))
    }

    /// Dials the first of `addresses` that accepts, on sockets from `make_socket`, which decides their namespace.
    /// A service that listens on `::1` only is reached this way too.
    ///
    /// # Panics
    /// When `addresses` is empty.
    pub fn with_sockets(addresses: Vec<SocketAddr>, make_socket: Arc<SocketFactory>) -> Dialer {
        assert!(!addresses.is_empty(), "a dialer needs an address");
        let make_datagram_socket = Arc::new(datagram_socket_for);
        Dialer { addresses: addresses.into(), make_socket, make_datagram_socket }
    }

    /// The same, with datagram sockets from another namespace than the calling thread's.
    pub fn with_datagram_sockets(self, make_datagram_socket: Arc<DatagramSocketFactory>) -> Dialer {
        Dialer { make_datagram_socket, ..self }
    }

    /// A datagram socket that can reach the first address, and is not connected to it.
    pub fn datagram_socket(&self) -> io::Result<tokio::net::UdpSocket> {
        let socket = (self.make_datagram_socket)(self.address())?;
        socket.set_nonblocking(true)?;
        tokio::net::UdpSocket::from_std(socket)
    }

    /// The address tried first.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// Makes the first socket without connecting it.
    pub fn prepare(&self) -> io::Result<Prepared> {
        Ok(Prepared { dialer: self.clone(), first: (self.make_socket)(self.address())? })
    }

    /// Connects; the error is that of the last address.
    pub async fn dial(&self) -> io::Result<TcpStream> {
        self.prepare()?.connect().await
    }
}

impl Prepared {
    pub async fn connect(self) -> io::Result<TcpStream> {
        let Prepared { dialer, first } = self;
        let mut outcome = first.connect(dialer.address()).await;
        for address in &dialer.addresses[1..] {
            if outcome.is_ok() {
                break;
            }
            outcome = (dialer.make_socket)(*address)?.connect(*address).await;
        }
        let stream = outcome?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

fn socket_for(address: SocketAddr) -> io::Result<TcpSocket> {
    if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
}

fn datagram_socket_for(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    std::net::UdpSocket::bind(if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })
}
