//! Tokens to a tree, by recursive descent. Every text gives a tree; what is wrong is reported and stepped over.
//!
//! Chains (`a + b + ...`, `.b.b...`, `not not ...`, `elif`) are loops; only real nesting recurses, and no deeper than
//! [`MAX_DEPTH`]. The lexer has balanced all brackets, so a mistake inside brackets never leaves them, and a mistake
//! in a line never leaves the line.

mod arguments;
mod blocks;
mod collections;
mod expressions;
mod load;
mod operators;
mod parameters;
mod statements;
mod types;
mod unsupported;

#[cfg(test)]
mod tests;

use super::lexer::{Bracket, Keyword, Token, TokenKind};
use super::node::{Ident, Node, NodeKind};
use super::tree::{NodeId, Tree};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{FileId, Span};

/// Deepest nesting of brackets and blocks that is parsed. Deeper text is reported and skipped.
pub const MAX_DEPTH: u32 = 200;

/// Tallest tree that is accepted, in nodes: what evaluates the spec later walks the tree by recursion.
pub const MAX_HEIGHT: u32 = 1_000;

/// Most findings one file gets: more help nobody.
pub const MAX_FINDINGS: usize = 300;

/// Parses the tokens of `text`. The last token must be [`TokenKind::End`].
pub(super) fn parse(file: FileId, text: &str, tokens: &[Token]) -> (Tree, Vec<Diagnostic>) {
    let code: Vec<Token> = tokens.iter().copied().filter(|token| !token.kind.is_trivia()).collect();
    let mut parser = Parser {
        file,
        text,
        nodes: Vec::with_capacity(code.len()),
        tokens: code,
        at: 0,
        prev_end: 0,
        diagnostics: Vec::new(),
        depth: 0,
        quiet: 0,
        last_error_at: usize::MAX,
        place: Place { in_def: false, in_for: false, top_level: true },
    };
    parser.module();
    let mut tree = Tree { file, text: text.into(), nodes: parser.nodes };
    let mut diagnostics = parser.diagnostics;
    diagnostics.extend(link(&mut tree));
    (tree, diagnostics)
}

/// Parser state. Methods named after a construct parse it, from its first token to behind its last one.
struct Parser<'t> {
    file: FileId,
    text: &'t str,
    /// Tokens without trivia.
    tokens: Vec<Token>,
    at: usize,
    /// End of the last token consumed that was not layout.
    prev_end: u32,
    nodes: Vec<Node>,
    diagnostics: Vec<Diagnostic>,
    depth: u32,
    /// While above zero, errors follow from one already reported and are not.
    quiet: u32,
    /// Token of the last syntax error: one token gets one.
    last_error_at: usize,
    place: Place,
}

/// What surrounds the current statement.
#[derive(Clone, Copy)]
struct Place {
    in_def: bool,
    in_for: bool,
    top_level: bool,
}

/// Links children to their parents, and reports a tree too tall.
fn link(tree: &mut Tree) -> Option<Diagnostic> {
    let mut heights = vec![0u32; tree.nodes.len()];
    let mut too_tall = None;
    let mut children = Vec::new();
    for at in 0..tree.nodes.len() {
        let id = NodeId(at as u32);
        children.clear();
        tree.nodes[at].kind.for_each_child(|child| children.push(child));
        let mut height = 1;
        for &child in &children {
            tree.nodes[child.0 as usize].parent = Some(id);
            height = height.max(heights[child.0 as usize] + 1);
        }
        // An `elif` stands inside the `else` of the branch before it.
        if let NodeKind::If { branches } = &tree.nodes[at].kind {
            height += branches.len() as u32;
        }
        heights[at] = height;
        if height > MAX_HEIGHT && too_tall.is_none() {
            too_tall = Some(id);
        }
    }
    let span = tree.span(too_tall?);
    let start = Span::new(span.file, span.start, span.start.saturating_add(1).min(span.end));
    let message = format!("this expression is nested more than {MAX_HEIGHT} levels deep");
    let finding = Diagnostic::new(Code::NestedTooDeep, start, message);
    Some(finding.help("every operator of a chain is a level: split it into several statements"))
}

// === Tokens ===

