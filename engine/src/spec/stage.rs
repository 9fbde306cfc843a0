//! How Starlark reaches the world: only through [`Stage`], given in the evaluator's `extra` slot.
//!
//! Three versions exist: the load-time one refuses everything, `run::stage` is the real one, tests use a scripted one.

use crate::model::{AssumptionName, Rule, StepCall, StepId, StepReply};
use crate::text::Span;

/// Names a set of rules installed together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InstallId(pub u64);

/// A step on its way; see [`Stage::begin`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// A call in a test that installs rules. Whether they acted is judged when the test has passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultCall {
    /// `fault`, `fault_start` or `fault_all`.
    pub name: &'static str,
    /// What it was given: `api.public`, `db`, or the name of an assumption.
    pub target: String,
    /// The assumption whose rules it installs.
    pub assumption: Option<AssumptionName>,
    /// True when the test may pass although none of its rules acted.
    pub may_miss: bool,
    /// Its place among such calls of the test.
    pub number: u32,
    /// The whole call.
    pub span: Span,
}

/// What a running test asks of the world. Called on the thread that evaluates the body; every call may block it.
pub trait Stage {
    /// Starts a step and returns at once. `step` is its number, unique in the test.
    fn begin(&self, step: StepId, call: StepCall) -> Result<Ticket, Refusal>;

    /// Waits until one of the steps is done; gives its place in `tickets` and its reply.
    fn wait_any(&self, tickets: &[Ticket]) -> Result<(usize, StepReply), Refusal>;

    /// Installs the rules of a `fault(...)` call; they act until removed or until the leaf ends.
    fn install(&self, call: FaultCall, rules: Vec<Rule>) -> Result<InstallId, Refusal>;

    /// Removes rules installed before.
    fn remove(&self, id: InstallId) -> Result<(), Refusal>;

    /// The body moves from the scenario to the expectation.
    fn enter_expect(&self);

    /// A `print()` of the spec.
    fn print(&self, text: &str, span: Option<Span>);

    /// An assertion held.
    fn asserted(&self, span: Span);

    /// True once the leaf should end; evaluation stops at the next check.
    fn is_cancelled(&self) -> bool;

    /// The seed of this leaf, for choices such as the order branches resume in.
    fn seed(&self) -> u64;
}

/// Why the world did not do what a body asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The spec is being loaded; nothing runs yet.
    NotInTest,
    /// The leaf is being cancelled; the evaluation must end without a verdict of its own.
    Cancelled,
    /// The leaf was not prepared for this; the dispatcher starts it again, prepared.
    Unprepared,
    /// It could not be done; the text says why and what next.
    Failed(String),
}
