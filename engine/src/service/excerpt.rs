//! How much of what a service prints is passed on as it comes, and what of the rest is kept.
//!
//! A service may print more than anybody can keep. The first lines of each part of a test (its start, the test itself,
//! its end) pass at once; after that the last lines are held until the part ends, and what came between is counted.

use crate::event::Stream;
use std::collections::VecDeque;

/// How much of one part passes at once, in bytes and [`LINE_COST`] for each line.
const ROOM: usize = 1024 * 1024;

/// What a line costs besides its text, in every form it is passed on in.
const LINE_COST: usize = 200;

/// How much text is kept, passed or not, in bytes; the last piece is kept whatever its size.
const KEPT: usize = 256 * 1024;

/// How many of the lines that were held are told at the end of a part.
const TOLD_LINES: u64 = 1000;

/// Longest line handed on, in bytes; a longer one is cut into pieces, so that a service never blocks on its log.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// What is told of a service's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Printed {
    Line(Stream, String),
    /// So much came before the line that follows, and is gone.
    LeftOut(LeftOut),
}

/// Lines that were read and are not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    pub lines: u64,
    pub bytes: u64,
}

/// What one service prints, on both streams in the order they were read.
#[derive(Debug)]
pub struct Excerpt {
    room: usize,
    kept: VecDeque<Piece>,
    kept_bytes: usize,
    left_out: LeftOut,
}

/// Whole lines that were read at once.
#[derive(Debug)]
struct Piece {
    stream: Stream,
    text: Vec<u8>,
    is_told: bool,
}

impl Default for Excerpt {
    fn default() -> Excerpt {
        Excerpt { room: ROOM, kept: VecDeque::new(), kept_bytes: 0, left_out: LeftOut::default() }
    }
}

impl Excerpt {
    /// Takes whole lines, and tells them while there is room.
    pub fn take(&mut self, stream: Stream, text: &[u8], tell: &mut impl FnMut(Printed)) {
        let mut told = 0;
        for line in lines(text) {
            if self.room == 0 {
                break;
            }
            self.room = self.room.saturating_sub(line.len() + LINE_COST);
            told += line.len();
            tell_line(stream, line, tell);
        }
        let (now, later) = text.split_at(told);
        self.keep(stream, now, true);
        self.keep(stream, later, false);
    }

    /// Tells what was held, the last of it in full, and makes room for the next part.
    pub fn end_part(&mut self, tell: &mut impl FnMut(Printed)) {
        let held: u64 = self.kept.iter().filter(|piece| !piece.is_told).map(Piece::lines).sum();
        let mut skip = held.saturating_sub(TOLD_LINES);
        let mut told = Vec::new();
        for piece in self.kept.iter_mut().filter(|piece| !piece.is_told) {
            for line in lines(&piece.text) {
                if skip > 0 {
                    skip -= 1;
                    self.left_out.add(1, line.len());
                } else {
                    tell_line(piece.stream, line, &mut |line| told.push(line));
                }
            }
            piece.is_told = true;
        }
        if self.left_out.lines > 0 {
            tell(Printed::LeftOut(self.left_out));
        }
        told.into_iter().for_each(tell);
        (self.room, self.left_out) = (ROOM, LeftOut::default());
    }

    /// The last lines, told or not.
    pub fn last(&self, count: usize) -> Vec<String> {
        let mut last = Vec::new();
        for piece in self.kept.iter().rev() {
            let mut of_piece = Vec::new();
            lines(&piece.text).for_each(|line| {
                tell_line(piece.stream, line, &mut |told| {
                    if let Printed::Line(_, line) = told {
                        of_piece.push(line);
                    }
                });
            });
            last.extend(of_piece.into_iter().rev());
            if last.len() >= count {
                break;
            }
        }
        last.truncate(count);
        last.reverse();
        last
    }

    /// How many bytes of text are kept, which is bounded whatever comes.
    pub fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    fn keep(&mut self, stream: Stream, text: &[u8], is_told: bool) {
        if text.is_empty() {
            return;
        }
        self.kept_bytes += text.len() + LINE_COST;
        self.kept.push_back(Piece { stream, text: text.to_vec(), is_told });
        while self.kept_bytes > KEPT && self.kept.len() > 1 {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.kept_bytes -= oldest.text.len() + LINE_COST;
            if !oldest.is_told {
                self.left_out.add(oldest.lines(), oldest.text.len());
            }
        }
    }
}

