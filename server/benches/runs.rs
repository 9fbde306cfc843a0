//! Bars T1 to T4: what a run costs besides the services themselves. Prints figures; asserts nothing.
//!
//! `cargo bench -p faultbox --bench runs [-- quick]`

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn main() {
    let quick = std::env::args().any(|argument| argument == "quick");
    let rounds = if quick { 3 } else { 7 };
    build_services();
    leaf_overhead(rounds, if quick { 40 } else { 100 });
    chapter_in_parallel(rounds);
    teardown_and_readiness(rounds);
    matrix_of_a_thousand(if quick { 200 } else { 1000 });
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn build_services() {
    let built = Command::new(root().join("examples/build")).stdout(Stdio::null()).status();
    assert!(built.is_ok_and(|status| status.success()), "examples/build failed");
}

/// Runs `faultbox test` and gives the wall time and standard output.
fn run(spec: &Path, arguments: &[&str]) -> (Duration, String) {
    let begun = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_faultbox"))
        .arg("test")
        .arg(spec)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the executable starts");
    let took = begun.elapsed();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    (took, text)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn spec(name: &str, text: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("faultbox-bench-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a folder");
    let path = directory.join(name);
    std::fs::write(&path, text).expect("a file");
    path
}

/// T1: many leaves without services, minus one, one at a time.
fn leaf_overhead(rounds: usize, leaves: usize) {
    let spec = spec("empty.star", "def test_nothing():\n    assert_true(True)\n");
    let many = leaves.to_string();
    let per_leaf = (0..rounds).map(|_| {
        let one = run(&spec, &["--jobs", "1"]).0;
        let all = run(&spec, &["--jobs", "1", "--runs", &many]).0;
        (millis(all) - millis(one)) / (leaves - 1) as f64
    });
    println!("T1 leaf without services   {:8.2} ms p50   (bar: 25 ms)", median(per_leaf.collect()));
}

/// T2: the seed chapter, two jobs against one, in turn.
fn chapter_in_parallel(rounds: usize) {
    let spec = root().join("examples/01-http-faults/protocol-test.star");
    let (mut one, mut two) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        one.push(millis(run(&spec, &["--jobs", "1"]).0));
        two.push(millis(run(&spec, &["--jobs", "2"]).0));
    }
    let (one, two) = (median(one), median(two));
    println!(
        "T2 chapter                 {one:8.0} ms with 1 job, {two:.0} ms with 2: ratio {:.2}   (bar: 1.7)",
        one / two
    );
}

/// T3: from the leaf's stopping phase to the exit of a service without a SIGTERM handler; and from start to ready.
fn teardown_and_readiness(rounds: usize) {
    let spec = root().join("examples/01-http-faults/protocol-test.star");
    let (mut teardown, mut ready) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (_, events) = run(&spec, &["--jobs", "1", "--test", "health", "--format", "jsonl"]);
        let stopping = at(&events, &["\"phase\":\"stopping\""]);
        teardown.push(at(&events, &["service_exited", "\"service\":\"db\""]) - stopping);
        let started = at(&events, &["service_started", "\"service\":\"db\""]);
        ready.push(at(&events, &["service_ready", "\"service\":\"db\""]) - started);
    }
    println!("T3 teardown of mock-db     {:8.2} ms p50   (bar: 10 ms)", median(teardown));
    println!(
        "T3 mock-db start to ready  {:8.2} ms p50   (bar: seen within 20 ms of listening)",
        median(ready)
    );
}

/// The time of the first event whose line has every part, in milliseconds.
fn at(events: &str, parts: &[&str]) -> f64 {
    let line = events.lines().find(|line| parts.iter().all(|part| line.contains(part))).expect("the event");
    let rest = line.split("\"atMs\":").nth(1).expect("a time");
    rest.split([',', '}']).next().and_then(|text| text.parse().ok()).expect("a number")
}

/// T4: a matrix over one trivial service; the dispatcher's peak memory and the time per cell.
fn matrix_of_a_thousand(cells: usize) {
    let faults = 10;
    let mut text = String::from("db = service(\"db\", \"sleep\", args = [\"60\"])\n");
    for n in 0..faults {
        text += &format!("f{n} = fault_assumption(\"f{n}\", target = db, write = deny(\"EIO\"))\n");
    }
    for n in 0..cells / faults {
        text += &format!("def s{n}():\n    assert_true(True)\n");
    }
    let names = |prefix: &str, count: usize| {
        (0..count).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>().join(", ")
    };
    text += &format!(
        "fault_matrix(scenarios = [{}], faults = [{}])\n",
        names("s", cells / faults),
        names("f", faults)
    );
    let spec = spec("matrix.star", &text);
    let begun = Instant::now();
    let output = Command::new("/usr/bin/env")
        .args(["bash", "-c", "\"$0\" test \"$1\" >/dev/null & p=$!; peak=0; while kill -0 $p 2>/dev/null; do k=$(awk '/VmHWM/{print $2}' /proc/$p/status 2>/dev/null); [ -n \"$k\" ] && peak=$k; sleep 0.05; done; wait $p; echo $? $peak"])
        .arg(env!("CARGO_BIN_EXE_faultbox"))
        .arg(&spec)
        .output()
        .expect("bash");
    let took = millis(begun.elapsed());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut words = text.split_whitespace();
    let (code, peak) =
        (words.next().unwrap_or("?"), words.next().and_then(|kb| kb.parse::<f64>().ok()).unwrap_or(0.0));
    println!(
        "T4 matrix of {cells:5} cells    {:8.0} ms, {:.2} ms per cell, dispatcher at most {:.0} MiB, exit {code}   (bar: 150 MiB, linear)",
        took,
        took / cells as f64,
        peak / 1024.0
    );
}
