//! Names that nothing defines or that are not supported yet, and loads nobody uses.

use super::{Checker, MAX_FINDINGS};
use crate::diagnostic::{Code, Diagnostic, Edit, Fix};
use crate::spec::{globals, registry, values, wording};
use crate::syntax::{NodeId, NodeKind};
use crate::text::Span;
use std::collections::HashSet;
use std::sync::OnceLock;

/// Builtins that declare something just by being called.
const DECLARING: &[&str] = &["service", "scenario", "fault_scenario", "fault_matrix"];

/// Names every spec has; they never change.
pub(super) fn is_known(name: &str) -> bool {
    static KNOWN: OnceLock<HashSet<String>> = OnceLock::new();
    matches!(name, "None" | "True" | "False") || KNOWN.get_or_init(globals::names).contains(name)
}

impl Checker<'_> {
    pub(super) fn names(&self, findings: &mut Vec<Diagnostic>) {
        let file = self.snapshot.file;
        let tree = file.tree();
        let bound: HashSet<&str> = file.scopes.definitions().map(|(_, known)| known.name.as_str()).collect();
        // Looking for a near name takes its time, so no more are looked at than can be shown.
        for id in file.scopes.unknown_names(tree, |_| false) {
            if findings.len() >= MAX_FINDINGS {
                return;
            }
            let (name, span) = (tree.text_of(id), tree.span(id));
            if registry::not_supported(name).is_some() && !bound.contains(name) {
                findings.push(values::not_supported(name, span));
            } else if !is_known(name) {
                let globals =
                    file.scopes.definitions().map(|(_, known)| known).filter(|known| known.is_global);
                let globals = globals.map(|known| known.name.as_str());
                let behind = &tree.text[span.end as usize..];
                let finding = wording::unknown_name(name, span, globals, behind);
                findings.push(self.with_loads(finding, name));
            }
        }
    }

    pub(super) fn loads(&self, findings: &mut Vec<Diagnostic>) {
        let file = self.snapshot.file;
        let tree = file.tree();
        for id in tree.ids() {
            let NodeKind::LoadName { local, original } = tree.kind(id) else { continue };
            if self.is_loaded_for_declarations(id) {
                continue;
            }
            let Some(definition) = file.scopes.resolve(id).map(|id| file.scopes.definition(id)) else {
                continue;
            };
            // A value bound over a loaded name is read by other rules; only what nobody reads is named.
            if !definition.uses.is_empty() || local.span.is_empty() {
                continue;
            }
            let message = format!("`{}` is loaded and not used", definition.name);
            let finding = Diagnostic::new(Code::UnusedLoad, tree.span(*original), message).label("not used");
            findings.push(self.without_load(finding, id));
        }
    }

    /// True when the file of a loaded name declares services or tests, or is not at hand to tell: the load may be there for
    /// their sake.
    fn is_loaded_for_declarations(&self, load_name: NodeId) -> bool {
        let (file, tree) = (self.snapshot.file, self.snapshot.tree());
        let load = tree.parent(load_name).map(|load| tree.kind(load));
        let Some(NodeKind::Load { path, .. }) = load else { return true };
        let Some(path) = tree.string_value(*path) else { return true };
        if path.starts_with('@') {
            return false;
        }
        let Some(loaded) = self.snapshot.loaded(file, path) else { return true };
        let tree = loaded.tree();
        tree.ids().any(|id| match tree.kind(id) {
            NodeKind::Call { callee, .. } => DECLARING.contains(&tree.text_of(*callee)),
            _ => false,
        })
    }

    /// Offers to remove the name, or the whole load when it is the only one.
    fn without_load(&self, mut finding: Diagnostic, load_name: NodeId) -> Diagnostic {
        let tree = self.snapshot.tree();
        let Some(load) = tree.parent(load_name) else { return finding };
        let NodeKind::Load { names, .. } = tree.kind(load) else { return finding };
        let span = match names.as_slice() {
            [_] => {
                let whole = tree.span(load);
                let newline = tree.text[whole.end as usize..].starts_with('\n');
                Span { end: whole.end + u32::from(newline), ..whole }
            }
            // With the comma before it; a path always stands in front.
            _ => {
                let own = tree.span(load_name);
                let before = tree.text[..own.start as usize].trim_end().trim_end_matches(',').trim_end();
                Span { start: before.len() as u32, ..own }
            }
        };
        let title = "remove the unused load".to_owned();
        finding.fixes.push(Fix { title, edits: vec![Edit { span, text: String::new() }] });
        finding
    }
}
