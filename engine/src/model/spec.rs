//! A whole spec: services, assumptions, tests and matrices, in the order they were declared.

use super::ids::{AssumptionName, CallableId, ServiceName, TestName};
use super::rule::Rule;
use super::service::Service;
use crate::text::Span;
use std::time::Duration;

/// Everything a spec declares.
#[derive(Debug, Clone, Default)]
pub struct Spec {
    pub services: Vec<Service>,
    pub assumptions: Vec<Assumption>,
    pub scenarios: Vec<Scenario>,
    /// In order of declaration; the cells of a matrix stand together, row by row.
    pub tests: Vec<Test>,
    pub matrices: Vec<Matrix>,
}

/// A function that drives the system, registered with `scenario(fn)` or used by a fault scenario.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub name: String,
    pub callable: CallableId,
    /// The function's definition.
    pub span: Span,
}

/// A named bundle of rules.
#[derive(Debug, Clone)]
pub struct Assumption {
    pub name: AssumptionName,
    pub description: String,
    /// Its own rules, in the order written.
    pub rules: Vec<Rule>,
    /// Assumptions it is composed of.
    pub parts: Vec<AssumptionName>,
    /// True when a test may pass although none of the rules acted.
    pub may_miss: bool,
    /// The whole `fault_assumption(...)` call.
    pub span: Span,
}

/// What a user calls a test.
#[derive(Debug, Clone)]
pub struct Test {
    pub name: TestName,
    pub kind: TestKind,
    /// Longest time from the first step to the verdict; the run's default when `None`.
    pub timeout: Option<Duration>,
    /// Where the test is declared.
    pub span: Span,
}

#[derive(Debug, Clone)]
pub enum TestKind {
    /// `def test_*`.
    Body { callable: CallableId },
    /// `scenario(fn)`.
    Scenario { callable: CallableId },
    /// `fault_scenario(...)`.
    FaultScenario {
        callable: CallableId,
        faults: Vec<AssumptionName>,
        expect: Option<CallableId>,
        /// True when the test may pass although no fault acted.
        may_miss: bool,
    },
    /// One pair of a matrix.
    Cell(Cell),
}

/// One scenario under one assumption.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Index into [`Spec::matrices`].
    pub matrix: usize,
    /// Index into the matrix's scenarios.
    pub row: usize,
    /// Index into the matrix's faults.
    pub column: usize,
    pub callable: CallableId,
    pub fault: AssumptionName,
    pub expect: Option<CallableId>,
}

/// Scenarios times assumptions.
#[derive(Debug, Clone)]
pub struct Matrix {
    pub scenarios: Vec<String>,
    pub faults: Vec<AssumptionName>,
    /// Pairs left out, as (row, column).
    pub excluded: Vec<(usize, usize)>,
    /// True when a cell whose fault never acted counts as bypassed.
    pub require_faults_fire: bool,
    /// The whole `fault_matrix(...)` call.
    pub span: Span,
}

impl Spec {
    pub fn service(&self, name: &ServiceName) -> Option<&Service> {
        self.services.iter().find(|service| service.name == *name)
    }

    pub fn assumption(&self, name: &AssumptionName) -> Option<&Assumption> {
        self.assumptions.iter().find(|assumption| assumption.name == *name)
    }

    /// The rules of an assumption and of its parts, depth first, in the order written.
    pub fn rules_of<'s>(&'s self, name: &AssumptionName) -> Vec<&'s Rule> {
        let mut rules = Vec::new();
        self.collect_rules(name, &mut rules);
        rules
    }

    fn collect_rules<'s>(&'s self, name: &AssumptionName, into: &mut Vec<&'s Rule>) {
        let Some(assumption) = self.assumption(name) else { return };
        into.extend(&assumption.rules);
        // Parts exist before the whole is declared, so this ends.
        for part in &assumption.parts {
            self.collect_rules(part, into);
        }
    }
}

impl Test {
    /// The assumptions that are active while the test runs.
    pub fn faults(&self) -> &[AssumptionName] {
        match &self.kind {
            TestKind::Body { .. } | TestKind::Scenario { .. } => &[],
            TestKind::FaultScenario { faults, .. } => faults,
            TestKind::Cell(cell) => std::slice::from_ref(&cell.fault),
        }
    }
}
