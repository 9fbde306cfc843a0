//! The last changes of a document, kept for those that overtake one another.
//!
//! Some clients send each change from a task of its own (seen in Helix 25.01): of two letters typed quickly, the second
//! may arrive first. Its version tells. Then what came too early is undone, and all is done again in the right order.

use super::document::{Document, EditSpan};
use super::position::Encoding;
use faultbox_engine::text::Source;
use std::collections::VecDeque;
use std::sync::Arc;
use tower_lsp::lsp_types::TextDocumentContentChangeEvent;

/// How many changes are kept. What overtakes another was sent at the same moment; more than a few are never late.
const KEPT: usize = 8;

/// The last changes of one open document, oldest first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    changes: VecDeque<Change>,
}

#[derive(Debug)]
struct Change {
    version: i32,
    /// The text it was applied to.
    before: Arc<Source>,
    events: Vec<TextDocumentContentChangeEvent>,
}

impl Recent {
    /// The document after one more change, and what became of the bytes of `document`.
    pub(super) fn apply(
        &mut self,
        document: &Document,
        version: i32,
        events: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) -> (Document, Vec<EditSpan>) {
        let early = self.changes.iter().position(|change| change.version > version);
        let Some(early) = early.filter(|_| version < document.version) else {
            return self.append(document, version, events, encoding);
        };
        let early: Vec<Change> = self.changes.drain(early..).collect();
        let Some(first) = early.first() else { return self.append(document, version, events, encoding) };
        let undone = document.with_source(version, Arc::clone(&first.before));
        let mut next = self.append(&undone, version, events, encoding).0;
        for Change { version, events, .. } in early {
            next = self.append(&next, version, events, encoding).0;
        }
        let edit = EditSpan::between(&document.source.text, &next.source.text);
        (next, vec![edit])
    }

    fn append(
        &mut self,
        document: &Document,
        version: i32,
        events: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) -> (Document, Vec<EditSpan>) {
        let before = Arc::clone(&document.source);
        self.changes.push_back(Change { version, before, events: events.clone() });
        if self.changes.len() > KEPT {
            self.changes.pop_front();
        }
        document.edited(version, events, encoding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower_lsp::lsp_types::{Position, Range, Url};

    /// Applies insertions `(version, column, letter)` in this order to `x()`.
    #[track_caller]
    fn check(insertions: &[(i32, u32, &str)], expected: &str) {
        let mut document = Document::new(Url::parse("file:///x.star").unwrap(), 1, "x()".to_owned());
        let mut recent = Recent::default();
        for &(version, column, letter) in insertions {
            let at = Position::new(0, column);
            let range = Some(Range::new(at, at));
            let event = TextDocumentContentChangeEvent { range, range_length: None, text: letter.to_owned() };
            let (next, edits) = recent.apply(&document, version, vec![event], Encoding::Utf16);
            let moved = |text: &str| {
                edits.iter().fold(text.len() as u32, |len, edit| len - edit.old_end + edit.new_end)
            };
            assert_eq!(moved(&document.source.text), next.source.text.len() as u32);
            document = next;
        }
        assert_eq!((&*document.source.text, document.version), (expected, 4));
    }

    #[test]
    fn changes_are_made_in_the_order_of_their_versions() {
        check(&[(2, 2, "5"), (3, 3, "0"), (4, 4, "1")], "x(501)");
        check(&[(2, 2, "5"), (4, 4, "1"), (3, 3, "0")], "x(501)");
        check(&[(4, 4, "1"), (2, 2, "5"), (3, 3, "0")], "x(501)");
        check(&[(4, 4, "1"), (3, 3, "0"), (2, 2, "5")], "x(501)");
    }

    /// A client may count as it likes, as long as it counts upward; one that does not gets its changes as they come.
    #[test]
    fn gaps_and_repeated_versions_are_taken_as_they_come() {
        check(&[(2, 2, "a"), (4, 3, "b"), (4, 4, "c")], "x(abc)");
    }
}
