//! What a test's body will get wrong, found before it runs.

use super::load::Modules;
use super::session::Written;
use crate::diagnostic::Diagnostic;
use crate::model::Spec;
use crate::text::FileId;

/// The text of the functions and what the globals they use turned out to be.
pub(super) struct Bodies<'b> {
    pub written: &'b Written,
    pub spec: &'b Spec,
}

impl Bodies<'_> {
    pub(super) fn check(&self, _modules: &Modules, _root: FileId) -> Vec<Diagnostic> {
        Vec::new()
    }
}
