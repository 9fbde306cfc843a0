//! Reads what a `service(...)` call declares, from the text or from the outline of the last evaluation.

use super::call_site::Written;
use super::infer::Inference;
use super::value::{InterfaceShape, ServiceShape, Value};
use super::{FileView, Outline, Snapshot};
use crate::model::Protocol;
use crate::spec::registry;
use crate::syntax::{NodeId, NodeKind};
use crate::text::Span;

/// The service a call declares. What the text does not tell is taken from the outline's service of the same name.
pub(super) fn written<'a>(inference: &Inference<'a>, file: FileView<'a>, call: NodeId) -> ServiceShape {
    let tree = file.tree();
    let written = Written::of(tree, call);
    let name = written.parameter(params("service"), "name").and_then(|name| inference.text(file, name));
    let mut shape = ServiceShape {
        name: name.unwrap_or_default().to_owned(),
        interfaces: Vec::new(),
        operations: Vec::new(),
        has_all_interfaces: !written.has_args,
        has_all_operations: !written.has_kwargs,
        location: Some(file.location(tree.span(call))),
    };
    // The name comes first, then in any order the program and the interfaces.
    for &value in written.positional.iter().skip(1) {
        match declared(inference, file, value) {
            Some(declared) => {
                shape.has_all_interfaces &= declared.protocol.is_some();
                shape.interfaces.push(declared);
            }
            None => shape.has_all_interfaces &= matches!(inference.value(file, value), Value::Str),
        }
    }
    if let Some(ops) = written.keyword("ops") {
        let (operations, are_all) = keys(file, ops);
        shape.has_all_operations &= are_all;
        shape.operations = operations;
    }
    if !shape.is_complete()
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
        has_all_interfaces: true,
        has_all_operations: true,
        location: place(service.span),
    })
}

fn params(builtin: &str) -> &'static [crate::model::Param] {
    registry::find(builtin).map_or(&[], |builtin| builtin.params)
}

/// What an `interface(...)` call declares; `None` for anything else, and while its name cannot be read.
fn declared<'a>(inference: &Inference<'a>, file: FileView<'a>, call: NodeId) -> Option<InterfaceShape> {
    let tree = file.tree();
    let NodeKind::Call { callee, .. } = tree.kind(call) else { return None };
    if tree.text_of(*callee) != "interface" || file.scopes.resolve(*callee).is_some() {
        return None;
    }
    let (written, params) = (Written::of(tree, call), params("interface"));
    let text = |name: &str| inference.text(file, written.parameter(params, name)?);
    let port = written.parameter(params, "port").and_then(|port| tree.text_of(port).parse().ok());
    Some(InterfaceShape {
        name: text("name")?.to_owned(),
        protocol: text("protocol").and_then(Protocol::from_name),
        port,
        location: Some(file.location(tree.span(call))),
    })
}

/// The keys of a dict literal that are strings, and whether there are no others.
fn keys(file: FileView<'_>, dict: NodeId) -> (Vec<String>, bool) {
    let tree = file.tree();
    let NodeKind::Dict { entries } = tree.kind(dict) else { return (Vec::new(), false) };
    let key = |&entry: &NodeId| match tree.kind(entry) {
        NodeKind::DictEntry { key, .. } => tree.string_value(*key).map(str::to_owned),
        _ => None,
    };
    let keys: Vec<String> = entries.iter().filter_map(key).collect();
    let are_all = keys.len() == entries.len();
    (keys, are_all)
}
