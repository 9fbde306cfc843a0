//! Steps and readiness: one connection, one command.

use super::codec::{self, Reply};
use crate::model::{Data, StepCall, StepId, StepReply, parse_duration};
use crate::proxy::Dialer;
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Largest reply a step reads; a larger one is a slip in the test.
const MAX_REPLY: usize = 64 * 1024 * 1024;

/// Makes one step on a connection of its own. Credentials come from `env`: `REDIS_PASSWORD` and `REDIS_USER`.
pub async fn step(
    dialer: &Dialer,
    call: &StepCall,
    step: StepId,
    env: &[(String, String)],
    timeout: Duration,
) -> StepReply {
    let started = Instant::now();
    let own = call.args.get("timeout").and_then(Data::as_str).and_then(parse_duration);
    let limit = own.map_or(timeout, |own| own.min(timeout));
    let list = call.args.get("value").filter(|value| matches!(value, Data::List(_)) && value.has_bytes());
    if list.is_some() && call.method == "set" {
        let reason = "a list is stored as JSON, which cannot hold bytes";
        return StepReply::failed(step, reason, started.elapsed());
    }
    let outcome = tokio::time::timeout(limit, perform(dialer, &command_of(call), env)).await;
    let duration = started.elapsed();
    match outcome {
        Err(_) => StepReply::failed(step, format!("no reply within {limit:?}"), duration),
        Ok(Err(error)) => StepReply::failed(step, error.to_string(), duration),
        Ok(Ok(Reply::Error(message))) => StepReply::failed(step, message, duration),
        Ok(Ok(Reply::Value(value))) => {
            let data = Data::Dict(vec![("value".to_owned(), value)]);
            let empty = StepReply::failed(step, "", duration);
            StepReply { ok: true, body: data.to_json().to_string(), data, ..empty }
        }
    }
}

/// One probe: the server answers PING with PONG. One that is still loading its data is not ready.
pub async fn ready(dialer: &Dialer, env: &[(String, String)]) -> Result<(), String> {
    match perform(dialer, &[b"PING".to_vec()], env).await {
        Ok(Reply::Value(Data::Text(text))) if text == "PONG" => Ok(()),
        Ok(Reply::Value(other)) => Err(format!("PING was answered with {other}")),
        Ok(Reply::Error(message)) if message.starts_with("NOAUTH") => {
            Err(format!("{message} Set REDIS_PASSWORD in the service's env."))
        }
        Ok(Reply::Error(message)) => Err(message),
        Err(error) => Err(error.to_string()),
    }
}

/// The words a step sends.
fn command_of(call: &StepCall) -> Vec<Vec<u8>> {
    let default = |name: &str| match name {
        "start" => Data::from("0"),
        "stop" => Data::from("-1"),
        "pattern" => Data::from("*"),
        _ => Data::None,
    };
    let value = |name: &str| call.args.get(name).cloned().unwrap_or_else(|| default(name));
    let mut words = match call.method {
        "command" => words_of(&value("cmd")),
        method => vec![method.to_ascii_uppercase().into_bytes()],
    };
    let params: &[&str] = match call.method {
        "get" | "del" | "incr" => &["key"],
        "set" | "lpush" | "rpush" => &["key", "value"],
        "keys" => &["pattern"],
        "lrange" => &["key", "start", "stop"],
        "command" => &["args"],
        _ => &[],
    };
    for param in params {
        let value = value(param);
        match call.method {
            // A list is one value, not several, where Redis takes one.
            "set" if matches!(value, Data::List(_)) => words.push(value.content().0.into_owned()),
            _ => words.extend(words_of(&value)),
        }
    }
    words
}

/// A value as arguments: a list is several, a dict is JSON.
fn words_of(value: &Data) -> Vec<Vec<u8>> {
    match value {
        Data::None => Vec::new(),
        Data::List(items) => items.iter().flat_map(words_of).collect(),
        Data::Text(_) | Data::Bytes(_) | Data::Bool(_) | Data::Number(_) | Data::Dict(_) => {
            vec![value.content().0.into_owned()]
        }
    }
}

async fn perform(dialer: &Dialer, words: &[Vec<u8>], env: &[(String, String)]) -> io::Result<Reply> {
    let mut stream = dialer.dial().await?;
    let variable = |name: &str| env.iter().rfind(|(key, _)| key == name).map(|(_, value)| value.clone());
    if let Some(password) = variable("REDIS_PASSWORD").filter(|password| !password.is_empty()) {
        let mut auth = vec![b"AUTH".to_vec()];
        auth.extend(variable("REDIS_USER").map(String::into_bytes));
        auth.push(password.into_bytes());
        if let Reply::Error(message) = ask(&mut stream, &auth).await? {
            return Ok(Reply::Error(message));
        }
    }
    ask(&mut stream, words).await
}

async fn ask(stream: &mut TcpStream, words: &[Vec<u8>]) -> io::Result<Reply> {
    let mut request = Vec::new();
    codec::write_command(words.iter().map(Vec::as_slice), &mut request);
    stream.write_all(&request).await?;
    let mut buf = Vec::new();
    loop {
        match codec::reply(&buf) {
            Ok(Some((reply, _))) => return Ok(reply),
            Ok(None) if buf.len() > MAX_REPLY => {
                return Err(io::Error::other("the reply is larger than 64 MiB"));
            }
            Ok(None) => {}
            Err(codec::Malformed(reason)) => {
                return Err(io::Error::other(format!("the reply is not Redis's protocol: {reason}")));
            }
        }
        if stream.read_buf(&mut buf).await? == 0 {
            let text = if buf.is_empty() {
                "the connection closed without a reply"
            } else {
                "the reply was cut short"
            };
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, InterfaceName, ServiceName};
    use crate::text::{FileId, Span};
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    fn check(method: &'static str, args: &[(&'static str, Value)], words: &[&str]) {
        let args = args.iter().map(|(name, value)| (*name, value.clone().into())).collect();
        check_data(method, args, words.iter().map(|word| word.as_bytes()));
    }

    fn check_data<'w>(
        method: &'static str,
        args: BTreeMap<&'static str, Data>,
        words: impl Iterator<Item = &'w [u8]>,
    ) {
        let endpoint = Endpoint { service: ServiceName::new("cache"), interface: InterfaceName::new("main") };
        let call = StepCall { endpoint, method, args, span: Span::start_of(FileId(0)) };
        assert_eq!(command_of(&call), words.map(<[u8]>::to_vec).collect::<Vec<_>>());
    }

    #[test]
    fn steps_become_commands() {
        check("get", &[("key", json!("k"))], &["GET", "k"]);
        check("set", &[("key", json!("k")), ("value", json!(7))], &["SET", "k", "7"]);
        check("set", &[("key", json!("k")), ("value", json!({"a": 1}))], &["SET", "k", r#"{"a":1}"#]);
        check("rpush", &[("key", json!("l")), ("value", json!(["a", "b"]))], &["RPUSH", "l", "a", "b"]);
        check("lrange", &[("key", json!("l"))], &["LRANGE", "l", "0", "-1"]);
        check("command", &[("cmd", json!("HSET")), ("args", json!(["h", "f", 1]))], &["HSET", "h", "f", "1"]);
        check("ping", &[], &["PING"]);
        check("keys", &[], &["KEYS", "*"]);
        let bytes = Data::bytes(*b"\xff\r\n");
        let args = [("key", bytes.clone()), ("value", Data::List(vec![bytes, "b".into()]))].into();
        check_data("rpush", args, [&b"RPUSH"[..], b"\xff\r\n", b"\xff\r\n", b"b"].into_iter());
    }
}
