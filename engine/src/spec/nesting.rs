//! A look at the raw text before it is parsed: how deep it nests, and which bracket or string never ends.
//!
//! The parser recurses, and a stack overflow cannot be caught, so text that nests too deep must never reach it. The
//! parser also reports an unclosed bracket where it stumbles, often a line later; this finds the bracket itself.

use crate::diagnostic::{Code, Diagnostic};
use crate::text::{FileId, Span};

/// Brackets within brackets. No spec a person writes comes near it.
const MAX_BRACKETS: usize = 200;
/// Operators, attributes and calls in one expression, brackets around it included: each may be a level of the tree.
const MAX_CHAIN: usize = 4000;
/// Blocks within blocks.
const MAX_INDENTS: usize = 100;
/// `elif` after `elif`: each is a level of the tree.
const MAX_ELIFS: usize = 500;

/// What the text alone shows.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The text must not be parsed.
    pub too_deep: Option<Diagnostic>,
    /// Explains a parse error better than the parser.
    pub unclosed: Option<Diagnostic>,
}

/// Scans the text in one pass.
pub(super) fn scan(file: FileId, text: &str) -> Shape {
    let mut scanner = Scanner {
        file,
        text: text.as_bytes(),
        at: 0,
        open: Vec::new(),
        chain: 0,
        indents: vec![0],
        elifs: 0,
        shape: Shape::default(),
    };
    scanner.run();
    scanner.shape
}

struct Scanner<'t> {
    file: FileId,
    text: &'t [u8],
    at: usize,
    /// Open brackets with the chain length before each.
    open: Vec<(usize, usize)>,
    chain: usize,
    indents: Vec<usize>,
    elifs: usize,
    shape: Shape,
}

