//! Every mention of a name, across the files that load it.

use super::keywords::{self, Certainty};
use super::{FileView, Location, Snapshot, definition};
use crate::syntax::scope::{DefinitionId, DefinitionKind};
use crate::syntax::{NodeId, NodeKind, Tree};
use crate::text::Span;

/// A mention of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    pub location: Location,
    /// True where the name is bound.
    pub is_definition: bool,
    /// The node that has the name. `None` where the names around mean nothing: at a keyword argument, and at what a `load`
    /// gives a name of its own.
    pub named: Option<NodeId>,
}

/// Every place that mentions what is under `offset`, the files in their order, each from its start.
pub fn references(snapshot: &Snapshot<'_>, offset: u32) -> Vec<Reference> {
    let Some((file, id)) = target(*snapshot, offset) else { return Vec::new() };
    of_definition(*snapshot, file, id, snapshot.files())
}

/// Those of the snapshot's own file, in no particular order.
pub(super) fn in_own_file(snapshot: &Snapshot<'_>, offset: u32) -> Vec<Reference> {
    let Some((file, id)) = target(*snapshot, offset) else { return Vec::new() };
    of_definition(*snapshot, file, id, std::iter::once(snapshot.file))
}

/// The definition under the cursor, followed through `load`. A name of its own that a `load` gives is a definition too.
pub(super) fn target<'a>(snapshot: Snapshot<'a>, offset: u32) -> Option<(FileView<'a>, DefinitionId)> {
    let (file, tree) = (snapshot.file, snapshot.tree());
    if let Some(load_name) = load_string(tree, offset) {
        let local = file.scopes.resolve(load_name).filter(|&id| !has_own_name(file, id));
        return definition::opened_definition(snapshot, file, load_name).or(local.map(|id| (file, id)));
    }
    let (node, span) = tree.name_at(offset)?;
    if let NodeKind::Argument { .. } = tree.kind(node) {
        return parameter(snapshot, offset);
    }
    if matches!(tree.kind(node), NodeKind::Attribute { .. }) && tree.span(node) != span {
        return None;
    }
    match file.scopes.resolve(node).filter(|&id| has_own_name(file, id)) {
        Some(local) => Some((file, local)),
        None => definition::resolved(snapshot, file, node),
    }
}

/// The same, where a name of its own that a `load` gives stands for what is loaded.
pub(super) fn origin<'a>(snapshot: Snapshot<'a>, offset: u32) -> Option<(FileView<'a>, DefinitionId)> {
    let (file, id) = target(snapshot, offset)?;
    let loaded = || definition::opened_definition(snapshot, file, load_name(file, id)?);
    loaded().or(Some((file, id)))
}

/// The `"name"` of a `load` under the cursor.
pub(super) fn load_string(tree: &Tree, offset: u32) -> Option<NodeId> {
    let node = tree.node_at(offset);
    let parent = tree.parent(node)?;
    let is_it =
        matches!((tree.kind(node), tree.kind(parent)), (NodeKind::String(_), NodeKind::LoadName { .. }));
    is_it.then_some(parent)
}

/// Where a loaded name is loaded.
pub(super) fn load_name(file: FileView<'_>, id: DefinitionId) -> Option<NodeId> {
    let definition = file.scopes.definition(id);
    let node = definition.bindings.last()?.node;
    matches!(file.tree().kind(node), NodeKind::LoadName { .. }).then_some(node)
}

/// True for `mine` of `load("a.star", mine = "theirs")`.
pub(super) fn has_own_name(file: FileView<'_>, id: DefinitionId) -> bool {
    let tree = file.tree();
    match load_name(file, id).map(|node| tree.kind(node)) {
        Some(NodeKind::LoadName { local, original }) => !same_name(tree, local.span, *original),
        _ => false,
    }
}

/// The parameter a keyword argument names.
fn parameter<'a>(snapshot: Snapshot<'a>, offset: u32) -> Option<(FileView<'a>, DefinitionId)> {
    let found = definition::definitions(&snapshot, offset).into_iter().next()?;
    let file = snapshot.find(&found.target.path)?;
    let (node, _) = file.tree().name_at(found.target.span.start)?;
    Some((file, file.scopes.resolve(node)?))
}

/// Every mention of a definition of `file` in the files `within`; those of its own file come first.
pub(super) fn of_definition<'a>(
    snapshot: Snapshot<'a>,
    file: FileView<'a>,
    id: DefinitionId,
    within: impl Iterator<Item = FileView<'a>> + Clone,
) -> Vec<Reference> {
    let is_own = |other: &FileView<'_>| other.path == file.path;
    let mut found = if within.clone().any(|other| is_own(&other)) { own(file, id) } else { Vec::new() };
    let definition = file.scopes.definition(id);
    if definition.is_global {
        for other in within.clone().filter(|other| !is_own(other)) {
            found.extend(in_loading_file(snapshot, other, file, id));
        }
    }
    if definition.kind == DefinitionKind::Parameter {
        let given = keywords::of_parameter(snapshot, file, id, within).into_iter();
        let named = given.filter(|at| matches!(at.certainty, Certainty::Certain | Certainty::Likely));
        found.extend(named.map(|at| Reference {
            location: at.file.location(at.span),
            is_definition: false,
            named: None,
        }));
    }
    found
}

