//! Statements of Python that Starlark does not have: said in one sentence, with what to write instead, and read as
//! far as they can be, so that the names in them stay known.

use super::{Parser, Place};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::lexer::TokenKind;
use crate::syntax::node::NodeKind;
use crate::syntax::tree::NodeId;

/// What is wrong with a statement that starts with `word`, and what to do instead.
fn advice(word: &str) -> (String, &'static str) {
    let no = |what: &str| format!("Starlark has no {what}");
    match word {
        "while" => {
            (no("while loop"), "loop over a bounded range: for i in range(100): ... and leave it with break")
        }
        "import" | "from" => (no("import"), "write load(\"file.star\", \"name\")"),
        "class" => (no("classes"), "use a dict, or a def that returns one"),
        "try" | "except" | "finally" => {
            (no("exceptions"), "steps report failure in their response: look at r.ok, r.status and r.error")
        }
        "raise" => (no("exceptions"), "write fail(\"message\")"),
        "with" => (no("with statement"), "hand over a function: fault(target, rule, run = lambda: ...)"),
        "assert" => (no("assert statement"), "call assert_true(condition, \"message\") or assert_eq(a, b)"),
        "del" => (no("del statement"), "use d.pop(key) for dicts and lists"),
        "global" | "nonlocal" => (no("global variables that functions change"), "return the value instead"),
        "async" | "await" | "yield" => {
            (no(&format!("'{word}'")), "call the function directly and return its value")
        }
        _ => reserved(word),
    }
}

fn reserved(word: &str) -> (String, &'static str) {
    (format!("'{word}' is a reserved word and cannot be used"), "choose another name")
}

/// Words that mean nothing inside an expression, in Python either.
fn begins_statement(word: &str) -> bool {
    !matches!(word, "await" | "yield" | "async")
}

fn is_end(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Newline | TokenKind::Dedent | TokenKind::End | TokenKind::Semicolon)
}

/// Words that start a header with a block.
fn opens_block(word: &str) -> bool {
    matches!(word, "while" | "class" | "try" | "except" | "finally" | "with" | "async")
}

impl Parser<'_> {
    /// A statement that starts with a reserved word.
    pub(super) fn unsupported(&mut self) -> NodeId {
        let start = self.start();
        let word = self.token_text().to_owned();
        // Alone it is no statement yet, and may become a longer word.
        let is_alone = word == "del" && is_end(self.kind_ahead(1));
        self.report_reserved(&word, is_alone);
        self.bump();
        let mut parts = Vec::new();
        if !opens_block(&word) {
            parts.push(self.skip_until(|_| false));
            self.quiet += 1;
            self.end_of_line(&mut parts);
            self.quiet -= 1;
            return self.node(start, NodeKind::Error { parts });
        }
        let colon = |kind| kind == TokenKind::Colon;
        parts.push(self.skip_until(colon));
        let in_for = self.place.in_for || word == "while";
        parts.push(self.block(&word, Place { in_for, ..self.place }));
        self.node(start, NodeKind::Error { parts })
    }

    /// A reserved word where a value should be.
    pub(super) fn reserved_as_value(&mut self) -> NodeId {
        let start = self.start();
        let word = self.token_text().to_owned();
        self.report_reserved(&word, begins_statement(&word));
        self.bump();
        self.node(start, NodeKind::Error { parts: Vec::new() })
    }

    /// `is_misplaced` where the word cannot be the statement it begins.
    fn report_reserved(&mut self, word: &str, is_misplaced: bool) {
        let (message, help) = if is_misplaced { reserved(word) } else { advice(word) };
        let finding = Diagnostic::new(Code::Syntax, self.token_span(), message);
        self.report(finding.help(help));
    }
}
