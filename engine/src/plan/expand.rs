//! Tests times repeats: one leaf per concrete execution.

use super::needs::{Needs, needs};
use crate::event::{Leaf, MatrixPlan, RunPlan};
use crate::model::{Spec, Test, TestKind};

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

/// Lists the leaves of the selected tests: tests in declaration order, repeats of one test together.
pub fn expand(spec: &Spec, selection: &Selection) -> Plan {
    let mut leaves = Vec::new();
    for &index in &selection.tests {
        let Some(test) = spec.tests.get(index) else { continue };
        let needs = needs(spec, test);
        for repeat in 0..selection.runs {
            let seed = selection.seed.wrapping_add(u64::from(repeat));
            leaves.push(LeafPlan { test: index, leaf: leaf(test, seed, repeat), needs: needs.clone() });
        }
    }
    Plan { leaves }
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
        RunPlan {
            leaves: self.leaves.iter().map(|leaf| leaf.leaf.clone()).collect(),
            matrices: matrices.collect(),
            jobs,
            runs,
            spec: path.to_owned(),
        }
    }
}
