//! Replays conversations through a [`Session`] in tests: whole, and cut into random chunks.

use crate::proxy::{Cut, Direction, Session, UnitKind};

/// One unit with all its bytes; `None` stands for bytes behind the point where the protocol was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) direction: Direction,
    pub(crate) kind: Option<UnitKind>,
    pub(crate) bytes: Vec<u8>,
    /// What rules were shown, for requests.
    pub(crate) operation: String,
}

/// Who says what, in order.
pub(crate) type Conversation<'c> = &'c [(Direction, &'c [u8])];

/// One direction's bytes that are not understood yet.
#[derive(Default)]
struct Stream {
    unread: Vec<u8>,
    open: Option<Seen>,
}

/// Feeds every message in chunks whose sizes `next_size` gives, and collects the units.
///
/// # Panics
/// When a session claims bytes that are not there, or none.
pub(crate) fn replay(
    session: &mut dyn Session,
    talk: Conversation<'_>,
    mut next_size: impl FnMut() -> usize,
) -> Vec<Seen> {
    let mut seen = Vec::new();
    let mut streams = [Stream::default(), Stream::default()];
    let mut opaque = false;
    for (direction, bytes) in talk {
        let mut rest = *bytes;
        while !rest.is_empty() {
            let (chunk, later) = rest.split_at(next_size().clamp(1, rest.len()));
            rest = later;
            let stream = &mut streams[*direction as usize];
            stream.unread.extend_from_slice(chunk);
            opaque = opaque || drain(session, *direction, stream, &mut seen);
            if opaque {
                let bytes = std::mem::take(&mut stream.unread);
                seen.push(Seen { direction: *direction, kind: None, bytes, operation: String::new() });
            }
        }
    }
    for (stream, direction) in streams.iter().zip([Direction::ToServer, Direction::ToClient]) {
        if let Some(open) = &stream.open {
            seen.push(open.clone());
        }
        if !stream.unread.is_empty() {
            let bytes = stream.unread.clone();
            seen.push(Seen { direction, kind: None, bytes, operation: "unread".to_owned() });
        }
    }
    join_opaque(seen)
}

/// Cuts what is there; true when the protocol was left.
fn drain(session: &mut dyn Session, direction: Direction, stream: &mut Stream, seen: &mut Vec<Seen>) -> bool {
    while !stream.unread.is_empty() {
        let (len, ends) = match session.cut(direction, &stream.unread, false) {
            Cut::More => return false,
            Cut::Left(_) | Cut::Opaque(_) => return true,
            Cut::Unit { head, kind, ends } => {
                assert!(stream.open.is_none(), "a unit begins within another");
                let is_request = matches!(kind, UnitKind::Request { .. });
                let operation = if is_request {
                    session.message(&stream.unread[..head]).description
                } else {
                    String::new()
                };
                stream.open = Some(Seen { direction, kind: Some(kind), bytes: Vec::new(), operation });
                (head, ends)
            }
            Cut::Body { len, ends } => (len, ends),
        };
        assert!(len > 0, "nothing was cut");
        let open = stream.open.as_mut().expect("a body belongs to a unit");
        open.bytes.extend(stream.unread.drain(..len));
        if ends {
            seen.extend(stream.open.take());
        }
    }
    false
}

/// How opaque bytes were chunked does not matter.
fn join_opaque(seen: Vec<Seen>) -> Vec<Seen> {
    let mut joined: Vec<Seen> = Vec::new();
    for next in seen {
        match joined.last_mut() {
            Some(last) if last.kind.is_none() && next.kind.is_none() && last.direction == next.direction => {
                last.bytes.extend(next.bytes);
            }
            _ => joined.push(next),
        }
    }
    joined
}

/// All bytes of one direction, in order.
pub(crate) fn bytes_of(seen: &[Seen], direction: Direction) -> Vec<u8> {
    let of_direction = seen.iter().filter(|unit| unit.direction == direction);
    of_direction.flat_map(|unit| unit.bytes.iter().copied()).collect()
}

/// Replays the conversation whole and by the sizes given, and checks that nothing depends on the sizes.
///
/// # Panics
/// When it does, or when the units do not tile the bytes.
pub(crate) fn check_chunking(make: fn() -> Box<dyn Session>, talk: Conversation<'_>, sizes: &[usize]) {
    let whole = replay(&mut *make(), talk, || usize::MAX);
    for direction in [Direction::ToServer, Direction::ToClient] {
        let sent: Vec<u8> =
            talk.iter().filter(|(at, _)| *at == direction).flat_map(|(_, bytes)| *bytes).copied().collect();
        assert_eq!(bytes_of(&whole, direction), sent, "units tile the bytes");
    }
    let mut turn = sizes.iter().copied().cycle();
    let chunked = replay(&mut *make(), talk, || turn.next().unwrap_or(1));
    assert_eq!(chunked, whole);
}
