//! Names in scope and builtins.

use super::expected::Expected;
use super::{CompletionKind, Ground, List, Rank};
use crate::ide::mentions::{self, Use};
use crate::ide::value::Value;
use crate::ide::{callable, signature, snippets, standard};
use crate::spec::registry::{self, Builtin, Context, Group};
use crate::syntax::NodeKind;
use crate::syntax::scope::{Definition, DefinitionKind};

/// How far all names in scope together may lead; the 2,100 of a spec of 5,000 lines take some 7,000.
const BUDGET: u32 = 40_000;

impl<'a> Ground<'a> {
    /// Every name that code at the cursor can use; those of the wanted type first.
    pub(super) fn names(&self, list: &mut List, wanted: Option<&Expected>) {
        let file = self.snapshot.file;
        let judging = wanted.is_none() && self.is_body_of_expectation(list.replace.start);
        let mut budget = BUDGET;
        for id in file.scopes.visible_at(file.tree(), self.offset) {
            let definition = file.scopes.definition(id);
            // The word being typed is a binding of itself in a half-written assignment.
            let itself = definition.uses.is_empty()
                && definition.bindings.iter().all(|binding| binding.span == list.replace);
            if !itself && !self.is_being_assigned(definition) {
                let rank = match definition.kind {
                    DefinitionKind::Parameter if judging => Rank::Wanted,
                    _ if definition.is_global => Rank::Global,
                    _ => Rank::Local,
                };
                let value = self.inference.one_of_many(definition, &mut budget);
                self.defined(list, definition, value, rank, wanted);
            }
        }
        for builtin in registry::all() {
            let is_hidden = file.scopes.global(builtin.name).is_some();
            if !is_hidden && !wanted.is_some_and(|wanted| wanted.excludes(builtin)) {
                self.builtin(list, builtin, wanted, judging);
            }
        }
        for function in standard::FUNCTIONS {
            let (detail, doc) = (function.signature, function.doc);
            let insert = format!("{}($0)", function.name);
            list.add(Rank::Rare, CompletionKind::Function, function.name, (detail, doc), insert, true);
        }
    }

    /// True directly in the body of a lambda that judges what a scenario returned.
    fn is_body_of_expectation(&self, start: u32) -> bool {
        let tree = self.snapshot.tree();
        let code = tree.text.get(..start as usize).unwrap_or("").trim_end().len() as u32;
        let node = tree.covering(code.saturating_sub(1), code);
        let inner = std::iter::once(node).chain(tree.ancestors(node)).find(|&id| {
            matches!(tree.kind(id), NodeKind::Lambda { .. } | NodeKind::Call { .. } | NodeKind::Def { .. })
        });
        inner.is_some_and(|id| {
            let is_lambda = matches!(tree.kind(id), NodeKind::Lambda { .. });
            is_lambda && matches!(mentions::use_of(tree, id), Use::Expects { .. })
        })
    }

    /// True for a name whose first value is what is being typed: it does not exist yet.
    fn is_being_assigned(&self, definition: &Definition) -> bool {
        let tree = self.snapshot.tree();
        let [binding] = definition.bindings.as_slice() else { return false };
        match tree.parent(binding.node).map(|parent| tree.kind(parent)) {
            Some(NodeKind::Assign { target, value, .. }) => {
                *target == binding.node && tree.span(*value).touches(self.offset)
            }
            _ => false,
        }
    }

    fn defined(
        &self,
        list: &mut List,
        definition: &Definition,
        value: Value<'a>,
        rank: Rank,
        wanted: Option<&Expected>,
    ) {
        let kind = match (&value, definition.kind) {
            (Value::Service(_), _) => CompletionKind::Service,
            (Value::Interface(..), _) => CompletionKind::Interface,
            (Value::Assumption(_), _) => CompletionKind::Assumption,
            (Value::Function(_), _) | (_, DefinitionKind::Function) => CompletionKind::Function,
            _ => CompletionKind::Variable,
        };
        let rank = match wanted {
            Some(wanted) if wanted.fits(&value) => Rank::Wanted,
            _ => rank,
        };
        let detail = match &value {
            Value::Function(function) => signature::label(&callable::of_function(*function)),
            value => value.words().unwrap_or("").to_owned(),
        };
        list.plain(rank, kind, &definition.name, &detail, "");
    }

    fn builtin(&self, list: &mut List, builtin: &'static Builtin, wanted: Option<&Expected>, judging: bool) {
        let asserts = builtin.group == Group::Assertions && builtin.returns == "None";
        let fits = judging && asserts || wanted.is_some_and(|wanted| wanted.made_by(builtin));
        let first = wanted.is_some_and(|wanted| wanted.is_first(builtin));
        let rank = match (fits, wanted.is_none() && builtin.snippet) {
            (true, _) if first => Rank::Wanted,
            (true, _) => Rank::Likely,
            (false, true) if builtin.context != Context::Both => Rank::Snippet,
            _ => Rank::Builtin,
        };
        let (insert, is_snippet) =
            wanted.map_or_else(|| snippets::of(builtin, true), |wanted| wanted.snippet(builtin));
        let detail = signature::label(&callable::of_builtin(builtin));
        list.add(rank, CompletionKind::Builtin, builtin.name, (&detail, builtin.doc), insert, is_snippet);
    }
}
