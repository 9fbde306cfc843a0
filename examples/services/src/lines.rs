//! The line protocol: one command per line in, one line out.

use std::io::{self, BufRead, Read};

use crate::connection::Connection;

/// The longest line either side may send, in bytes; more ends the connection.
const LINE_LIMIT: u64 = 64 * 1024;

/// What a service does with one command.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// Sends this line and waits for the next command.
    Reply(String),
    /// Ends the connection without a word.
    Close,
}

/// Answers commands until the peer closes, `answer` says [`Answer::Close`], or the socket fails.
///
/// # Errors
/// The socket's error, or `InvalidData` for a line over 64 KiB or not in UTF-8.
pub fn serve(mut connection: Connection, answer: impl Fn(&str) -> Answer) -> io::Result<()> {
    while let Some(command) = read_line(connection.reader())? {
        match answer(&command) {
            Answer::Reply(line) => connection.send(format!("{line}\n").as_bytes())?,
            Answer::Close => break,
        }
    }
    Ok(())
}

/// Sends one command over a new connection and returns the line that answers it.
///
/// # Errors
/// A failure to connect, send or read; `UnexpectedEof` when the peer closes without answering.
pub fn ask(address: &str, command: &str) -> io::Result<String> {
    let mut connection = Connection::dial(address)?;
    connection.send(format!("{command}\n").as_bytes())?;
    read_line(connection.reader())?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// Reads one line without its end; `None` when the peer closed before sending a byte of it.
fn read_line(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    reader.take(LINE_LIMIT).read_line(&mut line)?;
    if line.len() as u64 == LINE_LIMIT && !line.ends_with('\n') {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "line over 64 KiB"));
    }
    if line.is_empty() {
        return Ok(None);
    }
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(mut bytes: &[u8], expected: &[&str]) {
        let mut lines = Vec::new();
        while let Some(line) = read_line(&mut bytes).expect("readable") {
            lines.push(line);
        }
        assert_eq!(lines, expected);
    }

    #[test]
    fn lines_end_with_lf_or_crlf_or_the_stream() {
        check(b"PING\nGET a\r\n\nSET a b c", &["PING", "GET a", "", "SET a b c"]);
        check(b"", &[]);
    }

    #[test]
    fn a_line_without_end_is_refused_at_the_limit() {
        let endless = vec![b'x'; 2 * LINE_LIMIT as usize];
        let error = read_line(&mut endless.as_slice()).expect_err("too long");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
