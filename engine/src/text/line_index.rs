//! Byte offset to line and column and back, with columns in bytes, UTF-16 units or characters.

use std::ops::Range;
use std::sync::Arc;

/// A 0-based line and a 0-based column whose unit the method that made it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineColumn {
    pub line: u32,
    pub column: u32,
}

/// Where the lines of one text start. Lines end with `\n`, `\r\n` or a lone `\r`, as LSP 3.17 defines them.
#[derive(Debug, Clone)]
pub struct LineIndex {
    starts: Arc<[u32]>,
    len: u32,
}

impl LineIndex {
    pub fn new(text: &str) -> LineIndex {
        let starts = std::iter::once(0).chain(starts_behind(text.as_bytes(), 0..text.len())).collect();
        LineIndex { starts, len: text.len() as u32 }
    }

    /// The index of `text`, which is this one's text after the bytes `start..old_end` became `start..new_end`.
    ///
    /// Only these bytes are read, so that a keystroke in a text of many megabytes costs little.
    pub fn edited(&self, text: &str, start: u32, old_end: u32, new_end: u32) -> LineIndex {
        // The byte before tells, too: a `\r` ends its line unless a `\n` follows. The byte behind is only looked at.
        let from = start.saturating_sub(1);
        let kept = self.starts.partition_point(|&line| line <= from);
        let moved = self.starts.partition_point(|&line| line <= old_end);
        let shift = |line: &u32| line - old_end + new_end;
        let starts = self.starts[..kept].iter().copied();
        let starts = starts.chain(starts_behind(text.as_bytes(), from as usize..new_end as usize));
        let starts: Vec<u32> = starts.chain(self.starts[moved..].iter().map(shift)).collect();
        LineIndex { starts: starts.into(), len: text.len() as u32 }
    }

    pub fn line_count(&self) -> u32 {
        self.starts.len() as u32
    }

    /// Bytes of the 0-based line, its line ending included; empty behind the last line.
    pub fn line_range(&self, line: u32) -> Range<u32> {
        let start = self.starts.get(line as usize).copied().unwrap_or(self.len);
        let end = self.starts.get(line as usize + 1).copied().unwrap_or(self.len);
        start..end
    }

    /// Line and byte column of `offset`; an offset behind the text counts as its end.
    pub fn position(&self, offset: u32) -> LineColumn {
        let offset = offset.min(self.len);
        let line = self.starts.partition_point(|&start| start <= offset) - 1;
        LineColumn { line: line as u32, column: offset - self.starts[line] }
    }

    /// Line and UTF-16 column of `offset`.
    pub fn utf16_position(&self, text: &str, offset: u32) -> LineColumn {
        let at = self.position(offset);
        LineColumn { line: at.line, column: utf16_len(self.before(text, offset)) }
    }

    /// Column of `offset` in characters, for people.
    pub fn char_column(&self, text: &str, offset: u32) -> u32 {
        self.before(text, offset).chars().count() as u32
    }

    /// Byte offset of a line and byte column, clamped to the line.
    pub fn offset(&self, position: LineColumn) -> u32 {
        let range = self.line_range(position.line);
        range.start.saturating_add(position.column).min(range.end)
    }

    /// Byte offset of a line and UTF-16 column, clamped to the line's end and to a character boundary.
    pub fn utf16_offset(&self, text: &str, position: LineColumn) -> u32 {
        let range = self.line_range(position.line);
        let line = text.get(range.start as usize..range.end as usize).unwrap_or("");
        let line = line.trim_end_matches(['\n', '\r']);
        let head = &line.as_bytes()[..line.len().min(position.column as usize)];
        if head.is_ascii() {
            return range.start + head.len() as u32;
        }
        let mut units = 0;
        for (at, c) in line.char_indices() {
            if units >= position.column {
                return range.start + at as u32;
            }
            units += c.len_utf16() as u32;
        }
        range.start + line.len() as u32
    }

    fn before<'t>(&self, text: &'t str, offset: u32) -> &'t str {
        let start = self.starts[self.position(offset).line as usize];
        let mut end = offset.min(self.len) as usize;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.get(start as usize..end).unwrap_or("")
    }
}

/// Where lines start that end within these bytes of the text.
fn starts_behind(text: &[u8], range: Range<usize>) -> impl Iterator<Item = u32> {
    let ends_line = |at: &usize| match text[*at] {
        b'\n' => true,
        b'\r' => text.get(at + 1) != Some(&b'\n'),
        _ => false,
    };
    range.filter(ends_line).map(|at| at as u32 + 1)
}

/// UTF-16 units of a text: one for each character, two for those of four bytes in UTF-8 (RFC 3629, section 3).
///
/// Counted by bytes, which a processor does many at a time: some lines have a megabyte, and many findings.
fn utf16_len(text: &str) -> u32 {
    let units = |byte: u8| u32::from(byte & 0xC0 != 0x80) + u32::from(byte >= 0xF0);
    text.bytes().map(units).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_bytes_utf16_units_or_characters() {
        let text = "a😀b\r\nc\rd";
        let index = LineIndex::new(text);
        let b = text.find('b').unwrap() as u32;
        assert_eq!(index.position(b), LineColumn { line: 0, column: 5 });
        assert_eq!(index.utf16_position(text, b), LineColumn { line: 0, column: 3 });
        assert_eq!(index.char_column(text, b), 2);
        assert_eq!(index.line_count(), 3);
        assert_eq!(index.position(text.find('d').unwrap() as u32), LineColumn { line: 2, column: 0 });
    }

    #[test]
    fn every_offset_survives_the_way_there_and_back() {
        let text = "x = \"é😀\"\n\n  y\r\n";
        let index = LineIndex::new(text);
        for (at, c) in text.char_indices().filter(|&(_, c)| c != '\n' && c != '\r') {
            let at = at as u32;
            assert_eq!(index.offset(index.position(at)), at, "{c:?}");
            assert_eq!(index.utf16_offset(text, index.utf16_position(text, at)), at, "{c:?}");
        }
    }

    #[test]
    fn positions_behind_the_end_are_clamped() {
        let index = LineIndex::new("ab\ncd");
        assert_eq!(index.offset(LineColumn { line: 0, column: 99 }), 3);
        assert_eq!(index.utf16_offset("ab\ncd", LineColumn { line: 0, column: 99 }), 2);
        assert_eq!(index.offset(LineColumn { line: 9, column: 0 }), 5);
        assert_eq!(index.position(99), LineColumn { line: 1, column: 2 });
    }

    #[test]
    fn an_edited_index_is_that_of_the_new_text() {
        let texts = ["", "\n", "\r", "\r\n", "a", "a\nb", "a\rb\r\nc\n", "\r\r\n\n\r", "é\n😀\r\nz"];
        for old in texts {
            let index = LineIndex::new(old);
            let places: Vec<usize> = (0..=old.len()).filter(|&at| old.is_char_boundary(at)).collect();
            for &start in &places {
                for &end in places.iter().filter(|&&end| end >= start) {
                    for new in texts {
                        let text = [&old[..start], new, &old[end..]].concat();
                        let (start, new_end) = (start as u32, (start + new.len()) as u32);
                        let edited = index.edited(&text, start, end as u32, new_end);
                        let expected = LineIndex::new(&text);
                        assert_eq!(edited.starts, expected.starts, "{old:?} -> {text:?}");
                        assert_eq!(edited.len, expected.len);
                    }
                }
            }
        }
    }
}
