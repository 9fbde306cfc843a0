//! What an answer is made from: a file as it stands, the files around it, and what evaluation found out.

use super::{Outline, recipes};
use crate::syntax::scope::Scopes;
use crate::syntax::{Parsed, Tree};
use crate::text::Span;
use std::path::{Component, Path, PathBuf};

/// One file, understood as far as its text goes.
#[derive(Debug, Clone, Copy)]
pub struct FileView<'a> {
    pub path: &'a Path,
    pub parsed: &'a Parsed,
    pub scopes: &'a Scopes,
}

/// A file with everything known about it. Every answer takes one, and none of them can fail.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    pub file: FileView<'a>,
    /// The other specs at hand: what the file loads, what loads it, and the rest of the workspace.
    pub others: &'a [FileView<'a>],
    /// What the last evaluation declared. Its offsets may be those of an older text.
    pub outline: Option<&'a Outline>,
}

/// A place in some file. The span's file id means nothing here; the path says which file it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    pub path: PathBuf,
    pub span: Span,
}

impl<'a> FileView<'a> {
    pub fn tree(&self) -> &'a Tree {
        &self.parsed.tree
    }

    pub fn location(&self, span: Span) -> Location {
        Location { path: self.path.to_owned(), span }
    }
}

impl<'a> Snapshot<'a> {
    /// Only the file, with nothing around it.
    pub fn alone(file: FileView<'a>) -> Snapshot<'a> {
        Snapshot { file, others: &[], outline: None }
    }

    pub fn tree(&self) -> &'a Tree {
        self.file.tree()
    }

    /// The file and the others.
    pub fn files(&self) -> impl Iterator<Item = FileView<'a>> {
        std::iter::once(self.file).chain(self.others.iter().copied())
    }

    /// The file at a path, when it is at hand.
    pub fn find(&self, path: &Path) -> Option<FileView<'a>> {
        let path = normal(path);
        self.files().find(|file| normal(file.path) == path)
    }

    /// The file that `load(path, ...)` written in `from` names. Paths start at the folder of the root spec; until an
    /// evaluation told which that is, at the folder of the file.
    pub fn load_path(&self, from: FileView<'a>, path: &str) -> PathBuf {
        if path.starts_with('@') {
            return PathBuf::from(path);
        }
        let root = self.outline.and_then(|outline| {
            let covers = outline.files.iter().any(|file| file == from.path);
            outline.files.first().filter(|_| covers)
        });
        let folder = root.map_or(from.path, |root| root).parent().unwrap_or(Path::new(""));
        normal(&folder.join(path))
    }

    /// What `load(path, ...)` in `from` loads, when it is at hand or comes with the program.
    pub fn loaded(&self, from: FileView<'a>, path: &str) -> Option<FileView<'a>> {
        let path = self.load_path(from, path);
        recipes::file(&path).or_else(|| self.find(&path))
    }

    /// The place of a span of the outline.
    pub(super) fn outlined(&self, span: Span) -> Option<Location> {
        let path = self.outline?.files.get(span.file.0 as usize)?;
        Some(Location { path: path.clone(), span })
    }
}

/// The path without `.` and, as far as names allow, without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(clean.components().next_back(), Some(Component::Normal(_))) => {
                clean.pop();
            }
            _ => clean.push(part),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::normal;
    use std::path::Path;

    #[test]
    fn paths_are_compared_without_detours() {
        assert_eq!(normal(Path::new("/a/./b/../c.star")), Path::new("/a/c.star"));
        assert_eq!(normal(Path::new("../x.star")), Path::new("../x.star"));
    }
}
