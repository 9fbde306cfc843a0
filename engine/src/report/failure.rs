//! A failed test drawn like a compiler's error: what, where, how it came about, what next.

use crate::diagnostic::Severity;
use crate::diagnostic::render::Style;
use crate::diagnostic::render::block::{Block, Mark, draw};
use crate::event::{Failure, FailureKind, Note};
use crate::text::{SourceMap, Span};

/// Draws a failure as an error; the text ends with a line break.
pub fn render(sources: &SourceMap, failure: &Failure, style: Style) -> String {
    draw(sources, &block(sources, failure, Severity::Error, Some(kind_word(failure.kind))), style)
}

/// Draws a finding that does not change the outcome.
pub fn render_warning(sources: &SourceMap, failure: &Failure, style: Style) -> String {
    draw(sources, &block(sources, failure, Severity::Warning, None), style)
}

/// The kind as reports write it.
pub fn kind_word(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Assertion => "assertion",
        FailureKind::Expectation => "expectation",
        FailureKind::Evaluation => "evaluation",
        FailureKind::Service => "service",
        FailureKind::ServiceEnded => "service_ended",
        FailureKind::Environment => "environment",
        FailureKind::Timeout => "timeout",
        FailureKind::Bypassed => "bypassed",
        FailureKind::Crash => "crash",
        FailureKind::Interrupted => "interrupted",
    }
}

fn block<'f>(
    sources: &SourceMap,
    failure: &'f Failure,
    severity: Severity,
    id: Option<&'f str>,
) -> Block<'f> {
    Block {
        severity,
        id,
        message: &failure.message,
        primary: failure.span.map(|span| Mark { span, text: &failure.label }),
        secondary: Vec::new(),
        notes: failure.notes.iter().map(|note| note_text(sources, note, failure.span)).collect(),
        help: failure.help.clone(),
    }
}

/// The note with the line it comes from, and the file too when it is another than the failure's.
fn note_text(sources: &SourceMap, note: &Note, beside: Option<Span>) -> String {
    let Some(span) = note.span else { return note.text.clone() };
    let line = sources.position(span).line + 1;
    if note.text.contains(&format!("(line {line})")) {
        return note.text.clone();
    }
    if beside.is_none_or(|beside| beside.file == span.file) {
        return format!("{}   (line {line})", note.text);
    }
    format!("{}   ({}:{line})", note.text, sources.get(span.file).path.display())
}
