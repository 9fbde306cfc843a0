//! Findings the text alone shows, at once and also in broken files: names, arguments, literals, layers, attributes.
//!
//! Codes and texts are the loader's own: both call the same functions of `spec`. What needs values, such as two
//! services on one port, is left to the evaluation.

mod arguments;
mod attributes;
mod handed;
mod layers;
mod literal;
mod missing_load;
mod names;
mod site;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod valid_tests;

use super::Snapshot;
use super::call_site::Written;
use super::declarations::is_function;
use super::infer::Inference;
use crate::diagnostic::Diagnostic;
use crate::syntax::{NodeId, NodeKind};
use std::cell::OnceCell;

/// Most findings worth showing of one file.
const MAX_FINDINGS: usize = 500;

/// Every finding about the file, in the order of the text.
pub fn check(snapshot: &Snapshot<'_>) -> Vec<Diagnostic> {
    let inference = Inference::strict(*snapshot);
    let checker = Checker { snapshot: *snapshot, inference, asked: OnceCell::new() };
    let mut findings = Vec::new();
    checker.names(&mut findings);
    checker.loads(&mut findings);
    let tree = snapshot.tree();
    for id in tree.ids() {
        match tree.kind(id) {
            NodeKind::Call { .. } => checker.call(id, &mut findings),
            NodeKind::Attribute { object, name } => checker.attribute(*object, name.span, &mut findings),
            _ => {}
        }
        if findings.len() > MAX_FINDINGS {
            break;
        }
    }
    findings.sort_by(|a, b| {
        let key = |finding: &Diagnostic| (finding.primary.span.start, finding.primary.span.end, finding.code);
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
    findings.dedup_by(|a, b| a.code == b.code && a.primary.span == b.primary.span && a.message == b.message);
    findings.truncate(MAX_FINDINGS);
    findings
}

struct Checker<'a> {
    snapshot: Snapshot<'a>,
    inference: Inference<'a>,
    /// Found out when the first attribute is not there.
    asked: OnceCell<attributes::Asked>,
}

impl Checker<'_> {
    fn written(&self, call: NodeId) -> Written {
        Written::of(self.snapshot.tree(), call)
    }

    /// True for code that runs while the spec loads.
    fn is_at_top_level(&self, node: NodeId) -> bool {
        let tree = self.snapshot.tree();
        !tree.ancestors(node).any(|above| is_function(tree, above))
    }
}
