//! Protocol positions to byte offsets. Whatever a client sends, the result lies in the text and on a character boundary.

use super::position::Encoding;
use faultbox_engine::text::{LineColumn, Source};
use tower_lsp::lsp_types::{Position, Range};

pub(super) fn offset(source: &Source, position: Position, encoding: Encoding) -> u32 {
    let at = LineColumn { line: position.line, column: position.character };
    match encoding {
        Encoding::Utf16 => source.lines.utf16_offset(&source.text, at),
        Encoding::Utf8 => floor_to_character(&source.text, end_of_line(source, at)),
    }
}

/// Start and end in bytes; an inverted range counts as empty at its end.
pub(super) fn range(source: &Source, range: Range, encoding: Encoding) -> (u32, u32) {
    let start = offset(source, range.start, encoding);
    let end = offset(source, range.end, encoding);
    (start.min(end), end)
}

/// The byte offset of a line and byte column, never behind the line's last character.
fn end_of_line(source: &Source, at: LineColumn) -> u32 {
    let start = source.lines.line_range(at.line).start;
    let visible = source.line(at.line).len() as u32;
    start + at.column.min(visible)
}

fn floor_to_character(text: &str, offset: u32) -> u32 {
    let mut offset = offset as usize;
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset as u32
}
