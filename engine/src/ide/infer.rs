//! Finds out what the value of an expression is, without evaluating: names are followed to what they were set to,
//! calls to what the callee gives back, across `load`.

use super::agreement::agreed;
use super::branches::Branches;
use super::passing::Importers;
use super::value::{Function, ServiceShape, Value};
use super::{FileView, Snapshot, service_shape};
use crate::spec::registry;
use crate::syntax::lexer::Operator;
use crate::syntax::scope::Definition;
use crate::syntax::{NodeId, NodeKind};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

/// How far one question may lead; enough for real specs, and a bound for hostile ones.
const FUEL: u32 = 4_000;
/// The same for one of many names; a service takes three.
const FUEL_OF_ONE: u32 = 400;
/// Uses of one list that are looked at; a spec goes through a list in a few places.
const MAX_USES: usize = 100;
/// How deep names may lead to names.
const DEPTH: u32 = 24;

/// The file and node an answer is about, whether it is what a function gives back, and whether calls tell what
/// parameters are.
type Question<'a> = (&'a Path, NodeId, bool, bool);

/// Answers questions about values of one snapshot.
pub(super) struct Inference<'a> {
    pub snapshot: Snapshot<'a>,
    /// True when an answer has to hold whichever binding, call, return or item a spec meets.
    pub is_strict: bool,
    /// Answers that hold, so that what all calls agree on is not found out again for each of them.
    known: RefCell<HashMap<Question<'a>, Value<'a>>>,
    branches: Branches<'a>,
    /// False while a use is looked at that not every call reaches.
    pub(super) do_calls_tell: Cell<bool>,
    pub(super) importers: OnceCell<Importers<'a>>,
    fuel: Cell<u32>,
    depth: Cell<u32>,
}

