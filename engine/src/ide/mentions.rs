//! Where functions are named, and what for: called, or handed over as an expectation.

use super::FileView;
use super::call_site::Written;
use super::declarations::items;
use crate::syntax::{ArgumentKind, NodeId, NodeKind, Tree};

/// What a mention of a function is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Use {
    Called {
        call: NodeId,
    },
    /// It judges what these scenarios return.
    Expects {
        scenarios: Vec<NodeId>,
        /// False when only its looks say so, and when there may be further scenarios.
        is_certain: bool,
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
                "expect" => {
                    let scenarios: Vec<NodeId> = written.keyword("scenario").into_iter().collect();
                    let is_certain = !scenarios.is_empty() && calls(tree, call, "fault_scenario");
                    Use::Expects { scenarios, is_certain }
                }
                "default_expect" => {
                    let list = written.keyword("scenarios");
                    let scenarios = list.map_or(&[][..], |list| items(tree, list)).to_vec();
                    let is_certain = !scenarios.is_empty() && calls(tree, call, "fault_matrix");
                    Use::Expects { scenarios, is_certain }
                }
                _ => Use::Other,
            }
        }
        // `overrides = {(scenario, assumption): function}`
        NodeKind::DictEntry { key, value } if *value == mention => {
            let scenarios: Vec<NodeId> = items(tree, *key).iter().take(1).copied().collect();
            let is_certain = !scenarios.is_empty() && is_override(tree, parent);
            Use::Expects { scenarios, is_certain }
        }
        _ => Use::Other,
    }
}

fn calls(tree: &Tree, call: NodeId, builtin: &str) -> bool {
    matches!(tree.kind(call), NodeKind::Call { callee, .. } if tree.text_of(*callee) == builtin)
}

/// True for an entry of a dict that is written as `overrides` of a matrix.
fn is_override(tree: &Tree, entry: NodeId) -> bool {
    let mut above = tree.ancestors(entry).filter(|&at| !matches!(tree.kind(at), NodeKind::Paren { .. }));
    let (Some(_), Some(argument), Some(call)) = (above.next(), above.next(), above.next()) else {
        return false;
    };
    let word = match tree.kind(argument) {
        NodeKind::Argument { kind: ArgumentKind::Keyword(name), .. } => tree.str(name.span),
        _ => "",
    };
    word == "overrides" && calls(tree, call, "fault_matrix")
}
