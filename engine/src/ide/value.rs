//! What the value of an expression is, as far as the text tells.

use super::Location;
use crate::model::{Protocol, StepSpec};
use crate::spec::registry::Builtin;
use crate::syntax::NodeId;
use std::ops::Deref;
use std::rc::Rc;

/// A value, seen from outside.
#[derive(Clone)]
pub(super) enum Value<'a> {
    Unknown,
    Builtin(&'static Builtin),
    Service(Rc<ServiceShape>),
    /// The n-th interface of a service.
    Interface(Rc<ServiceShape>, usize),
    /// A step method of the n-th interface.
    Step(Rc<ServiceShape>, usize, &'static StepSpec),
    Function(Function<'a>),
    Response,
    Headers,
    Struct(Rc<Fields<'a>>),
    Assumption(String),
    Rule,
    Fault,
    Pattern,
    InterfaceDeclaration,
    Healthcheck,
    Operation,
    Str,
    Bytes,
    Int,
    Float,
    Bool,
    None,
    /// A list or tuple; the value stands for its items.
    List(Rc<Value<'a>>),
    Dict,
    /// Decoded JSON and the like.
    Data,
}

/// The fields of a struct, in the order of the text.
pub(super) struct Fields<'a> {
    fields: Vec<(String, Value<'a>)>,
    depth: u32,
}

impl<'a> Deref for Fields<'a> {
    type Target = [(String, Value<'a>)];

    fn deref(&self) -> &Self::Target {
        &self.fields
    }
}

/// How deep values may lie in values; what lies deeper is not known. It bounds whatever goes through a value, its end
/// included.
const MAX_DEPTH: u32 = 24;

impl<'a> Value<'a> {
    /// A list or tuple of such items.
    pub(super) fn list(item: Value<'a>) -> Value<'a> {
        Value::List(Rc::new(item.unless_too_deep()))
    }

    pub(super) fn structure(fields: impl IntoIterator<Item = (String, Value<'a>)>) -> Value<'a> {
        let fields: Vec<_> =
            fields.into_iter().map(|(name, value)| (name, value.unless_too_deep())).collect();
        let depth = fields.iter().map(|(_, value)| value.depth()).max().unwrap_or(0) + 1;
        Value::Struct(Rc::new(Fields { fields, depth }))
    }

    fn unless_too_deep(self) -> Value<'a> {
        if self.depth() < MAX_DEPTH { self } else { Value::Unknown }
    }

    fn depth(&self) -> u32 {
        match self {
            Value::Struct(fields) => fields.depth,
            Value::List(item) => item.depth() + 1,
            _ => 0,
        }
    }
}

/// A def or lambda of some file.
#[derive(Clone, Copy)]
pub(super) struct Function<'a> {
    pub file: super::FileView<'a>,
    pub node: NodeId,
}

/// A service, as far as it is known.
#[derive(Debug, Clone)]
pub(super) struct ServiceShape {
    pub name: String,
    pub interfaces: Vec<InterfaceShape>,
    /// Names of its `ops`.
    pub operations: Vec<String>,
    /// False when an argument may be an interface that could not be read.
    pub has_all_interfaces: bool,
    /// False when `ops` could not be read.
    pub has_all_operations: bool,
    /// The `service(...)` call.
    pub location: Option<Location>,
}

#[derive(Debug, Clone)]
pub(super) struct InterfaceShape {
    pub name: String,
    pub protocol: Option<Protocol>,
    pub port: Option<u16>,
    /// The `interface(...)` call.
    pub location: Option<Location>,
}

/// Attributes of an interface that are addresses, with what each holds.
pub(super) const ADDRESSES: [(&str, &str); 7] = [
    ("addr", "host and port"),
    ("host", "the host"),
    ("port", "the port, as an int"),
    ("internal_addr", "host and port as other services see them"),
    ("proxy_addr", "host and port; relays listen at the same address"),
    ("proxy_host", "the host; relays listen at the same address"),
    ("proxy_port", "the port; relays listen at the same address"),
];

/// Attributes of a response, with type and meaning.
pub(super) const RESPONSE: [(&str, &str, &str); 8] = [
    ("status", "int", "The HTTP status; 0 when no answer came."),
    ("body", "str", "The content as text, without blanks around it; bytes that are not UTF-8 become U+FFFD."),
    ("data", "data", "The content decoded from JSON; the text when it is no JSON."),
    ("headers", "headers", "Headers by name, without case: `r.headers[\"content-type\"]`."),
    ("ok", "bool", "True when an answer came back, whatever its status."),
    ("error", "str", "Why no answer came, else the empty string."),
    ("duration_ms", "int", "How long the step took, injected delays included, in milliseconds."),
    (
        "body_bytes",
        "bytes",
        "The content of an HTTP answer as it came; with Redis and PostgreSQL, the bytes of `body`.",
    ),
];

impl ServiceShape {
    /// True when nothing is left for evaluation to tell.
    pub(super) fn is_complete(&self) -> bool {
        self.has_all_interfaces && self.has_all_operations
    }

    /// True when both were declared by the same call.
    pub(super) fn is_at(&self, other: &ServiceShape) -> bool {
        let place =
            |shape: &ServiceShape| shape.location.clone().map(|at| (at.path, at.span.start, at.span.end));
        place(self).is_some() && place(self) == place(other)
    }

    /// True when it is known what the attribute is, or that there is none.
    pub(super) fn offers(&self, attribute: &str) -> bool {
        let own = self.interfaces.iter().any(|interface| interface.name == attribute);
        self.has_all_interfaces || attribute == "name" || own
    }

    /// The interface that `svc.get(...)` means: the only one, or the one named `default`.
    pub(super) fn default_interface(&self) -> Option<usize> {
        match self.interfaces.as_slice() {
            [_] => Some(0),
            several => several.iter().position(|interface| interface.name == "default"),
        }
    }
}

impl InterfaceShape {
    pub(super) fn steps(&self) -> &'static [StepSpec] {
        self.protocol.map_or(&[], |protocol| crate::protocol::schema(protocol).steps)
    }
}

impl Value<'_> {
    /// How a message names the type; `None` when it is not known.
    pub(super) fn words(&self) -> Option<&'static str> {
        Some(match self {
            Value::Unknown | Value::Data => return None,
            Value::Builtin(_) | Value::Function(_) | Value::Step(..) => "a function",
            Value::Service(_) => "a service",
            Value::Interface(..) => "an interface of a service",
            Value::Response => "a response",
            Value::Headers => "headers",
            Value::Struct(_) => "a struct",
            Value::Assumption(_) => "a fault_assumption",
            Value::Rule => "a protocol rule",
            Value::Fault => "a syscall fault",
            Value::Pattern => "re(...)",
            Value::InterfaceDeclaration => "an interface(...)",
            Value::Healthcheck => "a healthcheck",
            Value::Operation => "an op(...)",
            Value::Str => "a string",
            Value::Bytes => "bytes",
            Value::Int => "an int",
            Value::Float => "a float",
            Value::Bool => "a bool",
            Value::None => "None",
            Value::List(_) => "a list",
            Value::Dict => "a dict",
        })
    }
}
