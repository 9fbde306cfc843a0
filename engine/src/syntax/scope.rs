//! Which name means what: every binding of a file, and for every use of a name the binding it refers to.
//!
//! The rules are Starlark's: a name bound anywhere in a def is local to all of it, a comprehension and a lambda have
//! names of their own, defaults of parameters and the first list of a comprehension belong to the scope around.

use super::node::NodeKind;
use super::tree::{NodeId, Tree};
use crate::text::Span;
use std::collections::HashMap;

/// Names a definition of one [`Scopes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DefinitionId(u32);

/// What a name was made by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefinitionKind {
    Variable,
    Function,
    Parameter,
    /// The variable of a `for`, as a statement or in a comprehension.
    LoopVariable,
    Loaded,
}

/// A name in a scope, with every place that binds it.
#[derive(Debug, Clone)]
pub struct Definition {
    pub name: String,
    pub kind: DefinitionKind,
    /// True for names of the module itself.
    pub is_global: bool,
    /// Where the name is bound, in the order of the text; never empty.
    pub bindings: Vec<Binding>,
    /// Where the name is read.
    pub uses: Vec<NodeId>,
    scope: usize,
}

/// One place that binds a name: a name node, or the `def`, parameter or load name that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    pub node: NodeId,
    pub span: Span,
}

/// All names of one file.
#[derive(Debug, Clone)]
pub struct Scopes {
    definitions: Vec<Definition>,
    by_node: HashMap<NodeId, DefinitionId>,
    by_name: HashMap<(usize, String), DefinitionId>,
    unresolved: Vec<NodeId>,
    scopes: Vec<Scope>,
    /// The scope each node is evaluated in, by node.
    scope_of: Vec<usize>,
    /// The scope a def, lambda or comprehension makes.
    inner: HashMap<NodeId, usize>,
}

#[derive(Debug, Clone)]
struct Scope {
    owner: NodeId,
    parent: Option<usize>,
}

impl Scopes {
    /// Finds all names of a tree.
    pub fn of(tree: &Tree) -> Scopes {
        let mut scopes = Scopes {
            definitions: Vec::new(),
            by_node: HashMap::new(),
            by_name: HashMap::new(),
            unresolved: Vec::new(),
            scopes: vec![Scope { owner: tree.root(), parent: None }],
            scope_of: vec![0; tree.len()],
            inner: HashMap::new(),
        };
        for id in tree.ids().rev() {
            scopes.place(tree, id);
        }
        for id in tree.ids() {
            scopes.bind(tree, id);
        }
        for definition in &mut scopes.definitions {
            definition.bindings.sort_by_key(|binding| binding.span.start);
        }
        for id in tree.ids() {
            scopes.look_up(tree, id);
        }
        scopes
    }

    pub fn definition(&self, id: DefinitionId) -> &Definition {
        &self.definitions[id.0 as usize]
    }

    pub fn definitions(&self) -> impl Iterator<Item = (DefinitionId, &Definition)> {
        self.definitions.iter().enumerate().map(|(at, definition)| (DefinitionId(at as u32), definition))
    }

    /// What a name node, def, parameter or load name refers to or binds.
    pub fn resolve(&self, node: NodeId) -> Option<DefinitionId> {
        self.by_node.get(&node).copied()
    }

    /// The definition of a name of the module.
    pub fn global(&self, name: &str) -> Option<DefinitionId> {
        self.by_name.get(&(0, name.to_owned())).copied()
    }

    /// Names that are read and bound nowhere, save those `is_builtin` knows.
    pub fn unknown_names(&self, tree: &Tree, is_builtin: impl Fn(&str) -> bool) -> Vec<NodeId> {
        self.unresolved.iter().copied().filter(|&id| !is_builtin(tree.text_of(id))).collect()
    }

