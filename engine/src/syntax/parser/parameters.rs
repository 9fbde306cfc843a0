//! Parameters of `def` and `lambda`.

use super::Parser;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::lexer::{Bracket, Operator, TokenKind};
use crate::syntax::node::{Ident, NodeKind, ParamKind};
use crate::syntax::tree::NodeId;
use std::collections::HashMap;

impl<'t> Parser<'t> {
    /// The parameters of a `def` up to its closing bracket, which is not consumed.
    pub(super) fn def_params(&mut self) -> Vec<NodeId> {
        let params = self.items(Bracket::Round, "parameter", |parser| parser.param(true), Vec::new());
        self.check_params(&params);
        params
    }

    /// The parameters of a `lambda` up to its colon, which is not consumed.
    pub(super) fn lambda_params(&mut self) -> Vec<NodeId> {
        let mut params = Vec::new();
        while self.kind() != TokenKind::Colon && !self.at_boundary() {
            let before = self.at;
            params.push(self.param(false));
            if self.at == before || !self.eat(TokenKind::Comma) {
                break;
            }
        }
        self.check_params(&params);
        params
    }

    fn param(&mut self, annotated: bool) -> NodeId {
        let start = self.start();
        let kind = match self.kind() {
            TokenKind::Operator(Operator::Star) if self.kind_ahead(1) == TokenKind::Name => ParamKind::Args,
            TokenKind::Operator(Operator::Star) => ParamKind::KeywordOnly,
            TokenKind::Operator(Operator::StarStar) => ParamKind::Kwargs,
            TokenKind::Operator(Operator::Slash) => {
                self.error("Starlark has no positional-only parameters");
                self.bump();
                return self.node(start, NodeKind::Error { parts: Vec::new() });
            }
            _ => ParamKind::Plain,
        };
        if kind != ParamKind::Plain {
            self.bump();
        }
        let name = match kind {
            ParamKind::KeywordOnly => Ident { span: self.behind() },
            _ => self.ident("the name of a parameter"),
        };
        let has_annotation = annotated && kind != ParamKind::KeywordOnly && self.eat(TokenKind::Colon);
        let annotation = has_annotation.then(|| self.type_expression());
        let has_default = kind == ParamKind::Plain && self.eat(TokenKind::Assign);
        let default = has_default.then(|| self.expression());
        self.node(start, NodeKind::Param { kind, name, annotation, default })
    }

    /// Plain parameters, then those with a default, then `*`, then keyword-only ones, then `**`; no name twice.
    fn check_params(&mut self, params: &[NodeId]) {
        let mut seen: HashMap<&str, Ident> = HashMap::new();
        let (mut star, mut kwargs, mut optional) = (false, false, false);
        for (at, &param) in params.iter().enumerate() {
            let NodeKind::Param { kind, name, default, .. } = *self.node_kind(param) else { continue };
            let message = match kind {
                _ if kwargs => Some("no parameter may follow **kwargs"),
                ParamKind::Args | ParamKind::KeywordOnly if star => Some("'*' may only stand once"),
                ParamKind::Plain if default.is_none() && optional && !star => {
                    Some("a parameter without default must stand before those with one")
                }
                ParamKind::KeywordOnly if !self.is_plain_param(params.get(at + 1)) => {
                    Some("'*' must be followed by the parameters that are given by keyword only")
                }
                ParamKind::Plain | ParamKind::Args | ParamKind::Kwargs | ParamKind::KeywordOnly => None,
            };
            if let Some(message) = message {
                let finding = Diagnostic::new(Code::Syntax, self.node_span(param), message);
                self.report_parsed(finding);
            }
            star |= matches!(kind, ParamKind::Args | ParamKind::KeywordOnly);
            kwargs |= kind == ParamKind::Kwargs;
            optional |= default.is_some();
            self.check_repeated_param(&mut seen, name);
        }
    }

    fn is_plain_param(&self, param: Option<&NodeId>) -> bool {
        let kind = param.map(|&id| self.node_kind(id));
        matches!(kind, Some(NodeKind::Param { kind: ParamKind::Plain, .. }))
    }

    fn check_repeated_param(&mut self, seen: &mut HashMap<&'t str, Ident>, name: Ident) {
        if name.span.is_empty() {
            return;
        }
        let text = self.text;
        let word = &text[name.span.start as usize..name.span.end as usize];
        if let Some(first) = seen.insert(word, name) {
            let message = format!("two parameters are called '{word}'");
            let finding = Diagnostic::new(Code::Syntax, name.span, message);
            self.report_parsed(finding.also(first.span, "the first one"));
        }
    }
}
