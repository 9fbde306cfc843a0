//! Where functions are named, and what for: called, or handed over as an expectation.

use super::FileView;
use super::call_site::Written;
use crate::syntax::{ArgumentKind, NodeId, NodeKind, Tree};

/// What a mention of a function is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Called {
        call: NodeId,
    },
    /// It judges what a scenario returns.
    Expects {
        scenario: Option<NodeId>,
    },
    Other,
}

/// Nodes that stand for the function: the lambda itself, or every name that refers to the def.
pub(super) fn of_function(file: FileView<'_>, function: NodeId) -> Vec<NodeId> {
    let by_name = file.scopes.resolve(function).map(|id| file.scopes.definition(id).uses.clone());
    by_name.unwrap_or_else(|| vec![function])
}

/// What a node that stands for a function is used for.
pub(super) fn use_of(tree: &Tree, mention: NodeId) -> Use {
    let Some(parent) = tree.parent(mention) else { return Use::Other };
    match tree.kind(parent) {
        NodeKind::Call { callee, .. } if *callee == mention => Use::Called { call: parent },
        NodeKind::Argument { kind: ArgumentKind::Keyword(name), .. } => {
            let Some(call) = tree.parent(parent) else { return Use::Other };
            let written = Written::of(tree, call);
            match tree.str(name.span) {
                "expect" => Use::Expects { scenario: written.keyword("scenario") },
                "default_expect" => {
                    let first = written.keyword("scenarios").and_then(|list| first_item(tree, list));
                    Use::Expects { scenario: first }
                }
                _ => Use::Other,
            }
        }
        // `overrides = {(scenario, assumption): function}`
        NodeKind::DictEntry { key, value } if *value == mention => {
            Use::Expects { scenario: first_item(tree, *key) }
        }
        _ => Use::Other,
    }
}

/// The first item of a list or tuple.
fn first_item(tree: &Tree, list: NodeId) -> Option<NodeId> {
    match tree.kind(list) {
        NodeKind::Paren { inner } => first_item(tree, *inner),
        NodeKind::List { items } | NodeKind::Tuple { items } => items.first().copied(),
        _ => None,
    }
}
