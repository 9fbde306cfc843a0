//! The other mentions, within one file, of what is under the cursor.

use super::{Snapshot, references};
use crate::text::Span;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Highlight {
    pub span: Span,
    /// True where the name is given a value.
    pub is_write: bool,
}

/// Mentions in this file of the name under `offset`, itself included.
pub fn highlights(snapshot: &Snapshot<'_>, offset: u32) -> Vec<Highlight> {
    let mut highlights: Vec<Highlight> = references::in_own_file(snapshot, offset)
        .into_iter()
        .map(|mention| Highlight { span: mention.location.span, is_write: mention.is_definition })
        .collect();
    highlights.sort_by_key(|highlight| highlight.span.start);
    highlights
}

#[cfg(test)]
mod tests {
    use super::highlights;
    use crate::ide::fixture::Fixture;

    #[test]
    fn keywords_are_highlighted_in_this_file_only() {
        let other = "//- /w/other.star\nload(\"main.star\", \"f\")\nf(a=1)\n";
        let fixture = Fixture::new(&format!("def f($0a):\n    return a\nf(a=2)\n{other}"));
        let found = fixture.ask(highlights);
        let found: Vec<(u32, bool)> = found.iter().map(|at| (at.span.start, at.is_write)).collect();
        assert_eq!(found, [(6, true), (21, false), (25, false)]);
        let fixture = Fixture::new(
            "load(\"lib.star\", \"help\")\nhe$0lp(a=1)\n//- /w/lib.star\ndef help(a):\n    help(a=2)\n",
        );
        assert_eq!(fixture.ask(highlights).len(), 2);
    }

    #[test]
    fn reads_and_writes_are_told_apart() {
        let fixture = Fixture::new("x = 1\ny = $0x + x\n");
        let found = fixture.ask(highlights);
        let found: Vec<(u32, bool)> = found.iter().map(|at| (at.span.start, at.is_write)).collect();
        assert_eq!(found, [(0, true), (10, false), (14, false)]);
    }
}
