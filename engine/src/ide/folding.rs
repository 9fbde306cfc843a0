//! Ranges that fold: blocks, brackets over several lines, runs of comments and of loads.

use super::Snapshot;
use crate::syntax::lexer::TokenKind;
use crate::syntax::{NodeKind, Tree};
use crate::text::{LineIndex, Span};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoldKind {
    Code,
    Comment,
    /// `load` statements.
    Imports,
}

/// From the end of the first line that stays visible to the end of the last that does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fold {
    pub span: Span,
    pub kind: FoldKind,
}

/// Every fold, in the order of the text.
pub fn folds(snapshot: &Snapshot<'_>) -> Vec<Fold> {
    let tree = snapshot.tree();
    let lines = LineIndex::new(&tree.text);
    let mut folds = code(tree, &lines);
    folds.extend(comments(snapshot, &lines));
    folds.extend(loads(tree, &lines));
    folds.sort_by_key(|fold| (fold.span.start, std::cmp::Reverse(fold.span.end)));
    folds.dedup_by_key(|fold| fold.span.start);
    folds
}

fn code(tree: &Tree, lines: &LineIndex) -> Vec<Fold> {
    let foldable = |id| {
        let span = tree.span(id);
        match tree.kind(id) {
            NodeKind::Def { body, .. } | NodeKind::For { body, .. } | NodeKind::Branch { body, .. } => {
                Some(Span { end: tree.span(*body).end, ..span })
            }
            NodeKind::Call { open, close, .. } => {
                Some(Span { start: *open, end: close.unwrap_or(span.end), ..span })
            }
            NodeKind::List { .. } | NodeKind::Dict { .. } | NodeKind::Tuple { .. } => Some(span),
            NodeKind::String(literal) if literal.style.triple => Some(span),
            _ => None,
        }
    };
    tree.ids().filter_map(foldable).filter_map(|span| fold(tree, lines, span, FoldKind::Code)).collect()
}

/// The fold of `span`; `None` when it lies in one line.
fn fold(tree: &Tree, lines: &LineIndex, span: Span, kind: FoldKind) -> Option<Fold> {
    let text = tree.str(span).trim_end();
    let end = span.start + text.len() as u32;
    let (first, last) = (lines.position(span.start).line, lines.position(end).line);
    (first < last).then_some(Fold { span: Span { end, ..span }, kind })
}

/// Two and more lines that hold nothing but a comment.
fn comments(snapshot: &Snapshot<'_>, lines: &LineIndex) -> Vec<Fold> {
    let tree = snapshot.tree();
    let alone = |start: u32| {
        let line = lines.line_range(lines.position(start).line);
        tree.text[line.start as usize..start as usize].trim().is_empty()
    };
    let comments = snapshot.file.parsed.tokens.iter().filter(|token| token.kind == TokenKind::Comment);
    let mut runs: Vec<Span> = Vec::new();
    for token in comments.filter(|token| alone(token.start)) {
        let line = lines.position(token.start).line;
        match runs.last_mut() {
            Some(run) if lines.position(run.end).line + 1 == line => run.end = token.end,
            _ => runs.push(Span { file: tree.file, start: token.start, end: token.end }),
        }
    }
    runs.into_iter().filter_map(|run| fold(tree, lines, run, FoldKind::Comment)).collect()
}

/// Two and more loads that follow each other.
fn loads(tree: &Tree, lines: &LineIndex) -> Vec<Fold> {
    let mut runs: Vec<Span> = Vec::new();
    let mut behind_load = false;
    for &statement in tree.statements() {
        let is_load = matches!(tree.kind(statement), NodeKind::Load { .. });
        let span = tree.span(statement);
        match runs.last_mut() {
            Some(run) if is_load && behind_load => run.end = span.end,
            _ if is_load => runs.push(span),
            _ => {}
        }
        behind_load = is_load;
    }
    runs.into_iter().filter_map(|run| fold(tree, lines, run, FoldKind::Imports)).collect()
}

#[cfg(test)]
mod tests {
    use super::folds;
    use crate::ide::fixture::Fixture;
    use crate::text::LineIndex;

    #[test]
    fn blocks_brackets_comments_and_loads_fold() {
        let text = "load(\"a.star\", \"a\")\nload(\"b.star\", \"b\")\n# one\n# two\ndef f():\n    return [\n        1,\n    ]\nx = f(1)\n";
        let fixture = Fixture::new(text);
        let lines = LineIndex::new(text);
        let folds = fixture.ask(|snapshot, _| folds(snapshot));
        let shown: Vec<String> = folds
            .iter()
            .map(|fold| {
                let line = |offset| lines.position(offset).line;
                format!("{:?} {}-{}", fold.kind, line(fold.span.start), line(fold.span.end))
            })
            .collect();
        assert_eq!(shown, ["Imports 0-1", "Comment 2-3", "Code 4-7", "Code 5-7"]);
    }
}
