//! Cuts the text into tokens, line by line, without regard to lines, blocks or brackets.

use super::symbols::SYMBOLS;
use super::token::RESERVED_WORDS;
use super::{Keyword, Token, TokenKind};
use crate::diagnostic::{Code, Diagnostic, Edit, Fix};
use crate::syntax::MAX_FINDINGS;
use crate::text::{FileId, Span};

/// Cuts `text` into tokens without layout.
pub(super) fn scan(file: FileId, text: &str) -> (Vec<Token>, Vec<Diagnostic>) {
    let mut scanner = Scanner {
        file,
        text,
        bytes: text.as_bytes(),
        at: 0,
        diagnostics: Vec::new(),
        tabs: Vec::new(),
        no_end: [false; 2],
    };
    let mut tokens = Vec::with_capacity(text.len() / 3 + 8);
    while scanner.at < scanner.bytes.len() {
        let start = scanner.at as u32;
        let kind = scanner.next();
        tokens.push(Token { kind, start, end: scanner.at as u32 });
    }
    scanner.report_tabs();
    (tokens, scanner.diagnostics)
}

struct Scanner<'t> {
    file: FileId,
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    diagnostics: Vec<Diagnostic>,
    tabs: Vec<Span>,
    /// Whether a triple-quoted string of `"` or `'` was met that nothing closes: no later one needs a search.
    no_end: [bool; 2],
}

