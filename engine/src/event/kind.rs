//! The closed enum of what can happen.

use super::{Failure, LeafResult, Totals};
use crate::model::{AssumptionName, RuleName, ServiceName, StepId, TestName};
use crate::text::Span;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One fact, placed in its leaf's order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Which leaf of the plan; `None` for facts about the whole run.
    pub leaf: Option<u32>,
    /// Since the leaf (or the run) started.
    pub at: Duration,
    pub kind: EventKind,
}

/// One concrete execution of a test, as reports name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaf {
    pub test: TestName,
    pub seed: u64,
    /// Which of `--runs N`, counted from 0.
    pub repeat: u32,
    pub span: Span,
    /// For a matrix cell: index of the matrix, row and column.
    pub cell: Option<(usize, usize, usize)>,
}

impl RunPlan {
    /// What the spec says an assumption stands for.
    pub fn description(&self, assumption: &AssumptionName) -> Option<&str> {
        let known = self.descriptions.iter().find(|(name, _)| name == assumption);
        known.map(|(_, description)| description.as_str())
    }
}

/// What a run is going to do, for reporters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunPlan {
    pub leaves: Vec<Leaf>,
    pub matrices: Vec<MatrixPlan>,
    pub jobs: usize,
    /// How many executions each test has (`--runs`).
    pub runs: u32,
    /// The spec as the user named it, for replay commands.
    pub spec: String,
    /// What assumptions stand for, where the spec says so.
    pub descriptions: Vec<(AssumptionName, String)>,
}

/// Names of a matrix's rows and columns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixPlan {
    pub scenarios: Vec<String>,
    pub faults: Vec<String>,
    pub excluded: Vec<(usize, usize)>,
    pub span: Span,
}

/// What a leaf is busy with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "phase", content = "of")]
pub enum Phase {
    Preparing,
    Starting(ServiceName),
    Waiting(ServiceName),
    Scenario,
    Expect,
    Stopping,
}

/// What the end of a service means for its test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceEnd {
    /// The leaf stops its services.
    Asked,
    /// It may end by itself: the spec says so, or it has nothing to serve and is done.
    Allowed,
    /// The test fails.
    Unasked,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    Stdout,
    Stderr,
}

/// What a fired rule did, in one word, for timelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultWord {
    Respond,
    Error,
    Delay,
    Drop,
    Deny,
    Allow,
    Change,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum EventKind {
    RunStarted {
        plan: RunPlan,
    },
    /// Something about the run as a whole that the user should know, such as a weaker isolation level.
    Notice {
        text: String,
    },
    LeafStarted {
        leaf: Leaf,
    },
    PhaseEntered {
        phase: Phase,
    },
    /// The leaf is started again because its body asked for something it was not prepared for.
    LeafRestarted {
        reason: String,
    },
    ServiceStarted {
        service: ServiceName,
        pid: u32,
    },
    ServiceReady {
        service: ServiceName,
        after: Duration,
    },
    /// `status` as people read it: `exit code 1`, `killed by SIGKILL`; `cause` is the fault it met last, `12 ms after
    /// write -> ENOSPC on /tmp/work.log`.
    ServiceExited {
        service: ServiceName,
        status: String,
        end: ServiceEnd,
        cause: Option<String>,
    },
    ServiceOutput {
        service: ServiceName,
        stream: Stream,
        line: String,
    },
    /// A service printed more than is kept: so much is missing before its next line.
    OutputLeftOut {
        service: ServiceName,
        lines: u64,
        bytes: u64,
    },
    StepSent {
        step: StepId,
        target: String,
        method: String,
        summary: String,
        span: Span,
    },
    StepReceived {
        step: StepId,
        status: i64,
        ok: bool,
        error: String,
        body: String,
        duration: Duration,
    },
    RuleInstalled {
        rule: RuleName,
        target: String,
        text: String,
        span: Span,
    },
    RuleRemoved {
        rule: RuleName,
    },
    RuleFired {
        rule: RuleName,
        target: String,
        word: FaultWord,
        action: String,
        operation: String,
        label: Option<String>,
        /// The step that sent what it acted on; `None` when a service did, and for system calls.
        step: Option<StepId>,
        span: Span,
    },
    ConnectionOpened {
        target: String,
        connection: u64,
    },
    ConnectionClosed {
        target: String,
        connection: u64,
        to_server: u64,
        to_client: u64,
    },
    /// The relay stopped understanding a connection and forwards it as it is.
    ConnectionOpaque {
        target: String,
        connection: u64,
        reason: String,
    },
    ConnectionFailed {
        target: String,
        reason: String,
    },
    Printed {
        text: String,
        span: Option<Span>,
    },
    AssertionPassed {
        span: Span,
    },
    /// A finding that does not change the outcome, such as a test without assertions.
    Warning {
        failure: Failure,
    },
    LeafFinished {
        leaf: Leaf,
        result: LeafResult,
    },
    RunFinished {
        totals: Totals,
        duration: Duration,
        tests_duration: Duration,
        interrupted: bool,
    },
}
