//! What a protocol teaches the relay: how to cut a stream into units, and what to send in a unit's stead.
//!
//! A [`Session`] is synchronous and does no I/O, so it can be fuzzed. The relay owns sockets, timers, order, limits
//! and events. Bytes are forwarded before they are understood: a session sees a copy of what passes, and only a unit
//! whose matcher fields are not known yet is held back.

use crate::model::{Action, Params};
use crate::rules::{Operation, OwnedMessage};

/// How much of a request's body rules look at; a session shows no more of it.
pub const MAX_BODY: usize = 64 * 1024;

/// Which way bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    ToServer,
    ToClient,
}

/// Per-connection parser state of one protocol.
pub trait Session: Send {
    /// Looks at the unread bytes of one direction and says what stands at their front.
    ///
    /// Called again with more bytes after [`Cut::More`], and with the rest after each unit or piece. Must take time
    /// linear in the bytes it consumes, must not panic on any input, and must not copy what it need not keep.
    /// `ended` is true when the peer has closed this direction and no byte will follow.
    fn cut(&mut self, direction: Direction, buf: &[u8], ended: bool) -> Cut;

    /// The fields of the request unit that [`Session::cut`] began last, for rules. `buf` starts at the unit and holds
    /// at least its head; it holds more of the unit when a rule asks for the body.
    fn message(&self, buf: &[u8]) -> OwnedMessage;

    /// Shows the same fields to `visit` without copying them; protocols with many small units override it.
    fn inspect(&self, buf: &[u8], visit: &mut dyn FnMut(&dyn Operation)) {
        visit(&self.message(buf));
    }

    /// Writes what happens in the stead of the unit just begun (a request): the answer to the client and, where the
    /// server must learn of it to stay in step, bytes to the server.
    /// The unit itself, its body included, does not reach the server.
    fn inject(&mut self, fault: &Fault<'_>, out: &mut Injection) -> Result<(), Unsupported>;

    /// What to send to a client that waits to be asked for the body of the unit just begun, when a rule waits for
    /// that body.
    fn invite_body(&mut self) -> Option<&'static [u8]> {
        None
    }

    /// The request unit just begun does not reach the server and no answer to it will come: a drop took it.
    fn vanish(&mut self) {}

    /// The request unit just begun goes to the server twice, and its replies come twice.
    fn repeat(&mut self) {}

    /// What rules could not see of the request unit just begun, when it was let go before all of it was there.
    fn missing(&self, buf: &[u8]) -> Option<Missing> {
        let _ = buf;
        None
    }

    /// Whether the protocol may use TCP's urgent data (RFC 9293, section 3.8.5), as Telnet and FTP do.
    fn has_urgent_data(&self) -> bool {
        false
    }

    /// What `truncate`, `throttle` and `corrupt` must know of the bytes of a reply that [`Session::cut`] took last.
    fn portion(&self) -> Portion {
        Portion::ALL
    }
}

/// Part of a reply, as effects on replies see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    /// The effects count these bytes; others, such as HTTP's heads and the framing of chunks, pass them.
    pub counts: bool,
    /// More bytes that count certainly follow, unless the reply ends here.
    pub more: bool,
    /// Why no byte of the reply counts, where that is known.
    pub empty: Option<&'static str>,
}

impl Portion {
    /// For protocols whose effects count every byte of a reply, and that say where it ends.
    pub const ALL: Portion = Portion { counts: true, more: true, empty: None };
}

/// A field of a request of which a part was not there when rules looked at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    pub field: &'static str,
    /// What is missing, as a report says it.
    pub reason: &'static str,
}

/// What stands at the front of the unread bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// Not enough bytes to tell. The relay keeps them back only where a rule could act on them, up to its limit, and
    /// calls again with the same bytes and more.
    More,
    /// A unit begins; its first `head` bytes (never zero) are known. When it does not end with them, the rest follows
    /// as [`Cut::Body`].
    Unit { head: usize, kind: UnitKind, ends: bool },
    /// The next `len` bytes (never zero) belong to the unit begun last; `ends` when they are its last.
    Body { len: usize, ends: bool },
    /// Both peers leave the protocol in order here (CONNECT, WebSocket, PSYNC): forward as it is from now on.
    Left(&'static str),
    /// Not understood: forward as it is from now on.
    Opaque(&'static str),
}

/// What part a unit plays in the dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitKind {
    /// From the client; rules act on it. `replies` final replies will come for it.
    Request { replies: u32 },
    /// From the client; rules do not act on it and no reply comes (handshakes, acknowledgements, Sync).
    Control,
    /// From the server; `last` ends the answer to the oldest outstanding request.
    Reply { last: bool },
    /// From the server, and never swallowed: so many of the oldest outstanding requests have no answer to come any
    /// more. After an error in a PostgreSQL pipeline the server skips what is behind it. An answer that a rule put in
    /// a skipped request's stead vanishes with it.
    Settle { requests: u32 },
    /// From the server, unasked for.
    Push,
}

/// A terminal action that needs the protocol's own bytes.
#[derive(Debug, Clone, Copy)]
pub enum Fault<'f> {
    Respond(&'f Params),
    Error(&'f Params),
}

impl<'f> Fault<'f> {
    /// The action as a fault, for the actions that a session carries out.
    pub fn of(action: &'f Action) -> Option<Fault<'f>> {
        match action {
            Action::Respond(params) => Some(Fault::Respond(params)),
            Action::Error(params) => Some(Fault::Error(params)),
            Action::Deny(_)
            | Action::Allow
            | Action::Delay(_)
            | Action::Drop(_)
            | Action::Duplicate
            | Action::Truncate { .. }
            | Action::Throttle { .. }
            | Action::Corrupt { .. }
            | Action::Reorder => None,
        }
    }
}

/// What happens in a request's stead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Injection {
    /// The answer, sent to the client when every earlier reply has gone out and the replies to `to_server` came.
    pub to_client: Vec<u8>,
    /// Sent to the server in the unit's place; usually nothing.
    pub to_server: Vec<u8>,
    /// Final replies the server will give to `to_server`; they are swallowed.
    pub swallow_replies: u32,
    /// The client's connection is closed in order after the answer.
    pub close: bool,
}

/// The protocol has no such answer; the loader refuses these before a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the protocol cannot answer this unit with {0}")]
pub struct Unsupported(pub &'static str);
