//! `textDocument/codeAction`: fixes of findings, rewrites, and Run for editors without lenses.

use crate::lsp::document::{Document, THIS_FILE};
use crate::lsp::ext::{self, RunArgs};
use crate::lsp::findings::{self, RUN_SOURCE};
use crate::lsp::from_proto;
use crate::lsp::state::World;
use faultbox_engine::diagnostic::{Code, Edit};
use faultbox_engine::ide::actions::{self, ActionWhat};
use faultbox_engine::text::Span;
use std::collections::HashMap;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::*;

/// The kind of actions that run something.
pub(in crate::lsp) const RUN_KIND: CodeActionKind = CodeActionKind::new("source.faultbox.run");

pub(in crate::lsp) fn handle(world: &World, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
    let document = super::document(world, &params.text_document.uri)?;
    if !world.is_spec(document) {
        return Ok(Some(Vec::new()));
    }
    let (start, end) = from_proto::range(&document.source, params.range, world.client.encoding);
    let span = Span::new(THIS_FILE, start, end);
    let known = findings::of_text(world, document);
    let found = world.with_snapshot(document, |snapshot| actions::actions(snapshot, span, &known));
    let shown = &params.context.diagnostics;
    let mut all: Vec<CodeAction> =
        found.into_iter().map(|action| convert(world, document, action, shown)).collect();
    all.extend(shown.iter().filter_map(|found| run_again(document, found)));
    all.push(run(document, "Run all in file".to_owned(), RUN_KIND, None));
    let wanted = |action: &CodeAction| {
        let kind = action.kind.clone().unwrap_or(CodeActionKind::EMPTY);
        let may_run = world.settings.trusted || action.command.is_none();
        may_run
            && params.context.only.as_ref().is_none_or(|only| only.iter().any(|only| is_under(&kind, only)))
    };
    all.retain(wanted);
    Ok(Some(all.into_iter().map(CodeActionOrCommand::CodeAction).collect()))
}

/// `source.faultbox.run` is under `source`, and everything is under the empty kind.
fn is_under(kind: &CodeActionKind, above: &CodeActionKind) -> bool {
    let rest = kind.as_str().strip_prefix(above.as_str());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || above.as_str().is_empty())
}

fn convert(
    world: &World,
    document: &Document,
    action: actions::CodeAction,
    shown: &[Diagnostic],
) -> CodeAction {
    let title = action.title;
    match action.what {
        ActionWhat::Fix { code, finding, edits, is_preferred } => CodeAction {
            title,
            kind: Some(CodeActionKind::QUICKFIX),
            diagnostics: mended(world, document, code, finding, shown),
            edit: Some(edit(world, document, &edits)),
            is_preferred: Some(is_preferred),
            ..CodeAction::default()
        },
        ActionWhat::Rewrite { edits } => CodeAction {
            title,
            kind: Some(CodeActionKind::REFACTOR_REWRITE),
            edit: Some(edit(world, document, &edits)),
            ..CodeAction::default()
        },
        ActionWhat::Run { tests } => run(document, title, RUN_KIND, Some(tests)),
    }
}

/// Which of the findings the client shows is mended.
fn mended(
    world: &World,
    document: &Document,
    code: Code,
    finding: Span,
    shown: &[Diagnostic],
) -> Option<Vec<Diagnostic>> {
    let range = super::range(world, document, finding.start, finding.end);
    let code = NumberOrString::String(code.id().to_owned());
    let same = |found: &&Diagnostic| found.range == range && found.code.as_ref() == Some(&code);
    Some(shown.iter().filter(same).cloned().collect()).filter(|found: &Vec<_>| !found.is_empty())
}

fn edit(world: &World, document: &Document, edits: &[Edit]) -> WorkspaceEdit {
    let edit = |edit: &Edit| TextEdit {
        range: super::range(world, document, edit.span.start, edit.span.end),
        new_text: edit.text.clone(),
    };
    WorkspaceEdit::new(HashMap::from([(document.uri.clone(), edits.iter().map(edit).collect())]))
}

/// On an outcome: the same test once more.
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

/// `None` runs every test.
fn run(document: &Document, title: String, kind: CodeActionKind, tests: Option<Vec<String>>) -> CodeAction {
    let args = RunArgs { all: tests.is_none(), tests, ..RunArgs::of(&document.uri) };
    let arguments = serde_json::to_value(args).ok().map(|value| vec![value]);
    let command = Command { title: title.clone(), command: ext::RUN.to_owned(), arguments };
    CodeAction { title, kind: Some(kind), command: Some(command), ..CodeAction::default() }
}
