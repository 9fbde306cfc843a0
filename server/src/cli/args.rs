//! The command line: what can be asked for, and the help that explains it.

use super::exit;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use faultbox_engine::model::parse_duration;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// Tests real services under injected faults.
///
/// A spec (a .star file) says which services run, which faults they meet and what must still hold. Faultbox starts
/// them, injects the faults between them and into their system calls, and judges.
#[derive(Debug, Parser)]
#[command(name = "faultbox", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// When to use colour
    ///
    /// `auto` means on a terminal, unless NO_COLOR is set; CLICOLOR_FORCE=1 means always.
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
}

/// What `--timeout` is when it is not given.
pub(crate) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
const DEFAULT_TIMEOUT_TEXT: &str = "60s";

const EXAMPLES: &str = "\
Examples:
  faultbox test                              run every test of the nearest faultbox.star
  faultbox test shop.star --test checkout    run one test
  faultbox check shop.star                   find mistakes without starting anything
  faultbox plan shop.star                    show what would run, and what each test intercepts
  faultbox recipes list                      faults that come with Faultbox
  faultbox doctor                            show what this machine allows";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the tests of a spec
    #[command(after_long_help = exit::TEST_HELP, after_help = "More, with examples: faultbox test --help")]
    Test(TestArgs),
    /// Find mistakes in a spec without starting its services
    Check(CheckArgs),
    /// Show what would run, and what each test intercepts
    Plan(PlanArgs),
    /// Show what this machine allows, and how to allow more
    Doctor,
    /// List the faults that come with Faultbox, or show how they are written
    #[command(subcommand)]
    Recipes(RecipesCommand),
    /// Explain a word of the language: a builtin, an argument, a protocol, a system call, the code of a finding
    Manual {
        /// Such as `response`, `nth`, `redis`, `rename` or `FB0107`; without it, the whole manual
        word: Option<String>,
    },
    /// Serve an editor over standard input and output (the Language Server Protocol)
    Lsp,
    /// Run one leaf of a plan; started by `test`, speaks with it over pipes
    #[command(hide = true)]
    Worker,
    /// Evaluate specs for `lsp`; speaks with it over pipes
    #[command(hide = true, name = "__check")]
    CheckServer,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RecipesCommand {
    /// List every recipe with what it does
    List,
    /// Print a recipe file, such as `redis`
    Show { name: String },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct TestArgs {
    /// Spec to run, or a directory with a faultbox.star [default: the nearest faultbox.star, here or above]
    pub(crate) spec: Option<PathBuf>,

    /// Run only these tests; may be repeated
    ///
    /// P is a name with or without `test_`, `matrix_NAME` for all cells of one scenario, a glob such as 'matrix_*',
    /// or '~REGEX'.
    #[arg(long = "test", short = 't', value_name = "P", allow_hyphen_values = true)]
    pub(crate) tests: Vec<String>,

    /// How many tests run side by side [default: number of processors]
    #[arg(long, short = 'j', value_parser = at_least_one, value_name = "N", allow_negative_numbers = true)]
    pub(crate) jobs: Option<NonZeroU32>,

    /// Seed of every random choice; the same seed makes the same choices
    #[arg(long, default_value_t = 0, value_parser = seed, value_name = "N", allow_negative_numbers = true)]
    pub(crate) seed: u64,

    /// Run each test N times, with seeds counting up from --seed
    #[arg(long, default_value_t = NonZeroU32::MIN, value_parser = at_least_one, value_name = "N", allow_negative_numbers = true)]
    pub(crate) runs: NonZeroU32,

    /// Longest time one test may take, such as 30s, where the spec does not say
    #[arg(long, default_value = DEFAULT_TIMEOUT_TEXT, value_parser = duration, value_name = "D")]
    pub(crate) timeout: Duration,

    /// How tests are kept apart from this machine
    ///
    /// `auto` gives each test its own network and files where the machine allows it; `host` uses the machine's, one
    /// test at a time, for services that need the outside world.
    #[arg(long, value_enum, default_value_t, value_name = "HOW")]
    pub(crate) isolation: IsolationChoice,

    /// Copy what the services of each test wrote to DIR/<test>
    #[arg(long, value_name = "DIR")]
    pub(crate) keep_files: Option<PathBuf>,

    /// List the tests that would run, and stop
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) report: ReportArgs,

    /// Take the editor's unsaved buffers from standard input, and end when it closes; see `handover.rs`
    #[arg(long, hide = true)]
    pub(crate) editor: bool,
}

#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Reports")]
pub(crate) struct ReportArgs {
    /// Which tests get a line
    #[arg(long, value_enum, default_value_t, value_name = "WHICH")]
    pub(crate) show: ShowChoice,

