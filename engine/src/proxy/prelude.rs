//! What a protocol settles before its session begins: encryption that both sides agree on in clear text.
//!
//! Most protocols have none. One that has takes both sockets of a connection before any byte is forwarded, and gives
//! back what the session is to see.

use super::relay::RelayConfig;
use super::stream::Stream;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::TcpStream;

/// Makes both sides of a new connection speak in the clear. One value serves every connection of a relay, so it may
/// remember what it learnt of the server.
pub trait Prelude: Send + Sync {
    /// Cancelled when the relay stops. The error says why the connection cannot go on, for people.
    fn settle(&self, opening: Opening) -> Settling<'_>;
}

/// A prelude at work.
pub type Settling<'p> = Pin<Box<dyn Future<Output = Result<Opened, String>> + Send + 'p>>;

/// A connection of which no byte was read.
pub struct Opening {
    pub config: Arc<RelayConfig>,
    pub downstream: TcpStream,
    pub upstream: TcpStream,
}

/// A connection ready for its session.
pub struct Opened {
    pub downstream: Stream,
    pub upstream: Stream,
    /// What the client said already that is for the session.
    pub early: Vec<u8>,
}
