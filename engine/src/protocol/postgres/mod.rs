//! PostgreSQL: simple and extended protocol, COPY, notifications.

mod awaited;
pub mod client;
pub mod codec;
mod encryption;
pub mod login;
pub mod schema;
pub mod scram;
pub mod session;
mod statements;
mod upstream;
mod values;

pub use client::{ready, step};
pub use encryption::Encryption;
pub use schema::SCHEMA;
pub use session::PostgresSession;

#[cfg(test)]
mod tests;
