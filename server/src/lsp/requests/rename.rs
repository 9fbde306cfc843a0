//! `textDocument/rename` and `textDocument/prepareRename`

use crate::lsp::state::World;
use crate::lsp::to_proto;
use faultbox_engine::ide::rename::{self, FileEdits};
use std::borrow::Cow;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::lsp_types::*;

pub(in crate::lsp) fn prepare(
    world: &World,
    params: TextDocumentPositionParams,
) -> Result<Option<PrepareRenameResponse>> {
    let (document, offset) = super::at(world, &params)?;
    let found =
        world.with_whole_snapshot(document, |snapshot| rename::prepare(snapshot, offset)).map_err(refused)?;
    let range = super::range(world, document, found.span.start, found.span.end);
    Ok(Some(PrepareRenameResponse::RangeWithPlaceholder { range, placeholder: found.name }))
}

pub(in crate::lsp) fn handle(world: &World, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
    let (document, offset) = super::at(world, &params.text_document_position)?;
    let edits =
        world.with_whole_snapshot(document, |snapshot| rename::rename(snapshot, offset, &params.new_name));
    let changes = edits.map_err(refused)?.iter().filter_map(|edits| of_file(world, edits)).collect();
    Ok(Some(WorkspaceEdit::new(changes)))
}

fn of_file(world: &World, edits: &FileEdits) -> Option<(Url, Vec<TextEdit>)> {
    let source = world.source(&edits.path)?;
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
