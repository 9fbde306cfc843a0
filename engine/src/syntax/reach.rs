//! Which calls a function can make: its own, and those of the functions of the module it can get at.
//!
//! The answer errs on the side of too many: a function that is mentioned counts as called, be it handed on as a
//! value, and every branch counts as taken.

use super::node::NodeKind;
use super::scope::{DefinitionKind, Scopes};
use super::tree::{NodeId, Tree};
use std::collections::HashSet;

/// Every call reachable from `start`, which may be a def, a lambda or any expression such as the name of a function.
/// Calls stand in the order of the text within each function, functions in the order they are reached.
pub fn reachable_calls(tree: &Tree, scopes: &Scopes, start: NodeId) -> Vec<NodeId> {
    let mut calls = Vec::new();
    let mut seen: HashSet<NodeId> = HashSet::new();
    let mut pending = std::collections::VecDeque::from([code_of(tree, start)]);
    while let Some(code) = pending.pop_front() {
        if !seen.insert(code) {
            continue;
        }
        let mut here: Vec<NodeId> = Vec::new();
        for id in tree.descendants(code) {
            match tree.kind(id) {
                NodeKind::Call { .. } => here.push(id),
                NodeKind::Name => pending.extend(functions_behind(tree, scopes, id)),
                _ => {}
            }
        }
        here.sort_by_key(|&id| (tree.span(id).start, std::cmp::Reverse(tree.span(id).end)));
        calls.extend(here);
    }
    // A nested function is part of the one around it and may have been reached by name as well.
    let mut once = HashSet::new();
    calls.retain(|&call| once.insert(call));
    calls
}

/// The part of a node that runs when it is called: a def's defaults have run before.
fn code_of(tree: &Tree, id: NodeId) -> NodeId {
    match tree.kind(id) {
        NodeKind::Def { body, .. } => *body,
        _ => id,
    }
}

/// What runs when the function behind a name is called: a def's body, a lambda, or what the name was set to.
fn functions_behind(tree: &Tree, scopes: &Scopes, name: NodeId) -> Vec<NodeId> {
    let Some(definition) = scopes.resolve(name).map(|id| scopes.definition(id)) else { return Vec::new() };
    let relevant = matches!(definition.kind, DefinitionKind::Function | DefinitionKind::Variable);
    let bindings = definition.bindings.iter().filter(|_| relevant);
    bindings.filter_map(|binding| bound_code(tree, binding.node)).collect()
}

fn bound_code(tree: &Tree, binding: NodeId) -> Option<NodeId> {
    if let NodeKind::Def { body, .. } = tree.kind(binding) {
        return Some(*body);
    }
    let NodeKind::Assign { target, value, .. } = tree.kind(tree.parent(binding)?) else { return None };
    let alias = matches!(tree.kind(*value), NodeKind::Lambda { .. } | NodeKind::Name);
    (*target == binding && alias).then_some(*value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::parse;
    use crate::text::FileId;

    fn check(text: &str, calls: &[&str]) {
        let tree = parse(FileId(0), text).tree;
        let scopes = Scopes::of(&tree);
        let start = scopes.global("start").map(|id| scopes.definition(id).bindings[0].node);
        let found = reachable_calls(&tree, &scopes, start.expect("a def called start"));
        let found: Vec<&str> = found.iter().map(|&id| tree.text_of(id)).collect();
        assert_eq!(found, calls, "{text}");
    }

    #[test]
    fn calls_of_helpers_are_reached_once() {
        check(
            "def start():\n    api.post(path=read())\n    return read()\ndef read():\n    return api.get()\ndef other():\n    db.drop()\n",
            &["api.post(path=read())", "read()", "read()", "api.get()"],
        );
    }

    #[test]
    fn recursion_and_mutual_calls_end() {
        check(
            "def start():\n    a()\ndef a():\n    b()\ndef b():\n    a(start())\n",
            &["a()", "b()", "a(start())", "start()"],
        );
    }

    #[test]
    fn functions_handed_on_and_aliases_count() {
        check(
            "def start():\n    fault(db, run=probe)\nprobe = lambda: api.get()\n",
            &["fault(db, run=probe)", "api.get()"],
        );
        check("def start():\n    g()\ndef f():\n    h()\ng = f\n", &["g()", "h()"]);
    }

    #[test]
    fn a_parameter_hides_a_function() {
        check("def start(helper):\n    helper()\ndef helper():\n    db.drop()\n", &["helper()"]);
    }

    #[test]
    fn defaults_do_not_run_in_the_call() {
        check("def start(x=now()):\n    api.get()\n", &["api.get()"]);
    }
}
