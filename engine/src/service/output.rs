//! What a service prints: drained always, cut into lines, told in bounds.

use super::excerpt::{Excerpt, MAX_LINE, Printed};
use crate::event::Stream;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use tokio::net::unix::pipe;

/// How many lines per service explanations may quote.
const QUOTED_LINES: usize = 20;

/// How much is read at once; as much as a pipe holds (pipe(7)).
const CHUNK: usize = 64 * 1024;

/// How often [`Source::catch_up`] reads at most: a service that never stops printing must not hold up a verdict.
const CATCH_UP_READS: usize = 16;

/// What one service prints, from both of its streams. Clones share it.
#[derive(Clone)]
pub struct Output {
    excerpt: Rc<RefCell<Excerpt>>,
    tell: Rc<dyn Fn(Printed)>,
}

/// One stream of a service, cut into lines.
pub struct Lines {
    output: Output,
    stream: Stream,
    /// The line begun last.
    pending: RefCell<Vec<u8>>,
}

/// One stream of a service with the pipe it comes through.
pub(super) struct Source {
    pipe: pipe::Receiver,
    lines: Lines,
}

impl Output {
    pub fn new(tell: impl Fn(Printed) + 'static) -> Output {
        Output { excerpt: Rc::default(), tell: Rc::new(tell) }
    }

    pub fn lines(&self, stream: Stream) -> Lines {
        Lines { output: self.clone(), stream, pending: RefCell::default() }
    }

    /// Tells what is held back: a part of the test is over.
    pub fn end_part(&self) {
        self.excerpt.borrow_mut().end_part(&mut |printed| (self.tell)(printed));
    }

    /// The last lines the service printed.
    pub fn last_lines(&self) -> Vec<String> {
        self.excerpt.borrow().last(QUOTED_LINES)
    }

    fn take(&self, stream: Stream, text: &[u8]) {
        self.excerpt.borrow_mut().take(stream, text, &mut |printed| (self.tell)(printed));
    }
}

impl Lines {
    /// Takes what was read; a line that has no end yet waits for it.
    pub fn take(&self, chunk: &[u8]) {
        let mut pending = self.pending.borrow_mut();
        let mut rest = chunk;
        if let Some(last) = chunk.iter().rposition(|&byte| byte == b'\n') {
            let (whole, begun) = chunk.split_at(last + 1);
            rest = begun;
            if pending.is_empty() {
                self.output.take(self.stream, whole);
            } else {
                pending.extend_from_slice(whole);
                self.output.take(self.stream, &std::mem::take(&mut *pending));
            }
        }
        pending.extend_from_slice(rest);
        while pending.len() >= MAX_LINE {
            let later = pending.split_off(MAX_LINE);
            self.output.take(self.stream, &std::mem::replace(&mut *pending, later));
        }
    }

    /// Every writer has closed the stream.
    pub fn end(&self) {
        self.output.take(self.stream, &std::mem::take(&mut *self.pending.borrow_mut()));
    }
}

impl Source {
    pub(super) fn new(pipe: pipe::Receiver, lines: Lines) -> Source {
        Source { pipe, lines }
    }

    /// Reads until the end of the stream, which comes when every writer has closed it.
    pub(super) async fn drain(&self) {
        let mut chunk = vec![0; CHUNK];
        while self.pipe.readable().await.is_ok() {
            match self.pipe.try_read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => self.lines.take(&chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        self.lines.end();
    }

    /// Reads what is in the pipe by now, without waiting for the event loop to notice.
    pub(super) fn catch_up(&self) {
        let mut chunk = vec![0; CHUNK];
        for _ in 0..CATCH_UP_READS {
            // The pipe never blocks; its end and errors are the business of `drain`.
            match nix::unistd::read(&self.pipe, &mut chunk) {
                Ok(read) if read > 0 => self.lines.take(&chunk[..read]),
                Ok(_) | Err(_) => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pieces: &[&[u8]]) -> Vec<String> {
        let told = Rc::new(RefCell::new(Vec::new()));
        let sink = told.clone();
        let output = Output::new(move |printed| match printed {
            Printed::Line(_, line) => sink.borrow_mut().push(line),
            Printed::LeftOut(left_out) => panic!("{left_out:?}"),
        });
        let lines = output.lines(Stream::Stdout);
        pieces.iter().for_each(|piece| lines.take(piece));
        lines.end();
        assert_eq!(output.last_lines(), told.borrow()[told.borrow().len().saturating_sub(QUOTED_LINES)..]);
        told.take()
    }

    #[test]
    fn lines_are_cut_at_newlines_and_the_rest_is_kept() {
        assert_eq!(told(&[b"a\r\nb\n\nc"]), ["a", "b", "", "c"]);
        assert_eq!(told(&[b"a\r", b"\nb", b"b\n", b"\nc"]), ["a", "bb", "", "c"]);
        assert_eq!(told(&[]), Vec::<String>::new());
        assert_eq!(told(&[b"\xff\n"]), ["\u{fffd}"]);
    }

    #[test]
    fn an_endless_line_is_handed_on_in_pieces() {
        let text = vec![b'x'; 3 * MAX_LINE + 5];
        let halves: Vec<&[u8]> = text.chunks(CHUNK / 3).collect();
        for pieces in [vec![text.as_slice()], halves] {
            let lengths: Vec<usize> = told(&pieces).iter().map(String::len).collect();
            assert_eq!(lengths, [MAX_LINE, MAX_LINE, MAX_LINE, 5]);
        }
    }

    #[test]
    fn what_is_in_the_pipe_is_read_without_the_event_loop() {
        use std::io::Write;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let _inside = runtime.enter();
        let (reader, mut writer) = io::pipe().unwrap();
        let output = Output::new(|_| {});
        let pipe = pipe::Receiver::from_owned_fd(reader.into()).unwrap();
        let source = Source::new(pipe, output.lines(Stream::Stderr));
        writer.write_all(b"one\ntwo\nthr").unwrap();
        source.catch_up();
        assert_eq!(output.last_lines(), ["one", "two"]);
    }
}
