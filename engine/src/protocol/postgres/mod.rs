//! PostgreSQL: simple and extended protocol, COPY, notifications.

mod awaited;
pub mod client;
pub mod codec;
pub mod schema;
pub mod session;
mod statements;
mod values;

pub use client::{ready, step};
pub use schema::SCHEMA;
pub use session::PostgresSession;

#[cfg(test)]
mod tests;
