//! One open buffer: its text at one version, what was understood of it, and how edits move what points into it.

use faultbox_engine::ide::kin::{self, Kin};
use faultbox_engine::ide::snapshot::{load_path, load_paths};
use faultbox_engine::ide::{self, FileView};
use faultbox_engine::syntax::scope::Scopes;
use faultbox_engine::syntax::{self, Parsed};
use faultbox_engine::text::{FileId, FolderFiles, Source};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tower_lsp::lsp_types::{TextDocumentContentChangeEvent, Url};

use super::from_proto::{self, Replaced};
use super::position::Encoding;

/// The file id every tree of a single buffer carries; an evaluated spec numbers its files itself.
pub(super) const THIS_FILE: FileId = FileId(0);

/// A buffer at one version. It never changes: an edit makes the next one.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) uri: Url,
    pub(super) version: i32,
    pub(super) source: Arc<Source>,
    parsed: OnceLock<Parsed>,
    scopes: OnceLock<Scopes>,
    is_ours: OnceLock<bool>,
    loads: OnceLock<Vec<String>>,
    /// What lies around the file, as when that was first asked; all versions of the buffer share it.
    kin: Arc<OnceLock<Kin>>,
}

/// Bytes `start..old_end` became `start..new_end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EditSpan {
    pub(super) start: u32,
    pub(super) old_end: u32,
    pub(super) new_end: u32,
}

impl Document {
    pub(super) fn new(uri: Url, version: i32, text: String) -> Document {
        let source = Arc::new(Source::new(path_of(&uri), text));
        Document::with(uri, version, source)
    }

    fn with(uri: Url, version: i32, source: Arc<Source>) -> Document {
        let (parsed, scopes, is_ours, loads, kin) = Default::default();
        Document { uri, version, source, parsed, scopes, is_ours, loads, kin }
    }

    /// The tolerant tree, made by whoever needs it first.
    pub(super) fn parsed(&self) -> &Parsed {
        self.parsed.get_or_init(|| syntax::parse(THIS_FILE, &self.source.text))
    }

    /// True when [`Document::view`] has nothing left to make.
    pub(super) fn is_understood(&self) -> bool {
        self.parsed.get().is_some() && self.scopes.get().is_some()
    }

    pub(super) fn view(&self) -> FileView<'_> {
        let parsed = self.parsed();
        let scopes = self.scopes.get_or_init(|| Scopes::of(&parsed.tree));
        FileView { path: self.path(), parsed, scopes }
    }

    /// The paths it loads, as written.
    pub(super) fn loads(&self) -> &[String] {
        self.loads.get_or_init(|| {
            // A quick look spares most files the parser.
            let may_load = self.source.text.contains("load");
            let parsed = may_load.then(|| self.parsed());
            parsed.iter().flat_map(|parsed| load_paths(&parsed.tree)).map(str::to_owned).collect()
        })
    }

    /// False for a text that is too large to be a spec; its one finding says so.
    pub(super) fn is_readable(&self) -> bool {
        syntax::size_complaint(self.source.text.len()).is_none()
    }

    /// True when the file is written for Faultbox, as far as its name and text tell.
    pub(super) fn reads_like_a_spec(&self) -> bool {
        *self.is_ours.get_or_init(|| ide::is_faultbox(self.parsed(), &self.name()))
    }

    /// True when the file is surely written for another tool.
    pub(super) fn is_foreign(&self) -> bool {
        ide::is_foreign(self.parsed(), &self.name())
    }

    /// Files it loads by a plain path, when paths start in its own folder.
    pub(super) fn plain_loads(&self) -> impl Iterator<Item = PathBuf> {
        let folder = self.path().parent().filter(|folder| folder.is_absolute());
        folder
            .into_iter()
            .flat_map(|folder| ide::plain_loads(self.parsed()).map(move |path| load_path(folder, path)))
    }

    /// What the files around it say. Reads those that lie within the folder `within`.
    pub(super) fn kin(&self, within: &Path) -> &Kin {
        self.kin.get_or_init(|| match self.path().is_absolute() {
            true => kin::of(&FolderFiles::within(within), self.path()),
            false => Kin::default(),
        })
    }

    fn name(&self) -> String {
        self.path().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    pub(super) fn path(&self) -> &PathBuf {
        &self.source.path
    }

    /// The next version, and what the changes did to offsets, in the order they were made.
    pub(super) fn edited(
        &self,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
    ) -> (Document, Vec<EditSpan>) {
        let mut source = Arc::clone(&self.source);
        let mut edits = Vec::with_capacity(changes.len());
        for change in changes {
            let whole =
                Replaced { start: 0, end: source.text.len() as u32, half_before: "", half_behind: "" };
            let old = change.range.map_or(whole, |range| from_proto::replaced(&source, range, encoding));
            let text = [old.half_before, &change.text, old.half_behind].concat();
            let new_end = old.start + text.len() as u32;
            edits.push(EditSpan { start: old.start, old_end: old.end, new_end });
            source = Arc::new(source.edited(old.start, old.end, &text));
        }
        (self.with_source(version, source), edits)
    }

    /// The same document with another text.
    pub(super) fn with_source(&self, version: i32, source: Arc<Source>) -> Document {
        Document { kin: Arc::clone(&self.kin), ..Document::with(self.uri.clone(), version, source) }
    }
}

