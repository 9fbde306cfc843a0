//! Cuts the stream into messages: header lines, an empty line, and as many bytes as `Content-Length` says.
//!
//! Only what makes it impossible to tell where the next message starts ends the stream. Lines end with CRLF; LF alone is
//! taken as well, and so are empty lines between two messages.

use std::io;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// Longest header of one message, in bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// Largest message that is read: far above any that is of use. A larger one is skipped.
const MAX_BODY_BYTES: u64 = 128 * 1024 * 1024;

/// Largest message that is skipped. A length above is no length, and waiting for its end would be waiting for ever.
const MAX_SKIPPED_BYTES: u64 = u32::MAX as u64;

/// One message of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Body(Vec<u8>),
    /// It was read to its end, and its content is of no use.
    Unreadable(String),
}

/// Why there is no next message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lost {
    EndOfInput,
    /// Where it starts cannot be told.
    Framing(String),
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Lost {
        Lost::Framing(format!("standard input cannot be read: {error}"))
    }
}

/// The next message.
pub(super) async fn next(input: &mut (impl AsyncBufRead + Unpin)) -> Result<Frame, Lost> {
    let header = header(input).await?;
    let Some(length) = header.length else {
        return Err(Lost::Framing("a message has no Content-Length".to_owned()));
    };
    let mut body = Vec::new();
    let complaint = if length > MAX_BODY_BYTES {
        let limit = MAX_BODY_BYTES / (1024 * 1024);
        skip(input, length).await?;
        Some(format!("the message has {length} bytes; at most {limit} MiB are read"))
    } else {
        input.take(length).read_to_end(&mut body).await?;
        if (body.len() as u64) < length {
            return Err(cut());
        }
        header.charset.filter(|name| !is_utf8(name)).map(|name| format!("messages are UTF-8, not {name}"))
    };
    Ok(complaint.map_or(Frame::Body(body), Frame::Unreadable))
}

fn cut() -> Lost {
    Lost::Framing("standard input ended within a message".to_owned())
}

async fn skip(input: &mut (impl AsyncBufRead + Unpin), length: u64) -> Result<(), Lost> {
    let skipped = tokio::io::copy(&mut input.take(length), &mut tokio::io::sink()).await?;
    if skipped < length { Err(cut()) } else { Ok(()) }
}

/// What the lines before a message say.
#[derive(Debug, Default)]
struct Header {
    length: Option<u64>,
    charset: Option<String>,
}

async fn header(input: &mut (impl AsyncBufRead + Unpin)) -> Result<Header, Lost> {
    let mut header = Header::default();
    let mut left = MAX_HEADER_BYTES;
    let mut is_begun = false;
    loop {
        let mut line = Vec::new();
        (&mut *input).take(left as u64).read_until(b'\n', &mut line).await?;
        left -= line.len();
        if !line.ends_with(b"\n") {
            return Err(match (line.is_empty() && left > 0, is_begun) {
                (true, false) => Lost::EndOfInput,
                _ if left == 0 => Lost::Framing("the header of a message does not end".to_owned()),
                _ => cut(),
            });
        }
        let line = line.trim_ascii();
        if !line.is_empty() {
            is_begun = true;
            header.take(line)?;
        } else if is_begun {
            return Ok(header);
        }
    }
}

impl Header {
    /// Takes one line. What is not known is passed over.
    fn take(&mut self, line: &[u8]) -> Result<(), Lost> {
        let line = String::from_utf8_lossy(line);
        let Some((name, value)) = line.split_once(':') else { return Ok(()) };
        let value = value.trim();
        if name.trim().eq_ignore_ascii_case("content-length") {
            let length = length(value).ok_or_else(|| {
                Lost::Framing(format!("Content-Length is {value:?}, which is not the length of a message"))
            })?;
            if self.length.is_some_and(|other| other != length) {
                return Err(Lost::Framing("a message has two different Content-Lengths".to_owned()));
            }
            self.length = Some(length);
        } else if name.trim().eq_ignore_ascii_case("content-type") {
            self.charset = charset(value);
        }
        Ok(())
    }
}

