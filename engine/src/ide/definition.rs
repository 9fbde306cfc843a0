//! Where a name comes from: a binding of the file, a global of a loaded file, a service or interface by its value.

use super::infer::Inference;
use super::value::Value;
use super::{FileView, Location, Snapshot, declarations, recipes};
use crate::syntax::scope::{DefinitionId, DefinitionKind};
use crate::syntax::{NodeId, NodeKind};
use crate::text::Span;

/// Where the thing under the cursor is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The name or string under the cursor.
    pub origin: Span,
    pub target: Location,
}

/// Definitions of what is under `offset`.
pub fn definitions(snapshot: &Snapshot<'_>, offset: u32) -> Vec<Definition> {
    let found = of_string(*snapshot, offset).or_else(|| of_name(*snapshot, offset));
    found.unwrap_or_default()
}

fn of_name(snapshot: Snapshot<'_>, offset: u32) -> Option<Vec<Definition>> {
    let file = snapshot.file;
    let (node, origin) = file.tree().name_at(offset)?;
    let targets = match file.tree().kind(node) {
        NodeKind::Attribute { object, .. } => {
            let attribute = file.tree().str(origin);
            attribute_target(snapshot, *object, attribute).into_iter().collect()
        }
        NodeKind::Argument { .. } => {
            parameter_target(snapshot, node, file.tree().str(origin)).into_iter().collect()
        }
        _ => {
            let (file, id) = resolved(snapshot, file, node)?;
            let bindings = &file.scopes.definition(id).bindings;
            bindings.iter().map(|binding| file.location(binding.span)).collect::<Vec<_>>()
        }
    };
    Some(targets.into_iter().map(|target| Definition { origin, target }).collect())
}

/// The definition behind a name, followed through `load` to the file that makes it, as long as that can be opened.
pub(super) fn resolved<'a>(
    snapshot: Snapshot<'a>,
    file: FileView<'a>,
    node: NodeId,
) -> Option<(FileView<'a>, DefinitionId)> {
    let id = file.scopes.resolve(node)?;
    let definition = file.scopes.definition(id);
    if definition.kind == DefinitionKind::Loaded {
        let load_name = definition.bindings.last()?.node;
        return opened_definition(snapshot, file, load_name).or(Some((file, id)));
    }
    Some((file, id))
}

/// The global that a name in a `load` stands for, when its file can be opened.
pub(super) fn opened_definition<'a>(
    snapshot: Snapshot<'a>,
    file: FileView<'a>,
    load_name: NodeId,
) -> Option<(FileView<'a>, DefinitionId)> {
    loaded_definition(snapshot, file, load_name).filter(|(from, _)| !recipes::is_embedded(from.path))
}

/// The global that a name in a `load` stands for.
pub(super) fn loaded_definition<'a>(
    snapshot: Snapshot<'a>,
    file: FileView<'a>,
    load_name: NodeId,
) -> Option<(FileView<'a>, DefinitionId)> {
    let (mut file, mut load_name) = (file, load_name);
    // A file may hand on what it loaded itself; circles end at the bound.
    for _ in 0..16 {
        let tree = file.tree();
        let NodeKind::LoadName { original, .. } = tree.kind(load_name) else { return None };
        let NodeKind::Load { path, .. } = tree.kind(tree.parent(load_name)?) else { return None };
        let other = snapshot.loaded(file, tree.string_value(*path)?)?;
        let id = other.scopes.global(tree.string_value(*original)?)?;
        let definition = other.scopes.definition(id);
        if definition.kind != DefinitionKind::Loaded {
            return Some((other, id));
        }
        load_name = definition.bindings.last()?.node;
        file = other;
    }
    None
}

/// `db.main`: the interface's declaration. A field of a struct leads to where it is given.
fn attribute_target(snapshot: Snapshot<'_>, object: NodeId, attribute: &str) -> Option<Location> {
    match Inference::new(snapshot).of(object) {
        Value::Service(shape) => {
            let own = shape.interfaces.iter().find(|interface| interface.name == attribute);
            let default = || shape.default_interface().map(|at| &shape.interfaces[at]);
            own.or_else(default)?.location.clone()
        }
        Value::Interface(shape, at) => shape.interfaces[at].location.clone(),
        _ => None,
    }
}

