//! redis-server and redis-cli through a relay.

use crate::setting::{Server, Setting, find, params, rule, skip};
use faultbox_engine::model::{
    Action, Data, DropMode, Endpoint, InterfaceName, Params, Protocol, ServiceName, StepCall, StepId,
    StepReply,
};
use faultbox_engine::protocol;
use faultbox_engine::proxy::Dialer;
use faultbox_engine::text::{FileId, Span};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn setting() -> Option<(Server, Setting)> {
    let Some(server) = Server::redis() else {
        skip("redis-server");
        return None;
    };
    let setting = Setting::new(Protocol::Redis, &server);
    Some((server, setting))
}

pub(crate) async fn step(
    setting: &Setting,
    method: &'static str,
    args: &[(&'static str, Value)],
) -> StepReply {
    let call = StepCall {
        endpoint: Endpoint { service: ServiceName::new("db"), interface: InterfaceName::new("main") },
        method,
        args: args.iter().map(|(name, value)| (*name, value.clone().into())).collect(),
        span: Span::start_of(FileId(0)),
    };
    protocol::step(Protocol::Redis, &setting.dialer, &call, StepId(1), &[], PATIENCE).await
}

/// Sends the lines as one pipeline and expects exactly the answer.
async fn talk(stream: &mut TcpStream, lines: &str, answer: &str) {
    stream.write_all(lines.as_bytes()).await.unwrap();
    let mut bytes = vec![0; answer.len()];
    let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut bytes)).await;
    assert!(read.is_ok(), "{answer:?} did not come, but {:?}", String::from_utf8_lossy(&bytes));
    assert_eq!(String::from_utf8_lossy(&bytes), answer);
}

fn error(message: &str) -> Action {
    Action::Error(params(&[("message", json!(message))]))
}

#[tokio::test]
async fn steps_speak_to_a_real_server() {
    let Some((server, setting)) = setting() else { return };
    let value = |reply: StepReply| {
        assert!(reply.ok, "{}", reply.error);
        reply.data.to_json()["value"].clone()
    };
    assert_eq!(value(step(&setting, "set", &[("key", json!("k")), ("value", json!(41))]).await), json!("OK"));
    assert_eq!(value(step(&setting, "incr", &[("key", json!("k"))]).await), json!(42));
    assert_eq!(value(step(&setting, "get", &[("key", json!("k"))]).await), json!("42"));
    assert_eq!(value(step(&setting, "get", &[("key", json!("none"))]).await), json!(null));
    assert_eq!(
        value(step(&setting, "rpush", &[("key", json!("l")), ("value", json!(["a", "b"]))]).await),
        json!(2)
    );
    assert_eq!(value(step(&setting, "lrange", &[("key", json!("l"))]).await), json!(["a", "b"]));
    assert_eq!(value(step(&setting, "keys", &[("pattern", json!("k*"))]).await), json!(["k"]));
    assert_eq!(value(step(&setting, "del", &[("key", json!("k"))]).await), json!(1));
    assert_eq!(value(step(&setting, "ping", &[]).await), json!("PONG"));
    let wrong = step(&setting, "get", &[("key", json!("l"))]).await;
    assert!(!wrong.ok && wrong.error.starts_with("WRONGTYPE"), "{wrong:?}");
    assert_eq!(protocol::ready(Protocol::Redis, &setting.dialer, &[]).await, Ok(()));
    drop(server);
    assert!(!step(&setting, "ping", &[]).await.ok);
}

#[tokio::test]
async fn readonly_for_set_and_everything_else_passes() {
    let Some((_server, setting)) = setting() else { return };
    let readonly = "READONLY You can't write against a read only replica.";
    let rules = vec![rule(Protocol::Redis, &[("command", "SET"), ("key", "user:*")], error(readonly))];
    let _installed = setting.rules.install(rules);
    let mut stream = TcpStream::connect(setting.address).await.unwrap();
    let lines = "SET other 1\r\nset user:1 x\r\nGET user:1\r\nSET user:2 x\r\nGET other\r\n";
    talk(&mut stream, lines, &format!("+OK\r\n-{readonly}\r\n$-1\r\n-{readonly}\r\n$1\r\n1\r\n")).await;
    assert_eq!(setting.log.fired(), ["SET user:1", "SET user:2"]);
    let reply = step(&setting, "set", &[("key", json!("user:1")), ("value", json!("x"))]).await;
    assert_eq!((reply.ok, reply.error.as_str()), (false, readonly));
}

