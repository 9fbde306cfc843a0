//! The one table of exit codes.

use faultbox_engine::event::Totals;
use std::process::ExitCode;

/// How a command ended, for scripts. The same numbers as the original tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Everything that was asked for is good.
    Good = 0,
    /// It could not be done: wrong usage, a spec with errors, no test matched, interrupted, an output not written.
    CouldNot = 1,
    /// At least one test failed, erred, timed out or was bypassed.
    Failed = 2,
    /// No test failed, but at least one told nothing.
    Inconclusive = 3,
}

/// What stands at the end of `faultbox test --help`.
pub(crate) const TEST_HELP: &str = "\
Examples:
  faultbox test --test write_gets_503             one test
  faultbox test --test 'matrix_*' --jobs 4        every matrix cell, four at a time
  faultbox test --test flaky --runs 50            fifty seeds, to see how often it fails
  faultbox test --junit report.xml --show fail    for CI
  faultbox test --format json | jq .tests         for programs

Exit codes:
  0  every test passed
  1  could not run (to the end): wrong usage, errors in the spec, no test matched,
     interrupted, a report could not be written
  2  at least one test failed, had an error, timed out or was bypassed
  3  none failed, but at least one was inconclusive

Ctrl-C cancels the running tests and shows what is known; a second one kills them.";

impl Exit {
    /// What a run comes to. A failed test is the strongest fact; an incomplete run is never good.
    pub(crate) fn of_run(totals: &Totals, interrupted: bool) -> Exit {
        if totals.bad() > 0 {
            return Exit::Failed;
        }
        if interrupted || totals.not_run > 0 {
            return Exit::CouldNot;
        }
        if totals.inconclusive > 0 { Exit::Inconclusive } else { Exit::Good }
    }

    /// The same run when one of its reports could not be written.
    pub(crate) fn without_report(self) -> Exit {
        match self {
            Exit::Failed => Exit::Failed,
            Exit::Good | Exit::CouldNot | Exit::Inconclusive => Exit::CouldNot,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_the_code_of_its_strongest_fact() {
        let totals = |failed, inconclusive, not_run| Totals {
            passed: 1,
            failed,
            inconclusive,
            not_run,
            ..Totals::default()
        };
        assert_eq!(Exit::of_run(&totals(0, 0, 0), false), Exit::Good);
        assert_eq!(Exit::of_run(&totals(0, 1, 0), false), Exit::Inconclusive);
        assert_eq!(Exit::of_run(&totals(0, 1, 1), false), Exit::CouldNot);
        assert_eq!(Exit::of_run(&totals(0, 0, 0), true), Exit::CouldNot);
        assert_eq!(Exit::of_run(&totals(1, 1, 1), true), Exit::Failed);
        for bad in [
            Totals { errors: 1, ..Totals::default() },
            Totals { timeouts: 1, ..Totals::default() },
            Totals { bypassed: 1, ..Totals::default() },
        ] {
            assert_eq!(Exit::of_run(&bad, false), Exit::Failed);
        }
        assert_eq!(Exit::Good.without_report(), Exit::CouldNot);
        assert_eq!(Exit::Failed.without_report(), Exit::Failed);
    }
}
