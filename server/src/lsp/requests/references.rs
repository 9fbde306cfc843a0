//! `textDocument/references`

use crate::lsp::around::Around;
use crate::lsp::state::World;
use faultbox_engine::ide::references;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{Location, ReferenceParams};

pub(in crate::lsp) fn handle(world: &World, params: ReferenceParams) -> Result<Option<Vec<Location>>> {
    let (document, offset) = super::at(world, &params.text_document_position)?;
    let around = Around::whole(world, document);
    let found = around.ask(|snapshot| references::references(snapshot, offset));
    let with_definition = params.context.include_declaration;
    let wanted = found.iter().filter(|reference| with_definition || !reference.is_definition);
    let wanted: Vec<_> = wanted.map(|reference| &reference.location).collect();
    Ok(Some(around.locations(&wanted)))
}
