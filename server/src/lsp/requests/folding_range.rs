//! `textDocument/foldingRange`

use crate::lsp::state::World;
use faultbox_engine::ide::folding::{self, FoldKind};
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{FoldingRange, FoldingRangeKind, FoldingRangeParams};

pub(in crate::lsp) fn handle(world: &World, params: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>> {
    let document = super::document(world, &params.text_document.uri)?;
    let folds = world.with_snapshot(document, folding::folds);
    let fold = |fold: &folding::Fold| {
        let range = super::range(world, document, fold.span.start, fold.span.end);
        FoldingRange {
            start_line: range.start.line,
            start_character: Some(range.start.character),
            end_line: range.end.line,
            end_character: Some(range.end.character),
            kind: match fold.kind {
                FoldKind::Code => None,
                FoldKind::Comment => Some(FoldingRangeKind::Comment),
                FoldKind::Imports => Some(FoldingRangeKind::Imports),
            },
            collapsed_text: None,
        }
    };
    Ok(Some(folds.iter().map(fold).collect()))
}
