//! The matrices of a file as tables, with the test of each cell.
//!
//! A matrix whose lists are written out is known from the text at once, like the tests of `test_items`; what is computed
//! comes from the last evaluation.

use super::declarations::{self, MatrixDeclaration};
use super::definition::definitions;
use super::outline::{MatrixOutline, Outline, TestOutlineKind};
use super::{Location, Snapshot};
use crate::text::Span;

/// One `fault_matrix(...)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixTable {
    /// The whole call.
    pub span: Span,
    /// Scenarios.
    pub rows: Vec<Heading>,
    /// Faults.
    pub columns: Vec<Heading>,
    /// Row by row.
    pub cells: Vec<MatrixCell>,
}

/// What stands before a row or above a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    pub name: String,
    /// Where the scenario or the fault is made.
    pub place: Option<Location>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatrixCell {
    pub row: usize,
    pub column: usize,
    /// Full name; `None` for a pair the spec leaves out.
    pub test: Option<String>,
}

/// Every matrix of the file, in the order of the text.
pub fn matrices(snapshot: &Snapshot<'_>) -> Vec<MatrixTable> {
    let written = declarations::matrices(snapshot.file);
    let certain = written.iter().filter(|matrix| matrix.is_certain);
    let mut tables: Vec<MatrixTable> = certain.map(|matrix| of_text(snapshot, matrix)).collect();
    let starts: Vec<u32> = tables.iter().map(|table| table.span.start).collect();
    tables.extend(evaluated(snapshot, &starts));
    tables.sort_by_key(|table| table.span.start);
    tables
}

/// The matrices the last evaluation saw, without those that begin where the text has told of one.
fn evaluated(snapshot: &Snapshot<'_>, told: &[u32]) -> Vec<MatrixTable> {
    let is_root = |outline: &&Outline| outline.files.first().is_some_and(|root| root == snapshot.file.path);
    let Some(outline) = snapshot.outline.filter(is_root) else { return Vec::new() };
    // Offsets may be old, so they are kept within the text.
    let len = snapshot.tree().text.len() as u32;
    let is_new = |matrix: &MatrixOutline| {
        matrix.span.file.0 == 0 && matrix.span.end <= len && !told.contains(&matrix.span.start)
    };
    let new = outline.matrices.iter().enumerate().filter(|(_, matrix)| is_new(matrix));
    new.map(|each| of_outline(snapshot, outline, each)).collect()
}

fn of_text(snapshot: &Snapshot<'_>, matrix: &MatrixDeclaration) -> MatrixTable {
    let heading = |(name, mention): &(String, Span)| Heading {
        name: name.clone(),
        place: definitions(snapshot, mention.start).into_iter().next().map(|found| found.target),
    };
    let cells = matrix.cells();
    let test = |row, column| {
        let cell = cells.iter().find(|cell| (cell.0, cell.1) == (row, column));
        cell.map(|(_, _, name)| name.clone())
    };
    MatrixTable {
        span: snapshot.tree().span(matrix.call),
        rows: matrix.scenarios.iter().map(heading).collect(),
        columns: matrix.faults.iter().map(heading).collect(),
        cells: cells_of(matrix.scenarios.len(), matrix.faults.len(), test),
    }
}

fn of_outline(
    snapshot: &Snapshot<'_>,
    outline: &Outline,
    (number, matrix): (usize, &MatrixOutline),
) -> MatrixTable {
    let scenario = |name: &String| {
        let found = outline.scenarios.iter().find(|scenario| scenario.name == *name);
        Heading { name: name.clone(), place: found.and_then(|found| snapshot.outlined(found.span)) }
    };
    let fault = |name: &String| {
        let found = outline.assumptions.iter().find(|fault| fault.name == *name);
        Heading { name: name.clone(), place: found.and_then(|found| snapshot.outlined(found.span)) }
    };
    let test = |row, column| {
        let kind = TestOutlineKind::Cell { matrix: number, row, column };
        outline.tests.iter().find(|test| test.kind == kind).map(|test| test.name.clone())
    };
    MatrixTable {
        span: matrix.span,
        rows: matrix.scenarios.iter().map(scenario).collect(),
        columns: matrix.faults.iter().map(fault).collect(),
        cells: cells_of(matrix.scenarios.len(), matrix.faults.len(), test),
    }
}

