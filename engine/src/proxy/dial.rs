//! Reaching a service, in whatever network namespace it lives.

use nix::sys::socket::{setsockopt, sockopt};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpSocket, TcpStream};

/// Which way a connection or a datagram takes, as both of its ends see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// Unique while the connection is open.
    Connection { from: SocketAddr, to: SocketAddr },
    /// Unique while the socket that sends it is open.
    Datagram { from: SocketAddr },
}

impl Route {
    pub fn connection(from: SocketAddr, to: SocketAddr) -> Route {
        Route::Connection { from: canonical(from), to: canonical(to) }
    }

    pub fn datagram(from: SocketAddr) -> Route {
        Route::Datagram { from: canonical(from) }
    }
}

/// A listener on `[::]` sees clients that use IPv4 at mapped addresses (ipv6(7)).
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Hears of each socket before anything is sent on it.
pub type Announce = dyn Fn(Route) + Send + Sync;

type SocketFactory = dyn Fn(SocketAddr) -> io::Result<TcpSocket> + Send + Sync;

/// Says where a service is reached at the moment; never nothing.
pub type Finder = dyn Fn() -> Vec<SocketAddr> + Send + Sync;

/// Makes a datagram socket that can reach the second address, bound to the first one when there is one.
pub type DatagramSocketFactory =
    dyn Fn(Option<SocketAddr>, SocketAddr) -> io::Result<std::net::UdpSocket> + Send + Sync;

/// The first port the kernel gives to sockets that ask for none (ip(7), `ip_local_port_range`).
pub const FIRST_CLIENT_PORT: u16 = 32768;

/// Makes connections to one service.
#[derive(Clone)]
pub struct Dialer {
    to: Destination,
    make_socket: Arc<SocketFactory>,
    make_datagram_socket: Arc<DatagramSocketFactory>,
    announce: Option<Arc<Announce>>,
}

/// Where a dialer dials.
#[derive(Clone)]
enum Destination {
    /// The first of these that accepts.
    Fixed(Arc<[SocketAddr]>),
    /// The same, asked for each time.
    Found(Arc<Finder>),
    /// A client that connected to a socket with this address is taken on to where it connected, from its own address.
    /// Without a client, the first of those that accepts.
    Mirrored(SocketAddr, Arc<[SocketAddr]>),
}

/// A socket that exists already, so that running out of descriptors is noticed before a connection is accepted.
pub struct Prepared {
    dialer: Dialer,
    prepared_for: SocketAddr,
    first: TcpSocket,
}

impl Dialer {
    /// Dials `address` from the calling thread's network namespace.
    pub fn new(address: SocketAddr) -> Dialer {
        Dialer::to(Destination::Fixed([address].into()))
    }

    /// Dials the first of `addresses` that accepts. A service that listens on `::1` only is reached this way too.
    ///
    /// # Panics
    /// When `addresses` is empty.
    pub fn first_of(addresses: Vec<SocketAddr>) -> Dialer {
        assert!(!addresses.is_empty(), "a dialer needs an address");
        Dialer::to(Destination::Fixed(addresses.into()))
    }

    /// Dials the first address that accepts of those found when it dials.
    pub fn found_by(find: Arc<Finder>) -> Dialer {
        Dialer::to(Destination::Found(find))
    }

