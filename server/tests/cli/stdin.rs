//! The standard input of services: open and silent, unless the spec ends it.

use super::harness::Place;

/// Serves until its input ends, as `esbuild --serve` does.
const UNTIL_EOF: &str = r#"
program = """
import os, socket, sys, threading
def watch():
    while os.read(0, 1): pass
    print("the input ended", flush = True)
    os._exit(0)
threading.Thread(target = watch, daemon = True).start()
with socket.create_server(("127.0.0.1", 7000)) as s:
    while True:
        c, _ = s.accept()
        c.sendall(c.recv(100).upper())
        c.close()
"""
svc = service("svc", "python3", interface("main", "tcp", 7000), args = ["-c", program], @STDIN@
    healthcheck = tcp("localhost:7000"))
def test_it_serves():
    assert_eq(svc.main.send("hello"), "HELLO")
"#;

fn both_users(spec: &str) -> [Place; 2] {
    [Place::new(spec), Place::new(spec).run_by_nobody()]
}

#[test]
fn a_program_that_ends_with_its_input_serves() {
    for place in both_users(&UNTIL_EOF.replace("@STDIN@", "")) {
        place.test(&[]).expect(0, &["1 passed, 0 failed"]);
    }
    for place in both_users(&UNTIL_EOF.replace("@STDIN@", "stdin = \"open\",")) {
        place.test(&["--isolation", "host"]).expect(0, &["1 passed, 0 failed"]);
    }
    // It may end before or behind its first connection.
    let ended = Place::new(&UNTIL_EOF.replace("@STDIN@", "stdin = \"eof\",")).test(&[]);
    assert_ne!(ended.code, Some(0), "{ended}");
    assert!(ended.stdout.contains("| the input ended"), "{ended}");
}

/// What programs ask of their input: its kind, whether there is something to read, and who could write into it besides the
/// worker. No other process could, though two services with children run.
#[test]
fn the_input_is_a_pipe_that_only_the_worker_can_write() {
    const SPEC: &str = r#"
program = """
import glob, os, select, socket, stat, subprocess, sys
child = subprocess.Popen(["sleep", "600"])
def is_writer(path):
    try:
        other = os.stat(path)
        info = open(path.replace("/fd/", "/fdinfo/")).read()
    except OSError:
        return False
    flags = int(info.split("flags:")[1].split()[0], 8)
    return (other.st_dev, other.st_ino) == (own.st_dev, own.st_ino) and flags & os.O_ACCMODE == os.O_WRONLY
own = os.fstat(0)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as s:
    while True:
        c, _ = s.accept()
        if c.recv(100):
            ready = select.select([0], [], [], 0)[0]
            writers = [path.split("/")[2] for path in glob.glob("/proc/[0-9]*/fd/*") if is_writer(path)]
            writers = [pid for pid in writers if pid != "1"]
            seen = [stat.S_ISFIFO(own.st_mode), os.isatty(0), ready, writers]
            c.sendall(str(seen).encode() + b"\\n")
        c.close()
"""
def made(name, port):
    return service(name, "python3", interface("main", "tcp", port), args = ["-c", program, str(port)],
        healthcheck = tcp("localhost:%d" % port))
one = made("one", 7000)
two = made("two", 7001)
def test_input():
    assert_eq(one.main.send("?"), "[True, False, [], []]")
    assert_eq(two.main.send("?"), "[True, False, [], []]")
"#;
    for place in both_users(SPEC) {
        place.test(&[]).expect(0, &["1 passed, 0 failed"]);
    }
}

#[test]
fn a_service_that_waits_for_input_says_so_when_it_is_not_ready() {
    let spec = r#"
svc = service("svc", "sh", interface("main", "tcp", 7000), args = ["-c", "cat; exec sleep 600"], @STDIN@
    healthcheck = tcp("localhost:7000", timeout = "2s"))
def test_never():
    svc.main.send("x")
"#;
    let waits = "process `cat` of svc waits for input on descriptor 0";
    let help = "standard input stays open and silent; stdin = \"eof\" in service(...) ends it";
    for place in both_users(&spec.replace("@STDIN@", "")) {
        place.test(&[]).expect(2, &["svc was not ready within 2s", waits, help]);
        place.test(&["--isolation", "host"]).expect(2, &["svc was not ready within 2s", waits, help]);
    }
    let ended = Place::new(&spec.replace("@STDIN@", "stdin = \"eof\",")).test(&[]);
    ended.expect(2, &["svc was not ready within 2s"]);
    assert!(!ended.stdout.contains("waits for input"), "{ended}");
}

/// A program that catches SIGTERM and reads its input to the end before it goes, as Node does.
#[test]
fn the_input_ends_when_the_service_is_stopped() {
    let spec = r#"
program = """
import signal, socket, sys
signal.signal(signal.SIGTERM, lambda *_: print("stopping", flush = True))
s = socket.create_server(("127.0.0.1", 7000))
sys.stdin.read()
print("the input ended", flush = True)
"""
svc = service("svc", "python3", interface("main", "tcp", 7000), args = ["-c", program], healthcheck = tcp("localhost:7000"))
def test_up():
    pass
"#;
    for place in both_users(spec) {
        let ended = place.test(&["--format", "jsonl"]);
        let lines: Vec<&str> = ended.stdout.lines().collect();
        let at = |text: &str| lines.iter().position(|line| line.contains(text));
        let (stopping, input, exit) = (at("\"stopping\""), at("the input ended"), at("exit code 0"));
        assert!(stopping.is_some() && stopping < input && input < exit, "{ended}");
    }
}
