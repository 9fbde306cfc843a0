//! The parser state of one HTTP/1 connection.

use super::answer::{self, Asker};
use super::body::{Body, Chunk, Run};
use super::head::{self, Fields, Framing, Refused, RequestLine};
use super::schema::answer::Asked;
use crate::proxy::{Cut, Direction, Fault, Injection, MAX_BODY, Portion, Session, UnitKind, Unsupported};
use crate::rules::{Operation, OwnedMessage};
use crate::text::percent;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

/// The largest rest of a body that is read and thrown away after a rule answered; behind a larger one the
/// connection is closed.
const MAX_DRAIN: u64 = 1024 * 1024;
/// How many header fields a buffer is kept for between heads.
const MAX_KEPT_FIELDS: usize = 64;

/// HTTP/1.0 and 1.1 between one client and one server.
#[derive(Debug)]
pub struct HttpSession {
    request: Request,
    /// What the requests in flight were, oldest first: how their replies are framed depends on it.
    asked: VecDeque<Asked>,
    /// Searched bytes of a head that is not complete.
    request_scanned: usize,
    /// The first line of a head that is not complete is one.
    request_line_is_fine: bool,
    reply_scanned: usize,
    request_body: Option<Body>,
    reply_body: Option<Body>,
    reply_fields: Fields,
    /// What was cut last of a reply.
    portion: Portion,
    /// Why no more HTTP is spoken, once so.
    left: Option<&'static str>,
}

/// The request cut last.
#[derive(Debug, Default)]
struct Request {
    line: RequestLine,
    fields: Fields,
    framing: Framing,
    head: usize,
    asked: Asked,
}

impl Session for HttpSession {
    fn cut(&mut self, direction: Direction, buf: &[u8], _ended: bool) -> Cut {
        if let Some(reason) = self.left {
            return Cut::Left(reason);
        }
        let cut = match direction {
            Direction::ToServer => self.cut_request(buf),
            Direction::ToClient => self.cut_reply(buf),
        };
        cut.unwrap_or_else(|Refused(reason)| Cut::Opaque(reason))
    }

    fn message(&self, buf: &[u8]) -> OwnedMessage {
        View { request: &self.request, buf }.snapshot()
    }

    fn inspect(&self, buf: &[u8], visit: &mut dyn FnMut(&dyn Operation)) {
        visit(&View { request: &self.request, buf });
    }

    fn inject(&mut self, fault: &Fault<'_>, out: &mut Injection) -> Result<(), Unsupported> {
        let framing = &self.request.framing;
        let large = matches!(self.request_body, Some(Body::Length(left)) if left > MAX_DRAIN);
        // A client that waits for 100 may or may not send the body behind another answer (RFC 9110 section 10.1.1).
        let uncertain = framing.expects_continue && self.request_body.is_some();
        let old = self.request.line.old;
        let asker =
            Asker { asked: self.request.asked, old, close: framing.close || old || large || uncertain };
        let written = answer::write(fault, asker)?;
        (out.to_client, out.close) = (written.bytes, written.close);
        self.asked.pop_back();
        Ok(())
    }

    /// The server may send its own 100 later; a client must cope with several (RFC 9110 section 15.2).
    fn invite_body(&mut self) -> Option<&'static [u8]> {
        self.request.framing.expects_continue.then_some(b"HTTP/1.1 100 Continue\r\n\r\n")
    }

    fn vanish(&mut self) {
        self.asked.pop_back();
    }

    fn repeat(&mut self) {
        self.asked.push_back(self.request.asked);
    }

    /// Truncating or corrupting is about the content; a broken status line or chunk would be another fault.
    fn portion(&self) -> Portion {
        self.portion
    }
}

impl HttpSession {
    pub fn new() -> HttpSession {
        HttpSession {
            request: Request::default(),
            asked: VecDeque::new(),
            request_scanned: 0,
            request_line_is_fine: false,
            reply_scanned: 0,
            request_body: None,
            reply_body: None,
            reply_fields: Fields::new(),
            portion: Portion::ALL,
            left: None,
        }
    }

