//! Syscall faults on programs of many threads while signals rain on them. A program sees its own calls succeed or fail as
//! the rule says: no restart code of the kernel, no EINTR where its handlers restart calls, and one firing for each call.

use super::harness::{Place, has};
use std::path::Path;
use std::process::Command;

/// Each of 32 threads calls so often under a delay.
const DELAYED: usize = 20;
/// And so often under a denial, which takes no time.
const DENIED: usize = 100;

const SPEC: &str = r#"
storm = service("storm", "python3", interface("main", "tcp", 7000), args = ["driver.py", @PROGRAM@],
    env = {"UV_THREADPOOL_SIZE": "32"}, healthcheck = tcp("localhost:7000", timeout = "30s"))
def storms(name, calls, wanted, rule):
    fault_scenario(name, faults = fault_assumption(name + "_rule", target = storm, write = rule), timeout = "60s",
        scenario = lambda: storm.main.send("@FIRST@32 %d" % calls, timeout = "60s"),
        expect = lambda r: assert_eq(r, wanted + " exit 0"))
storms("delay", @DELAYED@, "0:@ALL_DELAYED@", delay("20ms", path = "/tmp/storm"))
storms("deny", @DENIED@, "5:@ALL_DENIED@", deny("EIO", path = "/tmp/storm"))
storms("half", @DENIED@, "0:@HALF@ 5:@HALF@", deny("EIO", path = "/tmp/storm", every = 2))
"#;

/// Runs a program, whose arguments are `first`, the number of threads and the calls of each, under storms. `calls` says
/// how often the long variant multiplies them.
#[track_caller]
fn check(program: &[&str], first: &str, times: usize, place: impl FnOnce(Place) -> Place) {
    let (delayed, denied) = (DELAYED * times, DENIED * times);
    let quoted: Vec<String> = program.iter().map(|word| format!("{word:?}")).collect();
    let mut spec = SPEC.replace("@PROGRAM@", &quoted.join(", ")).replace("@FIRST@", first);
    let numbers = [
        ("@DELAYED@", delayed),
        ("@DENIED@", denied),
        ("@ALL_DELAYED@", 32 * delayed),
        ("@ALL_DENIED@", 32 * denied),
        ("@HALF@", 16 * denied),
    ];
    for (name, number) in numbers {
        spec = spec.replace(name, &number.to_string());
    }
    let place = place(Place::new(&spec));
    place.write("driver.py", source("driver.py"));
    let ended = place.test(&["--jobs", "2"]);
    let fired = [32 * delayed, 32 * denied, 16 * denied].map(|count| format!("fired {count}x"));
    ended.expect(0, &["3 passed, 0 failed", &fired[0], &fired[1], &fired[2]]);
}

fn source(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/storms").join(name);
    std::fs::read_to_string(path).expect("the program's source")
}

/// Writes the source into the folder and compiles it there.
fn compiled(place: Place, name: &str, compiler: &str, arguments: &[&str]) -> Place {
    place.write(name, source(name));
    let mut command = Command::new(compiler);
    command
        .args(arguments)
        .arg(name)
        .current_dir(place.path(""))
        .env("CGO_ENABLED", "0")
        .env("GO111MODULE", "off");
    let output = command.output().expect("the compiler starts");
    assert!(output.status.success(), "{compiler}: {}", String::from_utf8_lossy(&output.stderr));
    place
}

/// `restarts` says whether the handlers are installed with SA_RESTART.
fn c(restarts: &str, times: usize, place: impl FnOnce(Place) -> Place) {
    if has("python3") && has("gcc") {
        check(&["./storm"], restarts, times, |new| {
            compiled(place(new), "storm.c", "gcc", &["-O1", "-pthread", "-o", "storm"])
        });
    }
}

#[test]
fn c_with_handlers_that_restart_calls() {
    c("1 ", 1, |place| place);
}

#[test]
fn c_with_handlers_that_interrupt_calls() {
    c("0 ", 1, |place| place);
}

#[test]
fn c_as_an_ordinary_user() {
    c("1 ", 1, Place::run_by_nobody);
}

#[test]
#[ignore = "a minute long"]
fn c_for_a_long_time() {
    c("1 ", 20, Place::run_by_nobody);
    c("0 ", 20, |place| place);
}

#[test]
fn rust() {
    if has("python3") && has("rustc") {
        let arguments = ["--edition", "2021", "-o", "storm"];
        check(&["./storm"], "", 1, |place| compiled(place, "storm.rs", "rustc", &arguments));
    }
}

