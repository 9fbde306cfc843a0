//! Real processes under real filters. Each test says why it is skipped where the kernel refuses.

mod storm;

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::model::errno::Errno;
use crate::model::syscall::{Syscall, resolve};
use crate::sandbox::{Child, Reaper};

/// A judge made of a closure; counts what was committed and lost.
pub(super) struct Scripted<F> {
    decide: F,
    /// Delayed calls that were held, or answered at once because their time had passed.
    pub(super) delayed: AtomicU64,
    pub(super) committed: AtomicU64,
    pub(super) lost: AtomicU64,
}

impl<F: Fn(&mut SyscallView<'_>) -> Reply + Send + Sync + 'static> Judge for Scripted<F> {
    /// Whether its delay is still to be counted.
    type Token = bool;

    fn judge(&self, call: &mut SyscallView<'_>) -> Answer<bool> {
        let reply = (self.decide)(call);
        Answer { reply, token: matches!(reply, Reply::ContinueAfter(_) | Reply::ErrnoAfter(..)) }
    }

    fn held(&self, token: &mut bool) {
        self.delayed.fetch_add(u64::from(std::mem::take(token)), Relaxed);
    }

    fn committed(&self, mut token: bool) {
        self.held(&mut token);
        self.committed.fetch_add(1, Relaxed);
    }

    fn lost(&self, _: bool) {
        self.lost.fetch_add(1, Relaxed);
    }
}

pub(super) fn scripted<F: Fn(&mut SyscallView<'_>) -> Reply + Send + Sync>(decide: F) -> Arc<Scripted<F>> {
    let zero = || AtomicU64::new(0);
    Arc::new(Scripted { decide, delayed: zero(), committed: zero(), lost: zero() })
}

pub(super) fn is_supported() -> bool {
    let support = probe();
    if let Err(reason) = &support.notify {
        skip(reason);
    }
    support.notify.is_ok()
}

/// Says why a test does not run here.
pub(super) fn skip(reason: &str) {
    assert!(std::env::var_os("FAULTBOX_NO_SKIP").is_none(), "{reason}");
    eprintln!("skipped: {reason}");
}

pub(super) fn errno(name: &str) -> Errno {
    Errno::from_name(name).expect("a known error")
}

pub(super) fn filter(keywords: &[&str]) -> Filter {
    let calls = keywords.iter().flat_map(|word| resolve(word).expect("a known keyword"));
    Filter::new(&Subscription::new(calls).expect("trappable calls"))
}

/// Starts `argv` with its output in a pipe.
fn start(
    argv: &[&str],
    filter: Option<&Filter>,
) -> Result<(Launched<Child>, std::io::PipeReader), LaunchError> {
    let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let (output, write) = std::io::pipe().expect("a pipe");
    let nothing = std::fs::File::open("/dev/null").expect("/dev/null");
    let what = Launch {
        argv: &argv,
        env: &[("PATH".into(), path)],
        cwd: Path::new("/"),
        stdin: nothing.as_fd(),
        stdout: write.as_fd(),
        stderr: write.as_fd(),
        filter,
        dies_with_caller: false,
    };
    launch(&what, |fork| Reaper::of_adopted().adopt(fork)).map(|launched| (launched, output))
}

fn finish(mut child: Child) -> ExitStatus {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(child.wait()).expect("only the reaper waits")
}

pub(super) struct Ran {
    status: ExitStatus,
    pub(super) output: String,
    pub(super) counts: SupervisorCounts,
    pub(super) took: Duration,
}

/// Runs a program to its end under a judge.
fn run<J: Judge>(argv: &[&str], keywords: &[&str], judge: &Arc<J>) -> Ran {
    run_under(&filter(keywords), argv, judge)
}

pub(super) fn run_under<J: Judge>(filter: &Filter, argv: &[&str], judge: &Arc<J>) -> Ran {
    let began = Instant::now();
    let (mut launched, mut output) = start(argv, Some(filter)).expect("the program starts");
    let listener = launched.listener.take().expect("there is a filter");
    let supervisor = Supervisor::start("test", listener, judge.clone()).expect("a thread starts");
    let mut text = String::new();
    output.read_to_string(&mut text).expect("UTF-8");
    let status = finish(launched.child);
    let took = began.elapsed();
    Ran { status, output: text, counts: supervisor.join(), took }
}

#[test]
fn programs_that_cannot_start_say_why() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = |name: &str, text: &str, mode| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).expect("writable");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("ours");
        path.to_string_lossy().into_owned()
    };
    let check = |argv: &[&str], expected: &str| {
        for filter in [None, Some(&filter(&["write"]))] {
            let error = start(argv, filter).expect_err("it cannot start").to_string();
            assert!(error.contains(expected), "{error}");
        }
    };
    if !is_supported() {
        return;
    }
    check(&["no-such-program"], "no program `no-such-program` in /");
    check(&["/no/such/program"], "no such program: /no/such/program");
    check(&[&file("plain", "#!/bin/sh\n", 0o644)], "may not be executed");
    check(&[&file("odd", "garbage\n", 0o755)], "neither a program for this machine nor a script");
    check(&[&file("lost", "#!/no/interp\n", 0o755)], "needs the interpreter /no/interp");
    check(&[], "no command given");
}