    /// For clients of a socket that is bound to `address` like the service's own: each is taken on to the very address
    /// it connected to, from its own IP address.
    pub fn mirrored(address: SocketAddr) -> Dialer {
        let port = address.port();
        let fallback: Arc<[SocketAddr]> = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => [(Ipv4Addr::LOCALHOST, port).into()].into(),
            IpAddr::V6(ip) if ip.is_unspecified() => {
                let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
                [(Ipv6Addr::LOCALHOST, port).into(), (mapped, port).into()].into()
            }
            IpAddr::V4(_) | IpAddr::V6(_) => [address].into(),
        };
        Dialer::to(Destination::Mirrored(address, fallback))
    }

    fn to(to: Destination) -> Dialer {
        Dialer {
            to,
            make_socket: Arc::new(socket_for),
            make_datagram_socket: Arc::new(datagram_socket_for),
            announce: None,
        }
    }

    /// The same, on sockets from `make_socket`, which decides their namespace.
    pub fn with_sockets(self, make_socket: Arc<SocketFactory>) -> Dialer {
        Dialer { make_socket, ..self }
    }

    /// The same, with datagram sockets from another namespace than the calling thread's.
    pub fn with_datagram_sockets(self, make_datagram_socket: Arc<DatagramSocketFactory>) -> Dialer {
        Dialer { make_datagram_socket, ..self }
    }

    /// The same, and `announce` hears of each of its connections.
    pub fn announcing(self, announce: Arc<Announce>) -> Dialer {
        Dialer { announce: Some(announce), ..self }
    }

    /// A datagram socket that is connected to the first address.
    pub async fn datagram_peer(&self) -> io::Result<tokio::net::UdpSocket> {
        let (socket, address) = self.datagram_socket()?;
        socket.connect(address).await?;
        if let Some(announce) = &self.announce {
            announce(Route::datagram(socket.local_addr()?));
        }
        Ok(socket)
    }

    /// A datagram socket that can reach the first address, and that address. It is not connected.
    pub fn datagram_socket(&self) -> io::Result<(tokio::net::UdpSocket, SocketAddr)> {
        let address = self.address();
        Ok((registered((self.make_datagram_socket)(None, address)?)?, address))
    }

    /// A datagram socket for what a client sends, and where to send it: the service sees the client's own address where
    /// the socket is a mirror.
    pub fn datagram_socket_of(&self, client: SocketAddr) -> io::Result<(tokio::net::UdpSocket, SocketAddr)> {
        let Destination::Mirrored(address, _) = self.to else { return self.datagram_socket() };
        let address = towards(address, client);
        let make = &*self.make_datagram_socket;
        // The client's port is free here unless a server has it, or the client took it from servers' ports itself.
        let with_port = client.port() >= FIRST_CLIENT_PORT;
        let socket =
            if with_port { make(Some(client), address) } else { Err(io::ErrorKind::AddrInUse.into()) };
        let socket = socket.or_else(|_| make(Some(SocketAddr::new(client.ip(), 0)), address));
        let socket = socket.or_else(|_| make(None, address))?;
        Ok((registered(socket)?, address))
    }

    /// The address tried first.
    pub fn address(&self) -> SocketAddr {
        self.addresses()[0]
    }

    fn addresses(&self) -> Arc<[SocketAddr]> {
        match &self.to {
            Destination::Fixed(addresses) | Destination::Mirrored(_, addresses) => addresses.clone(),
            Destination::Found(find) => find().into(),
        }
    }

    /// Makes the first socket without connecting it.
    pub fn prepare(&self) -> io::Result<Prepared> {
        let address = self.address();
        let first = self.socket(address)?;
        Ok(Prepared { dialer: self.clone(), prepared_for: address, first })
    }

    fn socket(&self, address: SocketAddr) -> io::Result<TcpSocket> {
        let socket = (self.make_socket)(address)?;
        socket.set_nodelay(true)?;
        Ok(socket)
    }

    /// Connects; the error is that of the last address.
    pub async fn dial(&self) -> io::Result<TcpStream> {
        self.prepare()?.connect().await
    }

    /// Dials on behalf of one client for as often as it is asked to.
    pub fn on_behalf_of(&self, client: &TcpStream) -> Dialer {
        match self.to {
            Destination::Mirrored(..) => client.local_addr().map_or(self.clone(), |address| {
                let (make, from) = (self.make_socket.clone(), unusual_source(client));
                let make_bound = move |address| {
                    let socket = make(address)?;
                    bind_source(&socket, from);
                    Ok(socket)
                };
                Dialer {
                    to: Destination::Fixed([address].into()),
                    make_socket: Arc::new(make_bound),
                    make_datagram_socket: self.make_datagram_socket.clone(),
                    announce: self.announce.clone(),
                }
            }),
            Destination::Fixed(_) | Destination::Found(_) => self.clone(),
        }
    }
}

impl Prepared {
    pub async fn connect(self) -> io::Result<TcpStream> {
        let Prepared { dialer, prepared_for, first } = self;
        // Found now: the service may have begun to listen since the socket was made.
        let addresses = dialer.addresses();
        let fits = addresses[0].is_ipv4() == prepared_for.is_ipv4();
        let first = if fits { first } else { dialer.socket(addresses[0])? };
        let mut outcome = first.connect(addresses[0]).await;
        for address in &addresses[1..] {
            if outcome.is_ok() {
                break;
            }
            outcome = dialer.socket(*address)?.connect(*address).await;
        }
        let stream = outcome?;
        if met_itself(&stream) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        if let Some(announce) = &dialer.announce {
            announce(Route::connection(stream.local_addr()?, stream.peer_addr()?));
        }
        Ok(stream)
    }

    /// Connects for a client that was accepted in the service's stead.
    pub async fn connect_for(self, client: &TcpStream) -> io::Result<TcpStream> {
        if !matches!(self.dialer.to, Destination::Mirrored(..)) {
            return self.connect().await;
        }
        bind_source(&self.first, unusual_source(client));
        self.first.connect(client.local_addr()?).await
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dialer").field("addresses", &self.addresses()).finish_non_exhaustive()
    }
}

/// A connection to a port among those of clients, where no server listens, may be given that very port as its own and then
/// meets itself (RFC 9293, section 3.5, simultaneous open).
fn met_itself(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(local), Ok(peer)) if local == peer)
}

/// The client's IP address, unless it is the one the kernel chooses by itself on loopback.
fn unusual_source(client: &TcpStream) -> Option<IpAddr> {
    let ip = client.peer_addr().ok()?.ip();
    let usual =
        [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].contains(&ip.to_canonical());
    (!usual).then_some(ip)
}

