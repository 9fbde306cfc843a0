//! Sessions on bytes alone, and relays over real loopback sockets.

mod answers;
mod effects;
mod foreign;
mod framing;
mod relay;
mod silence;
mod steps;
mod streams;