#[test]
fn go() {
    if has("python3") && has("go") {
        check(&["./storm"], "", 1, |place| compiled(place, "storm.go", "go", &["build", "-o", "storm"]));
    }
}

#[test]
fn java() {
    if has("python3") && has("javac") && has("java") {
        check(&["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "Storm"], "", 1, |place| {
            compiled(place, "Storm.java", "javac", &["-nowarn"])
        });
    }
}

#[test]
fn node() {
    if has("python3") && has("node") {
        check(&["node", "storm.js"], "", 1, |place| {
            place.write("storm.js", source("storm.js"));
            place
        });
    }
}

#[test]
fn python() {
    if has("python3") {
        check(&["python3", "storm.py"], "", 1, |place| {
            place.write("storm.py", source("storm.py"));
            place
        });
    }
}

/// What becomes of a delay whose call is still waiting when the test ends, or whose process was killed.
#[test]
fn a_delay_has_fired_when_the_call_begins_to_wait() {
    if !has("python3") {
        return;
    }
    let place = Place::new(
        r#"
program = """
import os, signal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
file = os.open("/tmp/f", os.O_CREAT | os.O_WRONLY)
def waits(child):
    return open("/proc/%d/stat" % child).read().rsplit(")")[1].split()[0] in "SD"
def kill_every_other():
    for number in range(8):
        child = os.fork()
        if not child:
            os.fsync(file)
            os._exit(0)
        if number % 2:
            while not waits(child): pass
            # Calls are answered one after the other, so what the child calls is known then.
            for _ in range(3): os.chmod("/tmp/f", 0o600)
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/wait": os.fsync(file)
        if self.path == "/kill": kill_every_other()
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
"""
svc = service("svc", "python3", interface("web", "http", 8080), args = ["-c", program],
    healthcheck = tcp("localhost:8080"))
slow = fault_assumption("slow", target = svc, fsync = delay("10m"))
fault_scenario("client_gives_up", scenario = lambda: svc.web.get(path = "/wait", timeout = "300ms"), faults = slow,
    expect = lambda r: assert_true(not r.ok))
# The second and the fourth child wait and are killed; so do the sixth and the eighth.
every_other = fault_assumption("every_other", target = svc, fsync = delay("10m", every = 2),
    chmod = deny("EIO", path = "/nowhere"))
fault_scenario("killed", scenario = lambda: svc.web.get(path = "/kill", timeout = "30s"), faults = every_other,
    expect = lambda r: assert_eq(r.status, 200))
"#,
    );
    place.test(&[]).expect(
        0,
        &["2 passed, 0 failed", "slow   fsync delay 10m   fired 1x", "fsync delay 10m", "fired 4x"],
    );
}

/// Two rules with numbers of their own count the same calls, in every way rules are installed.
#[test]
fn rules_count_the_calls_that_others_answered() {
    if !has("python3") {
        return;
    }
    let place = Place::new(
        r#"
program = """
import errno, os
from http.server import BaseHTTPRequestHandler, HTTPServer
def flush(file):
    try:
        os.fsync(file)
        return "ok"
    except OSError as error:
        return errno.errorcode[error.errno]
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        file = os.open("/tmp/f", os.O_CREAT | os.O_WRONLY)
        body = " ".join(flush(file) for _ in range(5)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
HTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
"""
svc = service("svc", "python3", interface("web", "http", 8080), args = ["-c", program],
    healthcheck = tcp("localhost:8080"))
def flushes():
    return svc.web.get(path = "/").body
first = fault_assumption("first", target = svc, fsync = deny("EIO", nth = 1))
third = fault_assumption("third", target = svc, fsync = deny("ENOSPC", nth = 3))
late = fault_assumption("late", target = svc, fsync = delay("1ms", nth = 1))
fault_scenario("calls", scenario = flushes, faults = [late, first, third],
    expect = lambda r: assert_eq(r, "EIO ok ENOSPC ok ok"))
def test_bodies():
    def inner():
        return fault(svc, fsync = deny("EIO", nth = 1), run = flushes)
    assert_eq(fault(svc, fsync = deny("ENOSPC", nth = 3), run = inner), "EIO ok ENOSPC ok ok")
def gets():
    return [svc.web.get(path = "/").status for _ in range(4)]
busy = fault_assumption("busy", target = svc.web, rules = [response(status = 503, nth = 1)])
gone = fault_assumption("gone", target = svc.web, rules = [response(status = 410, nth = 3)])
fault_scenario("requests", scenario = gets, faults = [busy, gone],
    expect = lambda r: assert_eq(r, [503, 200, 410, 200]))
"#,
    );
    place.test(&[]).expect(0, &["3 passed, 0 failed"]);
}
