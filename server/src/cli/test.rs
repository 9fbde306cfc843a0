//! `faultbox test`: run the tests of a spec and report.

use super::args::{IsolationChoice, ReportArgs, ShowChoice, TestArgs, TestFormat};
use super::error::CliError;
use super::exit::Exit;
use super::opened::{Opened, ShortPaths, open_over};
use super::outlet::{Outlet, tell};
use super::output::{growing_file, whole_file};
use super::progress::{Above, Progress};
use super::signals::{Signals, Wish};
use super::terminal::Terminal as Screen;
use crate::handover::{self, Lifeline};
use faultbox_engine::diagnostic::Severity;
use faultbox_engine::event::{Event, EventKind};
use faultbox_engine::model::{TestKind, format_duration};
use faultbox_engine::plan::{Plan, Selection};
use faultbox_engine::report::{
    Fanout, JUnit, Json, JsonLines, Named, Reporter, Show, Terminal, TerminalConfig,
};
use faultbox_engine::run::{self, Cancel, Isolation, RunConfig};
use faultbox_engine::sandbox::{Support, capability};
use faultbox_engine::text::{MemoryFiles, SourceMap, shown};
use indicatif::MultiProgress;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

pub(crate) fn run(args: &TestArgs, screen: Screen) -> Result<Exit, CliError> {
    let (buffers, editor) = if args.editor { handover()? } else { (MemoryFiles::default(), None) };
    let opened = open_over(args.spec.as_deref(), buffers)?;
    io::stderr().write_all(opened.printed().as_bytes())?;
    io::stderr().write_all(opened.drawn(Severity::Warning, screen.stderr).as_bytes())?;
    if opened.count(Severity::Error) > 0 {
        return Err(CliError::spec(format!("{}; nothing was run", opened.tally().unwrap_or_default())));
    }
    let tests = opened.select(&args.tests)?;
    let runs = args.runs.get();
    let plan = opened.plan(&Selection { tests, seed: args.seed, runs });
    if args.dry_run {
        io::stdout().write_all(dry_run(&opened, &plan).as_bytes())?;
        return Ok(Exit::Good);
    }
    // Trying what the machine allows forks, so it comes before any thread is started.
    let setting = setting(args, &opened)?;
    editor.map(Lifeline::hold).transpose()?;
    let running = Running::default();
    let progress = screen.live.then(|| Progress::new(screen.stderr.color));
    let lines = progress.as_ref().map(Progress::lines);
    let config = config(args, &opened, &setting)?;
    refuse_clashes(&run::kept_clashes(&plan, &config))?;
    let mut reporters = reporters(args, &opened, screen, lines.as_ref(), &config.cancel)?;
    reporters.insert(0, Named { name: "progress".to_owned(), reporter: Box::new(running.clone()) });
    if let Some(progress) = progress {
        reporters.insert(0, Named { name: "progress".to_owned(), reporter: Box::new(progress) });
    }
    let mut fanout = Fanout::new(reporters);
    for text in &setting.notices {
        let notice = Event { leaf: None, at: Duration::ZERO, kind: EventKind::Notice { text: text.clone() } };
        fanout.event(&notice, &opened.sources)?;
    }
    let signals = listen(config.cancel.clone(), running, lines)?;
    let summary = run::dispatch(&opened.loaded, &plan, &config, &mut fanout);
    // What is known is written even when the run broke off.
    let written = fanout.finish();
    drop(signals);
    let summary = summary.map_err(|error| CliError::machine(error.to_string()))?;
    let exit = Exit::of_run(&summary.totals, summary.interrupted);
    let Err(error) = written else { return Ok(exit) };
    for line in error.to_string().lines() {
        tell(format!("error: {line}"));
    }
    Ok(exit.without_report())
}

/// The buffers of an editor, and what ties this run's life to it.
fn handover() -> Result<(MemoryFiles, Option<Lifeline>), CliError> {
    let received = handover::receive();
    let (buffers, lifeline) = received.map_err(|error| {
        CliError::usage(format!("cannot read the editor's buffers from standard input: {error}"))
    })?;
    Ok((buffers, Some(lifeline)))
}

