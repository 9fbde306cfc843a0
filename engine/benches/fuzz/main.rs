//! A mutation fuzzer on stable Rust: `cargo bench -p faultbox-engine --bench fuzz -- --seconds 60 [--jobs 2]
//! [target...]`.
//!
//! Inputs come from the recorded transcripts and are changed at random; one that a reader takes for something new is
//! kept. `tests/fuzz.rs` runs every target for a moment.

mod fuzzer;
mod host;
mod mutate;
mod sessions;
mod targets;
mod texts;
mod transcript;

use fuzzer::Outcome;
use std::io::Write;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use targets::{TARGETS, Target};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let number = |name: &str, default: u64| {
        let at = words.iter().position(|word| word == name);
        at.and_then(|at| words.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let (seconds, seed) = (number("--seconds", 60), number("--seed", 1));
    let jobs = number("--jobs", 1).max(1) as usize;
    let wanted = |target: &Target| words.iter().any(|word| word == target.name);
    let all = !TARGETS.iter().any(wanted);
    // A finding is told once, shrunk; the panics on the way to it are not.
    std::panic::set_hook(Box::new(|_| {}));
    let (next, found) = (AtomicUsize::new(0), AtomicBool::new(false));
    let work = || {
        while let Some(target) = TARGETS.get(next.fetch_add(1, Relaxed)) {
            if all || wanted(target) {
                let outcome = fuzzer::run(target, Duration::from_secs(seconds), seed);
                found.fetch_or(outcome.finding.is_some(), Relaxed);
                tell(target, outcome);
            }
        }
    };
    std::thread::scope(|scope| (0..jobs).for_each(|_| drop(scope.spawn(work))));
    if found.into_inner() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn tell(target: &Target, outcome: Outcome) {
    let finding = outcome.finding.map(|text| text + "\n").unwrap_or_default();
    let line = format!(
        "{:<9} {:>10} executions, {:>4} kept, slowest {:?}\n{finding}",
        target.name, outcome.executions, outcome.kept, outcome.slowest
    );
    // A closed stdout is no reason to stop.
    let _ = std::io::stdout().write_all(line.as_bytes());
}