/// Mentions within the file of the definition.
fn own(file: FileView<'_>, id: DefinitionId) -> Vec<Reference> {
    let mention = |node: NodeId, span: Span, is_definition: bool| Reference {
        location: file.location(span),
        is_definition,
        named: Some(node),
    };
    let definition = file.scopes.definition(id);
    let bindings = definition.bindings.iter().map(|binding| mention(binding.node, binding.span, true));
    let uses = definition.uses.iter().map(|&node| mention(node, file.tree().span(node), false));
    let mut all: Vec<Reference> = bindings.chain(uses).collect();
    all.sort_by_key(|mention| mention.location.span);
    all
}

/// Mentions in a file that loads the definition: in its `load`, and where it uses the name.
fn in_loading_file(
    snapshot: Snapshot<'_>,
    other: FileView<'_>,
    file: FileView<'_>,
    id: DefinitionId,
) -> Vec<Reference> {
    let tree = other.tree();
    let mut found = Vec::new();
    for (original, local) in loading(snapshot, other, file, id) {
        let mention = |span: Span, named: Option<NodeId>| Reference {
            location: other.location(span),
            is_definition: false,
            named,
        };
        let string = content(tree, original);
        // A name of its own is another name: `load("a.star", mine = "theirs")`.
        if has_own_name(other, local) {
            found.push(mention(string, None));
            continue;
        }
        let uses = other.scopes.definition(local).uses.iter();
        found.push(mention(string, Some(original)));
        found.extend(uses.map(|&at| mention(tree.span(at), Some(at))));
    }
    found.sort_by_key(|mention| mention.location.span);
    // Loaded twice, a name has two strings and its uses once.
    found.dedup_by_key(|mention| mention.location.span);
    found
}

/// Where `other` loads a definition of `file`: the string that names it, and the local definition.
pub(super) fn loading(
    snapshot: Snapshot<'_>,
    other: FileView<'_>,
    file: FileView<'_>,
    id: DefinitionId,
) -> Vec<(NodeId, DefinitionId)> {
    let tree = other.tree();
    let wanted = |load_name: NodeId| {
        let NodeKind::LoadName { original, .. } = tree.kind(load_name) else { return None };
        let (from, loaded) = definition::opened_definition(snapshot, other, load_name)?;
        let local = other.scopes.resolve(load_name)?;
        (from.path == file.path && loaded == id).then_some((*original, local))
    };
    tree.ids().filter_map(wanted).collect()
}

fn content(tree: &Tree, string: NodeId) -> Span {
    match tree.kind(string) {
        NodeKind::String(literal) => literal.content,
        _ => tree.span(string),
    }
}

pub(super) fn same_name(tree: &Tree, local: Span, original: NodeId) -> bool {
    let span = content(tree, original);
    local.start >= span.start && local.end <= span.end
}

#[cfg(test)]
mod tests {
    use super::references;
    use crate::ide::fixture::Fixture;

    #[track_caller]
    fn check(fixture: &str, expected: &[&str]) {
        let fixture = Fixture::new(fixture);
        let found = fixture.ask(references);
        let places: Vec<String> = found.iter().map(|found| fixture.line_of(&found.location)).collect();
        assert_eq!(places, expected);
    }

    #[test]
    fn mentions_within_a_file() {
        check("x$0 = 1\ny = x\ndef f(x):\n    return x\n", &["main.star: x = 1", "main.star: y = x"]);
        check(
            "def f(a$0):\n    return a\nf(a=1)\n",
            &["main.star: def f(a):", "main.star:     return a", "main.star: f(a=1)"],
        );
    }

    #[test]
    fn mentions_across_a_load() {
        let expected =
            ["lib.star: def help():", "main.star: load(\"lib.star\", \"help\")", "main.star: help()"];
        check("load(\"lib.star\", \"help\")\nhe$0lp()\n//- /w/lib.star\ndef help():\n    pass\n", &expected);
        check("load(\"lib.star\", \"he$0lp\")\nhelp()\n//- /w/lib.star\ndef help():\n    pass\n", &expected);
        check(
            "load(\"lib.star\", h=\"help\")\nh(a=1)\nh(a$0=2)\n//- /w/lib.star\ndef help(a):\n    pass\n",
            &["lib.star: def help(a):", "main.star: h(a=1)", "main.star: h(a=2)"],
        );
        let renamed = "load(\"lib.star\", h=\"help\")\nh()\n//- /w/lib.star\ndef he$0lp():\n    pass\n";
        let fixture = Fixture::new(renamed);
        assert!(fixture.ask(|snapshot, _| references(snapshot, 5)).is_empty());
    }
}
