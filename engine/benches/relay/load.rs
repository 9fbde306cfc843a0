//! The clients.

use super::runtime::block_on;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const REQUEST: &[u8] = b"GET /x/y HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n";
const END: &[u8] = b"\r\n\r\n0123456789abcdef";

/// The middle and the slow end of many times.
pub(crate) struct Times {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

impl Times {
    fn of(mut times: Vec<Duration>) -> Times {
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        Times { p50: at(0.5), p99: at(0.99) }
    }
}

/// One connection, one request at a time.
pub(crate) fn latencies(address: SocketAddr, requests: usize) -> Times {
    let mut stream = connect(address);
    let mut reply = [0; 4096];
    let mut times = Vec::with_capacity(requests);
    for _ in 0..requests {
        let started = Instant::now();
        stream.write_all(REQUEST).expect("a connection");
        let mut have = 0;
        while !reply[..have].ends_with(END) {
            let count = stream.read(&mut reply[have..]).expect("an answer");
            assert_ne!(count, 0, "the connection ended");
            have += count;
        }
        times.push(started.elapsed());
    }
    Times::of(times)
}

/// How long `clients` take for `requests` together.
pub(crate) fn time_for(address: SocketAddr, clients: usize, requests: usize) -> Duration {
    let started = Instant::now();
    let _ = concurrent_latencies(address, clients, requests, Duration::ZERO);
    started.elapsed()
}

/// `clients` connections at once, each with one request at a time; their starts are spread over `spread`.
pub(crate) fn concurrent_latencies(
    address: SocketAddr,
    clients: usize,
    requests: usize,
    spread: Duration,
) -> Times {
    let each = requests.div_ceil(clients);
    let times = block_on(async {
        let start = |at: usize| client(address, each, spread * at as u32 / clients as u32);
        let tasks: Vec<_> = (0..clients).map(|at| tokio::spawn(start(at))).collect();
        let mut times = Vec::new();
        for task in tasks {
            times.extend(task.await.expect("a client"));
        }
        times
    });
    Times::of(times)
}

async fn client(address: SocketAddr, requests: usize, pause: Duration) -> Vec<Duration> {
    let mut conversation = Conversation::open(address).await.expect("a listener");
    let mut times = Vec::with_capacity(requests);
    tokio::time::sleep(pause).await;
    for _ in 0..requests {
        let started = Instant::now();
        assert!(conversation.ask().await, "the connection ended");
        times.push(started.elapsed());
    }
    times
}

/// One connection that asks and is answered.
pub(crate) struct Conversation {
    stream: tokio::net::TcpStream,
}

impl Conversation {
    pub(crate) async fn open(address: SocketAddr) -> Option<Conversation> {
        let stream = tokio::net::TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        Some(Conversation { stream })
    }

    /// False when there was no answer.
    pub(crate) async fn ask(&mut self) -> bool {
        if self.stream.write_all(REQUEST).await.is_err() {
            return false;
        }
        let (mut reply, mut have) = ([0; 1024], 0);
        while !reply[..have].ends_with(END) {
            match self.stream.read(&mut reply[have..]).await {
                Ok(count) if count > 0 => have += count,
                _ => return false,
            }
        }
        true
    }
}

/// How long a body of `mib` MiB takes.
pub(crate) fn download(address: SocketAddr, mib: usize) -> Duration {
    let mut stream = connect(address);
    let mut block = vec![0; 1 << 18];
    let started = Instant::now();
    let request = format!("GET /{mib} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a connection");
    let mut have = 0;
    while have < mib << 20 {
        let count = stream.read(&mut block).expect("an answer");
        assert_ne!(count, 0, "the connection ended");
        have += count;
    }
    started.elapsed()
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a listener");
    stream.set_nodelay(true).expect("a socket");
    stream
}
