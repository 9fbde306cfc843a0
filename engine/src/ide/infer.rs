//! Finds out what the value of an expression is, without evaluating: names are followed to what they were set to,
//! calls to what the callee gives back, across `load`.

use super::call_site::{self, Written};
use super::value::{Function, ServiceShape, Value};
use super::{FileView, Snapshot, service_shape};
use crate::model::Returns;
use crate::spec::registry::{self, Builtin};
use crate::syntax::scope::{Definition, DefinitionKind};
use crate::syntax::{ArgumentKind, NodeId, NodeKind};
use std::cell::Cell;
use std::rc::Rc;

/// How far one question may lead; enough for real specs, and a bound for hostile ones.
const FUEL: u32 = 4_000;
/// How deep names may lead to names.
const DEPTH: u32 = 24;

/// Answers questions about values of one snapshot.
pub(super) struct Inference<'a> {
    pub snapshot: Snapshot<'a>,
    fuel: Cell<u32>,
    depth: Cell<u32>,
}

impl<'a> Inference<'a> {
    pub(super) fn new(snapshot: Snapshot<'a>) -> Inference<'a> {
        Inference { snapshot, fuel: Cell::new(FUEL), depth: Cell::new(0) }
    }

    /// The value of a node of the snapshot's own file.
    pub(super) fn of(&self, node: NodeId) -> Value<'a> {
        self.fuel.set(FUEL);
        self.value(self.snapshot.file, node)
    }

