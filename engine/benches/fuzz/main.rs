//! A mutation fuzzer on stable Rust: `cargo bench -p faultbox-engine --bench fuzz -- --seconds 60 [target...]`.
//!
//! Inputs come from the recorded transcripts and are changed at random; one that a reader takes for something new is
//! kept. `tests/fuzz.rs` runs every target for a moment.

mod fuzzer;
mod mutate;
mod sessions;
mod targets;
mod texts;
mod transcript;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let number = |name: &str, default: u64| {
        let at = words.iter().position(|word| word == name);
        at.and_then(|at| words.get(at + 1)?.parse().ok()).unwrap_or(default)
    };
    let (seconds, seed) = (number("--seconds", 60), number("--seed", 1));
    let named: Vec<&String> =
        words.iter().filter(|word| targets::TARGETS.iter().any(|t| t.name == *word)).collect();
    // A finding is told once, shrunk; the panics on the way to it are not.
    std::panic::set_hook(Box::new(|_| {}));
    let mut found = false;
    let mut out = std::io::stdout();
    for target in
        targets::TARGETS.iter().filter(|t| named.is_empty() || named.iter().any(|name| *name == t.name))
    {
        let outcome = fuzzer::run(target, Duration::from_secs(seconds), seed);
        let line = format!(
            "{:<9} {:>10} executions, {:>4} kept, slowest {:?}",
            target.name, outcome.executions, outcome.kept, outcome.slowest
        );
        let finding = outcome.finding.unwrap_or_default();
        found |= !finding.is_empty();
        // A closed stdout is no reason to stop.
        let _ = writeln!(out, "{line}\n{finding}");
    }
    if found { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