/// `f(x=1)`: the parameter `x` of the def.
fn parameter_target(snapshot: Snapshot<'_>, argument: NodeId, name: &str) -> Option<Location> {
    let tree = snapshot.tree();
    let NodeKind::Call { callee, .. } = tree.kind(tree.parent(argument)?) else { return None };
    let Value::Function(function) = Inference::new(snapshot).of(*callee) else { return None };
    let tree = function.file.tree();
    let (NodeKind::Def { params, .. } | NodeKind::Lambda { params, .. }) = tree.kind(function.node) else {
        return None;
    };
    let named = |&param: &NodeId| tree.name_of(param).filter(|&span| tree.str(span) == name);
    let span = params.iter().find_map(named).filter(|_| !recipes::is_embedded(function.file.path));
    span.map(|span| function.file.location(span))
}

/// Strings that name something: a file to load, a name to load, a service, a test.
fn of_string(snapshot: Snapshot<'_>, offset: u32) -> Option<Vec<Definition>> {
    let file = snapshot.file;
    let tree = file.tree();
    let node = tree.node_at(offset);
    let NodeKind::String(literal) = tree.kind(node) else { return None };
    if !literal.content.touches(offset) {
        return None;
    }
    let one = |target: Location| vec![Definition { origin: literal.content, target }];
    let parent = tree.parent(node)?;
    match tree.kind(parent) {
        NodeKind::Load { .. } => {
            let path = snapshot.load_path(file, &literal.value);
            Some(one(Location { path, span: Span::start_of(tree.file) }))
        }
        NodeKind::LoadName { .. } => {
            let (other, id) = opened_definition(snapshot, file, parent)?;
            let binding = other.scopes.definition(id).bindings.first()?;
            Some(one(other.location(binding.span)))
        }
        _ => {
            let service = snapshot.files().find_map(|other| {
                let services = declarations::services(other);
                let found = services.into_iter().find(|service| service.name == literal.value)?;
                Some(other.location(found.name_span))
            });
            service.map(one)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::definitions;
    use crate::ide::fixture::Fixture;

    /// Expected is `path:text of the line`, or nothing.
    #[track_caller]
    fn check(fixture: &str, expected: &[&str]) {
        let fixture = Fixture::new(fixture);
        let found = fixture.ask(definitions);
        let places: Vec<String> = found.iter().map(|found| fixture.line_of(&found.target)).collect();
        assert_eq!(places, expected);
    }

    #[test]
    fn names_lead_to_their_bindings() {
        check("x = 1\ny = x$0\n", &["main.star: x = 1"]);
        check("def f(a):\n    return $0a\n", &["main.star: def f(a):"]);
        check("def f(a):\n    return a\nf($0a=1)\n", &["main.star: def f(a):"]);
        check("x = nothing$0\n", &[]);
    }

    #[test]
    fn interfaces_lead_to_their_declaration() {
        check(
            "db = service(\"db\", \"x\",\n  interface(\"main\", \"tcp\", 1),\n)\na = db.ma$0in\n",
            &["main.star:   interface(\"main\", \"tcp\", 1),"],
        );
        check(
            "db = service(\"db\", \"x\",\n  interface(\"main\", \"tcp\", 1),\n)\na = service(\"a\", depends_on=[\"d$0b\"])\n",
            &["main.star: db = service(\"db\", \"x\","],
        );
    }

    #[test]
    fn loaded_names_lead_into_the_other_file() {
        let other = "\n//- /w/lib.star\ndef help():\n    pass\n";
        check(&format!("load(\"lib.star\", \"help\")\nhe$0lp()\n{other}"), &["lib.star: def help():"]);
        check(&format!("load(\"lib.star\", h=\"he$0lp\")\n{other}"), &["lib.star: def help():"]);
        check(&format!("load(\"li$0b.star\", \"help\")\n{other}"), &["lib.star: def help():"]);
    }
}