    pub(super) fn value(&self, file: FileView<'a>, node: NodeId) -> Value<'a> {
        let (fuel, depth) = (self.fuel.get(), self.depth.get());
        if fuel == 0 || depth >= DEPTH {
            return Value::Unknown;
        }
        self.fuel.set(fuel - 1);
        self.depth.set(depth + 1);
        let value = self.value_of_kind(file, node);
        self.depth.set(depth);
        value
    }

    fn value_of_kind(&self, file: FileView<'a>, node: NodeId) -> Value<'a> {
        match file.tree().kind(node) {
            NodeKind::Name => self.name(file, node),
            NodeKind::Attribute { object, name } => {
                let attribute = file.tree().str(name.span);
                attribute_of(&self.value(file, *object), attribute)
            }
            NodeKind::Call { callee, .. } => self.call(file, node, *callee),
            NodeKind::Index { object, .. } => match self.value(file, *object) {
                Value::List(item) => (*item).clone(),
                Value::Headers => Value::Str,
                Value::Data => Value::Data,
                _ => Value::Unknown,
            },
            NodeKind::Paren { inner } => self.value(file, *inner),
            NodeKind::Conditional { then, .. } => self.value(file, *then),
            NodeKind::Lambda { .. } => Value::Function(Function { file, node }),
            NodeKind::String(_) => Value::Str,
            NodeKind::Int => Value::Int,
            NodeKind::Float => Value::Float,
            NodeKind::Compare { .. } => Value::Bool,
            NodeKind::Binary { left, .. } => match self.value(file, *left) {
                value @ (Value::Str | Value::Int | Value::Float | Value::List(_)) => value,
                _ => Value::Unknown,
            },
            NodeKind::List { items } | NodeKind::Tuple { items } => {
                let first = items.first().map_or(Value::Unknown, |&item| self.value(file, item));
                Value::List(Rc::new(first))
            }
            NodeKind::Comprehension { element, .. } => match file.tree().kind(*element) {
                NodeKind::DictEntry { .. } => Value::Dict,
                _ => Value::List(Rc::new(self.value(file, *element))),
            },
            NodeKind::Dict { .. } => Value::Dict,
            _ => Value::Unknown,
        }
    }

    fn name(&self, file: FileView<'a>, node: NodeId) -> Value<'a> {
        let Some(id) = file.scopes.resolve(node) else { return constant(file.tree().text_of(node)) };
        self.definition(file, file.scopes.definition(id))
    }

    /// What a name was set to; the last binding counts.
    pub(super) fn definition(&self, file: FileView<'a>, definition: &Definition) -> Value<'a> {
        let Some(binding) = definition.bindings.last() else { return Value::Unknown };
        let tree = file.tree();
        match definition.kind {
            DefinitionKind::Function => Value::Function(Function { file, node: binding.node }),
            DefinitionKind::Variable => match tree.parent(binding.node).map(|parent| tree.kind(parent)) {
                Some(NodeKind::Assign { target, value, .. }) if *target == binding.node => {
                    self.assigned(file, *value, &definition.name)
                }
                _ => Value::Unknown,
            },
            DefinitionKind::Loaded => self.loaded(file, binding.node),
            DefinitionKind::LoopVariable => {
                match tree.parent(binding.node).map(|parent| tree.kind(parent)) {
                    Some(
                        NodeKind::For { target, iterable, .. } | NodeKind::ForClause { target, iterable },
                    ) if *target == binding.node => match self.value(file, *iterable) {
                        Value::List(item) => (*item).clone(),
                        _ => Value::Unknown,
                    },
                    _ => Value::Unknown,
                }
            }
            DefinitionKind::Parameter => self.parameter(file, binding.node),
        }
    }

    /// The value of an assignment. A service that syntax cannot see is looked up in the outline under the variable's
    /// name, which is how nearly every spec names it.
    fn assigned(&self, file: FileView<'a>, value: NodeId, name: &str) -> Value<'a> {
        match self.value(file, value) {
            Value::Unknown => service_shape::outlined(self.snapshot, name)
                .map_or(Value::Unknown, |shape| Value::Service(Rc::new(shape))),
            known => known,
        }
    }

    fn loaded(&self, file: FileView<'a>, load_name: NodeId) -> Value<'a> {
        let found = super::definition::loaded_definition(self.snapshot, file, load_name);
        found.map_or(Value::Unknown, |(other, id)| self.definition(other, other.scopes.definition(id)))
    }

    fn call(&self, file: FileView<'a>, call: NodeId, callee: NodeId) -> Value<'a> {
        if file.scopes.resolve(callee).is_none()
            && let Some(made) = self.standard(file, call, file.tree().text_of(callee))
        {
            return made;
        }
        match self.value(file, callee) {
            Value::Builtin(builtin) => self.built(file, call, builtin),
            Value::Step(_, _, step) => match step.returns {
                Returns::Response => Value::Response,
                Returns::Text => Value::Str,
            },
            Value::Function(function) => self.returned(function),
            _ => Value::Unknown,
        }
    }

    /// What a builtin gives back.
    fn built(&self, file: FileView<'a>, call: NodeId, builtin: &'static Builtin) -> Value<'a> {
        let written = Written::of(file.tree(), call);
        match builtin.returns {
            "service" => Value::Service(Rc::new(service_shape::written(self, file, call))),
            "interface" => Value::InterfaceDeclaration,
            "healthcheck" => Value::Healthcheck,
            "op" => Value::Operation,
            "syscall fault" | "protocol rule" => match call_site::form(builtin, &written).returns {
                "syscall fault" => Value::Fault,
                _ => Value::Rule,
            },
            "pattern" => Value::Pattern,
            "fault_assumption" => {
                let name = written.text_of_parameter(file.tree(), builtin.params, "name");
                Value::Assumption(name.unwrap_or_default().to_owned())
            }
            "what run returns" => match written.keyword("run").map(|run| self.value(file, run)) {
                Some(Value::Function(function)) => self.returned(function),
                _ => Value::Unknown,
            },
            "str" => Value::Str,
            "int" => Value::Int,
            "list" => Value::List(Rc::new(Value::Unknown)),
            "data" => Value::Data,
            "None" => Value::None,
            _ => Value::Unknown,
        }
    }

    /// What a function of Starlark itself gives back.
    fn standard(&self, file: FileView<'a>, call: NodeId, name: &str) -> Option<Value<'a>> {
        Some(match name {
            "struct" => Value::Struct(Rc::new(self.fields(file, call))),
            "str" | "repr" | "type" | "chr" => Value::Str,
            "len" | "int" | "ord" | "hash" => Value::Int,
            "float" => Value::Float,
            "bool" | "all" | "any" | "hasattr" => Value::Bool,
            "dict" => Value::Dict,
            "range" => Value::List(Rc::new(Value::Int)),
            "list" | "tuple" | "sorted" | "reversed" => {
                match Written::of(file.tree(), call).positional.first().map(|&items| self.value(file, items))
                {
                    Some(list @ Value::List(_)) => list,
                    _ => Value::List(Rc::new(Value::Unknown)),
                }
            }
            _ => return None,
        })
    }

    fn fields(&self, file: FileView<'a>, call: NodeId) -> Vec<(String, Value<'a>)> {
        let tree = file.tree();
        let NodeKind::Call { args, .. } = tree.kind(call) else { return Vec::new() };
        let field = |&arg: &NodeId| match tree.kind(arg) {
            NodeKind::Argument { kind: ArgumentKind::Keyword(name), value } => {
                Some((tree.str(name.span).to_owned(), self.value(file, *value)))
            }
            _ => None,
        };
        args.iter().filter_map(field).collect()
    }

    /// What a function gives back: a lambda's body, or the last `return` with a value.
    pub(super) fn returned(&self, function: Function<'a>) -> Value<'a> {
        let tree = function.file.tree();
        let body = match tree.kind(function.node) {
            NodeKind::Lambda { body, .. } => return self.value(function.file, *body),
            NodeKind::Def { body, .. } => *body,
            _ => return Value::Unknown,
        };
        let own = |id: &NodeId| {
            let mut above = tree.ancestors(*id);
            let owner =
                above.find(|&at| matches!(tree.kind(at), NodeKind::Def { .. } | NodeKind::Lambda { .. }));
            owner == Some(function.node)
        };
        let returns = tree.descendants(body).rev().filter_map(|id| match tree.kind(id) {
            NodeKind::Return { value: Some(value) } => Some((id, *value)),
            _ => None,
        });
        let last = returns.into_iter().find(|(id, _)| own(id));
        last.map_or(Value::None, |(_, value)| self.value(function.file, value))
    }

    /// What a parameter is given: by the call that uses the function as an expectation, or by any other call.
    fn parameter(&self, file: FileView<'a>, param: NodeId) -> Value<'a> {
        let tree = file.tree();
        let Some(owner) = tree.parent(param) else { return Value::Unknown };
        let (NodeKind::Def { params, .. } | NodeKind::Lambda { params, .. }) = tree.kind(owner) else {
            return Value::Unknown;
        };
        let Some(index) = params.iter().position(|&at| at == param) else { return Value::Unknown };
        for mention in super::mentions::of_function(file, owner) {
            match super::mentions::use_of(tree, mention) {
                super::mentions::Use::Called { call } => {
                    let given = Written::of(tree, call).positional.get(index).copied();
                    if let Some(given) = given {
                        return self.value(file, given);
                    }
                }
                super::mentions::Use::Expects { scenario: Some(scenario) } if index == 0 => {
                    if let Value::Function(function) = self.value(file, scenario) {
                        return self.returned(function);
                    }
                }
                super::mentions::Use::Expects { .. } | super::mentions::Use::Other => {}
            }
        }
        Value::Unknown
    }

    /// The service or interface an expression is, with the service's shape.
    pub(super) fn service(&self, node: NodeId) -> Option<Rc<ServiceShape>> {
        match self.of(node) {
            Value::Service(shape) | Value::Interface(shape, _) => Some(shape),
            _ => None,
        }
    }
}

/// A name bound nowhere: a builtin or a constant of the language.
fn constant(name: &str) -> Value<'static> {
    match name {
        "True" | "False" => Value::Bool,
        "None" => Value::None,
        _ => registry::find(name).map_or(Value::Unknown, Value::Builtin),
    }
}

/// The value of an attribute.
pub(super) fn attribute_of<'a>(object: &Value<'a>, attribute: &str) -> Value<'a> {
    match object {
        Value::Service(shape) => {
            if attribute == "name" {
                return Value::Str;
            }
            let own = shape.interfaces.iter().position(|interface| interface.name == attribute);
            match own {
                Some(at) => Value::Interface(Rc::clone(shape), at),
                None => shape.default_interface().map_or(Value::Unknown, |at| step(shape, at, attribute)),
            }
        }
        Value::Interface(shape, at) => match attribute {
            "port" | "proxy_port" => Value::Int,
            "addr" | "host" | "internal_addr" | "proxy_addr" | "proxy_host" => Value::Str,
            _ => step(shape, *at, attribute),
        },
        Value::Response => match attribute {
            "status" | "duration_ms" => Value::Int,
            "body" | "error" => Value::Str,
            "ok" => Value::Bool,
            "headers" => Value::Headers,
            "data" => Value::Data,
            _ => Value::Unknown,
        },
        Value::Struct(fields) => {
            let field = fields.iter().find(|(name, _)| name == attribute);
            field.map_or(Value::Unknown, |(_, value)| value.clone())
        }
        Value::Data => Value::Data,
        _ => Value::Unknown,
    }
}

fn step<'a>(shape: &Rc<ServiceShape>, at: usize, name: &str) -> Value<'a> {
    let step = shape.interfaces[at].steps().iter().find(|step| step.name == name);
    step.map_or(Value::Unknown, |step| Value::Step(Rc::clone(shape), at, step))
}
