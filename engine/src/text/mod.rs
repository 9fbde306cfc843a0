//! One file's text, spans in it, lines and columns, and the trait through which files are read.

mod files;
mod line_index;
pub mod percent;
mod regular;
mod shown;
mod source;
mod span;

pub use files::{DiskFiles, Files, FolderFiles, MemoryFiles, OverlayFiles};
pub use line_index::{LineColumn, LineIndex};
pub use regular::{read_regular, regular};
pub use shown::{shown, shown_in_place, shown_lines};
pub use source::{FileId, Source, SourceMap};
pub use span::Span;
