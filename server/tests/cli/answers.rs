//! What a rule sends, seen from a program that takes it from a socket of its own.

use super::harness::{Place, has};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

/// A client that a test drives over HTTP: it says what it got, in hexadecimal, and how the connection went on.
const CLIENT: &str = r#"
import socket, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

def talk(port, request):
    s = socket.create_connection(("127.0.0.1", port), timeout=2)
    s.sendall(request)
    got = b""
    try:
        while True:
            data = s.recv(65536)
            if not data:
                return got.hex() + " closed"
            got += data
    except socket.timeout:
        return got.hex() + " open"

def urgent(port):
    s = socket.create_connection(("127.0.0.1", port), timeout=10)
    s.sendall(b"SET ")
    s.send(b"!", socket.MSG_OOB)
    s.sendall(b"k")
    s.shutdown(socket.SHUT_WR)
    return s.makefile().read()

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        http = b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"
        said = {"/http": lambda: talk(8080, http), "/raw": lambda: talk(7000, b"x"), "/urgent": lambda: urgent(7000)}
        body = said[self.path]().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *a): pass

HTTPServer(("127.0.0.1", 9000), Handler).serve_forever()
"#;

/// An HTTP server that keeps connections, and a server that says what came, urgent data apart.
const SERVER: &str = r#"
import select, socket, socketserver, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Web(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *a): pass

class Raw(socketserver.BaseRequestHandler):
    def handle(self):
        apart, got = b"", b""
        while True:
            ready = select.select([self.request], [], [] if apart else [self.request])
            if ready[2]:
                apart += self.request.recv(1, socket.MSG_OOB)
                continue
            data = self.request.recv(100)
            if not data:
                break
            got += data
        self.request.sendall(got + b" apart " + apart)

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True

raw = Server(("127.0.0.1", 7000), Raw)
threading.Thread(target=raw.serve_forever, daemon=True).start()
ThreadingHTTPServer(("127.0.0.1", 8080), Web).serve_forever()
"#;

const SERVICES: &str = r#"
server = service("server", "./server.py", interface("web", "http", 8080), interface("raw", "tcp", 7000),
    healthcheck = tcp("localhost:8080"))
client = service("client", "./client.py", interface("main", "http", 9000), healthcheck = tcp("localhost:9000"),
    depends_on = [server])
def said(path):
    return client.get(path = path, timeout = "30s").body
"#;

fn place(spec: &str) -> Place {
    let place = Place::new(&format!("{SERVICES}{spec}"));
    for (name, text) in [("client.py", CLIENT), ("server.py", SERVER)] {
        place.write(name, format!("#!/usr/bin/env python3{text}"));
        std::fs::set_permissions(place.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    place
}

#[test]
fn a_program_gets_the_bytes_and_the_close_that_a_rule_says() {
    if !has("python3") {
        return;
    }
    let place = place(
        r#"
blob = load_bytes("answer.bin")
def check(target, rule, path, expected):
    fault(target, rule, run = lambda: assert_eq(said(path), expected))
def test_bytes():
    check(server.raw, response(body = b"\xff\x80"), "/raw", "ff80 closed")
    check(server.raw, response(body = "\xff"), "/raw", "c3bf closed")
    check(server.raw, response(body = blob + b"\0"), "/raw", "89504e470d0a00 closed")
    web = lambda **kw: response(path = "/x", status = 503, reason = "No", body = b"\xff", headers = kw["headers"])
    head = "HTTP/1.1 503 No\r\n%sContent-Type: application/octet-stream\r\nContent-Length: 1\r\n%s\r\n"
    def wire(own, connection):
        return "".join([hex(byte) for byte in bytes(head % (own, connection)).elems()]) + "ff"
    def hex(byte):
        return "%s%s" % ("0123456789abcdef"[byte[0] // 16], "0123456789abcdef"[byte[0] % 16])
    check(server.web, web(headers = {"Connection": "Close"}), "/http", wire("", "Connection: Close\r\n") + " closed")
    check(server.web, web(headers = {"X": "y"}), "/http", wire("X: y\r\n", "") + " open")
def test_read_back():
    fault(server.web, response(body = blob), run = lambda: assert_eq(server.web.get().body_bytes, blob))
    fault(server.raw, response(body = blob), run = lambda: assert_eq(server.raw.send(b"x"), b"\x89PNG\r\n"))
"#,
    );
    place.write("answer.bin", b"\x89PNG\r\n");
    place.test(&[]).expect(0, &["2 passed, 0 failed"]);
}

#[test]
fn urgent_data_passes_a_ruled_interface() {
    if !has("python3") {
        return;
    }
    let spec = r#"
slow = fault_assumption("slow", target = server.raw, rules = [delay(data = "SET *", delay = "10ms")])
fault_scenario("urgent", scenario = lambda: said("/urgent"), faults = slow,
    expect = lambda said: assert_eq(said, "SET k apart !"))
def test_plain():
    assert_eq(said("/urgent"), "SET k apart !")
"#;
    place(spec).test(&[]).expect(0, &["2 passed, 0 failed"]);
}

#[test]
fn what_cannot_be_sent_or_read_is_refused_before_anything_runs() {
    let web = "web = service(\"web\", \"./web\", interface(\"main\", \"http\", 8080))\n";
    let refused = |text: &str, parts: &[&str]| {
        let place = Place::new(&format!("{web}{text}"));
        let _socket = UnixListener::bind(place.path("socket")).unwrap();
        place.run(&["check", "spec.star"]).expect(1, parts);
        place.test(&[]).expect(1, parts);
    };
    let rule = |rule: &str| {
        [
            format!(
                "a = fault_assumption(\"a\", target = web.main, rules = [{rule}])\n\
                     fault_scenario(\"s\", scenario = lambda: web.get(), faults = a)\n"
            ),
            format!("def test_a():\n    fault(web.main, {rule}, run = lambda: web.get())\n"),
        ]
    };
    for text in rule("response(path = \"/x\", status = 103)") {
        refused(
            &text,
            &["103 is an interim status", "must be from 200 to 599", "a rule gives the final answer"],
        );
    }
    for text in rule("response(status = 600)") {
        refused(&text, &["600 is not an HTTP status"]);
    }
    for text in rule("response(status = 204, body = b\"\\xff\")") {
        refused(&text, &["a 204 answer has no content"]);
    }
    for text in rule("response(status = 503, headers = {\"X\": \"a\\r\\nb: c\"})") {
        refused(&text, &["the header X cannot have the value"]);
    }
    let test = "def test_a():\n    web.get()\n";
    refused(
        &format!("x = load_bytes(\"socket\")\n{test}"),
        &["cannot read `socket`: it is a socket, not a regular file"],
    );
    refused(&format!("x = load_bytes(\"/dev/zero\")\n{test}"), &["it is a device, not a regular file"]);
    refused(&format!("x = load_bytes(\"absent.bin\")\n{test}"), &["cannot read `absent.bin`", "looked for"]);
}
