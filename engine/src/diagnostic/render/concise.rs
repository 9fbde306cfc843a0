//! A diagnostic on one line: `path:line:column: error[FB0107]: message`.

use crate::diagnostic::Diagnostic;
use crate::text::{SourceMap, shown};

/// One line without a line break; line and column are 1-based, the column counts characters.
pub fn render(sources: &SourceMap, diagnostic: &Diagnostic) -> String {
    let place = sources.place(diagnostic.primary.span);
    let (place, message) = (place.to_string(), diagnostic.message.replace('\n', " "));
    let (place, message) = (shown(&place), shown(&message));
    format!("{place}: {}[{}]: {message}", diagnostic.severity.word(), diagnostic.code)
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::render::concise;
    use crate::diagnostic::{Code, Diagnostic};
    use crate::text::{Source, SourceMap, Span};

    #[test]
    fn a_line_names_place_severity_and_code() {
        let mut sources = SourceMap::default();
        let file = sources.add(Source::new("a.star", "é = 1\né = x\n"));
        let finding = Diagnostic::new(Code::UnknownName, Span::new(file, 12, 13), "`x` is\nnot defined");
        assert_eq!(concise::render(&sources, &finding), "a.star:2:5: error[FB0101]: `x` is not defined");
    }
}
