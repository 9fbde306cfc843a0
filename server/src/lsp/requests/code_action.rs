//! `textDocument/codeAction`: fixes of findings, and Run for editors without lenses.

use super::discover;
use crate::lsp::document::Document;
use crate::lsp::ext::{self, RunArgs, TestItem};
use crate::lsp::findings::{FindingData, RUN_SOURCE};
use crate::lsp::state::World;
use std::collections::HashMap;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::*;

/// The kind of actions that run something.
pub(in crate::lsp) const RUN_KIND: CodeActionKind = CodeActionKind::new("source.faultbox.run");

pub(in crate::lsp) fn handle(world: &World, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
    let document = super::document(world, &params.text_document.uri)?;
    let wanted = |kind: &CodeActionKind| {
        let only = params.context.only.as_ref();
        only.is_none_or(|only| only.iter().any(|only| is_under(kind, only)))
    };
    let mut actions = Vec::new();
    if wanted(&CodeActionKind::QUICKFIX) {
        actions.extend(params.context.diagnostics.iter().flat_map(|found| fixes(document, found)));
        actions.extend(params.context.diagnostics.iter().filter_map(|found| run_again(document, found)));
    }
    if wanted(&RUN_KIND) && world.settings.trusted {
        actions.extend(runs(world, document, params.range));
    }
    Ok(Some(actions.into_iter().map(CodeActionOrCommand::CodeAction).collect()))
}

/// `source.faultbox.run` is under `source`.
fn is_under(kind: &CodeActionKind, above: &CodeActionKind) -> bool {
    let rest = kind.as_str().strip_prefix(above.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || above.as_str().is_empty())
}

fn fixes(document: &Document, found: &Diagnostic) -> Vec<CodeAction> {
    let data = found.data.clone().and_then(|data| serde_json::from_value::<FindingData>(data).ok());
    let fixes = data.unwrap_or_default().fixes;
    let only_one = fixes.len() == 1;
    let action = |fix: crate::lsp::findings::FixData| CodeAction {
        title: fix.title,
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![found.clone()]),
        edit: Some(WorkspaceEdit::new(HashMap::from([(document.uri.clone(), fix.edits)]))),
        is_preferred: Some(only_one),
        ..CodeAction::default()
    };
    fixes.into_iter().map(action).collect()
}

fn run_again(document: &Document, found: &Diagnostic) -> Option<CodeAction> {
    let Some(NumberOrString::String(test)) = found.code.clone() else { return None };
    let is_outcome = found.source.as_deref() == Some(RUN_SOURCE);
    let short = test.strip_prefix("test_").unwrap_or(&test).to_owned();
    let title = format!("Run \"{short}\" again");
    is_outcome.then(|| CodeAction {
        diagnostics: Some(vec![found.clone()]),
        ..run(document, title, CodeActionKind::QUICKFIX, Some(vec![test]))
    })
}

/// What encloses the selection, innermost first, then everything.
fn runs(world: &World, document: &Document, selection: Range) -> Vec<CodeAction> {
    let items = discover::of_document(world, document).tests;
    let encloses = |item: &&TestItem| item.range.start <= selection.start && selection.end <= item.range.end;
    let mut around: Vec<&TestItem> =
        items.iter().filter(encloses).filter(|item| item.parent.is_none()).collect();
    around.sort_by_key(|item| item.range.end.line - item.range.start.line);
    let here = around
        .into_iter()
        .map(|item| run(document, format!("Run \"{}\"", item.label), RUN_KIND, Some(item.run.clone())));
    let mut actions: Vec<CodeAction> = here.collect();
    if !items.is_empty() {
        actions.push(run(document, "Run all in file".to_owned(), RUN_KIND, None));
    }
    actions
}

fn run(document: &Document, title: String, kind: CodeActionKind, tests: Option<Vec<String>>) -> CodeAction {
    let args = RunArgs { uri: document.uri.clone(), all: tests.is_none(), tests, failed: false, seed: None };
    let arguments = serde_json::to_value(args).ok().map(|value| vec![value]);
    let command = Command { title: title.clone(), command: ext::RUN.to_owned(), arguments };
    CodeAction { title, kind: Some(kind), command: Some(command), ..CodeAction::default() }
}
