//! What kind of value the cursor's place wants.

use super::Ground;
use crate::ide::callable::{self, Slot};
use crate::ide::value::Value;
use crate::model::{Domain, ParamType};
use crate::spec::registry::Builtin;
use crate::syntax::cursor::{ActiveCall, Place, Role};
use crate::syntax::{NodeId, NodeKind};

/// A wanted type, and the words it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected {
    pub ty: ParamType,
    pub domain: Domain,
}

impl Expected {
    fn new(ty: ParamType, domain: Domain) -> Expected {
        Expected { ty, domain }
    }

    /// True when a value is of the wanted type.
    pub(super) fn fits(&self, value: &Value<'_>) -> bool {
        match self.ty {
            ParamType::Callable => matches!(value, Value::Function(_)),
            ParamType::Service => matches!(value, Value::Service(_)),
            ParamType::InterfaceRef => matches!(value, Value::Interface(..) | Value::Service(_)),
            ParamType::ServiceOrInterface => matches!(value, Value::Service(_) | Value::Interface(..)),
            ParamType::Assumption | ParamType::Assumptions => matches!(value, Value::Assumption(_)),
            ParamType::ProtocolRule => matches!(value, Value::Rule),
            ParamType::SyscallFault => matches!(value, Value::Fault),
            ParamType::Healthcheck => matches!(value, Value::Healthcheck),
            ParamType::Str => matches!(value, Value::Str),
            _ => false,
        }
    }

    /// True when the builtin makes a value of the wanted type.
    pub(super) fn made_by(&self, builtin: &Builtin) -> bool {
        match self.ty {
            ParamType::SyscallFault => builtin.returns == "syscall fault",
            ParamType::ProtocolRule => builtin.returns == "protocol rule",
            ParamType::Healthcheck => builtin.returns == "healthcheck",
            ParamType::Interface => builtin.returns == "interface",
            ParamType::Pattern | ParamType::PatternOrTable => builtin.returns == "pattern",
            ParamType::Callable => builtin.returns == "expectation",
            ParamType::Dict => builtin.returns == "op",
            ParamType::Service => builtin.returns == "service",
            ParamType::Assumption | ParamType::Assumptions => builtin.returns == "fault_assumption",
            _ => false,
        }
    }
}

impl Ground<'_> {
    /// What the place of a value wants, if anything is known about it.
    pub(super) fn expected(&self, place: &Place) -> Option<Expected> {
        if let Role::Compared { with } = &place.role {
            return self.like(*with);
        }
        let active = place.argument.as_ref()?;
        self.expected_argument(active, &place.role)
    }

    pub(super) fn expected_argument(&self, active: &ActiveCall, role: &Role) -> Option<Expected> {
        let callable = callable::of_call(&self.inference, active.call)?;
        let keyword = active.keyword.as_deref();
        let Some(slot) = callable.slot_of(active.index, keyword) else {
            let (what, ty) = callable.rest.as_ref().filter(|_| keyword.is_none())?;
            // What follows a service's name: the program, then interfaces.
            let ty = if what.contains("interfaces") { ParamType::Interface } else { *ty };
            return Some(Expected::new(ty, Domain::None));
        };
        if callable.name == "assert_eq" {
            return self.other_side(active);
        }
        expected_in(slot, role)
    }

    /// `assert_eq(r.status, |)` wants a status.
    fn other_side(&self, active: &ActiveCall) -> Option<Expected> {
        let NodeKind::Call { args, .. } = self.snapshot.tree().kind(active.call) else { return None };
        let other = args.get(1_usize.checked_sub(active.index)?)?;
        match self.snapshot.tree().kind(*other) {
            NodeKind::Argument { value, .. } => self.like(*value),
            _ => None,
        }
    }

    /// What is comparable to a value.
    fn like(&self, node: NodeId) -> Option<Expected> {
        let NodeKind::Attribute { name, .. } = self.snapshot.tree().kind(node) else { return None };
        match self.snapshot.tree().str(name.span) {
            "status" => Some(Expected::new(ParamType::Int, Domain::HttpStatus)),
            _ => None,
        }
    }
}

fn expected_in(slot: &Slot, role: &Role) -> Option<Expected> {
    let plain = Expected::new(slot.ty, slot.domain);
    let items = match slot.name.as_str() {
        "scenarios" => ParamType::Callable,
        "faults" => ParamType::Assumption,
        "services" | "depends_on" => ParamType::Service,
        _ => slot.ty,
    };
    match (role, slot.name.as_str()) {
        (Role::Element, "overrides" | "exclude") => Some(Expected::new(ParamType::Assumption, Domain::None)),
        (Role::DictValue { .. }, "overrides") => Some(Expected::new(ParamType::Callable, Domain::None)),
        (Role::Element, _) if slot.ty == ParamType::StrList => {
            Some(Expected::new(ParamType::Str, slot.domain))
        }
        (Role::Element, _) => Some(Expected::new(items, slot.domain)),
        (Role::DictKey, _) if slot.domain == Domain::Header => {
            Some(Expected::new(ParamType::Str, slot.domain))
        }
        (Role::DictKey, _) => None,
        (Role::DictValue { .. }, _) if slot.ty == ParamType::Dict => Some(plain),
        (Role::DictValue { .. }, _) => Some(Expected::new(ParamType::Str, Domain::None)),
        (Role::Whole, _) => Some(plain),
        (Role::Subscript { .. } | Role::Compared { .. }, _) => None,
    }
}