/// Lets a socket connect from an IP address and a port that is chosen then. Where that fails it connects from another.
fn bind_source(socket: &TcpSocket, from: Option<IpAddr>) {
    if let Some(ip) = from {
        let _ = setsockopt(socket, sockopt::IpBindAddressNoPort, &true);
        let _ = socket.bind(SocketAddr::new(ip, 0));
    }
}

/// Where a datagram of a client goes: to a socket with this address, in the client's family.
fn towards(address: SocketAddr, client: SocketAddr) -> SocketAddr {
    let ip = match (address.ip(), client.ip()) {
        (ip, _) if !ip.is_unspecified() => ip,
        (IpAddr::V6(_), IpAddr::V6(client)) if client.to_ipv4_mapped().is_some() => {
            Ipv4Addr::LOCALHOST.to_ipv6_mapped().into()
        }
        (IpAddr::V6(_), _) => Ipv6Addr::LOCALHOST.into(),
        (IpAddr::V4(_), _) => Ipv4Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}

fn registered(socket: std::net::UdpSocket) -> io::Result<tokio::net::UdpSocket> {
    socket.set_nonblocking(true)?;
    tokio::net::UdpSocket::from_std(socket)
}

fn socket_for(address: SocketAddr) -> io::Result<TcpSocket> {
    if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
}

/// A datagram socket of the calling thread's namespace; see [`DatagramSocketFactory`].
pub fn datagram_socket_for(from: Option<SocketAddr>, to: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let any: SocketAddr = match to {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    std::net::UdpSocket::bind(from.unwrap_or(any))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn datagrams_go_on_in_the_clients_family() {
        let check = |bound: &str, client: &str, expected: &str| {
            let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
            assert_eq!(towards(parse(bound), parse(client)), parse(expected), "{bound} {client}");
        };
        check("0.0.0.0:53", "127.0.0.9:4000", "127.0.0.1:53");
        check("[::]:53", "[::1]:4000", "[::1]:53");
        check("[::]:53", "[::ffff:127.0.0.1]:4000", "[::ffff:127.0.0.1]:53");
        check("127.0.0.53:53", "127.0.0.1:4000", "127.0.0.53:53");
    }

    #[tokio::test]
    async fn a_connection_that_meets_itself_is_a_refusal() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        let socket = std::sync::Mutex::new(Some(socket));
        let make = move |_| Ok(socket.lock().unwrap().take().unwrap());
        let dialed = Dialer::new(address).with_sockets(Arc::new(make)).dial().await;
        assert_eq!(dialed.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }

    #[tokio::test]
    async fn what_is_found_when_connecting_counts() {
        let found: Arc<std::sync::Mutex<SocketAddr>> =
            Arc::new(std::sync::Mutex::new("[::1]:9".parse().unwrap()));
        let find = {
            let found = found.clone();
            move || vec![*found.lock().unwrap()]
        };
        let prepared = Dialer::found_by(Arc::new(find)).prepare().unwrap();
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        *found.lock().unwrap() = server.local_addr().unwrap();
        prepared.connect().await.unwrap();
    }

    /// Connects a client to a listener like `bound`, and takes it on to a server at the same port of another address.
    async fn taken_on(bound: &str, from: &str, to: IpAddr) -> (SocketAddr, SocketAddr) {
        let front = TcpListener::bind(format!("{bound}:0")).await.unwrap();
        let port = front.local_addr().unwrap().port();
        let client = socket_for(SocketAddr::new(to, port)).unwrap();
        client.bind(format!("{from}:0").parse().unwrap()).unwrap();
        let dialed = async {
            let _stream = client.connect(SocketAddr::new(to, port)).await.unwrap();
            let (accepted, _) = front.accept().await.unwrap();
            let prepared = Dialer::mirrored(front.local_addr().unwrap()).prepare().unwrap();
            let onwards = prepared.connect_for(&accepted).await.unwrap();
            (onwards.peer_addr().unwrap(), onwards.local_addr().unwrap())
        };
        dialed.await
    }

    #[test]
    fn a_client_is_taken_on_to_where_it_connected_from_its_own_address() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        runtime.block_on(async {
            let ip = |text: &str| text.parse::<IpAddr>().unwrap();
            // The listener meets itself here: the service would be in another namespace.
            let (to, from) = taken_on("0.0.0.0", "127.0.0.77", ip("127.0.0.9")).await;
            assert_eq!((to.ip(), from.ip()), (ip("127.0.0.9"), ip("127.0.0.77")));
            let (to, from) = taken_on("[::]", "127.0.0.77", ip("127.0.0.1")).await;
            assert_eq!(
                (to.ip().to_canonical(), from.ip().to_canonical()),
                (ip("127.0.0.1"), ip("127.0.0.77"))
            );
            let (to, from) = taken_on("[::]", "[::1]", ip("::1")).await;
            assert_eq!((to.ip(), from.ip()), (ip("::1"), ip("::1")));
        });
    }
}
