//! What a command says: an array of bulks, or the words of an inline line.

use super::{Malformed, Walk, length, line};
use std::ops::Range;

/// A command at the front of a buffer, whole or in part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Command {
    /// Where the arguments stand that are wholly in the buffer, at most [`Command::MAX_ARGS`].
    pub args: Vec<Range<usize>>,
    /// How many arguments the command has in all.
    pub count: usize,
    /// How many bytes of the buffer belong to it.
    pub len: usize,
    /// Length of the argument that is in the buffer in part, its line end included; 0 when there is none.
    pub open: u64,
    /// What is left of it behind those bytes; done when the command is whole.
    pub rest: Walk,
}

impl Command {
    /// No command's keys are looked for behind this many arguments.
    pub const MAX_ARGS: usize = 16 * 1024;
    /// Memory for so many is kept between commands.
    const MAX_KEPT_ARGS: usize = 256;

    pub fn arg<'b>(&self, buf: &'b [u8], at: usize) -> Option<&'b [u8]> {
        buf.get(self.args.get(at)?.clone())
    }

    /// Reads the command at the front of `buf` as far as it goes, keeping the room of the one before. False when not
    /// even its header line is there.
    pub fn read(&mut self, buf: &[u8]) -> Result<bool, Malformed> {
        self.args.clear();
        self.args.shrink_to(Command::MAX_KEPT_ARGS);
        (self.count, self.len, self.open, self.rest) = (0, 0, 0, Walk::default());
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
                self.open = len + 2;
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

#[cfg(test)]
mod tests {
    use super::super::write_command;
    use super::*;
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn resp_like_bytes_do_no_harm(text in "([*$%>~+:_|-][0-9-]{0,3}\r\n|[a-z]{0,4}\r\n){0,12}") {
            let _ = read(text.as_bytes());
        }

        #[test]
        fn what_is_written_is_read(words in proptest::collection::vec("[ -~]{0,12}", 1..8)) {
            let mut bytes = Vec::new();
            write_command(words.iter().map(|word| word.as_bytes()), &mut bytes);
            prop_assert_eq!(args(&bytes), words);
        }
    }
}
