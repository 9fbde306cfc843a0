//! `textDocument/codeLens`: Run, with the last outcome in the title.

use super::discover;
use crate::lsp::document::Document;
use crate::lsp::ext::{self, CancelArgs, RunArgs, TestItem, TestItemKind};
use crate::lsp::results::{SpecResults, TestResult};
use crate::lsp::settings::Lenses;
use crate::lsp::state::World;
use serde::Serialize;
use std::collections::BTreeMap;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{CodeLens, CodeLensParams, Command, Position, Range};

/// Longest part of a failure's message in a title, in characters.
const MAX_MESSAGE: usize = 60;

pub(in crate::lsp) fn handle(world: &World, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
    let document = super::document(world, &params.text_document.uri)?;
    if world.settings.lenses == Lenses::Never || !world.settings.trusted {
        return Ok(None);
    }
    Ok(Some(lenses(world, document)))
}

fn lenses(world: &World, document: &Document) -> Vec<CodeLens> {
    let items = discover::of_document(world, document).tests;
    let none = SpecResults::default();
    let results = world.results(&document.uri).map_or(&none, |results| results);
    let is_shown = |lens: &CodeLens| {
        world.settings.lenses == Lenses::Always
            || lens.command.as_ref().is_some_and(|command| !is_plain(command))
    };
    let mut lenses = of_file(document, &items, results);
    lenses.extend(of_items(document, &items, results));
    lenses.retain(is_shown);
    lenses
}

/// `Run all` and `Run failed` at the top.
fn of_file(document: &Document, items: &[TestItem], results: &SpecResults) -> Vec<CodeLens> {
    let runnable = items.iter().filter(|item| item.kind != TestItemKind::Matrix).count();
    if runnable == 0 {
        return Vec::new();
    }
    let top = Range::default();
    let all = RunArgs { all: true, ..run_args(document, None) };
    let mut lenses = vec![lens(top, format!("▶ Run all ({runnable})"), ext::RUN, &all)];
    let bad = results.bad().len();
    if bad > 0 {
        let failed = RunArgs { failed: true, ..run_args(document, None) };
        lenses.push(lens(top, format!("▶ Run failed ({bad})"), ext::RUN, &failed));
    }
    lenses
}

/// One lens per line that declares something to run. Cells share the line of their matrix and its lens.
fn of_items(document: &Document, items: &[TestItem], results: &SpecResults) -> Vec<CodeLens> {
    let mut at: BTreeMap<Position, Vec<&TestItem>> = BTreeMap::new();
    for item in items.iter().filter(|item| item.kind != TestItemKind::Cell) {
        at.entry(item.selection_range.start).or_default().push(item);
    }
    let all = at.into_values().flat_map(|items| match items.as_slice() {
        [one] => vec![of_item(document, one, results)],
        // Declared in a loop or by a helper: one lens for all of them.
        several => vec![of_several(document, several, results)],
    });
    all.collect()
}

fn of_item(document: &Document, item: &TestItem, results: &SpecResults) -> CodeLens {
    let found: Vec<&TestResult> = item.run.iter().filter_map(|name| results.tests.get(name)).collect();
    let range = item.selection_range;
    if let Some(running) = found.iter().find(|result| result.is_running()) {
        let args = CancelArgs { run_id: Some(running.run_id.clone()) };
        return lens(range, "◌ running… · Cancel".to_owned(), ext::CANCEL, &args);
    }
    let title = match item.kind {
        TestItemKind::Matrix => format!("▶ Run {}{}", cells(item.run.len()), counts(&found)),
        _ => found.first().map_or("▶ Run".to_owned(), |result| title(result)),
    };
    lens(range, title, ext::RUN, &run_args(document, Some(item.run.clone())))
}

fn of_several(document: &Document, items: &[&TestItem], results: &SpecResults) -> CodeLens {
    let names: Vec<String> = items.iter().flat_map(|item| item.run.iter().cloned()).collect();
    let found: Vec<&TestResult> = names.iter().filter_map(|name| results.tests.get(name)).collect();
    let title = format!("▶ Run {} tests{}", names.len(), counts(&found));
    lens(items[0].selection_range, title, ext::RUN, &run_args(document, Some(names)))
}

/// `✓ 52 ms · Run`, `✗ 404 != 503 · Run`.
fn title(result: &TestResult) -> String {
    let message = result.failure.as_ref().map_or(result.outcome.as_str(), |failure| {
        let line = failure.message.lines().next().unwrap_or("");
        line.strip_prefix("assert_eq failed: ").unwrap_or(line)
    });
    match result.outcome.as_str() {
        "pass" => format!("✓ {} · Run", milliseconds(result.duration_ms)),
        "skipped" | "not_run" => format!("○ {} · Run", result.outcome.replace('_', " ")),
        "bypassed" => "✗ bypassed: no fault acted · Run".to_owned(),
        _ => format!("✗ {} · Run", shortened(message)),
    }
}

fn counts(found: &[&TestResult]) -> String {
    let good = found.iter().filter(|result| result.outcome == "pass").count();
    let bad = found.iter().filter(|result| result.is_bad()).count();
    match (good, bad) {
        (0, 0) => String::new(),
        (good, 0) => format!(" · {good} ✓"),
        (0, bad) => format!(" · {bad} ✗"),
        (good, bad) => format!(" · {good} ✓ {bad} ✗"),
    }
}

fn cells(count: usize) -> String {
    if count == 1 { "1 cell".to_owned() } else { format!("{count} cells") }
}

fn milliseconds(duration_ms: Option<f64>) -> String {
    format!("{:.0} ms", duration_ms.unwrap_or(0.0))
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn run_args(document: &Document, tests: Option<Vec<String>>) -> RunArgs {
    RunArgs { uri: document.uri.clone(), tests, all: false, failed: false, seed: None }
}

fn is_plain(command: &Command) -> bool {
    command.title == "▶ Run"
}

fn lens(range: Range, title: String, command: &str, args: &impl Serialize) -> CodeLens {
    let arguments = serde_json::to_value(args).ok().map(|value| vec![value]);
    let command = Command { title, command: command.to_owned(), arguments };
    CodeLens { range, command: Some(command), data: None }
}
