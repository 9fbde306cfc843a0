//! Rules and syscall faults before they meet a target.

use crate::model::{Action, ActionKind, Data, Glob, Operation, Peer, Trigger};
use crate::text::Span;
use allocative::Allocative;
use derive_more::Display;
use starlark::any::ProvidesStaticType;
use starlark::starlark_simple_value;
use starlark::values::{NoSerialize, StarlarkPagablePanic, StarlarkValue, starlark_value};

/// `response(...)`, `drop(...)` and so on: which protocol it is for shows when it meets an interface.
#[derive(Debug, Clone, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("<rule {}>", kind.builtin())]
pub(in crate::spec) struct RuleValue {
    #[allocative(skip)]
    pub kind: ActionKind,
    /// Set for the actions every protocol carries out the same way.
    #[allocative(skip)]
    pub generic: Option<Action>,
    #[allocative(skip)]
    pub args: Vec<RuleArg>,
    #[allocative(skip)]
    pub trigger: Trigger,
    pub label: Option<String>,
    #[allocative(skip)]
    pub span: Span,
}

/// A matcher or parameter as written.
#[derive(Debug, Clone)]
pub(in crate::spec) struct RuleArg {
    pub name: String,
    pub name_span: Span,
    pub value: Given,
    pub span: Span,
}

#[derive(Debug, Clone)]
pub(in crate::spec) enum Given {
    Data(Data),
    Regex(String),
    /// A dict with at least one `re(...)`.
    Table(Vec<(String, GivenPattern)>),
    /// Something that is neither, by the name of its type.
    Other(String),
}

#[derive(Debug, Clone)]
pub(in crate::spec) enum GivenPattern {
    Glob(String),
    Regex(String),
}

/// `deny(...)`, `delay("...")`, `allow()`.
#[derive(Debug, Clone, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("<fault {action}>")]
pub(in crate::spec) struct FaultValue {
    #[allocative(skip)]
    pub action: Action,
    #[allocative(skip)]
    pub trigger: Trigger,
    pub label: Option<String>,
    /// The glob, where its text is written, and where the whole argument is.
    #[allocative(skip)]
    pub path: Option<(Glob, Span, Span)>,
    /// What `to=` or `port=` names, and where it is written.
    #[allocative(skip)]
    pub peer: Option<(Peer, Span)>,
    #[allocative(skip)]
    pub span: Span,
}

/// `op(...)`; its name is the key it stands under.
#[derive(Debug, Clone, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("<op {}>", operation.syscalls.join(","))]
pub(in crate::spec) struct OpValue {
    #[allocative(skip)]
    pub operation: Operation,
}

starlark_simple_value!(RuleValue);
starlark_simple_value!(FaultValue);
starlark_simple_value!(OpValue);

#[starlark_value(type = "protocol_rule")]
impl<'v> StarlarkValue<'v> for RuleValue {}

#[starlark_value(type = "fault")]
impl<'v> StarlarkValue<'v> for FaultValue {}

#[starlark_value(type = "op")]
impl<'v> StarlarkValue<'v> for OpValue {}
