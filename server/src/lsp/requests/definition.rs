//! `textDocument/definition`

use crate::lsp::around::Around;
use crate::lsp::neighbours::Freshness;
use crate::lsp::state::World;
use faultbox_engine::ide::definition;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{GotoDefinitionParams, GotoDefinitionResponse};

pub(in crate::lsp) fn handle(
    world: &World,
    params: GotoDefinitionParams,
) -> Result<Option<GotoDefinitionResponse>> {
    let (document, offset) = super::at(world, &params.text_document_position_params)?;
    let around = Around::loaded(world, document, Freshness::Newest);
    let found = around.ask(|snapshot| definition::definitions(snapshot, offset));
    let targets: Vec<_> = found.iter().map(|definition| &definition.target).collect();
    Ok(Some(GotoDefinitionResponse::Array(around.locations(&targets))))
}
