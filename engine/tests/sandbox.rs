//! The sandbox on a real kernel, as root and as an ordinary user.
//!
//! A sandbox can only be entered by a process with a single thread, so this test has its own `main`: each check runs in
//! a forked child. Checks are skipped, with the reason, where the host refuses namespaces; `FAULTBOX_NO_SKIP=1`
//! turns that into a failure.

#![expect(clippy::print_stderr, reason = "it is its own test harness")]

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use faultbox_engine::model::errno::Errno;
use faultbox_engine::model::syscall::resolve;
use faultbox_engine::sandbox::{self, Child, Config, Keep, NetNs, Reaper, Sandbox, Side, capability};
use faultbox_engine::seccomp::{
    Answer, Filter, Judge, Launch, Launched, Reply, Resolution, Subscription, Supervisor, SyscallView, launch,
};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Gid, Pid, Uid, fork, geteuid, setgid, setgroups, setuid};

type Check = fn() -> Result<(), String>;

const CHECKS: &[(&str, Check)] = &[
    ("a leaf is PID 1 with its own loopback and the user's own id", identity),
    ("writes to overlaid directories stay inside", overlays_keep_writes),
    ("a spec directory inside /tmp is covered once", overlay_below_tmp),
    ("kept files are copied out, also into an overlaid directory", keep_files),
    ("services resolve by name", names),
    ("the exit status is passed on", exit_status),
    ("orphans are reaped and services keep their status", reaping),
    ("a daemon is its service, whatever else goes to the background", daemons),
    ("an end that is certain is waited for", certain_end),
    ("system calls of a service are intercepted", interception),
    ("two namespaces listen on one port", network_namespaces),
    ("kill -9 of the outer process leaves nothing", outer_killed),
    ("kill -9 of PID 1 leaves nothing", inner_killed),
    ("the dispatcher's end leaves nothing", dispatcher_gone),
    ("the host looks the same afterwards", host_is_untouched),
];

/// Somebody who is not root and owns nothing.
const ORDINARY: u32 = 54_321;

fn main() -> ExitCode {
    let mut failed = 0;
    for ordinary in [false, true] {
        if ordinary && !geteuid().is_root() {
            break;
        }
        let who = if ordinary { "ordinary user" } else { "current user" };
        let supported = in_child(ordinary, || {
            let found = capability::probe(&[]).map_err(text)?;
            if found.namespaces.is_yes() { Ok(()) } else { Err(format!("{:?}", found.namespaces)) }
        });
        if let Err(reason) = supported {
            eprintln!("skipped for {who}: {reason}");
            failed += usize::from(std::env::var_os("FAULTBOX_NO_SKIP").is_some());
            continue;
        }
        for (name, check) in CHECKS {
            let began = Instant::now();
            let outcome = in_child(ordinary, check);
            let shown = outcome.as_ref().map_or_else(String::as_str, |()| "ok");
            eprintln!("{who}: {name} ... {shown} ({} ms)", began.elapsed().as_millis());
            failed += usize::from(outcome.is_err());
        }
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

// === running a check in a child of its own ===

/// Runs `act` in a forked child, given up root if `ordinary`, and returns what went wrong.
fn in_child(ordinary: bool, act: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let (mut from_child, mut to_parent) = io::pipe().map_err(text)?;
    // SAFETY: this process has a single thread.
    match unsafe { fork() }.map_err(text)? {
        ForkResult::Child => {
            drop(from_child);
            let done = if ordinary { become_ordinary() } else { Ok(()) }.and_then(|()| act());
            if let Err(reason) = done {
                let _ = to_parent.write_all(reason.as_bytes());
            }
            std::process::exit(0);
        }
        ForkResult::Parent { child } => {
            drop(to_parent);
            let mut reason = String::new();
            from_child.read_to_string(&mut reason).map_err(text)?;
            match waitpid(child, None).map_err(text)? {
                WaitStatus::Exited(_, 0) if reason.is_empty() => Ok(()),
                status => Err(format!("FAILED: {reason} {status:?}")),
            }
        }
    }
}

fn become_ordinary() -> Result<(), String> {
    setgroups(&[]).map_err(text)?;
    setgid(Gid::from_raw(ORDINARY)).map_err(text)?;
    setuid(Uid::from_raw(ORDINARY)).map_err(text)?;
    // Giving up root made /proc/self root's; a program started by the user would own its own.
    nix::sys::prctl::set_dumpable(true).map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn ensure(holds: bool, what: impl std::fmt::Display) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("does not hold: {what}")) }
}

