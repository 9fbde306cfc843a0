//! `textDocument/prepareCallHierarchy`, `callHierarchy/incomingCalls` and `callHierarchy/outgoingCalls`

use crate::lsp::around::Around;
use crate::lsp::document::path_of;
use crate::lsp::neighbours::Freshness;
use crate::lsp::state::World;
use crate::lsp::to_proto;
use faultbox_engine::ide::calls::{self, HierarchyCall, HierarchyItem, HierarchyKind};
use faultbox_engine::text::{Source, Span};
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::*;

pub(in crate::lsp) fn prepare(
    world: &World,
    params: CallHierarchyPrepareParams,
) -> Result<Option<Vec<CallHierarchyItem>>> {
    let (document, offset) = super::at(world, &params.text_document_position_params)?;
    let around = Around::loaded(world, document, Freshness::Newest);
    let found = around.ask(|snapshot| calls::prepare(snapshot, offset));
    Ok(found.and_then(|found| item(world, &around, &found)).map(|item| vec![item]))
}

pub(in crate::lsp) fn incoming(
    world: &World,
    params: CallHierarchyIncomingCallsParams,
) -> Result<Option<Vec<CallHierarchyIncomingCall>>> {
    let (around, known) = again(world, &params.item)?;
    let Some(known) = known else { return Ok(None) };
    let found = around.ask(|snapshot| calls::incoming(snapshot, &known));
    let call = |call: HierarchyCall| {
        // The places lie in the caller's file.
        let source = around.source(&call.item.location.path)?;
        let from = item(world, &around, &call.item)?;
        Some(CallHierarchyIncomingCall { from, from_ranges: ranges(world, &source, &call.from) })
    };
    Ok(Some(found.into_iter().filter_map(call).collect()))
}

pub(in crate::lsp) fn outgoing(
    world: &World,
    params: CallHierarchyOutgoingCallsParams,
) -> Result<Option<Vec<CallHierarchyOutgoingCall>>> {
    let (around, known) = again(world, &params.item)?;
    let Some(known) = known else { return Ok(None) };
    let found = around.ask(|snapshot| calls::outgoing(snapshot, &known));
    let call = |call: HierarchyCall| {
        let to = item(world, &around, &call.item)?;
        let from_ranges = ranges(world, &around.document.source, &call.from);
        Some(CallHierarchyOutgoingCall { to, from_ranges })
    };
    Ok(Some(found.into_iter().filter_map(call).collect()))
}

/// The item the client was given before, in the text of now.
fn again<'w>(world: &'w World, item: &CallHierarchyItem) -> Result<(Around<'w>, Option<HierarchyItem>)> {
    let path = path_of(&item.uri);
    let closed = || world.disk.look(&path, world.closed.get(&path));
    let document = world.document(&item.uri).cloned().or_else(closed);
    let document = document.ok_or_else(|| Error::invalid_params(format!("{} is not at hand", item.uri)))?;
    let offset = super::offset(world, &document, item.selection_range.start);
    let around = Around::loaded(world, &document, Freshness::Newest);
    let known = around.ask(|snapshot| calls::prepare(snapshot, offset));
    Ok((around, known))
}

fn item(world: &World, around: &Around<'_>, found: &HierarchyItem) -> Option<CallHierarchyItem> {
    let source = around.source(&found.location.path)?;
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
