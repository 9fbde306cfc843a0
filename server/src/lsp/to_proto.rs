//! Engine data to protocol types.

use super::position::Encoding;
use faultbox_engine::diagnostic::Severity;
use faultbox_engine::text::{LineColumn, Source};
use std::path::Path;
use tower_lsp::lsp_types::{DiagnosticSeverity, Position, Range, Url};

pub(super) fn position(source: &Source, offset: u32, encoding: Encoding) -> Position {
    let LineColumn { line, column } = match encoding {
        Encoding::Utf16 => source.lines.utf16_position(&source.text, offset),
        Encoding::Utf8 => source.lines.position(offset),
    };
    Position::new(line, column)
}

pub(super) fn range(source: &Source, start: u32, end: u32, encoding: Encoding) -> Range {
    Range::new(position(source, start, encoding), position(source, end, encoding))
}

/// The uri of a file; a buffer that was never saved carries its uri as path.
pub(super) fn uri(path: &Path) -> Option<Url> {
    Url::from_file_path(path).ok().or_else(|| Url::parse(path.to_str()?).ok())
}

pub(super) fn severity(severity: Severity) -> DiagnosticSeverity {
    match severity {
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
        Severity::Info => DiagnosticSeverity::INFORMATION,
        Severity::Hint => DiagnosticSeverity::HINT,
    }
}
