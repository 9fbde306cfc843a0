//! The block compilers taught people to read: a headline, marked source lines, notes, help.
//!
//! Diagnostics and failed tests are both drawn here, so a finding in the terminal looks the same whoever found it.

use super::Style;
use crate::diagnostic::Severity;
use crate::text::{FileId, Source, SourceMap, Span, shown, shown_in_place, shown_lines};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::borrow::Cow;
use std::ops::Range;

/// What to draw.
#[derive(Debug, Clone)]
pub struct Block<'b> {
    pub severity: Severity,
    /// Stands in brackets behind the severity: `FB0107`, `expectation`.
    pub id: Option<&'b str>,
    pub message: &'b str,
    pub primary: Option<Mark<'b>>,
    pub secondary: Vec<Mark<'b>>,
    /// Facts, each drawn as `= fact`.
    pub notes: Vec<String>,
    /// Next moves, each drawn as `= help: move`.
    pub help: Vec<String>,
}

/// A marked place with a few words, which may be empty.
#[derive(Debug, Clone, Copy)]
pub struct Mark<'b> {
    pub span: Span,
    pub text: &'b str,
}

/// Draws the block; the text ends with a line break.
pub fn draw(sources: &SourceMap, block: &Block<'_>, style: Style) -> String {
    let mut title = level(block.severity).primary_title(shown_lines(block.message));
    if let Some(id) = block.id {
        title = title.id(id);
    }
    let mut group = Group::with_title(title);
    for file in files(block) {
        let source = sources.get(file);
        let snippet = Snippet::source(lines_by_newline(&source.text))
            .path(shown(&source.path.display().to_string()).into_owned())
            .annotations(marks_in(file, block).map(|(kind, mark)| {
                let label = (!mark.text.is_empty()).then(|| shown_lines(mark.text));
                kind.span(first_line(source, mark.span)).label(label)
            }));
        group = group.element(snippet);
    }
    for note in &block.notes {
        group = group.element(Level::NOTE.no_name().message(shown_lines(note)));
    }
    for help in &block.help {
        group = group.element(Level::HELP.message(shown_lines(help)));
    }
    let renderer = if style.color { Renderer::styled() } else { Renderer::plain() };
    let mut text = renderer.term_width(style.width).render(&[group]);
    text.push('\n');
    text
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
        Severity::Hint => Level::HELP.with_name("hint"),
    }
}

/// The files with marks, the primary mark's first.
fn files(block: &Block<'_>) -> Vec<FileId> {
    let mut files = Vec::new();
    for mark in block.primary.iter().chain(&block.secondary) {
        if !files.contains(&mark.span.file) {
            files.push(mark.span.file);
        }
    }
    files
}

fn marks_in<'m, 'b>(
    file: FileId,
    block: &'m Block<'b>,
) -> impl Iterator<Item = (AnnotationKind, &'m Mark<'b>)> {
    let primary = block.primary.iter().map(|mark| (AnnotationKind::Primary, mark));
    let secondary = block.secondary.iter().map(|mark| (AnnotationKind::Context, mark));
    primary.chain(secondary).filter(move |(_, mark)| mark.span.file == file)
}

/// The part of a span on its first line, moved to character boundaries: a call of twenty lines would bury its message.
fn first_line(source: &Source, span: Span) -> Range<usize> {
    let text = &*source.text;
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(span.start as usize);
    let line = source.lines.line_range(source.lines.position(span.start).line);
    let line_end = line.start as usize + source.line(source.lines.position(span.start).line).len();
    let end = boundary((span.end as usize).min(line_end));
    start..end.max(start)
}

/// The renderer ends lines at `\n` only; ours end at a lone `\r` too, so those become `\n`, which moves no offset.
fn lines_by_newline(text: &str) -> Cow<'_, str> {
    if !text.contains('\r') {
        return shown_in_place(text);
    }
    let mut lines = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let lone = c == '\r' && rest.peek() != Some(&'\n');
        lines.push(if lone { '\n' } else { c });
    }
    Cow::Owned(shown_in_place(&lines).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw_at(text: &str, at: &str, style: Style) -> String {
        let mut sources = SourceMap::default();
        let file = sources.add(Source::new("a.star", text));
        let start = text.find(at).unwrap() as u32;
        let span = Span::new(file, start, start + at.len() as u32);
        let block = Block {
            severity: Severity::Error,
            id: Some("x"),
            message: "no",
            primary: Some(Mark { span, text: "here" }),
            secondary: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        };
        draw(&sources, &block, style)
    }

    #[test]
    fn a_span_over_several_lines_marks_its_first() {
        let text = "a = f(\n  1,\n)\n";
        let expected = "error[x]: no\n --> a.star:1:5\n  |\n1 | a = f(\n  |     ^^ here\n";
        assert_eq!(draw_at(text, "f(\n  1,\n)", Style::PLAIN), expected);
    }

    #[test]
    fn wide_and_combining_characters_keep_the_mark_below_its_text() {
        let drawn = draw_at("s = \"日本e\u{301}\", bad\n", "bad", Style::PLAIN);
        let mark = drawn.lines().find(|line| line.contains('^')).unwrap();
        // Two columns each for the two wide characters, none for the combining accent.
        assert_eq!(mark, "  |              ^^^ here", "{drawn}");
    }

    #[test]
    fn a_lone_carriage_return_ends_a_line() {
        let drawn = draw_at("a\rb\r\nbad\n", "bad", Style::PLAIN);
        assert!(drawn.contains("a.star:3:1") && drawn.contains("3 | bad"), "{drawn}");
    }

    #[test]
    fn an_empty_span_at_the_end_of_the_text_is_marked() {
        let mut sources = SourceMap::default();
        let file = sources.add(Source::new("a.star", "x = ("));
        for at in [5, 99] {
            let block = Block {
                severity: Severity::Warning,
                id: None,
                message: "open",
                primary: Some(Mark { span: Span::new(file, at, at), text: "" }),
                secondary: Vec::new(),
                notes: Vec::new(),
                help: Vec::new(),
            };
            let drawn = draw(&sources, &block, Style::PLAIN);
            assert!(drawn.starts_with("warning: open\n --> a.star:1:6\n") && drawn.contains('^'), "{drawn}");
        }
    }

    #[test]
    fn colour_comes_only_when_asked_for_and_text_cannot_bring_its_own() {
        assert!(draw_at("bad", "bad", Style { color: true, ..Style::PLAIN }).contains('\u{1b}'));
        for c in ['\u{1b}', '\u{9b}', '\u{202e}'] {
            assert!(!draw_at(&format!("bad = \"{c}[31m\""), "bad", Style::PLAIN).contains(c));
        }
    }
}
