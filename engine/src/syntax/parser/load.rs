//! `load("file.star", "name", local = "name")`.

use super::Parser;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::lexer::{Bracket, TokenKind};
use crate::syntax::node::{Ident, NodeKind};
use crate::syntax::tree::NodeId;

impl Parser<'_> {
    pub(super) fn load(&mut self) -> NodeId {
        let start = self.start();
        if !self.place.top_level {
            self.error("'load' is only allowed at the top of a file, outside any block");
        }
        self.bump();
        if !self.expect(TokenKind::Open(Bracket::Round), "(") {
            let path = self.hole();
            let rest = self.skip_until(|kind| kind == TokenKind::Semicolon);
            return self.node(start, NodeKind::Load { path, names: vec![rest] });
        }
        let path = self.load_path();
        if self.kind() == TokenKind::Comma {
            self.bump();
        }
        let mut names = self.items(Bracket::Round, "name to load", Parser::load_name, Vec::new());
        if names.is_empty() {
            let span = self.node_span(path);
            let finding = Diagnostic::new(Code::Syntax, span, "load names nothing of the file");
            if self.is_news() {
                self.diagnostics.push(finding.help("write load(\"file.star\", \"name\")"));
            }
        }
        if !self.at_close(Bracket::Round) {
            names.push(self.skip_until(|_| false));
        }
        if self.at_close(Bracket::Round) {
            self.bump();
        }
        self.node(start, NodeKind::Load { path, names })
    }

    fn load_path(&mut self) -> NodeId {
        match self.kind() {
            TokenKind::String | TokenKind::UnclosedString => {
                let path = self.string();
                let separated = self.kind() == TokenKind::Comma || self.at_close(Bracket::Round);
                if !separated {
                    self.error(format!("expected ',' behind the path, found {}", self.found()));
                }
                path
            }
            _ => {
                self.error(format!("expected the path of a file as a string, found {}", self.found()));
                if self.kind() == TokenKind::Comma || self.at_close(Bracket::Round) {
                    return self.hole();
                }
                self.skip_until(|kind| kind == TokenKind::Comma)
            }
        }
    }

    /// `"name"` or `local = "name"`.
    fn load_name(&mut self) -> NodeId {
        let start = self.start();
        let local = if self.kind() == TokenKind::Name { Some(self.ident("a name")) } else { None };
        if let Some(local) = local
            && !self.eat(TokenKind::Assign)
        {
            let name = self.text[local.span.start as usize..local.span.end as usize].to_owned();
            let finding = Diagnostic::new(Code::Syntax, local.span, "a name to load is a string");
            self.report_parsed(finding.fix(format!("Write \"{name}\""), local.span, format!("\"{name}\"")));
            let original = self.hole();
            return self.node(start, NodeKind::LoadName { local, original });
        }
        let original = match self.kind() {
            TokenKind::String | TokenKind::UnclosedString => self.string(),
            _ => self.missing("a name as a string"),
        };
        let local = local.unwrap_or_else(|| match self.node_kind(original) {
            NodeKind::String(literal) => Ident { span: literal.content },
            _ => Ident { span: self.behind() },
        });
        self.node(start, NodeKind::LoadName { local, original })
    }
}
