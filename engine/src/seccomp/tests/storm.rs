//! Signals while calls wait, on this kernel and as on one before 5.19, where every signal interrupts a waiting call.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::super::*;
use super::{Ran, errno, filter, is_supported, run_under, scripted, skip};

const CALLS: u64 = 4;
const DELAY: Duration = Duration::from_millis(60);

/// The program, compiled once.
fn program() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<tempfile::TempDir>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let source = folder.path().join("storm.c");
        std::fs::write(&source, include_str!("storm.c")).expect("writable");
        let mut gcc = Command::new("gcc");
        gcc.args(["-O1", "-pthread", "-o"]).arg(folder.path().join("storm")).arg(source);
        let status = gcc.status().ok()?;
        assert!(status.success(), "gcc fails");
        Some(folder)
    });
    static PATH: OnceLock<Option<std::path::PathBuf>> = OnceLock::new();
    let path = PATH.get_or_init(|| built.as_ref().map(|folder| folder.path().join("storm")));
    if path.is_none() {
        skip("gcc is not installed");
    }
    path.as_deref()
}

struct Kernel {
    name: &'static str,
    filter: Filter,
}

fn kernels() -> Vec<Kernel> {
    let old = Kernel { name: "before 5.19", filter: filter(&["fsync", "fdatasync"]).without_wait_killable() };
    let new = Kernel { name: "since 5.19", filter: filter(&["fsync", "fdatasync"]) };
    if probe().wait_killable { vec![old, new] } else { vec![old] }
}

/// Runs the program under a delay of its calls on `/tmp`, and of nothing else; `calls` of them are made and succeed.
#[track_caller]
fn storm(kernel: &Kernel, restarts: &str, kind: &str, calls: u64) -> Option<Ran> {
    let program = program()?.to_str().expect("UTF-8");
    let judge = scripted(|call| match call.path() {
        Resolution::Path(path) if path == Path::new("/tmp") => Reply::ContinueAfter(DELAY),
        _ => Reply::Continue,
    });
    let ran = run_under(&kernel.filter, &[program, restarts, kind, &CALLS.to_string()], &judge);
    let about = format!("{} {restarts} {kind}: {:?} {}", kernel.name, ran.counts, ran.output);
    assert!(ran.output.starts_with(&format!("0:{calls} ")), "{about}");
    assert_eq!(judge.delayed.load(Relaxed), calls, "{about}");
    assert_eq!(judge.lost.load(Relaxed), 0, "{about}");
    Some(ran)
}

#[test]
fn a_delay_under_a_periodic_timer_ends_and_counts_once() {
    if !is_supported() {
        return;
    }
    for kernel in kernels() {
        for restarts in ["1", "0"] {
            let Some(ran) = storm(&kernel, restarts, "plain", CALLS) else { return };
            assert!(ran.took >= DELAY * CALLS as u32, "{}: {:?}", kernel.name, ran.took);
            assert_eq!(ran.counts.shortened, 0, "a single thread is always known to be marked");
        }
    }
}

#[test]
fn calls_of_a_handler_do_not_make_the_delay_start_anew() {
    if !is_supported() {
        return;
    }
    for kernel in kernels() {
        let Some(ran) = storm(&kernel, "1", "calls", CALLS) else { return };
        assert!(ran.took >= DELAY * CALLS as u32, "{}: {:?}", kernel.name, ran.took);
    }
}

#[test]
fn no_restart_code_reaches_a_program_of_several_threads() {
    if !is_supported() {
        return;
    }
    for kernel in kernels() {
        for (kind, calls) in [("threads", 2 * CALLS), ("ignores", CALLS)] {
            if storm(&kernel, "1", kind, calls).is_none() {
                return;
            }
        }
    }
}

#[test]
fn a_denial_that_a_signal_interrupts_is_given_once() {
    if !is_supported() {
        return;
    }
    let Some(program) = program() else { return };
    for kernel in kernels() {
        let judge = scripted(|_| Reply::ErrnoAfter(DELAY, errno("EIO")));
        let argv = [program.to_str().expect("UTF-8"), "1", "plain", &CALLS.to_string()];
        let ran = run_under(&kernel.filter, &argv, &judge);
        assert!(ran.output.starts_with(&format!("5:{CALLS} ")), "{}", ran.output);
        assert_eq!((judge.committed.load(Relaxed), judge.lost.load(Relaxed)), (CALLS, 0), "{}", kernel.name);
    }
}

#[test]
fn a_signal_handler_runs_during_a_delay() {
    if !is_supported() {
        return;
    }
    for kernel in kernels() {
        let Some(ran) = storm(&kernel, "1", "plain", CALLS) else { return };
        let handled: u32 =
            ran.output.trim().rsplit(' ').next().and_then(|word| word.parse().ok()).expect("a number");
        assert!(handled > CALLS as u32, "{}: {}", kernel.name, ran.output);
    }
}
