//! `textDocument/hover`

use crate::lsp::around::Around;
use crate::lsp::neighbours::Freshness;
use crate::lsp::state::World;
use faultbox_engine::ide::hover;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{Hover, HoverContents, HoverParams, MarkupContent, MarkupKind};

pub(in crate::lsp) fn handle(world: &World, params: HoverParams) -> Result<Option<Hover>> {
    let (document, offset) = super::at(world, &params.text_document_position_params)?;
    let results = world.run_results(document);
    let around = Around::loaded(world, document, Freshness::Understood);
    let found = around.ask(|snapshot| hover::hover(snapshot, offset, &results));
    Ok(found.map(|found| Hover {
        contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value: found.markdown }),
        range: Some(super::range(world, document, found.span.start, found.span.end)),
    }))
}
