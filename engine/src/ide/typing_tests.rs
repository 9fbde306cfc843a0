//! Every answer at every place of the example specs, and how often completion knows the next word while they are typed
//! (bar L5).

use super::fixture::Fixture;
use super::{
    Snapshot, completion, definition, folding, highlights, references, rename, selection, signature,
};
use super::{symbols, tokens};
use crate::syntax::lexer::{Token, TokenKind};
use crate::syntax::scope::Scopes;
use crate::syntax::{self, NodeKind, Parsed, Tree};
use crate::text::FileId;
use std::path::{Path, PathBuf};

/// Path and text of every example spec.
fn examples() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root).expect("examples").flatten() {
        let Ok(files) = std::fs::read_dir(folder.path()) else { continue };
        for file in files.flatten().filter(|file| file.path().extension().is_some_and(|end| end == "star")) {
            found.push((file.path(), std::fs::read_to_string(file.path()).expect("a spec")));
        }
    }
    found.sort();
    assert!(found.len() >= 4, "{found:?}");
    found
}

/// Asks everything that depends on a place.
fn ask_everything(snapshot: &Snapshot<'_>, offset: u32) -> usize {
    let answers = completion::completions(snapshot, offset, &[]).len()
        + definition::definitions(snapshot, offset).len()
        + references::references(snapshot, offset).len()
        + highlights::highlights(snapshot, offset).len()
        + selection::selection_ranges(snapshot, offset).len();
    let signature = signature::signature_help(snapshot, offset);
    let hover = super::hover::hover(snapshot, offset, &super::results::RunResults::default());
    let hierarchy = super::calls::prepare(snapshot, offset);
    let outgoing = hierarchy.map_or(0, |item| super::calls::outgoing(snapshot, &item).len());
    let at = crate::text::Span::new(FileId(0), offset, offset);
    let actions = super::actions::actions(snapshot, at, &[]).len();
    let renamed = rename::rename(snapshot, offset, "renamed").map_or(0, |edits| edits.len());
    answers + renamed + outgoing + actions + usize::from(hover.is_some()) + usize::from(signature.is_some())
}

/// Asks everything about the file as a whole.
fn ask_about_file(snapshot: &Snapshot<'_>) {
    let none = super::results::RunResults::default();
    super::lens::lenses(snapshot, &none);
    super::inlay::hints(snapshot, &none);
    super::test_items::test_items(snapshot);
    super::static_check::check(snapshot);
    folding::folds(snapshot);
    symbols::document_symbols(snapshot);
    tokens::semantic_tokens(snapshot);
}

#[test]
fn every_answer_survives_every_place_of_the_examples() {
    for (path, text) in examples() {
        let fixture = Fixture::new(&text);
        fixture.ask(|snapshot, _| {
            ask_about_file(snapshot);
            let mut answers = 0;
            for offset in (0..=text.len() as u32).step_by(13) {
                answers += ask_everything(snapshot, offset);
            }
            assert!(answers > text.len() / 4, "{}", path.display());
        });
    }
}

#[test]
fn every_answer_survives_half_typed_specs() {
    let (_, text) = examples().swap_remove(1);
    for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)).step_by(29) {
        let fixture = Fixture::new(&text[..end]);
        fixture.ask(|snapshot, _| {
            ask_about_file(snapshot);
            ask_everything(snapshot, end as u32);
        });
    }
}

/// A word of the text that a typist would want to be offered, with where it starts.
fn wanted(parsed: &Parsed, scopes: &Scopes, token: &Token) -> Option<String> {
    let tree = &parsed.tree;
    let text = &tree.text[token.start as usize..token.end as usize];
    match token.kind {
        TokenKind::Keyword(_) => Some(text.to_owned()),
        TokenKind::Name => {
            let (node, span) = tree.name_at(token.start + 1)?;
            let binds = scopes
                .resolve(node)
                .is_some_and(|id| scopes.definition(id).bindings.iter().any(|binding| binding.span == span));
            // A new name is the typist's own invention; so is the field of a struct.
            let field = matches!(tree.kind(node), NodeKind::Argument { .. }) && in_struct(tree, node);
            (!binds && !field).then(|| text.to_owned())
        }
        _ => None,
    }
}

fn in_struct(tree: &Tree, argument: syntax::NodeId) -> bool {
    let call = tree.parent(argument).map(|call| tree.kind(call));
    matches!(call, Some(NodeKind::Call { callee, .. }) if tree.text_of(*callee) == "struct")
}

/// How many words there are, and which of them are not offered before their first letter is typed.
fn misses(text: &str) -> (usize, Vec<String>) {
    let parsed = syntax::parse(FileId(0), text);
    let scopes = Scopes::of(&parsed.tree);
    let (mut count, mut missed) = (0, Vec::new());
    for token in parsed.tokens.iter().filter(|token| token.start < token.end) {
        let Some(word) = wanted(&parsed, &scopes, token) else { continue };
        count += 1;
        let typed = Fixture::new(&text[..token.start as usize]);
        let offered = typed.ask(|snapshot, _| completion::completions(snapshot, token.start, &[]));
        let is_word = |label: &str| label.trim_end_matches('=') == word;
        if !offered.iter().any(|item| is_word(&item.label)) {
            let line = text[..token.start as usize].rsplit('\n').next().unwrap_or("");
            missed.push(format!("{line}|{word}"));
        }
    }
    (count, missed)
}

#[test]
fn the_next_word_is_offered() {
    for (path, text) in examples() {
        let (count, missed) = misses(&text);
        let offered = count - missed.len();
        let ratio = offered as f64 / count as f64;
        println!("L5 {}: {offered} of {count} words offered, {:.1} %", path.display(), ratio * 100.0);
        for miss in missed.iter().take(12) {
            println!("   {miss}");
        }
        assert!(ratio >= 0.9, "{}: {missed:#?}", path.display());
    }
}
