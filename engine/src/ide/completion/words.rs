//! Words of the language, where they may stand.

use super::{CompletionKind, Ground, List, Rank};
use crate::ide::declarations::is_function;
use crate::syntax::NodeKind;
use crate::syntax::cursor::Cursor;
use crate::syntax::lexer::{Bracket, TokenKind};

/// What the statements of a spec begin with, the commonest first.
const DECLARATIONS: &[&str] =
    &["service", "fault_assumption", "fault_scenario", "load", "def", "fault_matrix"];

impl Ground<'_> {
    pub(super) fn statement_words(&self, list: &mut List) {
        let (in_function, in_loop) = self.around();
        let snippet = |list: &mut List, word: &str, detail: &str, insert: &str| {
            list.add(Rank::Keyword, CompletionKind::Keyword, word, (detail, ""), insert.to_owned(), true);
        };
        if in_function {
            snippet(list, "def", "a function", "def ${1:name}($2):\n    $0");
        } else {
            snippet(list, "def", "a function; test_* is a test", "def ${1:test_name}($2):\n    $0");
        }
        if in_function {
            list.plain(Rank::Keyword, CompletionKind::Keyword, "return", "", "");
        } else {
            snippet(list, "load", "names from another file", "load(\"$1\", \"$2\")");
        }
        snippet(list, "for", "a loop", "for ${1:item} in ${2:items}:\n    $0");
        snippet(list, "if", "a condition", "if ${1:condition}:\n    $0");
        snippet(list, "elif", "", "elif ${1:condition}:\n    $0");
        snippet(list, "else", "", "else:\n    $0");
        list.plain(Rank::Rare, CompletionKind::Keyword, "pass", "does nothing", "");
        if in_loop {
            list.plain(Rank::Keyword, CompletionKind::Keyword, "break", "", "");
            list.plain(Rank::Keyword, CompletionKind::Keyword, "continue", "", "");
        }
    }

    /// Moves what a spec is made of in front of its own names, which begin no statement outside of functions.
    pub(super) fn declarations_first(&self, list: &mut List) {
        let (in_function, _) = self.around();
        for item in list.items.iter_mut().filter(|_| !in_function) {
            if let Some(place) = DECLARATIONS.iter().position(|word| *word == item.label) {
                item.rank = Rank::Wanted as u16 * 1_000 + place as u16;
            }
        }
    }

    /// Whether the cursor is in a function, and in a loop.
    fn around(&self) -> (bool, bool) {
        let tree = self.snapshot.tree();
        let before = tree.text.get(..self.offset as usize).unwrap_or("");
        let indented = before.rsplit('\n').next().is_some_and(|line| line.starts_with([' ', '\t']));
        if !indented {
            return (false, false);
        }
        let code = before.trim_end().len() as u32;
        let node = tree.covering(code.saturating_sub(1), code);
        let above = || std::iter::once(node).chain(tree.ancestors(node));
        let in_function = above().any(|id| is_function(tree, id));
        (in_function, above().any(|id| matches!(tree.kind(id), NodeKind::For { .. })))
    }

    pub(super) fn value_words(&self, list: &mut List) {
        for word in ["True", "False", "None", "not"] {
            list.plain(Rank::Keyword, CompletionKind::Keyword, word, "", "");
        }
        let lambda = "lambda ${1:r}: $0".to_owned();
        list.add(Rank::Keyword, CompletionKind::Keyword, "lambda", ("a function in place", ""), lambda, true);
    }

    /// Words that join values, behind a value.
    pub(super) fn operators(&self, cursor: &Cursor, list: &mut List) {
        let parsed = self.snapshot.file.parsed;
        let end = parsed.tokens.partition_point(|token| token.start < cursor.replace.start.max(1));
        let mut before = parsed.tokens[..end].iter().rev().filter(|token| token.start < token.end);
        // Behind a blank only: directly behind a value its last word goes on.
        if before.next().is_none_or(|token| token.kind != TokenKind::Space) {
            return;
        }
        let ends_value = match before.next().map(|token| token.kind) {
            Some(TokenKind::Close(bracket)) => bracket != Bracket::Curly || list.items.is_empty(),
            Some(TokenKind::Name | TokenKind::Int | TokenKind::Float) => true,
            Some(kind) => kind.is_string(),
            None => false,
        };
        if ends_value {
            for word in ["in", "if", "else", "and", "or", "for", "not in"] {
                list.plain(Rank::Keyword, CompletionKind::Keyword, word, "", "");
            }
        }
    }
}