#[test]
fn a_program_inherits_nothing_but_stdio() {
    let (launched, mut output) =
        start(&["/bin/sh", "-c", "ls /proc/self/fd | tr '\\n' ' '; ps -o pgid= $$"], None)
            .expect("a shell starts");
    let mut text = String::new();
    output.read_to_string(&mut text).expect("UTF-8");
    assert!(finish(launched.child).success());
    // `ls` itself opens the directory as descriptor 3.
    assert_eq!(text.split_whitespace().collect::<Vec<_>>(), ["0", "1", "2", "3", &launched.pid.to_string()]);
}

#[test]
fn a_write_fails_only_where_the_judge_says_so() {
    if !is_supported() {
        return;
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let target = directory.path().join("wal");
    let wanted = target.clone();
    let judge = scripted(move |call| match call.path() {
        Resolution::Path(path) if path == wanted => Reply::Errno(errno("EIO")),
        _ => Reply::Continue,
    });
    let script = format!(
        "import os\nfd = os.open('{}', os.O_WRONLY | os.O_CREAT)\n\
         try:\n os.write(fd, b'x')\nexcept OSError as e: print(e.errno, flush=True)\nprint('end')",
        target.display()
    );
    let ran = run(&["python3", "-c", &script], &["write"], &judge);
    assert_eq!((ran.output.as_str(), ran.status.success()), ("5\nend\n", true));
    assert_eq!(judge.committed.load(Relaxed), ran.counts.received);
    assert_eq!(File::open(&target).and_then(|file| file.metadata()).map(|file| file.len()).ok(), Some(0));
}

#[test]
fn addresses_are_read_and_values_returned() {
    if !is_supported() {
        return;
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let recorded = seen.clone();
    let judge = scripted(move |call| {
        recorded.lock().expect("no holder panics").extend(call.address().expect("our own child"));
        Reply::Return(0)
    });
    let script = "import socket\nsocket.socket(socket.AF_INET6).connect(('::ffff:127.0.0.1', 9))\n\
                  socket.socket(socket.AF_UNIX).connect('/no/such')\nprint('connected')";
    let ran = run(&["python3", "-c", script], &["connect"], &judge);
    assert_eq!(ran.output, "connected\n");
    let expected =
        [Address::Ip("127.0.0.1:9".parse().expect("an address")), Address::Unix("/no/such".into())];
    let seen = seen.lock().expect("no holder panics");
    // The C library asks a name service for the user's name first, where there is one.
    assert_eq!(seen[seen.len() - 2..], expected);
}

#[test]
fn a_delay_blocks_only_its_own_call() {
    if !is_supported() {
        return;
    }
    let delay = Duration::from_millis(500);
    let judge = scripted(move |call| match call.path() {
        Resolution::NotAFile => Reply::Continue,
        _ => Reply::ErrnoAfter(delay, errno("EIO")),
    });
    let script = "import os, threading\n\
                  def slow():\n  try: os.fsync(os.open('/', os.O_RDONLY))\n  except OSError as e: print(e.errno)\n\
                  threads = [threading.Thread(target=slow) for _ in range(8)]\n\
                  [t.start() for t in threads]; [t.join() for t in threads]";
    let ran = run(&["python3", "-c", script], &["fsync"], &judge);
    assert_eq!(ran.output, "5\n".repeat(8));
    assert!(ran.took >= delay && ran.took < delay * 6, "{:?}", ran.took);
}

#[test]
fn releasing_ends_delays_at_once() {
    if !is_supported() {
        return;
    }
    let (arrived, arrival) = std::sync::mpsc::channel();
    let judge = scripted(move |_| {
        arrived.send(()).expect("the test listens");
        Reply::ContinueAfter(Duration::from_secs(600))
    });
    let (mut launched, _output) =
        start(&["python3", "-c", "import os; os.fsync(os.open('/', 0))"], Some(&filter(&["fsync"])))
            .expect("python starts");
    let listener = launched.listener.take().expect("there is a filter");
    let supervisor = Supervisor::start("test", listener, judge.clone()).expect("a thread starts");
    arrival.recv().expect("python calls fsync");
    let released = Instant::now();
    supervisor.release();
    assert!(finish(launched.child).success());
    assert!(released.elapsed() < Duration::from_secs(5));
    assert_eq!(supervisor.join().lost, 1);
    assert_eq!(judge.lost.load(Relaxed), 1);
}

#[test]
fn a_judge_that_panics_does_not_freeze_the_service() {
    if !is_supported() {
        return;
    }
    let judge = scripted(|_| panic!("on purpose"));
    let ran = run(&["/bin/echo", "still here"], &["write"], &judge);
    assert_eq!(ran.output, "still here\n");
    assert!(ran.counts.judge_panicked && ran.status.success());
}

#[test]
fn five_hundred_launches_with_everything_intercepted() {
    if !is_supported() {
        return;
    }
    let everything = Filter::new(&Subscription::new(Syscall::trappable()).expect("trappable calls"));
    let left = AtomicU64::new(500);
    let take_one = || left.try_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok();
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                while take_one() {
                    let judge = scripted(|_| Reply::Continue);
                    let (mut launched, _output) =
                        start(&["/bin/true"], Some(&everything)).expect("it starts");
                    let listener = launched.listener.take().expect("there is a filter");
                    let supervisor = Supervisor::start("true", listener, judge).expect("a thread starts");
                    assert!(finish(launched.child).success());
                    assert!(supervisor.join().received > 0);
                }
            });
        }
    });
}
