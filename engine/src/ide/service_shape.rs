//! Reads what a `service(...)` call declares, from the text or from the outline of the last evaluation.

use super::call_site::Written;
use super::infer::Inference;
use super::value::{InterfaceShape, ServiceShape};
use super::{FileView, Outline, Snapshot};
use crate::model::Protocol;
use crate::spec::registry;
use crate::syntax::{NodeId, NodeKind};
use crate::text::Span;

/// The service a call declares. What the text does not tell is taken from the outline's service of the same name.
pub(super) fn written<'a>(inference: &Inference<'a>, file: FileView<'a>, call: NodeId) -> ServiceShape {
    let tree = file.tree();
    let written = Written::of(tree, call);
    let mut shape = ServiceShape {
        name: written.text_of_parameter(tree, params("service"), "name").unwrap_or_default().to_owned(),
        interfaces: Vec::new(),
        operations: Vec::new(),
        complete: !written.has_args && !written.has_kwargs,
        location: Some(file.location(tree.span(call))),
    };
    let values = written.positional.iter().chain(written.keywords.iter().map(|(_, _, value)| value));
    for &value in values {
        match tree.kind(value) {
            NodeKind::Call { callee, .. } if tree.text_of(*callee) == "interface" => {
                shape.interfaces.extend(interface(file, value));
            }
            NodeKind::Name | NodeKind::Call { .. } => {
                let known = inference.value(file, value).words().is_some();
                shape.complete &= known
                    && !matches!(inference.value(file, value), super::value::Value::InterfaceDeclaration);
            }
            _ => {}
        }
    }
    if let Some(ops) = written.keyword("ops") {
        shape.operations = keys(file, ops);
    }
    if !shape.complete
        && let Some(evaluated) = outlined(inference.snapshot, &shape.name)
    {
        return ServiceShape { location: shape.location, ..evaluated };
    }
    shape
}

/// The service of this name as the last evaluation saw it.
pub(super) fn outlined(snapshot: Snapshot<'_>, name: &str) -> Option<ServiceShape> {
    let outline: &Outline = snapshot.outline?;
    let service = outline.service(name)?;
    let place = |span: Span| snapshot.outlined(span);
    let interfaces = service.interfaces.iter().map(|interface| InterfaceShape {
        name: interface.name.clone(),
        protocol: Some(interface.protocol),
        port: Some(interface.port),
        location: place(interface.span),
    });
    Some(ServiceShape {
        name: service.name.clone(),
        interfaces: interfaces.collect(),
        operations: service.operations.clone(),
        complete: true,
        location: place(service.span),
    })
}

fn params(builtin: &str) -> &'static [crate::model::Param] {
    registry::find(builtin).map_or(&[], |builtin| builtin.params)
}

/// What an `interface(...)` call declares; `None` while its name is missing.
fn interface(file: FileView<'_>, call: NodeId) -> Option<InterfaceShape> {
    let tree = file.tree();
    let (written, params) = (Written::of(tree, call), params("interface"));
    let port = written.parameter(params, "port").and_then(|port| tree.text_of(port).parse().ok());
    Some(InterfaceShape {
        name: written.text_of_parameter(tree, params, "name")?.to_owned(),
        protocol: written.text_of_parameter(tree, params, "protocol").and_then(Protocol::from_name),
        port,
        location: Some(file.location(tree.span(call))),
    })
}

/// The keys of a dict literal that are strings.
fn keys(file: FileView<'_>, dict: NodeId) -> Vec<String> {
    let tree = file.tree();
    let NodeKind::Dict { entries } = tree.kind(dict) else { return Vec::new() };
    let key = |&entry: &NodeId| match tree.kind(entry) {
        NodeKind::DictEntry { key, .. } => tree.string_value(*key).map(str::to_owned),
        _ => None,
    };
    entries.iter().filter_map(key).collect()
}
