//! Clients that speak TLS to PostgreSQL: what they may ask for, and that rules act inside.

use crate::setting::{PASSWORD, Server, Setting, find, params, postgres_directories, rule, skip};
use faultbox_engine::model::{
    Action, DropMode, Endpoint, InterfaceName, Protocol, ServiceName, StepCall, StepId, StepReply,
};
use faultbox_engine::protocol;
use faultbox_engine::proxy::{Dialer, tls};
use faultbox_engine::rules::Installed;
use faultbox_engine::text::{FileId, Span};
use serde_json::json;
use std::net::SocketAddr;
use std::process::Output;
use std::time::Duration;
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

const PATIENCE: Duration = Duration::from_secs(60);
/// As Debian's package has it: with TLS or without, by password.
const EITHER_WAY: &str = "host all all all scram-sha-256\n";
const ONLY_TLS: &str = "hostssl all all all scram-sha-256\n";
const ONLY_TLS_TRUSTED: &str = "hostssl all all all trust\n";

fn setting(hba: &str) -> Option<(Server, Setting)> {
    let Some(server) = Server::postgres_with_tls(hba) else {
        skip("postgres");
        return None;
    };
    let setting = Setting::new(Protocol::Postgres, &server);
    Some((server, setting))
}

fn deadlock(setting: &Setting) -> Installed {
    let action =
        Action::Error(params(&[("sqlstate", json!("40P01")), ("message", json!("deadlock detected"))]));
    setting.rules.install(vec![rule(Protocol::Postgres, &[("query", "SELECT 42")], action)])
}

fn certificate(setting: &Setting) -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), setting.authority.pem()).unwrap();
    file
}