impl Parser<'_> {
    fn token(&self) -> Token {
        self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn kind(&self) -> TokenKind {
        self.token().kind
    }

    fn kind_ahead(&self, ahead: usize) -> TokenKind {
        self.tokens.get(self.at + ahead).map_or(TokenKind::End, |token| token.kind)
    }

    fn start(&self) -> u32 {
        self.token().start
    }

    fn is_keyword(&self, keyword: Keyword) -> bool {
        self.kind() == TokenKind::Keyword(keyword)
    }

    fn token_text(&self) -> &str {
        let token = self.token();
        &self.text[token.start as usize..token.end as usize]
    }

    /// Steps behind the current token; the end of the file is never passed.
    fn bump(&mut self) {
        let token = self.token();
        if token.kind != TokenKind::End {
            self.at += 1;
            if !matches!(token.kind, TokenKind::Newline | TokenKind::Indent | TokenKind::Dedent) {
                self.prev_end = token.end;
            }
        }
    }

    fn eat(&mut self, kind: TokenKind) -> bool {
        let found = self.kind() == kind;
        if found {
            self.bump();
        }
        found
    }

    fn eat_keyword(&mut self, keyword: Keyword) -> bool {
        self.eat(TokenKind::Keyword(keyword))
    }

    /// True at the end of the brackets the parser is in.
    fn at_close(&self, bracket: Bracket) -> bool {
        let kind = self.kind();
        kind == TokenKind::Close(bracket) || kind == TokenKind::MissingClose(bracket)
    }

    /// True at any token that ends an expression from outside: a closing bracket or the end of the line.
    fn at_boundary(&self) -> bool {
        matches!(
            self.kind(),
            TokenKind::Newline
                | TokenKind::Indent
                | TokenKind::Dedent
                | TokenKind::End
                | TokenKind::Close(_)
                | TokenKind::MissingClose(_)
        )
    }

    /// True when a line ends between the last token and the current one.
    fn on_new_line(&self) -> bool {
        self.text[self.prev_end as usize..self.start() as usize].contains('\n')
    }

    /// A name, or an empty one behind the last token when there is none.
    fn ident(&mut self, what: &str) -> Ident {
        let span = self.token_span();
        match self.kind() {
            TokenKind::Name => {
                self.bump();
                return Ident { span };
            }
            TokenKind::Keyword(_) | TokenKind::Reserved => {
                let message = format!("'{}' is a reserved word and cannot be {what}", self.token_text());
                self.error(message);
                // `def for x` is a missing name, `def for(` a wrong one.
                if !matches!(self.kind_ahead(1), TokenKind::Name) {
                    self.bump();
                    return Ident { span };
                }
            }
            _ => self.error(format!("expected {what}, found {}", self.found())),
        }
        Ident { span: self.behind() }
    }
}

// === Errors ===

impl Parser<'_> {
    fn span_of(&self, start: u32, end: u32) -> Span {
        Span::new(self.file, start, end.max(start))
    }

    fn token_span(&self) -> Span {
        self.span_of(self.token().start, self.token().end)
    }

    /// The empty span behind the last token.
    fn behind(&self) -> Span {
        self.span_of(self.prev_end, self.prev_end)
    }

    /// The current token, for messages.
    fn found(&self) -> String {
        match self.kind() {
            TokenKind::Newline | TokenKind::Dedent => "the end of the line".to_owned(),
            TokenKind::End => "the end of the file".to_owned(),
            TokenKind::Indent => "a deeper line".to_owned(),
            TokenKind::MissingClose(bracket) => format!("no '{}'", bracket.close()),
            TokenKind::String | TokenKind::Bytes | TokenKind::UnclosedString => "a string".to_owned(),
            _ => format!("'{}'", self.token_text()),
        }
    }

    /// Where an error at the current token is shown: the token, or behind the last one when that ended a line.
    fn error_span(&self) -> Span {
        let token = self.token();
        let starts_statement = self.at == 0
            || matches!(
                self.tokens[self.at - 1].kind,
                TokenKind::Newline | TokenKind::Indent | TokenKind::Dedent
            );
        let is_nothing = token.start == token.end || token.kind == TokenKind::Newline;
        if is_nothing || !starts_statement && self.on_new_line() {
            return self.behind();
        }
        self.token_span()
    }

    /// True when an error at the current token is news. Notes that it has been reported.
    fn is_news(&mut self) -> bool {
        // The lexer has reported these tokens.
        let known =
            matches!(self.kind(), TokenKind::Unknown | TokenKind::StrayClose | TokenKind::MissingClose(_));
        let news = self.quiet == 0 && self.last_error_at != self.at && !known;
        self.last_error_at = self.at;
        news && self.diagnostics.len() < MAX_FINDINGS
    }

    /// Reports a syntax error at the current token.
    fn error(&mut self, message: impl Into<String>) {
        let span = self.error_span();
        self.report(Diagnostic::new(Code::Syntax, span, message));
    }

    /// Reports a finding about the current token, unless it follows from an earlier one.
    fn report(&mut self, finding: Diagnostic) {
        if self.is_news() {
            self.diagnostics.push(finding);
        }
    }

    /// Reports a finding about something already parsed.
    fn report_parsed(&mut self, finding: Diagnostic) {
        if self.quiet == 0 && self.diagnostics.len() < MAX_FINDINGS {
            self.diagnostics.push(finding);
        }
    }

    /// Consumes `kind`, or reports that `text` is missing and offers to insert it.
    fn expect(&mut self, kind: TokenKind, text: &str) -> bool {
        let found = self.eat(kind);
        if !found {
            let insert = self.behind();
            let message = format!("expected '{text}', found {}", self.found());
            let finding = Diagnostic::new(Code::Syntax, self.error_span(), message);
            self.report(finding.fix(format!("Insert '{text}'"), insert, text));
        }
        found
    }
}

