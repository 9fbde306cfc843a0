//! Where a function tells its arguments apart. What a branch does with them holds for what the branch is for, which need
//! not be what the calls at hand give.

use super::FileView;
use super::call_site::Written;
use crate::syntax::lexer::Operator;
use crate::syntax::scope::{Definition, DefinitionId};
use crate::syntax::{NodeId, NodeKind};

/// Parts of one condition that are looked at, as that is done for every use behind it.
const MAX_CONDITION: usize = 200;

/// True when a function asks which value a parameter of it is: `s == api`, `s.name == "api"`, `type(s) == "string"`.
pub(super) fn asks_which(file: FileView<'_>, param: NodeId) -> bool {
    let (Some(id), Some(owner)) = (file.scopes.resolve(param), file.tree().parent(param)) else {
        return false;
    };
    compares(file, owner, usize::MAX, &|name| name == id)
}

/// True for a use of a parameter in a branch that is taken for some values of a parameter only.
pub(super) fn is_in_branch(file: FileView<'_>, used: NodeId, definition: &Definition) -> bool {
    let tree = file.tree();
    let Some(owner) = definition.bindings.first().and_then(|first| owner_of_param(file, first.node)) else {
        return false;
    };
    let is_param = |id: DefinitionId| {
        let first = file.scopes.definition(id).bindings.first();
        first.is_some_and(|first| owner_of_param(file, first.node).is_some())
    };
    let mut above = tree.ancestors(used).take_while(|&above| above != owner);
    above.any(|above| match tree.kind(above) {
        NodeKind::Branch { condition, .. } => {
            // What an `else` is for, the `if` says.
            let first = tree.parent(above).and_then(|whole| match tree.kind(whole) {
                NodeKind::If { branches } => branches.first().copied(),
                _ => None,
            });
            let first = first.and_then(|first| match tree.kind(first) {
                NodeKind::Branch { condition, .. } => *condition,
                _ => None,
            });
            condition
                .iter()
                .chain(&first)
                .any(|&condition| compares(file, condition, MAX_CONDITION, &is_param))
        }
        NodeKind::Conditional { condition, .. } => compares(file, *condition, MAX_CONDITION, &is_param),
        _ => false,
    })
}

/// The function a parameter belongs to; `None` for any other node.
fn owner_of_param(file: FileView<'_>, node: NodeId) -> Option<NodeId> {
    let tree = file.tree();
    matches!(tree.kind(node), NodeKind::Param { .. }).then(|| tree.parent(node))?
}

/// True when something within a node is compared with a wanted name. Whether it is `None` tells no two values apart.
fn compares(
    file: FileView<'_>,
    within: NodeId,
    most: usize,
    is_wanted: &dyn Fn(DefinitionId) -> bool,
) -> bool {
    let tree = file.tree();
    let about = |side: NodeId| subject(file, side).is_some_and(is_wanted);
    std::iter::once(within).chain(tree.descendants(within)).take(most).any(|id| match tree.kind(id) {
        NodeKind::Compare { operator, left, right } => {
            let tells =
                matches!(operator, Operator::Equal | Operator::NotEqual | Operator::In | Operator::NotIn);
            let is_none = [*left, *right].iter().any(|&side| tree.text_of(side) == "None");
            tells && !is_none && (about(*left) || about(*right))
        }
        _ => false,
    })
}

/// The name that `s`, `s.name` and `type(s)` are about.
fn subject(file: FileView<'_>, node: NodeId) -> Option<DefinitionId> {
    let tree = file.tree();
    let named =
        |node: NodeId| file.scopes.resolve(node).filter(|_| matches!(tree.kind(node), NodeKind::Name));
    match tree.kind(node) {
        NodeKind::Name => named(node),
        NodeKind::Attribute { object, name } if tree.str(name.span) == "name" => named(*object),
        NodeKind::Call { callee, .. } if tree.text_of(*callee) == "type" => {
            named(*Written::of(tree, node).positional.first()?)
        }
        _ => None,
    }
}