/// What psql says to these statements, standard error included.
async fn psql(address: SocketAddr, options: &str, statements: &[&str]) -> (bool, String) {
    let program = find("psql", &postgres_directories()).expect("psql is installed");
    let host = if options.contains("host=") { "" } else { "host=127.0.0.1" };
    let login = format!("{host} port={} user=postgres password={PASSWORD} {options}", address.port());
    let mut command = Command::new(program);
    command.args(["-X", "-A", "-t", "-d", &login]).args(statements.iter().flat_map(|text| ["-c", text]));
    let output = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output()).await;
    let Output { status, stdout, stderr } = output.expect("psql hangs").unwrap();
    (status.success(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

const SERVER_SEES_TLS: &str = "SELECT 'tls=' || ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

#[tokio::test]
async fn rules_act_inside_tls_whatever_libpq_asks_for() {
    let Some((server, setting)) = setting(EITHER_WAY) else { return };
    let (installed, trusted) = (deadlock(&setting), certificate(&setting));
    let root = format!("sslrootcert={}", trusted.path().display());
    let asked = [
        String::new(),
        "sslmode=require".to_owned(),
        format!("sslmode=verify-ca {root}"),
        format!("sslmode=verify-full {root}"),
        format!("sslmode=verify-full host=localhost {root}"),
        format!("sslmode=verify-full host=db hostaddr=127.0.0.1 {root}"),
        format!("sslmode=verify-full host=db.internal hostaddr=127.0.0.1 {root}"),
        "sslmode=require channel_binding=disable".to_owned(),
        "sslmode=disable".to_owned(),
    ];
    for options in &asked {
        let (ok, text) =
            psql(setting.address, options, &["\\conninfo", "SELECT 'one'", "SELECT 42", "SELECT 'two'"])
                .await;
        assert!(ok && text.contains("one\n") && text.contains("two\n"), "{options}: {text}");
        assert!(text.contains("deadlock detected"), "{options}: {text}");
        let encrypted = text.contains("SSL connection (protocol: TLSv1.3");
        assert_eq!(encrypted, options != "sslmode=disable", "{options}: {text}");
    }
    assert_eq!(installed.evidence()[0].fired, asked.len() as u64);
    assert_eq!(setting.log.opaque(), [""; 0]);
    assert_eq!(setting.log.failed(), [""; 0]);
    // SCRAM over TLS could be bound to the channel, so the login was made in the clear.
    assert_eq!(psql(setting.address, "", &[SERVER_SEES_TLS]).await, (true, "tls=false\n".to_owned()));
    assert_eq!(psql(server.address, "", &[SERVER_SEES_TLS]).await, (true, "tls=true\n".to_owned()));
}

#[tokio::test]
async fn a_wrong_password_is_the_servers_to_refuse() {
    let Some((_server, setting)) = setting(EITHER_WAY) else { return };
    let (ok, text) = psql(setting.address, "password=wrong sslmode=require", &["SELECT 1"]).await;
    assert!(!ok && text.contains("password authentication failed"), "{text}");
}

#[tokio::test]
async fn a_server_that_wants_tls_is_spoken_to_over_tls() {
    let Some((_server, setting)) = setting(ONLY_TLS_TRUSTED) else { return };
    let installed = deadlock(&setting);
    let (ok, text) = psql(setting.address, "", &[SERVER_SEES_TLS, "SELECT 42", "SELECT 'two'"]).await;
    assert!(
        ok && text.contains("tls=true\n") && text.contains("deadlock") && text.contains("two\n"),
        "{text}"
    );
    assert_eq!(installed.evidence()[0].fired, 1);
    // Without TLS the server refuses, and so does the relay.
    let (ok, text) = psql(setting.address, "sslmode=disable", &["SELECT 1"]).await;
    assert!(!ok && text.contains("no pg_hba.conf entry"), "{text}");
}

#[tokio::test]
async fn a_login_that_cannot_be_bound_is_explained() {
    let Some((_server, setting)) = setting(ONLY_TLS) else { return };
    let installed = deadlock(&setting);
    // Twice: the second time the relay knows its server.
    for _ in 0..2 {
        let (ok, text) = psql(setting.address, "sslmode=require", &["SELECT 42"]).await;
        assert!(!ok && text.contains("channel binding"), "{text}");
        let unread = installed.evidence()[0].unread.clone();
        assert!(unread[0].reason.contains("channel_binding to disable"), "{unread:?}");
        let options = "sslmode=require channel_binding=disable";
        let (ok, text) = psql(setting.address, options, &[SERVER_SEES_TLS]).await;
        assert!(ok && text == "tls=true\n", "{text}");
    }
    let (_, text) = psql(setting.address, "channel_binding=disable", &["SELECT 42"]).await;
    assert!(text.contains("deadlock"), "{text}");
}

#[tokio::test]
async fn a_login_whose_password_is_known_is_carried_over() {
    let Some(server) = Server::postgres_with_tls(ONLY_TLS) else { return skip("postgres") };
    let env = [("POSTGRES_PASSWORD".to_owned(), PASSWORD.to_owned())];
    let setting = Setting::with_env(Protocol::Postgres, &server, &env);
    let installed = deadlock(&setting);
    let asked = ["", "sslmode=require", "sslmode=require channel_binding=disable"];
    for options in asked {
        let (ok, text) =
            psql(setting.address, options, &[SERVER_SEES_TLS, "SELECT 42", "SELECT 'two'"]).await;
        assert!(ok && text.contains("tls=true\n") && text.contains("two\n"), "{options}: {text}");
        assert!(text.contains("deadlock detected"), "{options}: {text}");
    }
    assert_eq!(installed.evidence()[0].fired, asked.len() as u64);
    // Who does not know the password does not get in, and neither does who is somebody else.
    let (ok, text) = psql(setting.address, "password=wrong", &["SELECT 1"]).await;
    assert!(!ok && text.contains("password authentication failed"), "{text}");
    let (_, text) = psql(server.address, "", &["CREATE USER other PASSWORD 'pencil'"]).await;
    assert!(text.contains("CREATE ROLE"), "{text}");
    let (ok, text) = psql(setting.address, "user=other", &["SELECT 1"]).await;
    assert!(!ok && text.contains("channel binding"), "{text}");
}

#[tokio::test]
async fn a_client_that_refuses_the_certificate_is_told_what_to_trust() {
    let Some((_server, setting)) = setting(EITHER_WAY) else { return };
    let (installed, other) = (deadlock(&setting), tls::Authority::new().unwrap());
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), other.pem()).unwrap();
    let options = format!("sslmode=verify-ca sslrootcert={}", file.path().display());
    let (ok, text) = psql(setting.address, &options, &["SELECT 42"]).await;
    assert!(!ok && text.contains("certificate verify failed"), "{text}");
    let wanted =
        "the client refused the run's certificate (UnknownCA): point its sslrootcert at $FAULTBOX_CA";
    let told = tokio::time::timeout(PATIENCE, setting.log.first_failed()).await;
    assert_eq!(told.as_deref(), Ok(wanted));
    let unread = installed.evidence()[0].unread.clone();
    assert_eq!((unread.len(), unread[0].reason.as_str()), (1, wanted));
}

