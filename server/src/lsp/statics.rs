//! Findings about one document's text that need no evaluation: its syntax, then names, arguments and literals, with the
//! codes and texts evaluation would use.

use super::document::Document;
use super::state::World;
use faultbox_engine::diagnostic::Diagnostic;
use faultbox_engine::ide::findings;

pub(super) fn findings(world: &World, document: &Document) -> Vec<Diagnostic> {
    world.with_snapshot(document, findings::of_text)
}
