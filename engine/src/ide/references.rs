//! Every mention of a name, across the files that load it.

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
}

/// Every place that mentions what is under `offset`, the files in their order, each from its start.
pub fn references(snapshot: &Snapshot<'_>, offset: u32) -> Vec<Reference> {
    let Some((file, id)) = target(*snapshot, offset) else { return Vec::new() };
    of_definition(*snapshot, file, id)
}

/// The definition under the cursor, followed through `load`.
pub(super) fn target<'a>(snapshot: Snapshot<'a>, offset: u32) -> Option<(FileView<'a>, DefinitionId)> {
    let tree = snapshot.tree();
    let node = tree.node_at(offset);
    let load_name = std::iter::once(node)
        .chain(tree.parent(node))
        .find(|&id| matches!(tree.kind(id), NodeKind::LoadName { .. }));
    if let (NodeKind::String(_), Some(load_name)) = (tree.kind(node), load_name) {
        return definition::opened_definition(snapshot, snapshot.file, load_name)
            .or_else(|| Some((snapshot.file, snapshot.file.scopes.resolve(load_name)?)));
    }
    let (node, span) = tree.name_at(offset)?;
    if let NodeKind::Argument { .. } = tree.kind(node) {
        return parameter(snapshot, offset);
    }
    if matches!(tree.kind(node), NodeKind::Attribute { .. }) && tree.span(node) != span {
        return None;
    }
    definition::resolved(snapshot, snapshot.file, node)
}

/// The parameter a keyword argument names.
fn parameter<'a>(snapshot: Snapshot<'a>, offset: u32) -> Option<(FileView<'a>, DefinitionId)> {
    let found = definition::definitions(&snapshot, offset).into_iter().next()?;
    let file = snapshot.find(&found.target.path)?;
    let (node, _) = file.tree().name_at(found.target.span.start)?;
    Some((file, file.scopes.resolve(node)?))
}

/// Every mention of a definition of `file`.
pub(super) fn of_definition(snapshot: Snapshot<'_>, file: FileView<'_>, id: DefinitionId) -> Vec<Reference> {
    let mut found = own(file, id);
    let definition = file.scopes.definition(id);
    if definition.is_global {
        for other in snapshot.files().filter(|other| other.path != file.path) {
            found.extend(in_loading_file(snapshot, other, file, id));
        }
    }
    if definition.kind == DefinitionKind::Parameter {
        found.extend(keywords(file, id));
    }
    found
}

/// Mentions within the file of the definition.
fn own(file: FileView<'_>, id: DefinitionId) -> Vec<Reference> {
    let bindings: Vec<Span> =
        file.scopes.definition(id).bindings.iter().map(|binding| binding.span).collect();
    let spans = file.scopes.references(file.tree(), id).into_iter();
    let mention =
        |span: Span| Reference { location: file.location(span), is_definition: bindings.contains(&span) };
    spans.map(mention).collect()
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
    for load_name in tree.ids().filter(|&at| matches!(tree.kind(at), NodeKind::LoadName { .. })) {
        let loaded = definition::opened_definition(snapshot, other, load_name);
        if !loaded.is_some_and(|(from, loaded)| from.path == file.path && loaded == id) {
            continue;
        }
        let NodeKind::LoadName { local, original } = tree.kind(load_name) else { continue };
        let mut spans = vec![content(tree, *original)];
        // A name of its own is another name: `load("a.star", mine = "theirs")`.
        if same_name(tree, local.span, *original)
            && let Some(local) = other.scopes.resolve(load_name)
        {
            let used = other.scopes.definition(local).uses.iter().map(|&at| tree.span(at));
            spans.extend(used);
        }
        spans.sort_unstable();
        spans.dedup();
        found.extend(
            spans.into_iter().map(|span| Reference { location: other.location(span), is_definition: false }),
        );
    }
    found
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

/// Keyword arguments that give a parameter, in calls that name its def.
fn keywords(file: FileView<'_>, id: DefinitionId) -> Vec<Reference> {
    let tree = file.tree();
    let definition = file.scopes.definition(id);
    let owner = definition.bindings.first().and_then(|binding| tree.parent(binding.node));
    let Some(owner) = owner else { return Vec::new() };
    let mut found = Vec::new();
    for mention in super::mentions::of_function(file, owner) {
        let super::mentions::Use::Called { call } = super::mentions::use_of(tree, mention) else { continue };
        let written = super::call_site::Written::of(tree, call);
        let named = written.keywords.iter().filter(|(_, word, _)| *word == definition.name);
        found.extend(
            named.map(|(name, ..)| Reference { location: file.location(name.span), is_definition: false }),
        );
    }
    found
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
        let renamed = "load(\"lib.star\", h=\"help\")\nh()\n//- /w/lib.star\ndef he$0lp():\n    pass\n";
        let fixture = Fixture::new(renamed);
        assert!(fixture.ask(|snapshot, _| references(snapshot, 5)).is_empty());
    }
}