    fn cut_request(&mut self, buf: &[u8]) -> Result<Cut, Refused> {
        if let Some(body) = &mut self.request_body {
            let (len, ends) = body.take(buf, |_| {})?;
            if ends {
                self.request_body = None;
            }
            return Ok(if len == 0 { Cut::More } else { Cut::Body { len, ends } });
        }
        if self.asked.back() == Some(&Asked::Connect) {
            return Ok(Cut::Left("CONNECT"));
        }
        // Left over from an old client's body: servers skip it (RFC 9112 section 2.2).
        match buf {
            b"" | b"\r" => return Ok(Cut::More),
            [b'\r', b'\n', ..] => {
                return Ok(Cut::Unit { head: 2, kind: UnitKind::Control, ends: true });
            }
            _ => head::check_request(buf)?,
        }
        let searched = self.request_scanned;
        let Some(end) = head::end_of_head(buf, &mut self.request_scanned) else {
            if !self.request_line_is_fine && buf[searched..].contains(&b'\n') {
                head::check_request_line(buf)?;
                self.request_line_is_fine = true;
            }
            return Ok(Cut::More);
        };
        (self.request_scanned, self.request_line_is_fine) = (0, false);
        self.request.fields.shrink_to(MAX_KEPT_FIELDS);
        let (line, framing) = head::read_request(&buf[..end], &mut self.request.fields)?;
        self.request.asked = match &buf[line.method.clone()] {
            b"HEAD" => Asked::Head,
            b"CONNECT" => Asked::Connect,
            _ => Asked::Other,
        };
        self.asked.push_back(self.request.asked);
        (self.request.line, self.request.framing, self.request.head) = (line, framing, end);
        self.request_body = match framing {
            Framing { chunked: true, .. } => Some(Body::Chunked(Chunk::START)),
            Framing { length: Some(length), .. } if length > 0 => Some(Body::Length(length)),
            _ => None,
        };
        let ends = self.request_body.is_none();
        Ok(Cut::Unit { head: end, kind: UnitKind::Request { replies: 1 }, ends })
    }

    fn cut_reply(&mut self, buf: &[u8]) -> Result<Cut, Refused> {
        if buf.is_empty() {
            return Ok(Cut::More);
        }
        if let Some(body) = &mut self.reply_body {
            let Run { len, is_content, ends, more } = body.take_run(buf)?;
            if ends {
                self.reply_body = None;
            }
            self.portion = Portion { counts: is_content, more, empty: self.portion.empty };
            return Ok(Cut::Body { len, ends });
        }
        let unasked = |refused| match self.asked.is_empty() {
            true => Refused("the server speaks first, and it is not HTTP"),
            false => refused,
        };
        head::check_reply(buf).map_err(unasked)?;
        let Some(end) = head::end_of_head(buf, &mut self.reply_scanned) else {
            return Ok(Cut::More);
        };
        self.reply_scanned = 0;
        self.reply_fields.shrink_to(MAX_KEPT_FIELDS);
        let (status, framing) = head::read_reply(&buf[..end], &mut self.reply_fields)?;
        let interim = (100..200).contains(&status) && status != 101;
        if interim {
            self.portion = Portion { counts: false, more: false, empty: None };
            let kind = UnitKind::Reply { last: false };
            return Ok(Cut::Unit { head: end, kind, ends: true });
        }
        let asked = self.asked.pop_front().unwrap_or_default();
        let body = reply_body(status, framing, asked);
        self.left = match (status, asked) {
            (101, _) => Some("101 Switching Protocols"),
            (200..300, Asked::Connect) => Some("CONNECT"),
            _ => None,
        };
        let more = matches!(body, Ok(Body::Length(_)));
        self.portion = Portion { counts: false, more, empty: body.as_ref().err().copied() };
        self.reply_body = body.ok();
        let ends = self.reply_body.is_none();
        Ok(Cut::Unit { head: end, kind: UnitKind::Reply { last: true }, ends })
    }
}

impl Default for HttpSession {
    fn default() -> HttpSession {
        HttpSession::new()
    }
}

/// The length of a reply's body (RFC 9112 section 6.3), or why it has none.
fn reply_body(status: u16, framing: Framing, asked: Asked) -> Result<Body, &'static str> {
    match (status, asked, framing) {
        (101, _, _) => Err("a reply 101 has no content"),
        (200..300, Asked::Connect, _) => Err("the reply to CONNECT has no content"),
        (_, Asked::Head, _) => Err("the reply to HEAD has no content"),
        (204, _, _) => Err("a reply 204 has no content"),
        (304, _, _) => Err("a reply 304 has no content"),
        (_, _, Framing { length: Some(0), .. }) => Err("the reply's content is empty"),
        (_, _, Framing { chunked: true, .. }) => Ok(Body::Chunked(Chunk::START)),
        (_, _, Framing { length: Some(length), .. }) => Ok(Body::Length(length)),
        (_, _, Framing { .. }) => Ok(Body::UntilClose),
    }
}

