//! The reply a rule gives in the server's stead.

use super::schema::answer::{Answer, Asked, items};
use crate::model::{ActionKind, ContentKind};
use crate::proxy::{Fault, Unsupported};
use std::io::Write;

/// What the answer must heed about the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker {
    /// A HEAD request gets the head of the answer only.
    pub(super) asked: Asked,
    /// HTTP/1.0, which has no chunks (RFC 9112, section 6.1).
    pub(super) old: bool,
    /// The connection closes behind the answer.
    pub(super) close: bool,
}

/// What a reply is once it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    /// It says that the connection closes behind it.
    pub(super) close: bool,
}

/// Writes the whole reply. One that says `Connection: close` closes the connection, whatever the request says.
pub(super) fn write(fault: &Fault<'_>, asker: Asker) -> Result<Written, Unsupported> {
    let (kind, params) = match fault {
        Fault::Respond(params) => (ActionKind::Respond, params),
        Fault::Error(params) => (ActionKind::Error, params),
    };
    // The loader refused what cannot be sent to any request.
    let answer = Answer::read(kind, params, asker.asked);
    let answer = answer.map_err(|_| Unsupported("this status: it opens a tunnel"))?;
    let close = asker.close || answer.has_option("close");
    let chunked = answer.chunked && !asker.old;
    let mut bytes = Vec::with_capacity(256 + answer.content.len());
    write_head(&answer, chunked, close, &mut bytes);
    let has_content = asker.asked != Asked::Head && !answer.is_bodiless();
    if has_content && chunked {
        write_chunked(&answer.content, &mut bytes);
    } else if has_content {
        bytes.extend_from_slice(&answer.content);
    }
    Ok(Written { bytes, close })
}

fn write_head(answer: &Answer<'_>, chunked: bool, close: bool, out: &mut Vec<u8>) {
    let reason = answer.reason.unwrap_or_else(|| reason_of(answer.status));
    // Writing to memory cannot fail.
    let _ = write!(out, "HTTP/1.1 {} {reason}\r\n", answer.status);
    for (name, value) in &answer.headers {
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        if !is("connection") && !is("transfer-encoding") {
            let _ = write!(out, "{name}: {value}\r\n");
        }
    }
    if !answer.content.is_empty() && answer.header("content-type").next().is_none() {
        let kind = match answer.kind {
            ContentKind::Json => "application/json",
            ContentKind::Text => "text/plain; charset=utf-8",
            ContentKind::Bytes => "application/octet-stream",
        };
        let _ = write!(out, "Content-Type: {kind}\r\n");
    }
    // 204 never has a length, and 304 has that of another answer (RFC 9110, section 8.6).
    let has_length = !matches!(answer.status, 204 | 304) && answer.header("content-length").next().is_none();
    if chunked {
        out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
    } else if has_length {
        let _ = write!(out, "Content-Length: {}\r\n", answer.content.len());
    }
    let connection = connection(answer, close);
    if !connection.is_empty() {
        let _ = write!(out, "Connection: {}\r\n", connection.join(", "));
    }
    out.extend_from_slice(b"\r\n");
}

/// The options of the connection: those of the rule, kept true to what happens. `close` is said exactly when the
/// connection closes (RFC 9112, section 9.6), and `Upgrade` has its option (RFC 9110, section 7.8).
fn connection<'a>(answer: &'a Answer<'_>, close: bool) -> Vec<&'a str> {
    let given = answer.header("connection").flat_map(items);
    let contradicts = |option: &str| close && option.eq_ignore_ascii_case("keep-alive");
    let mut options: Vec<&str> = given.filter(|option| !contradicts(option)).collect();
    if close && !answer.has_option("close") {
        options.push("close");
    }
    if answer.header("upgrade").next().is_some() && !answer.has_option("upgrade") {
        options.push("upgrade");
    }
    options
}

/// The content as one chunk (RFC 9112, section 7.1).
fn write_chunked(content: &[u8], out: &mut Vec<u8>) {
    if !content.is_empty() {
        let _ = write!(out, "{:x}\r\n", content.len());
        out.extend_from_slice(content);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"0\r\n\r\n");
}

/// Reason phrases of the registered statuses (RFC 9110, section 15); clients must not rely on them.
fn reason_of(status: u16) -> &'static str {
    let code = hyper::StatusCode::from_u16(status).ok();
    code.and_then(|code| code.canonical_reason()).unwrap_or("Unknown")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Data, Params};
    use serde_json::{Value, json};

    const KEEPS: Asker = Asker { asked: Asked::Other, old: false, close: false };

    fn check(given: &Value, body: Option<Data>, asker: Asker, bytes: &[u8], close: bool) {
        let names = ["status", "headers", "reason"];
        let values = names.into_iter().filter_map(|name| Some((name, given.get(name)?.clone().into())));
        let params = Params(values.chain(body.map(|body| ("body", body))).collect());
        let written = write(&Fault::Respond(&params), asker).unwrap();
        assert_eq!(written.bytes.escape_ascii().to_string(), bytes.escape_ascii().to_string(), "{given}");
        assert_eq!(written.close, close, "{given}");
    }

    #[test]
    fn an_answer_that_says_close_closes() {
        for value in ["close", "Close", "keep-alive, CLOSE", "x-hop ,close"] {
            let given = json!({ "status": 503, "headers": { "connection": value } });
            let said = match value {
                "keep-alive, CLOSE" => "CLOSE",
                "x-hop ,close" => "x-hop, close",
                value => value,
            };
            let head = format!(
                "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: {said}\r\n\r\n"
            );
            check(&given, None, KEEPS, head.as_bytes(), true);
        }
        let stays = json!({ "status": 200, "headers": { "Connection": "keep-alive, x-closed" } });
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive, x-closed\r\n\r\n";
        check(&stays, None, KEEPS, head, false);
        // The request asks for a close.
        let asker = Asker { close: true, ..KEEPS };
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x-closed, close\r\n\r\n";
        check(&stays, None, asker, head, true);
    }

    #[test]
    fn the_head_is_true_to_the_content() {
        let bytes = Some(Data::bytes(*b"\xff\x80"));
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 2\r\n\r\n";
        check(&json!({ "status": 200 }), bytes.clone(), KEEPS, &[&head[..], b"\xff\x80"].concat(), false);
        check(&json!({ "status": 200 }), bytes, Asker { asked: Asked::Head, ..KEEPS }, head, false);
        let chunked =
            json!({ "status": 200, "headers": { "transfer-encoding": "chunked", "content-type": "x/y" } });
        let head = "HTTP/1.1 200 OK\r\ncontent-type: x/y\r\n";
        let framed = format!("{head}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
        check(&chunked, Some("hello".into()), KEEPS, framed.as_bytes(), false);
        let plain = format!("{head}Content-Length: 5\r\nConnection: close\r\n\r\nhello");
        let old = Asker { old: true, close: true, ..KEEPS };
        check(&chunked, Some("hello".into()), old, plain.as_bytes(), true);
        check(&json!({ "status": 204 }), None, KEEPS, b"HTTP/1.1 204 No Content\r\n\r\n", false);
        let upgrade = json!({ "status": 426, "headers": { "Upgrade": "h2c" } });
        let head = b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: h2c\r\nContent-Length: 0\r\nConnection: upgrade\r\n\r\n";
        check(&upgrade, None, KEEPS, head, false);
        check(&json!({ "status": 304 }), None, KEEPS, b"HTTP/1.1 304 Not Modified\r\n\r\n", false);
    }
}