fn cells_of(rows: usize, columns: usize, test: impl Fn(usize, usize) -> Option<String>) -> Vec<MatrixCell> {
    let pairs = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    pairs.map(|(row, column)| MatrixCell { row, column, test: test(row, column) }).collect()
}

#[cfg(test)]
mod tests {
    use super::matrices;
    use crate::ide::fixture::Fixture;
    use crate::ide::outline::{MatrixOutline, Outline, TestOutline, TestOutlineKind};
    use crate::text::{FileId, Span};

    const HEAD: &str = "def a():\n    pass\ndef b():\n    pass\nf = fault_assumption(\"slow\")\n";

    /// Each matrix as `rows | columns | tests`, with the line a heading leads to.
    #[track_caller]
    fn check(fixture: &Fixture, expected: &[&str]) {
        let heading = |heading: &super::Heading| match &heading.place {
            Some(place) => format!("{} <{}>", heading.name, fixture.line_of(place)),
            None => heading.name.clone(),
        };
        let tables = fixture.ask(|snapshot, _| matrices(snapshot));
        let shown = tables.iter().map(|table| {
            let rows: Vec<String> = table.rows.iter().map(heading).collect();
            let columns: Vec<String> = table.columns.iter().map(heading).collect();
            let tests: Vec<&str> =
                table.cells.iter().map(|cell| cell.test.as_deref().unwrap_or("-")).collect();
            format!("{} | {} | {}", rows.join(", "), columns.join(", "), tests.join(", "))
        });
        assert_eq!(shown.collect::<Vec<_>>(), expected);
    }

    /// An evaluation that saw one matrix at `start`, with one cell.
    fn outline(start: usize) -> Outline {
        let span = Span::new(FileId(0), start as u32, start as u32 + 1);
        Outline {
            files: vec!["/w/main.star".into()],
            complete: true,
            tests: vec![TestOutline {
                name: "test_matrix_a_slow".to_owned(),
                kind: TestOutlineKind::Cell { matrix: 0, row: 0, column: 0 },
                faults: Vec::new(),
                span,
            }],
            matrices: vec![MatrixOutline {
                scenarios: vec!["a".to_owned()],
                faults: vec!["slow".to_owned()],
                excluded: Vec::new(),
                span,
            }],
            ..Outline::default()
        }
    }

    /// An editor asks right after opening the file, before anything is evaluated.
    #[test]
    fn a_matrix_that_is_written_out_needs_no_evaluation() {
        let matrix = "fault_matrix(scenarios = [a, b], faults = [f], exclude = [(b, f)])\n";
        let fixture = Fixture::new(&format!("{HEAD}{matrix}"));
        check(
            &fixture,
            &["a <main.star: def a():>, b <main.star: def b():> \
               | slow <main.star: f = fault_assumption(\"slow\")> | test_matrix_a_slow, -"],
        );
    }

    #[test]
    fn what_is_computed_comes_from_the_evaluation() {
        let text = format!("{HEAD}all = [a] + []\nfault_matrix(scenarios = all, faults = [f])\n");
        let mut fixture = Fixture::new(&text);
        check(&fixture, &[]);
        fixture.outline = Some(outline(text.find("fault_matrix").unwrap()));
        check(&fixture, &["a | slow | test_matrix_a_slow"]);
    }

    /// Otherwise a matrix that is being edited would show cells of before, and the same matrix twice.
    #[test]
    fn the_text_wins_over_an_older_evaluation() {
        let text = format!("{HEAD}fault_matrix(scenarios = [b], faults = [f])\n");
        let mut fixture = Fixture::new(&text);
        fixture.outline = Some(outline(text.find("fault_matrix").unwrap()));
        check(
            &fixture,
            &[
                "b <main.star: def b():> | slow <main.star: f = fault_assumption(\"slow\")> | test_matrix_b_slow",
            ],
        );
    }
}
