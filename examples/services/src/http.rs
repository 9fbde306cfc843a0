//! A small HTTP/1.1 server side (RFC 9112): keep-alive, Content-Length and chunked bodies.

use std::io::{self, BufRead, Read};

use crate::connection::Connection;

/// The longest request line plus header section, in bytes.
const HEAD_LIMIT: u64 = 64 * 1024;

/// The longest body, in bytes.
const BODY_LIMIT: u64 = 8 * 1024 * 1024;

/// One request, body included.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// The method as sent.
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// The body, empty when there was none.
    pub body: Vec<u8>,
}

/// What a service answers.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The value of Content-Type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Response {
    /// A plain text answer.
    pub fn text(status: u16, body: impl Into<String>) -> Response {
        Response { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }

    /// An answer whose body is already JSON.
    pub fn json(status: u16, body: impl Into<String>) -> Response {
        Response { status, content_type: "application/json", body: body.into() }
    }

    fn encode(&self, method: &str, keep_alive: bool) -> Vec<u8> {
        let connection = if keep_alive { "keep-alive" } else { "close" };
        // The answer to HEAD carries the length but not the body (RFC 9110 section 9.3.2).
        let body = if method == "HEAD" { "" } else { self.body.as_str() };
        format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n{body}",
            self.status,
            reason(self.status),
            self.content_type,
            self.body.len(),
        )
        .into_bytes()
    }
}

/// Answers requests until the peer closes or asks to, or the socket fails. A malformed request gets 400.
///
/// # Errors
/// The socket's error.
pub fn serve(mut connection: Connection, answer: impl Fn(&Request) -> Response) -> io::Result<()> {
    loop {
        let (request, keep_alive) = match read_request(&mut connection) {
            Ok(Some(request)) => request,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return connection.send(&Response::text(400, error.to_string()).encode("", false));
            }
            Err(error) => return Err(error),
        };
        connection.send(&answer(&request).encode(&request.method, keep_alive))?;
        if !keep_alive {
            return Ok(());
        }
    }
}

fn read_request(connection: &mut Connection) -> io::Result<Option<(Request, bool)>> {
    let Some(head) = read_head(connection.reader())? else { return Ok(None) };
    if head.expects_continue {
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let body = read_body(connection.reader(), &head.framing)?;
    Ok(Some((Request { method: head.method, path: head.path, body }, head.keep_alive)))
}

/// The request line and what the headers say about the rest.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    method: String,
    path: String,
    framing: Framing,
    keep_alive: bool,
    expects_continue: bool,
}

/// How the end of the body is known (RFC 9112 section 6.3).
#[derive(Debug, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
}

fn read_head(reader: &mut impl BufRead) -> io::Result<Option<Head>> {
    let mut limited = reader.take(HEAD_LIMIT);
    let first = match read_line(&mut limited)? {
        None => return Ok(None),
        Some(line) => line,
    };
    let mut head = parse_request_line(&first)?;
    let mut length = None;
    let mut chunked = false;
    loop {
        let line =
            read_line(&mut limited)?.ok_or_else(|| malformed("request ends inside its header section"))?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| malformed("header line without a colon"))?;
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => {
                let parsed = value.parse::<u64>().map_err(|_| malformed("Content-Length is not a number"))?;
                if length.is_some_and(|earlier| earlier != parsed) {
                    return Err(malformed("two different Content-Length headers"));
                }
                length = Some(parsed);
            }
            "transfer-encoding" if value.eq_ignore_ascii_case("chunked") => chunked = true,
            "transfer-encoding" => return Err(malformed("only the chunked transfer encoding is known here")),
            "connection" if value.eq_ignore_ascii_case("close") => head.keep_alive = false,
            "connection" if value.eq_ignore_ascii_case("keep-alive") => head.keep_alive = true,
            "expect" => head.expects_continue = value.eq_ignore_ascii_case("100-continue"),
            _ => {}
        }
    }
    head.framing = match (chunked, length) {
        // Two parsers may read such a request differently (RFC 9112 section 6.1), so nobody should.
        (true, Some(_)) => return Err(malformed("both Transfer-Encoding and Content-Length")),
        (true, None) => Framing::Chunked,
        (false, length) => Framing::Length(length.unwrap_or(0)),
    };
    Ok(Some(head))
}

