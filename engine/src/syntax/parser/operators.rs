//! Operators, by a stack of pending ones instead of recursion.

use super::Parser;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::lexer::{Keyword, Operator, TokenKind};
use crate::syntax::node::NodeKind;
use crate::syntax::tree::NodeId;

/// How tightly `not x` binds: looser than a comparison.
const NOT: u8 = 3;
const COMPARISON: u8 = 4;
/// How tightly `+x`, `-x` and `~x` bind.
const SIGN: u8 = 11;

/// An operator that waits for its right operand; `left` is `None` for a prefix operator.
struct Pending {
    operator: Operator,
    binding: u8,
    left: Option<NodeId>,
    start: u32,
}

/// How tightly a binary operator binds; the language reference lists them.
fn binding(operator: Operator) -> Option<u8> {
    Some(match operator {
        Operator::Or => 1,
        Operator::And => 2,
        operator if operator.is_comparison() => COMPARISON,
        Operator::Pipe => 5,
        Operator::Caret => 6,
        Operator::Ampersand => 7,
        Operator::ShiftLeft | Operator::ShiftRight => 8,
        Operator::Plus | Operator::Minus => 9,
        Operator::Star | Operator::Slash | Operator::SlashSlash | Operator::Percent => 10,
        _ => return None,
    })
}

impl Parser<'_> {
    /// An expression without `if ... else` and `lambda` at its top.
    pub(super) fn operators(&mut self) -> NodeId {
        self.operators_from(0)
    }

    /// The target of a `for`: no comparison, so that `in` is left alone.
    pub(super) fn arithmetic(&mut self) -> NodeId {
        self.operators_from(COMPARISON + 1)
    }

    fn operators_from(&mut self, loosest: u8) -> NodeId {
        let mut pending: Vec<Pending> = Vec::new();
        loop {
            self.prefixes(&mut pending, loosest);
            let mut operand = self.primary();
            let Some((operator, binding)) = self.infix().filter(|&(_, binding)| binding >= loosest) else {
                while let Some(top) = pending.pop() {
                    operand = self.reduce(top, operand);
                }
                return operand;
            };
            while pending.last().is_some_and(|top| top.binding >= binding) {
                let Some(top) = pending.pop() else { break };
                self.check_chain(&top, operator);
                operand = self.reduce(top, operand);
            }
            self.bump();
            if operator == Operator::NotIn {
                self.bump();
            }
            let start = self.node_span(operand).start;
            pending.push(Pending { operator, binding, left: Some(operand), start });
        }
    }

    /// Collects `not`, `+`, `-` and `~` in front of an operand.
    fn prefixes(&mut self, pending: &mut Vec<Pending>, loosest: u8) {
        loop {
            let (operator, binding) = match self.kind() {
                TokenKind::Keyword(Keyword::Not) => (Operator::Not, NOT),
                TokenKind::Operator(operator @ (Operator::Plus | Operator::Minus | Operator::Tilde)) => {
                    (operator, SIGN)
                }
                _ => return,
            };
            let misplaced = loosest > NOT || pending.last().is_some_and(|top| top.binding > NOT);
            if operator == Operator::Not && misplaced {
                self.error("'not' must stand in brackets here: (not ...)");
            }
            let start = self.start();
            self.bump();
            pending.push(Pending { operator, binding, left: None, start });
        }
    }

    /// The binary operator at the current token and how tightly it binds.
    fn infix(&mut self) -> Option<(Operator, u8)> {
        let operator = match self.kind() {
            TokenKind::Operator(Operator::StarStar) => {
                let finding =
                    Diagnostic::new(Code::Syntax, self.token_span(), "Starlark has no '**' operator");
                self.report(finding);
                return Some((Operator::StarStar, SIGN));
            }
            TokenKind::Operator(operator) => operator,
            TokenKind::Keyword(Keyword::And) => Operator::And,
            TokenKind::Keyword(Keyword::Or) => Operator::Or,
            TokenKind::Keyword(Keyword::In) => Operator::In,
            TokenKind::Keyword(Keyword::Not) if self.kind_ahead(1) == TokenKind::Keyword(Keyword::In) => {
                Operator::NotIn
            }
            TokenKind::Reserved if self.token_text() == "is" => return self.identity_operator(),
            _ => return None,
        };
        binding(operator).map(|binding| (operator, binding))
    }

    /// `is` and `is not`, taken for `==` and `!=` after the report.
    fn identity_operator(&mut self) -> Option<(Operator, u8)> {
        let negated = self.kind_ahead(1) == TokenKind::Keyword(Keyword::Not);
        let right = if negated { "!=" } else { "==" };
        let end = self.tokens[self.at + usize::from(negated)].end;
        let span = self.span_of(self.start(), end);
        let finding = Diagnostic::new(Code::Syntax, span, "Starlark has no 'is'");
        self.report(finding.help(format!("compare with {right}")).fix(format!("Use {right}"), span, right));
        if negated {
            self.bump();
            return Some((Operator::NotEqual, COMPARISON));
        }
        Some((Operator::Equal, COMPARISON))
    }

    /// Comparisons do not chain: `a < b < c` must be `a < b and b < c`.
    fn check_chain(&mut self, before: &Pending, operator: Operator) {
        if before.left.is_some() && before.operator.is_comparison() && operator.is_comparison() {
            let message = format!("comparisons do not chain: '{}' follows a comparison", operator.text());
            let finding = Diagnostic::new(Code::Syntax, self.token_span(), message);
            self.report(finding.help("write a < b and b < c"));
        }
    }

    fn reduce(&mut self, pending: Pending, right: NodeId) -> NodeId {
        let Pending { operator, left, start, .. } = pending;
        let kind = match left {
            None => NodeKind::Unary { operator, operand: right },
            Some(left) if operator.is_comparison() => NodeKind::Compare { operator, left, right },
            Some(left) => NodeKind::Binary { operator, left, right },
        };
        self.node(start, kind)
    }
}
