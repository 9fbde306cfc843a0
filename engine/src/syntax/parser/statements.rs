//! Statements and blocks.

use super::{MAX_DEPTH, Parser};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::lexer::{Keyword, TokenKind};
use crate::syntax::node::NodeKind;
use crate::syntax::tree::NodeId;

impl Parser<'_> {
    pub(super) fn module(&mut self) {
        let mut body = Vec::new();
        while self.kind() != TokenKind::End {
            self.statements(&mut body);
            // Blocks are balanced; should one end too many come, it is stepped over.
            if self.kind() == TokenKind::Dedent {
                self.bump();
            }
        }
        self.prev_end = self.text.len() as u32;
        self.node(0, NodeKind::Module { body });
    }

    /// Statements up to the end of the block. A line indented deeper than its block is reported and read as part of it.
    pub(super) fn statements(&mut self, body: &mut Vec<NodeId>) {
        let mut surplus = 0u32;
        loop {
            match self.kind() {
                TokenKind::End => return,
                TokenKind::Dedent if surplus == 0 => return,
                TokenKind::Dedent => {
                    surplus -= 1;
                    self.bump();
                }
                TokenKind::Indent => {
                    surplus += 1;
                    self.unexpected_indent();
                }
                TokenKind::Newline => self.bump(),
                _ => self.statement(body),
            }
        }
    }

    fn unexpected_indent(&mut self) {
        // The block of a header that was not understood is no second mistake.
        let header_is_broken = self.last_error_at != usize::MAX && {
            let line = &self.tokens[self.last_error_at.min(self.at)..self.at];
            line.iter().filter(|token| token.kind == TokenKind::Newline).count() <= 1
        };
        let at = self.start();
        let line_start = self.text[..at as usize].rfind(['\n', '\r']).map_or(0, |found| found + 1);
        let span = self.span_of(line_start as u32, at);
        if !header_is_broken {
            let finding =
                Diagnostic::new(Code::Syntax, span, "this line is indented, but no block starts before it");
            self.report(finding.help("indent it like the line above"));
        }
        self.bump();
    }

    fn statement(&mut self, body: &mut Vec<NodeId>) {
        let before = self.at;
        let compound = match self.kind() {
            TokenKind::Keyword(Keyword::Def) => Some(self.def()),
            TokenKind::Keyword(Keyword::If) => Some(self.if_statement()),
            TokenKind::Keyword(Keyword::For) => Some(self.for_statement()),
            TokenKind::Keyword(Keyword::Elif | Keyword::Else) => Some(self.orphan_branch()),
            TokenKind::Reserved => Some(self.unsupported()),
            _ => None,
        };
        match compound {
            Some(node) => body.push(node),
            None => self.simple_statements(body),
        }
        debug_assert!(self.at > before, "a statement consumes at least one token");
        if self.at == before {
            self.bump();
        }
    }

    /// `a; b; c` up to and with the end of the line.
    pub(super) fn simple_statements(&mut self, body: &mut Vec<NodeId>) {
        loop {
            body.push(self.small_statement());
            if self.kind() == TokenKind::Semicolon {
                self.bump();
                if self.at_boundary() {
                    break;
                }
                continue;
            }
            break;
        }
        self.end_of_line(body);
    }

    /// Consumes the end of the line; what stands before it is reported and kept as an error node.
    pub(super) fn end_of_line(&mut self, body: &mut Vec<NodeId>) {
        while !matches!(
            self.kind(),
            TokenKind::Newline | TokenKind::Dedent | TokenKind::End | TokenKind::Indent
        ) {
            self.report_surplus();
            let before = self.at;
            body.push(self.skip_until(|_| false));
            if self.at == before {
                self.bump();
            }
        }
        self.eat(TokenKind::Newline);
    }

    fn report_surplus(&mut self) {
        let before = self.tokens[self.at.saturating_sub(1)];
        let before_text = &self.text[before.start as usize..before.end as usize];
        let mut finding = Diagnostic::new(
            Code::Syntax,
            self.error_span(),
            format!("expected the end of the line, found {}", self.found()),
        );
        if self.kind() == TokenKind::Assign {
            finding.message = "only one '=' may stand in a statement".to_owned();
        } else if self.kind().is_string() && before.kind.is_string() {
            finding = finding.help("strings that follow each other are not joined: put + between them");
        } else if before_text == "print" {
            finding = finding.help("print is a function: print(...)");
        }
        self.report(finding);
    }

    fn small_statement(&mut self) -> NodeId {
        let start = self.start();
        match self.kind() {
            TokenKind::Keyword(Keyword::Return) => self.return_statement(),
            TokenKind::Keyword(Keyword::Pass) => {
                self.bump();
                self.node(start, NodeKind::Pass)
            }
            TokenKind::Keyword(Keyword::Break) => self.loop_control(NodeKind::Break),
            TokenKind::Keyword(Keyword::Continue) => self.loop_control(NodeKind::Continue),
            TokenKind::Keyword(Keyword::Load) => self.load(),
            TokenKind::Keyword(Keyword::Def | Keyword::If | Keyword::For) => self.nested_compound(),
            TokenKind::Unknown => {
                // The lexer has said what is wrong with the line.
                self.skip_until(|_| false)
            }
            kind if kind.starts_expression() || kind == TokenKind::Reserved => self.assignment(),
            _ => {
                self.error(format!("expected a statement, found {}", self.found()));
                self.skip_statement()
            }
        }
    }

    /// Steps over the rest of the line, brackets that close nothing included.
    fn skip_statement(&mut self) -> NodeId {
        let start = self.start();
        self.bump();
        let rest = self.skip_until(|_| false);
        self.node(start, NodeKind::Error { parts: vec![rest] })
    }

    fn return_statement(&mut self) -> NodeId {
        let start = self.start();
        if !self.place.in_def {
            self.error("'return' is only allowed in a def");
        }
        self.bump();
        let bare = self.at_boundary() || self.kind() == TokenKind::Semicolon;
        let value = (!bare).then(|| self.expression_list());
        self.node(start, NodeKind::Return { value })
    }

    fn loop_control(&mut self, kind: NodeKind) -> NodeId {
        let start = self.start();
        if !self.place.in_for {
            self.error(format!("'{}' is only allowed in a for loop", self.token_text()));
        }
        self.bump();
        self.node(start, kind)
    }

    /// `if x: for y in z: ...` on one line.
    fn nested_compound(&mut self) -> NodeId {
        self.error(format!("'{}' must start a line of its own", self.token_text()));
        if self.depth >= MAX_DEPTH {
            return self.skip_statement();
        }
        self.depth += 1;
        let start = self.start();
        let mut parts = Vec::new();
        self.statement(&mut parts);
        self.depth -= 1;
        self.node(start, NodeKind::Error { parts })
    }

    // === Assignment ===

    /// An expression, or `target = value`, `target += value`, `target: type = value`.
    fn assignment(&mut self) -> NodeId {
        let start = self.start();
        let target = self.expression_list();
        let annotation = (self.kind() == TokenKind::Colon && self.starts_annotation()).then(|| {
            self.bump();
            self.type_expression()
        });
        match self.kind() {
            TokenKind::Assign => {
                self.check_target(target, false);
                self.bump();
                let value = self.expression_list();
                if let (Some(annotation), NodeKind::Tuple { .. }) = (annotation, self.node_kind(target)) {
                    let span = self.node_span(annotation);
                    self.report_parsed(Diagnostic::new(Code::Syntax, span, "a tuple cannot have a type"));
                }
                self.node(start, NodeKind::Assign { target, annotation, value })
            }
            TokenKind::Augmented(operator) => {
                self.check_target(target, true);
                self.bump();
                let value = self.expression_list();
                if let Some(annotation) = annotation {
                    let message = format!("'{}=' cannot change the type", operator.text());
                    let finding = Diagnostic::new(Code::Syntax, self.node_span(annotation), message);
                    self.report_parsed(finding);
                    return self.node(start, NodeKind::Error { parts: vec![target, annotation, value] });
                }
                self.node(start, NodeKind::AugAssign { target, operator, value })
            }
            _ => self.expression_statement(start, target, annotation),
        }
    }

    /// `name: type` needs a word behind the colon; `else if x:` and the like do not have one.
    fn starts_annotation(&self) -> bool {
        self.kind_ahead(1).starts_expression()
    }

    fn expression_statement(&mut self, start: u32, value: NodeId, annotation: Option<NodeId>) -> NodeId {
        if let Some(annotation) = annotation {
            let message = format!("expected '=' and a value, found {}", self.found());
            self.error(message);
            return self.node(start, NodeKind::Error { parts: vec![value, annotation] });
        }
        if let NodeKind::Tuple { items } = self.node_kind(value)
            && !items.is_empty()
            && self.node_span(value).start == self.node_span(items[0]).start
        {
            let finding = Diagnostic::new(
                Code::Syntax,
                self.node_span(value),
                "a tuple without brackets is no statement",
            );
            self.report_parsed(finding);
        }
        self.node(start, NodeKind::ExprStatement { value })
    }

    /// Reports what cannot be assigned to. Lists of targets are looked into; `augmented` forbids them.
    pub(super) fn check_target(&mut self, target: NodeId, augmented: bool) {
        let mut pending = vec![target];
        while let Some(target) = pending.pop() {
            let what = match self.node_kind(target) {
                NodeKind::Name | NodeKind::Attribute { .. } | NodeKind::Missing | NodeKind::Error { .. } => {
                    continue;
                }
                NodeKind::Index { indices, .. } if indices.len() < 2 => continue,
                NodeKind::Paren { inner } => {
                    pending.push(*inner);
                    continue;
                }
                NodeKind::Tuple { items } | NodeKind::List { items } if !augmented => {
                    pending.extend(items);
                    continue;
                }
                NodeKind::Tuple { .. } | NodeKind::List { .. } => "several targets with an operator",
                NodeKind::Call { .. } => "a call",
                NodeKind::String(_) | NodeKind::Bytes | NodeKind::Int | NodeKind::Float => "a literal",
                _ => "this expression",
            };
            let message = format!("cannot assign to {what}");
            let finding = Diagnostic::new(Code::Syntax, self.node_span(target), message);
            self.report_parsed(finding.help("the left side of '=' is a name, a.b or a[b]; compare with =="));
        }
    }
}
