//! Plain TCP: bytes without units, a byte prefix to match, one line as a step.

mod client;
mod schema;
mod session;
#[cfg(test)]
mod tests;

pub use client::{ready, step};
pub use schema::SCHEMA;
pub use session::TcpSession;
