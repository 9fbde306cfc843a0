//! A test passes under faults only if they acted: every `fault(...)` of a body, and what is counted where they need not.

use super::harness::{Ended, Place};

const PAIR: &str = r#"
db = service("db", "$BIN/mock-db", interface("main", "tcp", 5432), healthcheck = tcp("localhost:5432"))
api = service("api", "$BIN/mock-api", interface("public", "http", 8080),
    env = {"PORT": "8080", "DB_ADDR": "localhost:5432"}, depends_on = [db],
    healthcheck = http("localhost:8080/health"))
def get(path = "/health"):
    return api.get(path = path).status
nothing = fault_assumption("nothing", target = api.public, rules = [response(path = "/nothing", status = 500)])
health = fault_assumption("health", target = api.public, rules = [response(path = "/health", status = 418)])
both = fault_assumption("both", faults = [health, nothing])
"#;

fn run(body: &str) -> Ended {
    Place::new(&format!("{PAIR}{body}")).test(&[])
}

/// Each body is a test of its own whose only fault in vain is what the second text names.
#[test]
fn a_call_in_a_body_of_which_no_rule_acted_makes_the_test_bypassed() {
    let missed = [
        (
            "fault(api.public, response(path = \"/nothing\", status = 500), run = get)",
            "fault() on api.public has",
        ),
        (
            "fault(api.public, response(path = \"/health\", status = 500), run = lambda: 1)",
            "fault() on api.public has",
        ),
        ("fault(api, write = deny(\"EIO\", path = \"/nowhere/*\"), run = get)", "fault() on api has"),
        (
            "fault_all([api, db], write = deny(\"EIO\", path = \"/nowhere/*\"), run = get)",
            "fault_all() on api, db has",
        ),
        (
            "fault_start(api.public, response(path = \"/nothing\", status = 500)); get()",
            "fault_start() on api.public has",
        ),
        (
            "fault_start(api.public, response(path = \"/nothing\", status = 500)); get(); fault_stop(api.public)",
            "fault_start() on api.public has",
        ),
        ("fault(nothing, run = get)", "nothing has"),
        // Every part of an assumption must act.
        ("fault(both, run = get)", "nothing has"),
        ("helper(api.public, response(path = \"/nothing\", status = 500))", "fault() on api.public has"),
        // The outer one never gets its turn.
        (
            "fault(api.public, response(status = 500), run = lambda: fault(api.public, response(status = 501), run = get))",
            "fault() on api.public has",
        ),
        // Each round is judged by itself.
        (
            "[fault(api.public, response(path = path, status = 500), run = get) for path in [\"/health\", \"/a\", \"/b\"]]",
            "fault() on api.public (2 times) have",
        ),
        (
            "parallel(lambda: fault(api.public, response(path = \"/x\", status = 500), run = lambda: get(\"/x\")), lambda: fault(nothing, run = lambda: get(\"/y\")))",
            "nothing has",
        ),
    ];
    let helper = "def helper(target, rule):\n    return fault(target, rule, run = get)\n";
    let tests = missed.iter().enumerate().map(|(at, (body, _))| {
        format!("def test_{at}():\n    {}\n    assert_true(True)\n", body.replace("; ", "\n    "))
    });
    let ended = run(&format!("{helper}{}", tests.collect::<String>()));
    ended.expect(2, &["0 passed, 0 failed, 12 bypassed"]);
    for (at, (_, name)) in missed.iter().enumerate() {
        let report =
            ended.stdout.split("--- BYPASSED: ").find(|part| part.starts_with(&format!("test_{at} ")));
        let report = report.unwrap_or_else(|| panic!("test_{at} in {ended}"));
        assert!(report.contains(&format!("the test passed, but {name} never acted")), "{report}");
        assert!(report.contains("never fired: "), "{report}");
    }
}

