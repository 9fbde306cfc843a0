//! The actions that need no protocol's wire format: one shape everywhere. What they mean in a protocol is said by
//! its own sentence; the relay carries them out (`proxy/action.rs`). Pure data.

use crate::model::{ActionKind, ActionSpec, Domain, Param, ParamType};

/// Keeps a unit back.
pub(super) const fn delay(doc: &'static str) -> ActionSpec {
    ActionSpec { kind: ActionKind::Delay, params: DELAY, doc }
}

/// Loses a unit of a connection, and perhaps the connection with it.
pub(super) const fn drop(doc: &'static str) -> ActionSpec {
    ActionSpec { kind: ActionKind::Drop, params: MODE, doc }
}

/// Cuts off the end of what comes.
pub(super) const fn truncate(doc: &'static str) -> ActionSpec {
    ActionSpec { kind: ActionKind::Truncate, params: BYTES, doc }
}

/// Slows down what comes.
pub(super) const fn throttle(doc: &'static str) -> ActionSpec {
    ActionSpec { kind: ActionKind::Throttle, params: SPEED, doc }
}

/// Changes one byte of what comes.
pub(super) const fn corrupt(doc: &'static str) -> ActionSpec {
    ActionSpec { kind: ActionKind::Corrupt, params: OFFSET, doc }
}

const DELAY: &[Param] = &[Param {
    name: "delay",
    ty: ParamType::Duration,
    default: None,
    domain: Domain::Duration,
    doc: "How long it waits before it goes on.",
}];

const MODE: &[Param] = &[Param {
    name: "mode",
    ty: ParamType::Str,
    default: Some("\"fin\""),
    domain: Domain::Words(&["fin", "reset", "silent"]),
    doc: "`fin` closes the connection in order, `reset` breaks it with a TCP reset. `silent` keeps it open until the \
          client closes it, and ends all replies on it: those to earlier requests still come, and whatever the client \
          sends behind it does not reach the server either.",
}];

const BYTES: &[Param] = &[Param {
    name: "bytes",
    ty: ParamType::Int,
    default: None,
    domain: Domain::None,
    doc: "How many bytes still arrive.",
}];

const SPEED: &[Param] = &[Param {
    name: "bytes_per_second",
    ty: ParamType::Int,
    default: None,
    domain: Domain::None,
    doc: "How fast they flow at most.",
}];

const OFFSET: &[Param] = &[Param {
    name: "offset",
    ty: ParamType::Int,
    default: Some("0"),
    domain: Domain::None,
    doc: "Which byte has its bits inverted, counted from 0.",
}];
