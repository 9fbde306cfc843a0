//! postgres, psql, pgbench and tokio-postgres through a relay.

use crate::setting::{Server, Setting, find, params, postgres_directories, rule, skip};
use faultbox_engine::model::{
    Action, DropMode, Endpoint, InterfaceName, Protocol, ServiceName, StepCall, StepId, StepReply,
};
use faultbox_engine::protocol;
use faultbox_engine::protocol::postgres::codec::{header, write_message};
use faultbox_engine::text::{FileId, Span};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

const PATIENCE: Duration = Duration::from_secs(60);

fn setting() -> Option<(Server, Setting)> {
    let Some(server) = Server::postgres() else {
        skip("postgres");
        return None;
    };
    let setting = Setting::new(Protocol::Postgres, &server);
    Some((server, setting))
}

fn error(sqlstate: &str, message: &str) -> Action {
    Action::Error(params(&[("sqlstate", json!(sqlstate)), ("message", json!(message))]))
}

async fn step(setting: &Setting, method: &'static str, sql: &str) -> StepReply {
    let call = StepCall {
        endpoint: Endpoint { service: ServiceName::new("db"), interface: InterfaceName::new("main") },
        method,
        args: [("sql", sql.into())].into(),
        span: Span::start_of(FileId(0)),
    };
    let env = [("POSTGRES_USER".to_owned(), "postgres".to_owned())];
    protocol::step(Protocol::Postgres, &setting.dialer, &call, StepId(1), &env, PATIENCE).await
}

async fn data(setting: &Setting, method: &'static str, sql: &str) -> Value {
    let reply = step(setting, method, sql).await;
    assert!(reply.ok, "{sql}: {}", reply.error);
    reply.data.to_json()
}

