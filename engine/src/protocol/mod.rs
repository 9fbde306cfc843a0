//! One folder per protocol, with the same file names in each: `schema.rs` says what specs may write, `session.rs`
//! cuts a connection into units and writes answers, `client.rs` makes the steps of a test.
//!
//! This file is the only place that knows all of them.

mod actions;
pub mod http;
pub mod postgres;
pub mod redis;
pub mod tcp;
pub mod udp;

#[cfg(test)]
mod bench;
#[cfg(test)]
mod replay;

use crate::model::{Protocol, Schema, StepCall, StepId, StepReply};
use crate::proxy::tls::{Authority, TlsError};
use crate::proxy::{Dialer, Prelude, Session};
use std::sync::Arc;
use std::time::Duration;

/// What the protocol can do.
pub fn schema(protocol: Protocol) -> &'static Schema {
    match protocol {
        Protocol::Http => &http::SCHEMA,
        Protocol::Tcp => &tcp::SCHEMA,
        Protocol::Udp => &udp::SCHEMA,
        Protocol::Redis => &redis::SCHEMA,
        Protocol::Postgres => &postgres::SCHEMA,
    }
}

/// Makes the parser state of one connection. Datagrams have no connections: their relay is
/// [`DatagramRelay`](crate::proxy::DatagramRelay), with [`udp::message`] and [`udp::answer`].
pub fn session(protocol: Protocol) -> Box<dyn Session> {
    match protocol {
        Protocol::Http => Box::new(http::HttpSession::new()),
        Protocol::Tcp | Protocol::Udp => Box::new(tcp::TcpSession::new()),
        Protocol::Redis => Box::new(redis::RedisSession::default()),
        Protocol::Postgres => Box::new(postgres::PostgresSession::default()),
    }
}

/// Whether clients of the protocol may speak TLS to a relay that rules look through.
pub fn is_encrypted(protocol: Protocol) -> bool {
    match protocol {
        Protocol::Postgres => true,
        Protocol::Http | Protocol::Tcp | Protocol::Udp | Protocol::Redis => false,
    }
}

/// What the connections to `service` settle before their session begins; `None` where a session begins at once. `env`
/// is the service's, for credentials.
pub fn prelude(
    protocol: Protocol,
    service: &str,
    env: &[(String, String)],
    authority: &Arc<Authority>,
) -> Result<Option<Arc<dyn Prelude>>, TlsError> {
    if !is_encrypted(protocol) {
        return Ok(None);
    }
    Ok(Some(Arc::new(postgres::Encryption::new(authority, service, env)?)))
}

/// Makes one step of a test on a connection of its own. `env` is the service's, for credentials. Never fails: what
/// went wrong is the reply's `error`.
pub async fn step(
    protocol: Protocol,
    dialer: &Dialer,
    call: &StepCall,
    step: StepId,
    env: &[(String, String)],
    timeout: Duration,
) -> StepReply {
    match protocol {
        Protocol::Http => http::step(dialer, call, step, timeout).await,
        Protocol::Tcp => tcp::step(dialer, call, step, timeout).await,
        Protocol::Redis => redis::step(dialer, call, step, env, timeout).await,
        Protocol::Postgres => postgres::step(dialer, call, step, env, timeout).await,
        Protocol::Udp => udp::step(dialer, call, step, timeout).await,
    }
}

/// Asks once whether the service answers; the error says what came instead.
pub async fn ready(protocol: Protocol, dialer: &Dialer, env: &[(String, String)]) -> Result<(), String> {
    match protocol {
        Protocol::Http => http::ready(dialer, "/").await,
        // Nothing tells a listening UDP server from one that is not there.
        Protocol::Udp => Ok(()),
        Protocol::Tcp => tcp::ready(dialer).await,
        Protocol::Redis => redis::ready(dialer, env).await,
        Protocol::Postgres => postgres::ready(dialer, env).await,
    }
}
