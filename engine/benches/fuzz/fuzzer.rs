//! Runs one target for a while.

use super::mutate::{self, Input, Random};
use super::targets::Target;
use faultbox_engine::proxy::Direction;
use std::collections::HashSet;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// No input may take longer.
const HANG: Duration = Duration::from_secs(1);
/// How many inputs are kept besides the seeds.
const MAX_CORPUS: usize = 4096;

/// What a run came to.
pub(crate) struct Outcome {
    pub(crate) executions: u64,
    /// Inputs that were taken for something no seed was taken for.
    pub(crate) kept: usize,
    pub(crate) slowest: Duration,
    pub(crate) finding: Option<String>,
}

/// Runs the seeds, then changed inputs until the time is up or something is found. The same `seed` draws the same
/// inputs.
pub(crate) fn run(target: &Target, time: Duration, seed: u64) -> Outcome {
    let mut random = Random::new(seed);
    let mut corpus = (target.seeds)();
    assert!(!corpus.is_empty(), "{} has no seeds", target.name);
    let mut known = HashSet::new();
    let mut outcome = Outcome { executions: 0, kept: 0, slowest: Duration::ZERO, finding: None };
    let begun = Instant::now();
    let mut seeds = corpus.clone().into_iter();
    while begun.elapsed() < time {
        let input = seeds.next().unwrap_or_else(|| mutate::mutate(&mut random, &corpus, target.words));
        let draw = random.next();
        let (result, took) = execute(target, &input, draw);
        outcome.executions += 1;
        outcome.slowest = outcome.slowest.max(took);
        match result {
            Err(message) => {
                let small = mutate::shrink(input, |less| execute(target, less, draw).0.is_err());
                outcome.finding = Some(describe(target, &small, draw, &message));
                return outcome;
            }
            // A busy machine makes anything slow once.
            Ok(_) if took > HANG && (0..3).all(|_| execute(target, &input, draw).1 > HANG) => {
                outcome.finding = Some(describe(target, &input, draw, &format!("took {took:?}")));
                return outcome;
            }
            Ok(shape) if known.insert(shape) && corpus.len() < MAX_CORPUS => {
                outcome.kept += 1;
                corpus.push(input);
            }
            Ok(_) => {}
        }
    }
    outcome
}

fn execute(target: &Target, input: &Input, draw: u64) -> (Result<u64, String>, Duration) {
    let begun = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| (target.check)(input, draw)));
    let message = |panic: Box<dyn std::any::Any + Send>| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    };
    (result.map_err(message), begun.elapsed())
}

/// The input as a transcript, so that it can become one.
fn describe(target: &Target, input: &Input, draw: u64, message: &str) -> String {
    let mut text = format!("{} (draw {draw}): {message}\n", target.name);
    for (direction, bytes) in input {
        let mark = if *direction == Direction::ToServer { '>' } else { '<' };
        // Writing to memory cannot fail.
        let _ = writeln!(text, "{mark} {}", bytes.escape_ascii());
    }
    text
}
