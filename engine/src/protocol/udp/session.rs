//! A datagram as rules see it. There is no connection and so no state.

use crate::model::{Data, Params};
use crate::rules::OwnedMessage;

/// How much of a datagram an event shows.
const SHOWN: usize = 32;

/// The fields of a datagram.
pub fn message(datagram: &[u8]) -> OwnedMessage {
    let text = String::from_utf8_lossy(datagram).into_owned();
    let shown: String = text.chars().map(|c| if c.is_control() { '.' } else { c }).take(SHOWN).collect();
    OwnedMessage { description: shown, fields: vec![("data", text)], entries: Vec::new(), syscall: None }
}

/// The datagram a `response` rule sends back.
pub fn answer(params: &Params) -> Vec<u8> {
    params.get("body").unwrap_or(&Data::None).content().0.into_owned()
}
