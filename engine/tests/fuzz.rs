//! Every fuzz target for a moment; `cargo bench -p faultbox-engine --bench fuzz` runs them for long.

#[path = "../benches/fuzz/fuzzer.rs"]
mod fuzzer;
#[path = "../benches/fuzz/host.rs"]
mod host;
#[path = "../benches/fuzz/mutate.rs"]
mod mutate;
#[path = "../benches/fuzz/sessions.rs"]
mod sessions;
#[path = "../benches/fuzz/targets.rs"]
mod targets;
#[path = "../benches/fuzz/texts.rs"]
mod texts;
#[path = "../benches/fuzz/transcript.rs"]
mod transcript;

use std::time::Duration;

#[test]
fn every_target_runs_clean_for_a_moment() {
    for target in targets::TARGETS {
        let outcome = fuzzer::run(target, Duration::from_secs(1), 1);
        assert!(outcome.finding.is_none(), "{}", outcome.finding.unwrap_or_default());
        assert!(outcome.executions > 20 && outcome.kept > 0, "{} ran {}", target.name, outcome.executions);
        assert!(outcome.slowest < Duration::from_secs(5), "{} took {:?}", target.name, outcome.slowest);
    }
}