fn length(value: &str) -> Option<u64> {
    let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let length = is_number.then(|| value.parse().ok()).flatten();
    length.filter(|&length| length <= MAX_SKIPPED_BYTES)
}

/// The parameter `charset`, which may be quoted (RFC 9110, section 5.6.6).
fn charset(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut charsets = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    charsets.next().map(|(_, value)| value.trim().trim_matches('"').to_ascii_lowercase())
}

/// LSP 3.17 has `utf-8`, and takes `utf8` for older clients. ASCII is a part of it.
fn is_utf8(charset: &str) -> bool {
    matches!(charset, "utf-8" | "utf8" | "us-ascii" | "ascii" | "")
}

#[cfg(test)]
mod tests {
    use super::{Frame, Lost, next};

    /// All frames of the bytes, and how the stream ends.
    fn frames(bytes: &[u8]) -> (Vec<String>, Lost) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut input = bytes;
            let mut all = Vec::new();
            loop {
                match next(&mut input).await {
                    Ok(Frame::Body(body)) => all.push(String::from_utf8(body).unwrap()),
                    Ok(Frame::Unreadable(why)) => all.push(format!("! {why}")),
                    Err(lost) => return (all, lost),
                }
            }
        })
    }

    #[track_caller]
    fn goes_on(header: &str, first: &str) {
        let stream = format!("{header}\r\n\r\nabcContent-Length: 2\r\n\r\nde");
        assert_eq!(frames(stream.as_bytes()), (vec![first.to_owned(), "de".to_owned()], Lost::EndOfInput));
    }

    #[track_caller]
    fn is_lost(stream: &str, why: &str) {
        let (all, lost) = frames(stream.as_bytes());
        assert!(all.is_empty(), "{all:?}");
        let Lost::Framing(said) = lost else { panic!("{lost:?}") };
        assert!(said.contains(why), "{said}");
    }

    #[test]
    fn headers_are_read_as_clients_write_them() {
        goes_on("Content-Length: 3", "abc");
        goes_on("content-length:3", "abc");
        goes_on("CONTENT-LENGTH :  003 ", "abc");
        goes_on("Content-Length: 3\r\nContent-Length: 3", "abc");
        goes_on("\r\n\nContent-Length: 3", "abc");
        goes_on("X-Other: 1\r\nnonsense\r\nContent-Length: 3\nX-More: \u{e9}", "abc");
        goes_on("Content-Length: 3\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8", "abc");
        goes_on("Content-Type: text/plain; CharSet=\"UTF8\"; x=y\r\nContent-Length: 3", "abc");
        goes_on("Content-Type: application/json\r\nContent-Length: 3", "abc");
        goes_on("Content-Type: x; charset=UTF-16\r\nContent-Length: 3", "! messages are UTF-8, not utf-16");
    }

    #[test]
    fn a_stream_whose_messages_cannot_be_told_apart_has_no_next_one() {
        is_lost("X: 1\r\n\r\nabc", "no Content-Length");
        is_lost("hello\r\n\r\n", "no Content-Length");
        for value in ["-3", "+3", "3.0", "3x", "0x3", "", "3, 4", "99999999999", "99999999999999999999999"] {
            is_lost(&format!("Content-Length: {value}\r\n\r\nabc"), "not the length");
        }
        is_lost("Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "two different");
        is_lost("Content-Length: 9\r\n\r\nabc", "within a message");
        is_lost("Content-Length: 3\r\n", "within a message");
        is_lost("Content-Le", "within a message");
        is_lost(&"x".repeat(20_000), "does not end");
        is_lost(&"X: 1\r\n".repeat(5_000), "does not end");
    }

    #[test]
    fn an_end_between_two_messages_is_an_end() {
        for stream in ["", "\r\n", "\n\n"] {
            assert_eq!(frames(stream.as_bytes()), (vec![], Lost::EndOfInput), "{stream:?}");
        }
    }
}
