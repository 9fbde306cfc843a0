//! Faults through the command, on services started for real: what acts, on whom, and when.

use super::harness::{Place, has};

/// An API over a database, both ours, and a step on each.
const PAIR: &str = r#"
db = service("db", "$BIN/mock-db", interface("main", "tcp", 5432), healthcheck = tcp("localhost:5432"))
api = service("api", "$BIN/mock-api", interface("public", "http", 8080),
    env = {"PORT": "8080", "DB_ADDR": "localhost:5432"}, depends_on = [db],
    healthcheck = http("localhost:8080/health"))
"#;

#[track_caller]
fn passes(spec: &str) {
    Place::new(&format!("{PAIR}{spec}")).test(&[]).expect(0, &[" 0 failed"]);
}

#[test]
fn a_body_asks_for_faults_as_it_goes() {
    // The helper hides the faults from any look at the text; the leaf is started again until it is prepared.
    passes(
        r#"
def broken(target, how, what):
    return fault(target, how, run = what)
def test_hidden():
    pick = {"a": api.public, "d": db.main}
    r = broken(pick["a"], response(path = "/health", status = 418), lambda: api.get(path = "/health"))
    assert_eq(r.status, 418)
    assert_eq(api.get(path = "/health").status, 200)
    r = broken(pick["d"], drop(), lambda: api.get(path = "/data/x"))
    assert_eq(r.status, 500)
"#,
    );
}

#[test]
fn nested_faults_stack_and_leave_in_order() {
    passes(
        r#"
def test_nested():
    def inner():
        assert_eq(api.get(path = "/health").status, 429)
    def outer():
        fault(api.public, response(path = "/health", status = 429), run = inner)
        assert_eq(api.get(path = "/health").status, 503)
    fault(api.public, response(path = "/health", status = 503), run = outer)
    assert_eq(api.get(path = "/health").status, 200)
"#,
    );
}

#[test]
fn rules_reach_the_consumer_not_only_the_test() {
    passes(
        r#"
cut = fault_assumption("cut", target = db.main, rules = [drop(mode = "reset")])
fault_scenario("api_without_db", scenario = lambda: api.get(path = "/data/x"), faults = cut,
    expect = lambda r: assert_eq(r.status, 500))
"#,
    );
}

#[test]
fn http_rules_match_every_field_they_may() {
    passes(
        r#"
def get(**kw):
    return api.get(path = "/health", **kw).status
def test_fields():
    def check(rule, status):
        def body():
            assert_eq(api.get(path = "/health?user=ann&x=1", headers = {"X-Tenant": "blue"}).status, status)
        fault(api.public, rule, run = body, may_miss = status == 200)
    check(response(query = "*user=ann*", status = 418), 418)
    check(response(query = {"user": "a*"}, status = 418), 418)
    check(response(query = {"user": "b*"}, status = 418), 200)
    check(response(header = {"x-tenant": "blu?"}, status = 418), 418)
    check(response(header = {"x-tenant": "red"}, status = 418), 200)
    check(response(host = "localhost*", status = 418), 418)
    check(response(method = "get", path = "/hea*", status = 418), 418)
    def post():
        assert_true(not api.post(path = "/data/k", body = "a secret word").ok)
        assert_eq(api.post(path = "/data/k", body = "plain").status, 200)
    fault(api.public, drop(body = "*secret*"), run = post)
"#,
    );
}

#[test]
fn an_injected_answer_is_what_the_rule_says() {
    passes(
        r#"
def test_answer():
    rule = response(path = "/health", status = 429, body = {"wait": 3}, headers = {"Retry-After": "3"})
    def body():
        r = api.get(path = "/health")
        assert_eq(r.status, 429)
        assert_eq(r.data["wait"], 3)
        assert_eq(r.headers["retry-after"], "3")
        assert_true(r.ok)
    fault(api.public, rule, run = body)
    def gone():
        r = api.get(path = "/health")
        assert_true(not r.ok)
        assert_eq(r.status, 0)
        assert_true(r.error != "")
    fault(api.public, drop(path = "/health"), run = gone)
"#,
    );
}

#[test]
fn a_fault_that_never_acts_does_not_pass() {
    let place = Place::new(&format!(
        "{PAIR}{}",
        r#"
other = fault_assumption("other", target = api.public, rules = [response(path = "/nothing", status = 500)])
fault_scenario("misses", scenario = lambda: api.get(path = "/health"), faults = other,
    expect = lambda r: assert_eq(r.status, 200))
fault_scenario("may_miss", scenario = lambda: api.get(path = "/health"), faults = other, may_miss = True,
    expect = lambda r: assert_eq(r.status, 200))
def health():
    assert_eq(api.get(path = "/health").status, 200)
fault_matrix(scenarios = [health], faults = [other], require_faults_fire = True)
"#
    ));
    place.test(&[]).expect(
        2,
        &[
            "--- BYPASSED: test_misses",
            "nearest: GET /health, path is not /nothing",
            "--- PASS: test_may_miss",
            "1 passed, 0 failed",
            "2 bypassed",
        ],
    );
}

