//! One PostgreSQL connection: messages one way, answers and notices the other.
//!
//! Rules act on statements: a simple query, and every execution of a prepared one. Bind and Execute carry no text, so
//! the statements and portals of the connection are remembered. An injected error must be an error on the server as
//! well, or an open transaction would commit behind the client's back: a statement that fails goes to the server in
//! the request's stead, and the server's complaint is taken out of its answer. The server then leaves the transaction
//! aborted and skips to the next Sync by itself.

use super::awaited::{Answers, Awaited};
use super::codec::{self, ErrorFields, Header, Malformed, Startup};
use super::schema::sql::{canonical_sql, short_sql};
use super::schema::sqlstate::sqlstate;
use super::statements::{Statement, Statements};
use crate::model::{INJECTED_ERROR, Params};
use crate::proxy::{Cut, Direction, Fault, Injection, Session, UnitKind, Unsupported};
use crate::rules::{Operation, OwnedMessage};
use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

/// A message of which so much is there is let go although its end is not; no more of a statement's text is looked at.
const MAX_HELD: usize = 16 * 1024;

/// Longest text of an operation for people, in characters.
const MAX_SHOWN: usize = 80;

/// A name no client uses. The server logs it when it fails the statement; reports know it there.
const NOBODY: &str = INJECTED_ERROR;

/// State of one connection.
#[derive(Debug, Default)]
pub struct PostgresSession {
    phase: Phase,
    user: String,
    database: String,
    statements: Statements,
    current: Current,
    answers: Answers,
    /// Bytes to come of the message begun last, by direction.
    rest: [usize; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    /// Before the startup message.
    #[default]
    Greeting,
    /// The client asked for encryption, and the server answers with one byte.
    Negotiating,
    /// Messages with tags.
    Talking,
}

/// The request begun last.
#[derive(Debug, Default)]
enum Current {
    #[default]
    Other,
    Connect,
    /// Its text stands in the message.
    Query,
    Execute(Option<Arc<Statement>>),
}

impl Session for PostgresSession {
    fn cut(&mut self, direction: Direction, buf: &[u8], _ended: bool) -> Cut {
        let rest = &mut self.rest[direction as usize];
        if *rest > 0 {
            let len = buf.len().min(*rest);
            *rest -= len;
            return if len == 0 { Cut::More } else { Cut::Body { len, ends: *rest == 0 } };
        }
        let cut = match (self.phase, direction) {
            (_, _) if buf.is_empty() => Ok(Cut::More),
            (Phase::Talking, Direction::ToServer) => self.cut_message(buf),
            (Phase::Greeting | Phase::Negotiating, Direction::ToServer) => self.cut_startup(buf),
            (Phase::Negotiating, Direction::ToClient) if buf[0] != b'E' => Ok(self.cut_negotiation(buf[0])),
            (_, Direction::ToClient) => self.cut_answer(buf),
        };
        cut.unwrap_or_else(|Malformed(reason)| Cut::Opaque(reason))
    }

    fn message(&self, buf: &[u8]) -> OwnedMessage {
        self.view(buf).snapshot()
    }

    fn inspect(&self, buf: &[u8], visit: &mut dyn FnMut(&dyn Operation)) {
        visit(&self.view(buf));
    }

    fn inject(&mut self, fault: &Fault<'_>, out: &mut Injection) -> Result<(), Unsupported> {
        let Fault::Error(params) = fault else { return Err(Unsupported("rows")) };
        let connects = matches!(self.current, Current::Connect);
        let severity = severity(params, connects);
        write_error(params, severity, &mut out.to_client);
        out.close = severity != "ERROR";
        if out.close {
            self.answers.forget_last();
            if !connects {
                codec::write_message(b'X', &[], &mut out.to_server);
            }
            return Ok(());
        }
        match self.current {
            Current::Query => {
                let statement = format!("EXECUTE \"{NOBODY}\"\0");
                codec::write_message(b'Q', statement.as_bytes(), &mut out.to_server);
            }
            Current::Execute(_) => {
                let portal = format!("{NOBODY}\0\0\0\0\0");
                codec::write_message(b'E', portal.as_bytes(), &mut out.to_server);
            }
            Current::Connect | Current::Other => {
                return Err(Unsupported("an error that does not end the session"));
            }
        }
        self.answers.inject_last();
        out.swallow_replies = 1;
        Ok(())
    }

