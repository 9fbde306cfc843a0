//! Rules and faults meet their target: messages of an interface, syscalls of a service.

use super::arguments::extra;
use super::{Checker, literal};
use crate::diagnostic::Diagnostic;
use crate::ide::call_site::Written;
use crate::ide::callable;
use crate::ide::declarations::items;
use crate::ide::value::{ServiceShape, Value};
use crate::model::{ActionKind, ActionSpec, Protocol, Schema, syscall};
use crate::spec::asked::{Asked, AskedPath, service_as_peer};
use crate::spec::registry::{Builtin, Keywords};
use crate::spec::shape::Signature;
use crate::spec::target::{self, Literal};
use crate::spec::wording;
use crate::syntax::{NodeId, NodeKind};
use crate::text::Span;
use std::rc::Rc;

impl Checker<'_> {
    pub(super) fn layers(
        &self,
        builtin: &'static Builtin,
        call: NodeId,
        written: &Written,
        findings: &mut Vec<Diagnostic>,
    ) {
        match builtin.keywords {
            Keywords::Rule(action) => self.rule(builtin, action, call, written, findings),
            Keywords::Syscalls => self.bundle(builtin, written, findings),
            Keywords::Closed | Keywords::Open => {}
        }
    }

    /// A rule whose interface is known: its action and its matchers must be the protocol's.
    fn rule(
        &self,
        builtin: &'static Builtin,
        action: ActionKind,
        call: NodeId,
        written: &Written,
        findings: &mut Vec<Diagnostic>,
    ) {
        let schema = callable::target_schema(&self.inference, call);
        let Some(schema) = schema.or_else(|| only_schema(action, builtin, written)) else { return };
        let Some(spec) = schema.actions.iter().find(|spec| spec.kind == action) else {
            findings.push(wording::unsupported_action(action, self.snapshot.tree().span(call), schema));
            return;
        };
        let words: Vec<&str> = crate::spec::shape::rule_words(action).collect();
        let before = findings.len();
        for (word, span, _) in extra(builtin, written) {
            let is_field =
                schema.fields.iter().any(|field| field.name == word || field.aliases.contains(&word));
            let is_param = spec.params.iter().any(|param| param.name == word);
            // A word no protocol has was reported with the arguments.
            if !is_field && !is_param && words.contains(&word) {
                findings.push(wording::unsupported_field(word, span, spec, schema));
            }
        }
        if findings.len() == before {
            findings.extend(self.literals(builtin, spec, schema, call, written));
        }
    }

    /// What the loader will say about the values that the text shows.
    fn literals(
        &self,
        builtin: &'static Builtin,
        spec: &ActionSpec,
        schema: &'static Schema,
        call: NodeId,
        written: &Written,
    ) -> Vec<Diagnostic> {
        let tree = self.snapshot.tree();
        let is_known = |word: &str| has_word(schema, spec, word);
        let mut complete = !written.has_kwargs;
        let mut literals = Vec::new();
        for (word, name_span, value) in extra(builtin, written) {
            match literal::data(self.snapshot.file, value).filter(|_| is_known(word)) {
                Some(data) => {
                    let name = word.to_owned();
                    literals.push(Literal { name, name_span, value: data, span: tree.span(value) });
                }
                None => complete = false,
            }
        }
        target::literals(tree.span(call), spec, schema, literals, complete)
    }

    /// A call that gives rules and faults to a target.
    fn bundle(&self, builtin: &'static Builtin, written: &Written, findings: &mut Vec<Diagnostic>) {
        let tree = self.snapshot.tree();
        let target = callable::target_of(&self.inference, builtin, written);
        let target_span = written.parameter(builtin.params, "target").map(|node| tree.span(node));
        let rules_keyword =
            written.keywords.iter().find(|(_, word, _)| word == "rules").map(|(name, ..)| name.span);
        let positional = written.positional.iter().skip(builtin.positional).copied();
        let given = positional.chain(written.keyword("rules"));
        for rule in given.flat_map(|node| self.flattened(node)) {
            match self.inference.of(rule) {
                _ if self.is_unfinished(self.made_by(rule)) => {}
                Value::Fault => findings.push(self.fault_among_rules(rule)),
                Value::Rule => {
                    let on_service = target.as_ref().filter(|(_, interface)| interface.is_none());
                    if let (Some((shape, _)), Some(target_span)) = (on_service, target_span) {
                        let first = shape.interfaces.first().map(|interface| interface.name.as_str());
                        let span = rules_keyword.unwrap_or(tree.span(rule));
                        findings.push(wording::rules_need_interface(&shape.name, first, span, target_span));
                    }
                }
                _ => {}
            }
        }
        let service = target.map(|(shape, _)| shape).filter(|shape| shape.has_all_operations);
        for (word, span, value) in extra(builtin, written) {
            match self.inference.of(value) {
                Value::Rule => findings.push(self.rule_as_fault(word, value)),
                Value::Fault => {
                    let unknown = unknown_word(builtin, service.as_ref(), word, span, &Value::Fault);
                    findings.extend(unknown.or_else(|| self.asked(service.as_deref(), word, value)));
                }
                value => findings.extend(unknown_word(builtin, service.as_ref(), word, span, &value)),
            }
        }
    }

    /// A rule, or the rules of a list written here.
    fn flattened(&self, node: NodeId) -> Vec<NodeId> {
        match self.snapshot.tree().kind(node) {
            NodeKind::List { .. } | NodeKind::Tuple { .. } => items(self.snapshot.tree(), node).to_vec(),
            _ => vec![node],
        }
    }

    /// `deny(...)` where a rule belongs. The finding is at the call that made it, which may stand elsewhere.
    fn fault_among_rules(&self, fault: NodeId) -> Diagnostic {
        let tree = self.snapshot.tree();
        let made = self.made_by(fault);
        let written = self.written(made);
        let is_delay =
            matches!(tree.kind(made), NodeKind::Call { callee, .. } if tree.text_of(*callee) == "delay");
        let duration = written.positional.first().filter(|_| is_delay);
        wording::fault_among_rules(tree.span(made), duration.map(|&node| tree.span(node)))
    }

    fn rule_as_fault(&self, word: &str, rule: NodeId) -> Diagnostic {
        let tree = self.snapshot.tree();
        let made = self.made_by(rule);
        let keyword = match tree.kind(made) {
            NodeKind::Call { callee, args, .. } if tree.text_of(*callee) == "delay" && args.len() == 1 => {
                let arg = tree.span(args[0]);
                let value = self.written(made).keyword("delay").map(|value| tree.span(value));
                value.map(|value| Span { end: value.start, ..arg })
            }
            _ => None,
        };
        wording::rule_as_fault(word, tree.span(made), keyword)
    }

    /// What is wrong with a fault under its keyword, as far as its call shows.
    fn asked(&self, service: Option<&ServiceShape>, word: &str, fault: NodeId) -> Option<Diagnostic> {
        let tree = self.snapshot.tree();
        let is_operation = service?.operations.iter().any(|name| name == word);
        let calls = syscall::resolve(word).filter(|_| !is_operation)?;
        let made = self.made_by(fault);
        let written = self.written(made);
        if let (Some(to), NodeKind::Call { callee, .. }) = (written.keyword("to"), tree.kind(made))
            && matches!(self.inference.of(to), Value::Service(_))
        {
            return Some(service_as_peer(tree.text_of(*callee), tree.span(to)));
        }
        let named = |name: &str| written.keywords.iter().find(|(_, word, _)| word == name);
        let path = named("path").and_then(|(name, _, value)| {
            let (glob, span) =
                (tree.string_value(*value).filter(|glob| !glob.is_empty())?, tree.span(*value));
            Some(AskedPath { glob, span, argument: Span { start: name.span.start, ..span } })
        });
        let peer = ["to", "port"].into_iter().find_map(|word| Some((word, named(word)?.0.span)));
        Asked { word, calls: &calls, path, has_own_path: false, peer }.finding()
    }

    /// The call behind a name of this file.
    fn made_by(&self, node: NodeId) -> NodeId {
        let file = self.snapshot.file;
        let binding = file.scopes.resolve(node).and_then(|id| file.scopes.definition(id).bindings.last());
        let assigned = binding.and_then(|binding| file.tree().parent(binding.node));
        match assigned.map(|assigned| file.tree().kind(assigned)) {
            Some(NodeKind::Assign { value, .. }) => *value,
            _ => node,
        }
    }
}