fn config(overlays: &[&Path]) -> Config {
    let overlays = overlays.iter().map(PathBuf::from).collect();
    Config { overlays, names: Vec::new(), keep_files: None, lifeline: None }
}

/// Runs `act` inside a sandbox and brings back what went wrong there.
fn inside(config: Config, act: impl FnOnce(Sandbox) -> Result<(), String>) -> Result<(), String> {
    let (mut from_inside, mut to_outside) = io::pipe().map_err(text)?;
    match sandbox::enter(config).map_err(text)? {
        Side::Inside(sandbox) => {
            drop(from_inside);
            if let Err(reason) = act(sandbox) {
                let _ = to_outside.write_all(reason.as_bytes());
            }
            std::process::exit(0);
        }
        Side::Outside(status) => {
            drop(to_outside);
            let mut reason = String::new();
            from_inside.read_to_string(&mut reason).map_err(text)?;
            if reason.is_empty() && status.success() { Ok(()) } else { Err(format!("{reason} {status}")) }
        }
    }
}

/// A directory that everybody may write to, removed afterwards.
fn scratch(base: &str) -> Result<tempfile::TempDir, String> {
    let directory = tempfile::Builder::new().prefix("faultbox").tempdir_in(base).map_err(text)?;
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(&directory, everybody).map_err(text)?;
    Ok(directory)
}

/// A shell run to its end, with everything it printed.
fn shell(reaper: &Reaper, script: &str) -> Result<(String, Option<i32>), String> {
    let (mut output, write) = io::pipe().map_err(text)?;
    let mut child = start(reaper, script, write.as_fd(), None)?.child;
    drop(write);
    let mut printed = String::new();
    output.read_to_string(&mut printed).map_err(text)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(text)?;
    let status = runtime.block_on(child.wait()).ok_or("the status was lost")?;
    Ok((printed, status.code()))
}

