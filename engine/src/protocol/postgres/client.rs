//! Steps and readiness: one login, one query.

use super::encryption::ALPN;
use super::values::value_of;
use crate::model::{Data, StepCall, StepId, StepReply, parse_duration};
use crate::proxy::{Dialer, Stream, tls};
use serde_json::{Map, Value, json};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, SimpleQueryMessage};

/// Makes one step on a connection of its own. Credentials come from the call, else from `env`: `POSTGRES_USER`,
/// `POSTGRES_PASSWORD`, `POSTGRES_DB`.
pub async fn step(
    dialer: &Dialer,
    call: &StepCall,
    step: StepId,
    env: &[(String, String)],
    timeout: Duration,
) -> StepReply {
    let started = Instant::now();
    let text = |name: &str| call.args.get(name).and_then(Data::as_str).unwrap_or_default();
    let limit = parse_duration(text("timeout")).map_or(timeout, |own| own.min(timeout));
    let config = login(env, text("user"), text("password"), text("database"));
    let work = perform(dialer, &config, text("sql"), call.method == "query");
    let outcome = tokio::time::timeout(limit, work).await;
    let duration = started.elapsed();
    match outcome {
        Err(_) => StepReply::failed(step, format!("no answer within {limit:?}"), duration),
        Ok(Err(failure)) => {
            StepReply { data: failure.data.into(), ..StepReply::failed(step, failure.message, duration) }
        }
        Ok(Ok(data)) => StepReply {
            ok: true,
            body: data.to_string(),
            data: data.into(),
            ..StepReply::failed(step, "", duration)
        },
    }
}

/// One probe: a login as the image's conventions have it, and `SELECT 1`.
pub async fn ready(dialer: &Dialer, env: &[(String, String)]) -> Result<(), String> {
    let outcome = perform(dialer, &login(env, "", "", ""), "SELECT 1", false).await;
    outcome.map(drop).map_err(|failure| failure.message)
}

/// Why a step got no rows.
struct Failure {
    message: String,
    /// The server's error as a dict, None for a failure on the way.
    data: Value,
}

impl Failure {
    fn on_the_way(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), data: Value::Null }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Failure {
        let Some(db) = error.as_db_error() else {
            let source =
                std::error::Error::source(&error).map_or(String::new(), |source| format!(": {source}"));
            return Failure::on_the_way(format!("{error}{source}"));
        };
        let (severity, sqlstate, message) = (db.severity(), db.code().code(), db.message());
        Failure {
            message: format!("{severity}: {message} (SQLSTATE {sqlstate})"),
            data: json!({ "severity": severity, "sqlstate": sqlstate, "message": message }),
        }
    }
}

/// The user and the password a service's environment names, as the image has it.
pub(super) fn credentials(env: &[(String, String)]) -> (&str, &str) {
    let user = Some(variable(env, "POSTGRES_USER")).filter(|user| !user.is_empty());
    (user.unwrap_or("postgres"), variable(env, "POSTGRES_PASSWORD"))
}

fn variable<'e>(env: &'e [(String, String)], name: &str) -> &'e str {
    env.iter().rfind(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
}

fn login(env: &[(String, String)], user: &str, password: &str, database: &str) -> Config {
    let first =
        |choices: [&str; 3]| choices.into_iter().find(|text| !text.is_empty()).unwrap_or_default().to_owned();
    let (own_user, own_password) = credentials(env);
    let user = first([user, own_user, ""]);
    let password = first([password, own_password, ""]);
    let mut config = Config::new();
    config
        .dbname(first([database, variable(env, "POSTGRES_DB"), &user]))
        .user(user)
        .application_name("faultbox");
    if !password.is_empty() {
        config.password(password);
    }
    config
}

async fn perform(dialer: &Dialer, config: &Config, sql: &str, wants_rows: bool) -> Result<Value, Failure> {
    let stream = dialer.dial().await.map_err(|error| Failure::on_the_way(error.to_string()))?;
    let (client, connection) = config.connect_raw(stream, AnyServer).await?;
    let work = async move { run(&client, sql, wants_rows).await };
    // The connection says goodbye when the client is gone, and its end ends the client's wait.
    let (outcome, ended) = tokio::join!(work, connection);
    match (outcome, ended) {
        (Err(failure), Err(reason)) if failure.data.is_null() => Err(reason.into()),
        (outcome, _) => outcome,
    }
}

/// TLS with whatever server takes it: some let nobody in without.
struct AnyServer;

impl TlsConnect<TcpStream> for AnyServer {
    type Stream = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn connect(self, socket: TcpStream) -> Self::Future {
        Box::pin(tls::secure(socket, ALPN))
    }
}

impl TlsStream for Stream {
    /// A step may go through a relay, which no login can be bound to.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

async fn run(client: &Client, sql: &str, wants_rows: bool) -> Result<Value, Failure> {
    let messages = client.simple_query(sql).await?;
    if !wants_rows {
        let affected = messages.iter().map(|message| match message {
            SimpleQueryMessage::CommandComplete(count) => *count,
            _ => 0,
        });
        return Ok(json!({ "rows_affected": affected.sum::<u64>() }));
    }
    let has_rows = messages.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_)));
    // The simple protocol has the text of every type but not the types; preparing tells them and runs nothing. Where
    // it cannot (several statements), values stay text.
    let types: Vec<Type> = match has_rows {
        true => client.prepare(sql).await.map_or(Vec::new(), |statement| {
            statement.columns().iter().map(|column| column.type_().clone()).collect()
        }),
        false => Vec::new(),
    };
    let rows = messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            let columns = row.columns().iter().enumerate();
            let field = |(at, column): (usize, &tokio_postgres::SimpleColumn)| {
                (column.name().to_owned(), value_of(row.get(at), types.get(at)))
            };
            Some(Value::Object(columns.map(field).collect::<Map<_, _>>()))
        }
        _ => None,
    });
    Ok(Value::Array(rows.collect()))
}
