//! What a call takes: the parameters of a builtin, a step or a function of the spec, with the words its protocol or
//! service adds.

use super::call_site::{self, Written};
use super::infer::Inference;
use super::value::{Function, ServiceShape, Value};
use super::{domains, recipes};
use crate::model::{ActionKind, Domain, Field, Param, ParamType, Protocol, Returns, Schema};
use crate::spec::registry::{self, Builtin, Keywords, Rest};
use crate::syntax::{NodeId, NodeKind, ParamKind};
use std::rc::Rc;

/// Something that can be called.
#[derive(Debug, Clone)]
pub(super) struct Callable {
    /// As messages name it, such as `service` or `api.public.post`.
    pub name: String,
    pub slots: Vec<Slot>,
    /// How many slots, from the front, may be given by position.
    pub positional: usize,
    /// What further positionals are.
    pub rest: Option<(String, ParamType)>,
    /// What a function of the spec calls the keywords it has no parameter for.
    pub other_keywords: Option<String>,
    pub returns: String,
    pub doc: String,
    pub kind: CallableKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallableKind {
    Builtin,
    Step,
    Function,
}

/// One thing an argument may stand for.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub name: String,
    pub ty: ParamType,
    pub default: Option<String>,
    pub domain: Domain,
    pub doc: String,
    pub kind: SlotKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SlotKind {
    Parameter,
    /// A field of the protocol's messages.
    Matcher,
    /// A family, an operation, or a syscall that is commonly faulted.
    Syscall,
    /// Any other syscall.
    RareSyscall,
}

impl SlotKind {
    pub(super) fn is_syscall(self) -> bool {
        matches!(self, SlotKind::Syscall | SlotKind::RareSyscall)
    }
}

impl Callable {
    pub(super) fn slot(&self, name: &str) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.name == name)
    }

    /// True when the argument exists to be refused with words of its own.
    pub(super) fn refuses(&self, slot: &Slot) -> bool {
        self.kind == CallableKind::Builtin && registry::refuses(&self.name, &slot.name)
    }

    /// The slot of the argument at a position, or of a keyword.
    pub(super) fn slot_of(&self, index: usize, keyword: Option<&str>) -> Option<&Slot> {
        match keyword {
            Some(name) => self.slot(name),
            None => self.slots.get(index).filter(|_| index < self.positional),
        }
    }
}

impl Slot {
    pub(super) fn is_required(&self) -> bool {
        self.default.is_none() && self.kind == SlotKind::Parameter
    }

    fn of_param(param: &Param) -> Slot {
        Slot {
            name: param.name.to_owned(),
            ty: param.ty,
            default: param.default.map(str::to_owned),
            domain: param.domain,
            doc: param.doc.to_owned(),
            kind: SlotKind::Parameter,
        }
    }

    fn of_field(field: &Field) -> Slot {
        let ty = match field.kind {
            crate::model::FieldKind::Text => ParamType::Pattern,
            _ => ParamType::PatternOrTable,
        };
        Slot {
            name: field.name.to_owned(),
            ty,
            default: Some(String::new()),
            domain: field.domain,
            doc: field.doc.to_owned(),
            kind: SlotKind::Matcher,
        }
    }
}

/// What the callee of a call takes; `None` when it is not known.
pub(super) fn of_call(inference: &Inference<'_>, call: NodeId) -> Option<Callable> {
    let file = inference.snapshot.file;
    let NodeKind::Call { callee, .. } = file.tree().kind(call) else { return None };
    match inference.of(*callee) {
        Value::Builtin(builtin) => {
            let written = Written::of(file.tree(), call);
            let builtin = call_site::meant(file.tree(), call, builtin, &written);
            Some(builtin_call(inference, call, builtin, &written))
        }
        Value::Step(shape, at, step) => {
            let name = format!("{}.{}.{}", shape.name, shape.interfaces[at].name, step.name);
            let returns = match step.returns {
                Returns::Response => "response",
                Returns::Text => "str or bytes",
            };
            Some(Callable {
                name,
                slots: step.params.iter().map(Slot::of_param).collect(),
                positional: step.params.len(),
                rest: None,
                other_keywords: None,
                returns: returns.to_owned(),
                doc: step.doc.to_owned(),
                kind: CallableKind::Step,
            })
        }
        Value::Function(function) => {
            let mut callable = of_function(function);
            // The field of a struct is known by the name it has there.
            if let Some(name) = file.tree().dotted(*callee).filter(|name| name.contains('.')) {
                callable.name = name;
            }
            Some(callable)
        }
        _ => None,
    }
}

