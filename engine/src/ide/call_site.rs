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

/// The entry that a call means to who is writing it: where the arguments leave that open, the place of the call tells.
pub(super) fn meant(
    tree: &Tree,
    call: NodeId,
    builtin: &'static Builtin,
    written: &Written,
) -> &'static Builtin {
    let told = !written.positional.is_empty()
        || written.has_args
        || ["duration", "delay"].iter().any(|word| written.keyword(word).is_some());
    let wanted = layer_of_place(tree, call).filter(|_| !told);
    let meant = wanted.and_then(|layer| forms(builtin).find(|form| form.returns == layer.returns()));
    meant.unwrap_or_else(|| form(builtin, written))
}

/// What the rules of a place act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    Syscalls,
    Messages,
}

impl Layer {
    /// What the table of builtins calls a rule of this layer.
    fn returns(self) -> &'static str {
        match self {
            Layer::Syscalls => "syscall fault",
            Layer::Messages => "protocol rule",
        }
    }
}

/// The layer of the rule that stands where `value` does: `write=` wants a syscall fault, `rules=` a protocol rule.
pub(super) fn layer_of_place(tree: &Tree, value: NodeId) -> Option<Layer> {
    let argument = argument_around(tree, value)?;
    let NodeKind::Call { callee, .. } = tree.kind(tree.parent(argument)?) else { return None };
    let builtin = registry::find(tree.text_of(*callee)).filter(|it| it.keywords == Keywords::Syscalls)?;
    match keyword_of_place(tree, value) {
        Some((_, "rules")) => Some(Layer::Messages),
        Some((_, word)) => builtin.params.iter().all(|param| param.name != word).then_some(Layer::Syscalls),
        None => Some(Layer::Messages),
    }
}

/// The call and keyword that a value is given to.
pub(super) fn keyword_of_place(tree: &Tree, value: NodeId) -> Option<(NodeId, &str)> {
    let argument = argument_around(tree, value)?;
    match tree.kind(argument) {
        NodeKind::Argument { kind: ArgumentKind::Keyword(name), .. } => {
            Some((tree.parent(argument)?, tree.str(name.span)))
        }
        _ => None,
    }
}

/// The argument that a value is, brackets and choices around it left out.
fn argument_around(tree: &Tree, value: NodeId) -> Option<NodeId> {
    let is_holder = |kind: &NodeKind| {
        matches!(kind, NodeKind::Paren { .. } | NodeKind::List { .. } | NodeKind::Conditional { .. })
    };
    let outer = tree.ancestors(value).find(|&at| !is_holder(tree.kind(at)))?;
    matches!(tree.kind(outer), NodeKind::Argument { .. }).then_some(outer)
}

/// Every entry of the name.
pub(super) fn forms(builtin: &'static Builtin) -> impl Iterator<Item = &'static Builtin> {
    registry::all().filter(|entry| entry.name == builtin.name)
}