/// True when a rule with the action may have the word.
fn has_word(schema: &Schema, spec: &ActionSpec, word: &str) -> bool {
    let is_field = schema.fields.iter().any(|field| field.name == word || field.aliases.contains(&word));
    is_field || spec.params.iter().any(|param| param.name == word)
}

/// The protocol of a rule whose interface is not known: the only one that has the action and every word.
fn only_schema(action: ActionKind, builtin: &'static Builtin, written: &Written) -> Option<&'static Schema> {
    let fits = |schema: &&'static Schema| {
        let spec = schema.actions.iter().find(|spec| spec.kind == action);
        spec.is_some_and(|spec| extra(builtin, written).all(|(word, ..)| has_word(schema, spec, word)))
    };
    let mut schemas = Protocol::ALL.iter().map(|&protocol| crate::protocol::schema(protocol)).filter(fits);
    schemas.next().filter(|_| schemas.next().is_none())
}

/// A keyword that is no syscall, family or operation of the service.
fn unknown_word(
    builtin: &'static Builtin,
    service: Option<&Rc<ServiceShape>>,
    word: &str,
    span: Span,
    value: &Value<'_>,
) -> Option<Diagnostic> {
    let shape = service?;
    let operations: Vec<&str> = shape.operations.iter().map(String::as_str).collect();
    let known = operations.contains(&word)
        || syscall::resolve(word).is_some()
        || syscall::untrappable(word).is_some();
    if known {
        return None;
    }
    Some(match value {
        Value::Fault => wording::unknown_syscall(word, span, &shape.name, &operations),
        _ => wording::stray_word(&Signature::from(builtin), word, span, &shape.name, &operations),
    })
}
