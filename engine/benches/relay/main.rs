//! The relay beside HAProxy and nginx: figures P1, P2, P3, P5 and P6 of `design/bars.md`.
//!
//! `cargo bench -p faultbox-engine --bench relay [-- --quick]`. Everything runs on loopback, one worker thread each.
//! Rounds of all contestants alternate and only ratios within one run mean something: machines are noisy.
#![expect(clippy::print_stdout, reason = "a benchmark's output is its text")]

mod contestants;
mod load;

use contestants::{Contestant, Peer};
use std::time::{Duration, Instant};

/// How much work one run does.
#[derive(Clone, Copy)]
struct Size {
    rounds: usize,
    requests: usize,
    body_mib: usize,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mode, upstream, rules, ..] = arguments.as_slice()
        && mode == "--relay"
    {
        return contestants::run_relay(upstream, rules);
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let size = if quick {
        Size { rounds: 5, requests: 1_000, body_mib: 128 }
    } else {
        Size { rounds: 11, requests: 5_000, body_mib: 1_024 }
    };
    let upstream = contestants::start_server();
    let direct = Contestant::direct(upstream);
    let relay = Contestant::relay("relay", upstream, "1");
    let mut peers = vec![direct, relay];
    peers.extend(Peer::ALL.iter().filter_map(|peer| Contestant::peer(*peer, upstream)));
    latency(&peers, size);
    throughput(&peers, size);
    many_rules(upstream, size);
    large_body(upstream, &peers, size);
    delays(upstream, size);
}

/// P1: one client, one request at a time.
fn latency(peers: &[Contestant], size: Size) {
    println!("P1  c=1, one rule that does not match: added p50 over a direct connection");
    let p50s = alternate(peers, size.rounds, |peer| load::latencies(peer.address, size.requests).p50);
    let direct = p50s[0];
    let added = |at: usize| p50s[at].saturating_sub(direct).as_secs_f64() * 1e6;
    for (at, peer) in peers.iter().enumerate() {
        println!(
            "      {:8} p50 {:7.1} us  added {:6.1} us",
            peer.name,
            p50s[at].as_secs_f64() * 1e6,
            added(at)
        );
    }
    for (at, peer) in peers.iter().enumerate().skip(2) {
        println!("    relay / {}: {:.2} (HAProxy bar <= 1.5)", peer.name, added(1) / added(at));
    }
}

/// P2: 64 clients.
fn throughput(peers: &[Contestant], size: Size) {
    println!("P2  c=64: requests per second");
    let spent = alternate(peers, size.rounds, |peer| load::time_for(peer.address, 64, size.requests * 4));
    let rate = |at: usize| (size.requests * 4) as f64 / spent[at].as_secs_f64();
    for (at, peer) in peers.iter().enumerate() {
        println!("      {:8} {:9.0} /s", peer.name, rate(at));
    }
    for (at, peer) in peers.iter().enumerate().skip(2) {
        println!("    relay / {}: {:.2} (HAProxy bar >= 0.8)", peer.name, rate(1) / rate(at));
    }
}

/// P3: what a thousand rules cost.
fn many_rules(upstream: std::net::SocketAddr, size: Size) {
    let pair =
        [1, 1_000].map(|count| Contestant::relay(&format!("{count} rules"), upstream, &count.to_string()));
    let p50s = alternate(&pair, size.rounds, |peer| load::latencies(peer.address, size.requests).p50);
    let ratio = p50s[1].as_secs_f64() / p50s[0].as_secs_f64();
    println!("P3  1,000 rules / 1 rule, p50: {ratio:.3} (bar <= 1.10)");
}

/// P5: one large body.
fn large_body(upstream: std::net::SocketAddr, peers: &[Contestant], size: Size) {
    println!("P5  a body of {} MiB", size.body_mib);
    let delayed = Contestant::relay("delayed", upstream, "delay:1");
    let throttled = Contestant::relay("throttle", upstream, "throttle:20000000000");
    for peer in peers.iter().chain([&delayed, &throttled]) {
        let before = peer.resident_kib();
        let spent = load::download(peer.address, size.body_mib);
        let rate = (size.body_mib << 20) as f64 / spent.as_secs_f64() / 1e6;
        let grown = peer.resident_kib().saturating_sub(before);
        println!("      {:8} {rate:7.0} MB/s  (bar >= 500)  RSS +{grown} KiB (bar <= 16384)", peer.name);
    }
}

/// P6: how punctual an injected delay is, with 200 requests in flight that came at different times.
fn delays(upstream: std::net::SocketAddr, size: Size) {
    let delay = Duration::from_millis(50);
    let slow = Contestant::relay("slow", upstream, "delay:50");
    let found = load::concurrent_latencies(slow.address, 200, size.requests * 4, delay);
    let over = |time: Duration| (time.as_secs_f64() - delay.as_secs_f64()) * 1e3;
    let (p50, p99) = (over(found.p50), over(found.p99));
    println!("P6  a delay of 50 ms, 200 in flight: p50 +{p50:.2} ms (bar <= 1), p99 +{p99:.2} ms (bar <= 3)");
}

/// Runs every contestant in turn, `rounds` times, and gives each one's median.
fn alternate(peers: &[Contestant], rounds: usize, run: impl Fn(&Contestant) -> Duration) -> Vec<Duration> {
    let mut found = vec![Vec::new(); peers.len()];
    for _ in 0..rounds {
        for (peer, times) in peers.iter().zip(&mut found) {
            times.push(run(peer));
        }
    }
    found.into_iter().map(median).collect()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Waits until something listens.
fn wait_for(address: std::net::SocketAddr) -> bool {
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        if std::net::TcpStream::connect(address).is_ok() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}