/// A request as rules see it, read from the buffer when asked.
struct View<'v> {
    request: &'v Request,
    buf: &'v [u8],
}

impl<'v> View<'v> {
    fn text(&self, range: &Range<usize>) -> Cow<'v, str> {
        String::from_utf8_lossy(self.buf.get(range.clone()).unwrap_or_default())
    }

    fn method(&self) -> Cow<'v, str> {
        self.text(&self.request.line.method)
    }

    /// The target without scheme and authority.
    fn path_and_query(&self) -> &'v [u8] {
        let target = self.buf.get(self.request.line.target.clone()).unwrap_or_default();
        let Some(scheme) = target.windows(3).position(|at| at == b"://").filter(|_| target[0] != b'/') else {
            return target;
        };
        let rest = &target[scheme + 3..];
        let path = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
        path.map_or(b"/", |at| &rest[at..])
    }

    fn path(&self) -> Cow<'v, str> {
        let target = self.path_and_query();
        let end = target.iter().position(|&byte| matches!(byte, b'?' | b'#')).unwrap_or(target.len());
        percent::decode(&target[..end])
    }

    fn query(&self) -> Cow<'v, str> {
        let target = self.path_and_query();
        let query = target.iter().position(|&byte| byte == b'?').map_or(&target[..0], |at| &target[at + 1..]);
        String::from_utf8_lossy(query)
    }

    fn header(&self, name: &str) -> impl Iterator<Item = Cow<'v, str>> {
        let named = move |(field, value): &(Range<usize>, Range<usize>)| {
            let at = self.buf.get(field.clone()).unwrap_or_default();
            at.eq_ignore_ascii_case(name.as_bytes()).then(|| self.text(value))
        };
        self.request.fields.iter().filter_map(named).collect::<Vec<_>>().into_iter()
    }

    /// The content that is there, without its framing, as far as rules look at it.
    fn body(&self) -> Cow<'v, str> {
        let raw = self.buf.get(self.request.head..).unwrap_or_default();
        if !self.request.framing.chunked {
            return String::from_utf8_lossy(&raw[..raw.len().min(MAX_BODY)]);
        }
        let mut content = Vec::new();
        // What is not framed right ends the content; the cutter has said so already.
        let _ = Body::Chunked(Chunk::START).take(raw, |data| {
            let room = MAX_BODY - content.len();
            content.extend_from_slice(&data[..data.len().min(room)]);
        });
        Cow::Owned(String::from_utf8_lossy(&content).into_owned())
    }
}

impl Operation for View<'_> {
    fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            "method" => Some(self.method()),
            "path" => Some(self.path()),
            "query" => Some(self.query()),
            "host" => self.header("host").next(),
            "body" => Some(self.body()),
            _ => None,
        }
    }

    fn entries(&self, name: &str, key: &str) -> Vec<Cow<'_, str>> {
        match name {
            "header" => self.header(key).collect(),
            "query" => {
                pairs(&self.query()).filter(|(at, _)| at == key).map(|(_, value)| value.into()).collect()
            }
            _ => Vec::new(),
        }
    }

    fn describe(&self) -> String {
        format!("{} {}", self.method(), self.path())
    }

    fn snapshot(&self) -> OwnedMessage {
        let fields = ["method", "path", "query", "host", "body"];
        let text = |name| Some((name, self.field(name)?.into_owned()));
        let header = |(name, value): &(Range<usize>, Range<usize>)| {
            ("header", self.text(name).into_owned(), self.text(value).into_owned())
        };
        let query = self.query();
        let pairs = pairs(&query).map(|(name, value)| ("query", name, value));
        OwnedMessage {
            description: self.describe(),
            fields: fields.into_iter().filter_map(text).collect(),
            entries: self.request.fields.iter().map(header).chain(pairs).collect(),
            syscall: None,
        }
    }
}

/// The parameters of a query, decoded.
fn pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    let decode = |text: &str| percent::decode(text.replace('+', " ").as_bytes()).into_owned();
    query.split('&').filter(|pair| !pair.is_empty()).map(move |pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}