#[test]
fn it_is_allowed_where_the_spec_says_so() {
    let bodies = [
        "fault(api.public, response(path = \"/nothing\", status = 500), run = get, may_miss = True)",
        "fault_start(api.public, response(path = \"/nothing\", status = 500), may_miss = True)\n    get()",
        "fault_all([api, db], write = deny(\"EIO\", path = \"/nowhere/*\"), run = get, may_miss = True)",
        "fault(nothing, run = get, may_miss = True)",
        "fault(nothing_may, run = get)",
    ];
    let tests = bodies
        .iter()
        .enumerate()
        .map(|(at, body)| format!("def test_{at}():\n    {body}\n    assert_true(True)\n"));
    let more = r#"
nothing_may = fault_assumption("nothing_may", target = api.public, may_miss = True,
    rules = [response(path = "/nothing", status = 500)])
fault_scenario("declared", scenario = lambda: fault(nothing, run = get), faults = health, may_miss = True,
    expect = lambda r: assert_eq(r, 418))
def test_both():
    # One of two is allowed to miss; the other acts.
    fault(nothing, run = lambda: fault(health, run = get), may_miss = True)
    assert_true(True)
"#;
    let ended = run(&format!("{more}{}", tests.collect::<String>()));
    ended.expect(0, &["7 passed, 0 failed (5 not fired)"]);
}

#[test]
fn a_failure_of_its_own_stays() {
    let ended = run("def test_x():\n    assert_eq(fault(nothing, run = get), 500)\n");
    ended.expect(2, &["--- FAIL: test_x", "assert_eq failed: 200 != 500", "rule nothing[0] never fired"]);
}

#[test]
fn cells_that_did_not_fire_are_counted_in_every_report() {
    let spec = format!(
        "{PAIR}{}",
        r#"
def other():
    # A fault of the scenario itself says nothing about the column's.
    assert_eq(fault(health, run = get), 418)
fault_matrix(scenarios = [get, other], faults = [nothing, health])
def test_plain():
    assert_eq(get(), 200)
"#
    );
    let place = Place::new(&spec);
    let ended = place.test(&["--junit", "out.xml"]);
    ended.expect(0, &["5 passed, 0 failed (3 not fired)  in "]);
    assert_eq!(ended.stdout.matches("PASS · not fired").count(), 3, "{ended}");
    let xml = std::fs::read_to_string(place.path("out.xml")).expect("the report");
    assert!(xml.contains("<property name=\"not_fired\" value=\"3\"/>"), "{xml}");
    assert_eq!(xml.matches("<system-out>not fired: none of its faults acted").count(), 3, "{xml}");
    let value: serde_json::Value =
        serde_json::from_str(&place.test(&["--format", "json"]).stdout).expect("JSON");
    assert_eq!((&value["not_fired"], &value["matrix"]["not_fired"]), (&3.into(), &3.into()));
    let lines = place.test(&["--format", "jsonl"]);
    let last: serde_json::Value =
        serde_json::from_str(lines.stdout.lines().last().expect("a last line")).expect("JSON");
    assert_eq!(last["totals"]["notFired"], 3);
    assert_eq!(lines.stdout.matches("\"notFired\":true").count(), 3, "{lines}");
}