/// `write` fails in a program of each language, on a file and nowhere else.
#[test]
fn syscall_faults_reach_programs_of_any_language() {
    let programs: &[(&str, &str, &str)] = &[
        (
            "python3",
            "-c",
            "import sys\ntry:\n f=open('/tmp/victim','w'); f.write('x'); f.flush()\n print('wrote')\nexcept OSError as e: print('errno', e.errno)\nsys.stdout.flush()\nimport time; time.sleep(60)",
        ),
        (
            "node",
            "-e",
            "const fs=require('fs');try{fs.writeFileSync('/tmp/victim','x');console.log('wrote')}catch(e){console.log('errno',-e.errno)};setTimeout(()=>{},60000)",
        ),
        (
            "sh",
            "-c",
            "if (echo x >/tmp/victim) 2>/dev/null; then echo wrote; else echo errno 5; fi; sleep 60",
        ),
    ];
    for (program, flag, text) in programs {
        if !has(program) {
            continue;
        }
        let place = Place::new(&format!(
            r#"
victim = service("victim", "{program}", args = ["{flag}", load_file("program.txt")])
def wait():
    return probe.main.send("PING")
probe = service("probe", "$BIN/mock-db", interface("main", "tcp", 5432), healthcheck = tcp("localhost:5432"))
"#
        ));
        place.write("program.txt", text);
        // The fault must be there before the program writes, so the service is started by the step.
        let spec = std::fs::read_to_string(place.path("spec.star")).unwrap();
        let spec = spec.replace(
            "victim = service(\"victim\", ",
            "victim = service(\"victim\", \"sh\", args = [\"-c\", \"while [ ! -e /tmp/go ]; do sleep 0.01; done; exec \\\"$@\\\"\", \"x\", ",
        );
        let spec = spec.replace(
            &format!("\"{program}\", args = [\"{flag}\", load_file(\"program.txt\")])"),
            &format!("\"{program}\", \"{flag}\", load_file(\"program.txt\")])"),
        );
        place.write(
            "spec.star",
            format!(
                "{spec}{}",
                r#"
starter = service("starter", "python3", interface("main", "tcp", 5433), args = ["-c", """
import socket, time, os
s = socket.create_server(("127.0.0.1", 5433))
while True:
    c, _ = s.accept()
    c.recv(100)
    open("/tmp/go", "w").close()
    time.sleep(1.5)
    c.sendall(b"done\\n")
"""], healthcheck = tcp("localhost:5433"))
broken = fault_assumption("broken", target = victim, write = deny("EIO", path = "/tmp/victim"))
fault_scenario("write_fails", scenario = lambda: starter.main.send("go"), faults = broken,
    expect = lambda r: assert_eq(r, "done"))
"#
            ),
        );
        place.test(&["--show-logs"]).expect(0, &["errno 5", "broken", "fired 1x"]);
    }
}

#[test]
fn a_seed_fixes_every_chance_whatever_runs_beside_it() {
    let spec = format!(
        "{PAIR}{}",
        r#"
flaky = fault_assumption("flaky", target = api.public, rules = [response(path = "/health", status = 503, probability = "30%")])
def thirty():
    return [api.get(path = "/health").status for _ in range(30)]
def show(statuses):
    print(statuses)
    assert_true(503 in statuses and 200 in statuses)
fault_scenario("flaky_health", scenario = thirty, faults = flaky, expect = show)
"#
    );
    let place = Place::new(&spec);
    let printed = |jobs: &str, runs: &str, seed: &str| -> Vec<String> {
        let ended = place.test(&["--jobs", jobs, "--runs", runs, "--seed", seed, "--format", "jsonl"]);
        assert_eq!(ended.code, Some(0), "{ended}");
        let prints = ended.stdout.lines().filter(|line| line.contains("\"event\":\"printed\""));
        let text = |line: &str| line.split("\"text\":").nth(1).unwrap_or(line).to_owned();
        let mut all: Vec<String> = prints.map(text).collect();
        all.sort();
        all
    };
    let alone = printed("1", "4", "7");
    assert_eq!(alone, printed("8", "4", "7"));
    assert_ne!(alone, printed("8", "4", "100"));
}

#[test]
fn datagrams_are_dropped_delayed_and_answered() {
    let place = Place::new(
        r#"
program = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 5353))
t = socket.create_server(("127.0.0.1", 5354))
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(b"echo " + data, peer)
"""
dns = service("dns", "python3", interface("main", "udp", 5353), args = ["-c", program], healthcheck = tcp("localhost:5354"))
def ask():
    return dns.main.send("hello", timeout = "300ms")
def test_plain():
    assert_eq(ask().body, "echo hello")
def test_faults():
    assert_true(not fault(dns.main, drop(), run = ask).ok)
    assert_true(fault(dns.main, delay(delay = "100ms"), run = ask).duration_ms >= 100)
    assert_eq(fault(dns.main, response(body = "forged"), run = ask).body, "forged")
    assert_eq(ask().body, "echo hello")
"#,
    );
    place.test(&[]).expect(0, &["2 passed, 0 failed"]);
}

#[test]
fn undeclared_ports_of_a_ruled_service_stay_reachable() {
    let place = Place::new(
        r#"
program = """
import socket, threading
def echo():
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.bind(("127.0.0.1", 8015))
    while True:
        data, peer = u.recvfrom(2048)
        u.sendto(b"udp " + data, peer)
