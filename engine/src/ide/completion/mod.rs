//! What can be typed at the cursor, best first.
//!
//! The cursor's context decides who proposes: `names` and `words` for values and statements, `arguments` inside a
//! call's brackets, `attributes` behind a dot, `strings` between quotes.

mod arguments;
mod attributes;
mod expected;
mod names;
mod particular;
mod strings;
mod words;

#[cfg(test)]
mod tests;

use super::infer::Inference;
use super::{Snapshot, fuzzy};
use crate::syntax::cursor::{self, Context, Cursor};
use crate::text::Span;
use std::collections::HashSet;

/// What a proposal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionKind {
    Keyword,
    Builtin,
    Function,
    Variable,
    Service,
    Interface,
    /// A step of an interface.
    Method,
    Property,
    /// A keyword argument.
    Argument,
    Assumption,
    /// One of the words a text may be.
    Value,
    File,
}

/// One proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    pub label: String,
    pub kind: CompletionKind,
    /// A few words beside the label.
    pub detail: String,
    /// Markdown; may be empty.
    pub doc: String,
    /// What is inserted; with `$1` and `${2:default}` places when `is_snippet`.
    pub insert: String,
    pub is_snippet: bool,
    /// What it replaces.
    pub replace: Span,
    /// Lower ones stand first; the order of the list is the order of ranks.
    pub rank: u16,
}

/// Everything that can be typed at `offset`. `listing` holds the files an editor may name here, as paths from the
/// folder of the spec.
pub fn completions(snapshot: &Snapshot<'_>, offset: u32, listing: &[String]) -> Vec<Completion> {
    let cursor = cursor::at(snapshot.file.parsed, offset);
    let ground = Ground { snapshot: *snapshot, inference: Inference::new(*snapshot), offset, listing };
    let mut list = List { replace: cursor.replace, behind: Behind::of(snapshot, &cursor), items: Vec::new() };
    ground.propose(&cursor, &mut list);
    list.items.sort_by_key(|item| item.rank);
    let mut seen = HashSet::new();
    list.items.retain(|item| seen.insert(item.label.clone()));
    list.items
}

/// Lists up to this length are shown whole.
const MAX_WHOLE: usize = 600;

/// Most proposals of one group in a list that is not shown whole: nobody reads further, and a message of some 100 kB is made,
/// sent and read within a few milliseconds.
const MAX_OF_GROUP: usize = 250;

/// What is worth showing of a long list.
#[derive(Debug)]
pub struct Shown {
    pub items: Vec<Completion>,
    /// False when further letters may bring forth more, so that a client has to ask again.
    pub is_complete: bool,
}

/// The proposals to show where `typed` is the word so far: all, or when they are many the best of each group that match.
pub fn shown(mut items: Vec<Completion>, typed: &str) -> Shown {
    let is_complete = items.len() <= MAX_WHOLE;
    if !is_complete {
        let mut of_group = [0; GROUPS];
        items.retain(|item| {
            let count = &mut of_group[usize::from(item.rank / PLACES).min(GROUPS - 1)];
            let is_shown = *count < MAX_OF_GROUP && fuzzy::matches(typed, &item.label);
            *count += usize::from(is_shown);
            is_shown
        });
    }
    Shown { items, is_complete }
}

/// What proposals are made from.
struct Ground<'a> {
    snapshot: Snapshot<'a>,
    inference: Inference<'a>,
    offset: u32,
    listing: &'a [String],
}

/// Proposals so far; all replace the same text.
struct List {
    replace: Span,
    behind: Behind,
    items: Vec<Completion>,
}

/// What stands behind the replaced word already, and is not inserted once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Behind {
    /// The brackets of a call.
    Brackets,
    /// The `=` of a keyword argument, or of a loaded name.
    Equals,
    Other,
}

impl Behind {
    fn of(snapshot: &Snapshot<'_>, cursor: &Cursor) -> Behind {
        let text = snapshot.tree().text.get(cursor.replace.end as usize..).unwrap_or("");
        let after_blanks = text.trim_start_matches([' ', '\t']);
        let is_equals = after_blanks.starts_with('=') && !after_blanks.starts_with("==");
        match cursor.context {
            _ if text.starts_with('(') => Behind::Brackets,
            Context::Argument(_) | Context::LoadName { string: None, .. } if is_equals => Behind::Equals,
            _ => Behind::Other,
        }
    }
}

/// Groups of proposals, the first ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// Exactly what is wanted here.
    Wanted,
    Required,
    Likely,
    Optional,
    Local,
    Global,
    Snippet,
    Builtin,
    Keyword,
    Rare,
}

const GROUPS: usize = Rank::Rare as usize + 1;

/// Places in a group; all further ones share the last.
const PLACES: u16 = 1_000;

impl List {
    /// Adds a proposal that inserts its label.
    fn plain(&mut self, rank: Rank, kind: CompletionKind, label: &str, detail: &str, doc: &str) {
        self.add(rank, kind, label, (detail, doc), label.to_owned(), false);
    }

    fn add(
        &mut self,
        rank: Rank,
        kind: CompletionKind,
        label: &str,
        (detail, doc): (&str, &str),
        insert: String,
        is_snippet: bool,
    ) {
        let brings_brackets = insert.strip_prefix(label).is_some_and(|rest| rest.starts_with('('));
        let (insert, is_snippet) = match self.behind {
            Behind::Brackets if brings_brackets => (label.to_owned(), false),
            _ => (insert, is_snippet),
        };
        // Proposals of one group keep the order they were made in.
        let place = self.items.len().min(usize::from(PLACES) - 1) as u16;
        self.items.push(Completion {
            label: label.to_owned(),
            kind,
            detail: detail.to_owned(),
            doc: doc.to_owned(),
            insert,
            is_snippet,
            replace: self.replace,
            rank: rank as u16 * PLACES + place,
        });
    }
}

impl Ground<'_> {
    fn propose(&self, cursor: &Cursor, list: &mut List) {
        match &cursor.context {
            Context::Nothing => self.operators(cursor, list),
            Context::NewName => {}
            Context::Statement => {
                self.statement_words(list);
                self.names(list, None);
                self.declarations_first(list);
            }
            Context::Expression(place) => {
                let wanted = self.expected(place);
                self.values(list, wanted.as_ref());
            }
            Context::Number(place) => {
                if let Some(wanted) = self.expected(place) {
                    self.numbers(list, &wanted);
                }
            }
            Context::Argument(active) => self.arguments(list, active),
            Context::Attribute { object } => self.attributes(list, *object),
            Context::String { place, string } => self.string(list, place, *string),
            Context::LoadPath { string } => self.load_path(list, string.is_some()),
            // In front of `=` a name is made up.
            Context::LoadName { .. } if list.behind == Behind::Equals => {}
            Context::LoadName { path, string } => self.load_names(list, path.as_deref(), string.is_some()),
        }
    }

    /// Names, words and literals where a value is wanted.
    fn values(&self, list: &mut List, wanted: Option<&expected::Expected>) {
        if let Some(wanted) = wanted {
            self.literals(list, wanted);
        }
        let first = list.items.len();
        self.names(list, wanted);
        if wanted.is_some_and(|wanted| wanted.is_strict) {
            let names = list.items.split_off(first);
            list.items.extend(names.into_iter().filter(|item| item.rank < Rank::Optional as u16 * 1_000));
            return;
        }
        if wanted.is_some_and(|wanted| wanted.names_interfaces()) {
            self.interfaces(list);
        }
        self.value_words(list);
    }
}
