//! A diagnostic with its source lines, for people.

use super::Style;
use super::block::{Block, Mark, draw};
use crate::diagnostic::{Diagnostic, Label};
use crate::text::SourceMap;

/// Draws one diagnostic; the text ends with a line break.
pub fn render(sources: &SourceMap, diagnostic: &Diagnostic, style: Style) -> String {
    let mut help = diagnostic.help.clone();
    for fix in &diagnostic.fixes {
        // A help that already says what the fix does is not repeated.
        if !help.iter().any(|text| text.contains(&fix.title)) {
            help.push(fix.title.clone());
        }
    }
    let block = Block {
        severity: diagnostic.severity,
        id: Some(diagnostic.code.id()),
        message: &diagnostic.message,
        primary: Some(mark(&diagnostic.primary)),
        secondary: diagnostic.secondary.iter().map(mark).collect(),
        notes: diagnostic.notes.clone(),
        help,
    };
    draw(sources, &block, style)
}

fn mark(label: &Label) -> Mark<'_> {
    Mark { span: label.span, text: &label.text }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::render::{Style, full};
    use crate::diagnostic::{Code, Diagnostic};
    use crate::text::{Source, SourceMap, Span};

    #[test]
    fn every_part_of_a_diagnostic_is_shown() {
        let text = "fault_assumption(\n    target = db,\n    rules = [response(status=503)],\n)\n";
        let mut sources = SourceMap::default();
        let file = sources.add(Source::new("orders.star", text));
        let span = |word: &str| {
            let start = text.find(word).unwrap() as u32;
            Span::new(file, start, start + word.len() as u32)
        };
        let message = "`db` is a service; `rules=` act on an interface";
        let finding = Diagnostic::new(Code::WrongLayer, span("rules"), message)
            .label("protocol rules need an interface")
            .also(span("db"), "this is service \"db\"")
            .note("db has one interface: main")
            .help("did you mean `target = db.main`?")
            .fix("replace `db` with `db.main`", span("db"), "db.main");
        let expected = r#"error[FB0107]: `db` is a service; `rules=` act on an interface
 --> orders.star:3:5
  |
2 |     target = db,
  |              -- this is service "db"
3 |     rules = [response(status=503)],
  |     ^^^^^ protocol rules need an interface
  |
  = db has one interface: main
  = help: did you mean `target = db.main`?
  = help: replace `db` with `db.main`
"#;
        assert_eq!(full::render(&sources, &finding, Style::PLAIN), expected);
    }
}
