//! A diagnostic as one JSON object.
//!
//! `line`, `column`, `end_line` and `end_column` are 1-based, columns count characters; `start` and `end` are byte
//! offsets into the file. Keys are only ever added.

use crate::diagnostic::{Diagnostic, Fix, Label};
use crate::text::{SourceMap, Span};
use serde_json::{Map, Value, json};

/// The object for one diagnostic.
pub fn render(sources: &SourceMap, diagnostic: &Diagnostic) -> Value {
    let mut object = Map::new();
    object.insert("code".to_owned(), json!(diagnostic.code.id()));
    object.insert("severity".to_owned(), json!(diagnostic.severity.word()));
    object.insert("message".to_owned(), json!(diagnostic.message));
    object.extend(place(sources, diagnostic.primary.span));
    object.insert("label".to_owned(), json!(diagnostic.primary.text));
    let labels = diagnostic.secondary.iter().map(|mark| label(sources, mark)).collect();
    object.insert("labels".to_owned(), Value::Array(labels));
    object.insert("notes".to_owned(), json!(diagnostic.notes));
    object.insert("help".to_owned(), json!(diagnostic.help));
    let fixes = diagnostic.fixes.iter().map(|each| fix(sources, each)).collect();
    object.insert("fixes".to_owned(), Value::Array(fixes));
    Value::Object(object)
}

/// Where a span lies: `path`, `line`, `column`, `end_line`, `end_column`, `start`, `end`.
pub fn place(sources: &SourceMap, span: Span) -> Map<String, Value> {
    let source = sources.get(span.file);
    let (start, end) = (source.lines.position(span.start), source.lines.position(span.end));
    let column = |offset| source.lines.char_column(&source.text, offset) + 1;
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put("path", json!(source.path.display().to_string()));
    put("line", json!(start.line + 1));
    put("column", json!(column(span.start)));
    put("end_line", json!(end.line + 1));
    put("end_column", json!(column(span.end)));
    put("start", json!(span.start));
    put("end", json!(span.end));
    object
}

fn label(sources: &SourceMap, label: &Label) -> Value {
    let mut object = place(sources, label.span);
    object.insert("text".to_owned(), json!(label.text));
    Value::Object(object)
}

fn fix(sources: &SourceMap, fix: &Fix) -> Value {
    let edit = |edit: &crate::diagnostic::Edit| {
        let mut object = place(sources, edit.span);
        object.insert("new_text".to_owned(), json!(edit.text));
        Value::Object(object)
    };
    json!({ "title": fix.title, "edits": fix.edits.iter().map(edit).collect::<Vec<_>>() })
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::render::json;
    use crate::diagnostic::{Code, Diagnostic};
    use crate::text::{Source, SourceMap, Span};

    #[test]
    fn the_object_has_every_key_even_when_empty() {
        let mut sources = SourceMap::default();
        let file = sources.add(Source::new("a.star", "x = 1\né = y\n"));
        let span = Span::new(file, 11, 12);
        let finding =
            Diagnostic::new(Code::UnknownName, span, "`y` is not defined").fix("use `x`", span, "x");
        let expected = concat!(
            r#"{"code":"FB0101","severity":"error","message":"`y` is not defined","path":"a.star","line":2,"#,
            r#""column":5,"end_line":2,"end_column":6,"start":11,"end":12,"label":"","labels":[],"notes":[],"#,
            r#""help":[],"fixes":[{"title":"use `x`","edits":[{"path":"a.star","line":2,"column":5,"end_line":2,"#,
            r#""end_column":6,"start":11,"end":12,"new_text":"x"}]}]}"#,
        );
        assert_eq!(json::render(&sources, &finding).to_string(), expected);
    }
}