/// Runs a program of the server's package against an address; its standard output and error.
async fn run(name: &str, address: SocketAddr, args: &[&str]) -> (bool, String) {
    let program = find(name, &postgres_directories()).unwrap_or_else(|| panic!("{name} is not installed"));
    let mut command = Command::new(program);
    command.args(["-h", "127.0.0.1", "-p", &address.port().to_string(), "-U", "postgres"]).args(args);
    let output = tokio::time::timeout(PATIENCE, command.kill_on_drop(true).output()).await;
    let output = output.unwrap_or_else(|_| panic!("{name} {args:?} hangs")).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

/// A client that says exactly what a test says.
struct Raw(TcpStream);

impl Raw {
    async fn connect(address: SocketAddr) -> Raw {
        let mut raw = Raw(TcpStream::connect(address).await.unwrap());
        raw.0.write_all(b"\0\0\0\x17\0\x03\0\0user\0postgres\0\0").await.unwrap();
        raw.until_ready(1).await;
        raw
    }

    /// Sends messages written as `Q SELECT 1`, `P name|SELECT 1`, `B name`, `E`, `S`, in one piece.
    async fn send(&mut self, messages: &[&str]) {
        let mut bytes = Vec::new();
        for message in messages {
            let (tag, text) = message.split_once(' ').unwrap_or((message, ""));
            let body = match tag {
                "Q" => format!("{text}\0"),
                "P" => text.replace('|', "\0") + "\0\0\0",
                "B" => format!("\0{text}\0\0\0\0\0\0\0"),
                "E" => "\0\0\0\0\0".to_owned(),
                _ => String::new(),
            };
            write_message(tag.as_bytes()[0], body.as_bytes(), &mut bytes);
        }
        self.0.write_all(&bytes).await.unwrap();
    }

    /// What comes until ReadyForQuery came so many times: tags, with the SQLSTATE of an error and the status behind Z.
    async fn until_ready(&mut self, times: usize) -> String {
        let (mut buf, mut seen, mut ready) = (Vec::new(), Vec::new(), 0);
        while ready < times {
            let Some(header) = header(&buf).unwrap().filter(|header| buf.len() >= header.len) else {
                let read = tokio::time::timeout(PATIENCE, self.0.read_buf(&mut buf)).await;
                let count = read.unwrap_or_else(|_| panic!("only {seen:?} came")).unwrap();
                assert!(count > 0, "closed behind {seen:?}");
                continue;
            };
            let message: Vec<u8> = buf.drain(..header.len).collect();
            let text = String::from_utf8_lossy(&message[5..]).into_owned();
            let more = match header.tag {
                b'Z' => text,
                b'E' => {
                    text.split('\0').find_map(|field| field.strip_prefix('C')).unwrap_or_default().to_owned()
                }
                _ => String::new(),
            };
            ready += usize::from(header.tag == b'Z');
            seen.push(format!("{}{more}", char::from(header.tag)));
        }
        assert!(buf.is_empty(), "more came behind {seen:?}");
        seen.join(" ")
    }
}

#[tokio::test]
async fn steps_speak_to_a_real_server() {
    let Some((server, setting)) = setting() else { return };
    assert_eq!(protocol::ready(Protocol::Postgres, &setting.dialer, &[]).await, Ok(()));
    let created = "CREATE TABLE t (id int, name text, ok bool, at jsonb); INSERT INTO t VALUES (1, 'a', true, '{\"x\": 1}'), (2, NULL, false, NULL)";
    assert_eq!(data(&setting, "exec", created).await, json!({ "rows_affected": 2 }));
    let rows = data(&setting, "query", "SELECT *, id * 1.5 AS half FROM t ORDER BY id").await;
    let wanted = json!([
        { "id": 1, "name": "a", "ok": true, "at": { "x": 1 }, "half": 1.5 },
        { "id": 2, "name": null, "ok": false, "at": null, "half": 3.0 },
    ]);
    assert_eq!(rows, wanted);
    assert_eq!(data(&setting, "query", "SELECT 1 WHERE false").await, json!([]));
    let failed = step(&setting, "query", "SELECT * FROM nowhere").await;
    assert_eq!((failed.ok, failed.data.get("sqlstate")), (false, Some(&"42P01".into())));
    assert_eq!(failed.error, "ERROR: relation \"nowhere\" does not exist (SQLSTATE 42P01)");
    drop(server);
    assert!(!step(&setting, "query", "SELECT 1").await.ok);
}

/// Conversations as (what to send, how often ReadyForQuery comes). `FAIL` stands for the statement that fails.
const CONVERSATIONS: &[&[(&[&str], usize)]] = &[
    &[(&["Q FAIL"], 1), (&["Q SELECT 1"], 1)],
    &[(&["Q BEGIN"], 1), (&["Q FAIL"], 1), (&["Q SELECT 1"], 1), (&["Q COMMIT"], 1), (&["Q SELECT 1"], 1)],
    &[(&["P |FAIL", "B ", "E", "S"], 1), (&["P |SELECT 1", "B ", "E", "S"], 1)],
    &[
        (&["Q BEGIN"], 1),
        (&["P |FAIL", "B ", "E", "S"], 1),
        (&["P |SELECT 1", "B ", "E", "S"], 1),
        (&["Q ROLLBACK"], 1),
    ],
    // One batch: what stands before the failure is rolled back with it, what stands behind is skipped.
    &[
        (&["P |INSERT INTO t VALUES (1)", "B ", "E", "P |FAIL", "B ", "E", "P |SELECT 1", "B ", "E", "S"], 1),
        (&["Q SELECT 1/count(*) FROM t"], 1),
    ],
    // A pipeline of several batches.
    &[(
        &[
            "P |SELECT 1",
            "B ",
            "E",
            "S",
            "P |FAIL",
            "B ",
            "E",
            "S",
            "P |SELECT 2",
            "B ",
            "E",
            "S",
            "Q SELECT 1",
        ],
        4,
    )],
    // A real error before the failure: the server never comes to it.
    &[(&["P |SELECT nonsense", "B ", "E", "P |FAIL", "B ", "E", "S", "Q SELECT 1"], 2)],
    // A statement prepared once and executed twice.
    &[(&["P s1|FAIL", "B s1", "E", "S"], 1), (&["B s1", "E", "S"], 1), (&["Q SELECT 1"], 1)],
];

#[tokio::test]
async fn an_injected_error_leaves_the_state_of_the_real_one() {
    let Some((server, setting)) = setting() else { return };
    data(&setting, "exec", "CREATE TABLE t (id int); INSERT INTO t VALUES (1)").await;
    let rules = vec![rule(
        Protocol::Postgres,
        &[("query", "UPDATE t SET id = 7 / 1")],
        error("22012", "division by zero"),
    )];
    let installed = setting.rules.install(rules);
    for (at, conversation) in CONVERSATIONS.iter().enumerate() {
        let mut direct = Raw::connect(server.address).await;
        let mut relayed = Raw::connect(setting.address).await;
        for (messages, ready) in *conversation {
            // Both fail while they are executed, not while they are parsed: the real one by dividing by zero.
            let with =
                |fail: &str| messages.iter().map(|message| message.replace("FAIL", fail)).collect::<Vec<_>>();
            let (real, injected) =
                (with("UPDATE t SET id = 7 / (random() * 0)::int"), with("UPDATE t SET id = 7 / 1"));
            direct.send(&real.iter().map(String::as_str).collect::<Vec<_>>()).await;
            relayed.send(&injected.iter().map(String::as_str).collect::<Vec<_>>()).await;
            let real = direct.until_ready(*ready).await;
            assert_eq!(relayed.until_ready(*ready).await, real, "conversation {at}, {messages:?}");
        }
    }
    let evidence = installed.evidence();
    assert!(evidence[0].fired >= 7, "{evidence:?}");
}

#[tokio::test]
async fn psql_sees_the_error_and_its_code() {
    let Some((_server, setting)) = setting() else { return };
    data(&setting, "exec", "CREATE TABLE orders (id int)").await;
    let rules = vec![rule(
        Protocol::Postgres,
        &[("query", "INSERT INTO orders*")],
        error("40P01", "deadlock detected"),
    )];
    let _installed = setting.rules.install(rules);
    let script = "\\set VERBOSITY verbose\nBEGIN;\nINSERT INTO orders VALUES (1);\n\\echo :LAST_ERROR_SQLSTATE\nSELECT 1;\nCOMMIT;\nSELECT count(*) FROM orders;";
    // psql asks for encryption first and is refused it by the server.
    let arguments: Vec<&str> = script.lines().flat_map(|line| ["-c", line]).collect();
    let (_, text) = run("psql", setting.address, &[&["-X", "-A", "-t"][..], &arguments].concat()).await;
    assert!(text.contains("ERROR:  40P01: deadlock detected"), "{text}");
    assert!(text.contains("25P02"), "{text}");
    assert!(text.contains("ROLLBACK\n0\n"), "{text}");
    assert_eq!(setting.log.fired(), ["INSERT INTO orders VALUES (1);"]);
    assert!(setting.log.opaque().is_empty(), "{:?}", setting.log.opaque());
}

#[tokio::test]
async fn connecting_fails_only_for_rules_that_say_so() {
    let Some((_server, setting)) = setting() else { return };
    let everything =
        setting.rules.install(vec![rule(Protocol::Postgres, &[], error("53200", "out of memory"))]);
    let reply = step(&setting, "query", "SELECT 1").await;
    assert_eq!(reply.error, "ERROR: out of memory (SQLSTATE 53200)");
    assert_eq!(setting.log.fired(), ["SELECT 1"]);
    drop(everything);
    let too_many = error("53300", "sorry, too many clients already");
    let _installed = setting.rules.install(vec![rule(Protocol::Postgres, &[("on", "connect")], too_many)]);
    let reply = step(&setting, "query", "SELECT 1").await;
    assert_eq!(reply.error, "FATAL: sorry, too many clients already (SQLSTATE 53300)");
    assert_eq!(reply.data.get("severity"), Some(&"FATAL".into()));
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_a_commit() {
    let Some((_server, setting)) = setting() else { return };
    data(&setting, "exec", "CREATE TABLE t (id int)").await;
    let lost = rule(Protocol::Postgres, &[("query", "INSERT*")], Action::Truncate { bytes: 0 });
    let gone = rule(Protocol::Postgres, &[("query", "UPDATE*")], Action::Drop(DropMode::Fin));
    let _installed = setting.rules.install(vec![lost, gone]);
    let reply = step(&setting, "exec", "INSERT INTO t VALUES (1)").await;
    assert!(!reply.ok && reply.error.contains("closed"), "{reply:?}");
    let reply = step(&setting, "exec", "UPDATE t SET id = 2").await;
    assert!(!reply.ok && reply.error.contains("closed"), "{reply:?}");
    assert_eq!(data(&setting, "query", "SELECT id FROM t").await, json!([{ "id": 1 }]));
}

/// A driver that gives up closes its connection, and the server undoes what was not committed.
#[tokio::test]
async fn a_silent_drop_lets_nothing_behind_it_be_done() {
    let Some((server, setting)) = setting() else { return };
    let table = "CREATE TABLE t (id int)";
    data(&setting, "exec", table).await;
    let silent = |query| rule(Protocol::Postgres, &[("query", query)], Action::Drop(DropMode::Silent));
    let installed = setting.rules.install(vec![silent("COMMIT"), silent("INSERT INTO t VALUES (2)")]);
    let conversations: [&[&str]; 3] = [
        &["Q COMMIT", "Q COMMIT", "Q SELECT 1"],
        &["Q INSERT INTO t VALUES (2)", "Q END"],
        &["P |INSERT INTO t VALUES (2)", "B ", "E", "P |END", "B ", "E", "S"],
    ];
    for messages in conversations {
        let mut client = Raw::connect(setting.address).await;
        client.send(&["Q BEGIN", "Q INSERT INTO t VALUES (1)"]).await;
        client.until_ready(2).await;
        client.send(messages).await;
        client.0.shutdown().await.unwrap();
        let mut answer = Vec::new();
        let end = tokio::time::timeout(PATIENCE, client.0.read_to_end(&mut answer)).await;
        end.expect("the end").unwrap();
        assert_eq!(answer, b"", "{messages:?}");
        // Waits for the server to have let go of the table.
        let mut direct = Raw::connect(server.address).await;
        direct.send(&["Q BEGIN", "Q LOCK TABLE t IN ACCESS EXCLUSIVE MODE", "Q ROLLBACK"]).await;
        assert_eq!(direct.until_ready(3).await, "C ZT C ZT C ZI");
        assert_eq!(data(&setting, "query", "SELECT id FROM t").await, json!([]), "{messages:?}");
    }
    let fired: Vec<u64> = installed.evidence().iter().map(|rule| rule.fired).collect();
    assert_eq!(fired, [1, 2]);
}

#[tokio::test]
async fn a_session_ends_with_a_fatal_error_and_its_transaction_with_it() {
    let Some((server, setting)) = setting() else { return };
    data(&setting, "exec", "CREATE TABLE t (id int)").await;
    let shutdown = error("57P01", "terminating connection due to administrator command");
    let _installed =
        setting.rules.install(vec![rule(Protocol::Postgres, &[("query", "SELECT 2")], shutdown)]);
    let mut raw = Raw::connect(setting.address).await;
    raw.send(&["Q BEGIN", "Q INSERT INTO t VALUES (1)"]).await;
    raw.until_ready(2).await;
    raw.send(&["P |SELECT 2", "B ", "E", "S"]).await;
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, raw.0.read_to_end(&mut rest)).await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&rest).contains("VFATAL\0C57P01"), "{rest:?}");
    // The server ends the session when it hears of it; an exclusive lock waits for that.
    let mut direct = Raw::connect(server.address).await;
    direct.send(&["Q LOCK TABLE t; SELECT 1/count(*) FROM t"]).await;
    assert!(direct.until_ready(1).await.contains("E22012"), "the row is gone");
}

