//! What a file declares, read from its text alone: services, assumptions, tests, matrices, scenario functions.
//!
//! Offsets are those of the text at hand, which the outline of an earlier evaluation cannot promise.

use super::FileView;
use super::call_site::Written;
use crate::spec::registry;
use crate::syntax::{NodeId, NodeKind, Tree};
use crate::text::Span;

/// `service(...)`.
#[derive(Debug, Clone)]
pub(super) struct ServiceDeclaration {
    pub name: String,
    /// The name's string.
    pub name_span: Span,
    pub call: NodeId,
}

/// `fault_assumption(...)`.
#[derive(Debug, Clone)]
pub(super) struct AssumptionDeclaration {
    pub name: String,
    pub name_span: Span,
    pub variable: Option<String>,
    pub call: NodeId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TestSort {
    /// `def test_*`.
    Body,
    /// `scenario(fn)`.
    Scenario,
    /// `fault_scenario(...)`.
    FaultScenario,
}

/// One test that is not a cell.
#[derive(Debug, Clone)]
pub(super) struct TestDeclaration {
    /// The full name, such as `test_health`.
    pub name: String,
    pub sort: TestSort,
    /// What a reader takes for its name.
    pub name_span: Span,
    /// The def or the call.
    pub node: NodeId,
}

/// `fault_matrix(...)`.
#[derive(Debug, Clone)]
pub(super) struct MatrixDeclaration {
    pub call: NodeId,
    /// Names of the functions with the places that mention them.
    pub scenarios: Vec<(String, Span)>,
    /// Names of the assumptions with the places that mention them.
    pub faults: Vec<(String, Span)>,
    /// Pairs left out, as (row, column).
    pub excluded: Vec<(usize, usize)>,
    /// True when the text alone says which cells there are. A list that is computed, or an assumption of another file,
    /// leaves that to evaluation.
    pub is_certain: bool,
}

/// Calls of the builtin `name` outside of any function, in the order of the text.
pub(super) fn calls<'a>(file: FileView<'a>, name: &str) -> Vec<NodeId> {
    let tree = file.tree();
    let wanted = |&id: &NodeId| match tree.kind(id) {
        NodeKind::Call { callee, .. } => {
            tree.text_of(*callee) == name
                && file.scopes.resolve(*callee).is_none()
                && !tree.ancestors(id).any(|at| is_function(tree, at))
        }
        _ => false,
    };
    let mut found: Vec<NodeId> = tree.ids().filter(wanted).collect();
    found.sort_by_key(|&id| tree.span(id).start);
    found
}

pub(super) fn is_function(tree: &Tree, node: NodeId) -> bool {
    matches!(tree.kind(node), NodeKind::Def { .. } | NodeKind::Lambda { .. })
}

/// The first argument of a declaration as text, with its place.
fn named(file: FileView<'_>, call: NodeId, builtin: &str) -> Option<(String, Span)> {
    let tree = file.tree();
    let params = registry::find(builtin).map_or(&[][..], |builtin| builtin.params);
    let node = Written::of(tree, call).parameter(params, "name")?;
    Some((tree.string_value(node)?.to_owned(), tree.span(node)))
}

/// The variable a call is assigned to.
pub(super) fn variable(tree: &Tree, call: NodeId) -> Option<String> {
    match tree.kind(tree.parent(call)?) {
        NodeKind::Assign { target, value, .. } if *value == call => Some(tree.text_of(*target).to_owned()),
        _ => None,
    }
}

pub(super) fn services(file: FileView<'_>) -> Vec<ServiceDeclaration> {
    let declared = |call: NodeId| {
        let (name, name_span) = named(file, call, "service")?;
        Some(ServiceDeclaration { name, name_span, call })
    };
    calls(file, "service").into_iter().filter_map(declared).collect()
}

pub(super) fn assumptions(file: FileView<'_>) -> Vec<AssumptionDeclaration> {
    let declared = |call: NodeId| {
        let (name, name_span) = named(file, call, "fault_assumption")?;
        Some(AssumptionDeclaration { name, name_span, variable: variable(file.tree(), call), call })
    };
    calls(file, "fault_assumption").into_iter().filter_map(declared).collect()
}

