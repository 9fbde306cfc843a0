//! Findings about one document's text that need no evaluation: its syntax, then names, arguments and literals, with the
//! codes and texts evaluation would use.

use super::document::Document;
use super::state::World;
use faultbox_engine::diagnostic::Diagnostic;
use faultbox_engine::ide::static_check;

pub(super) fn findings(world: &World, document: &Document) -> Vec<Diagnostic> {
    let mut findings = document.parsed().diagnostics.clone();
    findings.extend(world.with_snapshot(document, static_check::check));
    findings
}
