//! How our session reads what one HTTP/1 peer sent, as text; `tests/suites/framing.py` says what the text means.

use faultbox_engine::protocol::http::HttpSession;
use faultbox_engine::proxy::{Cut, Direction, Session, UnitKind};

pub(crate) fn reading(kind: &str, bytes: &[u8]) -> String {
    let mut session = HttpSession::new();
    if kind == "request" {
        return read(&mut session, Direction::ToServer, bytes, request);
    }
    // A reply answers something.
    session.cut(Direction::ToServer, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", false);
    read(&mut session, Direction::ToClient, bytes, |_, unit| {
        let status = String::from_utf8_lossy(&unit[9..12]).into_owned();
        format!("{status} {}", content_len(unit))
    })
}

fn read(
    session: &mut HttpSession,
    direction: Direction,
    bytes: &[u8],
    name: fn(&HttpSession, &[u8]) -> String,
) -> String {
    let (mut at, mut start, mut control) = (0, 0, false);
    let mut parts = Vec::new();
    while at < bytes.len() {
        let (len, ends) = match session.cut(direction, &bytes[at..], false) {
            Cut::More => break,
            Cut::Left(_) | Cut::Opaque(_) => {
                parts.push("!".to_owned());
                return parts.join("; ");
            }
            Cut::Unit { head, kind, ends } => {
                start = at;
                control = kind == UnitKind::Control;
                (head, ends)
            }
            Cut::Body { len, ends } => (len, ends),
        };
        at += len;
        if ends {
            if !control {
                parts.push(name(session, &bytes[start..at]));
            }
            start = at;
        }
    }
    if start < bytes.len() {
        parts.push("...".to_owned());
    }
    parts.join("; ")
}

/// The target as it stands in the first line: what other parsers show.
fn request(session: &HttpSession, unit: &[u8]) -> String {
    let line =
        String::from_utf8_lossy(unit.split(|&byte| byte == b'\r').next().unwrap_or_default()).into_owned();
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut size = 0;
    session.inspect(unit, &mut |operation| size = operation.field("body").map_or(0, |body| body.len()));
    format!("{method} {target} {size}")
}

/// The content of a reply, read as that of a request with the same framing.
fn content_len(unit: &[u8]) -> usize {
    let head = unit.windows(4).position(|at| at == b"\r\n\r\n").map_or(unit.len(), |at| at + 4);
    let chunked = unit[..head].to_ascii_lowercase().windows(7).any(|at| at == b"chunked");
    if !chunked {
        return unit.len() - head;
    }
    let mut ask = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    ask.extend(&unit[head..]);
    let mut session = HttpSession::new();
    session.cut(Direction::ToServer, &ask, false);
    let mut size = 0;
    session.inspect(&ask, &mut |operation| size = operation.field("body").map_or(0, |body| body.len()));
    size
}
