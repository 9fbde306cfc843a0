//! What a spec says, as plain data with spans. Nothing here reads a file, asks a clock or knows Starlark.

pub mod data;
pub mod errno;
pub mod glob;
pub mod ids;
pub mod response;
pub mod rule;
pub mod schema;
pub mod service;
pub mod spec;
pub mod syscall;
pub mod units;

pub use data::{ContentKind, Data};
pub use glob::{Dialect, Glob, Pattern};
pub use ids::{AssumptionName, CallableId, Endpoint, InterfaceName, ServiceName, StepId, TestName};
pub use response::{StepCall, StepReply};
pub use rule::{
    Action, Clause, DropMode, Matcher, Params, Peer, Rule, RuleName, SyscallMatcher, Target, Trigger,
};
pub use schema::{
    ActionKind, ActionSpec, Domain, Field, FieldKind, Objection, Param, ParamType, Protocol, Returns, Schema,
    StepSpec, Transport,
};
pub use service::{Healthcheck, HealthcheckKind, Interface, Operation, Service, Stdin};
pub use spec::{Assumption, Cell, Matrix, Scenario, Spec, Test, TestKind};
pub use units::{Probability, format_duration, parse_duration};

/// What the name says of a statement that a relay lets a server fail, so that the server knows of an injected error. Servers
/// log it; it is ours, not theirs.
pub const INJECTED_ERROR: &str = "faultbox injected error";
