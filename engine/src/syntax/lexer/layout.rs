//! Finds logical lines and blocks, and brackets that are never closed.
//!
//! In a file whose brackets balance, layout inside brackets means nothing, as the language says. In a file whose
//! brackets do not balance, indentation tells where a bracket was meant to end: a line inside brackets that stands
//! no deeper than the line of the opening bracket, or that starts with a word only a statement starts with, ends
//! them. So a broken line never takes the rest of the file with it.

use super::{Bracket, Keyword, Token, TokenKind};
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::MAX_FINDINGS;
use crate::text::{FileId, Span};

/// Adds layout tokens to the tokens of `scan` and balances brackets.
pub(super) fn layout(file: FileId, text: &str, raw: &[Token]) -> (Vec<Token>, Vec<Diagnostic>) {
    let mut layout = Layout {
        file,
        text,
        out: Vec::with_capacity(raw.len() + raw.len() / 8 + 4),
        diagnostics: Vec::new(),
        levels: vec![Level { width: 0, also: None }],
        open: Vec::new(),
        open_of_kind: [0; 3],
        line_start: 0,
        line_width: 0,
        in_line: false,
        in_header: false,
        behind_code: 0,
        recover: !balanced(text, raw),
    };
    for &token in raw {
        layout.take(token);
    }
    layout.finish(text.len() as u32);
    (layout.out, layout.diagnostics)
}

/// How many open brackets are looked at to find the one a line belongs to.
const MAX_SEARCH: usize = 256;

struct Layout<'t> {
    file: FileId,
    text: &'t str,
    out: Vec<Token>,
    diagnostics: Vec<Diagnostic>,
    levels: Vec<Level>,
    open: Vec<Opener>,
    open_of_kind: [u32; 3],
    /// Offset at which the current line of text starts, and how far its first token is indented.
    line_start: u32,
    line_width: u32,
    /// Whether the current line of text has a token that is not trivia.
    in_line: bool,
    /// Whether the current statement is the header of a block.
    in_header: bool,
    /// Length of `out` behind the last token that is neither trivia nor layout.
    behind_code: usize,
    recover: bool,
}

/// One level of indentation, and a second width that is taken for it once it has been reported.
struct Level {
    width: u32,
    also: Option<u32>,
}

struct Opener {
    bracket: Bracket,
    start: u32,
    /// Indentation of the line the bracket stands on.
    line_width: u32,
    /// True when another finding explains already why the bracket is not closed.
    excused: bool,
}

/// True when every bracket is closed by its partner and no line inside brackets starts like a statement.
fn balanced(text: &str, raw: &[Token]) -> bool {
    let mut open = Vec::new();
    let mut line_start = true;
    for token in raw {
        match token.kind {
            TokenKind::LineBreak => {}
            kind if kind.is_trivia() => continue,
            TokenKind::Open(bracket) => open.push(bracket),
            TokenKind::Close(bracket) if open.pop() != Some(bracket) => return false,
            _ if line_start && !open.is_empty() && starts_only_statements(text, token) => return false,
            _ => {}
        }
        line_start = token.kind == TokenKind::LineBreak;
    }
    open.is_empty()
}

/// True for words with which only a statement can start.
fn starts_only_statements(text: &str, token: &Token) -> bool {
    use Keyword::{Break, Continue, Def, Load, Pass, Return};
    match token.kind {
        TokenKind::Keyword(Def | Load | Return | Pass | Break | Continue) => true,
        TokenKind::Reserved => !matches!(
            &text[token.start as usize..token.end as usize],
            "as" | "is" | "await" | "yield" | "from"
        ),
        _ => false,
    }
}

/// True for tokens with which a new statement or a new element of a list may start.
fn starts_element(kind: TokenKind) -> bool {
    kind.starts_expression() || matches!(kind, TokenKind::Keyword(Keyword::If | Keyword::For | Keyword::Elif))
}

