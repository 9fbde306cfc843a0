//! HTTP: figures P1, P2, P3, P5 and P6.

use super::contestants::Contestant;
use super::peers::Peer;
use super::{Size, alternate, in_micros, load, server};
use std::net::SocketAddr;
use std::time::Duration;

/// The server, the relay with one rule, and whatever peers are installed.
fn contestants(upstream: SocketAddr) -> Vec<Contestant> {
    let mut all = vec![Contestant::direct(upstream), Contestant::relay("relay", upstream, "http", "1")];
    all.extend(Peer::ALL.iter().filter_map(|peer| Contestant::peer(*peer, upstream)));
    all
}

/// P1: one client, one request at a time.
pub(crate) fn latency(size: Size) {
    println!("P1  c=1, one rule that does not match: added p50 over a direct connection");
    let peers = contestants(server::start_server());
    let p50s = alternate(&peers, size.rounds, |peer| load::latencies(peer.address, size.requests).p50);
    let direct = p50s[0];
    let added = |at: usize| in_micros(p50s[at].saturating_sub(direct));
    for (at, peer) in peers.iter().enumerate() {
        println!("      {:12} p50 {:7.1} us  added {:6.1} us", peer.name, in_micros(p50s[at]), added(at));
    }
    for (at, peer) in peers.iter().enumerate().skip(2) {
        println!("    relay / {}: {:.2}{}", peer.name, added(1) / added(at), bar(peer, "<= 1.5"));
    }
}

/// P2: 64 clients.
pub(crate) fn throughput(size: Size) {
    println!("P2  c=64: requests per second");
    let peers = contestants(server::start_server());
    let spent = alternate(&peers, size.rounds, |peer| load::time_for(peer.address, 64, size.requests * 4));
    let rate = |at: usize| (size.requests * 4) as f64 / spent[at].as_secs_f64();
    for (at, peer) in peers.iter().enumerate() {
        println!("      {:12} {:9.0} /s", peer.name, rate(at));
    }
    for (at, peer) in peers.iter().enumerate().skip(2) {
        println!("    relay / {}: {:.2}{}", peer.name, rate(1) / rate(at), bar(peer, ">= 0.8"));
    }
}

fn bar(peer: &Contestant, text: &str) -> String {
    if peer.name == Peer::HaproxyHttp.name() { format!(" (bar {text})") } else { String::new() }
}

/// P3: what a thousand rules cost.
pub(crate) fn many_rules(size: Size) {
    let upstream = server::start_server();
    let pair = [1, 1_000]
        .map(|count| Contestant::relay(&format!("{count} rules"), upstream, "http", &count.to_string()));
    let p50s = alternate(&pair, size.rounds, |peer| load::latencies(peer.address, size.requests).p50);
    let ratio = p50s[1].as_secs_f64() / p50s[0].as_secs_f64();
    println!("P3  1,000 rules / 1 rule, p50: {ratio:.3} (bar <= 1.10)");
}

/// P5: one large body.
pub(crate) fn large_body(size: Size) {
    println!("P5  a body of {} MiB", size.body_mib);
    let upstream = server::start_server();
    let mut peers = contestants(upstream);
    peers.push(Contestant::relay("delayed", upstream, "http", "delay:1"));
    peers.push(Contestant::relay("throttled", upstream, "http", "throttle:20000000000"));
    for peer in &peers {
        let before = peer.resident_kib();
        let spent = load::download(peer.address, size.body_mib);
        let rate = (size.body_mib << 20) as f64 / spent.as_secs_f64() / 1e6;
        let grown = peer.resident_kib().saturating_sub(before);
        println!("      {:12} {rate:7.0} MB/s  (bar >= 500)  RSS +{grown} KiB (bar <= 16384)", peer.name);
    }
}

/// P6: how punctual an injected delay is, with 200 requests in flight that came at different times.
pub(crate) fn delays(size: Size) {
    let delay = Duration::from_millis(50);
    let slow = Contestant::relay("slow", server::start_server(), "http", "delay:50");
    let found = load::concurrent_latencies(slow.address, 200, size.requests * 4, delay);
    let over = |time: Duration| (time.as_secs_f64() - delay.as_secs_f64()) * 1e3;
    let (p50, p99) = (over(found.p50), over(found.p99));
    println!("P6  a delay of 50 ms, 200 in flight: p50 +{p50:.2} ms (bar <= 1), p99 +{p99:.2} ms (bar <= 3)");
}
