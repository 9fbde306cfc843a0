//! What is tested: scenarios, assumptions, fault scenarios and matrices.

use super::{optional, required};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{
    Assumption, AssumptionName, CallableId, Domain, Param, ParamType, Rule, Scenario, Test, TestKind,
    TestName,
};
use crate::spec::bundle::{self, Names, TargetValue};
use crate::spec::call::{Arg, Call};
use crate::spec::draft::duplicate;
use crate::spec::failure::Stop;
use crate::spec::numbering::Sequence;
use crate::spec::registry::{Builtin, Context, Group, Keywords, Rest};
use crate::spec::values::AssumptionValue;
use crate::spec::{accept, register};
use starlark::values::Value;
use std::sync::Arc;

pub(super) const MAY_MISS: Param = optional(
    "may_miss",
    ParamType::Bool,
    "False",
    Domain::None,
    "True when the test may pass although no rule acted.",
);
pub(super) const MONITORS: Param =
    optional("monitors", ParamType::List, "[]", Domain::None, "Monitors; not supported yet.");

pub(super) const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "scenario",
        params: &[required("fn", ParamType::Callable, Domain::None, "A function without parameters.")],
        positional: 1,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Load,
        returns: "None",
        group: Group::Model,
        snippet: true,
        doc: "Registers the function as the test `test_<its name>`.",
        run: scenario,
    },
    Builtin {
        name: "fault_assumption",
        params: &[
            required("name", ParamType::Str, Domain::None, "Its name, unique in the spec."),
            optional(
                "target",
                ParamType::ServiceOrInterface,
                "None",
                Domain::None,
                "The interface whose messages, or the service whose syscalls, the rules act on. Syscall faults on an interface act on its service, as in the original.",
            ),
            optional(
                "rules",
                ParamType::ProtocolRule,
                "[]",
                Domain::None,
                "Protocol rules, tried in this order.",
            ),
            optional(
                "faults",
                ParamType::Assumptions,
                "[]",
                Domain::None,
                "Assumptions this one is made of.",
            ),
            optional("description", ParamType::Str, "\"\"", Domain::None, "What it stands for, for reports."),
            MAY_MISS,
            MONITORS,
        ],
        positional: 1,
        rest: Rest::Many("rule", ParamType::ProtocolRule),
        keywords: Keywords::Syscalls,
        context: Context::Load,
        returns: "fault_assumption",
        group: Group::Model,
        snippet: true,
        doc: "A named bundle of rules. Syscall faults are given by keyword: write=deny(\"EIO\").",
        run: fault_assumption,
    },
    Builtin {
        name: "fault_scenario",
        params: &[
            required("name", ParamType::Str, Domain::None, "The test is named `test_<name>`."),
            required("scenario", ParamType::Callable, Domain::None, "A function without parameters."),
            optional("faults", ParamType::Assumptions, "[]", Domain::None, "What goes wrong while it runs."),
            optional(
                "expect",
                ParamType::Callable,
                "None",
                Domain::None,
                "Judges what the scenario returned, while the faults are still active: it asserts, or returns False when that is wrong.",
            ),
            optional(
                "timeout",
                ParamType::Duration,
                "\"30s\"",
                Domain::Duration,
                "Longest time to the verdict.",
            ),
            MAY_MISS,
            MONITORS,
        ],
        positional: 1,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Load,
        returns: "None",
        group: Group::Model,
        snippet: true,
        doc: "Declares a test: a scenario under faults, and what is expected of it.",
        run: fault_scenario,
    },
];

pub(super) fn no_monitors(call: &mut Call<'_, '_, '_, '_>) -> Result<(), Stop> {
    let Some(arg) = call.get("monitors") else { return Ok(()) };
    if accept::items(arg.value).is_some_and(<[_]>::is_empty) {
        return Ok(());
    }
    let span = arg.name_span.unwrap_or(arg.span);
    let finding = Diagnostic::new(Code::NotSupported, span, "monitors are not supported yet");
    call.report(finding.label("not supported yet").help("assert in the scenario or in expect="))
}

fn scenario<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let Some(arg) = call.get("fn") else { return Ok(Value::new_none()) };
    let Some((callable, name)) = register::body(call, &arg)? else { return Ok(Value::new_none()) };
    let test = Test {
        name: TestName::new(format!("test_{name}")),
        kind: TestKind::Scenario { callable },
        timeout: None,
        span: call.span,
    };
    add_test(call, test)?;
    Ok(Value::new_none())
}

