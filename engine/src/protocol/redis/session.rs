//! One Redis connection: commands one way, replies and pushes the other.
//!
//! The relay pairs replies with commands by order, so this file's work is to say which values are replies at all and
//! which of them ends an answer: subscriptions answer once per channel, `CLIENT REPLY` switches answers off, and
//! messages of channels come unasked.

use super::codec::{self, Command, Malformed, Version, Walk};
use super::replies::{Replies, body};
use super::schema::commands::{channels_of, keys_of};
use crate::model::{Data, Params};
use crate::proxy::{Cut, Direction, Fault, Injection, Missing, Session, UnitKind, Unsupported};
use crate::rules::{Operation, OwnedMessage};
use std::borrow::Cow;

/// A command of which so much is there is let go although its end is not. Less than what a relay takes for a head.
const MAX_HELD: usize = 60 * 1024;
/// So is one with so long an argument: a large value must not be held, and the server refuses a too large one by its
/// length. Keys behind either are not seen, which is reported.
const MAX_ARGUMENT: u64 = 16 * 1024;

/// Fails in every state of a connection, changes nothing, and marks an open transaction as failed.
const FAILING_COMMAND: &[u8] = b"*1\r\n$3\r\nGET\r\n";

const DISCARD: &[u8] = b"*1\r\n$7\r\nDISCARD\r\n";

/// State of one connection.
#[derive(Debug, Default)]
pub struct RedisSession {
    requests: Requests,
    replies: Replies,
}

/// What the commands tell.
#[derive(Debug, Default)]
struct Requests {
    current: Command,
    kind: Kind,
    /// The rest of a command that was let go before its end.
    rest: Walk,
    mode: Mode,
    /// The mode before the current command, for when it does not reach the server.
    before: Mode,
    /// The current command stands at the end of the commands that wait.
    waits: bool,
    /// The current command says "nothing" with a null array rather than a null bulk in RESP2.
    nil_is_array: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Mode {
    in_multi: bool,
    answers: Answers,
}

/// Whether the server answers, as set by `CLIENT REPLY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Answers {
    #[default]
    On,
    Off,
    /// Not to the next command.
    Skip,
}

