//! Times of answers, and how they are printed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Times of one kind of answer.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort();
        let last = sorted.len().saturating_sub(1);
        sorted.get(last * percent / 100).copied().unwrap_or_default().as_secs_f64() * 1e3
    }
}

/// Times by what was waited for.
#[derive(Default)]
pub(crate) struct Figures(BTreeMap<String, Times>);

#[expect(clippy::print_stdout, reason = "figures are what a measurement is for")]
impl Figures {
    pub(crate) fn add(&mut self, what: &str, since: Instant) {
        self.0.entry(what.to_owned()).or_default().0.push(since.elapsed());
    }

    pub(crate) fn print(&self, title: &str) {
        println!("{title}");
        for (what, times) in &self.0 {
            let [p50, p99, worst] = [50, 99, 100].map(|percent| times.percentile(percent));
            let count = times.0.len();
            println!(
                "  {what:34} p50 {p50:7.2} ms   p99 {p99:7.2} ms   worst {worst:7.2} ms   ({count} times)"
            );
        }
    }

    /// For what both have: this one's time over the other's.
    pub(crate) fn print_ratios(&self, other: &Figures, title: &str) {
        println!("{title}");
        for (what, times) in &self.0 {
            let Some(theirs) = other.0.get(what) else { continue };
            let ratio = |percent| times.percentile(percent) / theirs.percentile(percent);
            println!("  {what:34} p50 {:5.2} x   p99 {:5.2} x", ratio(50), ratio(99));
        }
    }
}
