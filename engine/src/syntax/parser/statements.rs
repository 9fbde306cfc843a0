//! Statements and blocks.

use super::{MAX_DEPTH, Parser, Place};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::lexer::{Bracket, Keyword, TokenKind};
use crate::syntax::tree::{NodeId, NodeKind};

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
        let start = self.start();
        let mut parts = Vec::new();
        self.statement(&mut parts);
        self.node(start, NodeKind::Error { parts })
    }

    // === Assignment ===

    /// An expression, or `target = value`, `target += value`, `target: type = value`.
    fn assignment(&mut self) -> NodeId {
        let start = self.start();
        let target = self.expression_list();
        let annotation = (self.kind() == TokenKind::Colon && self.starts_annotation()).then(|| {
            self.bump();
            self.expression()
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

    // === Blocks ===

    /// `: ` and the statements of a block, on the same line or indented on the following ones.
    pub(super) fn block(&mut self, header: &str, place: Place) -> NodeId {
        if !self.expect(TokenKind::Colon, ":") && !self.at_boundary() {
            self.quiet += 1;
            self.skip_header_rest();
            self.quiet -= 1;
        }
        let outer = std::mem::replace(&mut self.place, Place { top_level: false, ..place });
        let start = self.prev_end;
        let mut body = Vec::new();
        if self.kind() != TokenKind::Newline && self.kind() != TokenKind::End {
            self.simple_statements(&mut body);
        } else if self.kind_ahead(1) == TokenKind::Indent {
            self.bump();
            self.bump();
            self.indented(&mut body);
        } else {
            let message = format!("'{header}' has no statements");
            let finding = Diagnostic::new(Code::Syntax, self.behind(), message);
            self.report(finding.help("indent them on the next lines, or write pass"));
            self.eat(TokenKind::Newline);
        }
        self.place = outer;
        self.node(start, NodeKind::Block { body })
    }

    /// The tokens of a header between the mistake and its colon.
    fn skip_header_rest(&mut self) {
        self.skip_until(|kind| kind == TokenKind::Colon);
        self.eat(TokenKind::Colon);
    }

    fn indented(&mut self, body: &mut Vec<NodeId>) {
        // One level is left for the expressions of the innermost block.
        if self.depth + 1 >= MAX_DEPTH {
            body.push(self.too_deep_block());
        } else {
            self.depth += 1;
            self.statements(body);
            self.depth -= 1;
        }
        if self.kind() == TokenKind::Dedent {
            self.bump();
        }
    }

    /// Reports a block nested too deep and steps over it.
    fn too_deep_block(&mut self) -> NodeId {
        let start = self.start();
        let message = format!("blocks are nested more than {MAX_DEPTH} levels deep");
        self.report(Diagnostic::new(Code::NestedTooDeep, self.token_span(), message));
        let mut inside = 0u32;
        loop {
            match self.kind() {
                TokenKind::Indent => inside += 1,
                TokenKind::Dedent if inside > 0 => inside -= 1,
                TokenKind::Dedent | TokenKind::End => break,
                _ => {}
            }
            self.bump();
        }
        self.node(start, NodeKind::Error { parts: Vec::new() })
    }

    fn def(&mut self) -> NodeId {
        let start = self.start();
        self.bump();
        let name = self.ident("the name of a function");
        let params = if self.expect(TokenKind::Open(Bracket::Round), "(") {
            let params = self.def_params();
            // The bracket behind the parameters; the params themselves took every other token.
            if self.at_close(Bracket::Round) {
                self.bump();
            }
            params
        } else {
            Vec::new()
        };
        let returns = self.eat(TokenKind::Arrow).then(|| self.expression());
        let body = self.block("def", Place { in_def: true, in_for: false, top_level: false });
        let doc = self.docstring(body);
        self.node(start, NodeKind::Def { name, params, returns, body, doc })
    }

    /// The string that is the first statement of a block.
    fn docstring(&self, block: NodeId) -> Option<NodeId> {
        let NodeKind::Block { body } = self.node_kind(block) else { return None };
        let NodeKind::ExprStatement { value } = self.node_kind(*body.first()?) else { return None };
        matches!(self.node_kind(*value), NodeKind::String(_)).then_some(*value)
    }

    fn if_statement(&mut self) -> NodeId {
        let start = self.start();
        let mut branches = vec![self.branch()];
        while self.is_keyword(Keyword::Elif) {
            branches.push(self.branch());
        }
        if self.is_keyword(Keyword::Else) {
            branches.push(self.branch());
        }
        self.node(start, NodeKind::If { branches })
    }

    /// One of `if`, `elif` and `else` with its block.
    fn branch(&mut self) -> NodeId {
        let start = self.start();
        let header = self.token_text().to_owned();
        let is_else = self.is_keyword(Keyword::Else);
        self.bump();
        if is_else && self.is_keyword(Keyword::If) {
            let span = self.span_of(start, self.token().end);
            let finding = Diagnostic::new(Code::Syntax, span, "'else if' is spelt 'elif'");
            self.report(finding.fix("Write elif", span, "elif"));
            self.bump();
            let condition = Some(self.expression());
            let body = self.block("elif", self.place);
            return self.node(start, NodeKind::Branch { condition, body });
        }
        let condition = (!is_else).then(|| self.condition());
        let body = self.block(&header, self.place);
        self.node(start, NodeKind::Branch { condition, body })
    }

    /// The condition of a header; `=` in it is meant as `==`.
    pub(super) fn condition(&mut self) -> NodeId {
        let start = self.start();
        let condition = self.expression();
        if self.kind() != TokenKind::Assign {
            return condition;
        }
        let span = self.token_span();
        let finding = Diagnostic::new(Code::Syntax, span, "'=' assigns and does not compare");
        self.report(finding.fix("Write ==", span, "=="));
        self.bump();
        let value = self.expression();
        self.node(start, NodeKind::Error { parts: vec![condition, value] })
    }

    fn for_statement(&mut self) -> NodeId {
        let start = self.start();
        self.bump();
        let target = self.for_target();
        let iterable = if self.eat_keyword(Keyword::In) {
            self.expression()
        } else {
            self.missing("'in' and what to loop over")
        };
        let body = self.block("for", Place { in_for: true, ..self.place });
        self.node(start, NodeKind::For { target, iterable, body })
    }

    /// An `elif` or `else` that follows no `if`.
    fn orphan_branch(&mut self) -> NodeId {
        let message = format!("'{}' follows no if", self.token_text());
        self.error(message);
        let start = self.start();
        let branch = self.branch();
        self.node(start, NodeKind::Error { parts: vec![branch] })
    }
}
