//! What an evaluated spec declares, as data that fits through a pipe.
//!
//! Evaluation happens in a child process of the language server, because a hostile spec can neither be stopped nor
//! bounded from within. The child sends this outline; editor answers read it where the syntax tree alone cannot know,
//! such as the interfaces of a service that a helper function made.

use crate::event::brief;
use crate::model::{Protocol, Spec, TestKind};
use crate::text::{SourceMap, Span};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The declarations of one spec. Spans name files by their place in [`Outline::files`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outline {
    /// `FileId(n)` is the n-th of these; the root spec is the first.
    pub files: Vec<PathBuf>,
    /// Files the spec read that are not specs, such as `load_json` targets.
    pub data_files: Vec<PathBuf>,
    /// True when evaluation reached the end of the spec; otherwise this is what was declared before it stopped.
    pub complete: bool,
    pub services: Vec<ServiceOutline>,
    pub assumptions: Vec<AssumptionOutline>,
    pub scenarios: Vec<ScenarioOutline>,
    /// In the order a run has them; the cells of a matrix stand together.
    pub tests: Vec<TestOutline>,
    pub matrices: Vec<MatrixOutline>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceOutline {
    pub name: String,
    pub interfaces: Vec<InterfaceOutline>,
    pub depends_on: Vec<String>,
    /// Names of its `ops`.
    pub operations: Vec<String>,
    /// The whole `service(...)` call.
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceOutline {
    pub name: String,
    pub protocol: Protocol,
    pub port: u16,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssumptionOutline {
    pub name: String,
    pub description: String,
    pub rules: Vec<RuleOutline>,
    /// Names of the assumptions it is composed of.
    pub parts: Vec<String>,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleOutline {
    /// `api_503[0]`.
    pub name: String,
    /// `api.public` or `db`.
    pub target: String,
    /// `response 503   POST /data/*`: the action, then what it acts on.
    pub text: String,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioOutline {
    pub name: String,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestOutline {
    /// The full name, such as `test_health`.
    pub name: String,
    pub kind: TestOutlineKind,
    /// Names of the assumptions active while it runs.
    pub faults: Vec<String>,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TestOutlineKind {
    /// `def test_*`.
    Body,
    /// `scenario(fn)`.
    Scenario,
    /// `fault_scenario(...)`.
    FaultScenario,
    /// One pair of `matrices[matrix]`.
    Cell { matrix: usize, row: usize, column: usize },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixOutline {
    pub scenarios: Vec<String>,
    pub faults: Vec<String>,
    /// Pairs left out, as (row, column).
    pub excluded: Vec<(usize, usize)>,
    pub span: Span,
}

impl Outline {
    /// What `spec` declares. `sources` is the map its spans belong to.
    pub fn of(spec: &Spec, sources: &SourceMap, data_files: &[PathBuf], complete: bool) -> Outline {
        Outline {
            files: sources.iter().map(|(_, source)| source.path.clone()).collect(),
            data_files: data_files.to_vec(),
            complete,
            services: services(spec),
            assumptions: assumptions(spec),
            scenarios: scenarios(spec),
            tests: tests(spec),
            matrices: matrices(spec),
        }
    }

    /// Visits every span, so that an editor can move them along with its edits.
    pub fn for_each_span(&mut self, visit: &mut dyn FnMut(&mut Span)) {
        for service in &mut self.services {
            visit(&mut service.span);
            service.interfaces.iter_mut().for_each(|interface| visit(&mut interface.span));
        }
        for assumption in &mut self.assumptions {
            visit(&mut assumption.span);
            assumption.rules.iter_mut().for_each(|rule| visit(&mut rule.span));
        }
        self.scenarios.iter_mut().for_each(|scenario| visit(&mut scenario.span));
        self.tests.iter_mut().for_each(|test| visit(&mut test.span));
        self.matrices.iter_mut().for_each(|matrix| visit(&mut matrix.span));
    }

    pub fn service(&self, name: &str) -> Option<&ServiceOutline> {
        self.services.iter().find(|service| service.name == name)
    }
}

fn services(spec: &Spec) -> Vec<ServiceOutline> {
    let interface = |interface: &crate::model::Interface| InterfaceOutline {
        name: interface.name.to_string(),
        protocol: interface.protocol,
        port: interface.port,
        span: interface.span,
    };
    let service = |service: &crate::model::Service| ServiceOutline {
        name: service.name.to_string(),
        interfaces: service.interfaces.iter().map(interface).collect(),
        depends_on: service.depends_on.iter().map(ToString::to_string).collect(),
        operations: service.operations.iter().map(|operation| operation.name.clone()).collect(),
        span: service.span,
    };
    spec.services.iter().map(service).collect()
}

fn assumptions(spec: &Spec) -> Vec<AssumptionOutline> {
    let rule = |rule: &crate::model::Rule| RuleOutline {
        name: rule.name.to_string(),
        target: rule.target.to_string(),
        text: format!("{}   {}", rule.action, brief(&rule.matcher.to_string())),
        span: rule.span,
    };
    let assumption = |assumption: &crate::model::Assumption| AssumptionOutline {
        name: assumption.name.to_string(),
        description: assumption.description.clone(),
        rules: assumption.rules.iter().map(rule).collect(),
        parts: assumption.parts.iter().map(ToString::to_string).collect(),
        span: assumption.span,
    };
    spec.assumptions.iter().map(assumption).collect()
}

fn scenarios(spec: &Spec) -> Vec<ScenarioOutline> {
    let all = spec.scenarios.iter();
    all.map(|scenario| ScenarioOutline { name: scenario.name.clone(), span: scenario.span }).collect()
}

fn tests(spec: &Spec) -> Vec<TestOutline> {
    let test = |test: &crate::model::Test| TestOutline {
        name: test.name.to_string(),
        kind: match &test.kind {
            TestKind::Body { .. } => TestOutlineKind::Body,
            TestKind::Scenario { .. } => TestOutlineKind::Scenario,
            TestKind::FaultScenario { .. } => TestOutlineKind::FaultScenario,
            TestKind::Cell(cell) => {
                TestOutlineKind::Cell { matrix: cell.matrix, row: cell.row, column: cell.column }
            }
        },
        faults: test.faults().iter().map(ToString::to_string).collect(),
        span: test.span,
    };
    spec.tests.iter().map(test).collect()
}

fn matrices(spec: &Spec) -> Vec<MatrixOutline> {
    let matrix = |matrix: &crate::model::Matrix| MatrixOutline {
        scenarios: matrix.scenarios.clone(),
        faults: matrix.faults.iter().map(ToString::to_string).collect(),
        excluded: matrix.excluded.clone(),
        span: matrix.span,
    };
    spec.matrices.iter().map(matrix).collect()
}
