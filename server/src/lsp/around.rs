//! A document with the files an answer about it is made from, held until the places in the answer were turned into lines:
//! a file that is read twice may be two texts.

use super::document::Document;
use super::neighbours::{Freshness, Neighbours};
use super::state::World;
use super::to_proto;
use faultbox_engine::ide::{Location as Place, Snapshot};
use faultbox_engine::text::Source;
use std::path::Path;
use std::sync::Arc;
use tower_lsp::lsp_types::Location;

pub(super) struct Around<'w> {
    world: &'w World,
    pub(super) document: Arc<Document>,
    others: Vec<Arc<Document>>,
    near: Neighbours,
}

impl<'w> Around<'w> {
    /// What the document loads, be it on disk only.
    pub(super) fn loaded(world: &'w World, document: &Arc<Document>, freshness: Freshness) -> Around<'w> {
        let near = Neighbours::loaded(world, document, freshness);
        let open = world.open_specs(freshness);
        let others = open.chain(&near.documents).chain(world.closed.values()).cloned().collect();
        Around { world, document: Arc::clone(document), others, near }
    }

    /// Every spec of the workspace that has to do with the document, for answers that must miss none. Reads many files, so
    /// only for what a user asks for and waits for.
    pub(super) fn whole(world: &'w World, document: &Arc<Document>) -> Around<'w> {
        let near = Neighbours::all(world, document);
        let others = world.open_specs(Freshness::Exact).chain(&near.documents).cloned().collect();
        Around { world, document: Arc::clone(document), others, near }
    }

    /// False when there are more specs than could be read.
    pub(super) fn is_complete(&self) -> bool {
        !self.near.is_cut
    }

    pub(super) fn ask<R>(&self, answer: impl FnOnce(&Snapshot<'_>) -> R) -> R {
        self.world.with_others(&self.document, self.others.iter(), &self.near.root_folders, answer)
    }

    /// The text that places in an answer are about.
    pub(super) fn source(&self, path: &Path) -> Option<Arc<Source>> {
        let mut all = std::iter::once(&self.document).chain(&self.others);
        let known = all.find(|document| document.path() == path).map(|document| Arc::clone(&document.source));
        known.or_else(|| self.world.source(path))
    }

    /// Places as the client counts them; those in files that cannot be read are left out.
    pub(super) fn locations(&self, places: &[&Place]) -> Vec<Location> {
        let encoding = self.world.client.encoding;
        let of_file = |places: &[&Place]| {
            let path = &places.first()?.path;
            let (source, uri) = (self.source(path)?, to_proto::uri(path)?);
            let range = |place: &&Place| to_proto::range(&source, place.span.start, place.span.end, encoding);
            let location = |place: &&Place| Location { uri: uri.clone(), range: range(place) };
            Some(places.iter().map(location).collect::<Vec<_>>())
        };
        places.chunk_by(|one, next| one.path == next.path).filter_map(of_file).flatten().collect()
    }
}
