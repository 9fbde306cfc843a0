//! What functions are given and what they give back: values that pass between a call and a body.

use super::agreement::agreed;
use super::call_site::Written;
use super::infer::Inference;
use super::mentions::{self, Use};
use super::value::{Function, Value};
use super::{FileView, Snapshot};
use crate::syntax::{NodeId, NodeKind, ParamKind};
use std::collections::HashMap;

/// A parameter, with the function it belongs to.
struct Parameter<'a> {
    file: FileView<'a>,
    owner: NodeId,
    param: NodeId,
    /// Its place among the parameters.
    index: usize,
    /// True when it can be given by position.
    by_position: bool,
}

impl<'a> Inference<'a> {
    /// What a function gives back: a lambda's body, or the last `return` with a value; all when they must agree.
    pub(super) fn returned(&self, function: Function<'a>) -> Value<'a> {
        let tree = function.file.tree();
        let body = match tree.kind(function.node) {
            NodeKind::Lambda { body, .. } => return self.value(function.file, *body),
            NodeKind::Def { body, .. } => *body,
            _ => return Value::Unknown,
        };
        let own = |id: NodeId| {
            let mut above = tree.ancestors(id);
            let owner =
                above.find(|&at| matches!(tree.kind(at), NodeKind::Def { .. } | NodeKind::Lambda { .. }));
            owner == Some(function.node)
        };
        let mut returns = tree.descendants(body).rev().filter_map(|id| match tree.kind(id) {
            NodeKind::Return { value: Some(value) } if own(id) => Some(self.value(function.file, *value)),
            _ => None,
        });
        if !self.is_strict {
            return returns.next().unwrap_or(Value::None);
        }
        let asked = (function.file.path, function.node, true, self.do_calls_tell.get());
        self.remembered(asked, || {
            let mut returns = returns.peekable();
            if returns.peek().is_none() { Value::None } else { agreed(returns) }
        })
    }

    /// What a parameter is given: by the call that uses the function as an expectation, or by any other call; by all of
    /// them when they must agree.
    pub(super) fn parameter(&self, file: FileView<'a>, param: NodeId) -> Value<'a> {
        let Some(parameter) = Parameter::of(file, param) else { return Value::Unknown };
        let mentions =
            mentions::of_function(file, parameter.owner).into_iter().map(|mention| (file, mention));
        if self.is_strict {
            if !self.do_calls_tell.get() {
                return Value::Unknown;
            }
            let elsewhere = self.mentions_elsewhere(&parameter);
            return agreed(mentions.chain(elsewhere).flat_map(|(file, mention)| {
                self.given(&parameter, file, mention).unwrap_or_else(|| vec![Value::Unknown])
            }));
        }
        let mut given = mentions.filter_map(|(file, mention)| self.guessed(&parameter, file, mention));
        given.next().unwrap_or(Value::Unknown)
    }

    /// What one mention of the function gives the parameter, as far as it looks like it.
    fn guessed(&self, parameter: &Parameter<'a>, file: FileView<'a>, mention: NodeId) -> Option<Value<'a>> {
        match mentions::use_of(file.tree(), mention) {
            Use::Called { call } => {
                let given = Written::of(file.tree(), call).positional.get(parameter.index).copied()?;
                Some(self.value(file, given))
            }
            Use::Expects { scenarios, .. } if parameter.index == 0 => {
                match self.value(file, *scenarios.first()?) {
                    Value::Function(scenario) => Some(self.returned(scenario)),
                    _ => None,
                }
            }
            Use::Expects { .. } | Use::Other => None,
        }
    }

    /// Every value that one mention of the function gives the parameter; `None` when that is not known.
    fn given(
        &self,
        parameter: &Parameter<'a>,
        file: FileView<'a>,
        mention: NodeId,
    ) -> Option<Vec<Value<'a>>> {
        match mentions::use_of(file.tree(), mention) {
            Use::Called { call } => {
                let written = Written::of(file.tree(), call);
                if written.has_args || written.has_kwargs {
                    return None;
                }
                let by_position = written.positional.get(parameter.index).filter(|_| parameter.by_position);
                match by_position.copied().or_else(|| written.keyword(parameter.name()?)) {
                    Some(given) => Some(vec![self.value(file, given)]),
                    None => Some(vec![self.value(parameter.file, parameter.default()?)]),
                }
            }
            Use::Expects { scenarios, is_certain: true } if parameter.index == 0 => {
                let result = |&scenario: &NodeId| match self.value(file, scenario) {
                    Value::Function(scenario) => self.returned(scenario),
                    _ => Value::Unknown,
                };
                Some(scenarios.iter().map(result).collect())
            }
            Use::Expects { .. } | Use::Other => None,
        }
    }

