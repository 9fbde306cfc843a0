//! One file's text with its line index, and the table of all files of a spec.

use super::{LineColumn, LineIndex, Span};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names a file of one [`SourceMap`]; the root spec is file 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FileId(pub u32);

/// One file: where it came from, its text, and where its lines start.
#[derive(Debug, Clone)]
pub struct Source {
    pub path: PathBuf,
    pub text: Arc<str>,
    pub lines: LineIndex,
}

/// Every file a spec consists of, in the order they were first read.
#[derive(Debug, Clone, Default)]
pub struct SourceMap {
    sources: Vec<Arc<Source>>,
}

impl Source {
    pub fn new(path: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> Source {
        let text = text.into();
        let lines = LineIndex::new(&text);
        Source { path: path.into(), text, lines }
    }

    /// The same file after the bytes `start..end`, which must lie on characters, became `new`.
    pub fn edited(&self, start: u32, end: u32, new: &str) -> Source {
        let (before, behind) = (&self.text[..start as usize], &self.text[end as usize..]);
        let text: Arc<str> = [before, new, behind].concat().into();
        let lines = self.lines.edited(&text, start, end, start + new.len() as u32);
        Source { path: self.path.clone(), text, lines }
    }

    /// The text of the 0-based line, without its line ending.
    pub fn line(&self, line: u32) -> &str {
        let range = self.lines.line_range(line);
        let text = self.text.get(range.start as usize..range.end as usize).unwrap_or("");
        text.trim_end_matches(['\n', '\r'])
    }
}

impl SourceMap {
    /// Adds a file, or returns the id it already has under this path.
    pub fn add(&mut self, source: Source) -> FileId {
        if let Some(known) = self.find(&source.path) {
            return known;
        }
        let id = FileId(u32::try_from(self.sources.len()).expect("fewer than 2^32 files"));
        self.sources.push(Arc::new(source));
        id
    }

    pub fn find(&self, path: &Path) -> Option<FileId> {
        let at = self.sources.iter().position(|source| source.path == path)?;
        Some(FileId(at as u32))
    }

    /// The file `id`; ids come from [`SourceMap::add`] of this very map.
    pub fn get(&self, id: FileId) -> &Arc<Source> {
        &self.sources[id.0 as usize]
    }

    /// The text under `span`; empty when the span does not lie in the file.
    pub fn text(&self, span: Span) -> &str {
        self.get(span.file).text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// 0-based line and byte column of the start of `span`.
    pub fn position(&self, span: Span) -> LineColumn {
        self.get(span.file).lines.position(span.start)
    }

    /// `path:line:column`, 1-based, as terminals and editors link it.
    pub fn place(&self, span: Span) -> String {
        let source = self.get(span.file);
        let at = source.lines.position(span.start);
        let column = source.lines.char_column(&source.text, span.start);
        format!("{}:{}:{}", source.path.display(), at.line + 1, column + 1)
    }

    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Arc<Source>)> {
        self.sources.iter().enumerate().map(|(at, source)| (FileId(at as u32), source))
    }
}
