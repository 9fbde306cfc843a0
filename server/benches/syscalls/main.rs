//! Bars S1 to S4: what interception costs, through the whole product. Prints figures and ratios; asserts nothing.
//!
//! `cargo bench -p faultbox --bench syscalls [-- quick] [S1 S2 ...]` needs gcc, strace, redis-server and redis-benchmark. The peers
//! are measured in turn with ours, in the same rounds.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SERVE: &str = r#"
victim = service("victim", "./victim", interface("main", "tcp", 7000), args = ["serve", "7000"],
    healthcheck = tcp("localhost:7000"))
def measure(what):
    print(victim.main.send(what))
"#;

/// Rates of SET, asked for by a line.
const REDIS: &str = r#"
program = """
import socket, subprocess
s = socket.create_server(("127.0.0.1", 7000))
while True:
    c, _ = s.accept()
    if c.recv(100):
        out = subprocess.run(["redis-benchmark", "-p", "6399", "-t", "set", "-n", "@N@", "-c", "10", "--csv"],
            capture_output=True, text=True).stdout
        c.sendall((out.splitlines()[-1].split(",")[1].strip('"') + "\\n").encode())
    c.close()
"""
redis = service("redis", "@REDIS@", interface("main", "tcp", 6399),
    args = @GUARDED@ + ["--port", "6399", "--save", "", "--appendonly", "no"], healthcheck = tcp("localhost:6399"))
bench = service("bench", "python3", interface("main", "tcp", 7000), args = ["-c", program], depends_on = [redis],
    healthcheck = tcp("localhost:7000"))
"#;

struct Bench {
    directory: tempfile::TempDir,
    rounds: usize,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let quick = words.iter().any(|word| word == "quick");
    let named: Vec<&String> = words.iter().filter(|word| *word != "quick").collect();
    let is_wanted = |name: &str| named.is_empty() || named.iter().any(|word| *word == name);
    let directory = tempfile::tempdir().expect("a folder");
    let bench = Bench { directory, rounds: if quick { 3 } else { 9 } };
    bench.compile();
    let calls = 20_000;
    if is_wanted("S1") || is_wanted("S3") {
        bench.decisions(calls);
    }
    if is_wanted("S2") {
        bench.untargeted(calls * 50);
    }
    if is_wanted("S4") {
        bench.redis(if quick { 20_000 } else { 60_000 });
    }
}

impl Bench {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn compile(&self) {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/syscalls/victim.c");
        let built = Command::new("gcc").arg("-O2").arg("-o").arg(self.path("victim")).arg(source).status();
        assert!(built.is_ok_and(|status| status.success()), "gcc failed");
    }

    /// The number a spec prints.
    fn spec(&self, text: &str) -> f64 {
        std::fs::write(self.path("spec.star"), text).expect("a file");
        let output = self.run(env!("CARGO_BIN_EXE_faultbox"), &["test", "spec.star", "--format", "jsonl"]);
        let line = output.lines().find(|line| line.contains("\"event\":\"printed\""));
        let event: serde_json::Value = serde_json::from_str(line.expect("a print")).expect("JSON");
        event["text"].as_str().and_then(|text| text.trim().parse().ok()).expect("a number")
    }