    /// Mentions of the function in files that load it.
    fn mentions_elsewhere(&self, parameter: &Parameter<'a>) -> Vec<(FileView<'a>, NodeId)> {
        let own = parameter.file;
        let Some(id) = own.scopes.resolve(parameter.owner) else { return Vec::new() };
        let importers = self.importers.get_or_init(|| Importers::of(&self.snapshot));
        let mut found = Vec::new();
        for &(file, load_name) in importers.of_name(&own.scopes.definition(id).name) {
            if super::definition::loaded_definition(self.snapshot, file, load_name)
                .is_some_and(|(other, loaded)| other.path == own.path && loaded == id)
                && let Some(local) = file.scopes.resolve(load_name)
            {
                let uses = &file.scopes.definition(local).uses;
                found.extend(uses.iter().map(|&mention| (file, mention)));
            }
        }
        found
    }
}

/// Every name that a file loads, by the name it has where it is made.
pub(super) struct Importers<'a> {
    by_name: HashMap<&'a str, Vec<(FileView<'a>, NodeId)>>,
}

impl<'a> Importers<'a> {
    fn of(snapshot: &Snapshot<'a>) -> Importers<'a> {
        let mut by_name: HashMap<&str, Vec<_>> = HashMap::new();
        for file in snapshot.files() {
            let tree = file.tree();
            let loads = tree.statements().iter().filter_map(|&statement| match tree.kind(statement) {
                NodeKind::Load { names, .. } => Some(names),
                _ => None,
            });
            for &load_name in loads.flatten() {
                if let NodeKind::LoadName { original, .. } = tree.kind(load_name)
                    && let Some(name) = tree.string_value(*original)
                {
                    by_name.entry(name).or_default().push((file, load_name));
                }
            }
        }
        Importers { by_name }
    }

    fn of_name(&self, name: &str) -> &[(FileView<'a>, NodeId)] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }
}

impl<'a> Parameter<'a> {
    fn of(file: FileView<'a>, param: NodeId) -> Option<Parameter<'a>> {
        let tree = file.tree();
        let owner = tree.parent(param)?;
        let (NodeKind::Def { params, .. } | NodeKind::Lambda { params, .. }) = tree.kind(owner) else {
            return None;
        };
        let index = params.iter().position(|&at| at == param)?;
        let is_plain = |&at: &NodeId| matches!(tree.kind(at), NodeKind::Param { kind: ParamKind::Plain, .. });
        let by_position = params.iter().take(index + 1).all(is_plain);
        Some(Parameter { file, owner, param, index, by_position })
    }

    /// Its name, when one argument can give it.
    fn name(&self) -> Option<&'a str> {
        let tree = self.file.tree();
        match tree.kind(self.param) {
            NodeKind::Param { kind: ParamKind::Plain, name, .. } => Some(tree.str(name.span)),
            _ => None,
        }
    }

    fn default(&self) -> Option<NodeId> {
        match self.file.tree().kind(self.param) {
            NodeKind::Param { default, .. } => *default,
            _ => None,
        }
    }
}