    fn vanish(&mut self) {
        self.answers.forget_last();
    }
}

// What the client sends.
impl PostgresSession {
    fn cut_startup(&mut self, buf: &[u8]) -> Result<Cut, Malformed> {
        let Some(startup) = codec::startup(buf)? else { return Ok(Cut::More) };
        let (head, phase) = match startup {
            Startup::SslRequest | Startup::GssRequest => (codec::STARTUP_HEADER, Phase::Negotiating),
            Startup::CancelRequest { len } => {
                return Ok(self.unit(Direction::ToServer, len, buf, UnitKind::Control));
            }
            Startup::Start { len } => {
                let parameters = &buf[codec::STARTUP_HEADER..len];
                let text = |name| codec::startup_parameter(parameters, name).map(String::from_utf8_lossy);
                self.user = text("user").unwrap_or_default().into_owned();
                self.database = text("database").map_or_else(|| self.user.clone(), Cow::into_owned);
                (len, Phase::Talking)
            }
        };
        self.phase = phase;
        let kind = match phase {
            Phase::Talking => {
                self.current = Current::Connect;
                self.answers.nothing_added();
                UnitKind::Request { replies: 0 }
            }
            Phase::Greeting | Phase::Negotiating => UnitKind::Control,
        };
        Ok(Cut::Unit { head, kind, ends: true })
    }

    fn cut_message(&mut self, buf: &[u8]) -> Result<Cut, Malformed> {
        let Some(Header { tag, len }) = codec::header(buf)? else { return Ok(Cut::More) };
        // Only these carry something to be known before the message may go.
        let looked_at = matches!(tag, b'Q' | b'P' | b'B' | b'E' | b'C');
        if looked_at && buf.len() < len.min(MAX_HELD) {
            return Ok(Cut::More);
        }
        let body = &buf[codec::HEADER..len.min(buf.len())];
        let kind = match tag {
            b'Q' => self.query(body),
            b'P' => self.parse(body),
            b'B' => self.bind(body),
            b'E' => self.execute(body),
            b'C' => self.close(body),
            b'D' => self.expect(Awaited::Describe),
            b'F' => self.expect(Awaited::Function),
            b'S' => self.expect(Awaited::Sync),
            b'c' | b'f' => {
                self.answers.copy_ended();
                UnitKind::Control
            }
            b'H' | b'd' | b'p' | b'X' => UnitKind::Control,
            _ => return Err(Malformed("unknown message of the client")),
        };
        Ok(self.unit(Direction::ToServer, len, buf, kind))
    }

    fn query(&mut self, body: &[u8]) -> UnitKind {
        self.statements.forget_deallocated(&text_of(body));
        self.current = Current::Query;
        self.request(Awaited::Query)
    }

    fn parse(&mut self, body: &[u8]) -> UnitKind {
        let mut texts = body.splitn(3, |&byte| byte == 0);
        let name = texts.next().unwrap_or_default();
        self.statements.parse(name, &String::from_utf8_lossy(texts.next().unwrap_or_default()));
        self.expect(Awaited::Parse)
    }

    fn bind(&mut self, body: &[u8]) -> UnitKind {
        let mut texts = codec::strings(body);
        let portal = texts.next().unwrap_or_default();
        self.statements.bind(portal, texts.next().unwrap_or_default(), self.answers.batches_sent());
        self.expect(Awaited::Bind)
    }

    fn execute(&mut self, body: &[u8]) -> UnitKind {
        let portal = codec::strings(body).next().unwrap_or_default();
        let statement = self.statements.of_portal(portal);
        if let Some(statement) = &statement {
            self.statements.forget_deallocated(&statement.text);
        }
        self.current = Current::Execute(statement);
        self.request(Awaited::Execute)
    }

    fn close(&mut self, body: &[u8]) -> UnitKind {
        if let Some((kind, names)) = body.split_first() {
            let name = codec::strings(names).next().unwrap_or_default();
            self.statements.close(*kind, name);
        }
        self.expect(Awaited::Close)
    }

    /// A message rules do not act on.
    fn expect(&mut self, awaited: Awaited) -> UnitKind {
        self.answers.expect(awaited);
        UnitKind::Control
    }

    /// A message rules act on, unless the server is going to skip it.
    fn request(&mut self, awaited: Awaited) -> UnitKind {
        if self.answers.expect(awaited) { UnitKind::Request { replies: 1 } } else { UnitKind::Control }
    }

    fn unit(&mut self, direction: Direction, len: usize, buf: &[u8], kind: UnitKind) -> Cut {
        let head = len.min(buf.len());
        self.rest[direction as usize] = len - head;
        Cut::Unit { head, kind, ends: head == len }
    }