    /// Every name code at `offset` can use, the innermost first; a name that hides another stands alone.
    pub fn visible_at(&self, tree: &Tree, offset: u32) -> Vec<DefinitionId> {
        let mut found: Vec<DefinitionId> = Vec::new();
        let mut names: HashMap<&str, ()> = HashMap::new();
        let mut scope = Some(self.scope_at(tree, offset));
        while let Some(at) = scope {
            for (id, definition) in self.definitions().filter(|(_, definition)| definition.scope == at) {
                if names.insert(&definition.name, ()).is_none() {
                    found.push(id);
                }
            }
            scope = self.scopes[at].parent;
        }
        found
    }

    /// What `name` would mean where a node stands that [`Scopes::resolve`] knows.
    pub fn meaning_at(&self, node: NodeId, name: &str) -> Option<DefinitionId> {
        let scope = self.scope_of.get(node.0 as usize)?;
        self.meaning(*scope, name.to_owned())
    }

    /// True when the same names mean the same at both nodes.
    pub fn is_one_scope(&self, one: NodeId, other: NodeId) -> bool {
        self.scope_of.get(one.0 as usize) == self.scope_of.get(other.0 as usize)
    }

    /// Goes up the scopes until one has the name.
    fn meaning(&self, scope: usize, name: String) -> Option<DefinitionId> {
        let mut key = (scope, name);
        loop {
            if let Some(&found) = self.by_name.get(&key) {
                return Some(found);
            }
            key.0 = self.scopes[key.0].parent?;
        }
    }

    // === Building ===

    /// Notes the scope of a node, whose parent has its own already, and of the scope it makes.
    fn place(&mut self, tree: &Tree, id: NodeId) {
        let scope = tree.parent(id).map_or(0, |parent| self.scope_of_child(tree, parent, id));
        self.scope_of[id.0 as usize] = scope;
        let makes_scope = matches!(
            tree.kind(id),
            NodeKind::Def { .. } | NodeKind::Lambda { .. } | NodeKind::Comprehension { .. }
        );
        if makes_scope {
            self.inner.insert(id, self.scopes.len());
            self.scopes.push(Scope { owner: id, parent: Some(scope) });
        }
    }

    fn scope_of_child(&self, tree: &Tree, parent: NodeId, child: NodeId) -> usize {
        let outer = self.scope_of[parent.0 as usize];
        let inner = self.inner.get(&parent).copied().unwrap_or(outer);
        let around = || self.scopes[outer].parent.unwrap_or(outer);
        match tree.kind(parent) {
            NodeKind::Def { returns, .. } if *returns == Some(child) => outer,
            // A parameter lies inside, its annotation and default outside.
            NodeKind::Param { .. } => around(),
            NodeKind::ForClause { iterable, .. } if *iterable == child => {
                if self.is_first_clause(tree, parent) { around() } else { outer }
            }
            _ => inner,
        }
    }

    fn is_first_clause(&self, tree: &Tree, clause: NodeId) -> bool {
        let comprehension = tree.parent(clause).map(|parent| tree.kind(parent));
        matches!(comprehension, Some(NodeKind::Comprehension { clauses, .. }) if clauses.first() == Some(&clause))
    }

    fn bind(&mut self, tree: &Tree, id: NodeId) {
        match tree.kind(id) {
            NodeKind::Assign { target, .. } | NodeKind::AugAssign { target, .. } => {
                self.bind_target(tree, *target, DefinitionKind::Variable);
            }
            NodeKind::For { target, .. } | NodeKind::ForClause { target, .. } => {
                self.bind_target(tree, *target, DefinitionKind::LoopVariable);
            }
            NodeKind::Def { name, .. } => self.add(tree, id, name.span, DefinitionKind::Function),
            NodeKind::Param { name, .. } => self.add(tree, id, name.span, DefinitionKind::Parameter),
            NodeKind::LoadName { local, .. } => self.add(tree, id, local.span, DefinitionKind::Loaded),
            _ => {}
        }
    }