#[tokio::test]
async fn any_key_of_a_command_matches_and_triggers_count_matches() {
    let Some((_server, setting)) = setting() else { return };
    let mut second = rule(Protocol::Redis, &[("key", "b")], error("BUSY"));
    second.trigger.nth = Some(2);
    let _installed = setting.rules.install(vec![second]);
    let mut stream = TcpStream::connect(setting.address).await.unwrap();
    talk(
        &mut stream,
        "MSET a 1 b 2\r\nMGET c a\r\nMGET a b\r\nGET b\r\n",
        "+OK\r\n*2\r\n$-1\r\n$1\r\n1\r\n-BUSY\r\n$1\r\n2\r\n",
    )
    .await;
}

#[tokio::test]
async fn keys_behind_a_long_value_are_reported_as_unread() {
    let Some((_server, setting)) = setting() else { return };
    let installed = setting.rules.install(vec![rule(Protocol::Redis, &[("key", "last")], error("BUSY"))]);
    let value = json!("v".repeat(300_000));
    let send = async |args: serde_json::Value| {
        let (name, args) = (args[0].clone(), json!(args.as_array().unwrap()[1..]));
        step(&setting, "command", &[("cmd", name), ("args", args)]).await
    };
    assert!(send(json!(["SET", "a", value])).await.ok);
    assert!(!send(json!(["MSET", "a", "1", "last", value])).await.ok, "the key is before the value");
    assert_eq!(installed.evidence()[0].unread, []);
    assert!(send(json!(["MSET", "a", value, "last", "1"])).await.ok);
    let evidence = installed.evidence().remove(0);
    let unread: Vec<String> = evidence.unread.iter().map(ToString::to_string).collect();
    let reason = "keys behind a long argument or behind the first 60 KiB of a command";
    assert_eq!(unread, [format!("1 request not read whole: {reason}")]);
    assert_eq!((evidence.matched, evidence.fired), (1, 1));
}

