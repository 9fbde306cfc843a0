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
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (at, &byte) in bytes.iter().enumerate() {
            let ends_line = byte == b'\n' || (byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'));
            if ends_line {
                starts.push(at as u32 + 1);
            }
        }
        LineIndex { starts: starts.into(), len: bytes.len() as u32 }
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
        let units = self.before(text, offset).chars().map(|c| c.len_utf16() as u32).sum();
        LineColumn { line: at.line, column: units }
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
        let mut units = 0;
        for (at, c) in line.char_indices() {
            if units >= position.column || c == '\n' || c == '\r' {
                return range.start + at as u32;
            }
            units += c.len_utf16() as u32;
        }
        range.end
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
}