    fn bind_target(&mut self, tree: &Tree, target: NodeId, kind: DefinitionKind) {
        let mut pending = vec![target];
        while let Some(id) = pending.pop() {
            match tree.kind(id) {
                NodeKind::Name => self.add(tree, id, tree.span(id), kind),
                NodeKind::Tuple { items } | NodeKind::List { items } => pending.extend(items),
                NodeKind::Paren { inner } => pending.push(*inner),
                _ => {}
            }
        }
    }

    fn add(&mut self, tree: &Tree, node: NodeId, span: Span, kind: DefinitionKind) {
        if span.is_empty() {
            return;
        }
        let scope = self.scope_of[node.0 as usize];
        let name = tree.str(span).to_owned();
        let next = DefinitionId(self.definitions.len() as u32);
        let id = *self.by_name.entry((scope, name.clone())).or_insert(next);
        if id == next {
            let is_global = scope == 0;
            let (bindings, uses) = (Vec::new(), Vec::new());
            self.definitions.push(Definition { name, kind, is_global, bindings, uses, scope });
        }
        self.definitions[id.0 as usize].bindings.push(Binding { node, span });
        self.by_node.insert(node, id);
    }

    fn look_up(&mut self, tree: &Tree, id: NodeId) {
        if !matches!(tree.kind(id), NodeKind::Name) || self.by_node.contains_key(&id) {
            return;
        }
        match self.meaning(self.scope_of[id.0 as usize], tree.text_of(id).to_owned()) {
            Some(definition) => {
                self.by_node.insert(id, definition);
                self.definitions[definition.0 as usize].uses.push(id);
            }
            None => self.unresolved.push(id),
        }
    }

    // === Asking ===

    /// The scope of code written at `offset`, be it on an empty line.
    fn scope_at(&self, tree: &Tree, offset: u32) -> usize {
        let before = tree.text.get(..offset as usize).unwrap_or("");
        let code = before.trim_end().len() as u32;
        let column = (before.len() - before.rfind('\n').map_or(0, |at| at + 1)) as u32;
        let node = tree.covering(code.saturating_sub(1), code);
        let mut scope = self.scope_of[node.0 as usize];
        if let Some(&inner) = self.inner.get(&node)
            && body_start(tree, node) <= offset
        {
            scope = inner;
        }
        while let Some(parent) = self.scopes[scope].parent {
            let owner = self.scopes[scope].owner;
            let line = tree.text[..tree.span(owner).start as usize].rfind('\n').map_or(0, |at| at as u32 + 1);
            let deeper = offset > code && column > tree.span(owner).start - line;
            let open = match tree.kind(owner) {
                NodeKind::Def { .. } => deeper,
                NodeKind::Lambda { .. } => {
                    tree.span(owner).end >= code && !before[code as usize..].contains('\n')
                }
                _ => false,
            };
            if tree.span(owner).end >= offset || open {
                break;
            }
            scope = parent;
        }
        scope
    }
}