/// Eight branches, each with its own path and answer; the rule for the sixth acts on its own step only.
#[test]
fn acts_belong_to_the_step_that_caused_them() {
    let ended = |seed: &str| {
        let spec = format!(
            "{PAIR}{}",
            r#"
def branch(n):
    def run():
        first = get("/x/%d" % n)
        return [first, get("/again/%d" % n)]
    return run
rules = fault_assumption("rules", target = api.public,
    rules = [response(path = "/x/%d" % n, status = 500 + n) for n in range(8)] + [delay(path = "/again/*", delay = "1ms")])
fault_scenario("parallel", scenario = lambda: parallel(*[branch(n) for n in range(8)]), faults = rules,
    expect = lambda r: assert_eq(r, "something else"))
"#
        );
        Place::new(&spec).test(&["--seed", seed])
    };
    let notes = |ended: &Ended| {
        let lines = ended.stdout.lines().filter(|line| line.trim_start().starts_with("= rule"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let first = ended("0");
    let wanted = |n: u32| format!("= rule rules[{n}] answered step {}:   GET /x/{n} -> {}", n + 1, 500 + n);
    first.expect(2, &(0..6).map(wanted).collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>());
    for seed in ["0", "1", "2", "3"] {
        assert_eq!(notes(&first), notes(&ended(seed)), "seed {seed}");
    }
}

/// A consumer's own request to the faulted interface is no step, even while a step on it is under way.
#[test]
fn traffic_of_services_belongs_to_no_step() {
    let ended = run(r#"
slow = fault_assumption("slow", target = db.main, rules = [delay(delay = "5ms")])
fault_scenario("shared", scenario = lambda: parallel(lambda: get("/data/a"), lambda: db.main.send("GET direct")), faults = slow,
    expect = lambda r: assert_eq(r, 0))
"#);
    ended.expect(2, &["= rule slow[0] delayed step 2:   ", "= rule slow[0] delayed:   "]);
    assert!(!ended.stdout.contains("delayed step 1"), "{ended}");
}

#[test]
fn steps_that_read_the_same_are_told_apart() {
    let ended = run(r#"
once = fault_assumption("once", target = api.public, rules = [response(path = "/health", status = 503, nth = 1)])
fault_scenario("second", scenario = lambda: [api.get(path = "/health"), api.get(path = "/health")][1], faults = once,
    expect = lambda r: assert_eq(r.status, 503))
"#);
    ended.expect(2, &["returns the reply of step 2, which no rule answered; return the reply of step 1,"]);
}

/// Who writes a condition where an assertion belongs means it.
#[test]
fn an_expectation_may_be_a_condition() {
    let ended = run(r#"
down = fault_assumption("down", target = api.public, rules = [response(path = "/health", status = 503)])
def ask():
    return api.get(path = "/health")
fault_scenario("right", scenario = ask, faults = down, expect = lambda r: r.status == 503 and r.ok)
fault_scenario("wrong", scenario = ask, faults = down, expect = lambda r: r.status == 418)
"#);
    ended.expect(2, &["1 passed, 1 failed", "--- FAIL: test_wrong", "expect returned False"]);
    assert!(!ended.stderr.contains("FB0210"), "{ended}");
}

/// `allow` makes nothing go wrong, so it proves nothing.
#[test]
fn what_lets_pass_is_no_act_of_a_fault() {
    let ended = run(r#"
def ask():
    return api.get(path = "/health")
shield = fault_assumption("shield", target = api, recvfrom = allow(), read = allow())
fault_scenario("alone", scenario = ask, faults = shield, expect = lambda r: r.ok)
fault_scenario("beside", scenario = ask, faults = fault_assumption("mixed", target = api, read = allow(),
    write = delay("1ms")), expect = lambda r: r.ok)
"#);
    ended.expect(2, &["1 passed, 0 failed, 1 bypassed", "--- BYPASSED: test_alone", "let pass"]);
}

/// A rule that is removed right behind a datagram to which no reply is awaited has seen it, one that is installed then not.
#[test]
fn a_datagram_meets_the_rules_it_was_sent_under() {
    let spec = r#"
program = """
import socket, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
got = []
def receive():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(("127.0.0.1", 5300))
    while True:
        got.append(s.recv(100).decode())
threading.Thread(target = receive, daemon = True).start()
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(",".join(got).encode())
    def log_message(self, *words):
        pass
HTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
"""
svc = service("svc", "python3", interface("main", "http", 8080), interface("u", "udp", 5300), args = ["-c", program],
    healthcheck = http("localhost:8080/"))
def test_drop():
    for _ in range(20):
        fault(svc.u, drop(data = "x"), run = lambda: svc.u.send_no_reply(data = "x"))
    assert_eq(svc.main.get(path = "/").body, "")
def test_before():
    for _ in range(20):
        svc.u.send_no_reply(data = "x")
        fault(svc.u, drop(data = "x"), run = lambda: svc.main.get(path = "/"), may_miss = True)
"#;
    Place::new(spec).test(&[]).expect(0, &["2 passed, 0 failed (1 not fired)"]);
}
