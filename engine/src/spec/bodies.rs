//! What the text of functions will get wrong, found before anything runs.
//!
//! Bodies run only in a test, and a slip in one should not wait for that: calls of builtins and steps are checked
//! against the registry and the protocols' schemas as far as the text shows them. What it does not show is left to
//! the run.

use super::asked::{Asked, AskedPath, service_as_peer};
use super::builtins::steps;
use super::builtins::{only_at_load, syscalls};
use super::bundle;
use super::call::{bad_duration, mended};
use super::load::Modules;
use super::outline::{ArgKind, ArgSite, CallSite, Callee, ExprShape, Outline};
use super::registry::{self, Context, Keywords};
use super::session::Written;
use super::shape::{self, Signature, Slot};
use super::values::{InterfaceRef, ServiceValue, StepMethod};
use super::wording;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::errno::Errno;
use crate::model::syscall::CallShape;
use crate::model::{Domain, Param, ParamType, Service, parse_duration, syscall};
use crate::text::Span;
use starlark::environment::FrozenModule;
use starlark::values::{OwnedFrozenValue, StarlarkValue};
use std::sync::Arc;

/// Findings about every call the text shows, in all files.
pub(super) fn check(written: &Written, modules: &Modules) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (file, module) in &modules.list {
        let outline = written.outline(*file);
        let reader = Reader { outline, module: module.as_ref(), findings: &mut findings };
        reader.check();
    }
    findings
}

struct Reader<'r> {
    outline: &'r Outline,
    module: Option<&'r FrozenModule>,
    findings: &'r mut Vec<Diagnostic>,
}

/// What a dotted name stands for.
enum Thing {
    Service(Arc<Service>),
    Interface(InterfaceRef),
    Step(StepMethod),
    /// An address or a name.
    Plain,
}

