//! `textDocument/documentHighlight`

use crate::lsp::state::World;
use faultbox_engine::ide::highlights;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{DocumentHighlight, DocumentHighlightKind, DocumentHighlightParams};

pub(in crate::lsp) fn handle(
    world: &World,
    params: DocumentHighlightParams,
) -> Result<Option<Vec<DocumentHighlight>>> {
    let (document, offset) = super::at(world, &params.text_document_position_params)?;
    let found = world.with_snapshot(document, |snapshot| highlights::highlights(snapshot, offset));
    let highlight = |found: &highlights::Highlight| DocumentHighlight {
        range: super::range(world, document, found.span.start, found.span.end),
        kind: Some(if found.is_write { DocumentHighlightKind::WRITE } else { DocumentHighlightKind::READ }),
    };
    Ok(Some(found.iter().map(highlight).collect()))
}
