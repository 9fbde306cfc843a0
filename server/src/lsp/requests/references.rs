//! `textDocument/references`

use crate::lsp::state::World;
use faultbox_engine::ide::references;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{Location, ReferenceParams};

pub(in crate::lsp) fn handle(world: &World, params: ReferenceParams) -> Result<Option<Vec<Location>>> {
    let (document, offset) = super::at(world, &params.text_document_position)?;
    let found = world.with_whole_snapshot(document, |snapshot| references::references(snapshot, offset));
    let with_definition = params.context.include_declaration;
    let wanted = found.iter().filter(|reference| with_definition || !reference.is_definition);
    Ok(Some(wanted.filter_map(|reference| super::location(world, &reference.location)).collect()))
}