fn dry_run(opened: &Opened, plan: &Plan) -> String {
    let spec = opened.spec();
    let mut text = format!("Dry-run: loaded {}\nServices: {}\n", opened.path.display(), spec.services.len());
    text.extend(spec.services.iter().map(|service| format!("  - {}\n", shown(service.name.as_str()))));
    text.push_str(&format!("Tests: {}\n", plan.leaves.len()));
    text.extend(plan.leaves.iter().map(|leaf| format!("  - {}\n", shown(leaf.leaf.test.as_str()))));
    let cells = plan.leaves.iter().filter(|leaf| matches!(spec.tests[leaf.test].kind, TestKind::Cell(_)));
    text + &format!("Fault matrix cells: {}\n", cells.count())
}

// --- where and how it runs ---

/// What this machine makes of the wishes about isolation.
struct Setting {
    isolation: Isolation,
    jobs: usize,
    notices: Vec<String>,
}

fn setting(args: &TestArgs, opened: &Opened) -> Result<Setting, CliError> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let jobs = args.jobs.map_or(processors, |jobs| jobs.get() as usize);
    let mut setting = Setting { isolation: Isolation::Namespaces, jobs, notices: Vec::new() };
    if args.isolation == IsolationChoice::Host {
        setting
            .notices
            .push("tests run one at a time in the host's network, as --isolation host asks for".to_owned());
        return Ok(Setting { isolation: Isolation::Host, jobs: 1, ..setting });
    }
    let directory = opened.path.parent().map(std::path::absolute).and_then(Result::ok);
    let overlays: Vec<PathBuf> = [Some(std::env::temp_dir()), directory].into_iter().flatten().collect();
    let allowed = capability::probe(&overlays)
        .map_err(|error| CliError::machine(format!("cannot try what this machine allows: {error}")))?;
    if let Support::No { reason, fix } = &allowed.namespaces {
        setting.isolation = Isolation::Host;
        setting.notices.push(format!(
            "tests run one at a time in the host's network, because namespaces are refused: {reason}; fix: {fix}"
        ));
    } else if let Support::No { reason, .. } = &allowed.overlays {
        setting
            .notices
            .push(format!("tests run one at a time, because files cannot be kept apart: {reason}"));
    }
    if !allowed.allows_parallel() {
        setting.jobs = 1;
    }
    Ok(setting)
}

fn config(args: &TestArgs, opened: &Opened, setting: &Setting) -> Result<RunConfig, CliError> {
    let worker = std::env::current_exe().map_err(|error| {
        CliError::machine(format!("cannot find this executable to start workers: {error}"))
    })?;
    let absolute = |path: &PathBuf| {
        std::path::absolute(path)
            .map_err(|error| CliError::usage(format!("cannot use --keep-files {}: {error}", path.display())))
    };
    Ok(RunConfig {
        worker,
        worker_arguments: vec!["worker".to_owned()],
        jobs: setting.jobs,
        timeout: args.timeout,
        isolation: setting.isolation,
        keep_files: args.keep_files.as_ref().map(absolute).transpose()?,
        shown_path: opened.path.display().to_string(),
        runs: args.runs.get(),
        cancel: Cancel::new(),
    })
}

/// Nothing that --keep-files did not make is replaced, and no test runs whose files could not be kept.
fn refuse_clashes(clashes: &[PathBuf]) -> Result<(), CliError> {
    let Some(first) = clashes.first() else { return Ok(()) };
    let more = match clashes.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    let message =
        format!("{}{more} exists and was not made by --keep-files; nothing was run", first.display());
    Err(CliError::usage(message).hint("remove it, or name another directory with --keep-files"))
}

// --- who hears about it ---

