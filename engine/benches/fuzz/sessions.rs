//! Targets that read what travels on a connection.

use super::mutate::{Input, Random};
use faultbox_engine::model::{Params, Protocol};
use faultbox_engine::protocol;
use faultbox_engine::proxy::{Cut, Direction, Fault, Injection, Session, UnitKind};
use serde_json::json;
use std::hash::{DefaultHasher, Hash, Hasher};

/// One unit; `kind` is `None` for bytes that are in no whole unit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Unit {
    to_server: bool,
    kind: Option<String>,
    bytes: Vec<u8>,
    /// So many of them count for effects on replies.
    counted: usize,
    shown: String,
}

#[derive(Default)]
struct Stream {
    unread: Vec<u8>,
    open: Option<Unit>,
}

/// A session under test, with what it has said.
struct Replay {
    session: Box<dyn Session>,
    streams: [Stream; 2],
    units: Vec<Unit>,
    opaque: Option<&'static str>,
    /// Draws which requests a rule acts on: by order, so that chunks do not matter.
    random: Random,
    faults: bool,
    protocol: Protocol,
}

/// Cuts a conversation whole and in random pieces, and checks that nothing is lost and nothing depends on the pieces.
pub(crate) fn check(protocol: Protocol, input: &Input, seed: u64) -> u64 {
    let faults = seed & 1 == 1;
    let whole = replay(protocol, input, seed, faults, || usize::MAX);
    for direction in [Direction::ToServer, Direction::ToClient] {
        let sent: Vec<u8> =
            input.iter().filter(|turn| turn.0 == direction).flat_map(|turn| turn.1.clone()).collect();
        let ours = whole.iter().filter(|unit| unit.to_server == (direction == Direction::ToServer));
        let seen: Vec<u8> = ours.flat_map(|unit| unit.bytes.clone()).collect();
        assert_eq!(seen, sent, "the units tile the bytes");
    }
    // A TCP connection's first bytes are whatever one read gives, so there the pieces are the units.
    if protocol != Protocol::Tcp {
        let mut sizes = Random::new(seed);
        let most = 1 + sizes.below(40);
        let pieces = replay(protocol, input, seed, faults, || 1 + sizes.below(most));
        assert_eq!(pieces, whole, "the units depend on the pieces");
    }
    let mut shape = DefaultHasher::new();
    whole.iter().for_each(|unit| (unit.to_server, &unit.kind).hash(&mut shape));
    shape.finish()
}

fn replay(
    protocol: Protocol,
    input: &Input,
    seed: u64,
    faults: bool,
    mut next_size: impl FnMut() -> usize,
) -> Vec<Unit> {
    let mut replay = Replay {
        session: protocol::session(protocol),
        streams: Default::default(),
        units: Vec::new(),
        opaque: None,
        random: Random::new(seed),
        faults,
        protocol,
    };
    for (direction, bytes) in input {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at(next_size().clamp(1, rest.len()));
            rest = later;
            replay.streams[*direction as usize].unread.extend_from_slice(chunk);
            replay.drain(*direction);
        }
    }
    replay.finish()
}

impl Replay {
    fn drain(&mut self, direction: Direction) {
        let at = direction as usize;
        let to_server = direction == Direction::ToServer;
        while self.opaque.is_none() && !self.streams[at].unread.is_empty() {
            let unread = &self.streams[at].unread;
            let (len, ends) = match self.session.cut(direction, unread, false) {
                Cut::More => return,
                Cut::Left(reason) | Cut::Opaque(reason) => {
                    self.opaque = Some(reason);
                    return;
                }
                Cut::Unit { head, kind, ends } => {
                    assert!(self.streams[at].open.is_none(), "a unit begins within another");
                    assert!(head <= unread.len(), "bytes that are not there");
                    let shown = if matches!(kind, UnitKind::Request { .. }) {
                        assert!(to_server, "only a client asks");
                        let shown = self.session.message(&unread[..head]).description;
                        self.session.inspect(unread, &mut |operation| drop(operation.field("body")));
                        self.act();
                        shown
                    } else {
                        String::new()
                    };
                    let kind = Some(format!("{kind:?}"));
                    self.streams[at].open =
                        Some(Unit { to_server, kind, bytes: Vec::new(), counted: 0, shown });
                    (head, ends)
                }
                Cut::Body { len, ends } => (len, ends),
            };
            let stream = &mut self.streams[at];
            assert!(len > 0 && len <= stream.unread.len(), "{len} of {} bytes", stream.unread.len());
            let open = stream.open.as_mut().expect("a body belongs to a unit");
            open.bytes.extend(stream.unread.drain(..len));
            open.counted += if !to_server && self.session.portion().counts { len } else { 0 };
            if ends {
                self.units.extend(stream.open.take());
            }
        }
    }

    /// Does to some requests what a rule may do to them.
    fn act(&mut self) {
        if !self.faults {
            return;
        }
        let params = Params(
            [("message", json!("READONLY no")), ("status", json!(503)), ("body", json!("x"))]
                .map(|(name, value)| (name, value.into()))
                .into_iter()
                .collect(),
        );
        let fault = match self.random.below(8) {
            0 => Fault::Respond(&params),
            1 => Fault::Error(&params),
            2 => return self.session.vanish(),
            3 => return self.session.repeat(),
            4 => {
                let _ = self.session.invite_body();
                return;
            }
            _ => return,
        };
        let mut out = Injection::default();
        if self.session.inject(&fault, &mut out).is_ok() && !out.to_client.is_empty() {
            check_answer(self.protocol, &out.to_client);
        }
    }

    fn finish(mut self) -> Vec<Unit> {
        for (at, stream) in self.streams.iter_mut().enumerate() {
            // Where a unit is left open, how much of it was taken before HTTP ended depends on the pieces.
            let open = stream.open.take();
            let mut bytes = open.map(|unit| unit.bytes).unwrap_or_default();
            bytes.append(&mut stream.unread);
            if !bytes.is_empty() {
                let shown = self.opaque.unwrap_or_default().to_owned();
                self.units.push(Unit { to_server: at == 0, kind: None, bytes, counted: 0, shown });
            }
        }
        // Which direction comes first between two turns does depend on them as well.
        self.units.sort_by_key(|unit| !unit.to_server);
        self.units
    }
}

/// An answer must be one that a client can read to its end.
fn check_answer(protocol: Protocol, answer: &[u8]) {
    match protocol {
        Protocol::Http => {
            let mut session = protocol::session(protocol);
            let cut = session.cut(Direction::ToClient, answer, false);
            assert!(matches!(cut, Cut::Unit { kind: UnitKind::Reply { last: true }, .. }), "{cut:?}");
        }
        Protocol::Redis => {
            let read = protocol::redis::codec::reply(answer);
            assert!(matches!(read, Ok(Some((_, len))) if len == answer.len()), "{read:?}");
        }
        Protocol::Postgres => {
            let header = protocol::postgres::codec::header(answer);
            assert!(matches!(header, Ok(Some(_))), "the answer begins with no message");
        }
        Protocol::Tcp | Protocol::Udp => {}
    }
}

/// Datagrams have no state: their fields and answers are made without one.
pub(crate) fn check_datagram(input: &Input, _seed: u64) -> u64 {
    let mut shape = 0;
    for (_, bytes) in input {
        let message = protocol::udp::message(bytes);
        assert!(message.description.chars().count() <= 32 && !message.description.contains(char::is_control));
        shape ^= message.description.len() as u64;
    }
    shape
}
