//! `faultbox/matrix`: scenarios times faults with the last outcome of each cell.

use crate::lsp::ext::{CellView, DocumentParams, MatrixAnswer, MatrixView};
use crate::lsp::state::World;
use crate::lsp::to_proto;
use faultbox_engine::ide::outline::{MatrixOutline, Outline, TestOutlineKind};
use faultbox_engine::text::Span;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::Location;

pub(in crate::lsp) fn handle(world: &World, params: DocumentParams) -> Result<MatrixAnswer> {
    let document = super::document(world, &params.text_document.uri)?;
    let Some(evaluation) = world.evaluations.get(document.path()) else {
        return Ok(MatrixAnswer { matrices: Vec::new() });
    };
    let outline = &evaluation.outline;
    let view = |(number, matrix)| view(world, document.path(), outline, number, matrix);
    Ok(MatrixAnswer { matrices: outline.matrices.iter().enumerate().map(view).collect() })
}

fn view(
    world: &World,
    root: &std::path::Path,
    outline: &Outline,
    number: usize,
    matrix: &MatrixOutline,
) -> MatrixView {
    let place = |span: Span| -> Option<Location> {
        let source = world.source(outline.files.get(span.file.0 as usize)?)?;
        let range = to_proto::range(&source, span.start, span.end, world.client.encoding);
        Some(Location { uri: to_proto::uri(&source.path)?, range })
    };
    let scenario = |name: &String| {
        outline
            .scenarios
            .iter()
            .find(|scenario| scenario.name == *name)
            .and_then(|scenario| place(scenario.span))
    };
    let fault = |name: &String| {
        outline.assumptions.iter().find(|fault| fault.name == *name).and_then(|fault| place(fault.span))
    };
    let pairs =
        (0..matrix.scenarios.len()).flat_map(|row| (0..matrix.faults.len()).map(move |column| (row, column)));
    MatrixView {
        range: place(matrix.span).map(|location| location.range).unwrap_or_default(),
        scenarios: matrix.scenarios.clone(),
        faults: matrix.faults.clone(),
        scenario_ranges: matrix.scenarios.iter().map(scenario).collect(),
        fault_ranges: matrix.faults.iter().map(fault).collect(),
        cells: pairs.map(|(row, column)| cell(world, root, outline, number, row, column)).collect(),
    }
}

fn cell(
    world: &World,
    root: &std::path::Path,
    outline: &Outline,
    matrix: usize,
    row: usize,
    column: usize,
) -> CellView {
    let kind = TestOutlineKind::Cell { matrix, row, column };
    let test = outline.tests.iter().find(|test| test.kind == kind).map(|test| test.name.clone());
    let results = world.results.get(root);
    let result = results.zip(test.as_ref()).and_then(|(results, name)| results.tests.get(name));
    CellView { row, column, test, result: result.map(crate::lsp::results::TestResult::view) }
}