fn reporters(
    args: &TestArgs,
    opened: &Opened,
    screen: Screen,
    lines: Option<&MultiProgress>,
    cancel: &Cancel,
) -> Result<Vec<Named>, CliError> {
    let ReportArgs { format, output, junit, .. } = &args.report;
    let short = |inner: Box<dyn Reporter>| -> Box<dyn Reporter> {
        Box::new(ShortPaths { inner, sources: opened.sources.clone() })
    };
    let mut reporters = Vec::new();
    let machine_on_stdout = *format != TestFormat::Text && output.is_none();
    let stdout = standard_output(screen, lines, cancel)?;
    let on_stdout: Box<dyn Reporter> = match format {
        TestFormat::Json if machine_on_stdout => short(Box::new(Json::new(stdout))),
        TestFormat::Jsonl if machine_on_stdout => Box::new(JsonLines::new(stdout)),
        TestFormat::Text | TestFormat::Json | TestFormat::Jsonl => {
            short(Box::new(Terminal::new(stdout, terminal_config(args, screen))))
        }
    };
    reporters.push(Named { name: "standard output".to_owned(), reporter: on_stdout });
    if let Some(path) = output {
        reporters.push(match format {
            TestFormat::Jsonl => growing_file("--output", path, |out| Box::new(JsonLines::new(out)))?,
            TestFormat::Text | TestFormat::Json => {
                whole_file("--output", path, |out| short(Box::new(Json::new(out))))?
            }
        });
    }
    if let Some(path) = junit {
        reporters.push(whole_file("--junit", path, |out| short(Box::new(JUnit::new(out))))?);
    }
    Ok(reporters)
}

fn standard_output(
    screen: Screen,
    lines: Option<&MultiProgress>,
    cancel: &Cancel,
) -> Result<Box<dyn Write + Send>, CliError> {
    let out = Outlet::standard_output(cancel.clone())
        .map_err(|error| CliError::machine(format!("cannot write to standard output: {error}")))?;
    Ok(match lines {
        Some(lines) if screen.stdout_is_terminal => Box::new(Above { lines: lines.clone(), out }),
        _ => Box::new(out),
    })
}

fn terminal_config(args: &TestArgs, screen: Screen) -> TerminalConfig {
    let show = match args.report.show {
        ShowChoice::All => Show::All,
        ShowChoice::Fail => Show::Fail,
    };
    TerminalConfig {
        style: screen.stdout,
        show,
        show_logs: args.report.show_logs,
        verbose: args.report.verbose,
        width: screen.width,
        replay_flags: replay_flags(args),
    }
}

/// The options that change what a test does.
fn replay_flags(args: &TestArgs) -> String {
    let mut flags = Vec::new();
    if args.isolation == IsolationChoice::Host {
        flags.push("--isolation host".to_owned());
    }
    if args.timeout != super::args::DEFAULT_TIMEOUT {
        flags.push(format!("--timeout {}", format_duration(args.timeout)));
    }
    flags.join(" ")
}

// --- Ctrl-C ---

/// How many tests run right now.
#[derive(Clone, Default)]
struct Running(Arc<AtomicUsize>);

impl Reporter for Running {
    fn event(&mut self, event: &Event, _: &SourceMap) -> io::Result<()> {
        match event.kind {
            EventKind::LeafStarted { .. } => {
                self.0.fetch_add(1, Relaxed);
            }
            // A leaf that never ran is finished without having been started.
            EventKind::LeafFinished { .. } => {
                let _ = self.0.fetch_update(Relaxed, Relaxed, |count| count.checked_sub(1));
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn listen(cancel: Cancel, running: Running, lines: Option<MultiProgress>) -> Result<Signals, CliError> {
    let say = move |text: String| match &lines {
        // Nothing hangs on these lines; a closed or blocked standard error must not stop the cancelling.
        Some(lines) => {
            let lines = lines.clone();
            std::thread::spawn(move || drop(lines.println(text)));
        }
        None => tell(text),
    };
    let act = move |wish| match wish {
        Wish::Cancel => {
            cancel.cancel();
            let count = running.0.load(Relaxed);
            let noun = if count == 1 { "test" } else { "tests" };
            say(format!("cancelling {count} running {noun}… (again to kill)"));
        }
        Wish::Kill => {
            cancel.kill();
            say("killing the running tests".to_owned());
        }
    };
    Signals::listen(act).map_err(|error| CliError::machine(format!("cannot listen for Ctrl-C: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::{Args, Command};
    use clap::Parser;

    #[test]
    fn a_replay_repeats_what_changes_a_test() {
        let flags = |line: &str| match Args::try_parse_from(line.split(' ')).unwrap().command {
            Command::Test(args) => replay_flags(&args),
            other => panic!("{other:?}"),
        };
        assert_eq!(flags("faultbox test a.star --jobs 3"), "");
        assert_eq!(flags("faultbox test --isolation host --timeout 90s"), "--isolation host --timeout 1m30s");
    }
}
