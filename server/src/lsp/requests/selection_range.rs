//! `textDocument/selectionRange`

use crate::lsp::document::Document;
use crate::lsp::state::World;
use faultbox_engine::ide::selection;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{Position, Range, SelectionRange, SelectionRangeParams};

pub(in crate::lsp) fn handle(
    world: &World,
    params: SelectionRangeParams,
) -> Result<Option<Vec<SelectionRange>>> {
    let document = super::document(world, &params.text_document.uri)?;
    Ok(Some(params.positions.into_iter().map(|position| around(world, document, position)).collect()))
}

/// From the innermost range outward; the protocol nests them the same way.
fn around(world: &World, document: &Document, position: Position) -> SelectionRange {
    let offset = super::offset(world, document, position);
    let spans = world.with_snapshot(document, |snapshot| selection::selection_ranges(snapshot, offset));
    let outward = spans.iter().rev().fold(None, |parent: Option<SelectionRange>, span| {
        let range = super::range(world, document, span.start, span.end);
        Some(SelectionRange { range, parent: parent.map(Box::new) })
    });
    outward.unwrap_or(SelectionRange { range: Range::new(position, position), parent: None })
}
