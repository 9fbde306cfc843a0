//! The error-tolerant syntax tree: our own lexer and parser for Starlark, and what an editor asks of the tree.
//!
//! [`parse`] turns every text into a tree, however broken: it reports all syntax errors at once, and a mistake in one
//! line leaves the rest of the file alone. It accepts what the evaluator accepts; `tests/syntax_agreement.rs` checks
//! that. [`cursor`] says what is being typed, [`scope`] which name means what, [`reach`] which calls a def can make.

mod active_call;
pub mod cursor;
pub mod dump;
pub mod lexer;
pub mod node;
mod parser;
pub mod reach;
pub mod scope;
mod target;
pub mod tree;

#[cfg(test)]
mod cursor_tests;
#[cfg(test)]
mod soundness_tests;

use crate::diagnostic::{Code, Diagnostic};
use crate::text::{FileId, Span};
use lexer::{Token, TokenKind};
pub use node::{ArgumentKind, Ident, Node, NodeKind, ParamKind, StringLiteral};
pub use parser::{MAX_DEPTH, MAX_FINDINGS, MAX_HEIGHT};
pub use tree::{NodeId, Tree};

/// Largest text that is parsed, in bytes: a thousand times a long spec. A longer one gives one finding and an empty tree.
pub const MAX_TEXT_BYTES: usize = 2 * 1024 * 1024;

/// A text, understood as far as possible.
#[derive(Debug, Clone)]
pub struct Parsed {
    pub tree: Tree,
    /// Every token with trivia and layout; they tile the text.
    pub tokens: Vec<Token>,
    /// Everything wrong with the syntax, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Parses `text`. Never fails, takes time in proportion to the text, and needs a small stack only.
pub fn parse(file: FileId, text: &str) -> Parsed {
    if let Some(complaint) = size_complaint(text.len()) {
        return too_large(file, text, complaint);
    }
    let (tokens, mut diagnostics) = lexer::lex(file, text);
    let (tree, more) = parser::parse(file, text, &tokens);
    diagnostics.extend(more);
    diagnostics.sort_by_key(|finding| (finding.primary.span.start, finding.primary.span.end));
    diagnostics.truncate(MAX_FINDINGS);
    Parsed { tree, tokens, diagnostics }
}

/// What is wrong with a text of so many bytes; `None` when it is short enough to be a spec.
pub fn size_complaint(bytes: usize) -> Option<String> {
    let limit = MAX_TEXT_BYTES / (1024 * 1024);
    (bytes > MAX_TEXT_BYTES).then(|| format!("the file has {bytes} bytes; at most {limit} MiB are read"))
}

/// What is read of a text that is too large: enough to tell what it is written for.
const HEAD_BYTES: usize = 64 * 1024;

/// An empty tree over the first lines of the text, with their tokens.
fn too_large(file: FileId, text: &str, complaint: String) -> Parsed {
    let finding = Diagnostic::new(Code::UnreadableFile, Span::start_of(file), complaint);
    let head = &text[..text.floor_char_boundary(HEAD_BYTES)];
    let head = &head[..head.rfind('\n').map_or(0, |at| at + 1)];
    let (tokens, _) = lexer::lex(file, head);
    let end = head.len() as u32;
    let nothing = [Token { kind: TokenKind::End, start: end, end }];
    let (tree, _) = parser::parse(file, head, &nothing);
    Parsed { tree, tokens, diagnostics: vec![finding] }
}
