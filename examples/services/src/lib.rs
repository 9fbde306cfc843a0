//! What the demo services share, std only so that they compile in a moment.
//!
//! In reading order:
//! - [`service`] starts one: the port from `PORT`, a listener, a thread per connection.
//! - [`connection`] is one TCP peer, read and written with `read(2)` and `write(2)`.
//! - [`lines`] is the one-line-in, one-line-out protocol of `mock-db` and `inventory-svc`.
//! - [`http`] is enough HTTP/1.1 for `mock-api` and `order-svc`.
//! - [`json`] reads the flat objects `order-svc` accepts and escapes what the services print.
//! - [`log`] writes one JSON line per event to stdout.

pub mod connection;
pub mod http;
pub mod json;
pub mod lines;
pub mod log;
pub mod service;