    /// The number a program prints.
    fn program(&self, program: &str, arguments: &[&str]) -> f64 {
        self.run(program, arguments).trim().parse().expect("a number")
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{program}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    fn faulted(&self, what: &str, faults: &str) -> f64 {
        let body = format!(
            "def test_it():\n    fault(victim, {faults}, may_miss = True, run = lambda: measure(\"{what}\"))\n"
        );
        self.spec(&format!("{SERVE}{body}"))
    }

    /// S1 and S3: one denied fsync.
    fn decisions(&self, calls: u32) {
        let n = calls.to_string();
        let what = format!("fsync {n}");
        let injected = ["-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace=fsync", "-e"];
        let injected = [&injected[..], &["inject=fsync:error=EIO", "./victim", "fsync", &n]].concat();
        let mut figures: [Vec<f64>; 4] = Default::default();
        for _ in 0..self.rounds {
            figures[0].push(self.program("./victim", &["bare", &n]));
            figures[1].push(self.faulted(&what, "fsync = deny(\"EIO\")"));
            figures[2].push(self.faulted(&what, "fsync = deny(\"EIO\", path = \"/tmp/hot*\")"));
            figures[3].push(self.program("strace", &injected));
        }
        let [bare, plain, path, strace] = figures.map(|all| median(all) / 1e3);
        println!("S1 bare C notify loop      {bare:8.2} us per denied call");
        println!("S1 decision                {plain:8.2} us: {:.2} x bare   (bar: 1.5)", plain / bare);
        println!("S1 decision with a glob    {path:8.2} us: {:.2} x bare   (bar: 2.5)", path / bare);
        println!("S3 strace --seccomp-bpf    {strace:8.2} us: {:.1} x ours   (bar: 5)", strace / plain);
    }

    /// S2: a call nobody asked about, with and without a filter.
    fn untargeted(&self, calls: u32) {
        let what = format!("getppid {calls}");
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..self.rounds {
            without.push(self.spec(&format!("{SERVE}def test_it():\n    measure(\"{what}\")\n")));
            with.push(self.faulted(&what, "fsync = deny(\"EIO\"), write = deny(\"EIO\", path = \"/none\")"));
        }
        let (without, with) = (median(without), median(with));
        println!(
            "S2 untargeted call         {without:8.1} ns bare, {with:.1} ns filtered: +{:.1} ns   (bar: 100 ns)",
            with - without
        );
    }

    /// S4: redis with a filter on calls it makes, and no rule active. The filter cannot know a socket from a file, so every
    /// reply is a write that is stopped on; the bare loop shows what that alone costs.
    fn redis(&self, requests: u32) {
        let spec = REDIS.replace("@N@", &requests.to_string());
        let spec =
            |program: &str, before: &str| spec.replace("@REDIS@", program).replace("@GUARDED@", before);
        let (plain, guarded) =
            (spec("redis-server", "[]"), spec("./victim", "[\"guard\", \"redis-server\"]"));
        let body = "def test_it():\n    print(bench.main.send(\"go\"))\n";
        let later = "    fault(redis, write = deny(\"EIO\"), openat = deny(\"EIO\"), fsync = deny(\"EIO\"), may_miss = True, run = lambda: None)\n";
        let mut rates: [Vec<f64>; 4] = Default::default();
        let mut shares: [Vec<f64>; 4] = Default::default();
        for _ in 0..self.rounds {
            let bare = self.redis_on_the_host(requests);
            let without = self.spec(&format!("{plain}{body}"));
            let with = self.spec(&format!("{plain}{body}{later}"));
            let floor = self.spec(&format!("{guarded}{body}"));
            for (at, rate) in [bare, without, floor, with].into_iter().enumerate() {
                rates[at].push(rate);
                shares[at].push(100.0 * rate / bare);
            }
        }
        let ours = shares[3].iter().zip(&shares[2]).map(|(ours, floor)| 100.0 * ours / floor).collect();
        let ([bare, without, floor, with], shares) = (rates.map(median), shares.map(median));
        println!("S4 redis SET, bare         {bare:8.0} per second");
        println!("S4 in a leaf, no rule      {without:8.0} per second: {:.1} %   (bar: 99 %)", shares[1]);
        println!("S4 bare C notify loop      {floor:8.0} per second: {:.1} %", shares[2]);
        println!("S4 filter, no active rule  {with:8.0} per second: {:.1} %   (bar: 90 %)", shares[3]);
        println!("S4 ours / bare notify loop {:8.1} %", median(ours));
    }

    fn redis_on_the_host(&self, requests: u32) -> f64 {
        let mut command = Command::new("redis-server");
        command
            .args(["--port", "6398", "--save", "", "--appendonly", "no"])
            .current_dir(self.directory.path());
        let mut server = command.stdout(Stdio::null()).spawn().expect("redis-server");
        let until = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect("127.0.0.1:6398").is_err() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        let n = requests.to_string();
        let arguments = ["-p", "6398", "-t", "set", "-n", &n, "-c", "10", "--csv"];
        let output = self.run("redis-benchmark", &arguments);
        // Gone already is as good.
        let _ = server.kill();
        let _ = server.wait();
        let rate = output.lines().last().and_then(|line| line.split(',').nth(1));
        rate.and_then(|text| text.trim_matches('"').parse().ok()).expect("a rate")
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
