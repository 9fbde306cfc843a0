//! What kind of value the cursor's place wants.

use super::Ground;
use crate::ide::call_site::Written;
use crate::ide::callable::{self, Callable, CallableKind, Slot};
use crate::ide::domains::Word;
use crate::ide::snippets;
use crate::ide::value::Value;
use crate::model::{Domain, ParamType, Protocol};
use crate::spec::registry::{Builtin, Keywords};
use crate::syntax::cursor::{ActiveCall, Place, Role};
use crate::syntax::{NodeId, NodeKind};

/// A wanted type, and the words it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expected {
    pub ty: ParamType,
    pub domain: Domain,
    /// The function judges what another one returned; else nothing is given to it.
    pub judges: bool,
    /// The protocol that a rule meets.
    pub protocol: Option<Protocol>,
    /// It is the first rule for an interface.
    pub is_first_rule: bool,
    /// The words that the place itself tells, instead of those of the domain.
    pub words: Option<Vec<Word>>,
    /// The likeliest error of the syscall that a fault is given to.
    pub errno: &'static str,
    /// Nothing but what fits is of use.
    pub is_strict: bool,
}

/// What rules act on: messages of an interface, or syscalls of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RuleTarget {
    Service,
    Interface(Option<Protocol>),
}

impl Expected {
    pub(super) fn new(ty: ParamType, domain: Domain) -> Expected {
        Expected {
            ty,
            domain,
            judges: false,
            protocol: None,
            is_first_rule: false,
            words: None,
            errno: "EIO",
            is_strict: false,
        }
    }

    fn of_slot(slot: &Slot, ty: ParamType) -> Expected {
        let judges = matches!(slot.name.as_str(), "expect" | "default_expect" | "overrides");
        Expected { judges, ..Expected::new(ty, slot.domain) }
    }

    /// True when a value is of the wanted type.
    pub(super) fn fits(&self, value: &Value<'_>) -> bool {
        match self.ty {
            ParamType::Callable => match value {
                Value::Function(function) => self.is_called_so(&callable::of_function(*function)),
                _ => false,
            },
            ParamType::Service => matches!(value, Value::Service(_)),
            ParamType::InterfaceRef => matches!(value, Value::Interface(..) | Value::Service(_)),
            ParamType::ServiceOrInterface => matches!(value, Value::Service(_) | Value::Interface(..)),
            ParamType::Assumption | ParamType::Assumptions => matches!(value, Value::Assumption(_)),
            ParamType::ProtocolRule => matches!(value, Value::Rule),
            ParamType::SyscallFault => matches!(value, Value::Fault),
            ParamType::Healthcheck => matches!(value, Value::Healthcheck),
            ParamType::Str => matches!(value, Value::Str),
            ParamType::StrOrBytes | ParamType::Body => matches!(value, Value::Str | Value::Bytes),
            _ => false,
        }
    }

    /// True when an interface of a service is wanted.
    pub(super) fn names_interfaces(&self) -> bool {
        matches!(self.ty, ParamType::InterfaceRef | ParamType::ServiceOrInterface)
    }

    /// True when the function can be called with what is given to it.
    fn is_called_so(&self, function: &Callable) -> bool {
        let required = function.slots.iter().filter(|slot| slot.is_required()).count();
        let takes_one = function.positional > 0 || function.rest.is_some();
        if self.judges { takes_one && required <= 1 } else { required == 0 }
    }

    /// True when the builtin can do nothing but harm here.
    pub(super) fn excludes(&self, builtin: &Builtin) -> bool {
        let is_other_rule = match builtin.keywords {
            Keywords::Rule(_) => self.protocol.is_some() && !self.made_by(builtin),
            Keywords::Closed | Keywords::Open | Keywords::Syscalls => false,
        };
        let is_judge = self.ty == ParamType::Callable && !self.judges && builtin.returns == "expectation";
        is_other_rule || is_judge
    }

    /// What a builtin inserts here.
    pub(super) fn snippet(&self, builtin: &Builtin) -> (String, bool) {
        let rule = match (builtin.keywords, self.protocol) {
            (Keywords::Rule(action), Some(protocol)) => {
                snippets::rule(crate::protocol::schema(protocol), action)
            }
            _ => None,
        };
        if let Some(rule) = rule {
            return (rule, true);
        }
        if self.ty == ParamType::SyscallFault && self.made_by(builtin) {
            return (snippets::fault(builtin, self.errno), true);
        }
        snippets::of(builtin, false)
    }

    /// True when the builtin makes the first rule for an interface, before which nothing else is of use.
    pub(super) fn is_first(&self, builtin: &Builtin) -> bool {
        self.is_first_rule && self.made_by(builtin)
    }

