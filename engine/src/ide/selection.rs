//! Growing selections: the word under the cursor, then each piece of code around it.

use super::Snapshot;
use crate::syntax::NodeKind;
use crate::text::Span;

/// Ranges around `offset`, the innermost first, each larger than the one before; the last is the whole file.
pub fn selection_ranges(snapshot: &Snapshot<'_>, offset: u32) -> Vec<Span> {
    let tree = snapshot.tree();
    let offset = offset.min(tree.text.len() as u32);
    let node = tree.node_at(offset);
    let mut spans: Vec<Span> = Vec::new();
    if let Some((_, name)) = tree.name_at(offset) {
        spans.push(name);
    }
    if let NodeKind::String(literal) = tree.kind(node)
        && literal.content.touches(offset)
    {
        spans.push(literal.content);
    }
    for id in std::iter::once(node).chain(tree.ancestors(node)) {
        if let NodeKind::Call { open, close: Some(close), .. } = tree.kind(id)
            && *open < offset
            && offset <= *close
        {
            spans.push(Span { file: tree.file, start: open + 1, end: *close });
        }
        spans.push(tree.span(id));
    }
    spans.push(Span { file: tree.file, start: 0, end: tree.text.len() as u32 });
    let mut grown: Vec<Span> = Vec::new();
    for span in spans {
        let grows =
            grown.last().is_none_or(|last| span.start <= last.start && last.end <= span.end && span != *last);
        if grows {
            grown.push(span);
        }
    }
    grown
}

#[cfg(test)]
mod tests {
    use super::selection_ranges;
    use crate::ide::fixture::Fixture;

    #[test]
    fn a_selection_grows_to_the_whole_file() {
        let fixture = Fixture::new("x = f(path=\"/da$0ta\")\ny = 1\n");
        let spans = fixture.ask(selection_ranges);
        let shown: Vec<&str> =
            spans.iter().map(|at| &fixture.text()[at.start as usize..at.end as usize]).collect();
        assert_eq!(
            shown[..5],
            ["/data", "\"/data\"", "path=\"/data\"", "f(path=\"/data\")", "x = f(path=\"/data\")"]
        );
        assert_eq!(shown.last(), Some(&"x = f(path=\"/data\")\ny = 1\n"));
    }
}
