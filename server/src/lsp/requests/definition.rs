//! `textDocument/definition`

use crate::lsp::state::World;
use faultbox_engine::ide::definition;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{GotoDefinitionParams, GotoDefinitionResponse};

pub(in crate::lsp) fn handle(
    world: &World,
    params: GotoDefinitionParams,
) -> Result<Option<GotoDefinitionResponse>> {
    let (document, offset) = super::at(world, &params.text_document_position_params)?;
    let found = world.with_exact_snapshot(document, |snapshot| definition::definitions(snapshot, offset));
    let targets = found.iter().filter_map(|definition| super::location(world, &definition.target));
    Ok(Some(GotoDefinitionResponse::Array(targets.collect())))
}
