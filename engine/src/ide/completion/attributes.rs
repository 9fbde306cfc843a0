//! Behind a dot: what this very value has.

use super::{CompletionKind, Ground, List, Rank};
use crate::ide::standard::{self, StandardFunction};
use crate::ide::value::{ADDRESSES, InterfaceShape, RESPONSE, ServiceShape, Value};
use crate::syntax::NodeId;

impl Ground<'_> {
    pub(super) fn attributes(&self, list: &mut List, object: NodeId) {
        match self.inference.of(object) {
            Value::Service(shape) => of_service(list, &shape),
            Value::Interface(shape, at) => of_interface(list, &shape, &shape.interfaces[at]),
            Value::Response => of_response(list),
            Value::Headers => methods(list, standard::HEADERS),
            Value::Struct(fields) => {
                for (name, value) in fields.iter() {
                    list.plain(Rank::Wanted, CompletionKind::Property, name, value.words().unwrap_or(""), "");
                }
            }
            Value::Assumption(name) => {
                list.plain(Rank::Wanted, CompletionKind::Property, "name", &format!("\"{name}\""), "");
            }
            Value::Str => methods(list, standard::STR),
            Value::Bytes => methods(list, standard::BYTES),
            Value::List(_) => methods(list, standard::LIST),
            Value::Dict | Value::Data => methods(list, standard::DICT),
            // Nothing is known: what most values of a spec have.
            Value::Unknown => {
                of_response(list);
                methods(list, standard::STR);
                methods(list, standard::DICT);
            }
            _ => {}
        }
    }
}

fn of_service(list: &mut List, shape: &ServiceShape) {
    for interface in &shape.interfaces {
        let protocol = interface.protocol.map_or("?", crate::model::Protocol::name);
        let port = interface.port.map(|port| format!(" on port {port}")).unwrap_or_default();
        list.plain(
            Rank::Wanted,
            CompletionKind::Interface,
            &interface.name,
            &format!("{protocol}{port}"),
            "",
        );
    }
    if let Some(at) = shape.default_interface() {
        steps(list, &shape.interfaces[at], Rank::Likely);
    }
    list.plain(Rank::Rare, CompletionKind::Property, "name", &format!("\"{}\"", shape.name), "");
}

fn of_interface(list: &mut List, shape: &ServiceShape, interface: &InterfaceShape) {
    steps(list, interface, Rank::Wanted);
    for (name, what) in ADDRESSES {
        let rank = if name == "addr" { Rank::Likely } else { Rank::Rare };
        let detail = match (name, interface.port) {
            ("addr", Some(port)) => format!("\"localhost:{port}\""),
            ("port", Some(port)) => port.to_string(),
            _ => what.to_owned(),
        };
        list.plain(rank, CompletionKind::Property, name, &detail, &format!("{what} of {}", shape.name));
    }
}

fn steps(list: &mut List, interface: &InterfaceShape, rank: Rank) {
    for step in interface.steps() {
        let names: Vec<&str> = step.params.iter().map(|param| param.name).collect();
        let detail = format!("{}({})", step.name, names.join(", "));
        let insert = format!("{}($1)$0", step.name);
        list.add(rank, CompletionKind::Method, step.name, (&detail, step.doc), insert, true);
    }
}

fn of_response(list: &mut List) {
    for (name, ty, doc) in RESPONSE {
        list.plain(Rank::Likely, CompletionKind::Property, name, ty, doc);
    }
}

fn methods(list: &mut List, methods: &[StandardFunction]) {
    for method in methods {
        let insert = format!("{}($1)$0", method.name);
        let words = (method.signature, method.doc);
        list.add(Rank::Optional, CompletionKind::Method, method.name, words, insert, true);
    }
}