/// What matters about a command for pairing and for transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Kind {
    #[default]
    Plain,
    Multi,
    Exec,
    Discard,
    Reset,
    Hello(Version),
    /// So many confirmations follow; `None` for an unsubscription from everything.
    Subscription {
        channels: Channels,
        count: Option<u32>,
    },
    ClientReply(Answers),
    /// From here on the server sends what nobody can pair.
    Stream(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channels {
    Plain,
    Pattern,
    Shard,
}

impl Session for RedisSession {
    fn cut(&mut self, direction: Direction, buf: &[u8], _ended: bool) -> Cut {
        let cut = match direction {
            Direction::ToServer => self.cut_command(buf),
            Direction::ToClient => self.replies.cut(buf),
        };
        cut.unwrap_or_else(|Malformed(reason)| Cut::Opaque(reason))
    }

    fn message(&self, buf: &[u8]) -> OwnedMessage {
        View { command: &self.requests.current, buf }.snapshot()
    }

    fn inspect(&self, buf: &[u8], visit: &mut dyn FnMut(&dyn Operation)) {
        visit(&View { command: &self.requests.current, buf });
    }

    fn inject(&mut self, fault: &Fault<'_>, out: &mut Injection) -> Result<(), Unsupported> {
        let Requests { kind, before, .. } = self.requests;
        let mut answer = Vec::new();
        match fault {
            Fault::Error(params) => {
                codec::write_error(params.str("message").unwrap_or("ERR injected fault"), &mut answer);
            }
            Fault::Respond(params) => self.write_answer(params, &mut answer)?,
        }
        self.vanish();
        let server_answers = before.answers == Answers::On;
        if server_answers || kind == Kind::ClientReply(Answers::On) {
            out.to_client = answer;
        }
        // The server must learn of it: a refused command fails the transaction, a refused EXEC ends it, and a skipped
        // answer must be skipped on this command and not on the next.
        out.to_server = match kind {
            Kind::Exec if before.in_multi => {
                self.requests.mode.in_multi = false;
                DISCARD.to_vec()
            }
            Kind::Discard | Kind::Reset if before.in_multi => Vec::new(),
            _ if before.in_multi || before.answers == Answers::Skip => FAILING_COMMAND.to_vec(),
            _ => Vec::new(),
        };
        if out.to_server.is_empty() {
            return Ok(());
        }
        if before.answers == Answers::Skip {
            self.requests.mode.answers = Answers::On;
        }
        if server_answers {
            out.swallow_replies = 1;
            self.replies.waiting.push_back(Kind::Plain);
        }
        Ok(())
    }

    fn missing(&self, buf: &[u8]) -> Option<Missing> {
        let view = View { command: &self.requests.current, buf };
        let (args, keys) = (view.args(), keys_of(view.command.arg(buf, 0).unwrap_or_default()));
        let reason = "keys behind a long argument or behind the first 60 KiB of a command";
        (!keys.are_among(&args, view.command.count)).then_some(Missing { field: "key", reason })
    }

    fn vanish(&mut self) {
        self.requests.mode = self.requests.before;
        if std::mem::take(&mut self.requests.waits) {
            self.replies.waiting.pop_back();
        }
    }
}

impl RedisSession {
    fn cut_command(&mut self, buf: &[u8]) -> Result<Cut, Malformed> {
        let requests = &mut self.requests;
        if !requests.rest.is_done() {
            return body(&mut requests.rest, buf);
        }
        if buf.starts_with(b"\x16\x03") {
            return Err(Malformed("the client speaks TLS"));
        }
        if buf.is_empty() || !requests.current.read(buf)? {
            return Ok(Cut::More);
        }
        let command = &requests.current;
        if !command.rest.is_done() && buf.len() < MAX_HELD && command.open < MAX_ARGUMENT {
            return Ok(Cut::More);
        }
        requests.rest = command.rest.clone();
        let (head, ends) = (command.len, command.rest.is_done());
        if command.count == 0 {
            // Redis passes over empty lines and empty arrays.
            return Ok(Cut::Unit { head, kind: UnitKind::Control, ends });
        }
        requests.kind = Kind::of(command, buf, requests.mode.in_multi);
        if let Kind::Stream(reason) = requests.kind {
            return Ok(Cut::Left(reason));
        }
        requests.nil_is_array = nil_is_array(command.arg(buf, 0).unwrap_or_default());
        requests.before = requests.mode;
        requests.waits = requests.mode.take(requests.kind);
        if requests.waits {
            self.replies.waiting.push_back(requests.kind);
        }
        Ok(Cut::Unit { head, kind: UnitKind::Request { replies: u32::from(self.requests.waits) }, ends })
    }

    /// The value of a rule as a reply to the current command.
    fn write_answer(&self, params: &Params, out: &mut Vec<u8>) -> Result<(), Unsupported> {
        let Requests { kind, before, .. } = self.requests;
        match kind {
            Kind::Plain if before.in_multi => return Err(Unsupported("a value: it is queued by MULTI")),
            Kind::Plain | Kind::Exec => {}
            Kind::Subscription { .. } => return Err(Unsupported("a value: it is a subscription")),
            Kind::Multi
            | Kind::Discard
            | Kind::Reset
            | Kind::Hello(_)
            | Kind::ClientReply(_)
            | Kind::Stream(_) => {
                return Err(Unsupported("a value: it changes the connection"));
            }
        }
        match (params.get("value").unwrap_or(&Data::None), self.replies.version) {
            (Data::Text(text), _) if matches!(text.as_str(), "OK" | "PONG" | "QUEUED") => {
                out.extend(format!("+{text}\r\n").bytes());
            }
            (Data::None, Version::Resp2) if self.requests.nil_is_array => out.extend(b"*-1\r\n"),
            (value, version) => codec::write_value(value, version, out),
        }
        Ok(())
    }
}

impl Mode {
    /// Moves on as the server will when the command reaches it; true when the server answers the command.
    fn take(&mut self, kind: Kind) -> bool {
        match kind {
            Kind::Multi => self.in_multi = true,
            Kind::Exec | Kind::Discard => self.in_multi = false,
            Kind::Reset => *self = Mode::default(),
            Kind::ClientReply(Answers::On) => self.answers = Answers::On,
            Kind::ClientReply(_) if self.answers == Answers::Off => {}
            Kind::ClientReply(answers) => {
                self.answers = answers;
                return false;
            }
            Kind::Plain | Kind::Hello(_) | Kind::Subscription { .. } | Kind::Stream(_) => {}
        }
        match self.answers {
            Answers::On => true,
            Answers::Off => false,
            Answers::Skip => {
                self.answers = Answers::On;
                false
            }
        }
    }
}

impl Kind {
    fn of(command: &Command, buf: &[u8], in_multi: bool) -> Kind {
        let arg = |at: usize| command.arg(buf, at).unwrap_or_default();
        let is = |at: usize, word: &[u8]| arg(at).eq_ignore_ascii_case(word);
        let subscription = |channels| {
            let count = command.count - 1;
            Kind::Subscription { channels, count: (count > 0).then_some(count as u32) }
        };
        // The first letter settles it for most commands.
        match arg(0).first().map(u8::to_ascii_uppercase) {
            Some(b'M') if is(0, b"MULTI") => Kind::Multi,
            Some(b'E') if is(0, b"EXEC") => Kind::Exec,
            Some(b'D') if is(0, b"DISCARD") => Kind::Discard,
            Some(b'R') if is(0, b"RESET") => Kind::Reset,
            Some(b'M') if is(0, b"MONITOR") => Kind::Stream("MONITOR"),
            Some(b'S') if is(0, b"SYNC") => Kind::Stream("SYNC"),
            Some(b'P') if is(0, b"PSYNC") => Kind::Stream("PSYNC"),
            // Queued like any other command.
            _ if in_multi => Kind::Plain,
            Some(b'H') if is(0, b"HELLO") => match arg(1) {
                b"3" => Kind::Hello(Version::Resp3),
                b"2" => Kind::Hello(Version::Resp2),
                _ => Kind::Plain,
            },
            Some(b'C') if is(0, b"CLIENT") && is(1, b"REPLY") => {
                let modes = [(&b"ON"[..], Answers::On), (b"OFF", Answers::Off), (b"SKIP", Answers::Skip)];
                let mode = modes.into_iter().find(|(word, _)| is(2, word) && command.count == 3);
                mode.map_or(Kind::Plain, |(_, answers)| Kind::ClientReply(answers))
            }
            Some(b'S') if is(0, b"SUBSCRIBE") => subscription(Channels::Plain),
            Some(b'P') if is(0, b"PSUBSCRIBE") => subscription(Channels::Pattern),
            Some(b'S') if is(0, b"SSUBSCRIBE") => subscription(Channels::Shard),
            Some(b'U') if is(0, b"UNSUBSCRIBE") => subscription(Channels::Plain),
            Some(b'P') if is(0, b"PUNSUBSCRIBE") => subscription(Channels::Pattern),
            Some(b'S') if is(0, b"SUNSUBSCRIBE") => subscription(Channels::Shard),
            _ => Kind::Plain,
        }
    }
}

fn nil_is_array(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 13] = [
        b"EXEC",
        b"BLPOP",
        b"BRPOP",
        b"BLMOVE",
        b"BRPOPLPUSH",
        b"BZPOPMIN",
        b"BZPOPMAX",
        b"BLMPOP",
        b"BZMPOP",
        b"LMPOP",
        b"ZMPOP",
        b"XREAD",
        b"XREADGROUP",
    ];
    NAMES.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// A command as rules see it. Arguments beyond the keys are never shown: `AUTH` and `HELLO` carry passwords.
struct View<'v> {
    command: &'v Command,
    buf: &'v [u8],
}

