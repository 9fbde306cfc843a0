//! `textDocument/inlayHint`: what each rule did in the last run, at the end of its line.

use crate::lsp::from_proto;
use crate::lsp::state::World;
use crate::lsp::to_proto;
use faultbox_engine::ide::inlay::{self, Hint};
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{InlayHint, InlayHintLabel, InlayHintParams, InlayHintTooltip};

pub(in crate::lsp) fn handle(world: &World, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
    let document = super::document(world, &params.text_document.uri)?;
    let (start, end) = from_proto::range(&document.source, params.range, world.client.encoding);
    let results = world.run_results(document);
    let found = world.with_snapshot(document, |snapshot| inlay::hints(snapshot, &results));
    let hint = |hint: Hint| InlayHint {
        position: to_proto::position(&document.source, hint.offset, world.client.encoding),
        label: InlayHintLabel::String(hint.text),
        kind: None,
        text_edits: None,
        tooltip: Some(InlayHintTooltip::String(hint.tooltip)),
        padding_left: Some(true),
        padding_right: None,
        data: None,
    };
    Ok(Some(found.into_iter().filter(|hint| (start..=end).contains(&hint.offset)).map(hint).collect()))
}
