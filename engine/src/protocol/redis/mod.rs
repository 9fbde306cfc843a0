//! Redis: RESP2, RESP3 and inline commands, pipelines, transactions, channels.

pub mod client;
pub mod codec;
mod replies;
pub mod schema;
pub mod session;

pub use client::{ready, step};
pub use schema::SCHEMA;
pub use session::RedisSession;

#[cfg(test)]
mod tests;
