//! Heads of requests and replies, read strictly.
//!
//! A head that two parsers could read differently (RFC 9112 section 11.2, request smuggling) is not repaired: it is
//! an [`Refused`], and the connection is forwarded untouched from there. Only what decides framing or what a rule
//! may match is looked at; positions are kept instead of copies.

use super::schema::answer::{is_token, is_value};
use std::ops::Range;

/// Longest method; those that are registered have 17 letters at most.
const MAX_METHOD: usize = 64;

/// A head that is not read, with the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused(pub(super) &'static str);

/// The first line of a request, as positions in the head.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RequestLine {
    pub(super) method: Range<usize>,
    pub(super) target: Range<usize>,
    /// HTTP/1.0.
    pub(super) old: bool,
}

/// The fields of a head that decide framing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Framing {
    pub(super) length: Option<u64>,
    pub(super) chunked: bool,
    pub(super) close: bool,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
    hosts: u8,
}

/// Names and values of header fields, as positions in the head.
pub(super) type Fields = Vec<(Range<usize>, Range<usize>)>;

/// Finds the end of a head without looking at a byte twice: `scanned` bytes hold no end.
pub(super) fn end_of_head(buf: &[u8], scanned: &mut usize) -> Option<usize> {
    let start = scanned.saturating_sub(3);
    let mut at = start;
    while let Some(found) = buf[at..].iter().position(|&byte| byte == b'\n') {
        let line_end = at + found + 1;
        // A bare LF ends a line for some parsers, so it ends the search too, and the head is refused.
        if buf[..line_end].ends_with(b"\n\r\n") || buf[..line_end].ends_with(b"\n\n") {
            return Some(line_end);
        }
        at = line_end;
    }
    *scanned = buf.len();
    None
}

/// Refuses what can begin no request, however little of it is there: waiting for more would hang a peer that speaks
/// another protocol. More bytes never change the answer.
pub(super) fn check_request(buf: &[u8]) -> Result<(), Refused> {
    let method = buf.iter().take(MAX_METHOD).position(|&byte| !is_token(byte));
    match (method, buf) {
        (_, [0x16, 3, ..]) => Err(Refused("the client speaks TLS")),
        // The next byte tells whether it is TLS.
        (_, [0x16]) => Ok(()),
        (Some(1..), _) => Ok(()),
        (Some(0), _) => Err(Refused("a method that is no token")),
        (None, _) if buf.len() >= MAX_METHOD => Err(Refused("a method of 64 bytes or more")),
        (None, _) => Ok(()),
    }
}

/// Refuses a first line that is no request's, before the head is complete.
pub(super) fn check_request_line(buf: &[u8]) -> Result<(), Refused> {
    request_line(buf, line_at(buf, 0)?).map(drop)
}

/// Refuses what can begin no reply, as [`check_request`] does.
pub(super) fn check_reply(buf: &[u8]) -> Result<(), Refused> {
    const VERSION: &[u8] = b"HTTP/1.";
    let expected = VERSION.len().min(buf.len());
    let digit = buf.get(VERSION.len()).is_none_or(|byte| matches!(byte, b'0' | b'1'));
    let space = buf.get(VERSION.len() + 1).is_none_or(|&byte| byte == b' ');
    match buf[..expected] == VERSION[..expected] && digit && space {
        true => Ok(()),
        // An alert, or an answer to the client's handshake.
        false if matches!(buf, [0x15 | 0x16, 3, ..]) => Err(Refused("the server speaks TLS")),
        false if matches!(buf, [0x15 | 0x16]) => Ok(()),
        false => Err(Refused("a reply that is not HTTP/1.1 or HTTP/1.0")),
    }
}

/// Reads a request's first line and fields. `head` ends with the empty line.
pub(super) fn read_request(head: &[u8], fields: &mut Fields) -> Result<(RequestLine, Framing), Refused> {
    let first = line_at(head, 0)?;
    let line = request_line(head, first.clone())?;
    let framing = read_fields(head, first.end + 2, fields)?;
    if framing.chunked && line.old {
        return Err(Refused("Transfer-Encoding in HTTP/1.0"));
    }
    if framing.hosts > 1 {
        return Err(Refused("more than one Host"));
    }
    Ok((line, framing))
}

/// Reads a reply's status and fields. `head` ends with the empty line.
pub(super) fn read_reply(head: &[u8], fields: &mut Fields) -> Result<(u16, Framing), Refused> {
    let first = line_at(head, 0)?;
    let status = status_line(&head[first.clone()])?;
    let framing = read_fields(head, first.end + 2, fields)?;
    if framing.chunked && head.starts_with(b"HTTP/1.0") {
        return Err(Refused("Transfer-Encoding in HTTP/1.0"));
    }
    Ok((status, framing))
}

/// The line that starts at `start`, without its CRLF.
fn line_at(head: &[u8], start: usize) -> Result<Range<usize>, Refused> {
    let rest = &head[start..];
    let end = rest.iter().position(|&byte| byte == b'\n').ok_or(Refused("an unfinished line"))?;
    if end == 0 || rest[end - 1] != b'\r' {
        return Err(Refused("a line that ends without CR"));
    }
    Ok(start..start + end - 1)
}

