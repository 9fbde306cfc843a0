//! Starts the services as processes on free ports and talks to them over loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a service may take to listen, or a reply to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running service, killed when the test is over.
struct Service {
    child: Child,
    port: u16,
}

impl Service {
    /// Starts `program` on a free port, learns the port from its first log line and waits until it answers a
    /// connection.
    fn start(program: &str, env: &[(&str, String)]) -> Service {
        let mut child = Command::new(program)
            .env("PORT", "0")
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut banner = String::new();
        stdout.read_line(&mut banner).expect("a first log line");
        // Somebody must keep reading, or the service would block once the pipe is full.
        std::thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
        let port =
            banner.rsplit(':').next().and_then(|tail| tail.trim_end_matches(['"', '}', '\n']).parse().ok());
        let service = Service { port: port.unwrap_or_else(|| panic!("no port in {banner:?}")), child };
        service.connect();
        service
    }

    fn connect(&self) -> TcpStream {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match TcpStream::connect(("127.0.0.1", self.port)) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
                    return stream;
                }
                Err(error) if Instant::now() > deadline => panic!("port {}: {error}", self.port),
                Err(_) => std::thread::yield_now(),
            }
        }
    }

    fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// Sends one line and returns the line that answers it.
    fn ask(&self, command: &str) -> String {
        let mut stream = self.connect();
        writeln!(stream, "{command}").expect("sent");
        let mut reply = String::new();
        BufReader::new(stream).read_line(&mut reply).expect("a reply");
        reply.trim_end().to_owned()
    }

    /// Sends one request on its own connection; returns status and body.
    fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = self.connect();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a response");
        let status = reply.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line");
        let body = reply.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).expect("a header section");
        (status, body)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself, which is what some tests are about.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn mock_db() -> Service {
    Service::start(env!("CARGO_BIN_EXE_mock-db"), &[])
}

fn mock_api(db_address: String) -> Service {
    Service::start(env!("CARGO_BIN_EXE_mock-api"), &[("DB_ADDR", db_address)])
}

#[test]
fn the_api_stores_and_reads_through_the_db() {
    let db = mock_db();
    let api = mock_api(db.address());
    assert_eq!(api.request("GET", "/health", ""), (200, "ok".to_owned()));
    assert_eq!(api.request("GET", "/data/k", ""), (404, "not found".to_owned()));
    assert_eq!(api.request("POST", "/data/k", "hello"), (200, "stored: k=hello".to_owned()));
    assert_eq!(api.request("GET", "/data/k", ""), (200, "hello".to_owned()));
    assert_eq!(db.ask("GET k"), "hello");
}

#[test]
fn one_connection_carries_many_requests() {
    let api = mock_api("localhost:1".to_owned());
    let mut stream = api.connect();
    for _ in 0..3 {
        write!(stream, "GET /health HTTP/1.1\r\n\r\n").expect("sent");
        let mut reply = [0; 4096];
        let length = stream.read(&mut reply).expect("a response");
        assert!(reply[..length].starts_with(b"HTTP/1.1 200 OK\r\n"), "{:?}", &reply[..length]);
    }
}

#[test]
fn a_dead_db_is_an_error_of_the_api() {
    let db = mock_db();
    let api = mock_api(db.address());
    drop(db);
    let (status, body) = api.request("GET", "/data/k", "");
    assert_eq!(status, 500);
    assert!(body.starts_with("db error: "), "{body}");
}

#[test]
fn orders_reserve_stock_until_there_is_none() {
    let wal: PathBuf = std::env::temp_dir().join(format!("services-test-{}.wal", std::process::id()));
    let wal_text = wal.display().to_string();
    let inventory = Service::start(env!("CARGO_BIN_EXE_inventory-svc"), &[("WAL_PATH", wal_text)]);
    let orders = Service::start(env!("CARGO_BIN_EXE_order-svc"), &[("INVENTORY_ADDR", inventory.address())]);

    let (status, order) = orders.request("POST", "/orders", r#"{"sku": "gizmo", "qty": 20}"#);
    assert_eq!((status, orders.request("GET", "/orders/1", "")), (200, (200, order)));
    assert_eq!(orders.request("POST", "/orders", r#"{"sku": "gizmo", "qty": 6}"#).0, 409);
    assert_eq!(orders.request("POST", "/orders", r#"{"sku": "sprocket", "qty": 1}"#).0, 404);
    assert_eq!(inventory.ask("CHECK gizmo"), "OK 5");
    assert_eq!(std::fs::read_to_string(&wal).expect("the log"), "RESERVE gizmo 20\n");

    drop(inventory);
    assert_eq!(orders.request("POST", "/orders", r#"{"sku": "gizmo", "qty": 1}"#).0, 503);
    std::fs::remove_file(&wal).expect("the log can be removed");
}

#[test]
fn a_taken_port_is_said_and_ends_the_service() {
    let db = mock_db();
    let second = Command::new(env!("CARGO_BIN_EXE_mock-db"))
        .env("PORT", db.port.to_string())
        .output()
        .expect("the second service starts");
    assert_eq!(second.status.code(), Some(1));
    let complaint = String::from_utf8(second.stderr).expect("UTF-8");
    assert!(complaint.starts_with(&format!("mock-db: cannot listen on port {}: ", db.port)), "{complaint}");
}
