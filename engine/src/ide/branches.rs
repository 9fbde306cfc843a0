//! Where a use may not be reached by every call of its function. What is done there holds for some values of the
//! parameters only, which need not be those the calls at hand give.

use super::FileView;
use super::value::RESPONSE;
use crate::syntax::lexer::Operator;
use crate::syntax::{NodeId, NodeKind};
use crate::text::Span;
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

/// Parts of one condition that are looked at; a longer one counts as one that tells values apart.
const MAX_CONDITION: usize = 200;

type Place<'a> = (&'a Path, NodeId);

/// What was found out about the statements of some files, each once.
#[derive(Default)]
pub(super) struct Branches<'a> {
    /// Whether an `if` tells values apart, and whether a function within a function is used for some only.
    telling: RefCell<HashMap<Place<'a>, bool>>,
    /// Where in a block the first statement ends that may leave the function, or the turn of a loop, for some values only.
    leaving: RefCell<HashMap<Place<'a>, Option<u32>>>,
}

impl<'a> Branches<'a> {
    /// True for a use that is reached for some values of the function's parameters only.
    pub(super) fn is_conditional(&self, file: FileView<'a>, used: NodeId) -> bool {
        let tree = file.tree();
        let mut inner = used;
        for around in tree.ancestors(used) {
            let is_some = match tree.kind(around) {
                NodeKind::If { branches } => {
                    let asked_first = branches.first().is_some_and(|&first| {
                        first == inner && is_in_condition(tree.kind(first), tree.span(used), file)
                    });
                    !asked_first && self.tells(file, around)
                }
                NodeKind::Conditional { condition, .. } => {
                    *condition != inner && tells_apart(file, *condition)
                }
                NodeKind::Binary { operator: Operator::And | Operator::Or, left, right } => {
                    *right == inner && tells_apart(file, *left)
                }
                NodeKind::Comprehension { element, clauses } => {
                    *element == inner && clauses.iter().any(|&clause| is_telling_clause(file, clause))
                }
                NodeKind::Block { .. } => {
                    self.leaves(file, around).is_some_and(|end| end <= tree.span(inner).start)
                }
                NodeKind::Def { .. } => self.is_for_some(file, around),
                // Whoever is given a lambda calls it; one that is kept may be for some values.
                NodeKind::Lambda { .. } => {
                    let kept = tree.parent(around).map(|parent| tree.kind(parent));
                    matches!(kept, Some(NodeKind::DictEntry { .. } | NodeKind::List { .. }))
                }
                _ => false,
            };
            if is_some {
                return true;
            }
            inner = around;
        }
        false
    }

    /// True for a function within a function that is used for some values only.
    fn is_for_some(&self, file: FileView<'a>, def: NodeId) -> bool {
        let definition = file.scopes.resolve(def).map(|id| file.scopes.definition(id));
        let Some(inner) = definition.filter(|known| !known.is_global) else { return false };
        if let Some(&known) = self.telling.borrow().get(&(file.path, def)) {
            return known;
        }
        // A use within itself says nothing.
        self.telling.borrow_mut().insert((file.path, def), false);
        let is_for_some = inner.uses.iter().any(|&used| self.is_conditional(file, used));
        self.telling.borrow_mut().insert((file.path, def), is_for_some);
        is_for_some
    }

    /// True when a branch of an `if` asks for what tells values apart.
    fn tells(&self, file: FileView<'a>, whole: NodeId) -> bool {
        if let Some(&known) = self.telling.borrow().get(&(file.path, whole)) {
            return known;
        }
        let tree = file.tree();
        let NodeKind::If { branches } = tree.kind(whole) else { return false };
        let tells = branches.iter().any(|&branch| match tree.kind(branch) {
            NodeKind::Branch { condition: Some(condition), .. } => tells_apart(file, *condition),
            _ => false,
        });
        self.telling.borrow_mut().insert((file.path, whole), tells);
        tells
    }

    fn leaves(&self, file: FileView<'a>, block: NodeId) -> Option<u32> {
        if let Some(&known) = self.leaving.borrow().get(&(file.path, block)) {
            return known;
        }
        let tree = file.tree();
        let may_leave = |&statement: &NodeId| {
            let mut inside = tree.descendants(statement);
            inside.any(|id| {
                matches!(tree.kind(id), NodeKind::If { .. })
                    && self.tells(file, id)
                    && tree.descendants(id).any(|id| is_leaving(file, id))
            })
        };
        let end = tree.body(block).iter().find(|statement| may_leave(statement)).map(|&id| tree.span(id).end);
        self.leaving.borrow_mut().insert((file.path, block), end);
        end
    }
}

fn is_in_condition(branch: &NodeKind, used: Span, file: FileView<'_>) -> bool {
    let NodeKind::Branch { condition: Some(condition), .. } = branch else { return false };
    let condition = file.tree().span(*condition);
    condition.start <= used.start && used.end <= condition.end
}

fn is_telling_clause(file: FileView<'_>, clause: NodeId) -> bool {
    matches!(file.tree().kind(clause), NodeKind::IfClause { condition } if tells_apart(file, *condition))
}

fn is_leaving(file: FileView<'_>, node: NodeId) -> bool {
    let tree = file.tree();
    match tree.kind(node) {
        NodeKind::Return { .. } | NodeKind::Break | NodeKind::Continue => true,
        NodeKind::Call { callee, .. } => tree.text_of(*callee) == "fail",
        _ => false,
    }
}

/// True when a condition looks at a parameter, or at what a function made of its parameters. Whether something is `None`
/// tells no two values apart, and neither does what a reply says.
fn tells_apart(file: FileView<'_>, condition: NodeId) -> bool {
    let tree = file.tree();
    let mut inside = tree.descendants(condition).enumerate();
    inside.any(|(count, id)| count >= MAX_CONDITION || is_telling(file, id))
}

fn is_telling(file: FileView<'_>, name: NodeId) -> bool {
    let tree = file.tree();
    let is_local = || file.scopes.resolve(name).is_some_and(|id| !file.scopes.definition(id).is_global);
    if !matches!(tree.kind(name), NodeKind::Name) || !is_local() {
        return false;
    }
    if let Some(NodeKind::Compare { left, right, .. }) = tree.parent(name).map(|parent| tree.kind(parent)) {
        return ![*left, *right].iter().any(|&side| tree.text_of(side) == "None");
    }
    let attributes = tree.ancestors(name).map_while(|above| match tree.kind(above) {
        NodeKind::Attribute { name, .. } => Some(tree.str(name.span)),
        _ => None,
    });
    !attributes.into_iter().any(|attribute| RESPONSE.iter().any(|(known, ..)| *known == attribute))
}
