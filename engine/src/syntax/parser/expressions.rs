//! Expressions: conditional, lambda, and the primary ones with their suffixes.

use super::{MAX_DEPTH, Parser};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::lexer::literal::{self, QuoteStyle};
use crate::syntax::lexer::{Bracket, Keyword, TokenKind};
use crate::syntax::node::{Ident, NodeKind, StringLiteral};
use crate::syntax::tree::NodeId;
use crate::text::Span;

impl Parser<'_> {
    /// Any expression; a comma ends it.
    pub(super) fn expression(&mut self) -> NodeId {
        if self.depth >= MAX_DEPTH {
            return self.too_deep();
        }
        self.depth += 1;
        let node = if self.is_keyword(Keyword::Lambda) { self.lambda() } else { self.conditional() };
        self.depth -= 1;
        node
    }

    /// An expression that may not be a conditional or a lambda, as behind the `in` of a comprehension.
    pub(super) fn plain_expression(&mut self) -> NodeId {
        if self.depth >= MAX_DEPTH {
            return self.too_deep();
        }
        if self.is_keyword(Keyword::Lambda) {
            self.error("a lambda must stand in brackets here");
            return self.expression();
        }
        self.depth += 1;
        let node = self.operators();
        self.depth -= 1;
        node
    }

    fn conditional(&mut self) -> NodeId {
        let start = self.start();
        let then = self.operators();
        if !self.is_keyword(Keyword::If) {
            return then;
        }
        self.bump();
        let condition = self.plain_expression();
        let otherwise = if self.eat_keyword(Keyword::Else) {
            self.expression()
        } else {
            let message = format!("expected 'else', found {}", self.found());
            let finding = Diagnostic::new(Code::Syntax, self.error_span(), message);
            self.report(finding.help("a value needs both sides: a if condition else b"));
            self.hole()
        };
        self.node(start, NodeKind::Conditional { then, condition, otherwise })
    }

    fn lambda(&mut self) -> NodeId {
        let start = self.start();
        self.bump();
        let params = self.lambda_params();
        let body = if self.expect(TokenKind::Colon, ":") || self.kind().starts_expression() {
            self.expression()
        } else {
            self.hole()
        };
        self.node(start, NodeKind::Lambda { params, body })
    }

    /// `a, b` where brackets are optional. A comma behind the last item is an error.
    pub(super) fn expression_list(&mut self) -> NodeId {
        let start = self.start();
        let first = self.expression();
        self.list_rest(start, first, Parser::expression)
    }

    /// The rest of `a, b` behind `first`; `item` parses the others.
    pub(super) fn list_rest(
        &mut self,
        start: u32,
        first: NodeId,
        item: impl Fn(&mut Self) -> NodeId,
    ) -> NodeId {
        if self.kind() != TokenKind::Comma {
            return first;
        }
        let mut items = vec![first];
        while self.kind() == TokenKind::Comma {
            let comma = self.token_span();
            self.bump();
            if !self.kind().starts_expression() {
                let finding = Diagnostic::new(
                    Code::Syntax,
                    comma,
                    "a comma at the end needs brackets around the tuple",
                )
                .fix("Remove the comma", comma, "");
                self.report_parsed(finding);
                break;
            }
            items.push(item(self));
        }
        self.node(start, NodeKind::Tuple { items })
    }

    // === Primary expressions ===

    /// A name, literal or bracketed expression with all its suffixes.
    pub(super) fn primary(&mut self) -> NodeId {
        let start = self.start();
        let mut node = self.atom();
        loop {
            node = match self.kind() {
                TokenKind::Dot => self.attribute(start, node),
                TokenKind::Open(Bracket::Round) => self.call(start, node),
                TokenKind::Open(Bracket::Square) => self.subscript(start, node),
                _ => return node,
            };
        }
    }

    fn atom(&mut self) -> NodeId {
        let kind = match self.kind() {
            TokenKind::Name => NodeKind::Name,
            TokenKind::Int => NodeKind::Int,
            TokenKind::Float => NodeKind::Float,
            TokenKind::Ellipsis => NodeKind::Ellipsis,
            TokenKind::String | TokenKind::UnclosedString => return self.string(),
            TokenKind::Bytes => return self.string(),
            TokenKind::Open(Bracket::Round) => return self.parenthesis(),
            TokenKind::Open(Bracket::Square) => return self.list(),
            TokenKind::Open(Bracket::Curly) => return self.dict(),
            TokenKind::Keyword(Keyword::Lambda) => {
                self.error("a lambda must stand in brackets here");
                return self.expression();
            }
            TokenKind::Reserved => return self.reserved_as_value(),
            TokenKind::Unknown | TokenKind::StrayClose => return self.behind_unknown(),
            _ => return self.missing("an expression"),
        };
        let start = self.start();
        self.bump();
        self.node(start, kind)
    }

    /// Characters the lexer has reported, together with the expression they stand before.
    fn behind_unknown(&mut self) -> NodeId {
        let start = self.start();
        while matches!(self.kind(), TokenKind::Unknown | TokenKind::StrayClose) {
            self.bump();
        }
        let parts = match self.kind().starts_expression() {
            true => vec![self.plain_expression()],
            false => Vec::new(),
        };
        self.node(start, NodeKind::Error { parts })
    }

    /// A string or bytes literal, with its value and a finding for each escape that means nothing.
    pub(super) fn string(&mut self) -> NodeId {
        let token = self.token();
        self.bump();
        let text = &self.text[token.start as usize..token.end as usize];
        let style = QuoteStyle::of(text);
        let closed = token.kind != TokenKind::UnclosedString;
        let from = token.start + style.opening_len();
        let to = if closed { token.end - style.closing_len() } else { token.end.max(from) };
        let content = Span::new(self.file, from.min(token.end), to.min(token.end));
        let inner = &self.text[content.start as usize..content.end as usize];
        let (value, bad) = literal::decode(inner, style);
        for escape in bad.iter().filter(|_| closed) {
            let span = self.span_of(content.start + escape.start, content.start + escape.end);
            let spelt = &inner[escape.start as usize..escape.end as usize];
            let finding = Diagnostic::new(Code::Syntax, span, format!("'{spelt}' is not a complete escape"));
            self.report_parsed(finding.help("write \\\\ for a backslash, or put r before the quote"));
        }
        if style.bytes {
            return self.node(token.start, NodeKind::Bytes);
        }
        self.node(token.start, NodeKind::String(StringLiteral { value, content, style, closed }))
    }

    fn attribute(&mut self, start: u32, object: NodeId) -> NodeId {
        self.bump();
        // `f(api.⏎  path="/")`: the name on the next line is the next argument, not the attribute.
        let next_argument =
            self.kind() == TokenKind::Name && self.kind_ahead(1) == TokenKind::Assign && self.on_new_line();
        let name = match self.kind() {
            TokenKind::Name if !next_argument => self.ident("a name"),
            TokenKind::Keyword(_) | TokenKind::Reserved if self.start() == self.prev_end => {
                self.ident("an attribute")
            }
            _ => {
                self.error(format!("expected the name of an attribute, found {}", self.found()));
                Ident { span: self.behind() }
            }
        };
        self.node(start, NodeKind::Attribute { object, name })
    }

    /// `a[i]`, `a[i, j]` or `a[i:j:k]`.
    fn subscript(&mut self, start: u32, object: NodeId) -> NodeId {
        self.bump();
        let first = match self.kind() {
            TokenKind::Colon => None,
            _ => Some(self.expression()),
        };
        let node = if self.kind() == TokenKind::Colon {
            let stop = self.slice_part();
            let step = if self.kind() == TokenKind::Colon { self.slice_part() } else { None };
            NodeKind::Slice { object, start: first, stop, step }
        } else {
            let mut indices: Vec<NodeId> = first.into_iter().collect();
            if self.eat(TokenKind::Comma) {
                indices.push(self.expression());
            }
            NodeKind::Index { object, indices }
        };
        let node = self.close(Bracket::Square, node);
        self.node(start, node)
    }

    fn slice_part(&mut self) -> Option<NodeId> {
        self.bump();
        let absent = self.kind() == TokenKind::Colon || self.at_close(Bracket::Square);
        (!absent).then(|| self.expression())
    }
}