fn start(
    reaper: &Reaper,
    script: &str,
    output: std::os::fd::BorrowedFd<'_>,
    filter: Option<&Filter>,
) -> Result<Launched<Child>, String> {
    let argv = ["/bin/sh", "-c", script].map(Into::into);
    let env = [("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into())];
    let here = std::env::current_dir().map_err(text)?;
    let nothing = File::open("/dev/null").map_err(text)?;
    let what = Launch {
        argv: &argv,
        env: &env,
        cwd: &here,
        stdin: nothing.as_fd(),
        stdout: output,
        stderr: output,
        filter,
        dies_with_caller: false,
    };
    launch(&what, |fork| reaper.adopt(fork)).map_err(text)
}

// === what a leaf is ===

fn identity() -> Result<(), String> {
    let user = geteuid();
    inside(config(&[]), |_| {
        let reaper = Reaper::of_everything().map_err(text)?;
        let (printed, code) = shell(&reaper, "id -u; grep -c : /proc/net/dev; echo $PPID")?;
        // The device table has two heading lines without a colon and one line for lo.
        ensure(printed == format!("{user}\n1\n1\n") && code == Some(0), &printed)?;
        ensure(std::process::id() == 1, "we are PID 1")?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
        let address = listener.local_addr().map_err(text)?;
        TcpStream::connect(address).map_err(text)?;
        let elsewhere = TcpStream::connect("192.0.2.1:9").map_err(|error| error.kind());
        ensure(matches!(elsewhere, Err(io::ErrorKind::NetworkUnreachable)), format!("{elsewhere:?}"))
    })
}

fn overlays_keep_writes() -> Result<(), String> {
    let spec = scratch("/var/tmp")?;
    let nested = spec.path().join("data");
    fs::create_dir(&nested).and_then(|()| fs::write(nested.join("old"), "before")).map_err(text)?;
    std::env::set_current_dir(spec.path()).map_err(text)?;
    let marker = PathBuf::from(format!("/tmp/faultbox-marker-{}", std::process::id()));
    let mode =
        || fs::metadata("/tmp").map(|found| std::os::unix::fs::MetadataExt::mode(&found)).map_err(text);
    let before = mode()?;
    inside(config(&[Path::new("/tmp"), spec.path()]), |sandbox| {
        ensure(sandbox.not_overlaid.is_empty(), format!("{:?}", sandbox.not_overlaid))?;
        ensure(mode()? == before, "the mode of /tmp is the same")?;
        let reaper = Reaper::of_everything().map_err(text)?;
        let change = "cat data/old; echo after > data/old; mkdir new; echo x > new/f; rm -r data; touch";
        let (printed, code) = shell(&reaper, &format!("{change} {}", marker.display()))?;
        ensure(printed == "before" && code == Some(0), &printed)?;
        let seen = marker.exists() && !Path::new("data").exists() && Path::new("new/f").exists();
        ensure(seen, "changes are seen inside")
    })?;
    ensure(!marker.exists() && !spec.path().join("new").exists(), "nothing new on the host")?;
    ensure(fs::read_to_string(nested.join("old")).map_err(text)? == "before", "the host's file is the same")
}

fn overlay_below_tmp() -> Result<(), String> {
    let spec = scratch("/tmp")?;
    std::env::set_current_dir(spec.path()).map_err(text)?;
    inside(config(&[spec.path(), Path::new("/tmp")]), |sandbox| {
        ensure(sandbox.overlays.len() == 1 && sandbox.not_overlaid.is_empty(), format!("{sandbox:?}"))?;
        fs::write("relative", "x").map_err(text)
    })?;
    ensure(!spec.path().join("relative").exists(), "the relative write stayed inside")
}

fn keep_files() -> Result<(), String> {
    let spec = scratch("/var/tmp")?;
    fs::write(spec.path().join("gone"), "x").map_err(text)?;
    let keep = spec.path().join("kept");
    let mut config = config(&[Path::new("/tmp"), spec.path()]);
    config.keep_files = Some(Keep::of_test(&keep, "test_a", None));
    let root = spec.path().to_path_buf();
    inside(config, |sandbox| {
        fs::create_dir_all(root.join("a/b")).map_err(text)?;
        fs::write(root.join("a/b/c"), "kept").map_err(text)?;
        fs::remove_file(root.join("gone")).map_err(text)?;
        let kept = sandbox.keep_files().map_err(text)?;
        let counted = (kept.files, kept.bytes, &kept.removed) == (1, 4, &vec![root.join("gone")]);
        ensure(counted && kept.failed.is_empty(), format!("{kept:?}"))
    })?;
    let copy = keep.join("test_a").join(spec.path().strip_prefix("/").map_err(text)?).join("a/b/c");
    ensure(fs::read_to_string(copy).map_err(text)? == "kept", "the copy is on the host")?;
    ensure(
        spec.path().join("gone").exists() && !spec.path().join("a").exists(),
        "the host's files are the same",
    )
}

fn names() -> Result<(), String> {
    let mut config = config(&[]);
    config.names = vec!["db".into(), "cache".into()];
    inside(config, |sandbox| {
        let names = &sandbox.names;
        ensure(names.hosts_error.is_none() && names.exposed.is_empty(), format!("{names:?}"))?;
        let text_of = |path: &str| fs::read_to_string(path).map_err(text);
        ensure(text_of("/etc/hosts")? == names.hosts, text_of("/etc/hosts")?)?;
        let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
        let port = listener.local_addr().map_err(text)?.port();
        TcpStream::connect(("db", port)).map_err(text)?;
        TcpStream::connect(("localhost", port)).map(drop).map_err(text)
    })
}

fn exit_status() -> Result<(), String> {
    match sandbox::enter(config(&[])).map_err(text)? {
        Side::Inside(_) => std::process::exit(42),
        Side::Outside(status) => ensure(status.code() == Some(42), status),
    }
}

fn reaping() -> Result<(), String> {
    inside(config(&[]), |_| {
        let reaper = Reaper::of_everything().map_err(text)?;
        for code in 0..20 {
            // A daemonised grandchild becomes an orphan that ends by itself.
            let script = format!("(setsid sh -c 'exit 3' >/dev/null 2>&1 &) ; exit {code}");
            ensure(shell(&reaper, &script)?.1 == Some(code), code)?;
        }
        let deadline = Instant::now() + Duration::from_secs(5);
        let is_other = |name: &str| name.parse::<u32>().is_ok_and(|pid| pid != 1);
        loop {
            let processes = fs::read_dir("/proc").map_err(text)?.flatten();
            let others = processes.filter(|entry| is_other(&entry.file_name().to_string_lossy())).count();
            if others == 0 {
                return Ok(());
            }
            ensure(Instant::now() < deadline, format!("{others} processes are left"))?;
            std::thread::yield_now();
        }
    })
}

fn daemons() -> Result<(), String> {
    inside(config(&[]), |_| {
        let reaper = Reaper::of_everything().map_err(text)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(text)?;
        let null = File::options().write(true).open("/dev/null").map_err(text)?;
        // Two go to the background at once, one stays and has a daemon of its own.
        let background = "(setsid sh -c 'exec sleep 600' &); exit 0";
        let mut children = Vec::new();
        for script in [background, background, "(setsid sleep 600 &); exec sleep 600"] {
            children.push(start(&reaper, script, null.as_fd(), None)?.child);
        }
        for child in &mut children[..2] {
            let status = runtime.block_on(child.wait());
            ensure(status.is_some_and(|status| status.success()), format!("{status:?}"))?;
        }
        reaper.catch_up();
        ensure(children.iter().all(|child| child.end().is_none()), "all of them are running")?;
        let killed = children[0].signal_mains(Signal::SIGKILL, |_| true);
        ensure(killed == 1, format!("{killed} main processes"))?;
        let end = runtime.block_on(children[0].ended());
        let signal = end.status.and_then(|status| std::os::unix::process::ExitStatusExt::signal(&status));
        ensure(signal == Some(9), format!("{end:?}"))?;
        reaper.catch_up();
        ensure(children[1..].iter().all(|child| child.end().is_none()), "the others are running")
    })
}

fn certain_end() -> Result<(), String> {
    inside(config(&[]), |_| {
        let reaper = Reaper::of_everything().map_err(text)?;
        let null = File::options().write(true).open("/dev/null").map_err(text)?;
        for _ in 0..50 {
            let child = start(&reaper, "exec sleep 600", null.as_fd(), None)?.child;
            ensure(child.end().is_none() && !child.is_ending(), "it runs")?;
            kill(Pid::from_raw(child.pid()), Signal::SIGTERM).map_err(text)?;
            // Nobody waits here: what is sent already is seen at once, in one of the two ways.
            ensure(child.is_ending(), "it ends")?;
            while child.end().is_none() {
                std::thread::yield_now();
                reaper.catch_up();
                ensure(child.is_ending(), "it still ends")?;
            }
        }
        Ok(())
    })
}

/// Refuses to open files named `secret`, wherever a relative path leads to them.
struct Secretive;

impl Judge for Secretive {
    type Token = ();

    fn judge(&self, call: &mut SyscallView<'_>) -> Answer<()> {
        let eio = Errno::from_name("EIO").map_or(Reply::Continue, Reply::Errno);
        let reply = match call.path() {
            Resolution::Path(path) if path.ends_with("spec/secret") => eio,
            Resolution::Path(_) | Resolution::NotAFile | Resolution::Unresolved(_) => Reply::Continue,
        };
        Answer { reply, token: () }
    }

    fn committed(&self, (): ()) {}
}

fn interception() -> Result<(), String> {
    inside(config(&[Path::new("/tmp")]), |_| {
        let reaper = Reaper::of_everything().map_err(text)?;
        let (mut output, write) = io::pipe().map_err(text)?;
        let subscription = Subscription::new(resolve("open").unwrap_or_default()).map_err(text)?;
        let script =
            "mkdir /tmp/spec; cd /tmp/spec; echo 1 > open; cat open; echo 2 > ./../spec/secret; echo $?";
        let mut launched = start(&reaper, script, write.as_fd(), Some(&Filter::new(&subscription)))?;
        drop(write);
        let listener = launched.listener.take().ok_or("there is a filter")?;
        let supervisor = Supervisor::start("sh", listener, std::sync::Arc::new(Secretive)).map_err(text)?;
        let mut printed = String::new();
        output.read_to_string(&mut printed).map_err(text)?;
        let counts = supervisor.join();
        ensure(
            printed.starts_with("1\n") && printed.contains("Input/output error") && printed.ends_with("2\n"),
            &printed,
        )?;
        ensure(counts.received > 0 && counts.lost == 0, format!("{counts:?}"))
    })
}

fn network_namespaces() -> Result<(), String> {
    inside(config(&[]), |_| {
        let home = NetNs::current().map_err(text)?;
        let other = NetNs::new().map_err(text)?;
        ensure(!home.is_same(&other).map_err(text)?, "they differ")?;
        let here = TcpListener::bind("127.0.0.1:8080").map_err(text)?;
        let there = other.enter(|| TcpListener::bind("127.0.0.1:8080")).map_err(text)?.map_err(text)?;
        let client = other.enter(|| TcpStream::connect("127.0.0.1:8080")).map_err(text)?.map_err(text)?;
        here.set_nonblocking(true).map_err(text)?;
        let (_, peer) = there.accept().map_err(text)?;
        ensure(
            peer == client.local_addr().map_err(text)? && here.accept().is_err(),
            "the right one was reached",
        )?;
        let panicked = std::panic::catch_unwind(|| other.enter(|| std::panic::resume_unwind(Box::new(()))));
        let back = home.is_same(&NetNs::current().map_err(text)?).map_err(text)?;
        ensure(panicked.is_err() && back, "back home after a panic")
    })
}

// === what is left of it ===

/// Starts a whole chain in a child: the outer process, PID 1, and daemonised grandchildren, all of which hold the write
/// end of a pipe. `end` kills some part of it; the pipe's end of file tells when everything is gone.
fn all_gone_soon(dispatcher: Option<(OwnedFd, OwnedFd)>, end: impl FnOnce(Pid, Pid)) -> Result<(), String> {
    /// What run.md promises about leftovers.
    const LIMIT: Duration = Duration::from_millis(100);
    let (mut watched, mut held) = io::pipe().map_err(text)?;
    // SAFETY: this process has a single thread.
    let outer = match unsafe { fork() }.map_err(text)? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            drop(watched);
            // A real worker is executed, which closes the dispatcher's end in it.
            let lifeline = dispatcher.map(|(lifeline, _)| lifeline);
            match sandbox::enter(Config { lifeline, ..config(&[Path::new("/tmp")]) }) {
                Ok(Side::Inside(_)) => daemonise_and_wait(held),
                Ok(Side::Outside(status)) => std::process::exit(status.code().unwrap_or(1)),
                Err(error) => {
                    let _ = held.write_all(error.to_string().as_bytes());
                    std::process::exit(1)
                }
            }
        }
    };
    drop(held);
    let mut ready = [0; 256];
    let length = watched.read(&mut ready).map_err(text)?;
    ensure(&ready[..length] == b"r", String::from_utf8_lossy(&ready[..length]))?;
    let children = fs::read_to_string(format!("/proc/{outer}/task/{outer}/children")).map_err(text)?;
    let inner = children.trim().parse().map(Pid::from_raw).map_err(text)?;
    let began = Instant::now();
    end(outer, inner);
    drop(dispatcher);
    watched.read_to_end(&mut Vec::new()).map_err(text)?;
    let took = began.elapsed();
    waitpid(outer, None).map_err(text)?;
    ensure(took < LIMIT, format!("gone within {LIMIT:?}, took {took:?}"))
}

