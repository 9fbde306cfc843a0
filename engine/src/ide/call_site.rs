//! The arguments of a call as written, and which form of a builtin a call means.

use crate::model::Param;
use crate::spec::registry::{self, Builtin, Keywords};
use crate::syntax::{ArgumentKind, Ident, NodeId, NodeKind, Tree};

/// Arguments by kind.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    /// Values given by position, up to a `*list`.
    pub positional: Vec<NodeId>,
    /// Names and values given by keyword.
    pub keywords: Vec<(Ident, String, NodeId)>,
    /// `*list` is among the arguments.
    pub has_args: bool,
    /// `**dict` is among the arguments.
    pub has_kwargs: bool,
}

impl Written {
    /// The arguments of a call; none for any other node.
    pub(super) fn of(tree: &Tree, call: NodeId) -> Written {
        let mut written = Written::default();
        let NodeKind::Call { args, .. } = tree.kind(call) else { return written };
        for &arg in args {
            let NodeKind::Argument { kind, value } = tree.kind(arg) else { continue };
            match kind {
                // What is missing was reported as syntax, and a half-typed argument is not judged.
                ArgumentKind::Positional if matches!(tree.kind(*value), NodeKind::Missing) => {}
                // Behind a keyword no position is left: it is a keyword somebody begins to type.
                ArgumentKind::Positional if !written.keywords.is_empty() && is_name(tree, *value) => {}
                ArgumentKind::Positional if !written.has_args => written.positional.push(*value),
                ArgumentKind::Positional => {}
                ArgumentKind::Keyword(name) => {
                    written.keywords.push((*name, tree.str(name.span).to_owned(), *value));
                }
                ArgumentKind::Args => written.has_args = true,
                ArgumentKind::Kwargs => written.has_kwargs = true,
            }
        }
        written
    }

    /// The value of a keyword argument.
    pub(super) fn keyword(&self, name: &str) -> Option<NodeId> {
        self.keywords.iter().find(|(_, word, _)| word == name).map(|(_, _, value)| *value)
    }

    /// The value of a parameter, given by keyword or by position.
    pub(super) fn parameter(&self, params: &[Param], name: &str) -> Option<NodeId> {
        let at = params.iter().position(|param| param.name == name);
        self.keyword(name).or_else(|| self.positional.get(at?).copied())
    }

    /// The text of a parameter that is written as a string.
    pub(super) fn text_of_parameter<'t>(
        &self,
        tree: &'t Tree,
        params: &[Param],
        name: &str,
    ) -> Option<&'t str> {
        tree.string_value(self.parameter(params, name)?)
    }
}

/// True for a lone name, which may become a keyword.
pub(super) fn is_name(tree: &Tree, value: NodeId) -> bool {
    matches!(tree.kind(value), NodeKind::Name)
}

/// The entry that a call of `builtin` means: `delay` has one per layer, told apart as the evaluator does.
pub(super) fn form(builtin: &'static Builtin, written: &Written) -> &'static Builtin {
    if builtin.name != "delay" {
        return builtin;
    }
    let syscall = !written.positional.is_empty() || written.has_args || written.keyword("duration").is_some();
    forms(builtin).find(|form| (form.keywords == Keywords::Closed) == syscall).unwrap_or(builtin)
}

/// Every entry of the name.
pub(super) fn forms(builtin: &'static Builtin) -> impl Iterator<Item = &'static Builtin> {
    registry::all().filter(|entry| entry.name == builtin.name)
}