/// What a builtin takes in general, without a call that says more.
pub(super) fn of_builtin(builtin: &'static Builtin) -> Callable {
    Callable {
        name: builtin.name.to_owned(),
        slots: builtin.params.iter().map(Slot::of_param).collect(),
        positional: builtin.positional,
        rest: match builtin.rest {
            Rest::None => None,
            Rest::Many(what, ty) => Some((what.to_owned(), ty)),
        },
        other_keywords: None,
        returns: builtin.returns.to_owned(),
        doc: builtin.doc.to_owned(),
        kind: CallableKind::Builtin,
    }
}

fn builtin_call(
    inference: &Inference<'_>,
    call: NodeId,
    builtin: &'static Builtin,
    written: &Written,
) -> Callable {
    let mut callable = of_builtin(builtin);
    match builtin.keywords {
        Keywords::Rule(action) => rule_slots(&mut callable, action, target_protocol(inference, call)),
        Keywords::Syscalls => {
            let target = target_of(inference, builtin, written);
            syscall_slots(&mut callable, target.as_ref().map(|(shape, _)| &**shape));
        }
        Keywords::Closed | Keywords::Open => {}
    }
    callable
}

/// Adds the fields and the action's parameters of the target's protocol, of every protocol when it is not known.
fn rule_slots(callable: &mut Callable, action: ActionKind, protocol: Option<Protocol>) {
    let every = Protocol::ALL.iter().copied();
    let protocols: Vec<Protocol> = protocol.map_or_else(|| every.collect(), |one| vec![one]);
    let mut added: Vec<Slot> = Vec::new();
    for schema in protocols.into_iter().map(crate::protocol::schema) {
        let spec = schema.actions.iter().filter(|spec| spec.kind == action);
        let params = spec.flat_map(|spec| spec.params.iter().map(Slot::of_param));
        let fields = schema.fields.iter().map(Slot::of_field);
        for slot in params.chain(fields) {
            let known = callable.slots.iter().chain(&added).any(|other| other.name == slot.name);
            if !known {
                added.push(slot);
            }
        }
    }
    // A parameter required by one protocol only is not required while the protocol is unknown.
    if protocol.is_none() {
        for slot in &mut added {
            slot.default.get_or_insert_default();
        }
    }
    // Matchers and what the action does come before triggers.
    let triggers = callable.slots.iter().position(|slot| slot.name == "probability");
    let at = triggers.unwrap_or(callable.slots.len());
    callable.slots.splice(at..at, added);
}

/// Adds the operations of the service, then what is commonly faulted.
fn syscall_slots(callable: &mut Callable, service: Option<&ServiceShape>) {
    let operations = service.map_or(&[][..], |service| &service.operations);
    let operation =
        |name: &String| (name.clone(), format!("The operation `{name}` of the service."), SlotKind::Syscall);
    let keywords = domains::syscall_keywords().iter().map(|keyword| match keyword.doc {
        Some(doc) => (keyword.name.to_owned(), doc.to_owned(), SlotKind::Syscall),
        None => (keyword.name.to_owned(), format!("The syscall {}(2).", keyword.name), SlotKind::RareSyscall),
    });
    for (name, doc, kind) in operations.iter().map(operation).chain(keywords) {
        callable.slots.push(Slot {
            name,
            ty: ParamType::SyscallFault,
            default: Some(String::new()),
            domain: Domain::None,
            doc,
            kind,
        });
    }
}

/// The service, and interface, that rules given to a call act on.
pub(super) fn target_of(
    inference: &Inference<'_>,
    builtin: &Builtin,
    written: &Written,
) -> Option<(Rc<ServiceShape>, Option<usize>)> {
    let target = written.parameter(builtin.params, "target")?;
    match inference.of(target) {
        Value::Service(shape) => Some((shape, None)),
        Value::Interface(shape, at) => Some((shape, Some(at))),
        _ => None,
    }
}

