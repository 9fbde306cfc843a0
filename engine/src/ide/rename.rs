//! Renaming a name wherever it is mentioned, across files; refused where it would change what the spec means.

use super::{FileView, Snapshot, references};
use crate::diagnostic::Edit;
use crate::spec::registry;
use crate::syntax::lexer::{Keyword, token::RESERVED_WORDS};
use crate::syntax::scope::DefinitionId;
use crate::syntax::{NodeKind, Tree};
use crate::text::Span;
use std::path::PathBuf;

/// What would be renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamable {
    pub span: Span,
    pub name: String,
}

/// Edits of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdits {
    pub path: PathBuf,
    pub edits: Vec<Edit>,
}

/// The name under `offset` when it can be renamed; the error says why not.
pub fn prepare(snapshot: &Snapshot<'_>, offset: u32) -> Result<Renamable, String> {
    let (_, _, span) = subject(*snapshot, offset)?;
    Ok(Renamable { span, name: snapshot.tree().str(span).to_owned() })
}

/// The edits that give the name under `offset` another one.
///
/// # Errors
/// When there is no such name, the new one is not a name, or it means something else at one of the places.
pub fn rename(snapshot: &Snapshot<'_>, offset: u32, new_name: &str) -> Result<Vec<FileEdits>, String> {
    let (file, id, _) = subject(*snapshot, offset)?;
    valid(new_name)?;
    if file.scopes.definition(id).name == new_name {
        return Ok(Vec::new());
    }
    let mut all: Vec<FileEdits> = Vec::new();
    for mention in references::of_definition(*snapshot, file, id) {
        let edit = Edit { span: mention.location.span, text: new_name.to_owned() };
        match all.iter_mut().find(|edits| edits.path == mention.location.path) {
            Some(edits) => edits.edits.push(edit),
            None => all.push(FileEdits { path: mention.location.path, edits: vec![edit] }),
        }
    }
    for edits in &all {
        let touched = snapshot.find(&edits.path).ok_or("a file is no longer at hand")?;
        conflicts(touched, edits, new_name)?;
    }
    Ok(all)
}

fn subject(snapshot: Snapshot<'_>, offset: u32) -> Result<(FileView<'_>, DefinitionId, Span), String> {
    let tree = snapshot.tree();
    let node = tree.node_at(offset);
    let span = match tree.kind(node) {
        NodeKind::String(literal) => Some(literal.content),
        _ => tree.name_at(offset).map(|(_, span)| span),
    };
    let span = span.ok_or("there is no name here")?;
    let name = tree.str(span);
    if let Some((file, id)) = references::target(snapshot, offset) {
        if is_of_recipes(file, id) {
            return Err(format!("`{name}` comes with Faultbox and cannot be renamed"));
        }
        return Ok((file, id, span));
    }
    Err(match (tree.kind(node), registry::find(name)) {
        (NodeKind::String(_), _) => "text cannot be renamed".to_owned(),
        (NodeKind::Attribute { .. }, _) => format!("`{name}` belongs to a value and cannot be renamed here"),
        (_, Some(_)) => format!("`{name}` is a builtin and cannot be renamed"),
        (_, None) => format!("`{name}` is defined nowhere in this workspace"),
    })
}

/// True for a name loaded from a file of the program under the name it has there.
fn is_of_recipes(file: FileView<'_>, id: DefinitionId) -> bool {
    let tree = file.tree();
    let loaded = file.scopes.definition(id).bindings.last().map(|binding| binding.node);
    let Some(load_name) = loaded else { return false };
    let NodeKind::LoadName { local, original } = tree.kind(load_name) else { return false };
    let path = tree.parent(load_name).and_then(|load| match tree.kind(load) {
        NodeKind::Load { path, .. } => tree.string_value(*path),
        _ => None,
    });
    references::same_name(tree, local.span, *original)
        && path.is_some_and(|path| crate::spec::recipes::embedded(path).is_some())
}

/// Refuses what is not a name.
fn valid(name: &str) -> Result<(), String> {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return Err(format!("\"{name}\" is not a name: letters, digits and _ only, and no digit in front"));
    }
    if Keyword::from_word(name).is_some() || RESERVED_WORDS.contains(&name) {
        return Err(format!("`{name}` is a word of the language"));
    }
    if matches!(name, "True" | "False" | "None") || registry::find(name).is_some() {
        return Err(format!("`{name}` is a builtin; a name of the spec would hide it"));
    }
    Ok(())
}

/// Refuses when the new name is visible at a place that mentions the old one.
fn conflicts(file: FileView<'_>, edits: &FileEdits, new_name: &str) -> Result<(), String> {
    let tree = file.tree();
    let visible = |edit: &Edit| {
        let names = file.scopes.visible_at(tree, edit.span.start);
        names.into_iter().map(|id| file.scopes.definition(id)).find(|known| known.name == new_name)
    };
    match edits.edits.iter().find_map(visible) {
        Some(known) => {
            let line = line_of(tree, known.bindings.first().map_or(0, |binding| binding.span.start));
            let name = edits.path.file_name().unwrap_or_default().to_string_lossy();
            Err(format!("`{new_name}` is already a name here: {name}:{line}"))
        }
        None => Ok(()),
    }
}

fn line_of(tree: &Tree, offset: u32) -> usize {
    tree.text[..offset as usize].matches('\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::{prepare, rename};
    use crate::ide::fixture::Fixture;

    #[track_caller]
    fn check(fixture: &str, new_name: &str, expected: Result<&str, &str>) {
        let fixture = Fixture::new(fixture);
        let result = fixture.ask(|snapshot, offset| rename(snapshot, offset, new_name));
        let shown = result.map(|files| {
            let mut text = fixture.text().to_owned();
            let mut edits: Vec<_> =
                files.into_iter().filter(|file| file.path.ends_with("main.star")).collect();
            let mut edits = edits.pop().map(|file| file.edits).unwrap_or_default();
            edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
            for edit in edits {
                text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
            }
            text
        });
        assert_eq!(shown.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn all_mentions_change() {
        check("x = 1\ny = $0x + x\n", "z", Ok("z = 1\ny = z + z\n"));
        check(
            "load(\"lib.star\", \"help\")\nhe$0lp()\n//- /w/lib.star\ndef help():\n    pass\n",
            "aid",
            Ok("load(\"lib.star\", \"aid\")\naid()\n"),
        );
    }

    #[test]
    fn what_would_break_the_spec_is_refused() {
        check("x = 1\ny = $0x\n", "y", Err("`y` is already a name here: main.star:2"));
        check(
            "$0x = 1\n",
            "2x",
            Err("\"2x\" is not a name: letters, digits and _ only, and no digit in front"),
        );
        check("$0x = 1\n", "lambda", Err("`lambda` is a word of the language"));
        check("$0x = 1\n", "service", Err("`service` is a builtin; a name of the spec would hide it"));
        check("$0service(\"db\")\n", "x", Err("`service` is a builtin and cannot be renamed"));
        let fixture = Fixture::new("x = 1 $0+ 2\n");
        assert!(fixture.ask(prepare).is_err());
    }
}
