//! `faultbox/discoverTests`: what can be run, as a tree.

use crate::lsp::document::Document;
use crate::lsp::ext::{DiscoverAnswer, DiscoverParams, FileTests, TestItem, TestItemKind};
use crate::lsp::state::World;
use faultbox_engine::ide::test_items::{self, TestItemKind as Kind};
use tower_lsp::jsonrpc::Result;

pub(in crate::lsp) fn handle(world: &World, params: DiscoverParams) -> Result<DiscoverAnswer> {
    let files = match params.text_document {
        Some(named) => vec![of_document(world, super::document(world, &named.uri)?)],
        None => world.documents.values().map(|document| of_document(world, document)).collect(),
    };
    Ok(DiscoverAnswer { files: files.into_iter().filter(|file| !file.tests.is_empty()).collect() })
}

/// The tests of the document; none in a file that is not ours.
pub(in crate::lsp) fn of_document(world: &World, document: &Document) -> FileTests {
    let mut tests = Vec::new();
    if world.is_spec(document) {
        let found = world.with_snapshot(document, test_items::test_items);
        tests.extend(found.into_iter().map(|found| item(world, document, found)));
    }
    FileTests { uri: document.uri.clone(), version: Some(document.version), tests }
}

fn item(world: &World, document: &Document, found: test_items::TestItem) -> TestItem {
    TestItem {
        id: found.id,
        label: found.label,
        kind: match found.kind {
            Kind::Test => TestItemKind::Test,
            Kind::Scenario => TestItemKind::Scenario,
            Kind::FaultScenario => TestItemKind::FaultScenario,
            Kind::Matrix => TestItemKind::Matrix,
            Kind::Cell => TestItemKind::Cell,
        },
        parent: found.parent,
        run: found.run,
        range: super::range(world, document, found.span.start, found.span.end),
        selection_range: super::range(world, document, found.name_span.start, found.name_span.end),
    }
}
