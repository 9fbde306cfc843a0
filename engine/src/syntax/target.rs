//! Whether a word is a name that is given a value where it stands, and so made up.

use super::Parsed;
use super::lexer::TokenKind;
use super::node::NodeKind;
use super::tree::Tree;
use crate::text::Span;

/// True for a name that an assignment or a loop gives a value, and for the name of a parameter.
pub(super) fn is_target(tree: &Tree, word: Span) -> bool {
    if word.is_empty() {
        return false;
    }
    let mut inner = tree.covering(word.start, word.end);
    for outer in std::iter::once(inner).chain(tree.ancestors(inner)) {
        match tree.kind(outer) {
            // `x[i] = 1` and `x.a = 1` make nothing up.
            NodeKind::Name | NodeKind::Tuple { .. } | NodeKind::List { .. } | NodeKind::Paren { .. } => {}
            NodeKind::Assign { target, .. }
            | NodeKind::For { target, .. }
            | NodeKind::ForClause { target, .. } => return *target == inner,
            NodeKind::Param { name, .. } => return name.span == word,
            _ => return false,
        }
        inner = outer;
    }
    false
}

/// True when `=` stands behind the offset, as it does behind a name whose letters are not typed yet.
pub(super) fn is_followed_by_assign(parsed: &Parsed, offset: u32) -> bool {
    let behind = parsed.tokens.partition_point(|token| token.start < offset);
    let mut behind = parsed.tokens[behind..].iter().filter(|token| token.start < token.end);
    behind.find(|token| token.kind != TokenKind::Space).is_some_and(|token| token.kind == TokenKind::Assign)
}
