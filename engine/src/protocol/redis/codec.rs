//! RESP as bytes: where a value ends, and what a reply says. `command.rs` reads commands, `write.rs` writes.
//!
//! Source: <https://redis.io/docs/latest/develop/reference/protocol-spec/>. Nothing here copies a payload.

mod command;
mod write;

pub use command::Command;
pub use write::{Version, write_bulk, write_command, write_error, write_value};

use crate::model::Data;
use serde_json::Number;

/// Longest header line (`*3\r\n`, `$10\r\n`, `+OK\r\n`, an inline command) that is waited for; Redis's own limit.
pub const MAX_LINE: usize = 64 * 1024;

/// The bytes are not RESP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

/// Walks over one value without keeping it, however large and nested it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walk {
    /// Values still to come, nested ones included.
    values: u64,
    /// Bytes of the current bulk still to come, its line end included.
    bulk: u64,
}

impl Walk {
    pub fn one_value() -> Walk {
        Walk { values: 1, bulk: 0 }
    }

    pub fn is_done(&self) -> bool {
        self.values == 0 && self.bulk == 0
    }

    /// Takes as many bytes of the value as `buf` holds; stops at its end or before an incomplete header line.
    pub fn advance(&mut self, buf: &[u8]) -> Result<usize, Malformed> {
        let mut at = 0;
        while !self.is_done() {
            if self.bulk > 0 {
                let here = self.bulk.min((buf.len() - at) as u64);
                at += here as usize;
                self.bulk -= here;
                if self.bulk > 0 {
                    return Ok(at);
                }
                continue;
            }
            let Some(line) = line(&buf[at..])? else { return Ok(at) };
            self.header(line.text)?;
            at += line.len;
        }
        Ok(at)
    }

    fn header(&mut self, line: &[u8]) -> Result<(), Malformed> {
        let Some((&kind, rest)) = line.split_first() else { return Err(Malformed("empty line")) };
        self.values -= 1;
        let grow = |values: u64, more: u64| values.checked_add(more).ok_or(Malformed("too many values"));
        match kind {
            b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(' => {}
            b'$' | b'=' | b'!' => {
                self.bulk = length(rest)?.map_or(0, |len| len + 2);
            }
            b'*' | b'~' | b'>' => self.values = grow(self.values, length(rest)?.unwrap_or(0))?,
            b'%' => self.values = grow(self.values, 2 * length(rest)?.unwrap_or(0))?,
            // Attributes stand before the value they describe.
            b'|' => self.values = grow(self.values, 2 * length(rest)?.unwrap_or(0) + 1)?,
            _ => return Err(Malformed("unknown type")),
        }
        Ok(())
    }
}

/// A header line without its end.
struct Line<'b> {
    text: &'b [u8],
    /// With the line end.
    len: usize,
}

fn line(buf: &[u8]) -> Result<Option<Line<'_>>, Malformed> {
    let window = &buf[..buf.len().min(MAX_LINE)];
    let Some(end) = window.iter().position(|&byte| byte == b'\n') else {
        return if buf.len() >= MAX_LINE { Err(Malformed("line too long")) } else { Ok(None) };
    };
    let text = window[..end].strip_suffix(b"\r").unwrap_or(&window[..end]);
    Ok(Some(Line { text, len: end + 1 }))
}

/// A length in a header: `None` for -1, the null forms.
fn length(text: &[u8]) -> Result<Option<u64>, Malformed> {
    if text == b"-1" {
        return Ok(None);
    }
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<u64>().ok());
    // Redis allows 512 MiB bulks by default and a million elements; anything near 2^62 is not a length.
    number.filter(|&number| number < 1 << 62).map(Some).ok_or(Malformed("bad length"))
}

/// The first element of an array or a push at the front of `buf`, when it is text: the kind of a channel's message.
/// `None` when more bytes are needed; empty when there is no such element.
pub fn first_word(buf: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let Some(outer) = line(buf)? else { return Ok(None) };
    if !matches!(buf.first(), Some(b'*' | b'>')) || length(&outer.text[1..])?.unwrap_or(0) == 0 {
        return Ok(Some(b""));
    }
    let rest = &buf[outer.len..];
    match rest.first() {
        None => Ok(None),
        Some(b'$') => {
            let Some(header) = line(rest)? else { return Ok(None) };
            let Some(len) = length(&header.text[1..])?.filter(|&len| len < 64) else { return Ok(Some(b"")) };
            Ok(rest.get(header.len..header.len + len as usize))
        }
        Some(_) => Ok(Some(b"")),
    }
}

/// A reply as data, for the step client.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Value(Data),
    Error(String),
}

/// Deepest nesting of a reply that is read as data.
const MAX_DEPTH: usize = 64;

