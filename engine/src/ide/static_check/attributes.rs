//! Attributes that a service, an interface or a response does not have.

use super::Checker;
use crate::diagnostic::Diagnostic;
use crate::ide::call_site::Written;
use crate::ide::declarations::is_function;
use crate::ide::value::{ADDRESSES, RESPONSE, ServiceShape, Value};
use crate::spec::wording;
use crate::syntax::{NodeId, NodeKind};
use crate::text::Span;

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
        let tree = self.snapshot.tree();
        let functions = tree.ancestors(object).filter(|&above| is_function(tree, above));
        let around = functions.last().unwrap_or(tree.root());
        tree.descendants(around).any(|id| match tree.kind(id) {
            NodeKind::Call { callee, .. } if tree.text_of(*callee) == "hasattr" => {
                let asked = Written::of(tree, id).positional.get(1).copied();
                asked.and_then(|asked| tree.string_value(asked)) == Some(name)
            }
            _ => false,
        })
    }
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
