//! The relay beside HAProxy, nginx and toxiproxy: figures P1 to P6, P8, P9, R5 and R6 of `design/bars.md`.
//!
//! `cargo bench -p faultbox-engine --bench relay [-- --quick] [P1 P2 ...]`. Everything runs on loopback, one worker
//! thread each. Rounds of all contestants alternate and only ratios within one run mean something: machines are noisy.
#![expect(clippy::print_stdout, reason = "a benchmark's output is its text")]

mod connections;
mod contestants;
mod crowd;
mod databases;
mod http;
mod load;
mod peers;
mod runtime;
mod server;
mod stand_in;

use contestants::Contestant;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::cmp::Ordering;
use std::time::Duration;

/// How much work one run does.
#[derive(Clone, Copy)]
struct Size {
    rounds: usize,
    requests: usize,
    body_mib: usize,
    /// Open at the same time.
    connections: usize,
    /// Of one round of a database's own benchmark.
    transactions: usize,
}

/// A part's name, and what measures it.
type Part = (&'static str, fn(Size));

const PARTS: [Part; 10] = [
    ("P1", http::latency),
    ("P2", http::throughput),
    ("P3", http::many_rules),
    ("P4", crowd::open_connections),
    ("P5", http::large_body),
    ("P6", http::delays),
    ("P8", databases::throughput),
    ("P9", connections::rate),
    ("R5", crowd::slow_clients),
    ("R6", crowd::few_descriptors),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [mode, upstream, protocol, rules] = words.as_slice()
        && mode == "--relay"
    {
        return stand_in::run_relay(upstream, protocol, rules);
    }
    let quick = words.iter().any(|word| word == "--quick");
    let size = if quick {
        Size { rounds: 5, requests: 1_000, body_mib: 128, connections: 2_000, transactions: 2_000 }
    } else {
        Size { rounds: 11, requests: 5_000, body_mib: 1_024, connections: 9_000, transactions: 10_000 }
    };
    raise_descriptor_limit();
    let named: Vec<&String> = words.iter().filter(|word| *word != "--quick").collect();
    for (name, part) in PARTS {
        if named.is_empty() || named.iter().any(|word| *word == name) {
            part(size);
        }
    }
}

/// As far as an ordinary user may.
fn raise_descriptor_limit() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Too few are noticed where they are needed.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

/// Runs every contestant in turn, `rounds` times, and gives each one's median.
fn alternate<T: PartialOrd + Copy>(
    peers: &[Contestant],
    rounds: usize,
    mut run: impl FnMut(&Contestant) -> T,
) -> Vec<T> {
    let mut found = vec![Vec::new(); peers.len()];
    for _ in 0..rounds {
        for (peer, times) in peers.iter().zip(&mut found) {
            times.push(run(peer));
        }
    }
    found.into_iter().map(median).collect()
}

fn median<T: PartialOrd + Copy>(mut found: Vec<T>) -> T {
    found.sort_by(|one, other| one.partial_cmp(other).unwrap_or(Ordering::Equal));
    found[found.len() / 2]
}

fn in_micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