fn request_line(head: &[u8], line: Range<usize>) -> Result<RequestLine, Refused> {
    let text = &head[line.clone()];
    let space = |byte: &u8| *byte == b' ';
    let first = text.iter().position(space).ok_or(Refused("a request line without a target"))?;
    let last = text.iter().rposition(space).ok_or(Refused("a request line without a target"))?;
    let (method, target) = (&text[..first], text.get(first + 1..last).unwrap_or_default());
    let old = match &text[last + 1..] {
        b"HTTP/1.1" => false,
        b"HTTP/1.0" => true,
        b"HTTP/2.0" if text.starts_with(b"PRI * ") => return Err(Refused("the client speaks HTTP/2")),
        _ => return Err(Refused("not HTTP/1.1 or HTTP/1.0")),
    };
    if method.is_empty() || !method.iter().all(|&byte| is_token(byte)) {
        return Err(Refused("a method that is no token"));
    }
    if target.is_empty() || !target.iter().all(|&byte| byte > b' ' && byte != 0x7f) {
        return Err(Refused("a target with spaces or control characters"));
    }
    let form = target[0] == b'/' || method == b"CONNECT" || target == b"*" || has_scheme(target);
    if !form {
        return Err(Refused("a target that is neither a path nor a URL"));
    }
    let at = line.start;
    Ok(RequestLine { method: at..at + first, target: at + first + 1..at + last, old })
}

fn has_scheme(target: &[u8]) -> bool {
    let lower = |prefix: &[u8]| target.get(..prefix.len()).is_some_and(|at| at.eq_ignore_ascii_case(prefix));
    lower(b"http://") || lower(b"https://")
}

fn status_line(line: &[u8]) -> Result<u16, Refused> {
    let rest = line.strip_prefix(b"HTTP/1.1 ").or_else(|| line.strip_prefix(b"HTTP/1.0 "));
    let rest = rest.ok_or(Refused("a reply that is not HTTP/1.1 or HTTP/1.0"))?;
    let (digits, reason) = rest.split_at_checked(3).ok_or(Refused("a status that is no number"))?;
    if !digits.iter().all(u8::is_ascii_digit) || digits[0] == b'0' {
        return Err(Refused("a status that is no number"));
    }
    // Servers that leave the reason out often leave its space out too.
    if !(reason.is_empty() || reason[0] == b' ') || !reason.iter().all(|&byte| is_value(byte)) {
        return Err(Refused("a reason with control characters"));
    }
    Ok(digits.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0')))
}

fn read_fields(head: &[u8], mut at: usize, fields: &mut Fields) -> Result<Framing, Refused> {
    fields.clear();
    let mut framing = Framing::default();
    loop {
        let line = line_at(head, at)?;
        at = line.end + 2;
        if line.is_empty() {
            break;
        }
        let (name, value) = split_field(head, line.clone())?;
        note(&mut framing, &head[name.clone()], &head[value.clone()], &head[line])?;
        fields.push((name, value));
    }
    if framing.chunked && framing.length.is_some() {
        return Err(Refused("both Content-Length and Transfer-Encoding"));
    }
    Ok(framing)
}

fn split_field(head: &[u8], line: Range<usize>) -> Result<(Range<usize>, Range<usize>), Refused> {
    let text = &head[line.clone()];
    if matches!(text[0], b' ' | b'\t') {
        return Err(Refused("a folded header line"));
    }
    let colon = text.iter().position(|&byte| byte == b':').ok_or(Refused("a header line without a colon"))?;
    if colon == 0 || !text[..colon].iter().all(|&byte| is_token(byte)) {
        return Err(Refused("a header name that is no token"));
    }
    let value = &text[colon + 1..];
    if !value.iter().all(|&byte| is_value(byte)) {
        return Err(Refused("a header value with control characters"));
    }
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let leading = value.iter().take_while(|byte| blank(byte)).count();
    let trailing = value[leading..].iter().rev().take_while(|byte| blank(byte)).count();
    let start = line.start + colon + 1;
    Ok((line.start..line.start + colon, start + leading..start + value.len() - trailing))
}

/// Takes notice of a field that decides framing.
fn note(framing: &mut Framing, name: &[u8], value: &[u8], line: &[u8]) -> Result<(), Refused> {
    // Space around a value may be tabs too (RFC 9110 section 5.6.3), but nginx takes none here.
    let tabbed = || if line.contains(&b'\t') { Err(Refused("a tab around a framing value")) } else { Ok(()) };
    match name.len() {
        14 if name.eq_ignore_ascii_case(b"content-length") => {
            tabbed()?;
            let length = decimal(value).ok_or(Refused("a Content-Length that is no number"))?;
            if framing.length.replace(length).is_some() {
                return Err(Refused("more than one Content-Length"));
            }
        }
        17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
            tabbed()?;
            if framing.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Refused("a Transfer-Encoding other than chunked"));
            }
            framing.chunked = true;
        }
        10 if name.eq_ignore_ascii_case(b"connection") => {
            framing.close |= has_word(value, b"close");
            framing.keep_alive |= has_word(value, b"keep-alive");
        }
        6 if name.eq_ignore_ascii_case(b"expect") => {
            framing.expects_continue |= value.eq_ignore_ascii_case(b"100-continue");
        }
        4 if name.eq_ignore_ascii_case(b"host") => framing.hosts = framing.hosts.saturating_add(1),
        _ => {}
    }
    Ok(())
}

/// Digits only: signs, spaces and lists are read differently by different parsers.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 18 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

fn has_word(list: &[u8], word: &[u8]) -> bool {
    list.split(|&byte| byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(word))
}
