//! What an answer is made from: a file as it stands, the files around it, and what evaluation found out.

use super::{Outline, recipes};
use crate::syntax::scope::Scopes;
use crate::syntax::{NodeKind, Parsed, Tree};
use crate::text::Span;
use std::collections::BTreeMap;
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
    /// The folder where paths in a loaded file start, by file, for those the outline does not know.
    pub root_folders: Option<&'a BTreeMap<PathBuf, PathBuf>>,
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
        Snapshot { file, others: &[], outline: None, root_folders: None }
    }

    pub fn tree(&self) -> &'a Tree {
        self.file.tree()
    }

    /// The file and the others.
    pub fn files(&self) -> impl Iterator<Item = FileView<'a>> + Clone {
        std::iter::once(self.file).chain(self.others.iter().copied())
    }

    /// The file at a path, when it is at hand.
    pub fn find(&self, path: &Path) -> Option<FileView<'a>> {
        let path = normal(path);
        self.files().find(|file| normal(file.path) == path)
    }

    /// The file that `load(path, ...)` written in `from` names. Paths start at the folder of the root spec; until it is
    /// known which that is, at the folder of the file.
    pub fn load_path(&self, from: FileView<'a>, path: &str) -> PathBuf {
        let found = self.root_folders.and_then(|folders| folders.get(from.path)).map(PathBuf::as_path);
        let root = self.outline.and_then(|outline| {
            let covers = outline.files.iter().any(|file| file == from.path);
            let root = outline.files.first().filter(|_| covers)?;
            // A part that was evaluated for want of a root got nowhere.
            let is_part = root == from.path && !outline.complete && found.is_some();
            root.parent().filter(|_| !is_part)
        });
        let folder = root.or(found).or(from.path.parent()).unwrap_or(Path::new(""));
        load_path(folder, path)
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

/// The file that a `load` names when its paths start at `folder`. What comes with Faultbox starts with `@`.
pub fn load_path(folder: &Path, path: &str) -> PathBuf {
    match path.starts_with('@') {
        true => PathBuf::from(path),
        false => normal(&folder.join(path)),
    }
}

/// The paths a text loads, in its order. A `load` within a block is an error and loads nothing.
pub fn load_paths(tree: &Tree) -> impl Iterator<Item = &str> {
    tree.statements().iter().filter_map(|&id| match tree.kind(id) {
        NodeKind::Load { path, .. } => tree.string_value(*path),
        _ => None,
    })
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
    use super::{Outline, Snapshot, load_paths, normal};
    use crate::ide::fixture::Fixture;
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};

    #[test]
    fn paths_are_compared_without_detours() {
        assert_eq!(normal(Path::new("/a/./b/../c.star")), Path::new("/a/c.star"));
        assert_eq!(normal(Path::new("../x.star")), Path::new("../x.star"));
    }

    #[test]
    fn only_loads_outside_any_block_count() {
        let text = "load(\"a.star\", \"a\"); load(\"b.star\", \"b\")\ndef f():\n    load(\"c.star\", \"c\")\nx = (\nload(\"d.star\", \"d\")\n";
        let tree = crate::syntax::parse(crate::text::FileId(0), text).tree;
        assert_eq!(load_paths(&tree).collect::<Vec<_>>(), ["a.star", "b.star", "d.star"]);
    }

    #[test]
    fn paths_in_a_loaded_file_start_where_its_root_is() {
        let fixture = Fixture::new("load(\"lib/b.star\", \"b\")\nload(\"@faultbox/x.star\", \"x\")\n");
        fixture.ask(|snapshot, _| {
            let from = |root: &str, outline: Option<&Outline>| {
                let roots = BTreeMap::from([("/w/main.star".into(), root.into())]);
                let snapshot = Snapshot { root_folders: Some(&roots), outline, ..*snapshot };
                let paths = load_paths(snapshot.tree());
                paths.map(|path| snapshot.load_path(snapshot.file, path)).collect::<Vec<_>>()
            };
            let folder = |root: &str| from(root, None);
            assert_eq!(folder("/"), [Path::new("/lib/b.star"), Path::new("@faultbox/x.star")]);
            let evaluated = |root: &str, complete: bool| {
                let files = vec![PathBuf::from(root), PathBuf::from("/w/main.star")];
                let outline = Outline { files, complete, ..Outline::default() };
                from("/", Some(&outline)).remove(0)
            };
            assert_eq!(evaluated("/x/root.star", false), Path::new("/x/lib/b.star"));
            assert_eq!(evaluated("/w/main.star", true), Path::new("/w/lib/b.star"));
            assert_eq!(evaluated("/w/main.star", false), Path::new("/lib/b.star"));
            assert_eq!(
                snapshot.load_path(snapshot.file, "lib/b.star"),
                Path::new("/w/lib/b.star"),
                "its own folder while nothing else is known"
            );
        });
    }
}