#[tokio::test]
async fn copy_notifications_and_pgbench_pass_unharmed() {
    let Some((server, setting)) = setting() else { return };
    let never = rule(Protocol::Postgres, &[("query", "no such*")], error("XX000", "never"));
    let _installed = setting.rules.install(vec![never]);
    let script = [
        "CREATE TABLE c (id int, name text)",
        "\\copy c FROM PROGRAM 'seq 5000 | sed s/$/,x/' CSV",
        "\\copy c TO STDOUT",
        "LISTEN news",
        "NOTIFY news, 'hello'",
        "SELECT count(*) FROM c",
    ];
    let arguments: Vec<&str> = script.iter().flat_map(|line| ["-c", line]).collect();
    let (ok, text) = run("psql", setting.address, &[&["-X", "-A", "-t"][..], &arguments].concat()).await;
    assert!(
        ok && text.contains("COPY 5000") && text.contains("5000\tx\n") && text.contains("payload \"hello\""),
        "{text}"
    );
    let (made, text) = run("pgbench", server.address, &["-i", "-q", "-s", "1", "postgres"]).await;
    assert!(made, "{text}");
    for mode in ["simple", "extended", "prepared"] {
        let arguments = ["-n", "-M", mode, "-c", "4", "-t", "50", "postgres"];
        let (ok, text) = run("pgbench", setting.address, &arguments).await;
        assert!(ok && text.contains("number of transactions actually processed: 200/200"), "{mode}: {text}");
    }
    assert!(setting.log.opaque().is_empty(), "{:?}", setting.log.opaque());
}
