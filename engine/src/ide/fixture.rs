//! Specs for tests: one string with `$0` where the cursor is, and further files behind `//- /w/name.star` lines.

use super::{FileView, Location, Outline, Snapshot};
use crate::syntax::scope::Scopes;
use crate::syntax::{self, Parsed};
use crate::text::{FileId, LineIndex};
use std::path::{Path, PathBuf};

pub(super) struct Fixture {
    files: Vec<(PathBuf, Parsed, Scopes)>,
    pub(super) offset: u32,
    pub(super) outline: Option<Outline>,
}

impl Fixture {
    /// The first file is `/w/main.star`.
    pub(super) fn new(text: &str) -> Fixture {
        let mut files = Vec::new();
        let mut offset = 0;
        for (at, part) in text.split("//- ").enumerate() {
            let (path, body) = match at {
                0 => ("/w/main.star", part),
                _ => part.split_once('\n').unwrap_or((part, "")),
            };
            if let Some(cursor) = body.find("$0") {
                offset = cursor as u32;
            }
            let parsed = syntax::parse(FileId(0), &body.replacen("$0", "", 1));
            let scopes = Scopes::of(&parsed.tree);
            files.push((PathBuf::from(path), parsed, scopes));
        }
        Fixture { files, offset, outline: None }
    }

    pub(super) fn ask<T>(&self, question: impl FnOnce(&Snapshot<'_>, u32) -> T) -> T {
        let views = self.files.iter().map(|(path, parsed, scopes)| FileView { path, parsed, scopes });
        let views: Vec<FileView<'_>> = views.collect();
        let snapshot = Snapshot {
            file: views[0],
            others: &views[1..],
            outline: self.outline.as_ref(),
            root_folders: None,
        };
        question(&snapshot, self.offset)
    }

    /// Path and text of each file.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files.iter().map(|(path, parsed, _)| (path.as_path(), &*parsed.tree.text))
    }

    pub(super) fn text(&self) -> &str {
        &self.files[0].1.tree.text
    }

    /// `name.star: text of the line`.
    pub(super) fn line_of(&self, location: &Location) -> String {
        let name = location.path.file_name().map(|name| name.to_string_lossy().into_owned());
        let text = self.files.iter().find(|(path, ..)| *path == location.path).map(|file| &*file.1.tree.text);
        let text = text.unwrap_or("");
        let lines = LineIndex::new(text);
        let line = lines.line_range(lines.position(location.span.start).line);
        let line = text[line.start as usize..line.end as usize].trim_end();
        format!("{}: {line}", name.unwrap_or_default())
    }
}
