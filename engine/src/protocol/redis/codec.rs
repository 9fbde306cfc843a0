//! RESP as bytes: where a value ends, what a command says, and how a value is written.
//!
//! Source: <https://redis.io/docs/latest/develop/reference/protocol-spec/>. Nothing here copies a payload.

use serde_json::Value;
use std::ops::Range;

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

    /// Bytes to come of the text that was begun.
    pub fn bulk_left(&self) -> u64 {
        self.bulk
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

/// A command at the front of a buffer, whole or in part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// Where the arguments stand that are wholly in the buffer, at most [`Command::MAX_ARGS`].
    pub args: Vec<Range<usize>>,
    /// How many arguments the command has in all.
    pub count: usize,
    /// How many bytes of the buffer belong to it.
    pub len: usize,
    /// What is left of it behind those bytes; done when the command is whole.
    pub rest: Walk,
}

impl Command {
    /// No command's keys are looked for behind this many arguments.
    pub const MAX_ARGS: usize = 256;

    pub fn arg<'b>(&self, buf: &'b [u8], at: usize) -> Option<&'b [u8]> {
        buf.get(self.args.get(at)?.clone())
    }

    /// Reads the command at the front of `buf` as far as it goes, keeping the room of the one before. False when not
    /// even its header line is there.
    pub fn read(&mut self, buf: &[u8]) -> Result<bool, Malformed> {
        self.args.clear();
        (self.count, self.len, self.rest) = (0, 0, Walk::default());
        let Some(first) = line(buf)? else { return Ok(false) };
        self.len = first.len;
        match buf.first() {
            Some(b'*') => self.read_array(buf, length(&first.text[1..])?.unwrap_or(0))?,
            _ => self.read_inline(first.text),
        }
        Ok(true)
    }

    fn read_array(&mut self, buf: &[u8], count: u64) -> Result<(), Malformed> {
        // Redis itself refuses more than a million or so.
        self.count = usize::try_from(count).ok().filter(|&n| n <= 1 << 31).ok_or(Malformed("bad length"))?;
        self.rest.values = count;
        while self.rest.values > 0 {
            let Some(header) = line(&buf[self.len..])? else { return Ok(()) };
            let Some(len) = header.text.strip_prefix(b"$") else {
                return Err(Malformed("argument is no bulk"));
            };
            let len = length(len)?.ok_or(Malformed("argument is null"))?;
            let start = self.len + header.len;
            let here = (len + 2).min((buf.len() - start) as u64);
            self.len = start + here as usize;
            self.rest = Walk { values: self.rest.values - 1, bulk: len + 2 - here };
            if self.rest.bulk > 0 {
                return Ok(());
            }
            if self.args.len() < Command::MAX_ARGS {
                self.args.push(start..start + len as usize);
            }
        }
        Ok(())
    }

    /// Splits an inline command at spaces. A quoted argument loses its quotes but keeps its escapes, which no key needs.
    fn read_inline(&mut self, line: &[u8]) {
        let mut at = 0;
        while at < line.len() && self.args.len() < Command::MAX_ARGS {
            if line[at].is_ascii_whitespace() {
                at += 1;
                continue;
            }
            let quote = Some(line[at]).filter(|byte| matches!(byte, b'"' | b'\''));
            at += usize::from(quote.is_some());
            let end = at + inline_end(&line[at..], quote);
            self.args.push(at..end);
            at = end + usize::from(quote.is_some());
        }
        self.count = self.args.len();
    }
}

/// Where an argument of an inline command ends: at its quote, or at a space.
fn inline_end(text: &[u8], quote: Option<u8>) -> usize {
    let mut at = 0;
    while at < text.len() {
        match quote {
            Some(b'"') if text[at] == b'\\' => at += 1,
            Some(quote) if text[at] == quote => break,
            None if text[at].is_ascii_whitespace() => break,
            Some(_) | None => {}
        }
        at += 1;
    }
    at.min(text.len())
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

/// Which RESP a connection speaks, as agreed with `HELLO`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Version {
    #[default]
    Resp2,
    Resp3,
}