/// A client that says exactly what a test says.
async fn talk(stream: &mut TcpStream, said: &[u8], answer: &[u8]) {
    stream.write_all(said).await.unwrap();
    let mut got = vec![0; answer.len()];
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut got)).await;
    read.unwrap_or_else(|_| panic!("no answer to {}", said.escape_ascii())).unwrap();
    assert_eq!(got, answer, "to {}", said.escape_ascii());
}

const SSL: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
const GSS: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x30";

#[tokio::test]
async fn requests_for_encryption_are_answered_in_any_order() {
    let Some((_server, setting)) = setting(EITHER_WAY) else { return };
    let mut client = TcpStream::connect(setting.address).await.unwrap();
    talk(&mut client, GSS, b"N").await;
    talk(&mut client, SSL, b"S").await;
    // A request to cancel, which nobody answers, inside TLS.
    let mut client = tls::secure(client, b"postgresql").await.unwrap();
    client.write_all(b"\0\0\0\x10\x04\xd2\x16\x2e\0\0\0\x01\0\0\0\x02").await.unwrap();
    let end = tokio::time::timeout(PATIENCE, client.read_u8()).await.expect("the end");
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);

    let mut client = TcpStream::connect(setting.address).await.unwrap();
    talk(&mut client, GSS, b"N").await;
    talk(&mut client, b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0", b"R").await;

    let Some(server) = Server::postgres() else { return };
    let without = Setting::new(Protocol::Postgres, &server);
    let mut client = TcpStream::connect(without.address).await.unwrap();
    for chunk in SSL.chunks(3) {
        client.write_all(chunk).await.unwrap();
    }
    talk(&mut client, b"", b"N").await;
    talk(&mut client, GSS, b"N").await;
    talk(&mut client, b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0", b"R\0\0\0\x08\0\0\0\0").await;
    // What asks for nothing passes as it is, and so does an end.
    let mut client = TcpStream::connect(without.address).await.unwrap();
    client.write_all(b"GET /").await.unwrap();
    client.shutdown().await.unwrap();
    tokio::time::timeout(PATIENCE, client.read_to_end(&mut Vec::new())).await.expect("the end").unwrap();
}

#[tokio::test]
async fn what_hides_requests_is_said() {
    let Some((_server, setting)) = setting(EITHER_WAY) else { return };
    let installed = deadlock(&setting);
    // The beginning of a ClientHello, as sslnegotiation=direct sends it.
    let mut client = TcpStream::connect(setting.address).await.unwrap();
    client.write_all(b"\x16\x03\x01\0\x05\x01\0\0\x01\0").await.unwrap();
    client.shutdown().await.unwrap();
    tokio::time::timeout(PATIENCE, client.read_to_end(&mut Vec::new())).await.expect("the end").unwrap();
    let unread = &installed.evidence()[0].unread;
    assert!(unread[0].reason.contains("sslnegotiation"), "{unread:?}");
    assert_eq!(setting.log.opaque().len(), 1);
}

#[tokio::test]
async fn a_silent_drop_inside_tls_is_no_failure_to_log_in() {
    let Some((_server, setting)) = setting(EITHER_WAY) else { return };
    let silent = Action::Drop(DropMode::Silent);
    let installed = setting.rules.install(vec![rule(Protocol::Postgres, &[("on", "connect")], silent)]);
    let mut client = TcpStream::connect(setting.address).await.unwrap();
    talk(&mut client, SSL, b"S").await;
    let mut client = tls::secure(client, b"postgresql").await.unwrap();
    client.write_all(b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0").await.unwrap();
    client.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // The relay may end without a goodbye of TLS's own.
    let _ = tokio::time::timeout(PATIENCE, client.read_to_end(&mut answer)).await.expect("the end");
    assert_eq!(answer, b"");
    let evidence = &installed.evidence()[0];
    assert_eq!((evidence.fired, evidence.unread.as_slice()), (1, &[][..]));
}

#[tokio::test]
async fn half_a_greeting_is_kept_for_a_moment_only() {
    let Some((_server, setting)) = setting(EITHER_WAY) else { return };
    let mut client = TcpStream::connect(setting.address).await.unwrap();
    // The server waits for the rest of a startup message; a relay must not be the one that does.
    client.write_all(&SSL[..5]).await.unwrap();
    let before = setting.log.opened().await;
    assert_eq!(before, 1, "the session has begun");
}

#[tokio::test]
async fn steps_and_readiness_reach_a_server_that_wants_tls() {
    let Some((server, setting)) = setting(ONLY_TLS) else { return };
    let _installed = deadlock(&setting);
    let direct = Dialer::new(server.address);
    let env = [("POSTGRES_PASSWORD".to_owned(), PASSWORD.to_owned())];
    assert_eq!(protocol::ready(Protocol::Postgres, &direct, &env).await, Ok(()));
    for dialer in [&direct, &setting.dialer] {
        let reply = query(dialer, SERVER_SEES_TLS, &env).await;
        assert_eq!(reply.data.to_json(), json!([{ "?column?": "tls=true" }]), "{}", reply.error);
    }
    let reply = query(&setting.dialer, "SELECT 42", &env).await;
    assert_eq!(reply.error, "ERROR: deadlock detected (SQLSTATE 40P01)");
}

async fn query(dialer: &Dialer, sql: &str, env: &[(String, String)]) -> StepReply {
    let call = StepCall {
        endpoint: Endpoint { service: ServiceName::new("db"), interface: InterfaceName::new("main") },
        method: "query",
        args: [("sql", sql.into())].into(),
        span: Span::start_of(FileId(0)),
    };
    protocol::step(Protocol::Postgres, dialer, &call, StepId(1), env, PATIENCE).await
}

#[tokio::test]
async fn much_passes_through_tls_unharmed() {
    for hba in [EITHER_WAY, ONLY_TLS_TRUSTED] {
        let Some((server, setting)) = setting(hba) else { return };
        let _installed = deadlock(&setting);
        let script = [
            "CREATE TABLE c (id int, text text)",
            "\\copy c FROM PROGRAM 'seq 100000 | sed s/$/,abcdefghijklmnopqrstuvwxyz/' CSV",
            "\\copy c TO PROGRAM 'sort -n | md5sum'",
            "SELECT sum(length(repeat(text, 10))) FROM c",
        ];
        let (ok, relayed) = psql(setting.address, "sslmode=require", &script).await;
        assert!(ok && relayed.contains("COPY 100000") && relayed.contains("26000000"), "{hba}: {relayed}");
        let again = [&["DROP TABLE c"][..], &script].concat();
        let (_, direct) = psql(server.address, "sslmode=require", &again).await;
        assert_eq!(direct.replace("DROP TABLE\n", ""), relayed);
        let pgbench = find("pgbench", &postgres_directories()).expect("pgbench is installed");
        for (address, arguments) in [
            (server.address, &["-i", "-q", "-s", "1"][..]),
            (setting.address, &["-n", "-C", "-M", "extended", "-c", "8", "-t", "10"]),
            (setting.address, &["-n", "-M", "prepared", "-c", "4", "-t", "50"]),
        ] {
            let mut command = Command::new(&pgbench);
            command.args(["-h", "127.0.0.1", "-p", &address.port().to_string(), "-U", "postgres"]);
            command.args(arguments).arg("postgres").env("PGPASSWORD", PASSWORD);
            let output = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output()).await;
            let output = output.expect("pgbench hangs").unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!(setting.log.opaque(), [""; 0]);
        assert_eq!(setting.log.failed(), [""; 0]);
    }
}