impl Scanner<'_> {
    /// Moves behind the token at `self.at` and says what it is.
    fn next(&mut self) -> TokenKind {
        match self.bytes[self.at] {
            b' ' | b'\t' => self.space(),
            b'\n' | b'\r' => self.line_break(),
            b'#' => {
                self.skip_while(|byte| byte != b'\n' && byte != b'\r');
                TokenKind::Comment
            }
            b'\\' => self.backslash(),
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_ascii_digit() => self.number(),
            b'"' | b'\'' => self.string(0),
            byte if byte.is_ascii_alphabetic() || byte == b'_' => self.word(),
            byte if byte.is_ascii() => self.symbol(),
            _ => self.foreign(),
        }
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn skip_while(&mut self, keep: impl Fn(u8) -> bool) {
        while self.bytes.get(self.at).is_some_and(|&byte| keep(byte)) {
            self.at += 1;
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start as u32, end as u32)
    }

    fn report(&mut self, finding: Diagnostic) {
        if self.diagnostics.len() < MAX_FINDINGS {
            self.diagnostics.push(finding);
        }
    }

    fn space(&mut self) -> TokenKind {
        let start = self.at;
        self.skip_while(|byte| byte == b' ' || byte == b'\t');
        if self.bytes[start..self.at].contains(&b'\t') {
            self.tabs.push(self.span(start, self.at));
        }
        TokenKind::Space
    }

    /// Reports all tabs of the file as one finding: a file has either none or hundreds.
    fn report_tabs(&mut self) {
        let Some(&first) = self.tabs.first() else { return };
        let spaces = |span: &Span| {
            let text = self.text[span.start as usize..span.end as usize].replace('\t', "    ");
            Edit { span: *span, text }
        };
        let edits = self.tabs.iter().map(spaces).collect();
        let mut finding = Diagnostic::new(Code::Syntax, first, "tabs are not allowed")
            .help("indent and separate with blanks");
        if self.tabs.len() > 1 {
            finding = finding.note(format!("{} places of this file hold tabs", self.tabs.len()));
        }
        finding.fixes.push(Fix { title: "Replace every tab by 4 blanks".to_owned(), edits });
        self.report(finding);
    }

    fn line_break(&mut self) -> TokenKind {
        let start = self.at;
        if self.peek(0) == b'\r' && self.peek(1) == b'\n' {
            self.at += 1;
        } else if self.peek(0) == b'\r' {
            let span = self.span(start, start + 1);
            self.report(Diagnostic::new(
                Code::Syntax,
                span,
                "a carriage return without a line feed ends this line",
            ));
        }
        self.at += 1;
        TokenKind::LineBreak
    }

    fn backslash(&mut self) -> TokenKind {
        let length = match (self.peek(1), self.peek(2)) {
            (b'\n', _) => 2,
            (b'\r', b'\n') => 3,
            _ => return self.unknown(1, "a backslash is only allowed at the end of a line or in a string"),
        };
        self.at += length;
        TokenKind::Continuation
    }

    /// Reports the next `length` bytes and takes them as one token.
    fn unknown(&mut self, length: usize, message: &str) -> TokenKind {
        let span = self.span(self.at, self.at + length);
        self.at += length;
        self.report(Diagnostic::new(Code::Syntax, span, message));
        TokenKind::Unknown
    }

    // === Words and numbers ===

    fn word(&mut self) -> TokenKind {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let word = &self.text[start..self.at];
        let quote_follows = matches!(self.peek(0), b'"' | b'\'');
        if quote_follows && matches!(word, "r" | "b" | "f" | "br" | "rb" | "fr") {
            let prefix = self.at - start;
            self.at = start;
            return self.string(prefix);
        }
        if self.peek(0) >= 0x80 && self.foreign_letter().is_some() {
            return self.foreign_name(start);
        }
        match Keyword::from_word(word) {
            Some(keyword) => TokenKind::Keyword(keyword),
            None if RESERVED_WORDS.contains(&word) => TokenKind::Reserved,
            None => TokenKind::Name,
        }
    }

    fn number(&mut self) -> TokenKind {
        let start = self.at;
        let kind = match (self.peek(0), self.peek(1) | 0x20) {
            (b'0', b'x') if self.peek(2).is_ascii_hexdigit() => self.digits(2, |b| b.is_ascii_hexdigit()),
            (b'0', b'o') if matches!(self.peek(2), b'0'..=b'7') => {
                self.digits(2, |b| matches!(b, b'0'..=b'7'))
            }
            (b'0', b'b') if matches!(self.peek(2), b'0' | b'1') => {
                self.digits(2, |b| matches!(b, b'0' | b'1'))
            }
            _ => self.decimal(),
        };
        let digits = &self.text[start..self.at];
        let leading_zero =
            digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
        if leading_zero {
            let help = match digits.trim_start_matches('0') {
                "" => "write 0".to_owned(),
                rest => format!("write {rest}, or 0o{rest} for an octal number"),
            };
            let span = self.span(start, self.at);
            self.report(Diagnostic::new(Code::Syntax, span, "a number must not start with 0").help(help));
        }
        if self.peek(0).is_ascii_alphabetic() || self.peek(0) == b'_' {
            self.number_suffix(start);
        }
        kind
    }

    fn digits(&mut self, prefix: usize, keep: impl Fn(u8) -> bool) -> TokenKind {
        self.at += prefix;
        self.skip_while(keep);
        TokenKind::Int
    }

    fn decimal(&mut self) -> TokenKind {
        self.skip_while(|byte| byte.is_ascii_digit());
        let mut kind = TokenKind::Int;
        if self.peek(0) == b'.' {
            self.at += 1;
            self.skip_while(|byte| byte.is_ascii_digit());
            kind = TokenKind::Float;
        }
        let sign = usize::from(matches!(self.peek(1), b'+' | b'-'));
        if matches!(self.peek(0), b'e' | b'E') && self.peek(1 + sign).is_ascii_digit() {
            self.at += 1 + sign;
            self.skip_while(|byte| byte.is_ascii_digit());
            kind = TokenKind::Float;
        }
        kind
    }

    /// Letters directly behind a number: a keyword such as in `1if x else 2` is legal, all else is a slip.
    fn number_suffix(&mut self, start: usize) {
        let number_end = self.at;
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let suffix = &self.text[number_end..self.at];
        if Keyword::from_word(suffix).is_some() {
            self.at = number_end;
            return;
        }
        let word = &self.text[start..self.at];
        let message = format!("'{word}' is not a number");
        let mut finding = Diagnostic::new(Code::Syntax, self.span(start, self.at), message);
        if matches!(suffix, "ns" | "us" | "ms" | "s" | "m" | "h") {
            let text = format!("\"{word}\"");
            finding = finding.help(format!("a duration is a string: {text}"));
            finding = finding.fix(format!("Write {text}"), self.span(start, self.at), text);
        }
        self.report(finding);
    }

    // === Strings ===

    /// A string whose quote stands `prefix` bytes ahead.
    fn string(&mut self, prefix: usize) -> TokenKind {
        let start = self.at;
        let quote = self.peek(prefix);
        let triple = self.peek(prefix + 1) == quote && self.peek(prefix + 2) == quote;
        let from = start + prefix + if triple { 3 } else { 1 };
        let end = if triple { self.triple_end(from, quote) } else { self.line_string_end(from, quote) };
        let (end, closed) = match end {
            Ok(end) => (end, true),
            Err(end) => (end, false),
        };
        self.at = end;
        if !closed {
            let quotes =
                if triple { String::from(quote as char).repeat(3) } else { String::from(quote as char) };
            let finding =
                Diagnostic::new(Code::UnclosedString, self.span(start, end), "the string is never closed")
                    .help(format!("close it with {quotes}"))
                    .fix(format!("Insert {quotes}"), self.span(end, end), quotes);
            self.report(finding);
            return TokenKind::UnclosedString;
        }
        let letters = &self.text[start..start + prefix];
        if letters.contains('f') {
            let finding = Diagnostic::new(Code::Syntax, self.span(start, end), "Starlark has no f-strings")
                .help("use \"... {}\".format(value) or \"... %s\" % value");
            self.report(finding);
        }
        if letters.contains('b') { TokenKind::Bytes } else { TokenKind::String }
    }

    /// The end of a string on one line, or `Err` with the end of that line.
    fn line_string_end(&self, from: usize, quote: u8) -> Result<usize, usize> {
        let mut at = from;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'\\' if self.bytes.get(at + 1) == Some(&b'\r') => at += 3,
                b'\\' => at += 2,
                b'\n' | b'\r' => return Err(at),
                _ if byte == quote => return Ok(at + 1),
                _ => at += 1,
            }
        }
        Err(self.bytes.len())
    }

    /// The end of a triple-quoted string, or `Err` with the end of its first line, so that the rest of the file
    /// is still read as code.
    fn triple_end(&mut self, from: usize, quote: u8) -> Result<usize, usize> {
        let no_end = &mut self.no_end[usize::from(quote == b'\'')];
        let mut line_end = None;
        let mut at = from;
        while let Some(&byte) = self.bytes.get(at) {
            if line_end.is_none() && matches!(byte, b'\n' | b'\r') {
                line_end = Some(at);
                if *no_end {
                    return Err(at);
                }
            }
            if byte == quote && self.bytes[at..].starts_with(&[quote; 3]) {
                return Ok(at + 3);
            }
            at += if byte == b'\\' { 2 } else { 1 };
        }
        *no_end = true;
        Err(line_end.unwrap_or(self.bytes.len()))
    }

    // === Symbols ===

    fn symbol(&mut self) -> TokenKind {
        let rest = &self.bytes[self.at..];
        let found = SYMBOLS.iter().find(|(text, _)| rest.starts_with(text.as_bytes()));
        if let Some(&(text, kind)) = found {
            self.at += text.len();
            return kind;
        }
        match self.peek(0) {
            b'@' => self.unknown(1, "Starlark has no decorators"),
            b'!' => self.unknown(1, "'!' is no operator: write 'not'"),
            b'?' => self.unknown(1, "Starlark has no '?' operator: write 'a if condition else b'"),
            byte if byte.is_ascii_control() => {
                self.unknown(1, &format!("control character 0x{byte:02x} is not allowed"))
            }
            byte => self.unknown(1, &format!("unexpected character '{}'", byte as char)),
        }
    }

    // === Beyond ASCII ===

    fn foreign_letter(&self) -> Option<char> {
        self.text[self.at..].chars().next().filter(|c| c.is_alphanumeric())
    }

    fn foreign(&mut self) -> TokenKind {
        if self.foreign_letter().is_some() {
            return self.foreign_name(self.at);
        }
        let start = self.at;
        let rest = &self.text[start..];
        let first = rest.chars().next().unwrap_or(' ');
        if start == 0 && first == '\u{feff}' {
            // Some editors write this mark and never show it; the evaluator does not see it either (`spec::gather`).
            self.at = first.len_utf8();
            return TokenKind::Space;
        }
        let length: usize =
            rest.chars().take_while(|c| !c.is_ascii() && !c.is_alphanumeric()).map(char::len_utf8).sum();
        self.at += length;
        let message = match first {
            '\u{201c}' | '\u{201d}' | '\u{2018}' | '\u{2019}' => {
                format!("'{first}' is a typographic quote: write \" or '")
            }
            c if c.is_whitespace() || c == '\u{200b}' || c == '\u{feff}' => {
                format!("the invisible character U+{:04X} is not allowed", u32::from(c))
            }
            c => format!("unexpected character '{c}'"),
        };
        self.report(Diagnostic::new(Code::Syntax, self.span(start, start + length), message));
        TokenKind::Unknown
    }

    /// A name with letters no name may have: reported, and taken as a name all the same.
    fn foreign_name(&mut self, start: usize) -> TokenKind {
        let rest = &self.text[self.at..];
        let more = rest.chars().take_while(|&c| c.is_alphanumeric() || c == '_').map(char::len_utf8);
        self.at += more.sum::<usize>();
        let message = format!(
            "the name '{}' may only use the letters a-z and A-Z, digits and _",
            &self.text[start..self.at]
        );
        self.report(Diagnostic::new(Code::Syntax, self.span(start, self.at), message));
        TokenKind::Name
    }
}