/// Writes plain data as a reply: text as a bulk, a list as an array, a dict as a map (flat in RESP2).
pub fn write_value(value: &Value, version: Version, out: &mut Vec<u8>) {
    match (value, version) {
        (Value::Null, Version::Resp2) => out.extend(b"$-1\r\n"),
        (Value::Null, Version::Resp3) => out.extend(b"_\r\n"),
        (Value::Bool(bit), Version::Resp2) => out.extend(if *bit { b":1\r\n" } else { b":0\r\n" }),
        (Value::Bool(bit), Version::Resp3) => out.extend(if *bit { b"#t\r\n" } else { b"#f\r\n" }),
        (Value::Number(number), _) if number.is_i64() => out.extend(format!(":{number}\r\n").bytes()),
        (Value::Number(number), Version::Resp3) => out.extend(format!(",{number}\r\n").bytes()),
        (Value::Number(number), Version::Resp2) => write_bulk(number.to_string().as_bytes(), out),
        (Value::String(text), _) => write_bulk(text.as_bytes(), out),
        (Value::Array(items), _) => {
            out.extend(format!("*{}\r\n", items.len()).bytes());
            items.iter().for_each(|item| write_value(item, version, out));
        }
        (Value::Object(fields), _) => {
            let header = match version {
                Version::Resp2 => format!("*{}\r\n", fields.len() * 2),
                Version::Resp3 => format!("%{}\r\n", fields.len()),
            };
            out.extend(header.bytes());
            for (name, field) in fields {
                write_bulk(name.as_bytes(), out);
                write_value(field, version, out);
            }
        }
    }
}

pub fn write_bulk(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(format!("${}\r\n", bytes.len()).bytes());
    out.extend(bytes);
    out.extend(b"\r\n");
}

/// Writes a command as an array of bulks, the form every server takes.
pub fn write_command<'a>(args: impl ExactSizeIterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    out.extend(format!("*{}\r\n", args.len()).bytes());
    args.for_each(|arg| write_bulk(arg, out));
}

/// Writes an error. A message that begins with a code word (`READONLY ...`) is taken as it is, any other gets `ERR`.
pub fn write_error(message: &str, out: &mut Vec<u8>) {
    let line: String = message.chars().map(|c| if c.is_ascii_control() { ' ' } else { c }).collect();
    let word = line.split(' ').next().unwrap_or_default();
    let is_code =
        word.len() > 1 && word.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit());
    let prefix = if is_code && !word.starts_with(|c: char| c.is_ascii_digit()) { "-" } else { "-ERR " };
    out.extend(format!("{prefix}{}\r\n", line.trim_end()).bytes());
}

/// A reply as data, for the step client.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Value(Value),
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
        b'+' | b'(' => Value::String(text),
        b'-' => return Ok(Reply::Error(text)),
        b':' => text.parse::<i64>().map(Value::from).map_err(|_| Malformed("bad integer"))?,
        b',' => text
            .parse::<f64>()
            .ok()
            .and_then(|float| Some(Value::Number(serde_json::Number::from_f64(float)?)))
            .unwrap_or(Value::String(text)),
        b'#' => Value::Bool(text == "t"),
        b'_' => Value::Null,
        b'$' | b'=' | b'!' => {
            let Some(len) = length(rest)? else { return Ok(Reply::Value(Value::Null)) };
            let bytes = buf.get(*at..*at + len as usize).ok_or(Malformed("cut short"))?;
            *at += len as usize + 2;
            let text = String::from_utf8_lossy(bytes).into_owned();
            if kind == b'!' {
                return Ok(Reply::Error(text));
            }
            Value::String(text)
        }
        b'%' | b'|' => {
            let mut fields = serde_json::Map::new();
            for _ in 0..length(rest)?.unwrap_or(0) {
                let name = plain(read_value(buf, at, depth + 1)?);
                let name = name.as_str().map_or_else(|| name.to_string(), str::to_owned);
                fields.insert(name, plain(read_value(buf, at, depth + 1)?));
            }
            if kind == b'|' {
                return read_value(buf, at, depth + 1);
            }
            Value::Object(fields)
        }
        b'*' | b'~' | b'>' => {
            let Some(count) = length(rest)? else { return Ok(Reply::Value(Value::Null)) };
            let items = (0..count).map(|_| Ok(plain(read_value(buf, at, depth + 1)?)));
            Value::Array(items.collect::<Result<_, Malformed>>()?)
        }
        _ => return Err(Malformed("unknown type")),
    };
    Ok(Reply::Value(value))
}

