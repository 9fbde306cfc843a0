//! Calls of builtins and steps: where they stand, which arguments they have, what literals say.

use super::{Checker, site};
use crate::diagnostic::Diagnostic;
use crate::ide::call_site::{self, Written};
use crate::ide::value::Value;
use crate::model::{Domain, Protocol};
use crate::protocol::http::schema::answer::check_header;
use crate::spec::builtins::{self, steps, topology};
use crate::spec::outline::{ArgKind, ArgSite, CallSite, ExprShape};
use crate::spec::registry::{Builtin, Context, Keywords};
use crate::spec::shape::{self, Fault, Signature, Slot};
use crate::spec::{bodies, target, wording};
use crate::syntax::{NodeId, NodeKind};

impl Checker<'_> {
    pub(super) fn call(&self, call: NodeId, findings: &mut Vec<Diagnostic>) {
        let tree = self.snapshot.tree();
        let NodeKind::Call { callee, close, .. } = tree.kind(call) else { return };
        match self.inference.of(*callee) {
            Value::Builtin(builtin) => {
                let written = self.written(call);
                let builtin = call_site::form(builtin, &written);
                if self.misplaced(builtin, call, findings) || self.is_unfinished(call) {
                    return;
                }
                self.arguments(Signature::from(builtin), call, close.is_some(), findings);
                self.handed(builtin, call, findings);
                self.layers(builtin, call, &written, findings);
            }
            Value::Step(shape, at, step) => {
                let name = format!("{}.{}.{}", shape.name, shape.interfaces[at].name, step.name);
                if self.is_at_top_level(call) {
                    findings.push(builtins::only_in_test(&name, tree.span(call)));
                    return;
                }
                self.arguments(steps::signature(&name, step.params), call, close.is_some(), findings);
            }
            _ => {}
        }
    }

    /// True for a delay whose arguments by position are names that nothing defines: keywords somebody begins to type. Which
    /// form they will make is not known.
    pub(super) fn is_unfinished(&self, call: NodeId) -> bool {
        let (file, tree) = (self.snapshot.file, self.snapshot.tree());
        let NodeKind::Call { callee, .. } = tree.kind(call) else { return false };
        let given = self.written(call).positional;
        let is_unknown = |&value: &NodeId| {
            call_site::is_name(tree, value)
                && file.scopes.resolve(value).is_none()
                && !super::names::is_known(tree.text_of(value))
        };
        tree.text_of(*callee) == "delay" && !given.is_empty() && given.iter().all(is_unknown)
    }

    fn misplaced(&self, builtin: &Builtin, call: NodeId, findings: &mut Vec<Diagnostic>) -> bool {
        let tree = self.snapshot.tree();
        let top = self.is_at_top_level(call);
        let finding = match builtin.context {
            Context::Body if top => builtins::only_in_test(builtin.name, tree.span(call)),
            Context::Load if self.is_in_test(call) => builtins::only_at_load(builtin.name, tree.span(call)),
            _ => return false,
        };
        findings.push(finding);
        true
    }

    /// True directly in a `def test_*` of the top level, which only ever runs as a test.
    fn is_in_test(&self, call: NodeId) -> bool {
        let tree = self.snapshot.tree();
        let mut functions =
            tree.ancestors(call).filter(|&above| matches!(tree.kind(above), NodeKind::Def { .. }));
        let (Some(inner), None) = (functions.next(), functions.next()) else { return false };
        tree.name_of(inner).is_some_and(|name| tree.str(name).starts_with("test_"))
    }

    /// Number, names and literal values. What is missing is said once the call is closed.
    fn arguments(
        &self,
        signature: Signature<'_>,
        call: NodeId,
        is_closed: bool,
        findings: &mut Vec<Diagnostic>,
    ) {
        let Some(site) = site::of(self.snapshot.tree(), call) else { return };
        if site.args.iter().any(|arg| matches!(arg.kind, ArgKind::Spread | ArgKind::SpreadNamed)) {
            return;
        }
        let named = |arg: &ArgSite| match &arg.kind {
            ArgKind::Named(name, _) => Some(name.clone()),
            _ => None,
        };
        let names: Vec<String> = site.args.iter().filter_map(named).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let positional: Vec<&ArgSite> =
            site.args.iter().filter(|arg| arg.kind == ArgKind::Positional).collect();
        let shape = shape::bind(&signature, positional.len(), &names);
        let faults = shape.faults.iter().filter(|fault| is_closed || !matches!(fault, Fault::Missing { .. }));
        findings.extend(faults.map(|fault| shape::finding(&signature, fault, site.span, Some(&site))));
        let keywords = site.args.iter().filter(|arg| matches!(arg.kind, ArgKind::Named(..)));
        let slots = shape.positional.iter().chain(&shape.named);
        for (arg, slot) in positional.into_iter().chain(keywords).zip(slots) {
            match slot {
                Slot::Param(at) => {
                    let param = &signature.params[*at];
                    findings.extend(
                        bodies::literal(signature.name, param, arg).or_else(|| protocol(param.domain, arg)),
                    );
                    if param.domain == Domain::Header {
                        self.headers(arg, call, findings);
                    }
                }
                Slot::Extra => findings.extend(stray(&signature, arg, &site)),
                Slot::Rest | Slot::Nowhere => {}
            }
        }
    }
}

impl Checker<'_> {
    /// Headers that a request cannot have.
    fn headers(&self, arg: &ArgSite, call: NodeId, findings: &mut Vec<Diagnostic>) {
        let tree = self.snapshot.tree();
        let written = self.written(call);
        let values =
            written.positional.iter().copied().chain(written.keywords.iter().map(|(.., value)| *value));
        for dict in values.filter(|&value| tree.span(value) == arg.value.span) {
            let NodeKind::Dict { entries } = tree.kind(dict) else { continue };
            for &entry in entries {
                let NodeKind::DictEntry { key, value } = tree.kind(entry) else { continue };
                let texts = tree.string_value(*key).zip(tree.string_value(*value));
                if let Some(Err(objection)) = texts.map(|(name, value)| check_header(name, value)) {
                    findings.push(target::objected(objection, tree.span(*value)));
                }
            }
        }
    }
}

/// A text that names no protocol.
fn protocol(domain: Domain, arg: &ArgSite) -> Option<Diagnostic> {
    match (&arg.value.shape, domain) {
        (ExprShape::Str(text), Domain::Protocol) if Protocol::from_name(text).is_none() => {
            Some(wording::unknown_protocol(text, arg.value.span))
        }
        _ => None,
    }
}

/// A keyword of `service(...)` that it does not take.
fn stray(signature: &Signature<'_>, arg: &ArgSite, site: &CallSite) -> Option<Diagnostic> {
    match &arg.kind {
        ArgKind::Named(word, span) if signature.keywords == Keywords::Open && signature.name == "service" => {
            Some(topology::stray_keyword(signature, word.clone(), *span, site.span, Some(site)))
        }
        _ => None,
    }
}

/// What a call gives by keyword outside its parameters: the word, its place, the value.
pub(super) fn extra<'w>(
    builtin: &'static Builtin,
    written: &'w Written,
) -> impl Iterator<Item = (&'w str, crate::text::Span, NodeId)> {
    let is_extra = |word: &str| builtin.params.iter().all(|param| param.name != word);
    let keywords = written.keywords.iter().filter(move |(_, word, _)| is_extra(word));
    keywords.map(|(name, word, value)| (word.as_str(), name.span, *value))
}
