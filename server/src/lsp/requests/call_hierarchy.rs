//! `textDocument/prepareCallHierarchy`, `callHierarchy/incomingCalls` and `callHierarchy/outgoingCalls`

use crate::lsp::document::{Document, path_of};
use crate::lsp::state::World;
use crate::lsp::to_proto;
use faultbox_engine::ide::calls::{self, HierarchyCall, HierarchyItem, HierarchyKind};
use faultbox_engine::text::{Source, Span};
use std::sync::Arc;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::*;

pub(in crate::lsp) fn prepare(
    world: &World,
    params: CallHierarchyPrepareParams,
) -> Result<Option<Vec<CallHierarchyItem>>> {
    let (document, offset) = super::at(world, &params.text_document_position_params)?;
    let found = world.with_exact_snapshot(document, |snapshot| calls::prepare(snapshot, offset));
    Ok(found.and_then(|found| item(world, &found)).map(|item| vec![item]))
}

pub(in crate::lsp) fn incoming(
    world: &World,
    params: CallHierarchyIncomingCallsParams,
) -> Result<Option<Vec<CallHierarchyIncomingCall>>> {
    let (document, known) = again(world, &params.item)?;
    let Some(known) = known else { return Ok(None) };
    let found = world.with_exact_snapshot(document, |snapshot| calls::incoming(snapshot, &known));
    let call = |call: HierarchyCall| {
        // The places lie in the caller's file.
        let source = world.source(&call.item.location.path)?;
        let from = item(world, &call.item)?;
        Some(CallHierarchyIncomingCall { from, from_ranges: ranges(world, &source, &call.from) })
    };
    Ok(Some(found.into_iter().filter_map(call).collect()))
}

pub(in crate::lsp) fn outgoing(
    world: &World,
    params: CallHierarchyOutgoingCallsParams,
) -> Result<Option<Vec<CallHierarchyOutgoingCall>>> {
    let (document, known) = again(world, &params.item)?;
    let Some(known) = known else { return Ok(None) };
    let found = world.with_exact_snapshot(document, |snapshot| calls::outgoing(snapshot, &known));
    let call = |call: HierarchyCall| {
        let to = item(world, &call.item)?;
        Some(CallHierarchyOutgoingCall { to, from_ranges: ranges(world, &document.source, &call.from) })
    };
    Ok(Some(found.into_iter().filter_map(call).collect()))
}

/// The item the client was given before, in the text of now.
fn again<'w>(
    world: &'w World,
    item: &CallHierarchyItem,
) -> Result<(&'w Arc<Document>, Option<HierarchyItem>)> {
    let closed = || world.closed.get(&path_of(&item.uri));
    let document = world.document(&item.uri).or_else(closed);
    let document = document.ok_or_else(|| Error::invalid_params(format!("{} is not at hand", item.uri)))?;
    let offset = super::offset(world, document, item.selection_range.start);
    Ok((document, world.with_exact_snapshot(document, |snapshot| calls::prepare(snapshot, offset))))
}

fn item(world: &World, found: &HierarchyItem) -> Option<CallHierarchyItem> {
    let source = world.source(&found.location.path)?;
    let range = |span: Span| to_proto::range(&source, span.start, span.end, world.client.encoding);
    Some(CallHierarchyItem {
        name: found.name.clone(),
        kind: match found.kind {
            HierarchyKind::Test => SymbolKind::METHOD,
            HierarchyKind::Function => SymbolKind::FUNCTION,
            HierarchyKind::Assumption => SymbolKind::EVENT,
            HierarchyKind::Rule => SymbolKind::OPERATOR,
        },
        tags: None,
        detail: None,
        uri: to_proto::uri(&found.location.path)?,
        range: range(found.location.span),
        selection_range: range(found.name_span),
        data: None,
    })
}

fn ranges(world: &World, source: &Source, spans: &[Span]) -> Vec<Range> {
    spans.iter().map(|span| to_proto::range(source, span.start, span.end, world.client.encoding)).collect()
}
