//! Bar P9: what a new connection through a relay costs in a leaf, and outside of one. Prints figures; asserts nothing.
//!
//! `cargo bench -p faultbox --bench connections [-- quick]`. Leaves and the relay outside alternate. The programs of a leaf
//! are this one again. The relay alone beside others is in `engine/benches/relay`.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

#[path = "../../engine/benches/relay/runtime.rs"]
mod runtime;
#[path = "../../engine/benches/relay/stand_in.rs"]
mod stand_in;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The rule matches nothing.
const SPEC: &str = r#"
def program(name, port, *args):
    return service(name, "@THIS@", interface("main", "tcp", port), args = ["--" + args[0]] + list(args[1:]),
        healthcheck = tcp("localhost:%d" % port))
plain = program("plain", 7001, "echo", "7001")
ruled = program("ruled", 7002, "echo", "7002")
client = program("client", 7000, "client", "7000", "@N@", "7001", "7002")
def test_it():
    fault(ruled.main, drop(data = "never"), may_miss = True, run = lambda: print(client.main.send("go")))
"#;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["--relay", upstream, protocol, rules] => stand_in::run_relay(upstream, protocol, rules),
        ["--echo", port] => echo(&TcpListener::bind(("127.0.0.1", number(port))).expect("the port")),
        ["--client", port, connections, plain, ruled] => {
            serve_measurements(
                number(port),
                number(connections),
                [plain, ruled].map(|port| here(number(port))),
            );
        }
        words => compare(words.contains(&"quick")),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> T {
    text.parse().ok().expect("a number")
}

fn here(port: u16) -> SocketAddr {
    ([127, 0, 0, 1], port).into()
}

/// Sends the first byte of each connection back.
fn echo(listener: &TcpListener) {
    for stream in listener.incoming() {
        let mut byte = [0];
        // A client that is gone, as the healthcheck's is, has its reasons.
        let _ =
            stream.and_then(|mut stream| stream.read_exact(&mut byte).and_then(|()| stream.write_all(&byte)));
    }
}

/// Measures whenever it is asked.
fn serve_measurements(port: u16, connections: usize, addresses: [SocketAddr; 2]) {
    for stream in TcpListener::bind(here(port)).expect("the port").incoming() {
        let Ok(mut stream) = stream else { continue };
        if matches!(stream.read(&mut [0; 16]), Ok(count) if count > 0) {
            let [plain, relayed] = measure(connections, addresses);
            let _ = writeln!(stream, "{plain} {relayed}");
        }
    }
}

/// The median times from nothing to the first byte back, in microseconds. Connections to both addresses alternate.
fn measure(connections: usize, addresses: [SocketAddr; 2]) -> [f64; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..connections {
        for (address, times) in addresses.iter().zip(&mut times) {
            let begun = Instant::now();
            let mut stream = TcpStream::connect(address).expect("a listener");
            stream.write_all(b"x").expect("a connection");
            stream.read_exact(&mut [0]).expect("a reply");
            times.push(begun.elapsed().as_secs_f64() * 1e6);
        }
    }
    times.map(median)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn compare(quick: bool) {
    let (rounds, connections) = if quick { (5, 300) } else { (21, 1_000) };
    let directory = tempfile::tempdir().expect("a folder");
    let this = std::env::current_exe().expect("this program");
    let spec = SPEC.replace("@THIS@", &this.display().to_string()).replace("@N@", &connections.to_string());
    std::fs::write(directory.path().join("spec.star"), spec).expect("a file");
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let server = listener.local_addr().expect("a bound address");
    std::thread::spawn(move || echo(&listener));
    let mut command = Command::new(&this);
    command.args(["--relay", &server.to_string(), "tcp", "1"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    // It ends with its standard input.
    let mut relay = command.spawn().expect("a process");
    let mut line = String::new();
    BufReader::new(relay.stdout.take().expect("a pipe")).read_line(&mut line).expect("the relay's address");
    let relay_address = line.trim().parse().expect("the relay's address");
    let mut figures: [Vec<f64>; 5] = Default::default();
    for _ in 0..rounds {
        let [plain, relayed] = measure(connections, [server, relay_address]);
        let [plain_inside, relayed_inside] = measure_in_leaf(directory.path());
        let (outside, inside) = (relayed - plain, relayed_inside - plain_inside);
        let found = [plain, outside, plain_inside, inside, inside / outside];
        figures.iter_mut().zip(found).for_each(|(all, one)| all.push(one));
    }
    drop(relay.stdin.take());
    let _ = relay.wait();
    let [plain, outside, plain_inside, inside, ratio] = figures.map(median);
    println!("P9 connection outside a leaf {plain:7.1} us direct, relay adds {outside:7.1} us");
    println!("P9 connection in a leaf      {plain_inside:7.1} us direct, relay adds {inside:7.1} us");
    println!("P9 added in a leaf / outside {ratio:7.2}   (bar: 1.3)");
}

/// As `measure`, in a leaf of a run.
fn measure_in_leaf(directory: &Path) -> [f64; 2] {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faultbox"));
    command.args(["test", "spec.star", "--format", "jsonl"]).current_dir(directory).stdin(Stdio::null());
    let output = command.output().expect("the executable starts");
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.contains("\"event\":\"printed\""));
    let line = line.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
    let mut words = event["text"].as_str().expect("a text").split_whitespace().map(number);
    [words.next().expect("a number"), words.next().expect("a number")]
}
