//! `textDocument/rename` and `textDocument/prepareRename`

use crate::lsp::around::Around;
use crate::lsp::state::World;
use crate::lsp::to_proto;
use faultbox_engine::ide::rename::{self, FileEdits, Renamable};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::lsp_types::*;

pub(in crate::lsp) fn prepare(
    world: &World,
    params: TextDocumentPositionParams,
) -> Result<Option<PrepareRenameResponse>> {
    let (document, offset) = super::at(world, &params)?;
    let found = prepared(&Around::whole(world, document), offset)?;
    let range = super::range(world, document, found.span.start, found.span.end);
    Ok(Some(PrepareRenameResponse::RangeWithPlaceholder { range, placeholder: found.name }))
}

pub(in crate::lsp) fn handle(world: &World, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
    let (document, offset) = super::at(world, &params.text_document_position)?;
    let around = Around::whole(world, document);
    prepared(&around, offset)?;
    let edits = around.ask(|snapshot| rename::rename(snapshot, offset, &params.new_name)).map_err(refused)?;
    let edits = without_links(edits);
    let changes = edits.iter().filter_map(|edits| of_file(world, &around, edits)).collect();
    Ok(Some(WorkspaceEdit::new(changes)))
}

/// Refuses what cannot be renamed, and what would be renamed by half.
fn prepared(around: &Around<'_>, offset: u32) -> Result<Renamable> {
    let found = around.ask(|snapshot| rename::prepare(snapshot, offset)).map_err(refused)?;
    if found.is_local || around.is_complete() {
        return Ok(found);
    }
    Err(refused(format!(
        "the workspace has more specs than can be searched, and one of them may mention `{}`; open a smaller folder",
        found.name
    )))
}

/// A file that is also reached through a link is edited once. The first counts: open documents come before others.
fn without_links(edits: Vec<FileEdits>) -> Vec<FileEdits> {
    let mut seen = BTreeSet::new();
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    edits.into_iter().filter(|edits| seen.insert(real(&edits.path))).collect()
}

fn of_file(world: &World, around: &Around<'_>, edits: &FileEdits) -> Option<(Url, Vec<TextEdit>)> {
    let source = around.source(&edits.path)?;
    let edit = |edit: &faultbox_engine::diagnostic::Edit| {
        let range = to_proto::range(&source, edit.span.start, edit.span.end, world.client.encoding);
        TextEdit { range, new_text: edit.text.clone() }
    };
    Some((to_proto::uri(&edits.path)?, edits.edits.iter().map(edit).collect()))
}

fn refused(why: String) -> Error {
    // RequestFailed: the client shows the message.
    Error { code: ErrorCode::ServerError(-32803), message: Cow::Owned(why), data: None }
}
