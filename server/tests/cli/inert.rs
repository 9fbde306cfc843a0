//! Rules that change nothing, and traffic that no rule can read: neither is taken for a fault that was survived.

use super::harness::Place;

/// HTTP in every form a reply may have, a line over TCP, a datagram, and HTTP inside TLS.
const SERVER: &str = r#"
import http.server, socket, socketserver, ssl, subprocess, threading

class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        what = self.path[1:]
        self.send_response(int(what) if what.isdigit() else 200)
        if what == "chunks":
            self.send_header("Transfer-Encoding", "chunked")
        elif what == "open":
            self.send_header("Connection", "close")
        elif what not in ("204", "304"):
            self.send_header("Content-Length", "0" if what == "empty" else "5")
        self.end_headers()
        if self.command == "HEAD" or what in ("empty", "204", "304"):
            return
        self.wfile.write(b"3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n" if what == "chunks" else b"hello")
    do_HEAD = do_GET
    def log_message(self, *_):
        pass

class Line(socketserver.StreamRequestHandler):
    def handle(self):
        if self.rfile.readline():
            self.wfile.write(b"hello\n")

class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        self.request[1].sendto(self.request[0], self.client_address)

subprocess.run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=svc"
               " -keyout /tmp/key.pem -out /tmp/cert.pem", shell=True, check=True, stderr=subprocess.DEVNULL)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("/tmp/cert.pem", "/tmp/key.pem")
secure = http.server.ThreadingHTTPServer(("127.0.0.1", 8443), Web)
secure.socket = context.wrap_socket(secure.socket, server_side=True)
socketserver.ThreadingTCPServer.daemon_threads = True
for server in (secure, socketserver.ThreadingTCPServer(("127.0.0.1", 7000), Line),
               socketserver.UDPServer(("127.0.0.1", 7001), Datagram)):
    threading.Thread(target=server.serve_forever, daemon=True).start()
http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Web).serve_forever()
"#;

const SERVICES: &str = r#"
svc = service("svc", "python3", interface("web", "http", 8080), interface("line", "tcp", 7000),
    interface("datagram", "udp", 7001), interface("secure", "http", 8443), args = ["svc.py"],
    healthcheck = http("localhost:8080/ready"))
cache = service("cache", "redis-server", interface("main", "redis", 6379),
    args = ["--port", "6379", "--save", "", "--bind", "127.0.0.1"], healthcheck = ready())
"#;

/// Interface, rule, scenario, and why the rule has no effect on it.
const INERT: &[(&str, &str, &str, &str)] = &[
    (
        "svc.web",
        "truncate(bytes = 4096)",
        "svc.web.get(path = '/x')",
        "the reply's content has 5 bytes, and truncate keeps 4096",
    ),
    (
        "svc.web",
        "truncate(bytes = 5)",
        "svc.web.get(path = '/x')",
        "the reply's content has 5 bytes, and truncate keeps 5",
    ),
    (
        "svc.web",
        "truncate(bytes = 5)",
        "svc.web.get(path = '/chunks')",
        "the reply's content has 5 bytes, and truncate keeps 5",
    ),
    (
        "svc.web",
        "truncate(bytes = 5)",
        "svc.web.get(path = '/open')",
        "the reply's content has 5 bytes, and truncate keeps 5",
    ),
    ("svc.web", "truncate(bytes = 0)", "svc.web.get(path = '/empty')", "the reply's content is empty"),
    ("svc.web", "truncate(bytes = 0)", "svc.web.head(path = '/x')", "the reply to HEAD has no content"),
    ("svc.web", "truncate(bytes = 0)", "svc.web.get(path = '/204')", "a reply 204 has no content"),
    (
        "svc.web",
        "corrupt(offset = 5)",
        "svc.web.get(path = '/x')",
        "the reply's content has 5 bytes, and corrupt changes the one at offset 5",
    ),
    (
        "svc.web",
        "corrupt(offset = 5)",
        "svc.web.get(path = '/chunks')",
        "the reply's content has 5 bytes, and corrupt changes the one at offset 5",
    ),
    ("svc.web", "corrupt()", "svc.web.get(path = '/304')", "a reply 304 has no content"),
    ("svc.web", "corrupt()", "svc.web.head(path = '/x')", "the reply to HEAD has no content"),
    (
        "svc.web",
        "throttle(bytes_per_second = 1)",
        "svc.web.head(path = '/x')",
        "the reply to HEAD has no content",
    ),
    (
        "svc.web",
        "throttle(bytes_per_second = 1000000)",
        "svc.web.get(path = '/x')",
        "the reply's content has 5 bytes, and at 1000000 bytes per second none had to wait",
    ),
    ("svc.web", "delay(delay = '0ms')", "svc.web.get(path = '/x')", "a delay of 0 holds nothing back"),
    (
        "svc.line",
        "truncate(bytes = 6)",
        "svc.line.send(data = 'x')",
        "the reply has 6 bytes, and truncate keeps 6",
    ),
    (
        "svc.line",
        "corrupt(offset = 6)",
        "svc.line.send(data = 'x')",
        "the reply has 6 bytes, and corrupt changes the one at offset 6",
    ),
    (
        "svc.line",
        "throttle(bytes_per_second = 1000000)",
        "svc.line.send(data = 'x')",
        "the reply has 6 bytes, and at 1000000 bytes per second none had to wait",
    ),
    (
        "svc.datagram",
        "truncate(bytes = 5)",
        "svc.datagram.send(data = 'hello')",
        "the datagram has 5 bytes, and truncate keeps 5",
    ),
    (
        "svc.datagram",
        "corrupt(offset = 5)",
        "svc.datagram.send(data = 'hello')",
        "the datagram has 5 bytes, and corrupt changes the one at offset 5",
    ),
    (
        "svc.datagram",
        "corrupt()",
        "svc.datagram.send_no_reply(data = '')",
        "the datagram has 0 bytes, and corrupt changes the one at offset 0",
    ),
    (
        "cache.main",
        "truncate(bytes = 5)",
        "cache.main.set(key = 'k', value = 'v')",
        "the reply has 5 bytes, and truncate keeps 5",
    ),
    (
        "cache.main",
        "throttle(bytes_per_second = 1000000)",
        "cache.main.ping()",
        "the reply has 7 bytes, and at 1000000 bytes per second none had to wait",
    ),
    (
        "cache.main",
        "response(command = 'MULTI', value = 'x')",
        "cache.main.command(cmd = 'MULTI')",
        "the protocol cannot answer this unit with a value: it changes the connection",
    ),
];