threading.Thread(target=echo, daemon=True).start()
plain = socket.create_server(("127.0.0.1", 8016))
ruled = socket.create_server(("127.0.0.1", 8005))
while True:
    c, _ = plain.accept()
    c.sendall(b"tcp" + bytes([10]))
"""
client = """
import socket
s = socket.create_server(("127.0.0.1", 9000))
while True:
    c, _ = s.accept()
    if not c.recv(100):
        continue
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.settimeout(2)
    u.sendto(b"hello", ("127.0.0.1", 8015))
    t = socket.create_connection(("127.0.0.1", 8016))
    c.sendall(u.recv(100) + b" and " + t.recv(100))
"""
web = service("web", "python3", interface("main", "tcp", 8005), args = ["-c", program], healthcheck = tcp("localhost:8005"))
ask = service("ask", "python3", interface("main", "tcp", 9000), args = ["-c", client], healthcheck = tcp("localhost:9000"))
def test_both():
    assert_eq(fault(web.main, drop(data = "never"), run = lambda: ask.main.send("go"), may_miss = True), "udp hello and tcp")
"#,
    );
    place.test(&[]).expect(0, &["1 passed, 0 failed"]);
}

#[test]
fn branches_run_in_parallel_and_share_state() {
    passes(
        r#"
slow = delay(path = "/health", delay = "300ms")
def test_parallel():
    seen = []
    def one():
        seen.append(api.get(path = "/health").duration_ms)
        return "one"
    def two():
        seen.append(api.get(path = "/health").duration_ms)
        return "two"
    assert_eq(fault(api.public, slow, run = lambda: parallel(one, two)), ["one", "two"])
    assert_eq(len(seen), 2)
"#,
    );
}

/// In `response` the word `body` is the answer, so what the request carries has a word of its own.
#[test]
fn a_response_may_depend_on_the_body_of_the_request() {
    passes(
        r#"
def test_by_body():
    def during():
        assert_eq(api.post(path = "/data/a", body = "poison pill").status, 503)
        assert_eq(api.post(path = "/data/a", body = "water").status, 200)
    fault(api.public, response(request_body = "poison*", status = 503, body = "no"), run = during)
"#,
    );
}

#[test]
fn headers_can_be_printed() {
    let spec = r#"
def test_headers():
    def during():
        r = api.get(path = "/health")
        print(r.headers)
        assert_eq(r.headers["X-Why"], "test")
    fault(api.public, response(path = "/health", headers = {"X-Why": "test"}), run = during)
"#;
    Place::new(&format!("{PAIR}{spec}")).test(&[]).expect(0, &[r#""x-why": "test""#]);
}

#[test]
fn a_failure_names_its_callers_from_the_inside_out() {
    let spec = "
def test_deep():
    def inner():
        assert_eq(api.get(path = \"/health\").status, 204)
    def outer():
        fault(api.public, response(path = \"/never\"), run = inner)
    fault(api.public, response(path = \"/nowhere\"), run = outer)
";
    let ended = Place::new(&format!("{PAIR}{spec}")).test(&[]);
    ended.expect(2, &["`api.get(path = \"/health\").status` is 200"]);
    let callers: Vec<&str> =
        ended.stdout.lines().filter(|line| line.contains("called from fault")).map(str::trim).collect();
    assert_eq!(callers, ["= called from fault   (line 11)", "= called from fault   (line 12)"], "{ended}");
}

#[test]
fn a_scenario_that_hangs_is_what_expect_hang_waits_for() {
    let spec = r#"
stuck = fault_assumption("stuck", target = api.public, rules = [delay(path = "/health", delay = "1h")])
def ask():
    return api.get(path = "/health")
fault_scenario("hangs", scenario = ask, faults = stuck, timeout = "300ms", expect = expect_hang())
fault_scenario("ends", scenario = ask, faults = stuck, timeout = "300ms", expect = expect_success())
fault_scenario("answers", scenario = lambda: api.get(path = "/health"), timeout = "30s", expect = expect_hang())
"#;
    let ended = Place::new(&format!("{PAIR}{spec}")).test(&[]);
    ended.expect(2, &["PASS: test_hangs", "TIMEOUT: test_ends", "FAIL: test_answers", "spec.star:12"]);
}

/// A web server has port 80 in the specs of people who are not root.
#[test]
fn an_ordinary_user_may_use_low_ports() {
    let spec = r#"
web = service("web", "$BIN/mock-api", interface("public", "http", 80), env = {"PORT": "80"},
    healthcheck = http("localhost:80/health"))
def test_low():
    assert_eq(web.get(path = "/health").status, 200)
    r = fault(web.public, response(path = "/health", status = 503), run = lambda: web.get(path = "/health"))
    assert_eq(r.status, 503)
"#;
    Place::new(spec).run_by_nobody().test(&[]).expect(0, &["1 passed"]);
}
