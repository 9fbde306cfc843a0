//! What is measured: the server itself, the relay before it, HAProxy and nginx before it.

use faultbox_engine::event::EventKind;
use faultbox_engine::model::{
    Action, Clause, Dialect, Endpoint, Glob, Matcher, Pattern, Protocol, Rule, RuleName, Target, Trigger,
};
use faultbox_engine::protocol;
use faultbox_engine::proxy::{Dialer, Observer, Relay, RelayConfig};
use faultbox_engine::rules::RuleSet;
use faultbox_engine::text::{FileId, Span};
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Something to send requests to.
pub(crate) struct Contestant {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    child: Option<(Child, PathBuf)>,
}

/// A program to compare with.
#[derive(Clone, Copy)]
pub(crate) enum Peer {
    Haproxy,
    Nginx,
}

impl Peer {
    pub(crate) const ALL: [Peer; 2] = [Peer::Haproxy, Peer::Nginx];
}

struct Deaf;

impl Observer for Deaf {
    fn event(&self, _kind: EventKind) {}
}

impl Contestant {
    pub(crate) fn direct(address: SocketAddr) -> Contestant {
        Contestant { name: "direct".to_owned(), address, child: None }
    }

    /// A relay in a process of its own, as its peers are: this program again, see [`run_relay`].
    pub(crate) fn relay(name: &str, upstream: SocketAddr, rules: &str) -> Contestant {
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args(["--relay", &upstream.to_string(), rules]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a process");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("the relay's address");
        let address = line.trim().parse().expect("the relay's address");
        Contestant { name: name.to_owned(), address, child: Some((child, PathBuf::new())) }
    }

    /// Memory of the contestant's process in use now.
    pub(crate) fn resident_kib(&self) -> u64 {
        let pid = self.child.as_ref().map_or_else(std::process::id, |(child, _)| child.id());
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    }

    /// A program with one worker; `None` with a word about it when it is not installed.
    pub(crate) fn peer(peer: Peer, upstream: SocketAddr) -> Option<Contestant> {
        // The port is free again when the program binds it; nothing else here takes ports meanwhile.
        let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).ok()?;
        let (name, config) = match peer {
            Peer::Haproxy => ("haproxy", haproxy(address, upstream)),
            Peer::Nginx => ("nginx", nginx(address, upstream)),
        };
        let path = std::env::temp_dir().join(format!("faultbox-bench-{}-{name}.conf", std::process::id()));
        std::fs::write(&path, config).ok()?;
        let mut command = Command::new(name);
        match peer {
            Peer::Haproxy => command.arg("-db").arg("-f").arg(&path),
            Peer::Nginx => command.arg("-e").arg("/dev/null").arg("-c").arg(&path),
        };
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(child) = child else {
            println!("    {name} is not installed: left out");
            return None;
        };
        let contestant = Contestant { name: name.to_owned(), address, child: Some((child, path)) };
        super::wait_for(address).then_some(contestant)
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        if let Some((child, path)) = &mut self.child {
            // Gone already is as good.
            let _ = child.kill();
            let _ = child.wait();
            let _ = std::fs::remove_file(path);
        }
    }
}

fn haproxy(address: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "global\n nbthread 1\n maxconn 2000\ndefaults\n mode http\n timeout connect 5s\n timeout client 60s\n \
         timeout server 60s\n http-reuse always\nlisten bench\n bind {address}\n \
         http-request deny if {{ method POST }} {{ path_beg /none/ }}\n server up {upstream}\n"
    )
}

fn nginx(address: SocketAddr, upstream: SocketAddr) -> String {
    format!(
        "worker_processes 1;\ndaemon off;\nmaster_process off;\npid /dev/null;\nerror_log /dev/null;\n\
         events {{ worker_connections 2048; }}\nhttp {{ access_log off; keepalive_requests 100000000;\n\
         proxy_max_temp_file_size 0;\n\
         upstream up {{ server {upstream}; keepalive 256; keepalive_requests 100000000; }}\n\
         server {{ listen {address}; location / {{ proxy_pass http://up; proxy_http_version 1.1;\n\
         proxy_set_header Connection \"\"; }} }} }}\n"
    )
}

/// Relays until standard input ends: `--relay UPSTREAM RULES`, where the rules are `delay:MILLISECONDS`,
/// `throttle:BYTES_PER_SECOND` or a number of rules on paths that nobody asks for. Prints its address.
pub(crate) fn run_relay(upstream: &str, rules: &str) {
    let upstream = upstream.parse().expect("an address");
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    println!("{}", listener.local_addr().expect("a bound address"));
    let set = RuleSet::new(0);
    let _installed = set.install(read_rules(rules));
    let config = RelayConfig {
        name: "bench.http".to_owned(),
        upstream: Dialer::new(upstream),
        rules: set.clone(),
        session: Arc::new(|| protocol::session(Protocol::Http)),
        observe: Arc::new(Deaf),
        prelude: None,
    };
    std::thread::spawn(|| {
        // Whatever ends the pipe ends the relay.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    block_on(async {
        let _relay = Relay::start(vec![listener], config);
        std::future::pending::<()>().await;
    });
}

fn read_rules(text: &str) -> Vec<Rule> {
    let number = |text: &str| text.parse().expect("a number");
    if let Some(delay) = text.strip_prefix("delay:") {
        return vec![rule("/*", Action::Delay(Duration::from_millis(number(delay))))];
    }
    if let Some(rate) = text.strip_prefix("throttle:") {
        return vec![rule("/*", Action::Throttle { bytes_per_second: number(rate) })];
    }
    (0..number(text)).map(|at| rule(&format!("/none/{at}/*"), Action::Duplicate)).collect()
}

fn rule(path: &str, action: Action) -> Rule {
    let pattern = Pattern::Glob(Glob::new(path, Dialect::Path, false));
    Rule {
        name: RuleName("bench[0]".into()),
        target: Target::Interface(Endpoint { service: "bench".into(), interface: "http".into() }),
        matcher: Matcher::Message(vec![Clause { field: "path", key: None, pattern }]),
        action,
        trigger: Trigger::ALWAYS,
        label: None,
        span: Span::start_of(FileId(0)),
    }
}

const SMALL: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 16\r\n\r\n0123456789abcdef";

/// A server that answers 16 bytes, or as many MiB as the path says: `GET /128`.
pub(crate) fn start_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let address = listener.local_addr().expect("a bound address");
    listener.set_nonblocking(true).expect("a socket");
    std::thread::spawn(move || {
        block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a runtime");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
    });
    address
}

async fn serve(mut stream: tokio::net::TcpStream) {
    // Without it the numbers are those of delayed acknowledgements.
    let _ = stream.set_nodelay(true);
    let mut request = Vec::with_capacity(4096);
    let block = vec![b'x'; 1 << 18];
    loop {
        request.clear();
        while !request.ends_with(b"\r\n\r\n") {
            match stream.read_buf(&mut request).await {
                Ok(count) if count > 0 => {}
                _ => return,
            }
        }
        let digits = request.iter().skip(5).take_while(|byte| byte.is_ascii_digit());
        let mib = digits.fold(0_usize, |number, digit| number * 10 + usize::from(digit - b'0'));
        if mib == 0 {
            if stream.write_all(SMALL).await.is_err() {
                return;
            }
            continue;
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", mib << 20);
        if stream.write_all(head.as_bytes()).await.is_err() {
            return;
        }
        for _ in 0..mib * 4 {
            if stream.write_all(&block).await.is_err() {
                return;
            }
        }
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(future)
}