fn parse_request_line(line: &str) -> io::Result<Head> {
    let mut words = line.split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(malformed("request line is not METHOD TARGET VERSION"));
    };
    let keep_alive = match version {
        "HTTP/1.1" => true,
        "HTTP/1.0" => false,
        _ => return Err(malformed("only HTTP/1.0 and HTTP/1.1 are known here")),
    };
    Ok(Head {
        method: method.to_owned(),
        path: path_of(target).to_owned(),
        framing: Framing::Length(0),
        keep_alive,
        expects_continue: false,
    })
}

/// The path of `/a?b` or of `http://host/a?b`, which servers must accept as well (RFC 9112 section 3.2.2).
fn path_of(target: &str) -> &str {
    let origin = match target.strip_prefix("http://") {
        Some(rest) => rest.find('/').map_or("/", |slash| &rest[slash..]),
        None => target,
    };
    origin.split_once('?').map_or(origin, |(path, _)| path)
}

fn read_body(reader: &mut impl BufRead, framing: &Framing) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    match framing {
        Framing::Length(length) => read_exactly(reader, *length, &mut body)?,
        Framing::Chunked => loop {
            let size_line = body_line(reader)?;
            let digits = size_line.split(';').next().unwrap_or("").trim();
            let size =
                u64::from_str_radix(digits, 16).map_err(|_| malformed("chunk size is not hexadecimal"))?;
            if size == 0 {
                while !body_line(reader)?.is_empty() {}
                break;
            }
            read_exactly(reader, size, &mut body)?;
            if !body_line(reader)?.is_empty() {
                return Err(malformed("chunk longer than its size"));
            }
        },
    }
    Ok(body)
}

fn read_exactly(reader: &mut impl BufRead, length: u64, body: &mut Vec<u8>) -> io::Result<()> {
    if length > BODY_LIMIT - body.len() as u64 {
        return Err(malformed("body over 8 MiB"));
    }
    if reader.take(length).read_to_end(body)? as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn body_line(reader: &mut impl BufRead) -> io::Result<String> {
    read_line(&mut reader.take(HEAD_LIMIT))?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// One line without its end; `None` when the stream was over before it began.
fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        return Err(malformed("line cut short or header section over 64 KiB"));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map(Some).map_err(|_| malformed("header section is not UTF-8"))
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The phrase beside a status the services use.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads every request of `bytes`; the text is `method path body keep-alive?` per request, or the error.
    fn check(bytes: &str, expected: &[&str]) {
        let mut reader = bytes.as_bytes();
        let mut seen = Vec::new();
        loop {
            let read = read_head(&mut reader).and_then(|head| {
                head.map(|head| read_body(&mut reader, &head.framing).map(|body| (head, body))).transpose()
            });
            match read {
                Ok(None) => break,
                Ok(Some((head, body))) => seen.push(format!(
                    "{} {} {} {}",
                    head.method,
                    head.path,
                    String::from_utf8_lossy(&body),
                    head.keep_alive
                )),
                Err(error) => {
                    seen.push(error.to_string());
                    break;
                }
            }
        }
        assert_eq!(seen, expected, "{bytes:?}");
    }

    #[test]
    fn requests_follow_each_other_on_one_connection() {
        check(
            "POST /data/k?x=1 HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET /health HTTP/1.1\r\n\r\n",
            &["POST /data/k hello true", "GET /health  true"],
        );
    }

    #[test]
    fn chunked_bodies_are_joined() {
        check(
            "POST /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: x\r\n\r\n\
             GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
            &["POST /d abc0123456789 true", "GET /  false"],
        );
    }

    #[test]
    fn the_old_version_closes_unless_asked_not_to() {
        check("GET / HTTP/1.0\r\n\r\n", &["GET /  false"]);
        check("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", &["GET /  true"]);
    }

    #[test]
    fn absolute_targets_keep_their_path() {
        check("GET http://host/a/b?c HTTP/1.1\r\n\r\n", &["GET /a/b  true"]);
        check("GET http://host HTTP/1.1\r\n\r\n", &["GET /  true"]);
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_refused() {
        check(
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            &["both Transfer-Encoding and Content-Length"],
        );
        check(
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            &["two different Content-Length headers"],
        );
        check("GET /\r\n\r\n", &["request line is not METHOD TARGET VERSION"]);
    }

    #[test]
    fn bodies_are_bounded_and_complete() {
        check("POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", &["body over 8 MiB"]);
        check(
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
            &["chunk longer than its size"],
        );
        check("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort", &["unexpected end of file"]);
    }

    #[test]
    fn a_head_response_has_a_length_and_no_body() {
        let encoded = Response::text(200, "ok").encode("HEAD", true);
        assert_eq!(
            String::from_utf8(encoded).expect("ASCII"),
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n"
        );
    }
}
