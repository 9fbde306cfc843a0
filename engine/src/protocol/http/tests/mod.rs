//! Sessions on bytes alone, and relays over real loopback sockets.

mod bench;
mod framing;
mod relay;
mod steps;
mod streams;
