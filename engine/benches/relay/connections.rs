//! New connections: figure P9, for the relay alone. `server/benches/connections.rs` has the relay in a leaf.

use super::contestants::Contestant;
use super::peers::Peer;
use super::runtime::block_on;
use super::{Size, median};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How many clients connect at the same time.
const CLIENTS: usize = 16;

/// P9: each connection carries a byte there and one back, and is closed by the server first.
pub(crate) fn rate(size: Size) {
    println!("P9  c={CLIENTS}, one rule that does not match: new connections per second");
    let upstream = start_echo();
    let mut peers = vec![Contestant::direct(upstream), Contestant::relay("relay", upstream, "tcp", "1")];
    let others = [Peer::HaproxyTcp, Peer::NginxTcp, Peer::Toxiproxy];
    peers.extend(others.iter().filter_map(|peer| Contestant::peer(*peer, upstream)));
    let connections = size.requests * 2;
    let mut rates = vec![Vec::new(); peers.len()];
    for _ in 0..size.rounds {
        for (peer, rates) in peers.iter().zip(&mut rates) {
            rates.push(connections as f64 / time_for(peer.address, connections).as_secs_f64());
        }
    }
    for (peer, rates) in peers.iter().zip(&rates) {
        println!("      {:12} {:9.0} /s", peer.name, median(rates.clone()));
    }
    for (peer, rates_of_peer) in peers.iter().zip(&rates).skip(2) {
        let ratios = rates[1].iter().zip(rates_of_peer).map(|(ours, theirs)| ours / theirs).collect();
        println!("    relay / {}: {:.2}{}", peer.name, median(ratios), bar(peer));
    }
}

fn bar(peer: &Contestant) -> &'static str {
    match peer.name.as_str() {
        "haproxy-tcp" => " (bar >= 1)",
        "toxiproxy" => " (bar >= 1.5)",
        _ => "",
    }
}

fn time_for(address: SocketAddr, connections: usize) -> Duration {
    let begun = Instant::now();
    block_on(async {
        let clients = (0..CLIENTS).map(|_| tokio::spawn(connect_often(address, connections / CLIENTS)));
        for client in clients.collect::<Vec<_>>() {
            client.await.expect("a client");
        }
    });
    begun.elapsed()
}

async fn connect_often(address: SocketAddr, times: usize) {
    for _ in 0..times {
        let mut stream = TcpStream::connect(address).await.expect("a listener");
        stream.write_all(b"x").await.expect("a connection");
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).await.expect("a reply");
        assert_eq!(reply, b"x");
    }
}

/// A server that sends one byte back and closes.
fn start_echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("a bound address");
    listener.set_nonblocking(true).expect("a socket");
    std::thread::spawn(move || {
        block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a runtime");
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut byte = [0];
                    if stream.read_exact(&mut byte).await.is_ok() {
                        // A client that is gone shows where it asks.
                        let _ = stream.write_all(&byte).await;
                    }
                });
            }
        });
    });
    address
}
