//! Every way a run can end early, and what is left of it: nothing.

use super::harness::{Place, children, finish, kill, marked, wait_until};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A service with a daemonised grandchild, and a test that never ends by itself.
const ENDLESS: &str = r#"
program = """
import os, socket, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
s = socket.create_server(("127.0.0.1", 5432))
while True:
    c, _ = s.accept()
"""
db = service("db", "python3", interface("main", "tcp", 5432), args = ["-c", program], healthcheck = tcp("localhost:5432"))
def test_a():
    db.main.send("PING")
def test_b():
    db.main.send("PING")
def test_c():
    db.main.send("PING")
"#;

/// Starts the endless run with a marker in its environment and waits until two leaves are in their scenario.
fn started(place: &Place, marker: &str) -> Child {
    let (name, value) = marker.split_once('=').expect("NAME=value");
    let arguments = ["test", "spec.star", "--jobs", "2", "--format", "jsonl"];
    let mut child = place.command(&arguments).env(name, value).spawn().expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut scenarios = 0;
    while scenarios < 2 {
        let line = lines.next().expect("a further event").expect("a line");
        scenarios += usize::from(line.contains("\"scenario\"") && line.contains("phase"));
    }
    // Kept draining, so that the run never waits for us.
    std::thread::spawn(move || for _ in lines {});
    child
}

fn marker(name: &str) -> String {
    format!("FAULTBOX_TEST_MARK={name}-{}", std::process::id())
}

/// Everything of the run is gone within 100 ms of now.
#[track_caller]
fn gone_at_once(marker: &str) {
    let since = Instant::now();
    while !marked(marker).is_empty() {
        // Looking itself takes a few milliseconds on a machine with many processes.
        assert!(since.elapsed() < Duration::from_millis(100), "left behind: {:?}", marked(marker));
    }
}

#[test]
fn kill_9_of_the_dispatcher_leaves_nothing() {
    for user in ["root", "nobody"] {
        let place = Place::new(ENDLESS);
        let place = if user == "nobody" { place.run_by_nobody() } else { place };
        let marker = marker(&format!("dispatcher-{user}"));
        let mut child = started(&place, &marker);
        assert!(marked(&marker).len() >= 7, "dispatcher, 2 x (worker, PID 1, service or daemon)");
        kill(child.id(), "KILL");
        child.wait().unwrap();
        gone_at_once(&marker);
    }
}

#[test]
fn kill_9_of_a_worker_is_that_tests_error_and_nothing_else() {
    let place =
        Place::new(&ENDLESS.replace("def test_b():\n    db.main.send(\"PING\")", "def test_b():\n    pass"));
    let marker = marker("worker");
    let (name, value) = marker.split_once('=').unwrap();
    let mut child =
        place.command(&["test", "spec.star", "--test", "a", "--test", "b"]).env(name, value).spawn().unwrap();
    let pid = child.id();
    // The worker of test_a stays; its outer process is a child of the dispatcher.
    wait_until("test_a runs alone", || children(pid).len() == 1 && marked(&marker).len() >= 4);
    let worker = children(pid)[0];
    kill(worker, "KILL");
    let ended = finish(take_pipes(&mut child));
    ended.expect(2, &["--- ERROR: test_a", "killed by SIGKILL", "--- PASS: test_b"]);
    gone_at_once(&marker);
}

#[test]
fn the_first_ctrl_c_tears_down_and_reports() {
    let place = Place::new(ENDLESS);
    let marker = marker("cancel");
    let child = started(&place, &marker);
    kill(child.id(), "INT");
    let ended = finish(child);
    ended.expect(1, &["cancelling 2 running tests"]);
    gone_at_once(&marker);
}

#[test]
fn the_second_ctrl_c_kills_at_once() {
    // A service that ignores SIGTERM, so that the first Ctrl-C is still at work when the second comes.
    let place =
        Place::new(&ENDLESS.replace(
            "s = socket",
            "import signal\nsignal.signal(signal.SIGTERM, lambda *a: None)\ns = socket",
        ));
    let marker = marker("kill");
    let (name, value) = marker.split_once('=').unwrap();
    let mut child = place.command(&["test", "spec.star", "--jobs", "2"]).env(name, value).spawn().unwrap();
    wait_until("two leaves run", || marked(&marker).len() >= 9);
    let begun = Instant::now();
    kill(child.id(), "INT");
    kill(child.id(), "INT");
    let ended = finish(take_pipes(&mut child));
    assert!(ended.code == Some(1) || ended.code == Some(130), "{ended}");
    assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());
    gone_at_once(&marker);
}

/// Hands the child over with its pipes, for `finish`.
fn take_pipes(child: &mut Child) -> Child {
    std::mem::replace(child, placeholder())
}

/// A process that has ended: only there to be put in another's place.
fn placeholder() -> Child {
    std::process::Command::new("true").stdin(Stdio::null()).spawn().expect("true")
}

/// A service that writes a great deal, and a test that waits for it for ever.
const CHATTY: &str = r#"
program = """
import socket, sys
s = socket.create_server(("127.0.0.1", 5432))
while True:
    c, _ = s.accept()
    for number in range(100000):
        print("line", number, "x" * 100)
    sys.stdout.flush()
"""
db = service("db", "python3", interface("main", "tcp", 5432), args = ["-c", program], healthcheck = tcp("localhost:5432"))
def test_a():
    db.main.send("PING")
"#;

#[test]
fn ctrl_c_ends_a_run_whose_output_is_not_read() {
    let place = Place::new(CHATTY);
    let marker = marker("unread");
    let (name, value) = marker.split_once('=').unwrap();
    let mut command = place.command(&["test", "spec.star", "--format", "jsonl"]);
    let mut child = command.env(name, value).spawn().unwrap();
    // Both pipes are open, and both stay full: a pipe holds 64 KiB (pipe(7)).
    let full = || {
        let path = format!("/proc/{}/task", child.id());
        let tasks = std::fs::read_dir(path).into_iter().flatten().flatten();
        let waits = |task: std::fs::DirEntry| {
            let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
            let call = std::fs::read_to_string(task.path().join("syscall")).unwrap_or_default();
            name.trim() == "output" && call.starts_with(&format!("{} ", nix::libc::SYS_write))
        };
        tasks.into_iter().any(waits)
    };
    wait_until("the output thread waits for its reader", full);
    kill(child.id(), "INT");
    let ended = child.wait().unwrap();
    assert_eq!(ended.code(), Some(1), "its report could not be written: {ended:?}");
    gone_at_once(&marker);
}