#[tokio::test]
async fn values_that_are_not_text_go_both_ways() {
    let Some((server, setting)) = setting() else { return };
    let call = async |dialer: &Dialer, method, args: &[(&'static str, Data)]| {
        let call = StepCall {
            endpoint: Endpoint { service: ServiceName::new("db"), interface: InterfaceName::new("main") },
            method,
            args: args.iter().cloned().collect(),
            span: Span::start_of(FileId(0)),
        };
        protocol::step(Protocol::Redis, dialer, &call, StepId(1), &[], PATIENCE).await
    };
    let (key, value) = (("key", Data::bytes(*b"\xffk\r\n")), ("value", Data::bytes(*b"\0\x80\n")));
    let direct = Dialer::new(server.address);
    assert!(call(&direct, "set", &[key.clone(), value.clone()]).await.ok);
    let got =
        async || call(&setting.dialer, "get", std::slice::from_ref(&key)).await.data.get("value").cloned();
    assert_eq!(got().await, Some(value.1));
    let answer = Params([("value", Data::List(vec![Data::bytes(*b"\xfe"), "text".into()]))].into());
    let _installed =
        setting.rules.install(vec![rule(Protocol::Redis, &[("key", "*k*")], Action::Respond(answer))]);
    assert_eq!(got().await, Some(Data::List(vec![Data::bytes(*b"\xfe"), "text".into()])));
    let list = call(&direct, "set", &[key.clone(), ("value", Data::List(vec![Data::bytes(*b"\xfe")]))]).await;
    assert_eq!(list.error, "a list is stored as JSON, which cannot hold bytes");
}

#[tokio::test]
async fn a_refused_command_aborts_the_transaction_as_a_real_one_does() {
    let Some((server, setting)) = setting() else { return };
    let transaction = "MULTI\r\nSET a 1\r\nINCR b\r\nEXEC\r\nEXISTS a b\r\n";
    // The real thing: INCR with a wrong number of arguments is refused when it is queued.
    let mut direct = TcpStream::connect(server.address).await.unwrap();
    let abort = "-EXECABORT Transaction discarded because of previous errors.\r\n";
    let arity = "ERR wrong number of arguments for 'incr' command";
    let real = transaction.replace("INCR b\r\n", "INCR\r\n");
    talk(&mut direct, &real, &format!("+OK\r\n+QUEUED\r\n-{arity}\r\n{abort}:0\r\n")).await;
    let installed = setting.rules.install(vec![rule(Protocol::Redis, &[("command", "INCR")], error(arity))]);
    let mut relayed = TcpStream::connect(setting.address).await.unwrap();
    talk(&mut relayed, transaction, &format!("+OK\r\n+QUEUED\r\n-{arity}\r\n{abort}:0\r\n")).await;
    drop(installed);
    // The same connection is fine again once the rule is gone.
    talk(&mut relayed, transaction, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n:1\r\n:2\r\n").await;
    let _installed =
        setting.rules.install(vec![rule(Protocol::Redis, &[("command", "EXEC")], error("LOADING x"))]);
    talk(&mut relayed, transaction, "+OK\r\n+QUEUED\r\n+QUEUED\r\n-LOADING x\r\n:2\r\n").await;
}

#[tokio::test]
async fn answers_and_drops_on_a_subscribed_and_a_resp3_connection() {
    let Some((_server, setting)) = setting() else { return };
    let nothing = Action::Respond(params(&[("value", json!(null))]));
    let list = Action::Respond(params(&[("value", json!(["a", 1, {"b": 2.5}]))]));
    let _installed = setting.rules.install(vec![
        rule(Protocol::Redis, &[("command", "GET"), ("key", "nil")], nothing),
        rule(Protocol::Redis, &[("key", "list")], list),
        rule(Protocol::Redis, &[("key", "gone")], Action::Drop(DropMode::Fin)),
    ]);
    let mut stream = TcpStream::connect(setting.address).await.unwrap();
    talk(
        &mut stream,
        "SET nil x\r\nGET nil\r\nGET list\r\n",
        "+OK\r\n$-1\r\n*3\r\n$1\r\na\r\n:1\r\n*2\r\n$1\r\nb\r\n$3\r\n2.5\r\n",
    )
    .await;
    stream.write_all(b"HELLO 3\r\n").await.unwrap();
    let mut hello = vec![0; 4096];
    let count = stream.read(&mut hello).await.unwrap();
    assert!(hello[..count].starts_with(b"%7\r\n"), "{}", String::from_utf8_lossy(&hello[..count]));
    talk(&mut stream, "GET nil\r\nGET list\r\n", "_\r\n*3\r\n$1\r\na\r\n:1\r\n%1\r\n$1\r\nb\r\n,2.5\r\n")
        .await;
    talk(&mut stream, "SUBSCRIBE c d\r\nPUBLISH c hi\r\nGET nil\r\n", ">3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nd\r\n:2\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$2\r\nhi\r\n:1\r\n_\r\n").await;
    // Earlier replies still go out before the connection ends.
    talk(&mut stream, "PING\r\nGET gone\r\nPING\r\n", "+PONG\r\n").await;
    assert_eq!(tokio::time::timeout(PATIENCE, stream.read(&mut hello)).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn redis_cli_pipelines_ten_thousand_commands() {
    let Some((_server, setting)) = setting() else { return };
    let (Some(cli), port) = (find("redis-cli", &[]), setting.address.port().to_string()) else {
        return skip("redis-cli");
    };
    let _installed = setting.rules.install(vec![rule(Protocol::Redis, &[("command", "NEVER")], error("x"))]);
    let mut child = Command::new(cli)
        .args(["-p", &port, "--pipe"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let commands: String = (0..10_000).map(|at| format!("SET key:{at} {at}\r\nINCR key:{at}\r\n")).collect();
    input.write_all(commands.as_bytes()).await.unwrap();
    drop(input);
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("errors: 0, replies: 20000"), "{text}");
    assert!(setting.log.opaque().is_empty());
}

#[tokio::test]
async fn a_silent_drop_takes_no_other_reply_for_its_own() {
    let Some((_server, setting)) = setting() else { return };
    let installed = setting.rules.install(vec![rule(
        Protocol::Redis,
        &[("key", "gone")],
        Action::Drop(DropMode::Silent),
    )]);
    let mut stream = TcpStream::connect(setting.address).await.unwrap();
    stream.write_all(b"SET k 1\r\nGET gone\r\nSET k 2\r\nGET k\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    let end = tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await;
    end.expect("the end").unwrap();
    assert_eq!(answer, "+OK\r\n");
    let kept = step(&setting, "get", &[("key", json!("k"))]).await;
    assert_eq!(kept.data.get("value"), Some(&"1".into()));
    assert_eq!(installed.evidence()[0].fired, 1);
}

#[tokio::test]
async fn monitor_and_replication_become_opaque_and_go_on() {
    let Some((_server, setting)) = setting() else { return };
    let _installed = setting.rules.install(vec![rule(Protocol::Redis, &[("command", "PING")], error("x"))]);
    let mut stream = TcpStream::connect(setting.address).await.unwrap();
    talk(&mut stream, "MONITOR\r\n", "+OK\r\n").await;
    talk(&mut stream, "PING\r\n", "+").await;
    assert_eq!(setting.log.opaque(), ["MONITOR"]);
}