    /// What goes to standard output
    ///
    /// `text` for people, `json` one object when the run is over, `jsonl` one object per event as it happens.
    /// Progress and findings about the spec go to standard error, so standard output can be piped.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) format: TestFormat,

    /// Write the machine report to FILE and keep text on standard output
    ///
    /// The report is JSON, or JSON lines with --format jsonl.
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Write a JUnit report, for CI, to FILE
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    /// Show all of what services wrote, also for tests that pass
    ///
    /// Without it, a test that did not pass shows the last lines from a service's being ready to the verdict. Of a service
    /// that prints more than can be kept, the first and the last lines of its start, of the test and of its end are kept,
    /// and a line says how many are missing.
    #[arg(long)]
    pub(crate) show_logs: bool,

    /// Also show each passing matrix cell, and the operations each fault acted on
    #[arg(long, short = 'v')]
    pub(crate) verbose: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct CheckArgs {
    /// Spec to check, or a directory with a faultbox.star [default: the nearest faultbox.star, here or above]
    pub(crate) spec: Option<PathBuf>,

    /// How findings are written: with source lines, one line each, or as JSON
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) format: CheckFormat,

    /// Let warnings fail the check, too
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct PlanArgs {
    /// Spec to plan, or a directory with a faultbox.star [default: the nearest faultbox.star, here or above]
    pub(crate) spec: Option<PathBuf>,

    /// Plan only these tests; the same patterns as `faultbox test --test`
    #[arg(long = "test", short = 't', value_name = "P", allow_hyphen_values = true)]
    pub(crate) tests: Vec<String>,

    /// A tree for people, or JSON
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) format: PlanFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ColorChoice {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum ShowChoice {
    #[default]
    All,
    Fail,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum TestFormat {
    #[default]
    Text,
    Json,
    Jsonl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum CheckFormat {
    #[default]
    Text,
    Concise,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum PlanFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum IsolationChoice {
    #[default]
    Auto,
    Host,
}

fn at_least_one(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| format!("write a whole number from 1 to {}", u32::MAX))
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("write a whole number from 0 to {}", u64::MAX))
}

fn duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Some(Duration::ZERO) => Err("a test needs some time".to_owned()),
        Some(duration) => Ok(duration),
        None => Err("not a duration; write 500ms, 30s or 1m30s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, error::ErrorKind};

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split_whitespace())
    }

    fn test_args(line: &str) -> TestArgs {
        match parse(line).unwrap().command {
            Command::Test(args) => args,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_parser_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_option_of_test_is_read() {
        let args = test_args(
            "faultbox test a.star --test x --test=~y --jobs 3 --seed 7 --runs=10 --timeout 1m30s --show fail \
             --format jsonl --output o --junit j --dry-run --show-logs --verbose --isolation host --keep-files k \
             --color never",
        );
        assert_eq!(args.tests, ["x", "~y"]);
        assert_eq!((args.jobs.map(NonZeroU32::get), args.seed, args.runs.get()), (Some(3), 7, 10));
        assert_eq!(args.timeout, Duration::from_secs(90));
        assert_eq!((args.report.show, args.report.format), (ShowChoice::Fail, TestFormat::Jsonl));
        assert!(args.dry_run && args.report.show_logs && args.report.verbose);
        assert_eq!(args.isolation, IsolationChoice::Host);
        assert_eq!(args.spec, Some(PathBuf::from("a.star")));
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let args = test_args("faultbox test");
        assert_eq!((args.spec, args.seed, args.runs.get(), args.jobs), (None, 0, 1, None));
        assert_eq!((args.report.format, args.report.show), (TestFormat::Text, ShowChoice::All));
        assert_eq!(args.timeout, DEFAULT_TIMEOUT);
    }

    #[test]
    fn a_test_name_may_begin_with_a_dash() {
        assert_eq!(test_args("faultbox test --test=-x").tests, ["-x"]);
    }

    #[test]
    fn bad_values_are_refused_and_named() {
        for (line, part) in [
            ("faultbox test --runs 0", "from 1 to"),
            ("faultbox test --jobs many", "many"),
            ("faultbox test --jobs 0", "from 1 to"),
            ("faultbox test --seed -1", "from 0 to"),
            ("faultbox test --timeout 5", "500ms"),
            ("faultbox test --timeout 0", "some time"),
            ("faultbox test --format xml", "jsonl"),
            ("faultbox test --sed 1", "--seed"),
            ("faultbox tset", "test"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
    }

    #[test]
    fn help_shows_examples_and_exit_codes_and_hides_the_worker() {
        let error = parse("faultbox test --help").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DisplayHelp);
        let help = error.to_string();
        assert!(help.contains("Exit codes:") && help.contains("Examples:"), "{help}");
        let help = parse("faultbox --help").unwrap_err().to_string();
        assert!(!help.contains("worker") && help.contains("faultbox doctor"), "{help}");
    }
}