/// Where the part of a def, lambda or comprehension starts that sees its names.
fn body_start(tree: &Tree, id: NodeId) -> u32 {
    match tree.kind(id) {
        NodeKind::Def { body, .. } | NodeKind::Lambda { body, .. } => tree.span(*body).start,
        _ => tree.span(id).start,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::parse;
    use crate::text::FileId;

    /// Every definition as `name kind @bindings <uses`, by byte offset.
    fn table(text: &str) -> Vec<String> {
        let tree = parse(FileId(0), text).tree;
        let scopes = Scopes::of(&tree);
        let line = |definition: &Definition| {
            let at: Vec<u32> = definition.bindings.iter().map(|binding| binding.span.start).collect();
            let uses: Vec<u32> = definition.uses.iter().map(|&id| tree.span(id).start).collect();
            format!("{} {:?} {at:?} {uses:?}", definition.name, definition.kind)
        };
        let mut lines: Vec<String> = scopes.definitions().map(|(_, definition)| line(definition)).collect();
        lines.sort();
        lines
    }

    fn unknown(text: &str) -> Vec<String> {
        let tree = parse(FileId(0), text).tree;
        let names = Scopes::of(&tree).unknown_names(&tree, |name| name == "print");
        names.into_iter().map(|id| tree.text_of(id).to_owned()).collect()
    }

    fn visible(text: &str) -> Vec<String> {
        let offset = text.find('|').expect("a cursor");
        let tree = parse(FileId(0), &text.replace('|', "")).tree;
        let scopes = Scopes::of(&tree);
        let ids = scopes.visible_at(&tree, offset as u32);
        ids.into_iter().map(|id| scopes.definition(id).name.clone()).collect()
    }

    #[test]
    fn a_name_bound_in_a_def_is_local_to_it() {
        let text = "x = 1\ndef f(a, b=x):\n    x = a\n    return x\nf(x)\n";
        assert_eq!(
            table(text),
            [
                "a Parameter [12] [29]",
                "b Parameter [15] []",
                "f Function [10] [44]",
                "x Variable [0] [17, 46]",
                "x Variable [25] [42]",
            ]
        );
    }

    #[test]
    fn comprehensions_and_lambdas_have_names_of_their_own() {
        let text = "x = [1]\ny = [x for x in x if x]\nz = lambda x, d=x: x\n";
        assert_eq!(
            table(text),
            [
                "d Parameter [46] []",
                "x LoopVariable [19] [13, 29]",
                "x Parameter [43] [51]",
                "x Variable [0] [24, 48]",
                "y Variable [8] []",
                "z Variable [32] []",
            ]
        );
    }

    #[test]
    fn loads_loops_and_tuples_bind() {
        let text = "load('a.star', 'b', c='d')\nfor (i, [j]) in b:\n    c += i + j\n";
        assert_eq!(
            table(text),
            [
                "b Loaded [16] [43]",
                "c Loaded [20, 50] []",
                "i LoopVariable [32] [55]",
                "j LoopVariable [36] [59]",
            ]
        );
    }

    #[test]
    fn names_bound_nowhere_are_unknown() {
        let text = "def f():\n    print(later, missing.attr, k=other)\nlater = 1\n";
        assert_eq!(unknown(text), ["missing", "other"]);
    }

    #[test]
    fn a_name_means_what_the_nearest_scope_makes_it() {
        let text = "x = 1\ndef f(a):\n    return [b for b in a]\ny = x\n";
        let tree = parse(FileId(0), text).tree;
        let scopes = Scopes::of(&tree);
        let names: Vec<NodeId> = tree.ids().filter(|&id| matches!(tree.kind(id), NodeKind::Name)).collect();
        let meanings = |name: &str| {
            let known = |&&at: &&NodeId| scopes.meaning_at(at, name).is_some();
            names.iter().filter(known).map(|&at| tree.span(at).start).collect::<Vec<_>>()
        };
        let mut inner = meanings("b");
        inner.sort_unstable();
        assert_eq!(inner, [28, 34]);
        assert_eq!(meanings("x").len(), names.len());
        assert!(meanings("z").is_empty());
    }

    #[test]
    fn references_are_found_in_a_broken_file() {
        let text = "db = service(\ndef f():\n    return db.main.\napi = g(db\n";
        assert_eq!(table(text), ["api Variable [43] []", "db Variable [0] [34, 51]", "f Function [18] []"]);
    }

    #[test]
    fn visible_names_follow_the_indentation_of_an_empty_line() {
        assert_eq!(visible("g = 1\ndef f(a):\n    b = 2\n    |\n"), ["a", "b", "g", "f"]);
        assert_eq!(visible("g = 1\ndef f(a):\n    b = 2\n|\n"), ["g", "f"]);
        assert_eq!(visible("def f(a):\n    |"), ["a", "f"]);
        assert_eq!(visible("x = lambda r: |\n"), ["r", "x"]);
        assert_eq!(visible("x = [| for y in z]\n"), ["x"]);
        assert_eq!(visible("x = [y| for y in z]\n"), ["y", "x"]);
    }
}