/// The protocol a rule meets: that of the target of the call it is an argument of.
pub(super) fn target_protocol(inference: &Inference<'_>, rule: NodeId) -> Option<Protocol> {
    target_schema(inference, rule).map(|schema| schema.protocol)
}

pub(super) fn target_schema(inference: &Inference<'_>, rule: NodeId) -> Option<&'static Schema> {
    let tree = inference.snapshot.tree();
    for outer in tree.ancestors(rule) {
        let NodeKind::Call { callee, .. } = tree.kind(outer) else { continue };
        let Value::Builtin(builtin) = inference.of(*callee) else { return None };
        if builtin.keywords == Keywords::Syscalls {
            let (shape, at) = target_of(inference, builtin, &Written::of(tree, outer))?;
            return shape.interfaces.get(at?)?.protocol.map(crate::protocol::schema);
        }
    }
    None
}

/// What a def or lambda takes.
pub(super) fn of_function(function: Function<'_>) -> Callable {
    let tree = function.file.tree();
    let (name, params, doc) = match tree.kind(function.node) {
        NodeKind::Def { name, params, doc, .. } => (tree.str(name.span), params.as_slice(), *doc),
        NodeKind::Lambda { params, .. } => ("lambda", params.as_slice(), None),
        _ => ("", &[][..], None),
    };
    let plain = params.iter().take_while(|&&id| is_plain(tree.kind(id))).count();
    let slot = |&id: &NodeId| match tree.kind(id) {
        NodeKind::Param { kind: ParamKind::Plain, name, default, .. } => Some(Slot {
            name: tree.str(name.span).to_owned(),
            ty: ParamType::Any,
            default: default.map(|default| tree.text_of(default).to_owned()),
            domain: Domain::None,
            doc: String::new(),
            kind: SlotKind::Parameter,
        }),
        _ => None,
    };
    let star = |wanted: ParamKind| {
        let named = |&id: &NodeId| match tree.kind(id) {
            NodeKind::Param { kind, name, .. } if *kind == wanted => Some(tree.str(name.span).to_owned()),
            _ => None,
        };
        params.iter().find_map(named)
    };
    let mut slots: Vec<Slot> = params.iter().filter_map(slot).collect();
    let is_recipe = recipes::is_embedded(function.file.path);
    if is_recipe {
        recipe_slots(&mut slots, function);
    }
    Callable {
        name: name.to_owned(),
        slots,
        positional: plain,
        rest: star(ParamKind::Args).map(|name| (name, ParamType::Any)),
        // Those of a recipe are the conditions above.
        other_keywords: star(ParamKind::Kwargs).filter(|_| !is_recipe),
        returns: String::new(),
        doc: doc.and_then(|doc| tree.string_value(doc)).unwrap_or_default().trim().to_owned(),
        kind: CallableKind::Function,
    }
}

/// Adds the conditions a recipe hands on to its rule: the fields of its protocol, then triggers; without those it sets itself.
fn recipe_slots(slots: &mut Vec<Slot>, recipe: Function<'_>) {
    let tree = recipe.file.tree();
    let mut calls = tree.descendants(recipe.node).map(|id| Written::of(tree, id));
    let rule = calls.find(|written| written.has_kwargs).unwrap_or_default();
    let is_set = |name: &str| rule.keyword(name).is_some() || slots.iter().any(|slot| slot.name == name);
    let schema = recipes::protocol(recipe.file.path).map(crate::protocol::schema);
    let fields = schema.into_iter().flat_map(|schema| schema.fields).map(Slot::of_field);
    let added = fields.chain(registry::triggers().iter().map(Slot::of_param));
    let added: Vec<Slot> = added.filter(|slot| !is_set(&slot.name)).collect();
    slots.extend(added);
}

fn is_plain(kind: &NodeKind) -> bool {
    matches!(kind, NodeKind::Param { kind: ParamKind::Plain, .. })
}
