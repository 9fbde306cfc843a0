//! Names in scope and builtins.

use super::expected::Expected;
use super::{CompletionKind, Ground, List, Rank};
use crate::ide::value::Value;
use crate::ide::{callable, signature, snippets, standard};
use crate::spec::registry::{self, Builtin, Context};
use crate::syntax::scope::{Definition, DefinitionKind};

impl Ground<'_> {
    /// Every name that code at the cursor can use; those of the wanted type first.
    pub(super) fn names(&self, list: &mut List, wanted: Option<&Expected>) {
        let file = self.snapshot.file;
        for id in file.scopes.visible_at(file.tree(), self.offset) {
            let definition = file.scopes.definition(id);
            // The word being typed is a binding of itself in a half-written assignment.
            let itself = definition.uses.is_empty()
                && definition.bindings.iter().all(|binding| binding.span == list.replace);
            if !itself {
                self.defined(list, definition, wanted);
            }
        }
        for builtin in registry::all() {
            if file.scopes.global(builtin.name).is_none() {
                self.builtin(list, builtin, wanted);
            }
        }
        for function in standard::FUNCTIONS {
            let (detail, doc) = (function.signature, function.doc);
            let insert = format!("{}($0)", function.name);
            list.add(Rank::Rare, CompletionKind::Function, function.name, (detail, doc), insert, true);
        }
    }

    fn defined(&self, list: &mut List, definition: &Definition, wanted: Option<&Expected>) {
        let value = self.inference.definition(self.snapshot.file, definition);
        let kind = match (&value, definition.kind) {
            (Value::Service(_), _) => CompletionKind::Service,
            (Value::Interface(..), _) => CompletionKind::Interface,
            (Value::Assumption(_), _) => CompletionKind::Assumption,
            (Value::Function(_), _) | (_, DefinitionKind::Function) => CompletionKind::Function,
            _ => CompletionKind::Variable,
        };
        let rank = match wanted {
            Some(wanted) if wanted.fits(&value) => Rank::Wanted,
            _ if definition.is_global => Rank::Global,
            _ => Rank::Local,
        };
        let detail = match &value {
            Value::Function(function) => signature::label(&callable::of_function(*function)),
            value => value.words().unwrap_or("").to_owned(),
        };
        list.plain(rank, kind, &definition.name, &detail, "");
    }

    fn builtin(&self, list: &mut List, builtin: &'static Builtin, wanted: Option<&Expected>) {
        let fits = wanted.is_some_and(|wanted| wanted.made_by(builtin));
        let rank = match (fits, wanted.is_none() && builtin.snippet) {
            (true, _) => Rank::Likely,
            (false, true) if builtin.context != Context::Both => Rank::Snippet,
            _ => Rank::Builtin,
        };
        let (insert, is_snippet) = snippets::of(builtin, wanted.is_none());
        let detail = signature::label(&callable::of_builtin(builtin));
        list.add(rank, CompletionKind::Builtin, builtin.name, (&detail, builtin.doc), insert, is_snippet);
    }
}
