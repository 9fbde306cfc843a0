//! How single connections are cut, as tables.

use super::super::HttpSession;
use crate::proxy::{Cut, Direction, Session, UnitKind};

/// Cuts everything a peer sent and writes the units down: `[9]` a unit of nine bytes, `[9+3]` with three bytes of
/// body, `[9+3` one that has not ended, `...` bytes that are no unit yet, `!reason` where HTTP ends.
pub(super) fn cuts(session: &mut HttpSession, direction: Direction, bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut at = 0;
    let mut body = 0;
    while at < bytes.len() {
        match session.cut(direction, &bytes[at..], false) {
            Cut::More => {
                text.push_str("...");
                break;
            }
            Cut::Unit { head, kind, ends } => {
                let mark = match kind {
                    UnitKind::Request { .. } | UnitKind::Reply { last: true } => "",
                    UnitKind::Reply { last: false } => "~",
                    UnitKind::Control | UnitKind::Push | UnitKind::Settle { .. } => "^",
                };
                text.push_str(&format!("{mark}[{head}{}", if ends { "]" } else { "+" }));
                (at, body) = (at + head, 0);
            }
            Cut::Body { len, ends } => {
                (at, body) = (at + len, body + len);
                if ends || at == bytes.len() {
                    text.push_str(&format!("{body}{}", if ends { "]" } else { "" }));
                }
            }
            Cut::Left(reason) | Cut::Opaque(reason) => {
                text.push_str(&format!("!{reason}"));
                break;
            }
        }
    }
    text
}

fn check_request(bytes: &str, expected: &str) {
    let found = cuts(&mut HttpSession::new(), Direction::ToServer, bytes.as_bytes());
    assert_eq!(found, expected, "{bytes:?}");
}

/// `request` is what the reply answers.
fn check_reply(request: &str, reply: &str, expected: &str) {
    let mut session = HttpSession::new();
    cuts(&mut session, Direction::ToServer, request.as_bytes());
    let found = cuts(&mut session, Direction::ToClient, reply.as_bytes());
    assert_eq!(found, expected, "{request:?} {reply:?}");
}

