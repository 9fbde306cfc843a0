//! Which argument of a call is at hand.

use super::Parsed;
use super::lexer::{Token, TokenKind};
use super::node::{ArgumentKind, NodeKind};
use super::tree::NodeId;

/// A call and the argument that is at hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveCall {
    pub call: NodeId,
    /// The callee as text when it is a chain of names, such as `api.post`.
    pub callee: Option<String>,
    /// How many arguments stand before this one.
    pub index: usize,
    /// The keyword of this argument, once `=` is typed.
    pub keyword: Option<String>,
    /// The keywords of the other arguments.
    pub given: Vec<String>,
}

/// What is at hand in a call, at a place within its brackets.
pub(super) fn active_call(parsed: &Parsed, call: NodeId, offset: u32) -> ActiveCall {
    let tree = &parsed.tree;
    let NodeKind::Call { callee, args, open, .. } = tree.kind(call) else {
        return ActiveCall { call, callee: None, index: 0, keyword: None, given: Vec::new() };
    };
    let index = commas_between(parsed, *open + 1, offset);
    let (start, end) = slot(parsed, *open + 1, offset);
    let mut keyword = None;
    let mut given = Vec::new();
    for &arg in args {
        let NodeKind::Argument { kind: ArgumentKind::Keyword(name), .. } = tree.kind(arg) else { continue };
        let text = tree.str(name.span).to_owned();
        let here = start <= name.span.start && name.span.start < end;
        if !here {
            given.push(text);
        } else if name.span.end < offset {
            keyword = Some(text);
        }
    }
    ActiveCall { call, callee: tree.dotted(*callee), index, keyword, given }
}

/// The tokens of a bracket whose content starts at `from`, with the depth of brackets each stands in.
fn tokens_inside(parsed: &Parsed, from: u32) -> impl Iterator<Item = (Token, u32)> {
    let first = parsed.tokens.partition_point(|token| token.start < from);
    let mut depth = 0u32;
    parsed.tokens[first..].iter().map_while(move |&token| {
        match token.kind {
            TokenKind::Open(_) => depth += 1,
            TokenKind::Close(_) | TokenKind::MissingClose(_) => depth = depth.checked_sub(1)?,
            _ => {}
        }
        Some((token, depth))
    })
}

/// Commas of a bracket whose content starts at `from`, up to a place.
pub(super) fn commas_between(parsed: &Parsed, from: u32, offset: u32) -> usize {
    let before = tokens_inside(parsed, from).take_while(|(token, _)| token.end <= offset);
    before.filter(|&(token, depth)| token.kind == TokenKind::Comma && depth == 0).count()
}

/// Where the argument at `offset` starts and ends: the commas around it.
fn slot(parsed: &Parsed, from: u32, offset: u32) -> (u32, u32) {
    let (mut start, mut end) = (from, u32::MAX);
    for (token, depth) in tokens_inside(parsed, from) {
        if token.kind == TokenKind::Comma && depth == 0 {
            if token.end > offset {
                end = token.start;
                break;
            }
            start = token.end;
        }
    }
    (start, end)
}
