//! Rules as a call gives them: a target, protocol rules in a list, syscall faults by keyword.
//!
//! `fault_assumption` and the `fault` family share this, so that both layers are checked the same way everywhere.

use super::accept;
use super::call::{Arg, Call};
use super::failure::Stop;
use super::numbering::Sequence;
use super::outline::ArgKind;
use super::shape::Signature;
use super::target;
use super::values::{AssumptionValue, FaultValue, Hole, InterfaceRef, RuleValue, ServiceValue};
use super::wording;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Action, Rule, RuleName, Service};
use crate::text::Span;
use starlark::values::Value;

/// What rules act on.
#[derive(Clone, Copy)]
pub(super) enum TargetValue<'v> {
    Service(&'v ServiceValue),
    Interface(&'v InterfaceRef),
}

impl std::fmt::Display for TargetValue<'_> {
    /// `db`, `api.public`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TargetValue::Service(value) => write!(f, "{}", value.service.name),
            TargetValue::Interface(value) => write!(f, "{}", value.endpoint),
        }
    }
}

impl<'v> TargetValue<'v> {
    pub(super) fn of(value: Value<'v>) -> Option<TargetValue<'v>> {
        let service = ServiceValue::from_value(value).map(TargetValue::Service);
        service.or_else(|| InterfaceRef::from_value(value).map(TargetValue::Interface))
    }

    pub(super) fn service(&self) -> &'v Service {
        match self {
            TargetValue::Service(value) => &value.service,
            TargetValue::Interface(value) => &value.service,
        }
    }
}

/// How the next rule is named.
pub(super) struct Names<'n> {
    pub bundle: &'n str,
    pub numbers: &'n Sequence,
}

impl Names<'_> {
    fn take(&self) -> RuleName {
        RuleName(format!("{}[{}]", self.bundle, self.numbers.take()).into())
    }
}