// === Nodes ===

impl Parser<'_> {
    /// Adds a node from `start` to behind the last token, widened to hold its children.
    fn node(&mut self, start: u32, kind: NodeKind) -> NodeId {
        let mut span = self.span_of(start, self.prev_end);
        let mut first = self.nodes.len() as u32;
        kind.for_each_child(|child| {
            let node = &self.nodes[child.0 as usize];
            span = span.cover(node.span);
            first = first.min(node.first.0);
        });
        self.push(kind, span, NodeId(first))
    }

    fn push(&mut self, kind: NodeKind, span: Span, first: NodeId) -> NodeId {
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(Node { kind, span, parent: None, first });
        id
    }

    fn node_span(&self, id: NodeId) -> Span {
        self.nodes[id.0 as usize].span
    }

    fn node_kind(&self, id: NodeId) -> &NodeKind {
        &self.nodes[id.0 as usize].kind
    }

    /// A missing expression behind the last token, without a finding.
    fn hole(&mut self) -> NodeId {
        let span = self.behind();
        let id = NodeId(self.nodes.len() as u32);
        self.push(NodeKind::Missing, span, id)
    }

    /// A missing expression, reported.
    fn missing(&mut self, what: &str) -> NodeId {
        self.error(format!("expected {what}, found {}", self.found()));
        self.hole()
    }

    /// Steps over tokens until `stop` or a boundary, reading what can be read as an expression.
    fn skip_until(&mut self, stop: impl Fn(TokenKind) -> bool) -> NodeId {
        let start = self.start();
        let mut parts = Vec::new();
        self.quiet += 1;
        while !self.at_boundary() && !stop(self.kind()) {
            let before = self.at;
            if self.kind().starts_expression() {
                parts.push(self.expression());
            }
            if self.at == before {
                self.bump();
            }
        }
        self.quiet -= 1;
        self.node(start, NodeKind::Error { parts })
    }

    /// Reports that the limit of nesting is reached and steps over the rest of the nested text.
    fn too_deep(&mut self) -> NodeId {
        let start = self.start();
        let message = format!("brackets or blocks are nested more than {MAX_DEPTH} levels deep");
        let finding = Diagnostic::new(Code::NestedTooDeep, self.error_span(), message);
        self.report(finding.help("give the inner part a name of its own"));
        let mut inside = 0u32;
        loop {
            match self.kind() {
                TokenKind::Open(_) => inside += 1,
                TokenKind::Close(_) | TokenKind::MissingClose(_) if inside > 0 => inside -= 1,
                TokenKind::Comma if inside == 0 => break,
                _ if self.at_boundary() => break,
                _ => {}
            }
            self.bump();
        }
        // What the skipped text leaves undone, such as an `else`, is no second mistake.
        self.last_error_at = self.at;
        self.node(start, NodeKind::Error { parts: Vec::new() })
    }
}
