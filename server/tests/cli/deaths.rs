//! Services that end while a test runs: what fails, what may, and what is no end at all.

use super::harness::{Ended, Place, has};
use std::net::TcpListener;

/// Servers and workers; the first argument says which.
const PROGRAM: &str = r#"
import os, socketserver, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.startswith("/kill/"):
            # The worker is dead, or about to be, before anybody gets an answer.
            name, number = self.path.split("/")[2:]
            os.kill(number_of(name), int(number))
        if self.path.startswith("/gone/"):
            # It is dead, and its parent has taken note, before anybody gets an answer.
            number = number_of(self.path.split("/")[2])
            open("quit", "w").close()
            while os.path.exists("/proc/%d" % number):
                time.sleep(0.001)
        if self.path == "/fork":
            # A child of the server dies, and the server goes on.
            if os.fork() == 0:
                os.abort()
            os.wait()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *words):
        pass

class Server(ThreadingHTTPServer):
    def server_bind(self):
        # Without the look-up of a name that HTTPServer makes.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address

def number_of(name):
    while not os.path.exists(name + ".pid"):
        time.sleep(0.001)
    return int(open(name + ".pid").read())

def note():
    with open(os.environ["NAME"] + ".new", "w") as f:
        f.write(str(os.getpid()))
    os.rename(f.name, os.environ["NAME"] + ".pid")

def serve():
    return Server(("127.0.0.1", int(os.environ["PORT"])), Handler)

def web():
    serve().serve_forever()

def daemon():
    # Listens, and goes to the background as servers do. Its number is known when it is there for good.
    server = serve()
    first = os.getpid()
    if os.fork():
        os._exit(0)
    os.setsid()
    while os.getppid() == first:
        time.sleep(0.001)
    second = os.getpid()
    if os.fork():
        os._exit(0)
    while os.getppid() == second:
        time.sleep(0.001)
    note()
    server.serve_forever()

def idle():
    note()
    while True:
        time.sleep(60)

def quits():
    note()
    while not os.path.exists("quit"):
        time.sleep(0.001)
    print("done here", flush=True)
    sys.exit(int(os.environ["CODE"]))

os.chdir(os.environ["DIR"])
# Without namespaces the test before this one wrote here, too.
if os.path.exists(os.environ["NAME"] + ".pid"):
    os.remove(os.environ["NAME"] + ".pid")
globals()[sys.argv[1]]()
"#;

/// A folder with the program and a spec behind a server on `port`; services write to `directory`.
fn place_at(port: u16, directory: &str, spec: &str) -> Place {
    let helper = r#"
def program(name, mode, *interfaces, env = {}, **kw):
    env = dict({"NAME": name, "PORT": "@PORT@", "DIR": "@DIR@"}, **env)
    return service(name, "python3", args = ["program.py", mode], env = env, *interfaces, **kw)
web = program("web", "web", interface("main", "http", @PORT@), healthcheck = http("localhost:@PORT@/", timeout = "60s"))
"#;
    let place = Place::new(
        &format!("{helper}{spec}").replace("@PORT@", &port.to_string()).replace("@DIR@", directory),
    );
    place.write("program.py", PROGRAM);
    place
}

fn place(spec: &str) -> Place {
    place_at(8080, "/tmp", spec)
}

/// In namespaces as root and as an ordinary user, and without them.
#[track_caller]
fn everywhere(spec: &str, check: impl Fn(&Ended)) {
    check(&place(spec).test(&[]));
    check(&place(spec).run_by_nobody().test(&[]));
    let free = TcpListener::bind(("127.0.0.1", 0)).expect("a free port").local_addr().expect("its address");
    check(&place_at(free.port(), ".", spec).test(&["--isolation", "host"]));
}

#[test]
fn an_unasked_end_fails_a_test_whatever_it_asserts() {
    // The end comes with the last step: it is known when the test is judged, not by chance.
    let spec = r#"
worker = program("worker", "idle")
def test_kill():
    assert_eq(web.get(path = "/kill/worker/9").status, 200)
def test_abort():
    assert_eq(web.get(path = "/kill/worker/6").status, 200)
"#;
    let ended = place(spec).test(&["--runs", "8"]);
    ended.expect(
        2,
        &["0 passed, 16 failed", "error[service_ended]: worker ended by SIGKILL", "worker ended by SIGABRT"],
    );
    ended.expect(2, &["ended while the test ran", "say may_exit = True on the service"]);
}

#[test]
fn it_does_so_for_any_user_and_without_namespaces() {
    let spec = r#"
worker = program("worker", "idle")
def test_kill():
    assert_eq(web.get(path = "/kill/worker/9").status, 200)
"#;
    everywhere(spec, |ended| {
        ended.expect(2, &["--- FAIL: test_kill", "worker ended by SIGKILL"]);
    });
}