    /// True when the builtin makes a value of the wanted type.
    pub(super) fn made_by(&self, builtin: &Builtin) -> bool {
        match self.ty {
            ParamType::SyscallFault => builtin.returns == "syscall fault",
            ParamType::ProtocolRule => match (builtin.keywords, self.protocol) {
                (Keywords::Rule(action), Some(protocol)) => {
                    crate::protocol::schema(protocol).actions.iter().any(|spec| spec.kind == action)
                }
                _ => builtin.returns == "protocol rule",
            },
            ParamType::Healthcheck => builtin.returns == "healthcheck",
            ParamType::Interface => builtin.returns == "interface",
            ParamType::Pattern | ParamType::PatternOrTable => builtin.returns == "pattern",
            ParamType::Callable => self.judges && builtin.returns == "expectation",
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
        let expected = self.expected_by_type(&callable, active, role);
        match callable.kind {
            CallableKind::Builtin => self.narrowed(expected, &callable, active, role),
            CallableKind::Step | CallableKind::Function => expected,
        }
    }

    fn expected_by_type(&self, callable: &Callable, active: &ActiveCall, role: &Role) -> Option<Expected> {
        let keyword = active.keyword.as_deref();
        let Some(slot) = callable.slot_of(active.index, keyword) else {
            let (what, ty) = callable.rest.as_ref().filter(|_| keyword.is_none())?;
            return Some(match (what.as_str(), self.rule_target(active)) {
                // What follows a service's name: the program, then interfaces.
                ("binary and interfaces", _) => Expected::new(ParamType::Interface, Domain::None),
                ("rule", Some(RuleTarget::Interface(protocol))) => {
                    let is_first_rule = active.index == callable.positional;
                    let rule = Expected::new(ParamType::ProtocolRule, Domain::None);
                    Expected { protocol, is_first_rule, ..rule }
                }
                // Protocol rules need an interface; syscall faults come by keyword.
                ("rule", Some(RuleTarget::Service)) => Expected::new(ParamType::Any, Domain::None),
                _ => Expected::new(*ty, Domain::None),
            });
        };
        if callable.name == "assert_eq" {
            return self.other_side(active);
        }
        let expected = expected_in(slot, role)?;
        let protocol = match self.rule_target(active) {
            Some(RuleTarget::Interface(protocol)) if expected.ty == ParamType::ProtocolRule => protocol,
            _ => None,
        };
        Some(Expected { protocol, ..expected })
    }

    /// What the rules of a call act on, when it is known.
    pub(super) fn rule_target(&self, active: &ActiveCall) -> Option<RuleTarget> {
        let tree = self.snapshot.tree();
        let NodeKind::Call { callee, .. } = tree.kind(active.call) else { return None };
        let Value::Builtin(builtin) = self.inference.of(*callee) else { return None };
        if builtin.keywords != Keywords::Syscalls {
            return None;
        }
        let written = Written::of(tree, active.call);
        Some(match callable::target_of(&self.inference, builtin, &written)? {
            (shape, Some(at)) => RuleTarget::Interface(shape.interfaces.get(at)?.protocol),
            (_, None) => RuleTarget::Service,
        })
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
    let of_slot = |ty: ParamType| Some(Expected::of_slot(slot, ty));
    let items = match slot.name.as_str() {
        "scenarios" => ParamType::Callable,
        "faults" => ParamType::Assumption,
        "services" | "depends_on" => ParamType::Service,
        _ => slot.ty,
    };
    match (role, slot.name.as_str()) {
        // Pairs of a scenario and what goes wrong.
        (Role::Member { index: 1 }, "overrides" | "exclude") => {
            Some(Expected::new(ParamType::Assumption, Domain::None))
        }
        (Role::Member { .. } | Role::Element, "overrides" | "exclude") => {
            Some(Expected::new(ParamType::Callable, Domain::None))
        }
        (Role::DictValue { .. }, "overrides") => of_slot(ParamType::Callable),
        (Role::Element | Role::Member { .. }, _) if slot.ty == ParamType::StrList => of_slot(ParamType::Str),
        (Role::Element | Role::Member { .. }, _) => of_slot(items),
        (Role::DictKey, _) if slot.domain == Domain::Header => of_slot(ParamType::Str),
        (Role::DictKey, _) => None,
        (Role::DictValue { .. }, _) if slot.ty == ParamType::Dict => of_slot(slot.ty),
        (Role::DictValue { .. }, _) => Some(Expected::new(ParamType::Str, Domain::None)),
        (Role::Whole, _) => of_slot(slot.ty),
        (Role::Subscript { .. } | Role::Compared { .. }, _) => None,
    }
}
