//! HTTP/1.1 and 1.0 (RFC 9110, RFC 9112).

mod answer;
mod body;
mod client;
mod head;
mod redirect;
pub mod schema;
mod session;
#[cfg(test)]
mod tests;

pub use client::{ready, step};
pub use schema::SCHEMA;
pub use session::HttpSession;
