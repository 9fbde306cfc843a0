//! A call of the tolerant tree in the form the loader's checks read.

use crate::spec::outline::{ArgKind, ArgSite, CallSite, Callee, ExprShape, ExprSite};
use crate::syntax::{ArgumentKind, NodeId, NodeKind, Tree};

/// The arguments of a call; `None` when one of them is not there yet.
pub(super) fn of(tree: &Tree, call: NodeId) -> Option<CallSite> {
    let NodeKind::Call { args, .. } = tree.kind(call) else { return None };
    let mut args = args.iter().map(|&arg| argument(tree, arg)).collect::<Option<Vec<ArgSite>>>()?;
    // Behind a keyword, a lone name is a keyword somebody begins to type.
    let mut behind_keyword = false;
    args.retain(|arg| {
        behind_keyword |= matches!(arg.kind, ArgKind::Named(..));
        let is_name = arg.kind == ArgKind::Positional && matches!(arg.value.shape, ExprShape::Name(_));
        !(behind_keyword && is_name)
    });
    Some(CallSite { span: tree.span(call), callee: Callee::Other, args, function: None })
}

fn argument(tree: &Tree, arg: NodeId) -> Option<ArgSite> {
    let NodeKind::Argument { kind, value } = tree.kind(arg) else { return None };
    let kind = match kind {
        ArgumentKind::Positional => ArgKind::Positional,
        ArgumentKind::Keyword(name) => ArgKind::Named(tree.str(name.span).to_owned(), name.span),
        ArgumentKind::Args => ArgKind::Spread,
        ArgumentKind::Kwargs => ArgKind::SpreadNamed,
    };
    if matches!(tree.kind(*value), NodeKind::Missing) {
        return None;
    }
    let value = ExprSite { span: tree.span(*value), shape: shape(tree, *value), attributes: Vec::new() };
    Some(ArgSite { kind, span: tree.span(arg), value })
}

fn shape(tree: &Tree, value: NodeId) -> ExprShape {
    match tree.kind(value) {
        NodeKind::String(literal) => ExprShape::Str(literal.value.clone()),
        NodeKind::Bytes => ExprShape::Bytes,
        NodeKind::Int => tree.text_of(value).parse().map_or(ExprShape::Other, ExprShape::Int),
        NodeKind::Float => ExprShape::Float,
        NodeKind::List { items } | NodeKind::Tuple { items } => {
            ExprShape::Items(items.iter().map(|&item| tree.span(item)).collect())
        }
        NodeKind::Dict { entries } => {
            let entry = |&entry: &NodeId| match tree.kind(entry) {
                NodeKind::DictEntry { key, value } => Some((tree.span(*key), tree.span(*value))),
                _ => None,
            };
            ExprShape::Entries(entries.iter().filter_map(entry).collect())
        }
        NodeKind::Lambda { .. } => ExprShape::Lambda,
        NodeKind::Name => ExprShape::Name(tree.text_of(value).to_owned()),
        _ => ExprShape::Other,
    }
}