impl Piece {
    fn lines(&self) -> u64 {
        let ends = self.text.iter().filter(|&&byte| byte == b'\n').count();
        (ends + usize::from(self.text.last().is_some_and(|&byte| byte != b'\n'))) as u64
    }
}

impl LeftOut {
    fn add(&mut self, lines: u64, bytes: usize) {
        self.lines += lines;
        self.bytes += bytes as u64;
    }
}

/// Lines with their ends.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|&byte| byte == b'\n')
}

fn tell_line(stream: Stream, line: &[u8], tell: &mut impl FnMut(Printed)) {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.is_empty() {
        tell(Printed::Line(stream, String::new()));
    }
    for piece in line.chunks(MAX_LINE) {
        tell(Printed::Line(stream, String::from_utf8_lossy(piece).into_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `text` in pieces of whole lines and gives what was told at once and at the end of the part.
    fn told(excerpt: &mut Excerpt, text: &[u8], per_read: usize) -> (Vec<Printed>, Vec<Printed>) {
        let (mut at_once, mut at_end) = (Vec::new(), Vec::new());
        let lines: Vec<&[u8]> = lines(text).collect();
        for piece in lines.chunks(per_read) {
            excerpt.take(Stream::Stdout, &piece.concat(), &mut |printed| at_once.push(printed));
            assert!(excerpt.kept_bytes() <= KEPT + MAX_LINE, "{}", excerpt.kept_bytes());
        }
        excerpt.end_part(&mut |printed| at_end.push(printed));
        (at_once, at_end)
    }

    fn numbered(count: usize) -> Vec<u8> {
        (0..count).flat_map(|number| format!("{number}\n").into_bytes()).collect()
    }

    fn line(text: &str) -> Printed {
        Printed::Line(Stream::Stdout, text.to_owned())
    }

    #[test]
    fn what_an_ordinary_service_prints_passes_as_it_comes() {
        let (at_once, at_end) = told(&mut Excerpt::default(), b"a\r\nb\n\nc", 2);
        assert_eq!(at_once, ["a", "b", "", "c"].map(line));
        assert_eq!(at_end, []);
    }

    #[test]
    fn every_line_is_told_or_counted_and_the_last_are_told() {
        for per_read in [1, 7, 5000] {
            let count = 300_000;
            let (at_once, at_end) = told(&mut Excerpt::default(), &numbered(count), per_read);
            let Some(Printed::LeftOut(left_out)) = at_end.first() else { panic!("nothing left out") };
            assert_eq!(at_once.len() as u64 + left_out.lines + at_end.len() as u64 - 1, count as u64);
            assert_eq!(at_end.last(), Some(&line("299999")));
            assert!(at_end.len() > 500 && at_once.len() > 2000, "{} {}", at_end.len(), at_once.len());
            assert!(at_end.len() <= TOLD_LINES as usize + 1);
        }
    }

    #[test]
    fn each_part_has_room_of_its_own() {
        let mut excerpt = Excerpt::default();
        told(&mut excerpt, &numbered(100_000), 100);
        let (at_once, at_end) = told(&mut excerpt, b"the test\n", 1);
        assert_eq!((at_once, at_end), (vec![line("the test")], vec![]));
    }

    #[test]
    fn lines_without_end_are_told_in_pieces() {
        let (at_once, _) = told(&mut Excerpt::default(), &vec![b'x'; 2 * MAX_LINE + 5], 1);
        let lengths = at_once.iter().map(|printed| match printed {
            Printed::Line(_, line) => line.len(),
            Printed::LeftOut(_) => 0,
        });
        assert_eq!(lengths.collect::<Vec<_>>(), [MAX_LINE, MAX_LINE, 5]);
    }

    #[test]
    fn the_last_lines_are_known_whether_they_were_told_or_not() {
        let mut excerpt = Excerpt::default();
        for count in [50, 200_000] {
            told(&mut excerpt, &numbered(count), 11);
            let expected: Vec<String> = (count - 20..count).map(|number| number.to_string()).collect();
            assert_eq!(excerpt.last(20), expected);
        }
        assert_eq!(Excerpt::default().last(20), Vec::<String>::new());
    }
}
