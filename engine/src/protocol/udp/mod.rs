//! Datagrams: a byte prefix to match, one datagram out and one back as a step.

mod client;
mod schema;
mod session;
#[cfg(test)]
mod tests;

pub use client::step;
pub use schema::SCHEMA;
pub use session::{answer, message};
