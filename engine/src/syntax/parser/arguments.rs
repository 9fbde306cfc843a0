//! Calls and their arguments.

use super::Parser;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::lexer::{Bracket, Keyword, Operator, TokenKind};
use crate::syntax::node::{ArgumentKind, Ident, NodeKind};
use crate::syntax::tree::NodeId;
use std::collections::HashMap;

impl<'t> Parser<'t> {
    pub(super) fn call(&mut self, start: u32, callee: NodeId) -> NodeId {
        let open = self.start();
        self.bump();
        let args = self.items(Bracket::Round, "argument", Parser::argument, Vec::new());
        let mut kind = self.close(Bracket::Round, NodeKind::Call { callee, args, open, close: None });
        let closed = self.tokens[self.at.saturating_sub(1)].kind == TokenKind::Close(Bracket::Round);
        if let NodeKind::Call { close, .. } = &mut kind {
            *close = closed.then(|| self.prev_end - 1);
        }
        if let NodeKind::Call { args, .. } = &kind {
            self.check_argument_order(args);
        }
        self.node(start, kind)
    }

    fn argument(&mut self) -> NodeId {
        let start = self.start();
        let kind = match self.kind() {
            TokenKind::Operator(Operator::Star) => ArgumentKind::Args,
            TokenKind::Operator(Operator::StarStar) => ArgumentKind::Kwargs,
            TokenKind::Name | TokenKind::Keyword(_) | TokenKind::Reserved
                if self.kind_ahead(1) == TokenKind::Assign =>
            {
                ArgumentKind::Keyword(self.ident("the name of an argument"))
            }
            _ => ArgumentKind::Positional,
        };
        if kind != ArgumentKind::Positional {
            self.bump();
        }
        let value = match kind {
            ArgumentKind::Keyword(_) => self.keyword_value(),
            _ => self.expression(),
        };
        if self.is_keyword(Keyword::For) {
            return self.generator_argument(start, value);
        }
        self.node(start, NodeKind::Argument { kind, value })
    }

    /// The value behind `name =`. A `name =` on the next line is the next argument and not the value.
    fn keyword_value(&mut self) -> NodeId {
        let next_argument =
            self.kind() == TokenKind::Name && self.kind_ahead(1) == TokenKind::Assign && self.on_new_line();
        if next_argument {
            return self.missing("a value");
        }
        if self.kind() == TokenKind::Comma || self.at_close(Bracket::Round) {
            // The bracket that is never closed is reported, the value that is missing as well.
            let span = self.behind();
            let news = Diagnostic::new(Code::Syntax, span, "expected a value behind '='");
            self.report_parsed(news);
            self.last_error_at = self.at;
            return self.hole();
        }
        self.expression()
    }

    /// `f(x for x in y)`, which Starlark does not have.
    fn generator_argument(&mut self, start: u32, value: NodeId) -> NodeId {
        let finding =
            Diagnostic::new(Code::Syntax, self.token_span(), "Starlark has no generator expressions");
        self.report(finding.help("make a list: [... for ... in ...]"));
        let rest = self.skip_until(|kind| kind == TokenKind::Comma);
        self.node(start, NodeKind::Error { parts: vec![value, rest] })
    }

    /// Positional arguments come first, then keywords, then one `*list`, then one `**dict`; no keyword twice.
    fn check_argument_order(&mut self, args: &[NodeId]) {
        if args.len() < 2 {
            return;
        }
        let mut seen: HashMap<&str, Ident> = HashMap::new();
        let mut stage = 0;
        for &arg in args {
            let NodeKind::Argument { kind, .. } = *self.node_kind(arg) else { continue };
            let span = self.node_span(arg);
            let (rank, message) = match kind {
                ArgumentKind::Positional => (0, "a positional argument must stand before keyword arguments"),
                ArgumentKind::Keyword(name) => {
                    self.check_repeated_keyword(&mut seen, name);
                    (1, "a keyword argument must stand before *list and **dict")
                }
                ArgumentKind::Args => (2, "'*' must stand once, before **dict"),
                ArgumentKind::Kwargs => (3, "'**' must stand once"),
            };
            let once = rank >= 2;
            if rank < stage || once && rank == stage {
                self.report_parsed(Diagnostic::new(Code::Syntax, span, message));
            }
            stage = stage.max(rank);
        }
    }

    fn check_repeated_keyword(&mut self, seen: &mut HashMap<&'t str, Ident>, name: Ident) {
        let text = self.text;
        let word = &text[name.span.start as usize..name.span.end as usize];
        if let Some(first) = seen.insert(word, name) {
            let message = format!("the argument '{word}' is given twice");
            let finding = Diagnostic::new(Code::Syntax, name.span, message);
            self.report_parsed(finding.also(first.span, "first given here"));
        }
    }
}