/// Adds the scenario to the spec's list, once per function.
pub(super) fn note_scenario(call: &mut Call<'_, '_, '_, '_>, name: &str, callable: CallableId) {
    let Some(load) = call.context.load() else { return };
    let mut draft = load.draft.borrow_mut();
    if !draft.scenarios.iter().any(|known| known.callable == callable) {
        let span = draft.callable(callable).span;
        draft.scenarios.push(Scenario { name: name.to_owned(), callable, span });
    }
}

pub(super) fn add_test(call: &mut Call<'_, '_, '_, '_>, test: Test) -> Result<(), Stop> {
    let Some(load) = call.context.load() else { return Ok(()) };
    let anchor = register::anchor(call, load);
    if let TestKind::Scenario { callable } | TestKind::FaultScenario { callable, .. } = test.kind {
        let name = load.draft.borrow().callable(callable).name.clone();
        note_scenario(call, &name, callable);
    }
    let added = load.draft.borrow_mut().add_test(anchor, test);
    added.or_else(|finding| call.report(*finding))
}

fn fault_assumption<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    no_monitors(call)?;
    let target = call.get("target");
    let on = target.and_then(|arg| Some((TargetValue::of(arg.value)?, arg.span)));
    let given: Vec<Arg<'v>> = call.rest.iter().copied().chain(call.get("rules")).collect();
    let has_faults = !call.extra.is_empty();
    let has_rules = given.iter().any(|arg| accept::items(arg.value).is_none_or(|items| !items.is_empty()));
    if target.is_none() && (has_rules || has_faults) && !call.faulty {
        let message = "fault_assumption() has rules and no target";
        let finding = Diagnostic::new(Code::MissingArgument, call.span, message).label("`target` is missing");
        call.report(finding.help("say on what they act: target = db.main, or target = db for syscalls"))?;
    }
    let Some(name) = call.str("name").map(str::to_owned) else { return Ok(call.hole()) };
    let numbers = Sequence::from_zero();
    let names = Names { bundle: &name, numbers: &numbers };
    let mut rules = Vec::new();
    for arg in given {
        bundle::protocol_rules(call, on, arg, &names, &mut rules)?;
    }
    bundle::syscall_faults(call, on.map(|(on, _)| on), &names, &mut rules)?;
    let parts = bundle::assumptions(call, "faults")?;
    let mut all: Vec<Rule> = rules.clone();
    all.extend(parts.iter().flat_map(|(part, _)| part.rules.iter().cloned()));
    let assumption = Assumption {
        name: AssumptionName::new(&name),
        description: call.str("description").unwrap_or_default().to_owned(),
        rules,
        parts: parts.iter().map(|(part, _)| part.name.clone()).collect(),
        may_miss: call.flag("may_miss"),
        span: call.span,
    };
    declare_assumption(call, assumption)?;
    Ok(call.heap().alloc(AssumptionValue { name: AssumptionName::new(&name), rules: Arc::new(all) }))
}

fn declare_assumption(call: &mut Call<'_, '_, '_, '_>, assumption: Assumption) -> Result<(), Stop> {
    let Some(load) = call.context.load() else { return Ok(()) };
    let span = call.get("name").map_or(call.span, |arg| arg.span);
    let first = load.draft.borrow().assumption(&assumption.name).map(|first| first.span);
    if let Some(first) = first {
        return call.report(duplicate("fault_assumption", assumption.name.as_str(), span, first));
    }
    // `fault[0]` is how rules of a body are named.
    if assumption.name.as_str() == "fault" {
        let finding = Diagnostic::new(Code::BadValue, span, "an assumption cannot be named \"fault\"");
        call.report(finding.label("choose another name"))?;
    }
    load.draft.borrow_mut().assumptions.push(assumption);
    Ok(())
}

fn fault_scenario<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    no_monitors(call)?;
    let faults = bundle::assumptions(call, "faults")?;
    let timeout = call.duration("timeout")?;
    let expect = match call.get("expect") {
        Some(arg) => register::expectation(call, &arg)?,
        None => None,
    };
    let scenario = match call.get("scenario") {
        Some(arg) => register::body(call, &arg)?,
        None => None,
    };
    let (Some(name), Some((callable, _))) = (call.str("name"), scenario) else {
        return Ok(Value::new_none());
    };
    let test = Test {
        name: TestName::new(format!("test_{name}")),
        kind: TestKind::FaultScenario {
            callable,
            faults: faults.iter().map(|(fault, _)| fault.name.clone()).collect(),
            expect,
            may_miss: call.flag("may_miss"),
        },
        timeout,
        span: call.span,
    };
    add_test(call, test)?;
    Ok(Value::new_none())
}
