//! Functions that are called where they should be handed over: `scenario(health())`.

use super::Checker;
use crate::diagnostic::Diagnostic;
use crate::ide::declarations::items;
use crate::ide::value::Value;
use crate::model::ParamType;
use crate::spec::handed::is_list_of_functions;
use crate::spec::registry::{Builtin, Rest};
use crate::spec::wording;
use crate::syntax::{NodeId, NodeKind};

impl Checker<'_> {
    pub(super) fn handed(&self, builtin: &'static Builtin, call: NodeId, findings: &mut Vec<Diagnostic>) {
        let tree = self.snapshot.tree();
        let written = self.written(call);
        let mut given: Vec<NodeId> = Vec::new();
        for (at, param) in builtin.params.iter().enumerate() {
            let by_position = written.positional.get(at).filter(|_| at < builtin.positional).copied();
            let Some(value) = written.keyword(param.name).or(by_position) else { continue };
            if param.ty == ParamType::Callable {
                given.push(value);
            } else if is_list_of_functions(param) {
                given.extend(items(tree, value));
            }
        }
        if matches!(builtin.rest, Rest::Many(_, ParamType::Callable)) {
            given.extend(written.positional.iter().skip(builtin.positional));
        }
        findings.extend(given.into_iter().filter_map(|value| self.result(value)));
    }

    /// A call of a function of the spec that surely gives back no function.
    fn result(&self, value: NodeId) -> Option<Diagnostic> {
        let tree = self.snapshot.tree();
        let NodeKind::Call { callee, args, .. } = tree.kind(value) else { return None };
        let is_name = matches!(tree.kind(*callee), NodeKind::Name);
        let Value::Function(_) = self.inference.of(*callee) else { return None };
        // What has a name in messages is known; `None` is what a function without `return` gives back.
        let gives = self.inference.of(value);
        let is_function = matches!(gives, Value::Function(_) | Value::Builtin(_) | Value::Step(..));
        let is_known = gives.words().is_some() && !is_function && is_name;
        is_known
            .then(|| wording::result_not_function(tree.text_of(*callee), tree.span(value), args.is_empty()))
    }
}
