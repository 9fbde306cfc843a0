//! The protocol-neutral relay: two pumps, a ledger of outstanding requests, and the faults every protocol has.
//!
//! In the order traffic meets them: [`relay`] owns listeners and connections, [`dial`] reaches the service,
//! `connection` moves bytes both ways and asks the rules, `hold` bounds how long it keeps them back, `ledger` keeps
//! answers in order, `action` carries out the faults that need no protocol, `due` says what came of a rule, and [`session`] is what a protocol teaches all of this.

mod action;
mod alarm;
mod connection;
mod datagram;
mod dial;
mod due;
mod flow;
mod hold;
mod ledger;
mod prelude;
mod relay;
mod replies;
mod requests;
pub mod session;
mod stream;
pub mod tls;

pub use datagram::{DatagramConfig, DatagramRelay};
pub use dial::{
    Announce, DatagramSocketFactory, Dialer, FIRST_CLIENT_PORT, Finder, Prepared, Route, datagram_socket_for,
};
pub use prelude::{Opened, Opening, Prelude, Settling};
pub use relay::{Observer, Relay, RelayConfig};
pub use session::{
    Cut, Direction, Fault, Injection, MAX_BODY, Missing, Portion, Session, UnitKind, Unsupported,
};
pub use stream::{Stream, Wrapped};