impl View<'_> {
    fn name(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.command.arg(self.buf, 0).unwrap_or_default())
    }

    fn args(&self) -> Vec<&[u8]> {
        self.command.args.iter().filter_map(|range| self.buf.get(range.clone())).collect()
    }

    fn keys(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let keys = keys_of(self.command.arg(self.buf, 0).unwrap_or_default());
        let positions = keys.positions(&self.args(), self.command.count);
        positions.into_iter().filter_map(|at| Some(String::from_utf8_lossy(self.command.arg(self.buf, at)?)))
    }

    fn channels(&self) -> impl Iterator<Item = Cow<'_, str>> {
        let name = self.command.arg(self.buf, 0).unwrap_or_default();
        channels_of(name, self.command.count)
            .filter_map(|at| Some(String::from_utf8_lossy(self.command.arg(self.buf, at)?)))
    }
}

impl Operation for View<'_> {
    fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            "command" => Some(self.name()),
            "key" => self.keys().next(),
            "channel" => self.channels().next(),
            _ => None,
        }
    }

    fn any(&self, name: &str, test: &mut dyn FnMut(&str) -> bool) -> bool {
        match name {
            "key" => self.keys().any(|key| test(&key)),
            "channel" => self.channels().any(|channel| test(&channel)),
            _ => self.field(name).is_some_and(|text| test(&text)),
        }
    }

    fn describe(&self) -> String {
        let name = self.name().to_ascii_uppercase();
        match self.keys().chain(self.channels()).next() {
            Some(key) => format!("{name} {key}"),
            None => name,
        }
    }

    fn snapshot(&self) -> OwnedMessage {
        let command = ("command", self.name().to_ascii_uppercase());
        OwnedMessage {
            description: self.describe(),
            fields: std::iter::once(command)
                .chain(self.keys().map(|key| ("key", key.into_owned())))
                .chain(self.channels().map(|channel| ("channel", channel.into_owned())))
                .collect(),
            entries: Vec::new(),
            syscall: None,
        }
    }
}