impl Scanner<'_> {
    fn run(&mut self) {
        self.line_start();
        while let Some(&byte) = self.text.get(self.at) {
            if self.shape.too_deep.is_some() {
                return;
            }
            match byte {
                b'#' => self.skip_line(),
                b'"' | b'\'' => self.string(byte),
                b'(' | b'[' | b'{' => self.open_bracket(),
                b')' | b']' | b'}' => self.close_bracket(byte),
                b'\n' => {
                    self.at += 1;
                    if self.open.is_empty() {
                        self.chain = 0;
                        self.line_start();
                    }
                }
                b',' | b';' => {
                    self.chain = self.open.last().map_or(0, |&(_, before)| before);
                    self.at += 1;
                }
                _ if byte.is_ascii_alphabetic() || byte == b'_' => self.word(),
                b'+' | b'-' | b'*' | b'/' | b'%' | b'|' | b'&' | b'^' | b'~' | b'.' | b'<' | b'>' | b'=' => {
                    self.link(self.at);
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        if let (None, Some(&(at, _))) = (&self.shape.unclosed, self.open.last()) {
            let bracket = char::from(self.text[at]);
            let message = format!("`{bracket}` is never closed");
            self.shape.unclosed = Some(
                Diagnostic::new(Code::UnclosedBracket, self.span(at, at + 1), message).label("opened here"),
            );
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        Span::new(self.file, start as u32, end as u32)
    }

    fn too_deep(&mut self, at: usize, what: &str, limit: usize) {
        let message = format!("{what} nest deeper than {limit}");
        let end = (at + 1).min(self.text.len());
        let found = Diagnostic::new(Code::NestedTooDeep, self.span(at, end), message)
            .label("too deep here")
            .help("give parts of the expression a name on lines of their own");
        self.shape.too_deep = Some(found);
    }

    fn link(&mut self, at: usize) {
        self.chain += 1;
        if self.chain > MAX_CHAIN {
            self.too_deep(at, "operators", MAX_CHAIN);
        }
    }

    fn open_bracket(&mut self) {
        self.link(self.at);
        self.open.push((self.at, self.chain));
        if self.open.len() > MAX_BRACKETS {
            self.too_deep(self.at, "brackets", MAX_BRACKETS);
        }
        self.at += 1;
    }

    fn close_bracket(&mut self, byte: u8) {
        let pairs = |open: u8| matches!((open, byte), (b'(', b')') | (b'[', b']') | (b'{', b'}'));
        // A closing bracket of another kind is the parser's to report.
        if self.open.last().is_some_and(|&(at, _)| pairs(self.text[at]))
            && let Some((_, before)) = self.open.pop()
        {
            self.chain = before;
        }
        self.at += 1;
    }

    fn word(&mut self) {
        let start = self.at;
        while self.text.get(self.at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            self.at += 1;
        }
        match &self.text[start..self.at] {
            b"not" | b"and" | b"or" | b"in" | b"if" | b"else" | b"lambda" | b"for" => self.link(start),
            b"elif" => {
                self.elifs += 1;
                if self.elifs > MAX_ELIFS {
                    self.too_deep(start, "elif branches", MAX_ELIFS);
                }
            }
            b"def" => self.elifs = 0,
            _ => {}
        }
    }

    /// Follows the indentation of a line that begins outside brackets.
    fn line_start(&mut self) {
        let start = self.at;
        while matches!(self.text.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        if matches!(self.text.get(self.at), None | Some(b'\n' | b'\r' | b'#')) {
            return;
        }
        let width = self.at - start;
        while self.indents.last().is_some_and(|&indent| indent > width) {
            self.indents.pop();
        }
        if self.indents.last().is_none_or(|&indent| indent < width) {
            self.indents.push(width);
            if self.indents.len() > MAX_INDENTS {
                self.too_deep(self.at, "blocks", MAX_INDENTS);
            }
        }
    }

    fn skip_line(&mut self) {
        while self.text.get(self.at).is_some_and(|&byte| byte != b'\n') {
            self.at += 1;
        }
    }

    fn string(&mut self, quote: u8) {
        let start = self.at;
        let raw = start > 0 && matches!(self.text[start - 1], b'r' | b'R');
        let triple = self.text[start..].starts_with(&[quote; 3]);
        self.at += if triple { 3 } else { 1 };
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b'\\' if !raw || self.text.get(self.at + 1) == Some(&quote) => self.at += 2,
                b'\n' if !triple => break,
                _ if byte == quote && !triple => {
                    self.at += 1;
                    return;
                }
                _ if triple && self.text[self.at..].starts_with(&[quote; 3]) => {
                    self.at += 3;
                    return;
                }
                _ => self.at += 1,
            }
        }
        self.at = self.at.min(self.text.len());
        if self.shape.unclosed.is_none() {
            let end = if triple { start + 3 } else { self.at };
            let found =
                Diagnostic::new(Code::UnclosedString, self.span(start, end), "this string never ends")
                    .label("opened here");
            self.shape.unclosed = Some(found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(Code, u32)>) {
        let shape = scan(FileId(0), text);
        let found = shape.too_deep.or(shape.unclosed).map(|found| (found.code, found.primary.span.start));
        assert_eq!(found, expected, "{text:.40}");
    }

    #[test]
    fn well_formed_text_has_nothing_to_say() {
        check("x = {\"a\": [1, (2)]} # (\n", None);
        check("'''a ( \" \n'''\n\"it's (\"\nr'\\('\n", None);
    }

    #[test]
    fn the_bracket_or_string_that_never_ends_is_named() {
        check("x = f(\n y = 1\n", Some((Code::UnclosedBracket, 5)));
        check("x = 'abc\ny = 1\n", Some((Code::UnclosedString, 4)));
        check("\"\"\"abc\n", Some((Code::UnclosedString, 0)));
    }

    #[test]
    fn deep_text_is_refused_before_it_is_parsed() {
        check(&"(".repeat(201), Some((Code::NestedTooDeep, 200)));
        check(&format!("x = {}1", "not ".repeat(4001)), Some((Code::NestedTooDeep, 4 + 4 * 3999)));
        check(&format!("x = 1{}", "+1".repeat(4001)), Some((Code::NestedTooDeep, 5 + 2 * 3999)));
        let blocks: String = (0..110).map(|depth| format!("{}if x:\n", " ".repeat(depth))).collect();
        assert!(scan(FileId(0), &blocks).too_deep.is_some());
    }
}