impl Layout<'_> {
    fn take(&mut self, token: Token) {
        match token.kind {
            TokenKind::LineBreak => self.line_break(token),
            // A backslash that starts a line decides how far the line is indented.
            TokenKind::Continuation if !self.in_line => {
                self.in_line = true;
                self.begin_line(token);
                self.out.push(token);
            }
            kind if kind.is_trivia() => self.out.push(token),
            _ => {
                if !self.in_line {
                    self.in_line = true;
                    self.begin_line(token);
                }
                self.code(token);
            }
        }
    }

    fn line_break(&mut self, token: Token) {
        let ends_statement = self.in_line && self.open.is_empty();
        let kind = if ends_statement { TokenKind::Newline } else { TokenKind::LineBreak };
        self.out.push(Token { kind, ..token });
        self.in_line = false;
        self.line_start = token.end;
    }

    fn code(&mut self, mut token: Token) {
        match token.kind {
            TokenKind::Open(bracket) => {
                let line_width = self.line_width;
                self.open.push(Opener { bracket, start: token.start, line_width, excused: false });
                self.open_of_kind[bracket as usize] += 1;
            }
            TokenKind::Close(bracket) => token.kind = self.close(token, bracket),
            TokenKind::UnclosedString => self.excuse_for_string(token),
            _ => {}
        }
        self.out.push(token);
        self.behind_code = self.out.len();
    }

    /// What the first token of a line does to blocks and, in a broken file, to open brackets.
    fn begin_line(&mut self, token: Token) {
        let indent = &self.text[self.line_start as usize..token.start as usize];
        let width = indent.bytes().map(|byte| if byte == b'\t' { 8 } else { u32::from(byte == b' ') }).sum();
        self.line_width = width;
        if self.recover && !self.open.is_empty() {
            let keep = self.openers_to_keep(token, width);
            self.give_up(keep);
        }
        if self.open.is_empty() {
            self.indentation(width, token.start);
            self.in_header = matches!(
                token.kind,
                TokenKind::Keyword(Keyword::Def | Keyword::If | Keyword::Elif | Keyword::For)
                    | TokenKind::Reserved
            );
        }
    }

    // === Blocks ===

    fn indentation(&mut self, width: u32, at: u32) {
        let accepts = |level: &Level| level.width == width || level.also == Some(width);
        while self.levels.len() > 1 {
            let inner = &self.levels[self.levels.len() - 1];
            let outer = &self.levels[self.levels.len() - 2];
            if accepts(inner) || inner.width < width {
                break;
            }
            let between = !accepts(outer) && outer.width < width;
            if between && inner.width - width < width - outer.width {
                return self.adopt(width, at);
            }
            self.levels.pop();
            self.layout_token(TokenKind::Dedent, at);
            if between {
                return self.adopt(width, at);
            }
        }
        let innermost = &self.levels[self.levels.len() - 1];
        if !accepts(innermost) {
            self.levels.push(Level { width, also: None });
            self.layout_token(TokenKind::Indent, at);
        }
    }

    /// Takes `width` for the innermost level from now on, and reports it this once.
    fn adopt(&mut self, width: u32, at: u32) {
        let Some(level) = self.levels.last_mut() else { return };
        level.also = Some(width);
        let expected = level.width;
        let span = Span::new(self.file, self.line_start.min(at), at);
        let message = format!("this line is indented by {width}, which fits no block around it");
        self.report(
            Diagnostic::new(Code::Syntax, span, message)
                .help(format!("the nearest block is indented by {expected}"))
                .fix(format!("Indent by {expected}"), span, " ".repeat(expected as usize)),
        );
    }

    fn layout_token(&mut self, kind: TokenKind, at: u32) {
        self.out.push(Token { kind, start: at, end: at });
    }

    // === Brackets ===

    /// The kind of a closing bracket, once brackets inside it that were never closed are dealt with.
    fn close(&mut self, token: Token, bracket: Bracket) -> TokenKind {
        if self.open_of_kind[bracket as usize] == 0 {
            self.report_stray(token, bracket);
            return TokenKind::StrayClose;
        }
        let partner = self.open.iter().rposition(|opener| opener.bracket == bracket).unwrap_or(0);
        self.give_up(partner + 1);
        self.pop();
        TokenKind::Close(bracket)
    }

    fn report_stray(&mut self, token: Token, bracket: Bracket) {
        let span = Span::new(self.file, token.start, token.end);
        let finding =
            match self.open.last_mut() {
                Some(opener) => {
                    opener.excused = true;
                    let right = opener.bracket.close();
                    let opened = Span::new(self.file, opener.start, opener.start + 1);
                    let message = format!("'{}' does not close '{}'", bracket.close(), opener.bracket.open());
                    Diagnostic::new(Code::Syntax, span, message)
                        .also(opened, format!("closed by '{right}'"))
                        .fix(format!("Replace by '{right}'"), span, right)
                }
                None => {
                    let message = format!("'{}' closes nothing", bracket.close());
                    Diagnostic::new(Code::Syntax, span, message).fix("Remove it", span, "")
                }
            };
        self.report(finding);
    }

    /// A string that is never closed has swallowed the brackets at the end of its line.
    fn excuse_for_string(&mut self, token: Token) {
        let text = &self.text[token.start as usize..token.end as usize];
        let mut closers = text.bytes().rev().filter(|byte| matches!(byte, b')' | b']' | b'}'));
        for opener in self.open.iter_mut().rev() {
            if closers.next_back().is_none() {
                break;
            }
            opener.excused = true;
        }
    }

    fn pop(&mut self) -> Option<Opener> {
        let opener = self.open.pop()?;
        self.open_of_kind[opener.bracket as usize] -= 1;
        Some(opener)
    }

    /// How many of the open brackets are still open on a line that starts with `token`, indented by `width`.
    fn openers_to_keep(&self, token: Token, width: u32) -> usize {
        let all = self.open.len();
        if starts_only_statements(self.text, &token) {
            return 0;
        }
        if let TokenKind::Close(bracket) = token.kind {
            let above = self.last_opener(|opener| opener.line_width <= width);
            let partner = above.filter(|&at| self.open[at].bracket == bracket);
            return partner.map_or(all, |at| at + 1);
        }
        if !starts_element(token.kind) {
            return all;
        }
        match self.last_opener(|opener| opener.line_width < width) {
            Some(_) if matches!(token.kind, TokenKind::Keyword(Keyword::If | Keyword::For)) => all,
            Some(at) => at + 1,
            None => 0,
        }
    }

    /// The innermost open bracket that fits. The search is short so that no text can make it slow.
    fn last_opener(&self, fits: impl Fn(&Opener) -> bool) -> Option<usize> {
        let from = self.open.len().saturating_sub(MAX_SEARCH);
        self.open[from..].iter().rposition(fits).map(|at| from + at)
    }

    /// Reports all open brackets but the first `keep` as never closed, and closes them.
    fn give_up(&mut self, keep: usize) {
        if keep >= self.open.len() {
            return;
        }
        let into = self.place_to_close(keep);
        let at = self.out.get(into.wrapping_sub(1)).map_or(0, |token| token.end);
        let mut missing = Vec::with_capacity(self.open.len() - keep);
        while self.open.len() > keep {
            let Some(opener) = self.pop() else { break };
            let kind = TokenKind::MissingClose(opener.bracket);
            missing.push(Token { kind, start: at, end: at });
            if !opener.excused {
                self.report_unclosed(&opener, at);
            }
        }
        let count = missing.len();
        self.out.splice(into..into, missing);
        self.behind_code += count;
        if keep == 0 {
            self.end_line_early();
        }
    }

    /// Where in `out` missing brackets are closed: behind the last token, but before a comma that belongs to the
    /// brackets around them, and before the colon of a header.
    fn place_to_close(&self, keep: usize) -> usize {
        let last = self.behind_code.wrapping_sub(1);
        let belongs_outside = match self.out.get(last).map(|token| token.kind) {
            Some(TokenKind::Comma) => keep > 0,
            Some(TokenKind::Colon) => keep == 0 && self.in_header,
            _ => return self.behind_code,
        };
        if belongs_outside { last } else { self.behind_code }
    }

    /// Makes the first line break behind the last token, until now one inside brackets, the end of the statement.
    fn end_line_early(&mut self) {
        let tail = &mut self.out[self.behind_code..];
        if let Some(token) = tail.iter_mut().find(|token| token.kind == TokenKind::LineBreak) {
            token.kind = TokenKind::Newline;
        }
    }

    fn report_unclosed(&mut self, opener: &Opener, at: u32) {
        let span = Span::new(self.file, opener.start, opener.start + 1);
        let close = opener.bracket.close();
        let finding = Diagnostic::new(
            Code::UnclosedBracket,
            span,
            format!("'{}' is never closed", opener.bracket.open()),
        );
        let insert = Span::new(self.file, at, at);
        self.report(finding.fix(format!("Insert '{close}'"), insert, close));
    }

    fn report(&mut self, finding: Diagnostic) {
        if self.diagnostics.len() < MAX_FINDINGS {
            self.diagnostics.push(finding);
        }
    }

    // === End ===

    fn finish(&mut self, end: u32) {
        let unclosed = !self.open.is_empty();
        self.give_up(0);
        let ended = self.out[self.behind_code..].iter().any(|token| token.kind == TokenKind::Newline);
        if self.behind_code > 0 && (self.in_line || unclosed) && !ended {
            self.layout_token(TokenKind::Newline, end);
        }
        for _ in 1..self.levels.len() {
            self.layout_token(TokenKind::Dedent, end);
        }
        self.layout_token(TokenKind::End, end);
    }
}
