//! `textDocument/codeLens`: Run, with the last outcome in the title.

use crate::lsp::document::Document;
use crate::lsp::ext::{self, CancelArgs, RunArgs, TimelineArgs};
use crate::lsp::settings::Lenses;
use crate::lsp::state::World;
use faultbox_engine::ide::lens::{self, LensAction};
use serde_json::Value;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{CodeLens, CodeLensParams, Command};

pub(in crate::lsp) fn handle(world: &World, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
    let document = super::document(world, &params.text_document.uri)?;
    let lenses = world.settings.lenses;
    if lenses == Lenses::Never || !world.settings.trusted || !world.is_spec(document) {
        return Ok(Some(Vec::new()));
    }
    let results = world.run_results(document);
    let found = world.with_snapshot(document, |snapshot| lens::lenses(snapshot, &results));
    let shown = found.into_iter().filter(|lens| lenses == Lenses::Always || lens.has_result);
    Ok(Some(shown.filter_map(|lens| convert(world, document, lens)).collect()))
}

fn convert(world: &World, document: &Document, found: lens::Lens) -> Option<CodeLens> {
    let run = |args: RunArgs| (ext::RUN, serde_json::to_value(args).ok());
    let (command, argument) = match found.action {
        LensAction::Run(tests) => run(RunArgs { tests: Some(tests), ..RunArgs::of(&document.uri) }),
        LensAction::RunAll => run(RunArgs { all: true, ..RunArgs::of(&document.uri) }),
        LensAction::RunFailed => run(RunArgs { failed: true, ..RunArgs::of(&document.uri) }),
        LensAction::Cancel(tests) => (ext::CANCEL, cancel(world, document, &tests)),
        LensAction::Timeline(_) if !world.client.shows_timeline => return None,
        LensAction::Timeline(test) => (ext::SHOW_TIMELINE, timeline(world, document, test)),
    };
    let command = Command {
        title: found.title,
        command: command.to_owned(),
        arguments: argument.map(|argument| vec![argument]),
    };
    let range = super::range(world, document, found.span.start, found.span.end);
    Some(CodeLens { range, command: Some(command), data: None })
}

/// Shows the run that the test's outcome is from.
fn timeline(world: &World, document: &Document, test: String) -> Option<Value> {
    let run_id = world.results(&document.uri)?.tests.get(&test)?.run_id.clone();
    serde_json::to_value(TimelineArgs { uri: document.uri.clone(), run_id, test }).ok()
}

/// Cancels the run that one of the tests is part of.
fn cancel(world: &World, document: &Document, tests: &[String]) -> Option<Value> {
    let results = world.results(&document.uri)?;
    let mut found = tests.iter().filter_map(|test| results.tests.get(test));
    let run_id = found.find(|result| result.is_running()).map(|result| result.run_id.clone());
    serde_json::to_value(CancelArgs { run_id }).ok()
}