    fn view<'v>(&'v self, buf: &'v [u8]) -> View<'v> {
        let text = match &self.current {
            Current::Query => Some(text_of(buf.get(codec::HEADER..).unwrap_or_default())),
            Current::Execute(statement) => {
                statement.as_deref().map(|statement| Cow::Borrowed(&*statement.text))
            }
            Current::Connect | Current::Other => None,
        };
        let prepared = match &self.current {
            Current::Execute(statement) => statement.as_deref(),
            Current::Query | Current::Connect | Current::Other => None,
        };
        View { session: self, text, prepared, canonical: OnceCell::new() }
    }
}

// What the server sends.
impl PostgresSession {
    /// The answer to a request for encryption, which is no message.
    fn cut_negotiation(&mut self, answer: u8) -> Cut {
        match answer {
            b'S' => Cut::Opaque("TLS"),
            b'G' => Cut::Opaque("GSSAPI encryption"),
            _ => {
                self.phase = Phase::Greeting;
                Cut::Unit { head: 1, kind: UnitKind::Push, ends: true }
            }
        }
    }

    fn cut_answer(&mut self, buf: &[u8]) -> Result<Cut, Malformed> {
        let Some(Header { tag, len }) = codec::header(buf)? else { return Ok(Cut::More) };
        if tag == b'Z' {
            let Some(&status) = buf.get(codec::HEADER) else { return Ok(Cut::More) };
            let kind = self.answers.ready();
            if status == b'I' {
                self.statements.transaction_ended(self.answers.batches_done());
            }
            return Ok(self.unit(Direction::ToClient, len, buf, kind));
        }
        if tag == b'W' {
            return Ok(Cut::Left("replication"));
        }
        let kind = self.answers.received(tag);
        Ok(self.unit(Direction::ToClient, len, buf, kind))
    }
}

/// The zero-terminated text at the front, or as much of it as is there.
fn text_of(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body.split(|&byte| byte == 0).next().unwrap_or_default())
}

/// The severity of a rule's error: what it says, else what PostgreSQL uses for the code.
fn severity(params: &Params, connects: bool) -> &'static str {
    let fatal = params.str("sqlstate").and_then(sqlstate).is_some_and(|state| state.fatal);
    match params.str("severity") {
        // Nothing that happens while a client connects leaves it connected.
        _ if connects => "FATAL",
        Some("FATAL") => "FATAL",
        Some("PANIC") => "PANIC",
        Some("ERROR") => "ERROR",
        _ if fatal => "FATAL",
        _ => "ERROR",
    }
}

fn write_error(params: &Params, severity: &str, out: &mut Vec<u8>) {
    let given = |name| params.str(name).filter(|text| !text.is_empty());
    let fields = ErrorFields {
        severity,
        sqlstate: given("sqlstate").unwrap_or("XX000"),
        message: given("message").unwrap_or("injected fault"),
        detail: given("detail"),
        hint: given("hint"),
    };
    codec::write_error(&fields, out);
}

/// A statement as rules see it.
struct View<'v> {
    session: &'v PostgresSession,
    text: Option<Cow<'v, str>>,
    prepared: Option<&'v Statement>,
    canonical: OnceCell<String>,
}

impl View<'_> {
    fn canonical(&self) -> Option<&str> {
        match (self.prepared, &self.text) {
            (Some(statement), _) => Some(statement.canonical()),
            (None, Some(text)) => Some(self.canonical.get_or_init(|| canonical_sql(text))),
            (None, None) => None,
        }
    }

    fn connects(&self) -> bool {
        matches!(self.session.current, Current::Connect)
    }
}

impl Operation for View<'_> {
    fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            "query" => self.canonical().map(Cow::Borrowed),
            "user" => Some(Cow::Borrowed(&self.session.user)),
            "database" => Some(Cow::Borrowed(&self.session.database)),
            "on" => self.connects().then_some(Cow::Borrowed("connect")),
            _ => None,
        }
    }

    fn describe(&self) -> String {
        match &self.text {
            Some(text) => short_sql(text, MAX_SHOWN),
            None if self.connects() => {
                format!("connect as {} to {}", self.session.user, self.session.database)
            }
            None => "a statement prepared elsewhere".to_owned(),
        }
    }

    fn snapshot(&self) -> OwnedMessage {
        let names = ["query", "user", "database", "on"];
        let fields = names.into_iter().filter_map(|name| Some((name, self.field(name)?.into_owned())));
        OwnedMessage {
            description: self.describe(),
            fields: fields.collect(),
            entries: Vec::new(),
            syscall: None,
        }
    }
}
