//! `faultbox/discoverTests`: what can be run, as a tree.

use crate::lsp::document::Document;
use crate::lsp::ext::{DiscoverAnswer, DiscoverParams, FileTests, TestItem, TestItemKind};
use crate::lsp::state::World;
use faultbox_engine::ide::outline::{MatrixOutline, Outline, TestOutline, TestOutlineKind};
use faultbox_engine::text::{FileId, Span};
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::Range;

pub(in crate::lsp) fn handle(world: &World, params: DiscoverParams) -> Result<DiscoverAnswer> {
    let files = match params.text_document {
        Some(named) => vec![of_document(world, super::document(world, &named.uri)?)],
        None => world.documents.values().map(|document| of_document(world, document)).collect(),
    };
    Ok(DiscoverAnswer { files: files.into_iter().filter(|file| !file.tests.is_empty()).collect() })
}

/// The tests of a root spec, each where it is declared; those declared in a file it loads stand at its first line.
pub(in crate::lsp) fn of_document(world: &World, document: &Document) -> FileTests {
    let evaluation = world.evaluations.get(document.path());
    let tests = evaluation.map(|evaluation| items(world, document, &evaluation.outline)).unwrap_or_default();
    FileTests { uri: document.uri.clone(), version: Some(document.version), tests }
}

fn items(world: &World, document: &Document, outline: &Outline) -> Vec<TestItem> {
    let place = |span: Span| match span.file {
        FileId(0) => super::range(world, document, span.start, span.end),
        _ => Range::default(),
    };
    let mut items = Vec::new();
    for (number, matrix) in outline.matrices.iter().enumerate() {
        items.push(matrix_item(outline, number, matrix, place(matrix.span)));
    }
    items.extend(outline.tests.iter().map(|test| test_item(outline, test, place(test.span))));
    items
}

fn matrix_item(outline: &Outline, number: usize, matrix: &MatrixOutline, range: Range) -> TestItem {
    let is_cell =
        |test: &&TestOutline| matches!(test.kind, TestOutlineKind::Cell { matrix, .. } if matrix == number);
    let run = outline.tests.iter().filter(is_cell).map(|test| test.name.clone()).collect();
    let label =
        format!("{} × {}", plural(matrix.scenarios.len(), "scenario"), plural(matrix.faults.len(), "fault"));
    TestItem {
        id: matrix_id(number),
        label,
        kind: TestItemKind::Matrix,
        parent: None,
        run,
        range,
        selection_range: first_line(range),
    }
}

fn test_item(outline: &Outline, test: &TestOutline, range: Range) -> TestItem {
    let short = test.name.strip_prefix("test_").unwrap_or(&test.name).to_owned();
    let (kind, parent, label) = match test.kind {
        TestOutlineKind::Body => (TestItemKind::Test, None, short),
        TestOutlineKind::Scenario => (TestItemKind::Scenario, None, short),
        TestOutlineKind::FaultScenario => (TestItemKind::FaultScenario, None, short),
        TestOutlineKind::Cell { matrix, row, column } => {
            let names = outline.matrices.get(matrix);
            let pair = names.and_then(|names| names.scenarios.get(row).zip(names.faults.get(column)));
            let label = pair.map_or(short, |(scenario, fault)| format!("{scenario} × {fault}"));
            (TestItemKind::Cell, Some(matrix_id(matrix)), label)
        }
    };
    let run = vec![test.name.clone()];
    TestItem { id: test.name.clone(), label, kind, parent, run, range, selection_range: first_line(range) }
}

fn matrix_id(number: usize) -> String {
    format!("matrix {}", number + 1)
}

fn first_line(range: Range) -> Range {
    match range.start.line == range.end.line {
        true => range,
        false => Range::new(range.start, range.start),
    }
}

fn plural(count: usize, word: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} {word}{s}")
}