/// Every test that is not a cell, in the order of the text.
pub(super) fn tests(file: FileView<'_>) -> Vec<TestDeclaration> {
    let tree = file.tree();
    let mut tests = Vec::new();
    for &statement in tree.statements() {
        if let NodeKind::Def { name, .. } = tree.kind(statement)
            && tree.str(name.span).starts_with("test_")
        {
            let (text, span) = (tree.str(name.span).to_owned(), name.span);
            tests.push(TestDeclaration {
                name: text,
                sort: TestSort::Body,
                name_span: span,
                node: statement,
            });
        }
    }
    for call in calls(file, "scenario") {
        let given = Written::of(tree, call);
        let function = given.positional.first().copied().or_else(|| given.keyword("fn"));
        if let Some(function) = function.filter(|&id| matches!(tree.kind(id), NodeKind::Name)) {
            let name = format!("test_{}", tree.text_of(function));
            let name_span = tree.span(function);
            tests.push(TestDeclaration { name, sort: TestSort::Scenario, name_span, node: call });
        }
    }
    for call in calls(file, "fault_scenario") {
        if let Some((name, name_span)) = named(file, call, "fault_scenario") {
            let name = format!("test_{name}");
            tests.push(TestDeclaration { name, sort: TestSort::FaultScenario, name_span, node: call });
        }
    }
    tests.sort_by_key(|test| tree.span(test.node).start);
    tests
}

pub(super) fn matrices(file: FileView<'_>) -> Vec<MatrixDeclaration> {
    calls(file, "fault_matrix").into_iter().map(|call| matrix(file, call)).collect()
}

fn matrix(file: FileView<'_>, call: NodeId) -> MatrixDeclaration {
    let tree = file.tree();
    let written = Written::of(tree, call);
    let assumptions = assumptions(file);
    let is_name = |&item: &NodeId| matches!(tree.kind(item), NodeKind::Name);
    let mut is_certain = true;
    let mut names = |word: &str| {
        let list = written.keyword(word).map_or(&[][..], |list| items(tree, list));
        is_certain &= !list.is_empty() && list.iter().all(is_name);
        list.iter().map(|&item| (tree.text_of(item).to_owned(), tree.span(item))).collect::<Vec<_>>()
    };
    let scenarios = names("scenarios");
    let variables = names("faults");
    let name_of = |variable: &str| {
        let is_it = |known: &&AssumptionDeclaration| known.variable.as_deref() == Some(variable);
        assumptions.iter().find(is_it).map(|known| known.name.clone())
    };
    is_certain &= variables.iter().all(|(variable, _)| name_of(variable).is_some());
    let pair = |&tuple: &NodeId| {
        let [row, column] = items(tree, tuple) else { return None };
        let row = scenarios.iter().position(|(name, _)| name == tree.text_of(*row))?;
        Some((row, variables.iter().position(|(variable, _)| variable == tree.text_of(*column))?))
    };
    let exclude = written.keyword("exclude");
    let pairs = exclude.map_or(&[][..], |list| items(tree, list));
    let excluded: Vec<(usize, usize)> = pairs.iter().filter_map(pair).collect();
    is_certain &= excluded.len() == pairs.len();
    is_certain &= exclude.is_none_or(|list| matches!(tree.kind(list), NodeKind::List { .. }));
    let named = |(variable, span): (String, Span)| (name_of(&variable).unwrap_or(variable), span);
    let faults = variables.into_iter().map(named).collect();
    MatrixDeclaration { call, scenarios, faults, excluded, is_certain }
}

/// The items of a list or tuple literal.
pub(super) fn items(tree: &Tree, list: NodeId) -> &[NodeId] {
    match tree.kind(list) {
        NodeKind::Paren { inner } => items(tree, *inner),
        NodeKind::List { items } | NodeKind::Tuple { items } => items,
        _ => &[],
    }
}

impl MatrixDeclaration {
    /// Full names of the cells, row by row, with row and column; none when only evaluation can say.
    pub(super) fn cells(&self) -> Vec<(usize, usize, String)> {
        let mut cells = Vec::new();
        if !self.is_certain {
            return cells;
        }
        for (row, (scenario, _)) in self.scenarios.iter().enumerate() {
            for (column, (fault, _)) in self.faults.iter().enumerate() {
                if !self.excluded.contains(&(row, column)) {
                    cells.push((row, column, format!("test_matrix_{scenario}_{fault}")));
                }
            }
        }
        cells
    }
}
