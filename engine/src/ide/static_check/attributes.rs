//! Attributes that a service, an interface or a response does not have.

use super::Checker;
use crate::diagnostic::Diagnostic;
use crate::ide::call_site::Written;
use crate::ide::declarations::is_function;
use crate::ide::value::{ADDRESSES, RESPONSE, ServiceShape, Value};
use crate::spec::wording;
use crate::syntax::{NodeId, NodeKind, Tree};
use crate::text::Span;
use std::collections::{HashMap, HashSet};

/// The places that ask whether there is an attribute, by its name.
pub(super) type Asked = HashMap<String, HashSet<NodeId>>;

impl Checker<'_> {
    pub(super) fn attribute(&self, object: NodeId, span: Span, findings: &mut Vec<Diagnostic>) {
        let name = self.snapshot.tree().str(span);
        let (kind, known) = match self.inference.of(object) {
            Value::Service(shape) if shape.has_all_interfaces => ("a service", of_service(&shape)),
            Value::Interface(shape, at) if shape.interfaces[at].protocol.is_some() => {
                let steps = shape.interfaces[at].steps().iter().map(|step| step.name);
                let known = ADDRESSES.iter().map(|(name, _)| *name).chain(steps);
                ("an interface_ref", known.map(str::to_owned).collect())
            }
            Value::Response => ("a response", RESPONSE.iter().map(|(name, ..)| (*name).to_owned()).collect()),
            _ => return,
        };
        let is_wrong = !name.is_empty() && !known.iter().any(|known| known == name);
        if is_wrong && !self.is_asked_for(object, name) {
            findings.push(wording::no_attribute(kind, name, span, &known));
        }
    }

    /// True when the function around asks `hasattr(..., name)`; then it may be that only the other branch runs.
    fn is_asked_for(&self, object: NodeId, name: &str) -> bool {
        let asked = self.asked.get_or_init(|| asked(self.snapshot.tree()));
        asked.get(name).is_some_and(|places| places.contains(&place(self.snapshot.tree(), object)))
    }
}

/// The names that `hasattr` asks for, with the outermost functions that do. The file as a whole asks for all of them.
fn asked(tree: &Tree) -> Asked {
    let mut asked = Asked::new();
    for call in tree.ids() {
        let NodeKind::Call { callee, .. } = tree.kind(call) else { continue };
        if tree.text_of(*callee) != "hasattr" {
            continue;
        }
        let name = Written::of(tree, call).positional.get(1).and_then(|&name| tree.string_value(name));
        if let Some(name) = name {
            asked.entry(name.to_owned()).or_default().extend([place(tree, call), tree.root()]);
        }
    }
    asked
}

/// The outermost function around a node, or the file.
fn place(tree: &Tree, node: NodeId) -> NodeId {
    tree.ancestors(node).filter(|&above| is_function(tree, above)).last().unwrap_or(tree.root())
}

/// In the order the evaluator lists them.
fn of_service(shape: &ServiceShape) -> Vec<String> {
    let mut known = vec!["name".to_owned()];
    known.extend(shape.interfaces.iter().map(|interface| interface.name.clone()));
    if let Some(at) = shape.default_interface() {
        known.extend(shape.interfaces[at].steps().iter().map(|step| step.name.to_owned()));
    }
    known
}
