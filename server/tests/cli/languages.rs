//! Syscall faults on programs of many languages, each doing the same: on `go` it writes two files, opens a missing one,
//! connects and syncs, and tells what became of each.

use super::harness::{Place, has};
use std::path::Path;
use std::process::Command;

/// What every program prints: the errno of each step, 0 for none. `a` is the file under a fault.
const SPEC: &str = r#"
quiet = service("quiet", "$BIN/mock-db", interface("main", "tcp", 5432), healthcheck = tcp("localhost:5432"))
victim = service("victim", "@PROGRAM@", interface("main", "tcp", 7000), args = [@ARGS@],
    depends_on = [quiet], healthcheck = tcp("localhost:7000", timeout = "30s"))
def go():
    return victim.main.send("go")
def test_nothing_is_broken():
    assert_eq(go(), "a=0 b=0 open=0 connect=0")
def only(what):
    return lambda r: assert_eq(r, what)
write_a = fault_assumption("write_a", target = victim, write = deny("EIO", path = "/tmp/victim-a"))
fault_scenario("write", scenario = go, faults = write_a, expect = only("a=5 b=0 open=0 connect=0"))
open_b = fault_assumption("open_b", target = victim, openat = deny("ENOENT", path = "/tmp/*-c*"))
fault_scenario("open", scenario = go, faults = open_b, expect = only("a=0 b=0 open=2 connect=0"))
refuse = fault_assumption("refuse", target = victim, connect = deny("ECONNREFUSED"))
fault_scenario("connect", scenario = go, faults = refuse, expect = only("a=0 b=0 open=0 connect=111"))
late = fault_assumption("late", target = victim, fsync = delay("200ms"))
fault_scenario("fsync", scenario = go, faults = late, expect = only("a=0 b=0 open=0 connect=0"))
"#;

/// Runs the spec on a program, which `prepare` makes in the spec's folder.
fn check(program: &str, arguments: &[&str], prepare: impl FnOnce(&Place)) {
    let arguments: Vec<String> = arguments.iter().map(|argument| format!("{argument:?}")).collect();
    let place = Place::new(&SPEC.replace("@PROGRAM@", program).replace("@ARGS@", &arguments.join(", ")));
    prepare(&place);
    let ended = place.test(&["--jobs", "2"]);
    ended.expect(0, &["5 passed, 0 failed"]);
    // Each of the three files is synced once, one after the other.
    let line =
        ended.stdout.lines().find(|line| line.starts_with("--- PASS: test_fsync (")).expect("its line");
    let millis = line.split(['(', 'm']).nth(1).and_then(|number| number.parse::<u32>().ok());
    assert!(millis.is_none_or(|millis| millis >= 600), "{line}");
    ended.expect(0, &["fsync delay 200ms   fired 3x"]);
}

/// Runs a compiler in the folder.
fn compile(place: &Place, program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(place.path("")).env("CGO_ENABLED", "0").env("GO111MODULE", "off");
    let output = command.output().expect("the compiler starts");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

fn source(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/victims").join(name);
    std::fs::read_to_string(path).expect("the victim's source")
}

#[test]
fn c() {
    if has("gcc") {
        check("./victim", &[], |place| {
            place.write("victim.c", source("victim.c"));
            compile(place, "gcc", &["-O1", "-o", "victim", "victim.c"]);
        });
    }
}

#[test]
fn rust() {
    if has("rustc") {
        check("./victim", &[], |place| {
            place.write("victim.rs", source("victim.rs"));
            compile(place, "rustc", &["--edition", "2021", "-o", "victim", "victim.rs"]);
        });
    }
}

#[test]
fn go() {
    if has("go") {
        check("./victim", &[], |place| {
            place.write("victim.go", source("victim.go"));
            compile(place, "go", &["build", "-o", "victim", "victim.go"]);
        });
    }
}

#[test]
fn python() {
    if has("python3") {
        check("python3", &["victim.py"], |place| place.write("victim.py", source("victim.py")));
    }
}

#[test]
fn node() {
    if has("node") {
        check("node", &["victim.js"], |place| place.write("victim.js", source("victim.js")));
    }
}

#[test]
fn java() {
    if has("javac") && has("java") {
        check("java", &["-Xshare:auto", "-XX:TieredStopAtLevel=1", "Victim"], |place| {
            place.write("Victim.java", source("Victim.java"));
            compile(place, "javac", &["Victim.java"]);
        });
    }
}
