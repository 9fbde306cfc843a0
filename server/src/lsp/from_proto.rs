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

/// What a change replaces.
#[derive(Debug)]
pub(super) struct Replaced {
    pub(super) start: u32,
    pub(super) end: u32,
    /// What takes the place of the half that remains of a character cut in two, before the new text and behind it: an
    /// editor that counts UTF-16 units may put half an emoji into its buffer, and take the other half out again.
    pub(super) half_before: &'static str,
    pub(super) half_behind: &'static str,
}

/// The bytes a change replaces, as [`range`] has them, and whole characters where it cuts one in two.
pub(super) fn replaced(source: &Source, changed: Range, encoding: Encoding) -> Replaced {
    let start = if changed.start > changed.end { changed.end } else { changed.start };
    let (start_offset, end) = range(source, changed, encoding);
    let half = |is_cut: bool| if is_cut { "\u{fffd}" } else { "" };
    let is_cut = |position: Position, offset: u32| {
        encoding == Encoding::Utf16
            && source.lines.utf16_position(&source.text, offset).column > position.character
    };
    let cuts_start = is_cut(start, start_offset);
    // Only characters of two units can be cut, which have four bytes.
    let start = if cuts_start { start_offset - 4 } else { start_offset };
    Replaced { start, end, half_before: half(cuts_start), half_behind: half(is_cut(changed.end, end)) }
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