/// Reads one whole reply; `None` when more bytes are needed. Gives its length as well.
pub fn reply(buf: &[u8]) -> Result<Option<(Reply, usize)>, Malformed> {
    let mut walk = Walk::one_value();
    let len = walk.advance(buf)?;
    if !walk.is_done() {
        return Ok(None);
    }
    let mut at = 0;
    let value = read_value(&buf[..len], &mut at, 0)?;
    Ok(Some((value, len)))
}

fn read_value(buf: &[u8], at: &mut usize, depth: usize) -> Result<Reply, Malformed> {
    if depth > MAX_DEPTH {
        return Err(Malformed("nested too deep"));
    }
    let header = line(&buf[*at..])?.ok_or(Malformed("cut short"))?;
    *at += header.len;
    let (&kind, rest) = header.text.split_first().ok_or(Malformed("empty line"))?;
    let text = String::from_utf8_lossy(rest).into_owned();
    let value = match kind {
        b'+' | b'(' => Data::Text(text),
        b'-' => return Ok(Reply::Error(text)),
        b':' => {
            text.parse::<i64>().map(|int| Data::Number(int.into())).map_err(|_| Malformed("bad integer"))?
        }
        b',' => text
            .parse::<f64>()
            .ok()
            .and_then(|float| Some(Data::Number(Number::from_f64(float)?)))
            .unwrap_or(Data::Text(text)),
        b'#' => Data::Bool(text == "t"),
        b'_' => Data::None,
        b'$' | b'=' | b'!' => {
            let Some(len) = length(rest)? else { return Ok(Reply::Value(Data::None)) };
            let bytes = buf.get(*at..*at + len as usize).ok_or(Malformed("cut short"))?;
            *at += len as usize + 2;
            if kind == b'!' {
                return Ok(Reply::Error(String::from_utf8_lossy(bytes).into_owned()));
            }
            bulk(bytes)
        }
        b'%' | b'|' => {
            let mut fields: Vec<(String, Data)> = Vec::new();
            for _ in 0..length(rest)?.unwrap_or(0) {
                let name = plain(read_value(buf, at, depth + 1)?);
                let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
                fields.push((name, plain(read_value(buf, at, depth + 1)?)));
            }
            if kind == b'|' {
                return read_value(buf, at, depth + 1);
            }
            Data::Dict(fields)
        }
        b'*' | b'~' | b'>' => {
            let Some(count) = length(rest)? else { return Ok(Reply::Value(Data::None)) };
            let items = (0..count).map(|_| Ok(plain(read_value(buf, at, depth + 1)?)));
            Data::List(items.collect::<Result<_, Malformed>>()?)
        }
        _ => return Err(Malformed("unknown type")),
    };
    Ok(Reply::Value(value))
}

/// An error inside an array (a failed command of a transaction) reads as its text.
fn plain(reply: Reply) -> Data {
    match reply {
        Reply::Value(value) => value,
        Reply::Error(text) => Data::Text(text),
    }
}

/// Redis's strings hold any bytes: those that are UTF-8 read as text.
fn bulk(bytes: &[u8]) -> Data {
    std::str::from_utf8(bytes).map_or_else(|_| Data::bytes(bytes), Data::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn check_reply(bytes: &[u8], value: impl Into<Data>) {
        assert_eq!(reply(bytes), Ok(Some((Reply::Value(value.into()), bytes.len()))));
    }

    #[test]
    fn replies_are_read() {
        check_reply(b"+OK\r\n", json!("OK"));
        check_reply(b":-7\r\n", json!(-7));
        check_reply(b"$-1\r\n", json!(null));
        check_reply(b"*-1\r\n", json!(null));
        check_reply(b"_\r\n", json!(null));
        check_reply(b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", json!(["a", [1]]));
        check_reply(b"$2\r\n\xff\x80\r\n", Data::bytes(*b"\xff\x80"));
        check_reply(b"$2\r\n\xc3\xbf\r\n", json!("\u{ff}"));
        check_reply(b"%1\r\n+k\r\n,1.5\r\n", json!({"k": 1.5}));
        check_reply(b"|1\r\n+ttl\r\n:3\r\n#t\r\n", json!(true));
        assert_eq!(reply(b"-ERR x\r\n"), Ok(Some((Reply::Error("ERR x".to_owned()), 8))));
        assert_eq!(reply(b"$5\r\nab"), Ok(None));
        assert_eq!(reply(b"?\r\n"), Err(Malformed("unknown type")));
    }

    proptest! {
        #[test]
        fn random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = first_word(&bytes);
            let _ = reply(&bytes);
            let _ = Walk::one_value().advance(&bytes);
        }

        #[test]
        fn resp_like_bytes_do_no_harm(text in "([*$%>~+:_|-][0-9-]{0,3}\r\n|[a-z]{0,4}\r\n){0,12}") {
            let _ = first_word(text.as_bytes());
            let _ = reply(text.as_bytes());
        }
    }
}
