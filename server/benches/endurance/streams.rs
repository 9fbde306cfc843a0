//! R12: leaves with the same seed decide the same, however many run beside them.

use super::Row;
use super::stand::{Stand, User, words};
use serde_json::Value;
use std::collections::BTreeMap;

/// An API over HTTP, a service that opens a file whenever it is asked, and rules on both that act by chance.
const SPEC: &str = r#"
db = service("db", "../bin/mock-db", interface("main", "tcp", 5432), healthcheck = tcp("localhost:5432"))
api = service("api", "../bin/mock-api", interface("public", "http", 8080),
    env = {"PORT": "8080", "DB_ADDR": "localhost:5432"}, depends_on = [db],
    healthcheck = http("localhost:8080/health"))
opener_program = """
import socket
s = socket.create_server(("127.0.0.1", 5433))
while True:
    c, _ = s.accept()
    while c.recv(100):
        try:
            open("/tmp/wanted", "w").close()
            c.sendall(b"opened\\n")
        except OSError as e:
            c.sendall(b"errno %d\\n" % e.errno)
"""
opener = service("opener", "python3", interface("main", "tcp", 5433), args = ["-c", opener_program],
    depends_on = [api], healthcheck = tcp("localhost:5433"))
flaky = fault_assumption("flaky", target = api.public,
    rules = [response(path = "/health", status = 503, probability = "30%")])
full = fault_assumption("full", target = opener,
    openat = deny("ENOSPC", path = "/tmp/wanted", probability = "30%"))
both = fault_assumption("both", faults = [flaky, full])
def draws():
    seen = []
    for _ in range(20):
        seen.append(str(api.get(path = "/health").status))
        seen.append(opener.main.send("open"))
    print(" ".join(seen))
    return seen
"#;

/// What each actor of a leaf did, in its order. Between actors only the clock decides, so they are kept apart.
type Stream = BTreeMap<String, Vec<String>>;

pub(crate) fn row(user: User, leaves: u32) -> Row {
    let scenario = |n| {
        format!(
            "fault_scenario(\"s{n}\", scenario = draws, faults = both, expect = lambda r: assert_eq(len(r), 40))\n"
        )
    };
    let spec = SPEC.replace("\"../bin/", "BIN + \"/");
    let spec = format!("BIN = \"../bin\"\n{spec}{}", (0..leaves).map(scenario).collect::<String>());
    let stand = Stand::new(user, &spec);
    let mut violations = Vec::new();
    let mut known: Option<(String, Stream)> = None;
    let (mut compared, mut fired) = (0, 0);
    for jobs in ["1", "8"] {
        let output = stand.run(&["--seed", "7", "--jobs", jobs, "--format", "jsonl"]);
        if !output.status.success() {
            violations.push(format!("--jobs {jobs}: {}", words(&output)));
            continue;
        }
        for (leaf, stream) in streams(&String::from_utf8_lossy(&output.stdout)) {
            let name = format!("leaf {leaf} at --jobs {jobs}");
            compared += 1;
            let Some((first, expected)) = &known else {
                fired = stream
                    .iter()
                    .filter(|(actor, _)| actor.starts_with("rule_fired"))
                    .map(|(_, all)| all.len())
                    .sum();
                known = Some((name, stream));
                continue;
            };
            if let Some(difference) = difference(expected, &stream) {
                violations.push(format!("{name} differs from {first}: {difference}"));
            }
        }
    }
    if fired == 0 {
        violations.push("no rule acted".to_owned());
    }
    violations.truncate(5);
    let figures = format!(
        "{compared} leaves with one seed at --jobs 1 and 8, 40 draws at 30 % each ({fired} acted): streams identical   (bar: all)"
    );
    Row { bar: "R12", user, figures, violations }
}

/// The streams of every leaf.
fn streams(lines: &str) -> BTreeMap<u64, Stream> {
    let mut leaves: BTreeMap<u64, Stream> = BTreeMap::new();
    for line in lines.lines() {
        let mut event: Value = serde_json::from_str(line).expect("a line of JSON");
        let Some(leaf) = event.get("leaf").and_then(Value::as_u64) else { continue };
        normalise(&mut event);
        leaves.entry(leaf).or_default().entry(actor(&event)).or_default().push(event.to_string());
    }
    leaves
}

/// Who did it. A firing is told by the thread that decided, the body's steps by the body, and so on.
fn actor(event: &Value) -> String {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or("");
    match text("event") {
        // Two connections that end at about the same time may do so in either order.
        "connection_closed" => format!("connection {} of {}", event["connection"], text("target")),
        kind @ ("rule_fired" | "connection_opened") => {
            format!("{kind} {}", text("target"))
        }
        kind @ ("service_output" | "service_exited") => format!("{kind} {}", text("service")),
        _ => "test".to_owned(),
    }
}

/// Takes out what differs without a decision: times, process ids, ports, and which of the equal leaves it is.
fn normalise(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for name in ["atMs", "durationMs", "afterMs", "pid", "leaf", "test", "place", "replay"] {
                fields.remove(name);
            }
            fields.values_mut().for_each(normalise);
        }
        Value::Array(values) => values.iter_mut().for_each(normalise),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn difference(expected: &Stream, found: &Stream) -> Option<String> {
    let actors = expected.keys().chain(found.keys());
    for actor in actors {
        let (none, a, b) = (Vec::new(), expected.get(actor), found.get(actor));
        let (a, b) = (a.unwrap_or(&none), b.unwrap_or(&none));
        if a != b {
            let at = a.iter().zip(b).take_while(|(a, b)| a == b).count();
            return Some(format!("{actor}, event {at}: {:?} became {:?}", a.get(at), b.get(at)));
        }
    }
    None
}