/// An error inside an array (a failed command of a transaction) reads as its text.
fn plain(reply: Reply) -> Value {
    match reply {
        Reply::Value(value) => value,
        Reply::Error(text) => Value::String(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(bytes: &[u8]) -> Result<Option<Command>, Malformed> {
        let mut command = Command::default();
        Ok(command.read(bytes)?.then_some(command))
    }

    fn args(bytes: &[u8]) -> Vec<String> {
        let command = read(bytes).unwrap().unwrap();
        let text = |range: &Range<usize>| String::from_utf8_lossy(&bytes[range.clone()]).into_owned();
        command.args.iter().map(text).collect()
    }

    #[test]
    fn commands_are_read_in_both_forms() {
        assert_eq!(args(b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"), ["GET", "k"]);
        assert_eq!(args(b"SET  k \"a b\" 'c'\r\n"), ["SET", "k", "a b", "c"]);
        assert_eq!(args(b"PING\n"), ["PING"]);
        assert_eq!(args(b"\r\n"), [""; 0]);
        assert_eq!(args(b"GET \"open\r\n"), ["GET", "open"]);
        assert!(!read(b"*2\r\n$3\r\nGET\r\n").unwrap().unwrap().rest.is_done());
        assert_eq!(read(b"*2\r\n:1\r\n"), Err(Malformed("argument is no bulk")));
        assert_eq!(read(b"*x\r\n"), Err(Malformed("bad length")));
        assert_eq!(read(b"*1\r").unwrap(), None);
    }

    #[test]
    fn a_large_command_tells_what_is_left() {
        let command = read(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\nabc").unwrap().unwrap();
        assert_eq!((command.args.len(), command.count, command.len), (2, 3, 28));
        let mut rest = command.rest;
        assert_eq!(rest.advance(b"defghij\r\n*1\r\n"), Ok(9));
        assert!(rest.is_done());
    }

    fn check_reply(bytes: &[u8], value: Value) {
        assert_eq!(reply(bytes), Ok(Some((Reply::Value(value), bytes.len()))));
    }

    #[test]
    fn replies_are_read() {
        check_reply(b"+OK\r\n", json!("OK"));
        check_reply(b":-7\r\n", json!(-7));
        check_reply(b"$-1\r\n", json!(null));
        check_reply(b"*-1\r\n", json!(null));
        check_reply(b"_\r\n", json!(null));
        check_reply(b"*2\r\n$1\r\na\r\n*1\r\n:1\r\n", json!(["a", [1]]));
        check_reply(b"%1\r\n+k\r\n,1.5\r\n", json!({"k": 1.5}));
        check_reply(b"|1\r\n+ttl\r\n:3\r\n#t\r\n", json!(true));
        assert_eq!(reply(b"-ERR x\r\n"), Ok(Some((Reply::Error("ERR x".to_owned()), 8))));
        assert_eq!(reply(b"$5\r\nab"), Ok(None));
        assert_eq!(reply(b"?\r\n"), Err(Malformed("unknown type")));
    }

    #[test]
    fn values_are_written_for_the_version_agreed() {
        let write = |value: Value, version| {
            let mut out = Vec::new();
            write_value(&value, version, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(write(json!(null), Version::Resp2), "$-1\r\n");
        assert_eq!(write(json!(null), Version::Resp3), "_\r\n");
        assert_eq!(write(json!({"a": 1}), Version::Resp2), "*2\r\n$1\r\na\r\n:1\r\n");
        assert_eq!(write(json!({"a": true}), Version::Resp3), "%1\r\n$1\r\na\r\n#t\r\n");
        assert_eq!(write(json!(["x", 1.5]), Version::Resp2), "*2\r\n$1\r\nx\r\n$3\r\n1.5\r\n");
    }

    #[test]
    fn an_error_keeps_its_code_word() {
        let write = |message: &str| {
            let mut out = Vec::new();
            write_error(message, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(write("READONLY You can't write"), "-READONLY You can't write\r\n");
        assert_eq!(write("injected fault"), "-ERR injected fault\r\n");
        assert_eq!(write("A\r\nB"), "-ERR A  B\r\n");
        assert_eq!(write("OOM"), "-OOM\r\n");
    }

    proptest! {
        #[test]
        fn random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
            let _ = first_word(&bytes);
            let _ = reply(&bytes);
            let _ = Walk::one_value().advance(&bytes);
        }

        #[test]
        fn resp_like_bytes_do_no_harm(text in "([*$%>~+:_|-][0-9-]{0,3}\r\n|[a-z]{0,4}\r\n){0,12}") {
            let _ = read(text.as_bytes());
            let _ = first_word(text.as_bytes());
            let _ = reply(text.as_bytes());
        }

        #[test]
        fn what_is_written_is_read(words in proptest::collection::vec("[ -~]{0,12}", 1..8)) {
            let mut bytes = Vec::new();
            write_command(words.iter().map(|word| word.as_bytes()), &mut bytes);
            prop_assert_eq!(args(&bytes), words);
        }
    }
}
