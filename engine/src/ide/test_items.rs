//! The tests of a file as a tree: tests and matrices, the cells of a matrix below it.

use super::declarations::{self, MatrixDeclaration, TestSort};
use super::{Outline, Snapshot};
use crate::ide::outline::TestOutlineKind;
use crate::syntax::NodeKind;
use crate::text::Span;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestItemKind {
    /// `def test_*`.
    Test,
    /// `scenario(fn)`.
    Scenario,
    FaultScenario,
    Matrix,
    Cell,
}

/// A node of the tree. Parents stand before their children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestItem {
    /// Unique in the file; for what can be run alone its full name.
    pub id: String,
    pub label: String,
    pub kind: TestItemKind,
    /// The matrix of a cell.
    pub parent: Option<String>,
    /// Full names of what running the item runs.
    pub run: Vec<String>,
    /// The whole declaration.
    pub span: Span,
    /// What names it; lies in `span`.
    pub name_span: Span,
    /// Row and column of a cell.
    pub cell: Option<(usize, usize)>,
}

/// The tests of the file, in the order of the text. What only evaluation can see, such as tests declared in a loop, is
/// taken from the outline.
pub fn test_items(snapshot: &Snapshot<'_>) -> Vec<TestItem> {
    let file = snapshot.file;
    let tree = file.tree();
    let mut items: Vec<TestItem> = Vec::new();
    for test in declarations::tests(file) {
        let kind = match test.sort {
            TestSort::Body => TestItemKind::Test,
            TestSort::Scenario => TestItemKind::Scenario,
            TestSort::FaultScenario => TestItemKind::FaultScenario,
        };
        items.push(single(test.name, kind, tree.span(test.node), test.name_span));
    }
    for (index, matrix) in declarations::matrices(file).iter().enumerate() {
        let span = tree.span(matrix.call);
        let name_span = match tree.kind(matrix.call) {
            NodeKind::Call { callee, .. } => tree.span(*callee),
            _ => span,
        };
        let cells = matrix_cells(matrix);
        items.extend(matrix_items(
            index,
            (matrix.scenarios.len(), matrix.faults.len()),
            &cells,
            span,
            name_span,
        ));
    }
    if let Some(outline) =
        snapshot.outline.filter(|outline| outline.files.first().is_some_and(|root| root == file.path))
    {
        add_evaluated(&mut items, outline, tree.text.len() as u32);
    }
    items.sort_by_key(|item| item.span.start);
    items
}

fn single(name: String, kind: TestItemKind, span: Span, name_span: Span) -> TestItem {
    let label = name.strip_prefix("test_").unwrap_or(&name).to_owned();
    TestItem { id: name.clone(), label, kind, parent: None, run: vec![name], span, name_span, cell: None }
}

/// Row, column, full name, label.
type Cell = (usize, usize, String, String);

fn matrix_cells(matrix: &MatrixDeclaration) -> Vec<Cell> {
    let label =
        |row: usize, column: usize| format!("{} × {}", matrix.scenarios[row].0, matrix.faults[column].0);
    matrix.cells().into_iter().map(|(row, column, name)| (row, column, name, label(row, column))).collect()
}

fn matrix_items(
    index: usize,
    (rows, columns): (usize, usize),
    cells: &[Cell],
    span: Span,
    name_span: Span,
) -> Vec<TestItem> {
    let id = format!("matrix[{index}]");
    let whole = TestItem {
        id: id.clone(),
        label: format!("matrix {rows} × {columns}"),
        kind: TestItemKind::Matrix,
        parent: None,
        run: cells.iter().map(|(_, _, name, _)| name.clone()).collect(),
        span,
        name_span,
        cell: None,
    };
    let cell = |(row, column, name, label): &Cell| TestItem {
        id: name.clone(),
        label: label.clone(),
        kind: TestItemKind::Cell,
        parent: Some(id.clone()),
        run: vec![name.clone()],
        span,
        name_span,
        cell: Some((*row, *column)),
    };
    std::iter::once(whole).chain(cells.iter().map(cell)).collect()
}

/// Adds tests that the text alone did not show. Their offsets may be old, so they are kept within the text.
fn add_evaluated(items: &mut Vec<TestItem>, outline: &Outline, len: u32) {
    for test in &outline.tests {
        let span = test.span;
        let known = items.iter().any(|item| item.id == test.name);
        if known || span.file.0 != 0 || span.end > len {
            continue;
        }
        let kind = match &test.kind {
            TestOutlineKind::Body => TestItemKind::Test,
            TestOutlineKind::Scenario => TestItemKind::Scenario,
            TestOutlineKind::FaultScenario => TestItemKind::FaultScenario,
            TestOutlineKind::Cell { .. } => TestItemKind::Cell,
        };
        let mut item = single(test.name.clone(), kind, span, Span { end: span.start, ..span });
        if let TestOutlineKind::Cell { row, column, .. } = test.kind {
            item.cell = Some((row, column));
            let parent = items
                .iter_mut()
                .find(|parent| parent.kind == TestItemKind::Matrix && parent.span.start == span.start);
            if let Some(parent) = parent {
                parent.run.push(test.name.clone());
                item.parent = Some(parent.id.clone());
            }
        }
        items.push(item);
    }
}

#[cfg(test)]
mod tests {
    use super::test_items;
    use crate::ide::fixture::Fixture;

    #[test]
    fn cells_stand_below_their_matrix() {
        let fixture = Fixture::new(
            "def a():\n    pass\ndef test_b():\n    pass\nscenario(a)\nf = fault_assumption(\"slow\")\nfault_scenario(\"c\", scenario=a)\nfault_matrix(scenarios=[a, test_b], faults=[f], exclude=[(a, f)])\n",
        );
        let items = fixture.ask(|snapshot, _| test_items(snapshot));
        let shown: Vec<String> = items
            .iter()
            .map(|item| format!("{:?} {} {:?} {}", item.kind, item.id, item.parent, item.run.join(",")))
            .collect();
        assert_eq!(
            shown,
            [
                "Test test_b None test_b",
                "Scenario test_a None test_a",
                "FaultScenario test_c None test_c",
                "Matrix matrix[0] None test_matrix_test_b_slow",
                "Cell test_matrix_test_b_slow Some(\"matrix[0]\") test_matrix_test_b_slow",
            ]
        );
    }
}