impl Reader<'_> {
    fn check(mut self) {
        let outline = self.outline;
        for site in outline.calls.values() {
            match &site.callee {
                Callee::Name(name) if !outline.bound.contains(name) => self.builtin(name, site),
                Callee::Path(names, span) => self.step(names, *span, site),
                Callee::Name(_) | Callee::Other => {}
            }
        }
    }

    fn builtin(&mut self, name: &str, site: &CallSite) {
        let named = |word: &str| site.args.iter().any(|arg| is_named(arg, word));
        let by_position =
            site.args.iter().any(|arg| matches!(arg.kind, ArgKind::Positional | ArgKind::Spread));
        let mut forms = registry::all().filter(|builtin| builtin.name == name);
        let rule_form = |builtin: &&registry::Builtin| matches!(builtin.keywords, Keywords::Rule(_));
        let builtin = if name == "delay" && !by_position && !named("duration") {
            forms.find(rule_form)
        } else {
            forms.find(|builtin| name != "delay" || !rule_form(builtin))
        };
        let Some(builtin) = builtin else { return };
        if builtin.context == Context::Load && self.is_in_test(site) {
            self.findings.push(only_at_load(name, site.span));
            return;
        }
        let signature = Signature::from(builtin);
        self.arguments(&signature, site);
        if builtin.keywords == Keywords::Syscalls && builtin.context == Context::Body {
            self.syscalls(&signature, site);
        }
    }

    /// True directly in a `def test_*`, which only ever runs as a test.
    fn is_in_test(&self, site: &CallSite) -> bool {
        let function = site.function.and_then(|at| self.outline.functions.get(at));
        function.is_some_and(|function| function.inside.is_none() && function.name.starts_with("test_"))
    }

    fn step(&mut self, names: &[String], span: Span, site: &CallSite) {
        let Some(Thing::Step(method)) = self.resolve(names, Some(span)) else { return };
        let name = format!("{}.{}", method.endpoint, method.step.name);
        self.arguments(&steps::signature(&name, method.step.params), site);
    }

    /// What the names stand for. With `span`, the place of the whole, an attribute that does not exist is reported.
    fn resolve(&mut self, names: &[String], span: Option<Span>) -> Option<Thing> {
        let (first, rest) = names.split_first()?;
        if self.outline.local.contains(first) {
            return None;
        }
        let (owned, _) = self.module?.get_any_visibility(first).ok()?;
        let mut thing = thing(&owned)?;
        for (at, name) in rest.iter().enumerate() {
            let (next, known) = match &thing {
                Thing::Service(service) => of_service(service, name),
                Thing::Interface(interface) => of_interface(interface, name),
                Thing::Step(_) | Thing::Plain => return None,
            };
            if let (None, Some(span)) = (&next, span) {
                // Inner names end where the outer ones begin, each behind one dot when written without spaces.
                let behind: usize = rest[at + 1..].iter().map(|name| name.len() + 1).sum();
                let end = span.end - behind as u32;
                let place = Span { start: end - name.len() as u32, end, ..span };
                let kind = if matches!(thing, Thing::Service(_)) { "a service" } else { "an interface_ref" };
                self.findings.push(wording::no_attribute(kind, name, place, &known));
            }
            thing = next?;
        }
        Some(thing)
    }

    /// Number, names, and the literal values of a call's arguments.
    fn arguments(&mut self, signature: &Signature<'_>, site: &CallSite) {
        if site.args.iter().any(|arg| matches!(arg.kind, ArgKind::Spread | ArgKind::SpreadNamed)) {
            return;
        }
        let positional: Vec<&ArgSite> =
            site.args.iter().filter(|arg| arg.kind == ArgKind::Positional).collect();
        let named: Vec<(&str, &ArgSite)> = site
            .args
            .iter()
            .filter_map(|arg| match &arg.kind {
                ArgKind::Named(name, _) => Some((name.as_str(), arg)),
                ArgKind::Positional | ArgKind::Spread | ArgKind::SpreadNamed => None,
            })
            .collect();
        let names: Vec<&str> = named.iter().map(|(name, _)| *name).collect();
        let shape = shape::bind(signature, positional.len(), &names);
        for fault in &shape.faults {
            self.findings.push(shape::finding(signature, fault, site.span, Some(site)));
        }
        let args = positional.into_iter().chain(named.into_iter().map(|(_, arg)| arg));
        for (arg, slot) in args.zip(shape.positional.iter().chain(&shape.named)) {
            if let Slot::Param(at) = slot {
                self.findings.extend(literal(signature.name, &signature.params[*at], arg));
            }
        }
    }

    /// Keywords of a `fault(...)` on a service the text shows.
    fn syscalls(&mut self, signature: &Signature<'_>, site: &CallSite) {
        let names = match site.args.first().map(|arg| (&arg.kind, &arg.value.shape)) {
            Some((ArgKind::Positional, ExprShape::Name(name))) => vec![name.clone()],
            Some((ArgKind::Positional, ExprShape::Path(names))) => names.clone(),
            _ => return,
        };
        let service = match self.resolve(&names, None) {
            Some(Thing::Service(service)) => service,
            Some(Thing::Interface(interface)) => interface.service,
            Some(Thing::Step(_) | Thing::Plain) | None => return,
        };
        let params: Vec<&str> = signature.params.iter().map(|param| param.name).collect();
        for arg in &site.args {
            let ArgKind::Named(word, span) = &arg.kind else { continue };
            let is_operation = service.operations.iter().any(|operation| operation.name == *word);
            match syscall::resolve(word) {
                _ if params.contains(&word.as_str()) || is_operation => {}
                Some(calls) => self.findings.extend(self.asked(word, &calls, arg)),
                None => self.findings.push(bundle::stray_word(signature, word, *span, &service)),
            }
        }
    }
}

impl Reader<'_> {
    /// What is wrong with a fault written as the value of its keyword: `connect=deny(...)`.
    fn asked(&self, word: &str, calls: &[CallShape], arg: &ArgSite) -> Option<Diagnostic> {
        let fault = self.outline.call(arg.value.span)?;
        let is_fault =
            matches!(&fault.callee, Callee::Name(name) if ["deny", "delay"].contains(&name.as_str()));
        let named = |name: &str| fault.args.iter().find(|arg| is_named(arg, name)).filter(|_| is_fault);
        let path = named("path").and_then(|arg| match &arg.value.shape {
            ExprShape::Str(glob) if !glob.is_empty() => {
                Some(AskedPath { glob, span: arg.value.span, argument: arg.span })
            }
            _ => None,
        });
        let peer = ["to", "port"].into_iter().find_map(|name| match &named(name)?.kind {
            ArgKind::Named(_, span) => Some((name, *span)),
            _ => None,
        });
        let service = named("to").filter(|arg| self.is_service(&arg.value.shape));
        match (service, &fault.callee) {
            (Some(arg), Callee::Name(function)) => Some(service_as_peer(function, arg.value.span)),
            _ => Asked { word, calls, path, has_own_path: false, peer }.finding(),
        }
    }

    fn is_service(&self, shape: &ExprShape) -> bool {
        let ExprShape::Name(name) = shape else { return false };
        let value = self.module.filter(|_| !self.outline.local.contains(name));
        let owned = value.and_then(|module| module.get_any_visibility(name).ok());
        owned.is_some_and(|(owned, _)| matches!(thing(&owned), Some(Thing::Service(_))))
    }
}

