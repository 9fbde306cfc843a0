//! `--isolation host`: no namespaces, the host's ports, and still the faults, and nothing left behind.

use super::harness::{Ended, Place, children, finish, kill, marked, wait_until};
use std::net::TcpListener;
use std::process::Child;

/// Ports of the host that nobody has: two services of a test get each its own.
fn ports() -> [String; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("its address").port().to_string())
}

/// The pair of demo services on these ports, and a spec behind it.
fn place(spec: &str) -> (Place, [String; 2]) {
    let ports = ports();
    let pair = r#"
db = service("db", "$BIN/mock-db", interface("main", "tcp", @DB@), env = {"PORT": "@DB@"},
    healthcheck = tcp("localhost:@DB@"))
api = service("api", "$BIN/mock-api", interface("public", "http", @API@),
    env = {"PORT": "@API@", "DB_ADDR": db.main.addr}, depends_on = [db],
    healthcheck = http("localhost:@API@/health"))
"#;
    let text = format!("{pair}{spec}").replace("@DB@", &ports[0]).replace("@API@", &ports[1]);
    (Place::new(&text), ports)
}

fn run(spec: &str) -> Ended {
    place(spec).0.test(&["--isolation", "host", "--jobs", "4"])
}

#[test]
fn rules_reach_steps_and_consumers() {
    run(r#"
def test_step_sees_the_rule():
    def during():
        assert_eq(api.get(path = "/health").status, 503)
    fault(api.public, response(path = "/health", status = 503), run = during)
    assert_eq(api.get(path = "/health").status, 200)
def test_consumer_sees_the_rule_through_its_environment():
    assert_eq(api.post(path = "/data/k", body = "v").status, 200)
    def during():
        assert_eq(api.get(path = "/data/k").status, 500)
    fault(db.main, drop(mode = "reset"), run = during)
    assert_eq(api.get(path = "/data/k").body, "v")
"#)
    .expect(0, &["2 passed, 0 failed", "1 job"]);
}

/// The client connects to the relay's port and not to the interface's.
#[test]
fn a_peer_is_known_behind_its_relay() {
    run(r#"
slow = fault_assumption("slow", target = db.main, rules = [delay(delay = "1ms")], may_miss = True)
deaf = fault_assumption("deaf", target = api, connect = deny("ECONNREFUSED", to = db.main))
both = fault_assumption("both", faults = [slow, deaf])
fault_scenario("deaf_api", scenario = lambda: api.get(path = "/data/k"), faults = both,
    expect = lambda r: assert_eq(r.status, 500))
"#)
    .expect(0, &["1 passed, 0 failed", "fired 1x"]);
}

/// A server of datagrams, one on an unusual loopback address, and a consumer that is told of it as `[::1]` or by name.
#[test]
fn rules_reach_datagrams_and_any_loopback_address() {
    let [datagrams, stream] = ports();
    let spec = r#"
echo = """
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::1", int(sys.argv[1])))
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(b"echo " + data, peer)
"""
dns = service("dns", "python3", interface("main", "udp", @UDP@), args = ["-c", echo, "@UDP@"], healthcheck = ready())
line = """
import os, socket
host, port = os.environ["DNS"].rsplit(":", 1)
s = socket.create_server(("127.0.0.2", @TCP@))
while True:
    c, _ = s.accept()
    if c.recv(100):
        host = host.strip("[]")
        u = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        u.sendto(b"hello", (host, int(port)))
        c.sendall(u.recv(100))
    c.close()
"""
web = service("web", "python3", interface("main", "tcp", @TCP@), args = ["-c", line], env = {"DNS": "[::1]:@UDP@"},
    healthcheck = ready())
def test_plain():
    assert_eq(dns.main.send("hello").body, "echo hello")
    assert_eq(web.main.send("go"), "echo hello")
def test_ruled():
    forged = response(body = "forged")
    assert_eq(fault(dns.main, forged, run = lambda: dns.main.send("hello").body), "forged")
    assert_eq(fault(dns.main, forged, run = lambda: web.main.send("go")), "forged")
    assert_eq(fault(web.main, response(body = "refused"), run = lambda: web.main.send("go")), "refused")
"#;
    let spec = spec.replace("@UDP@", &datagrams).replace("@TCP@", &stream);
    Place::new(&spec).test(&["--isolation", "host"]).expect(0, &["2 passed, 0 failed"]);
}

#[test]
fn syscall_faults_need_no_namespace() {
    run(r#"
slow = fault_assumption("slow", target = db, write = delay("150ms"))
fault_scenario("slow_db", scenario = lambda: api.get(path = "/data/k"), faults = slow,
    expect = lambda r: assert_true(r.duration_ms >= 150, str(r.duration_ms)))
deaf = fault_assumption("deaf", target = api, connect = deny("ECONNREFUSED"))
fault_scenario("deaf_api", scenario = lambda: api.get(path = "/data/k"), faults = deaf,
    expect = lambda r: assert_eq(r.status, 500))
"#)
    .expect(0, &["2 passed, 0 failed", "connect deny(ECONNREFUSED)   fired"]);
}

#[test]
fn the_weaker_mode_is_said_once() {
    let ended = run("def test_a():\n    assert_true(True)\ndef test_b():\n    assert_true(True)\n");
    ended.expect(0, &["2 passed"]);
    let said = format!("{}{}", ended.stdout, ended.stderr).matches("host's network").count();
    assert_eq!(said, 1, "{ended}");
}

// --- what is left ---

/// A service with a child in its group and a daemon outside of it, and a test that never ends by itself.
const ENDLESS: &str = r#"
program = """
import os, signal, socket, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    time.sleep(600)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
s = socket.create_server(("127.0.0.1", @PORT@))
kept = []
while True:
    kept.append(s.accept())
"""
mute = service("mute", "python3", interface("main", "tcp", @PORT@), args = ["-c", program], healthcheck = tcp("localhost:@PORT@"))
def test_a():
    mute.main.send("PING")
def test_b():
    pass
"#;

/// Starts it and waits until dispatcher, worker, service, its child and its daemon run.
fn endless(name: &str) -> (Place, Child, String) {
    let [port, _] = ports();
    let place = Place::new(&ENDLESS.replace("@PORT@", &port));
    let marker = format!("FAULTBOX_TEST_MARK=host-{name}-{}", std::process::id());
    let (key, value) = marker.split_once('=').expect("NAME=value");
    let mut command = place.command(&["test", "spec.star", "--isolation", "host"]);
    let child = command.env(key, value).spawn().expect("it starts");
    wait_until("dispatcher, worker, service, child and daemon run", || marked(&marker).len() == 5);
    (place, child, marker)
}

#[test]
fn kill_9_of_the_dispatcher_takes_daemons_along() {
    let (_place, mut child, marker) = endless("dispatcher");
    kill(child.id(), "KILL");
    child.wait().expect("it was ours");
    wait_until("nothing is left", || marked(&marker).is_empty());
}

#[test]
fn kill_9_of_the_worker_takes_daemons_along() {
    let (_place, child, marker) = endless("worker");
    let worker = children(child.id())[0];
    kill(worker, "KILL");
    finish(child).expect(2, &["--- ERROR: test_a", "killed by SIGKILL", "--- PASS: test_b"]);
    assert!(marked(&marker).is_empty(), "left behind: {:?}", marked(&marker));
}

#[test]
fn a_cancelled_run_takes_daemons_along() {
    let (_place, child, marker) = endless("cancelled");
    kill(child.id(), "INT");
    finish(child).expect(1, &["interrupted"]);
    assert!(marked(&marker).is_empty(), "left behind: {:?}", marked(&marker));
}
