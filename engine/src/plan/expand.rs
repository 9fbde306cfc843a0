//! Tests times repeats: one leaf per concrete execution.

use super::foresee::Foresight;
use super::needs::{Needs, needs};
use crate::event::{Leaf, MatrixPlan, RunPlan};
use crate::model::{Spec, Test, TestKind};
use crate::syntax::Tree;
use std::collections::BTreeMap;

/// Everything a run will execute, in the order reports have it.
#[derive(Debug, Clone)]
pub struct Plan {
    pub leaves: Vec<LeafPlan>,
}

/// One concrete execution.
#[derive(Debug, Clone)]
pub struct LeafPlan {
    /// Index into [`Spec::tests`].
    pub test: usize,
    pub leaf: Leaf,
    /// What must be prepared before its services start.
    pub needs: Needs,
}

/// Which tests to run, how often, and from which seed.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Indices into [`Spec::tests`], ascending.
    pub tests: Vec<usize>,
    /// Seed of the first repeat; each further repeat adds one.
    pub seed: u64,
    pub runs: u32,
}

/// Lists the leaves of the selected tests: tests in declaration order, repeats of one test together. `tree` is the
/// root file's, for what bodies will ask for.
pub fn expand(spec: &Spec, tree: &Tree, selection: &Selection) -> Plan {
    let foresight = Foresight::new(spec, tree);
    let mut foreseen: BTreeMap<&str, Needs> = BTreeMap::new();
    let mut leaves = Vec::new();
    for &index in &selection.tests {
        let Some(test) = spec.tests.get(index) else { continue };
        let mut needs = needs(spec, test);
        if let Some(function) = function_of(spec, test) {
            needs.merge(foreseen.entry(function).or_insert_with(|| foresight.needs(function)));
        }
        for repeat in 0..selection.runs {
            let seed = selection.seed.wrapping_add(u64::from(repeat));
            leaves.push(LeafPlan { test: index, leaf: leaf(test, seed, repeat), needs: needs.clone() });
        }
    }
    Plan { leaves }
}

/// The name of the function a test calls.
fn function_of<'s>(spec: &'s Spec, test: &'s Test) -> Option<&'s str> {
    let callable = match &test.kind {
        TestKind::Body { .. } => return Some(test.name.as_str()),
        TestKind::Scenario { callable } | TestKind::FaultScenario { callable, .. } => *callable,
        TestKind::Cell(cell) => cell.callable,
    };
    let scenario = spec.scenarios.iter().find(|scenario| scenario.callable == callable)?;
    Some(&scenario.name)
}

fn leaf(test: &Test, seed: u64, repeat: u32) -> Leaf {
    let cell = match &test.kind {
        TestKind::Cell(cell) => Some((cell.matrix, cell.row, cell.column)),
        TestKind::Body { .. } | TestKind::Scenario { .. } | TestKind::FaultScenario { .. } => None,
    };
    Leaf { test: test.name.clone(), seed, repeat, span: test.span, cell }
}

impl Plan {
    /// The plan as reporters see it.
    pub fn describe(&self, spec: &Spec, jobs: usize, runs: u32, path: &str) -> RunPlan {
        let matrices = spec.matrices.iter().map(|matrix| MatrixPlan {
            scenarios: matrix.scenarios.clone(),
            faults: matrix.faults.iter().map(ToString::to_string).collect(),
            excluded: matrix.excluded.clone(),
            span: matrix.span,
        });
        let described = spec.assumptions.iter().filter(|assumption| !assumption.description.is_empty());
        RunPlan {
            leaves: self.leaves.iter().map(|leaf| leaf.leaf.clone()).collect(),
            matrices: matrices.collect(),
            jobs,
            runs,
            spec: path.to_owned(),
            descriptions: described
                .map(|assumption| (assumption.name.clone(), assumption.description.clone()))
                .collect(),
        }
    }
}
