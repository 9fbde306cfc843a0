//! The protocol-neutral relay: two pumps, a ledger of outstanding requests, and the faults every protocol has.

pub mod session;

pub use session::{Cut, Direction, Fault, Injection, Session, UnitKind, Unsupported};