#[test]
fn requests_are_cut_where_they_end() {
    check_request("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "[27]");
    check_request("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.0\r\n\r\n", "[18][18]");
    check_request("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\n\r\n", "[38+3][18]");
    check_request("POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\nGET / HTTP/1.1\r\n\r\n", "[38][18]");
    check_request("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc", "[38+3");
    check_request("\r\nGET / HTTP/1.1\r\n\r\n\r\n\r\n", "^[2][18]^[2]^[2]");
    check_request(
        "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi\r\nGET / HTTP/1.1\r\n\r\n",
        "[38+2]^[2][18]",
    );
    check_request("GET / HTTP/1.1\r\nHost", "...");
    check_request("OPTIONS * HTTP/1.1\r\n\r\n", "[22]");
    check_request("GET http://a/b HTTP/1.1\r\n\r\n", "[27]");
    check_request("CONNECT a:1 HTTP/1.1\r\n\r\nbytes", "[24]!CONNECT");
}

#[test]
fn chunked_requests_are_cut_where_they_end() {
    let check = |body: &str, expected: &str| {
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        check_request(&format!("{head}{body}"), &format!("[47+{expected}"));
    };
    check("3\r\nabc\r\n0\r\n\r\n", "13]");
    check("3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", "13][18]");
    check("A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n", "32]");
    check("3;name=value\r\nabc\r\n0\r\n\r\n", "24]");
    check("3\r\nab", "5");
    let odd = "!chunks that are not framed as RFC 9112 says";
    for body in [
        "3\nabc\r\n0\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc",
        "3\r\nabcd\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "0\r\n folded\r\n\r\n",
        "3;a\nb\r\nabc\r\n",
    ] {
        check(body, odd);
    }
    check("\r\n", "!a chunk without a size");
    check("-1\r\n", "!a chunk without a size");
    check("1000000000000000\r\n", "!a chunk size that is too large");
}

#[test]
fn requests_that_parsers_read_differently_are_not_read() {
    let check = |fields: &str, reason: &str| {
        check_request(&format!("POST / HTTP/1.1\r\n{fields}\r\n\r\nabc"), &format!("!{reason}"));
    };
    check("Content-Length: 3\r\nTransfer-Encoding: chunked", "both Content-Length and Transfer-Encoding");
    check("Content-Length: 3\r\nContent-Length: 3", "more than one Content-Length");
    check("Content-Length: 3, 3", "a Content-Length that is no number");
    check("Content-Length: +3", "a Content-Length that is no number");
    check("Content-Length: -3", "a Content-Length that is no number");
    check("Content-Length: 0x3", "a Content-Length that is no number");
    check("Content-Length:", "a Content-Length that is no number");
    check("Content-Length: 99999999999999999999", "a Content-Length that is no number");
    check("Transfer-Encoding: gzip, chunked", "a Transfer-Encoding other than chunked");
    check("Transfer-Encoding: xchunked", "a Transfer-Encoding other than chunked");
    check(
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "a Transfer-Encoding other than chunked",
    );
    check("Transfer-Encoding : chunked", "a header name that is no token");
    check(" Transfer-Encoding: chunked", "a folded header line");
    check("A: b\r\n c", "a folded header line");
    check("A: b\nContent-Length: 3", "a line that ends without CR");
    check("A: b\rContent-Length: 3", "a header value with control characters");
    check("A: b\0", "a header value with control characters");
    check("A", "a header line without a colon");
    check(": b", "a header name that is no token");
    check("A\u{b}: b", "a header name that is no token");
    check("Host: a\r\nHost: b", "more than one Host");
}

#[test]
fn first_lines_that_parsers_read_differently_are_not_read() {
    let check = |line: &str, reason: &str| check_request(&format!("{line}\r\n\r\n"), &format!("!{reason}"));
    check("GET /", "not HTTP/1.1 or HTTP/1.0");
    check("GET / HTTP/2.0", "not HTTP/1.1 or HTTP/1.0");
    check("GET / HTTP/1.1 ", "not HTTP/1.1 or HTTP/1.0");
    check("GET / http/1.1", "not HTTP/1.1 or HTTP/1.0");
    check("GET  / HTTP/1.1", "a target with spaces or control characters");
    check("GET\t/ HTTP/1.1", "a method that is no token");
    check("GET /a b HTTP/1.1", "a target with spaces or control characters");
    check("GET /a\tb HTTP/1.1", "a target with spaces or control characters");
    check("GET path HTTP/1.1", "a target that is neither a path nor a URL");
    check(" GET / HTTP/1.1", "a method that is no token");
    check("G(T / HTTP/1.1", "a method that is no token");
    check("PING", "a request line without a target");
    check_request("GET / HTTP/1.1\n\n", "!a line that ends without CR");
    // Waiting for more here would keep back a whole request of a lenient client.
    check_request("GET / HTTP/1.1\r\nHost: a\n\r\n", "!a line that ends without CR");
    check_request("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "!the client speaks HTTP/2");
    check_request(
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "!Transfer-Encoding in HTTP/1.0",
    );
}

#[test]
fn replies_are_cut_where_they_end() {
    let get = "GET / HTTP/1.1\r\n\r\n";
    check_reply(get, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "[38+2]");
    check_reply(get, "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "[35+2]");
    check_reply(get, "HTTP/1.1 204 No Content\r\n\r\n", "[27]");
    check_reply(get, "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "[48]");
    check_reply(get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "[47+5]");
    check_reply(get, "HTTP/1.0 200 OK\r\n\r\nuntil the end", "[19+13");
    check_reply(get, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 x\r\n\r\n", "~[25][18]");
    check_reply(get, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 x\r\n\r\n", "~[37][18]");
    check_reply("HEAD / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "[38]");
    check_reply("CONNECT a:1 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nbytes", "[19]!CONNECT");
    check_reply("CONNECT a:1 HTTP/1.1\r\n\r\n", "HTTP/1.1 405 x\r\nContent-Length: 1\r\n\r\nx", "[37+1]");
    check_reply(get, "HTTP/1.1 101 Up\r\nUpgrade: x\r\n\r\n\x01", "[31]!101 Switching Protocols");
}

#[test]
fn replies_that_parsers_read_differently_are_not_read() {
    let check = |reply: &str, reason: &str| {
        check_reply("GET / HTTP/1.1\r\n\r\n", &format!("{reply}\r\n\r\n"), &format!("!{reason}"));
    };
    check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3", "more than one Content-Length");
    check(
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked",
        "both Content-Length and Transfer-Encoding",
    );
    check("HTTP/1.1 20 OK", "a status that is no number");
    check("HTTP/1.1 2000 OK", "a reason with control characters");
    check("ICY 200 OK", "a reply that is not HTTP/1.1 or HTTP/1.0");
    check("HTTP/1.1 200 OK\r\nA: b\r\n folded", "a folded header line");
    check_reply("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\nA: b\n\n", "!a line that ends without CR");
}

#[test]
fn a_request_shows_its_fields() {
    let request = "POST http://h:1/data/a%20b?x=1&y=%41+c HTTP/1.1\r\nHost: h:1\r\nAccept: x\r\naccept: y\r\n\
                   Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let mut session = HttpSession::new();
    cuts(&mut session, Direction::ToServer, request.as_bytes());
    let message = session.message(request.as_bytes());
    assert_eq!(message.description, "POST /data/a b");
    let expected = [
        ("method", "POST"),
        ("path", "/data/a b"),
        ("query", "x=1&y=%41+c"),
        ("host", "h:1"),
        ("body", "abcde"),
    ];
    assert_eq!(message.fields, expected.map(|(name, text)| (name, text.to_owned())));
    session.inspect(request.as_bytes(), &mut |operation| {
        assert_eq!(operation.entries("header", "ACCEPT"), ["x", "y"]);
        assert_eq!(operation.entries("query", "y"), ["A c"]);
        assert_eq!(operation.field("path").as_deref(), Some("/data/a b"));
    });
}