#[test]
fn the_fault_it_met_last_is_named_in_every_report() {
    let place = place(
        r#"
worker = service("worker", "python3", args = ["-c", """
import os, time
open("/tmp/work.log", "w").close()
while not os.path.exists("/tmp/go"):
    time.sleep(0.001)
try:
    with open("/tmp/work.log", "a") as f: f.write("tick")
except OSError as e:
    print("cannot write", e.errno, flush = True)
    os.abort()
"""])
starter = service("starter", "python3", interface("main", "tcp", 5433), args = ["-c", """
import socket, time
s = socket.create_server(("127.0.0.1", 5433))
while True:
    c, _ = s.accept()
    if not c.recv(100): continue
    open("/tmp/go", "w").close()
    time.sleep(1)
    c.sendall(b"done\\n")
"""], healthcheck = tcp("localhost:5433"))
full = fault_assumption("full", target = worker, write = deny("ENOSPC", path = "/tmp/work.log"))
fault_scenario("disk_full", scenario = lambda: starter.main.send("go"), faults = full,
    expect = lambda r: assert_eq(r, "done"))
"#,
    );
    let ended = place.test(&["--junit", "out.xml"]);
    let cause = " ms after write -> ENOSPC on /tmp/work.log";
    ended.expect(2, &["--- FAIL: test_disk_full", "worker ended by SIGABRT", cause, "| cannot write 28"]);
    let xml = std::fs::read_to_string(place.path("out.xml")).expect("the report");
    assert!(xml.contains("type=\"fail\"") && xml.contains("after write -&gt; ENOSPC"), "{xml}");
    let json = place.test(&["--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    let test = &value["tests"][0];
    assert_eq!((&test["result"], &test["failure"]["kind"]), (&"fail".into(), &"service_ended".into()));
    let events = test["events"].as_array().expect("events");
    let exited = events.iter().find(|event| event["event"] == "service_exited").expect("its end");
    assert_eq!((&exited["expected"], &exited["allowed"]), (&false.into(), &false.into()));
    assert!(exited["cause"].as_str().is_some_and(|said| said.contains("ENOSPC")), "{exited}");
}

#[test]
fn what_may_end_does_not_fail() {
    let spec = |code: u8, more: &str| {
        format!(
            r#"
job = program("job", "quits"{more}, env = {{"CODE": "{code}"}})
def test_job():
    assert_eq(web.get(path = "/gone/job").status, 200)
"#
        )
    };
    place(&spec(0, "")).test(&["--verbose"]).expect(0, &["1 passed", "job ended: exit code 0"]);
    place(&spec(3, "")).test(&[]).expect(2, &["job ended with exit code 3", "| done here"]);
    let serves = ", interface(\"main\", \"tcp\", 9999)";
    place(&spec(0, serves)).test(&[]).expect(2, &["job ended with exit code 0"]);
    let may = format!("{serves}, may_exit = True");
    place(&spec(3, &may)).test(&[]).expect(0, &["1 passed", "job ended: exit code 3"]);
}

#[test]
fn a_child_whose_end_the_service_survives_is_no_end_of_it() {
    let spec = r#"
def test_fork():
    assert_eq(web.get(path = "/fork").status, 200)
    assert_eq(web.get(path = "/").status, 200)
"#;
    everywhere(spec, |ended| {
        ended.expect(0, &["1 passed, 0 failed"]);
    });
}

#[test]
fn an_end_during_the_start_stays_an_error_of_the_start() {
    let spec = r#"
late = service("late", "sh", interface("main", "tcp", 9998), args = ["-c", "echo no port; exit 4"], may_exit = True,
    healthcheck = tcp("localhost:9998"))
def test_x():
    pass
"#;
    let ended = place(spec).test(&[]);
    ended.expect(2, &["--- ERROR: test_x", "late ended before it was ready: exit code 4", "no port"]);
}

#[test]
fn a_failure_of_its_own_stays_and_names_the_end() {
    let spec = r#"
worker = program("worker", "idle")
def test_kill():
    assert_eq(web.get(path = "/kill/worker/9").status, 404)
"#;
    let ended = place(spec).test(&[]);
    ended.expect(
        2,
        &["assert_eq failed: 200 != 404", "service worker ended during the test: killed by SIGKILL"],
    );
}

#[test]
fn a_server_in_the_background_is_running() {
    let spec = r#"
svc = program("svc", "daemon", interface("main", "http", 8081), env = {"PORT": "8081"}, healthcheck = tcp("localhost:8081", timeout = "60s"))
def test_get():
    assert_eq(svc.get(path = "/").status, 200)
"#;
    place(spec).test(&["--runs", "10", "--jobs", "4"]).expect(0, &["10 passed, 0 failed"]);
    place(spec).run_by_nobody().test(&["--runs", "4"]).expect(0, &["4 passed, 0 failed"]);
}

#[test]
fn a_server_in_the_background_that_dies_is_missed() {
    let spec = r#"
svc = program("svc", "daemon", interface("main", "http", 8081), env = {"PORT": "8081"}, healthcheck = tcp("localhost:8081", timeout = "60s"))
idle = program("idle", "idle")
def test_get():
    assert_eq(web.get(path = "/kill/svc/11").status, 200)
"#;
    // How it ended is known unless it dies in the very moment it goes to the background.
    let ended = place(spec).test(&["--runs", "4"]);
    ended.expect(2, &["0 passed, 4 failed", "error[service_ended]: svc ended"]);
    place(spec)
        .run_by_nobody()
        .test(&[])
        .expect(2, &["0 passed, 1 failed", "error[service_ended]: svc ended"]);
}

#[test]
fn a_background_server_without_namespaces_is_running_and_is_missed() {
    let [one, two] = [(); 2].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a free port"));
    let ports = [one, two].map(|listener| listener.local_addr().expect("its address").port());
    let spec = r#"
svc = program("svc", "daemon", interface("main", "http", OTHER), env = {"PORT": "OTHER"}, healthcheck = tcp("localhost:OTHER"))
def test_get():
    assert_eq(svc.get(path = "/").status, 200)
def test_kill():
    assert_eq(web.get(path = "/kill/svc/9").status, 200)
"#
    .replace("OTHER", &ports[1].to_string());
    let parts = ["1 passed, 1 failed", "--- PASS: test_get", "error[service_ended]: svc ended"];
    place_at(ports[0], ".", &spec).test(&["--isolation", "host"]).expect(2, &parts);
    place_at(ports[0], ".", &spec).run_by_nobody().test(&["--isolation", "host"]).expect(2, &parts);
}

/// Servers as distributions install and start them.
#[test]
fn real_servers_go_to_the_background() {
    let check = |binary: &str, spec: &str| {
        if !has(binary) {
            return;
        }
        let place = Place::new(spec).run_by_nobody();
        place.write("nginx.conf", NGINX);
        place.test(&["--runs", "4"]).expect(0, &["4 passed, 0 failed"]);
    };
    check(
        "nginx",
        r#"
web = service("web", "sh", interface("main", "http", 8088), args = ["-c", "exec nginx -p /tmp -c $PWD/nginx.conf"],
    healthcheck = http("localhost:8088/"))
def test_get():
    assert_eq(web.get(path = "/").body, "from nginx")
"#,
    );
    check(
        "redis-server",
        r#"
cache = service("cache", "redis-server", interface("main", "redis", 6390), healthcheck = tcp("localhost:6390"),
    args = ["--port", "6390", "--daemonize", "yes", "--dir", "/tmp", "--save", ""])
def test_set():
    assert_true(cache.main.set(key = "k", value = "v").ok)
"#,
    );
    let postgres = "/usr/lib/postgresql/15/bin";
    check(
        &format!("{postgres}/pg_ctl"),
        &r#"
db = service("db", "sh", interface("main", "postgres", 5444), healthcheck = ready(timeout = "60s"), args = ["-c",
    "@/initdb -U postgres -D /tmp/pg >/dev/null && exec @/pg_ctl -D /tmp/pg -w -o '-p 5444 -k /tmp' -l /tmp/pg.log start"])
def test_query():
    assert_true(db.main.query(sql = "SELECT 1").ok)
"#
        .replace('@', postgres),
    );
}

const NGINX: &str = r#"
pid /tmp/nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    server {
        listen 127.0.0.1:8088;
        location / { return 200 "from nginx"; }
    }
}
"#;

/// The first thread of an exiting process may be dead while others, whose end nobody sees from outside, still go.
#[test]
fn a_service_of_many_threads_that_exits_is_missed() {
    let spec = r#"
web = service("web", "python3", interface("main", "http", 8080), healthcheck = tcp("localhost:8080"), args = ["-c", """
import os, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
for _ in range(50):
    threading.Thread(target = threading.Event().wait, daemon = True).start()
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        os._exit(1)
HTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
"""])
def test_exit():
    assert_true(not web.get(path = "/").ok)
"#;
    let ended = Place::new(spec).test(&["--runs", "40", "--jobs", "4"]);
    ended.expect(2, &["0 passed, 40 failed", "error[service_ended]: web ended with exit code 1"]);
}

/// Exit code 0 with a process left behind is how servers go to the background; once it served, it is an end.
#[test]
fn a_server_that_leaves_only_a_helper_behind_has_ended() {
    let spec = r#"
svc = service("svc", "python3", interface("main", "http", 8081), healthcheck = tcp("localhost:8081"), args = ["-c", """
import os, time
from http.server import BaseHTTPRequestHandler, HTTPServer
if os.fork() == 0:
    time.sleep(1000)
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/exit":
            os._exit(0)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *words):
        pass
HTTPServer(("127.0.0.1", 8081), Handler).serve_forever()
"""])
def test_goes_on():
    assert_eq(svc.get(path = "/").status, 200)
def test_exit():
    assert_true(not svc.get(path = "/exit").ok)
"#;
    for place in [place(spec), place(spec).run_by_nobody()] {
        place
            .test(&["--runs", "5"])
            .expect(2, &["5 passed, 5 failed", "error[service_ended]: svc ended with exit code 0"]);
    }
}
