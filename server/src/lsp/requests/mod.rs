//! One file per question: protocol in, engine asked, protocol out. Each answers from a copy of the world.

pub(super) mod call_hierarchy;
pub(super) mod code_action;
pub(super) mod code_lens;
pub(super) mod completion;
pub(super) mod definition;
pub(super) mod discover;
pub(super) mod document_highlight;
pub(super) mod document_symbol;
pub(super) mod folding_range;
pub(super) mod hover;
pub(super) mod inlay_hint;
pub(super) mod matrix;
pub(super) mod references;
pub(super) mod rename;
pub(super) mod results;
pub(super) mod selection_range;
pub(super) mod semantic_tokens;
pub(super) mod signature_help;

use super::document::Document;
use super::from_proto;
use super::state::World;
use super::to_proto;
use faultbox_engine::ide::Location as Place;
use std::sync::Arc;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::{Location, Position, Range, TextDocumentPositionParams, Url};

/// The open document a request is about.
fn document<'w>(world: &'w World, uri: &Url) -> Result<&'w Arc<Document>> {
    world.document(uri).ok_or_else(|| Error::invalid_params(format!("{uri} is not open")))
}

/// The document and the byte offset a request is about.
fn at<'w>(world: &'w World, params: &TextDocumentPositionParams) -> Result<(&'w Arc<Document>, u32)> {
    let document = document(world, &params.text_document.uri)?;
    Ok((document, offset(world, document, params.position)))
}

fn offset(world: &World, document: &Document, position: Position) -> u32 {
    from_proto::offset(&document.source, position, world.client.encoding)
}

fn range(world: &World, document: &Document, start: u32, end: u32) -> Range {
    to_proto::range(&document.source, start, end, world.client.encoding)
}

/// A place in any file that can be read.
fn location(world: &World, place: &Place) -> Option<Location> {
    let source = world.source(&place.path)?;
    let range = to_proto::range(&source, place.span.start, place.span.end, world.client.encoding);
    Some(Location { uri: to_proto::uri(&place.path)?, range })
}