#[test]
fn every_rule_without_effect_is_named_with_its_reason() {
    let mut spec = SERVICES.to_owned();
    for (at, (interface, rule, scenario, _)) in INERT.iter().enumerate() {
        spec.push_str(&format!(
            "fault_scenario(\"inert_{at}\", scenario = lambda: {scenario}, faults = fault_assumption(\"rule_{at}\", \
             target = {interface}, rules = [{rule}]), expect = lambda r: None)\n"
        ));
    }
    let place = Place::new(&spec);
    place.write("svc.py", SERVER);
    let ended = place.test(&[]);
    ended.expect(2, &[&format!("0 passed, 0 failed, {} bypassed", INERT.len())]);
    for (at, (_, rule, _, reason)) in INERT.iter().enumerate() {
        let line =
            ended.stdout.lines().find(|line| line.contains(&format!("rule rule_{at}[0] never fired:")));
        let line = line.unwrap_or_else(|| panic!("{rule} is not named in\n{ended}"));
        assert!(line.contains(&format!("without effect: {reason}")), "{rule}: {line}");
    }
}

/// Asks for a page inside TLS, and sends a request after it that rules see.
const CLIENT: &str = r#"
import http.server, ssl, urllib.request

class Ask(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        context = ssl._create_unverified_context()
        page = urllib.request.urlopen("https://localhost:8443/x", context=context, timeout=20).read()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(page)

http.server.HTTPServer(("127.0.0.1", 9000), Ask).serve_forever()
"#;

#[test]
fn tls_on_an_http_interface_passes_and_is_in_text_and_junit() {
    let spec = r#"
app = service("app", "python3", interface("web", "http", 9000), args = ["app.py"], depends_on = [svc],
    healthcheck = tcp("localhost:9000"))
down = fault_assumption("down", target = svc.secure, rules = [response(path = "/down", status = 503)])
def ask():
    page = app.web.get(path = "/")
    svc.secure.get(path = "/down")
    return page
fault_scenario("passes", scenario = ask, faults = down, expect = lambda r: assert_eq(r.body, "hello"))
fault_matrix(scenarios = [ask], faults = [down], default_expect = lambda r: assert_eq(r.body, "hello"))
"#;
    let place = Place::new(&format!("{SERVICES}{spec}"));
    place.write("svc.py", SERVER);
    place.write("app.py", CLIENT);
    let ended = place.test(&["--junit", "report.xml"]);
    let unread = "fired 1x; 1 connection passed unread: the client speaks TLS";
    ended.expect(0, &["2 passed, 0 failed"]);
    assert_eq!(ended.stdout.matches(unread).count(), 2, "in the scenario and in the cell: {ended}");
    let report = std::fs::read_to_string(place.path("report.xml")).unwrap();
    assert_eq!(report.matches(unread).count(), 2, "{report}");
}
