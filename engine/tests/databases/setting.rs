//! A server of the test's own, and a relay in front of it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use faultbox_engine::event::EventKind;
use faultbox_engine::model::{
    Action, Clause, Dialect, Endpoint, Glob, InterfaceName, Matcher, Params, Pattern, Protocol, Rule,
    RuleName, ServiceName, Target, Trigger,
};
use faultbox_engine::protocol::{self, postgres::schema::sql::canonical_sql};
use faultbox_engine::proxy::tls::Authority;
use faultbox_engine::proxy::{Dialer, Observer, Relay, RelayConfig};
use faultbox_engine::rules::RuleSet;
use faultbox_engine::text::{FileId, Span};
use serde_json::Value;
use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::sync::Notify;

/// A running server with its own data; both go with it.
pub(crate) struct Server {
    child: Option<Child>,
    pub(crate) address: SocketAddr,
    _data: Option<TempDir>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may be gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Server {
    /// A server of the test's own at this address.
    pub(crate) fn elsewhere(address: SocketAddr) -> Server {
        Server { child: None, address, _data: None }
    }

    /// Starts redis-server; `None` when this machine has none.
    pub(crate) fn redis() -> Option<Server> {
        let binary = find("redis-server", &[])?;
        let (data, address) = (TempDir::new().unwrap(), free_address());
        let mut command = Command::new(binary);
        command.args(["--bind", "127.0.0.1", "--save", "", "--port", &address.port().to_string()]);
        command.current_dir(data.path()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        wait_for_line(child.stdout.take().unwrap(), "Ready to accept connections");
        Some(Server { child: Some(child), address, _data: Some(data) })
    }

    /// Makes a cluster and starts postgres on it as an ordinary user; `None` when this machine has none.
    pub(crate) fn postgres() -> Option<Server> {
        Server::postgres_with("trust", None)
    }

    /// The same, taking TLS, with [`PASSWORD`] for the user postgres; `hba` is its `pg_hba.conf`.
    pub(crate) fn postgres_with_tls(hba: &str) -> Option<Server> {
        Server::postgres_with("scram-sha-256", Some(hba))
    }

    fn postgres_with(login: &str, hba: Option<&str>) -> Option<Server> {
        let binary = find("postgres", &postgres_directories())?;
        let (data, address) = (TempDir::new().unwrap(), free_address());
        let directory = data.path().join("cluster");
        let owner = ordinary_user();
        if let Some((user, group)) = owner {
            std::os::unix::fs::chown(data.path(), Some(user), Some(group)).unwrap();
        }
        let as_owner = |binary: &Path| {
            let mut command = Command::new(binary);
            if let Some((user, group)) = owner {
                command.uid(user).gid(group);
            }
            command.current_dir(data.path()).stdin(Stdio::null()).stdout(Stdio::null());
            command
        };
        std::fs::write(data.path().join("password"), PASSWORD).unwrap();
        let mut initdb = as_owner(&binary.with_file_name("initdb"));
        initdb
            .args([
                "-A",
                login,
                "--pwfile",
                "password",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--no-locale",
                "--no-sync",
                "-D",
            ])
            .arg(&directory);
        let made = initdb.stderr(Stdio::piped()).output().unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let mut postgres = as_owner(&binary);
        postgres.arg("-D").arg(&directory).arg("-k").arg(data.path());
        postgres.args([
            "-c",
            "fsync=off",
            "-c",
            "listen_addresses=127.0.0.1",
            "-p",
            &address.port().to_string(),
        ]);
        if let Some(hba) = hba {
            std::fs::write(directory.join("pg_hba.conf"), hba).unwrap();
            write_certificate(&directory, owner);
            postgres.args(["-c", "ssl=on"]);
        }
        let mut child = postgres.stderr(Stdio::piped()).spawn().unwrap();
        wait_for_line(child.stderr.take().unwrap(), "ready to accept connections");
        Some(Server { child: Some(child), address, _data: Some(data) })
    }
}

/// What the user postgres logs in with where the server asks.
pub(crate) const PASSWORD: &str = "pencil";

/// A certificate of the server's own, which no client trusts.
fn write_certificate(directory: &Path, owner: Option<(u32, u32)>) {
    let made = rcgen::generate_simple_self_signed(["db.example".to_owned()]).unwrap();
    let parts = [
        ("server.crt", "CERTIFICATE", made.cert.der().to_vec()),
        ("server.key", "PRIVATE KEY", made.signing_key.serialize_der()),
    ];
    for (name, label, bytes) in parts {
        let (path, text) = (directory.join(name), BASE64_STANDARD.encode(bytes));
        std::fs::write(&path, format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        if let Some((user, group)) = owner {
            std::os::unix::fs::chown(&path, Some(user), Some(group)).unwrap();
        }
    }
}

/// Says why a test does nothing. Where servers must be there, their absence is a failure.
#[expect(clippy::print_stdout, reason = "says why nothing was tested")]
pub(crate) fn skip(what: &str) {
    assert!(std::env::var_os("FAULTBOX_NO_SKIP").is_none(), "{what} is not installed");
    println!("skipped: {what} is not installed");
}

/// Waits for the line, then reads on so that the server never blocks on a full pipe.
fn wait_for_line(output: impl std::io::Read + Send + 'static, text: &str) {
    let mut lines = BufReader::new(output).lines();
    let mut seen = Vec::new();
    for line in lines.by_ref().map_while(Result::ok) {
        if line.contains(text) {
            std::thread::spawn(move || lines.for_each(drop));
            return;
        }
        seen.push(line);
    }
    panic!("the server ended before {text:?}:\n{}", seen.join("\n"));
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub(crate) fn find(name: &str, more: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = more.iter().cloned().chain(std::env::split_paths(&path));
    directories.map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// Debian keeps the server's programs out of PATH.
pub(crate) fn postgres_directories() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    versions.map(|version| version.path().join("bin")).collect()
}

/// PostgreSQL refuses to run as root.
fn ordinary_user() -> Option<(u32, u32)> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let user =
        ["postgres", "nobody"].iter().find_map(|name| nix::unistd::User::from_name(name).ok().flatten());
    user.map(|user| (user.uid.as_raw(), user.gid.as_raw()))
}

/// A relay in front of a server, with the rules of a test.
pub(crate) struct Setting {
    pub(crate) address: SocketAddr,
    pub(crate) log: Arc<Log>,
    pub(crate) rules: Arc<RuleSet>,
    pub(crate) dialer: Dialer,
    /// Signs what the relay shows to clients that speak TLS.
    pub(crate) authority: Arc<Authority>,
    _relay: Relay,
}

#[derive(Default)]
pub(crate) struct Log {
    events: Mutex<Vec<EventKind>>,
    /// Told of each.
    news: Notify,
}

impl Observer for Log {
    fn event(&self, kind: EventKind) {
        self.events.lock().unwrap().push(kind);
        self.news.notify_one();
    }
}

impl Log {
    /// The operations rules acted on, in order.
    pub(crate) fn fired(&self) -> Vec<String> {
        self.events
            .lock()
            .unwrap()
            .iter()
            .filter_map(|kind| match kind {
                EventKind::RuleFired { operation, .. } => Some(operation.clone()),
                _ => None,
            })
            .collect()
    }

    /// Why connections came to nothing.
    pub(crate) fn failed(&self) -> Vec<String> {
        self.events
            .lock()
            .unwrap()
            .iter()
            .filter_map(|kind| match kind {
                EventKind::ConnectionFailed { reason, .. } => Some(reason.clone()),
                _ => None,
            })
            .collect()
    }

    /// The same, once there is a reason: a client may be gone before the relay knows why.
    pub(crate) async fn first_failed(&self) -> String {
        loop {
            if let Some(reason) = self.failed().into_iter().next() {
                return reason;
            }
            self.news.notified().await;
        }
    }

    /// How many connections were opened, once there is one.
    pub(crate) async fn opened(&self) -> usize {
        loop {
            let opened = |kind: &&EventKind| matches!(kind, EventKind::ConnectionOpened { .. });
            let count = self.events.lock().unwrap().iter().filter(opened).count();
            if count > 0 {
                return count;
            }
            self.news.notified().await;
        }
    }

    /// Why connections were not understood.
    pub(crate) fn opaque(&self) -> Vec<String> {
        self.events
            .lock()
            .unwrap()
            .iter()
            .filter_map(|kind| match kind {
                EventKind::ConnectionOpaque { reason, .. } => Some(reason.clone()),
                _ => None,
            })
            .collect()
    }
}

impl Setting {
    pub(crate) fn new(protocol: Protocol, server: &Server) -> Setting {
        Setting::with_env(protocol, server, &[])
    }

    /// The same, with the environment of the server's service.
    pub(crate) fn with_env(protocol: Protocol, server: &Server, env: &[(String, String)]) -> Setting {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (rules, log) = (RuleSet::new(0), Arc::new(Log::default()));
        let authority = Arc::new(Authority::new().unwrap());
        let config = RelayConfig {
            name: "db.main".to_owned(),
            upstream: Dialer::new(server.address),
            rules: rules.clone(),
            session: Arc::new(move || protocol::session(protocol)),
            observe: log.clone(),
            prelude: protocol::prelude(protocol, "db", env, &authority).unwrap(),
        };
        let relay = Relay::start(vec![listener], config);
        Setting { address, log, rules, dialer: Dialer::new(address), authority, _relay: relay }
    }
}

/// `rule(&[("command", "SET")], action)`, patterns made as the loader makes them.
pub(crate) fn rule(protocol: Protocol, clauses: &[(&'static str, &str)], action: Action) -> Rule {
    let clause = |(name, text): &(&'static str, &str)| {
        let field = protocol::schema(protocol).fields.iter().find(|field| field.name == *name).unwrap();
        let text = if field.dialect == Dialect::Sql { canonical_sql(text) } else { (*text).to_owned() };
        Clause {
            field: field.name,
            key: None,
            pattern: Pattern::Glob(Glob::new(&text, field.dialect, field.fold_case)),
        }
    };
    Rule {
        name: RuleName("fault[0]".into()),
        target: Target::Interface(Endpoint {
            service: ServiceName::new("db"),
            interface: InterfaceName::new("main"),
        }),
        matcher: Matcher::Message(clauses.iter().map(clause).collect()),
        action,
        trigger: Trigger::ALWAYS,
        label: None,
        span: Span::start_of(FileId(0)),
    }
}

pub(crate) fn params(values: &[(&'static str, Value)]) -> Params {
    Params(values.iter().map(|(name, value)| (*name, value.clone().into())).collect())
}
