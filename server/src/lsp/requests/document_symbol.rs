//! `textDocument/documentSymbol` and `workspace/symbol`

use crate::lsp::document::Document;
use crate::lsp::state::World;
use faultbox_engine::ide::symbols::{self, Symbol, SymbolKind as Kind};
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::*;

pub(in crate::lsp) fn handle(
    world: &World,
    params: DocumentSymbolParams,
) -> Result<Option<DocumentSymbolResponse>> {
    let document = super::document(world, &params.text_document.uri)?;
    let found = world.with_snapshot(document, symbols::document_symbols);
    if world.client.nested_symbols {
        let nested = found.into_iter().map(|found| symbol(world, document, found)).collect();
        return Ok(Some(DocumentSymbolResponse::Nested(nested)));
    }
    let mut flat = Vec::new();
    found.iter().for_each(|found| flatten(world, document, found, None, &mut flat));
    Ok(Some(DocumentSymbolResponse::Flat(flat)))
}

pub(in crate::lsp) fn workspace(
    world: &World,
    params: WorkspaceSymbolParams,
) -> Result<Option<Vec<SymbolInformation>>> {
    // Any spec will do: its neighbours are the rest of the workspace.
    let Some(document) = world.documents.values().find(|document| world.is_spec(document)) else {
        return Ok(Some(Vec::new()));
    };
    let found =
        world.with_exact_snapshot(document, |snapshot| symbols::workspace_symbols(snapshot, &params.query));
    let information = |found: symbols::WorkspaceSymbol| {
        let location = super::location(world, &found.location)?;
        Some(information(found.name, found.kind, location, None))
    };
    Ok(Some(found.into_iter().filter_map(information).collect()))
}

#[expect(deprecated, reason = "the type has a deprecated field and no constructor")]
fn symbol(world: &World, document: &Document, found: Symbol) -> DocumentSymbol {
    let children: Vec<_> = found.children.into_iter().map(|child| symbol(world, document, child)).collect();
    DocumentSymbol {
        name: found.name,
        detail: (!found.detail.is_empty()).then_some(found.detail),
        kind: kind(found.kind),
        tags: None,
        deprecated: None,
        range: super::range(world, document, found.span.start, found.span.end),
        selection_range: super::range(world, document, found.name_span.start, found.name_span.end),
        children: (!children.is_empty()).then_some(children),
    }
}

fn flatten(
    world: &World,
    document: &Document,
    found: &Symbol,
    container: Option<&str>,
    into: &mut Vec<SymbolInformation>,
) {
    let range = super::range(world, document, found.span.start, found.span.end);
    let location = Location { uri: document.uri.clone(), range };
    into.push(information(found.name.clone(), found.kind, location, container.map(str::to_owned)));
    found.children.iter().for_each(|child| flatten(world, document, child, Some(&found.name), into));
}

#[expect(deprecated, reason = "the type has a deprecated field and no constructor")]
fn information(
    name: String,
    of: Kind,
    location: Location,
    container_name: Option<String>,
) -> SymbolInformation {
    SymbolInformation { name, kind: kind(of), tags: None, deprecated: None, location, container_name }
}

fn kind(kind: Kind) -> SymbolKind {
    match kind {
        Kind::Service => SymbolKind::CLASS,
        Kind::Interface => SymbolKind::INTERFACE,
        Kind::Assumption => SymbolKind::EVENT,
        Kind::Test | Kind::Scenario | Kind::FaultScenario => SymbolKind::METHOD,
        Kind::Matrix => SymbolKind::ARRAY,
        Kind::Function => SymbolKind::FUNCTION,
        Kind::Variable => SymbolKind::VARIABLE,
    }
}
