//! A TCP connection as one request and one reply: all bytes of the client, all bytes of the server.

use crate::model::Data;
use crate::proxy::{Cut, Direction, Fault, Injection, Portion, Session, UnitKind, Unsupported};
use crate::rules::OwnedMessage;

/// How much of the first bytes a rule sees; what comes in one read is usually less.
const MAX_PREFIX: usize = 4096;
/// How much of them an event shows.
const SHOWN: usize = 32;

/// Where one TCP connection stands. Rules act when the client's first bytes come; a server that speaks first is not
/// held up.
#[derive(Debug, Default)]
pub struct TcpSession {
    asked: bool,
    answered: bool,
    first: usize,
}

impl TcpSession {
    pub fn new() -> TcpSession {
        TcpSession::default()
    }
}

impl Session for TcpSession {
    fn cut(&mut self, direction: Direction, buf: &[u8], _ended: bool) -> Cut {
        let head = buf.len();
        match direction {
            _ if buf.is_empty() => Cut::More,
            Direction::ToServer if self.asked => Cut::Body { len: head, ends: false },
            Direction::ToServer => {
                self.asked = true;
                self.first = head;
                Cut::Unit { head, kind: UnitKind::Request { replies: 1 }, ends: false }
            }
            Direction::ToClient if self.answered => Cut::Body { len: head, ends: false },
            Direction::ToClient if self.asked => {
                self.answered = true;
                Cut::Unit { head, kind: UnitKind::Reply { last: true }, ends: false }
            }
            // A greeting, before the client said anything.
            Direction::ToClient => Cut::Unit { head, kind: UnitKind::Push, ends: true },
        }
    }

    fn message(&self, buf: &[u8]) -> OwnedMessage {
        let first = &buf[..buf.len().min(self.first).min(MAX_PREFIX)];
        let text = String::from_utf8_lossy(first).into_owned();
        let shown: String = text.chars().take_while(|c| !matches!(c, '\r' | '\n')).take(SHOWN).collect();
        OwnedMessage { description: shown, fields: vec![("data", text)], entries: Vec::new(), syscall: None }
    }

    /// What runs over plain TCP is not known.
    fn has_urgent_data(&self) -> bool {
        true
    }

    fn inject(&mut self, fault: &Fault<'_>, out: &mut Injection) -> Result<(), Unsupported> {
        let Fault::Respond(params) = fault else { return Err(Unsupported("an error")) };
        out.to_client = params.get("body").unwrap_or(&Data::None).content().0.into_owned();
        out.close = true;
        Ok(())
    }

    /// Nothing tells whether the server has more to say.
    fn portion(&self) -> Portion {
        Portion { more: false, ..Portion::ALL }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_of_the_client_are_the_request() {
        let mut session = TcpSession::new();
        let greeting = Cut::Unit { head: 5, kind: UnitKind::Push, ends: true };
        assert_eq!(session.cut(Direction::ToClient, b"220 \n", false), greeting);
        let request = Cut::Unit { head: 5, kind: UnitKind::Request { replies: 1 }, ends: false };
        assert_eq!(session.cut(Direction::ToServer, b"PING\n", false), request);
        let message = session.message(b"PING\n");
        assert_eq!((message.description.as_str(), &message.fields[0].1), ("PING", &"PING\n".to_owned()));
        assert_eq!(session.cut(Direction::ToServer, b"more", false), Cut::Body { len: 4, ends: false });
        let reply = Cut::Unit { head: 2, kind: UnitKind::Reply { last: true }, ends: false };
        assert_eq!(session.cut(Direction::ToClient, b"ok", false), reply);
    }
}
