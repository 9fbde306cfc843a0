//! Statements with blocks: `def`, `if`, `for`, and how a block follows its header.

use super::{MAX_DEPTH, Parser, Place};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::lexer::{Bracket, Keyword, TokenKind};
use crate::syntax::node::NodeKind;
use crate::syntax::tree::NodeId;

impl Parser<'_> {
    /// `: ` and the statements of a block, on the same line or indented on the following ones.
    pub(super) fn block(&mut self, header: &str, place: Place) -> NodeId {
        let mut body = Vec::new();
        let start = self.prev_end;
        if !self.expect(TokenKind::Colon, ":") && !self.at_boundary() {
            body.push(self.skip_until(|kind| kind == TokenKind::Colon));
            self.eat(TokenKind::Colon);
        }
        let start = if body.is_empty() { self.prev_end } else { start };
        let outer = std::mem::replace(&mut self.place, Place { top_level: false, ..place });
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

    pub(super) fn def(&mut self) -> NodeId {
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
        let returns = self.eat(TokenKind::Arrow).then(|| self.type_expression());
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

    pub(super) fn if_statement(&mut self) -> NodeId {
        let start = self.start();
        let mut branches = vec![self.branch()];
        while self.is_keyword(Keyword::Elif) {
            self.check_gap_before_branch();
            branches.push(self.branch());
        }
        if self.is_keyword(Keyword::Else) {
            self.check_gap_before_branch();
            branches.push(self.branch());
        }
        self.node(start, NodeKind::If { branches })
    }

    /// The evaluator takes an empty line behind `if a: b` for the end of the whole `if`.
    fn check_gap_before_branch(&mut self) {
        let one_line = self.tokens[self.at - 1].kind == TokenKind::Newline;
        let gap = &self.text[self.prev_end as usize..self.start() as usize];
        let mut lines = gap.split_inclusive('\n').skip(1);
        let has_empty_line = lines.any(|line| line.ends_with('\n') && line.trim().is_empty());
        if one_line && has_empty_line {
            let message =
                format!("an empty line ends a one-line 'if', so this '{}' has none", self.token_text());
            let finding = Diagnostic::new(Code::Syntax, self.token_span(), message);
            self.report(finding.help("remove the empty line, or put the statements on lines of their own"));
        }
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

    pub(super) fn for_statement(&mut self) -> NodeId {
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
    pub(super) fn orphan_branch(&mut self) -> NodeId {
        let message = format!("'{}' follows no if", self.token_text());
        self.error(message);
        let start = self.start();
        let branch = self.branch();
        self.node(start, NodeKind::Error { parts: vec![branch] })
    }
}