impl<'a> Inference<'a> {
    /// Where several values are possible, one is taken: better than nothing for who completes or reads.
    pub(super) fn new(snapshot: Snapshot<'a>) -> Inference<'a> {
        Inference {
            snapshot,
            is_strict: false,
            known: RefCell::default(),
            branches: Branches::default(),
            do_calls_tell: Cell::new(true),
            importers: OnceCell::new(),
            fuel: Cell::new(FUEL),
            depth: Cell::new(0),
        }
    }

    /// Where several values are possible, only what they share is known: a finding must not rest on a guess.
    pub(super) fn strict(snapshot: Snapshot<'a>) -> Inference<'a> {
        Inference { is_strict: true, ..Inference::new(snapshot) }
    }

    /// The value of a node of the snapshot's own file.
    pub(super) fn of(&self, node: NodeId) -> Value<'a> {
        self.fuel.set(FUEL);
        self.value(self.snapshot.file, node)
    }

    /// The value of one of many names, with fuel of its own out of what all of them may use.
    pub(super) fn one_of_many(&self, definition: &Definition, budget: &mut u32) -> Value<'a> {
        let fuel = FUEL_OF_ONE.min(*budget);
        self.fuel.set(fuel);
        let value = self.definition(self.snapshot.file, definition);
        *budget -= fuel.saturating_sub(self.fuel.get());
        value
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
                match self.value(file, *object) {
                    // Which interface `svc.get` means depends on all of them.
                    Value::Service(shape) if self.is_strict && !shape.offers(attribute) => Value::Unknown,
                    object => attribute_of(&object, attribute),
                }
            }
            NodeKind::Call { callee, .. } => self.call(file, node, *callee),
            NodeKind::Index { object, .. } => match self.value(file, *object) {
                Value::List(item) => (*item).clone(),
                Value::Headers => Value::Str,
                Value::Bytes => Value::Int,
                Value::Data => Value::Data,
                _ => Value::Unknown,
            },
            NodeKind::Paren { inner } => self.value(file, *inner),
            NodeKind::Conditional { then, otherwise, .. } if self.is_strict => {
                agreed([*then, *otherwise].into_iter().map(|side| self.value(file, side)))
            }
            NodeKind::Conditional { then, .. } => self.value(file, *then),
            NodeKind::Lambda { .. } => Value::Function(Function { file, node }),
            NodeKind::String(_) => Value::Str,
            NodeKind::Bytes => Value::Bytes,
            NodeKind::Int => Value::Int,
            NodeKind::Float => Value::Float,
            NodeKind::Compare { .. } => Value::Bool,
            NodeKind::Binary { operator, left, right } if self.is_strict => {
                combined(*operator, self.value(file, *left), self.value(file, *right))
            }
            NodeKind::Binary { left, .. } => match self.value(file, *left) {
                value @ (Value::Str | Value::Bytes | Value::Int | Value::Float | Value::List(_)) => value,
                _ => Value::Unknown,
            },
            NodeKind::List { items } | NodeKind::Tuple { items } if self.is_strict => {
                Value::list(agreed(items.iter().map(|&item| self.value(file, item))))
            }
            NodeKind::List { items } | NodeKind::Tuple { items } => {
                let first = items.first().map_or(Value::Unknown, |&item| self.value(file, item));
                Value::list(first)
            }
            NodeKind::Comprehension { element, .. } => match file.tree().kind(*element) {
                NodeKind::DictEntry { .. } => Value::Dict,
                _ => Value::list(self.value(file, *element)),
            },
            NodeKind::Dict { .. } => Value::Dict,
            _ => Value::Unknown,
        }
    }

    fn name(&self, file: FileView<'a>, node: NodeId) -> Value<'a> {
        let Some(id) = file.scopes.resolve(node) else { return constant(file.tree().text_of(node)) };
        let definition = file.scopes.definition(id);
        let is_conditional =
            self.is_strict && !definition.is_global && self.branches.is_conditional(file, node);
        let before = self.do_calls_tell.replace(self.do_calls_tell.get() && !is_conditional);
        let value = self.definition(file, definition);
        self.do_calls_tell.set(before);
        value
    }

    /// What a name was set to: by the last binding, or by all when they must agree.
    pub(super) fn definition(&self, file: FileView<'a>, definition: &Definition) -> Value<'a> {
        if !self.is_strict {
            let last = definition.bindings.last();
            return last.map_or(Value::Unknown, |last| self.bound(file, last.node, &definition.name));
        }
        let Some(first) = definition.bindings.first() else { return Value::Unknown };
        self.remembered((file.path, first.node, false, self.do_calls_tell.get()), || {
            let each = definition.bindings.iter().map(|each| self.bound(file, each.node, &definition.name));
            match agreed(each) {
                Value::List(_) if !is_only_read(file, definition) => Value::list(Value::Unknown),
                value => value,
            }
        })
    }

    /// The answer to a question of the strict kind. One that leads back to itself is not known, which ends it.
    pub(super) fn remembered(&self, asked: Question<'a>, answer: impl FnOnce() -> Value<'a>) -> Value<'a> {
        if let Some(known) = self.known.borrow().get(&asked) {
            return known.clone();
        }
        self.known.borrow_mut().insert(asked, Value::Unknown);
        let value = answer();
        self.known.borrow_mut().insert(asked, value.clone());
        value
    }

    /// What one binding sets a name to.
    fn bound(&self, file: FileView<'a>, node: NodeId, name: &str) -> Value<'a> {
        let tree = file.tree();
        match tree.kind(node) {
            NodeKind::Def { .. } => return Value::Function(Function { file, node }),
            NodeKind::LoadName { .. } => return self.loaded(file, node),
            NodeKind::Param { .. } => return self.parameter(file, node),
            _ => {}
        }
        match tree.parent(node).map(|parent| tree.kind(parent)) {
            Some(NodeKind::Assign { target, value, .. }) if *target == node => {
                self.assigned(file, *value, name)
            }
            Some(NodeKind::For { target, iterable, .. } | NodeKind::ForClause { target, iterable })
                if *target == node =>
            {
                match self.value(file, *iterable) {
                    Value::List(item) => (*item).clone(),
                    _ => Value::Unknown,
                }
            }
            _ => Value::Unknown,
        }
    }

    /// The value of an assignment. A service that syntax cannot see is looked up in the outline under the variable's
    /// name, which is how nearly every spec names it; for a finding the outline must mean the same call.
    fn assigned(&self, file: FileView<'a>, value: NodeId, name: &str) -> Value<'a> {
        let value = self.value(file, value);
        // The outline is long, and most values are plain to see.
        let is_open = match &value {
            Value::Unknown => !self.is_strict,
            Value::Service(shape) => !shape.is_complete(),
            _ => false,
        };
        if !is_open {
            return value;
        }
        let is_it = |evaluated: &ServiceShape| match &value {
            Value::Service(shape) => shape.is_at(evaluated),
            _ => true,
        };
        match service_shape::outlined(self.snapshot, name).filter(is_it) {
            Some(evaluated) => Value::Service(Rc::new(evaluated)),
            None => value,
        }
    }

    fn loaded(&self, file: FileView<'a>, load_name: NodeId) -> Value<'a> {
        let found = super::definition::loaded_definition(self.snapshot, file, load_name);
        found.map_or(Value::Unknown, |(other, id)| self.definition(other, other.scopes.definition(id)))
    }

    /// The text an expression is: a string, or a name bound once to one.
    pub(super) fn text(&self, file: FileView<'a>, node: NodeId) -> Option<&'a str> {
        let tree = file.tree();
        let name = match tree.kind(node) {
            NodeKind::String(_) => return tree.string_value(node),
            NodeKind::Name => file.scopes.resolve(node)?,
            _ => return None,
        };
        let [only] = file.scopes.definition(name).bindings.as_slice() else { return None };
        match tree.kind(tree.parent(only.node)?) {
            NodeKind::Assign { target, value, .. } if *target == only.node => tree.string_value(*value),
            _ => None,
        }
    }

    /// The service or interface an expression is, with the service's shape.
    pub(super) fn service(&self, node: NodeId) -> Option<Rc<ServiceShape>> {
        match self.of(node) {
            Value::Service(shape) | Value::Interface(shape, _) => Some(shape),
            _ => None,
        }
    }
}

/// What an operator makes of two values.
fn combined<'a>(operator: Operator, left: Value<'a>, right: Value<'a>) -> Value<'a> {
    match (operator, &left, &right) {
        (Operator::Plus, Value::Str, _) | (Operator::Plus, _, Value::Str) => Value::Str,
        (Operator::Percent, Value::Str, _) => Value::Str,
        _ => agreed([left, right]),
    }
}

/// True when nothing is seen that could change a list: it is gone through, looked into or given to a builtin.
fn is_only_read(file: FileView<'_>, definition: &Definition) -> bool {
    let tree = file.tree();
    let reads = |&used: &NodeId| match tree.parent(used).map(|parent| (parent, tree.kind(parent))) {
        Some((_, NodeKind::For { iterable, .. } | NodeKind::ForClause { iterable, .. })) => *iterable == used,
        Some((_, NodeKind::Binary { .. } | NodeKind::Compare { .. } | NodeKind::Slice { .. })) => true,
        Some((at, NodeKind::Index { .. })) => {
            let around = tree.parent(at).map(|above| tree.kind(above));
            !matches!(around, Some(NodeKind::Assign { target, .. } | NodeKind::AugAssign { target, .. }) if *target == at)
        }
        Some((at, NodeKind::Argument { .. })) => match tree.parent(at).map(|call| tree.kind(call)) {
            Some(NodeKind::Call { callee, .. }) => {
                matches!(tree.kind(*callee), NodeKind::Name) && file.scopes.resolve(*callee).is_none()
            }
            _ => false,
        },
        _ => false,
    };
    definition.uses.len() <= MAX_USES && definition.uses.iter().all(reads)
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
            "body_bytes" => Value::Bytes,
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