/// The file a uri names. A buffer that was never saved has no file; its uri stands in, which no file can have as path.
pub(super) fn path_of(uri: &Url) -> PathBuf {
    match uri.scheme() {
        "file" => uri.to_file_path().unwrap_or_else(|()| PathBuf::from(uri.as_str())),
        _ => PathBuf::from(uri.as_str()),
    }
}

impl EditSpan {
    /// The one edit that makes `new` of `old`: what lies between their common start and end.
    pub(super) fn between(old: &str, new: &str) -> EditSpan {
        let same = |pair: &(char, char)| pair.0 == pair.1;
        let start: usize =
            old.chars().zip(new.chars()).take_while(same).map(|(each, _)| each.len_utf8()).sum();
        let rest = old[start..].chars().rev().zip(new[start..].chars().rev());
        let behind: usize = rest.take_while(same).map(|(each, _)| each.len_utf8()).sum();
        EditSpan {
            start: start as u32,
            old_end: (old.len() - behind) as u32,
            new_end: (new.len() - behind) as u32,
        }
    }

    /// Where `start..end` is after the edit; `None` when the edit changed what it covers.
    ///
    /// Text typed directly before or behind it moves it or leaves it alone.
    pub(super) fn moved(self, start: u32, end: u32) -> Option<(u32, u32)> {
        if end <= self.start {
            return Some((start, end));
        }
        if self.old_end <= start {
            let shift = |at: u32| at - self.old_end + self.new_end;
            return Some((shift(start), shift(end)));
        }
        None
    }

    /// Where `start..end` is after the edit, grown or shrunk when the edit lies within; `None` when it cuts across.
    pub(super) fn stretched(self, start: u32, end: u32) -> Option<(u32, u32)> {
        self.moved(start, end).or_else(|| {
            let within = start <= self.start && self.old_end <= end;
            within.then(|| (start, end - self.old_end + self.new_end))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower_lsp::lsp_types::{Position, Range};

    fn edit(
        text: &str,
        range: Option<((u32, u32), (u32, u32))>,
        new: &str,
        encoding: Encoding,
    ) -> (String, Vec<EditSpan>) {
        let uri = Url::parse("file:///x.star").unwrap();
        let document = Document::new(uri, 1, text.to_owned());
        let position = |(line, column)| Position::new(line, column);
        let range = range.map(|(start, end)| Range::new(position(start), position(end)));
        let change = TextDocumentContentChangeEvent { range, range_length: None, text: new.to_owned() };
        let (next, edits) = document.edited(2, vec![change], encoding);
        (next.source.text.to_string(), edits)
    }

    #[test]
    fn a_change_behind_an_emoji_counts_in_the_negotiated_unit() {
        let utf16 = edit("x😀y\r\nz", Some(((0, 3), (0, 4))), "é", Encoding::Utf16);
        let utf8 = edit("x😀y\r\nz", Some(((0, 5), (0, 6))), "é", Encoding::Utf8);
        assert_eq!(utf16, utf8);
        assert_eq!(utf16.0, "x😀é\r\nz");
        assert_eq!(utf16.1, [EditSpan { start: 5, old_end: 6, new_end: 7 }]);
    }

    #[test]
    fn positions_out_of_the_text_are_clamped_and_never_split_a_character() {
        assert_eq!(edit("ab\n", Some(((9, 9), (9, 9))), "c", Encoding::Utf16).0, "ab\nc");
        // Both ends lie inside the character, so both mean its start.
        assert_eq!(edit("😀", Some(((0, 1), (0, 2))), "", Encoding::Utf8).0, "😀");
        assert_eq!(edit("ab", Some(((0, 2), (0, 1))), "x", Encoding::Utf16).0, "axb");
        assert_eq!(edit("ab", None, "new", Encoding::Utf16).0, "new");
    }

    #[test]
    fn a_half_of_a_character_is_replaced_and_the_units_stay() {
        let change = |start, end, new| edit("x😀y", Some(((0, start), (0, end))), new, Encoding::Utf16).0;
        assert_eq!(change(1, 2, ""), "x\u{fffd}y");
        assert_eq!(change(2, 3, ""), "x\u{fffd}y");
        assert_eq!(change(2, 2, "a"), "x\u{fffd}a\u{fffd}y");
        assert_eq!(change(0, 2, "a"), "a\u{fffd}y");
        assert_eq!(change(2, 4, "a"), "x\u{fffd}a");
        assert_eq!(change(1, 3, "a"), "xay");
        assert_eq!(change(4, 2, "a"), "x\u{fffd}a\u{fffd}y");
    }

    #[test]
    fn the_difference_of_two_texts_is_one_edit() {
        let between = |old: &str, new: &str| {
            let EditSpan { start, old_end, new_end } = EditSpan::between(old, new);
            (start, old_end, new_end)
        };
        assert_eq!(between("x(50,0)", "x(500,)"), (4, 6, 6));
        assert_eq!(between("aa", "aaa"), (2, 2, 3));
        assert_eq!(between("é😀", "é"), (2, 6, 2));
        assert_eq!(between("same", "same"), (4, 4, 4));
    }

    #[test]
    fn edits_move_what_lies_behind_and_end_what_they_change() {
        let edit = EditSpan { start: 10, old_end: 12, new_end: 15 };
        assert_eq!(edit.moved(0, 10), Some((0, 10)));
        assert_eq!(edit.moved(12, 20), Some((15, 23)));
        assert_eq!(edit.moved(11, 20), None);
        assert_eq!(edit.stretched(5, 20), Some((5, 23)));
        assert_eq!(edit.stretched(11, 20), None);
    }
}
