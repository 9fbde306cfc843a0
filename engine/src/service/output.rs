//! What a service prints: drained always, cut into lines, the last of them kept for explanations.

use crate::event::Stream;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest line handed on, in bytes; a longer one is cut into pieces, so that a service never blocks on its log.
const MAX_LINE: usize = 64 * 1024;

/// How many lines per service are kept for explanations.
const KEPT_LINES: usize = 20;

/// The last lines a service printed, on both streams in the order they were read.
#[derive(Debug, Clone, Default)]
pub struct LastLines(Arc<Mutex<VecDeque<String>>>);

impl LastLines {
    pub fn get(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).iter().cloned().collect()
    }

    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
    }
}

/// Reads until the end of the stream, handing each line to `line`. Ends when every writer has closed it.
pub async fn drain(
    mut from: impl AsyncRead + Unpin,
    stream: Stream,
    last: LastLines,
    mut line: impl FnMut(Stream, String),
) {
    let mut pending: Vec<u8> = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let read = match from.read(&mut chunk).await {
            Ok(0) | Err(_) => break,
            Ok(read) => read,
        };
        pending.extend_from_slice(&chunk[..read]);
        let mut emit = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes.strip_suffix(b"\r").unwrap_or(bytes)).into_owned();
            last.push(&text);
            line(stream, text);
        };
        let mut start = 0;
        while let Some(length) = pending[start..].iter().position(|&byte| byte == b'\n') {
            emit(&pending[start..start + length]);
            start += length + 1;
        }
        pending.drain(..start);
        while pending.len() >= MAX_LINE {
            let rest = pending.split_off(MAX_LINE);
            emit(&pending);
            pending = rest;
        }
    }
    if !pending.is_empty() {
        let text = String::from_utf8_lossy(&pending).into_owned();
        last.push(&text);
        line(stream, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(input: &[u8]) -> (Vec<String>, Vec<String>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let last = LastLines::default();
        let mut lines = Vec::new();
        runtime.block_on(drain(input, Stream::Stdout, last.clone(), |_, line| lines.push(line)));
        (lines, last.get())
    }

    #[test]
    fn lines_are_cut_at_newlines_and_the_rest_is_kept() {
        assert_eq!(lines_of(b"a\r\nb\n\nc").0, ["a", "b", "", "c"]);
        assert_eq!(lines_of(b"").0, Vec::<String>::new());
        assert_eq!(lines_of(b"\xff\n").0, ["\u{fffd}"]);
    }

    #[test]
    fn an_endless_line_is_handed_on_in_pieces() {
        let (lines, _) = lines_of(&vec![b'x'; 3 * MAX_LINE + 5]);
        assert_eq!(lines.iter().map(String::len).collect::<Vec<_>>(), [MAX_LINE, MAX_LINE, MAX_LINE, 5]);
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let text: String = (0..50).map(|n| format!("{n}\n")).collect();
        let (_, last) = lines_of(text.as_bytes());
        assert_eq!((last.len(), last[0].as_str()), (KEPT_LINES, "30"));
    }
}
