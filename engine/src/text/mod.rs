//! One file's text, spans in it, lines and columns, and the trait through which files are read.

mod files;
mod line_index;
pub mod percent;
mod source;
mod span;

pub use files::{DiskFiles, Files, MemoryFiles, OverlayFiles};
pub use line_index::{LineColumn, LineIndex};
pub use source::{FileId, Source, SourceMap};
pub use span::Span;