/// As PID 1: starts ten processes that leave their session, says so, and waits for the end.
fn daemonise_and_wait(mut held: io::PipeWriter) -> ! {
    let script = "for i in 1 2 3 4 5 6 7 8 9 10; do setsid sleep 600 & done; sleep 600";
    let reaper = Reaper::of_everything().expect("a thread starts");
    // Standard output is the pipe, so that every descendant holds it.
    let _child = start(&reaper, script, held.as_fd(), None).expect("a shell starts");
    let sleepers = || {
        let processes = fs::read_dir("/proc").expect("it is mounted").flatten();
        processes
            .filter(|entry| fs::read(entry.path().join("comm")).is_ok_and(|name| name == b"sleep\n"))
            .count()
    };
    while sleepers() < 11 {
        std::thread::yield_now();
    }
    held.write_all(b"r").expect("the test listens");
    loop {
        std::thread::park();
    }
}

fn outer_killed() -> Result<(), String> {
    all_gone_soon(None, |outer, _| kill(outer, Signal::SIGKILL).expect("it runs"))
}

fn inner_killed() -> Result<(), String> {
    all_gone_soon(None, |_, inner| kill(inner, Signal::SIGKILL).expect("it runs"))
}

fn dispatcher_gone() -> Result<(), String> {
    let (lifeline, held_by_dispatcher) = io::pipe().map_err(text)?;
    all_gone_soon(Some((lifeline.into(), held_by_dispatcher.into())), |_, _| {})
}

fn host_is_untouched() -> Result<(), String> {
    let look = || -> io::Result<(String, String)> {
        Ok((fs::read_to_string("/proc/self/mountinfo")?, fs::read_to_string("/etc/hosts")?))
    };
    let before = look().map_err(text)?;
    let mut config = config(&[Path::new("/tmp")]);
    config.names = vec!["db".into()];
    in_child(false, || inside(config, |_| File::create("/dev/shm/faultbox-probe").map(drop).map_err(text)))?;
    ensure(look().map_err(text)? == before, "mounts and hosts are the same")?;
    ensure(!Path::new("/dev/shm/faultbox-probe").exists(), "shared memory is private")
}
