//! Everything in brackets: lists, dicts, tuples, comprehensions, and how lists recover from a mistake.

use super::{MAX_DEPTH, Parser};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::lexer::{Bracket, Keyword, TokenKind};
use crate::syntax::node::NodeKind;
use crate::syntax::tree::NodeId;

impl Parser<'_> {
    /// Consumes the closing bracket. Tokens before it that fit nowhere are reported and kept in the node.
    pub(super) fn close(&mut self, bracket: Bracket, mut kind: NodeKind) -> NodeKind {
        if !self.at_close(bracket) {
            self.error(format!("expected '{}', found {}", bracket.close(), self.found()));
            let rest = self.skip_until(|_| false);
            match &mut kind {
                NodeKind::List { items } | NodeKind::Tuple { items } => items.push(rest),
                NodeKind::Dict { entries: items }
                | NodeKind::Call { args: items, .. }
                | NodeKind::Index { indices: items, .. }
                | NodeKind::Comprehension { clauses: items, .. } => items.push(rest),
                NodeKind::Slice { object, start, stop, step } => {
                    let mut indices: Vec<NodeId> = [*start, *stop, *step].into_iter().flatten().collect();
                    indices.push(rest);
                    kind = NodeKind::Index { object: *object, indices };
                }
                _ => kind = NodeKind::Error { parts: vec![rest] },
            }
        }
        if self.at_close(bracket) {
            self.bump();
        }
        kind
    }

    /// Items separated by commas up to the closing bracket, which is not consumed.
    ///
    /// A missing comma is reported and the next item read all the same; what is no item is reported and skipped.
    pub(super) fn items(
        &mut self,
        bracket: Bracket,
        what: &str,
        item: impl Fn(&mut Self) -> NodeId,
        mut items: Vec<NodeId>,
    ) -> Vec<NodeId> {
        while !self.at_close(bracket) && self.kind() != TokenKind::End {
            let before = self.at;
            if self.kind() == TokenKind::Comma {
                self.error(format!("expected the next {what}, found ','"));
                self.bump();
                continue;
            }
            items.push(item(self));
            if self.at == before {
                items.push(self.skip_until(|kind| kind == TokenKind::Comma));
            }
            if self.kind() == TokenKind::Comma {
                self.bump();
            } else if !self.at_close(bracket) {
                self.missing_comma(bracket, what);
                if !self.kind().starts_expression() {
                    items.push(self.skip_until(|kind| kind == TokenKind::Comma));
                    self.eat(TokenKind::Comma);
                }
            }
            // A boundary other than our own bracket cannot be passed from here.
            if self.at == before {
                break;
            }
        }
        items
    }

    fn missing_comma(&mut self, bracket: Bracket, what: &str) {
        let swallowed = self.tokens[self.at.saturating_sub(1)].kind == TokenKind::UnclosedString;
        if swallowed {
            self.last_error_at = self.at;
            return;
        }
        let close = bracket.close();
        let insert = self.behind();
        let previous_is_string = self.tokens[self.at.saturating_sub(1)].kind.is_string();
        let message = if self.kind() == TokenKind::Assign {
            "'=' may only follow the name of a parameter".to_owned()
        } else if self.kind().starts_expression() {
            format!("expected ',' before the next {what}, found {}", self.found())
        } else {
            format!("expected ',' or '{close}', found {}", self.found())
        };
        let mut finding = Diagnostic::new(Code::Syntax, self.error_span(), message);
        if self.kind().is_string() && previous_is_string {
            finding =
                finding.help("strings that follow each other are not joined: put + or a comma between them");
        }
        if self.kind().starts_expression() {
            finding = finding.fix("Insert ','", insert, ",");
        }
        self.report(finding);
    }

    // === Displays ===

    pub(super) fn list(&mut self) -> NodeId {
        let start = self.start();
        self.bump();
        if self.at_close(Bracket::Square) {
            let kind = self.close(Bracket::Square, NodeKind::List { items: Vec::new() });
            return self.node(start, kind);
        }
        let mut items = Vec::new();
        if self.kind().starts_expression() {
            let element = self.expression();
            if self.is_keyword(Keyword::For) {
                return self.comprehension(start, element, Bracket::Square);
            }
            items.push(element);
            self.separator(Bracket::Square, "element", &mut items);
        }
        let items = self.items(Bracket::Square, "element", Parser::expression, items);
        let kind = self.close(Bracket::Square, NodeKind::List { items });
        self.node(start, kind)
    }

    /// The comma behind the first item, which was parsed ahead of [`Parser::items`].
    fn separator(&mut self, bracket: Bracket, what: &str, items: &mut Vec<NodeId>) {
        if self.eat(TokenKind::Comma) || self.at_close(bracket) {
            return;
        }
        self.missing_comma(bracket, what);
        if !self.kind().starts_expression() {
            items.push(self.skip_until(|kind| kind == TokenKind::Comma));
            self.eat(TokenKind::Comma);
        }
    }

    pub(super) fn dict(&mut self) -> NodeId {
        let start = self.start();
        self.bump();
        let mut entries = Vec::new();
        if self.kind().starts_expression() || self.kind() == TokenKind::Colon {
            let entry = self.dict_entry();
            if self.is_keyword(Keyword::For) {
                return self.comprehension(start, entry, Bracket::Curly);
            }
            entries.push(entry);
            self.separator(Bracket::Curly, "entry", &mut entries);
        }
        let entries = self.items(Bracket::Curly, "entry", Parser::dict_entry, entries);
        let kind = self.close(Bracket::Curly, NodeKind::Dict { entries });
        self.node(start, kind)
    }

    fn dict_entry(&mut self) -> NodeId {
        let start = self.start();
        let key = self.expression();
        let value = if self.eat(TokenKind::Colon) {
            self.expression()
        } else {
            let message = format!("expected ':' and a value behind the key, found {}", self.found());
            let finding = Diagnostic::new(Code::Syntax, self.error_span(), message);
            self.report(finding.help("{...} is always a dict; Starlark has no set literal: use [...]"));
            if self.kind() == TokenKind::Assign {
                self.bump();
                self.expression()
            } else {
                self.hole()
            }
        };
        self.node(start, NodeKind::DictEntry { key, value })
    }

    /// `(a)`, `(a, b)`, `()`.
    pub(super) fn parenthesis(&mut self) -> NodeId {
        let start = self.start();
        self.bump();
        if self.at_close(Bracket::Round) {
            let kind = self.close(Bracket::Round, NodeKind::Tuple { items: Vec::new() });
            return self.node(start, kind);
        }
        let inner = self.expression();
        if self.is_keyword(Keyword::For) {
            let finding =
                Diagnostic::new(Code::Syntax, self.token_span(), "Starlark has no generator expressions");
            self.report(finding.help("make a list: [... for ... in ...]"));
            return self.comprehension(start, inner, Bracket::Round);
        }
        if self.at_close(Bracket::Round) {
            let kind = self.close(Bracket::Round, NodeKind::Paren { inner });
            return self.node(start, kind);
        }
        let mut items = vec![inner];
        self.separator(Bracket::Round, "element", &mut items);
        let items = self.items(Bracket::Round, "element", Parser::expression, items);
        let kind = self.close(Bracket::Round, NodeKind::Tuple { items });
        self.node(start, kind)
    }

    /// The clauses behind the element of a comprehension, and its closing bracket.
    pub(super) fn comprehension(&mut self, start: u32, element: NodeId, bracket: Bracket) -> NodeId {
        let mut clauses = Vec::new();
        loop {
            let clause_start = self.start();
            if self.eat_keyword(Keyword::For) {
                let (target, iterable) = self.for_header();
                clauses.push(self.node(clause_start, NodeKind::ForClause { target, iterable }));
            } else if self.eat_keyword(Keyword::If) {
                let condition = self.plain_expression();
                clauses.push(self.node(clause_start, NodeKind::IfClause { condition }));
            } else {
                break;
            }
        }
        let kind = self.close(bracket, NodeKind::Comprehension { element, clauses });
        self.node(start, kind)
    }

    /// `target in iterable` of a comprehension.
    fn for_header(&mut self) -> (NodeId, NodeId) {
        let target = self.for_target();
        let iterable = if self.eat_keyword(Keyword::In) {
            self.plain_expression()
        } else {
            self.missing("'in' and what to loop over")
        };
        (target, iterable)
    }

    /// What a `for` binds: names, attributes, indices, or tuples of them.
    pub(super) fn for_target(&mut self) -> NodeId {
        if self.depth >= MAX_DEPTH {
            return self.too_deep();
        }
        self.depth += 1;
        let start = self.start();
        let first = self.arithmetic();
        let target = self.list_rest(start, first, Parser::arithmetic);
        self.check_target(target, false);
        self.depth -= 1;
        target
    }
}