fn is_named(arg: &ArgSite, word: &str) -> bool {
    matches!(&arg.kind, ArgKind::Named(name, _) if name == word)
}

fn thing(owned: &OwnedFrozenValue) -> Option<Thing> {
    let service =
        ServiceValue::from_value(owned.value()).map(|value| Thing::Service(Arc::clone(&value.service)));
    service.or_else(|| InterfaceRef::from_value(owned.value()).map(|value| Thing::Interface(value.clone())))
}

fn of_service(service: &Arc<Service>, name: &str) -> (Option<Thing>, Vec<String>) {
    let value = ServiceValue { service: Arc::clone(service) };
    if name == "name" {
        return (Some(Thing::Plain), Vec::new());
    }
    let own = service.interfaces.iter().find(|interface| interface.name.as_str() == name);
    if let Some(interface) = own {
        return (Some(Thing::Interface(InterfaceRef::new(service, interface))), Vec::new());
    }
    let default = service.default_interface().map(|interface| InterfaceRef::new(service, interface));
    let step = default.and_then(|interface| interface.step(name)).map(Thing::Step);
    (step, value.dir_attr())
}

fn of_interface(interface: &InterfaceRef, name: &str) -> (Option<Thing>, Vec<String>) {
    if let Some(step) = interface.step(name) {
        return (Some(Thing::Step(step)), Vec::new());
    }
    let known = interface.dir_attr();
    (known.iter().any(|known| known == name).then_some(Thing::Plain), known)
}

/// What is wrong with a literal argument.
pub(crate) fn literal(function: &str, param: &Param, arg: &ArgSite) -> Option<Diagnostic> {
    let span = arg.value.span;
    if let Some(got) = wrong_type(param.ty, &arg.value.shape) {
        let message = format!("{function}() {}= must be {}, not {got}", param.name, param.ty.words());
        let finding = Diagnostic::new(Code::WrongType, span, message).label(format!("this is {got}"));
        return Some(mended(finding, param.ty, &arg.value.shape));
    }
    let ExprShape::Str(text) = &arg.value.shape else { return None };
    match (param.domain, param.ty) {
        (Domain::Errno, _) if Errno::from_name(text).is_none() => Some(syscalls::unknown_errno(text, span)),
        (_, ParamType::Duration) if parse_duration(text).is_none() => {
            Some(bad_duration(function, text, span))
        }
        _ => None,
    }
}

/// The words for the literal's type when the parameter does not take it.
fn wrong_type(ty: ParamType, shape: &ExprShape) -> Option<&'static str> {
    let words = match shape {
        ExprShape::Str(_) => "a string",
        ExprShape::Bytes => "bytes",
        ExprShape::Int(_) => "an int",
        ExprShape::Float => "a float",
        ExprShape::Entries(_) => "a dict",
        ExprShape::Items(_)
        | ExprShape::Name(_)
        | ExprShape::Path(_)
        | ExprShape::Lambda
        | ExprShape::Other => {
            return None;
        }
    };
    let fits = match ty {
        ParamType::Str | ParamType::Duration => matches!(shape, ExprShape::Str(_)),
        ParamType::StrOrBytes => matches!(shape, ExprShape::Str(_) | ExprShape::Bytes),
        ParamType::Int => matches!(shape, ExprShape::Int(_)),
        ParamType::Number => matches!(shape, ExprShape::Int(_) | ExprShape::Float),
        ParamType::Bool
        | ParamType::Callable
        | ParamType::Service
        | ParamType::Interface
        | ParamType::InterfaceRef
        | ParamType::ServiceOrInterface
        | ParamType::Healthcheck
        | ParamType::Assumption
        | ParamType::SyscallFault
        | ParamType::StrList
        | ParamType::List => false,
        ParamType::StrDict | ParamType::Dict => matches!(shape, ExprShape::Entries(_)),
        ParamType::Probability => !matches!(shape, ExprShape::Entries(_) | ExprShape::Bytes),
        ParamType::Body => matches!(shape, ExprShape::Str(_) | ExprShape::Bytes | ExprShape::Entries(_)),
        ParamType::Pattern => matches!(shape, ExprShape::Str(_)),
        ParamType::PatternOrTable => matches!(shape, ExprShape::Str(_) | ExprShape::Entries(_)),
        ParamType::Assumptions | ParamType::ProtocolRule => false,
        ParamType::Data | ParamType::Any => true,
    };
    (!fits).then_some(words)
}