/// Protocol rules given as values: rules, and lists of rules at any depth.
pub(super) fn protocol_rules<'v>(
    call: &mut Call<'v, '_, '_, '_>,
    on: Option<(TargetValue<'v>, Span)>,
    given: Arg<'v>,
    names: &Names<'_>,
    rules: &mut Vec<Rule>,
) -> Result<(), Stop> {
    if Hole::is(given.value) {
        call.faulty = true;
        return Ok(());
    }
    if let Some(items) = accept::items(given.value) {
        for (at, item) in items.iter().enumerate() {
            let item = Arg { value: *item, span: call.item_span(&given, at), name_span: given.name_span };
            protocol_rules(call, on, item, names, rules)?;
        }
        return Ok(());
    }
    if let Some(fault) = FaultValue::from_value(given.value) {
        let finding = fault_among_rules(call, fault);
        return call.report(finding);
    }
    let Some(rule) = RuleValue::from_value(given.value) else {
        let wanted = "a protocol rule such as response(...), error(...), delay(delay=...) or drop(...)";
        let finding = call.wrong("rule", wanted, &given);
        return call.report(finding);
    };
    match on {
        // A missing target was reported before.
        None => call.faulty = true,
        Some((TargetValue::Service(service), span)) => {
            let finding = rules_need_interface(&service.service, given.name_span.unwrap_or(rule.span), span);
            call.report(finding)?;
        }
        Some((TargetValue::Interface(on), _)) => {
            match target::rule(rule, &on.endpoint, on.protocol, names.take()) {
                Ok(rule) => rules.push(rule),
                Err(findings) => {
                    for finding in findings {
                        call.report(finding)?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Syscall faults given by keyword.
pub(super) fn syscall_faults<'v>(
    call: &mut Call<'v, '_, '_, '_>,
    on: Option<TargetValue<'v>>,
    names: &Names<'_>,
    rules: &mut Vec<Rule>,
) -> Result<(), Stop> {
    for (word, arg) in call.extra.clone() {
        let word_span = arg.name_span.unwrap_or(arg.span);
        if Hole::is(arg.value) {
            call.faulty = true;
            continue;
        }
        if let Some(rule) = RuleValue::from_value(arg.value) {
            let finding = rule_as_fault(call, &word, rule);
            call.report(finding)?;
            continue;
        }
        let Some(on) = on else {
            call.faulty = true;
            continue;
        };
        let Some(fault) = FaultValue::from_value(arg.value) else {
            let finding = stray_keyword(call, &word, word_span, &arg, on.service());
            call.report(finding)?;
            continue;
        };
        let service = on.service();
        if !service.seccomp {
            let message = format!("\"{}\" forbids syscall faults", service.name);
            let finding = Diagnostic::new(Code::BadValue, word_span, message)
                .label("needs interception")
                .also(service.span, "declared with seccomp=False");
            call.report(finding)?;
            continue;
        }
        match target::fault(fault, service, &word, word_span, names.take()) {
            Ok(rule) => rules.push(rule),
            Err(finding) => call.report(*finding)?,
        }
    }
    Ok(())
}

/// A keyword that is neither parameter nor syscall, or whose value is no fault: a slip of either kind.
fn stray_keyword<'v>(
    call: &Call<'v, '_, '_, '_>,
    word: &str,
    word_span: Span,
    arg: &Arg<'v>,
    service: &Service,
) -> Diagnostic {
    let known = service.operations.iter().any(|operation| operation.name == word)
        || crate::model::syscall::resolve(word).is_some();
    if known {
        return call.wrong(&format!("{word}="), "a syscall fault: deny(...), delay(\"...\") or allow()", arg);
    }
    stray_word(&call.signature, word, word_span, service)
}

/// A keyword that is neither a parameter nor a syscall.
pub(super) fn stray_word(signature: &Signature<'_>, word: &str, span: Span, service: &Service) -> Diagnostic {
    wording::stray_word(signature, word, span, service.name.as_str(), &target::operations(service))
}

/// FB0107: `rules=` on a service.
fn rules_need_interface(service: &Service, span: Span, target_span: Span) -> Diagnostic {
    let first = service.interfaces.first().map(|interface| interface.name.as_str());
    wording::rules_need_interface(service.name.as_str(), first, span, target_span)
}

/// FB0107: `deny(...)` or `delay("...")` in a list of protocol rules.
fn fault_among_rules(call: &Call<'_, '_, '_, '_>, fault: &FaultValue) -> Diagnostic {
    let first = call.context.session.written.call(fault.span).and_then(|site| site.args.first());
    let duration =
        first.filter(|arg| arg.kind == ArgKind::Positional && matches!(fault.action, Action::Delay(_)));
    wording::fault_among_rules(fault.span, duration.map(|arg| arg.span))
}

/// FB0107: `write = delay(delay="200ms")`.
fn rule_as_fault(call: &Call<'_, '_, '_, '_>, word: &str, rule: &RuleValue) -> Diagnostic {
    let site = call.context.session.written.call(rule.span);
    let keyword = match (&rule.generic, site.map(|site| site.args.as_slice())) {
        (Some(Action::Delay(_)), Some([arg])) => Some(Span { end: arg.value.span.start, ..arg.span }),
        _ => None,
    };
    wording::rule_as_fault(word, rule.span, keyword)
}

/// The assumptions in an argument: one, or a list of them.
pub(super) fn assumptions<'v>(
    call: &mut Call<'v, '_, '_, '_>,
    name: &str,
) -> Result<Vec<(&'v AssumptionValue, Span)>, Stop> {
    let Some(arg) = call.get(name) else { return Ok(Vec::new()) };
    if let Some(one) = AssumptionValue::from_value(arg.value) {
        return Ok(vec![(one, arg.span)]);
    }
    let mut all = Vec::new();
    for (at, item) in accept::items(arg.value).unwrap_or_default().iter().enumerate() {
        let span = call.item_span(&arg, at);
        match AssumptionValue::from_value(*item) {
            Some(assumption) => all.push((assumption, span)),
            None if Hole::is(*item) => call.faulty = true,
            None => {
                let item = Arg { value: *item, span, name_span: None };
                let finding = call.wrong(&format!("{name}[{at}]"), "a fault_assumption", &item);
                call.report(finding)?;
            }
        }
    }
    Ok(all)
}
