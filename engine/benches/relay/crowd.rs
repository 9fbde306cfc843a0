//! Many connections, slow connections and few descriptors: figures P4, R5 and R6.

use super::contestants::Contestant;
use super::load::{self, Conversation};
use super::runtime::block_on;
use super::server;
use super::{Size, in_micros};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::sync::Semaphore;

/// P4: connections that are open at once and were used.
pub(crate) fn open_connections(size: Size) {
    let relay = Contestant::relay("relay", server::start_server(), "http", "1");
    block_on(async {
        let one = Conversation::open(relay.address).await;
        let before = relay.resident_kib();
        let mut open: Vec<Conversation> = one.into_iter().collect();
        let gate = Arc::new(Semaphore::new(128));
        let opening: Vec<_> =
            (0..size.connections).map(|_| tokio::spawn(open_one(relay.address, gate.clone()))).collect();
        for task in opening {
            open.extend(task.await.expect("a client"));
        }
        // Once more on each, so that all are known to live at the same time.
        let mut alive = 0;
        for conversation in &mut open {
            alive += usize::from(conversation.ask().await);
        }
        let each = relay.resident_kib().saturating_sub(before) as f64 / size.connections as f64;
        let failed = size.connections + 1 - alive;
        println!(
            "P4  {} open connections: {failed} failed (bar 0), {each:.1} KiB RSS each (bar <= 20)",
            size.connections
        );
    });
}

async fn open_one(address: SocketAddr, gate: Arc<Semaphore>) -> Option<Conversation> {
    let _turn = gate.acquire().await.ok()?;
    let mut conversation = Conversation::open(address).await?;
    conversation.ask().await.then_some(conversation)
}

/// R5: what clients that read or write slowly do to the others.
pub(crate) fn slow_clients(size: Size) {
    println!(
        "R5  1,000 slow clients (half read 8 MiB slowly, half write a request slowly) and 10 healthy ones"
    );
    let upstream = server::start_server();
    let relay = Contestant::relay("relay", upstream, "http", "1");
    let requests = size.requests * 4;
    let healthy = |name: &str, address| {
        let found = load::concurrent_latencies(address, 10, requests, Duration::ZERO);
        println!("      {name:24} p50 {:7.1} us  p99 {:7.1} us", in_micros(found.p50), in_micros(found.p99));
        found.p99
    };
    healthy("alone", relay.address);
    let (stop, stopped) = tokio::sync::watch::channel(());
    let (begun, when_begun) = std::sync::mpsc::channel();
    let address = relay.address;
    let slow = std::thread::spawn(move || {
        block_on(async {
            let clients: Vec<_> =
                (0..1_000).map(|at| tokio::spawn(dawdle(address, at % 2 == 0, stopped.clone()))).collect();
            // Enough for all to have begun.
            tokio::time::sleep(Duration::from_secs(1)).await;
            let _ = begun.send(());
            let mut held = 0;
            for client in clients {
                held += usize::from(client.await.expect("a client"));
            }
            held
        })
    });
    when_begun.recv().expect("the slow clients");
    let p99 = healthy("beside the slow", relay.address);
    let resident = relay.resident_kib() >> 10;
    drop(stop);
    let held = slow.join().expect("the slow clients");
    let (p99, bar) = (p99.as_secs_f64() * 1e3, 10);
    println!(
        "    p99 {p99:.2} ms (bar < {bar}), {held} of 1000 slow ones still served, relay's RSS {resident} MiB"
    );
}

/// Reads a large body, or writes a request, a little every 200 ms until `stop` closes. True when the connection lived
/// until then.
async fn dawdle(address: SocketAddr, reads: bool, mut stop: tokio::sync::watch::Receiver<()>) -> bool {
    let socket = TcpSocket::new_v4().expect("a socket");
    // A large buffer would take in the body at once.
    socket.set_recv_buffer_size(4096).expect("a socket");
    let Ok(mut stream) = socket.connect(address).await else { return false };
    let request = b"GET /8 HTTP/1.1\r\nHost: localhost\r\nX-Slow: yes\r\nX-Slow: yes\r\nX-Slow: yes\r\n\r\n";
    if reads && stream.write_all(request).await.is_err() {
        return false;
    }
    let mut block = [0; 1024];
    for at in 0.. {
        let going = if reads {
            matches!(stream.read(&mut block).await, Ok(count) if count > 0)
        } else {
            // The head never ends.
            let end = request.len() - 4;
            stream.write_all(&request[at % end..=at % end]).await.is_ok()
        };
        tokio::select! {
            _ = stop.changed() => return going,
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
        if !going {
            return false;
        }
    }
    true
}

/// R6: a relay that has descriptors for about twenty connections meets two hundred.
pub(crate) fn few_descriptors(_size: Size) {
    println!("R6  ulimit -n 64, 200 clients");
    let relay = Contestant::relay_with_descriptors(64, server::start_server());
    block_on(async {
        let clients: Vec<_> = (0..200).map(|_| tokio::spawn(patient(relay.address))).collect();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let before = relay.processor_time();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let busy = (relay.processor_time() - before).as_secs_f64() / 2.0 * 100.0;
        println!("      while out of descriptors: {busy:.1} % of a processor (bar: no spin)");
        let served = clients.iter().filter(|client| client.is_finished()).count();
        println!("      {served} clients served, the others wait");
        let mut kept = Vec::new();
        for client in clients {
            if client.is_finished() {
                kept.push(client.await.expect("a client"));
            } else {
                client.abort();
            }
        }
        drop(kept);
        let started = Instant::now();
        let served = patient(relay.address).await.is_some();
        let spent = started.elapsed().as_secs_f64() * 1e3;
        println!("      after they left: served {served} in {spent:.1} ms (bar: recovers)");
    });
}

/// A client that waits for its answer as long as it takes, and keeps its connection.
async fn patient(address: SocketAddr) -> Option<Conversation> {
    let mut conversation = Conversation::open(address).await?;
    conversation.ask().await.then_some(conversation)
}
