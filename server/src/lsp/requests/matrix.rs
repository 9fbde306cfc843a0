//! `faultbox/matrix`: scenarios times faults with the last outcome of each cell.

use crate::lsp::document::Document;
use crate::lsp::ext::{CellView, DocumentParams, MatrixAnswer, MatrixView};
use crate::lsp::results::TestResult;
use crate::lsp::state::World;
use faultbox_engine::ide::matrix::{self, Heading, MatrixCell, MatrixTable};
use tower_lsp::jsonrpc::Result;

pub(in crate::lsp) fn handle(world: &World, params: DocumentParams) -> Result<MatrixAnswer> {
    let document = super::document(world, &params.text_document.uri)?;
    if !world.is_spec(document) {
        return Ok(MatrixAnswer { matrices: Vec::new() });
    }
    let tables = world.with_snapshot(document, matrix::matrices);
    Ok(MatrixAnswer { matrices: tables.into_iter().map(|table| view(world, document, table)).collect() })
}

fn view(world: &World, document: &Document, table: MatrixTable) -> MatrixView {
    let place = |heading: &Heading| super::location(world, heading.place.as_ref()?);
    let names = |headings: &[Heading]| headings.iter().map(|heading| heading.name.clone()).collect();
    MatrixView {
        range: super::range(world, document, table.span.start, table.span.end),
        scenarios: names(&table.rows),
        faults: names(&table.columns),
        scenario_ranges: table.rows.iter().map(place).collect(),
        fault_ranges: table.columns.iter().map(place).collect(),
        cells: table.cells.into_iter().map(|each| cell(world, document, each)).collect(),
    }
}

fn cell(world: &World, document: &Document, MatrixCell { row, column, test }: MatrixCell) -> CellView {
    let results = world.results.get(document.path());
    let result = results.zip(test.as_ref()).and_then(|(results, name)| results.tests.get(name));
    CellView { row, column, test, result: result.map(TestResult::view) }
}
