//! Faults that a running test installs and removes.

use super::model::MAY_MISS;
use super::{optional, required};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{AssumptionName, Domain, Param, ParamType, Rule};
use crate::spec::bundle::{self, Names, TargetValue};
use crate::spec::call::{Arg, Call};
use crate::spec::failure::{SpecFailure, Stop};
use crate::spec::registry::{Builtin, Context, Group, Keywords, Rest};
use crate::spec::session::PerformState;
use crate::spec::stage::{FaultCall, InstallId};
use crate::spec::values::{AssumptionValue, ServiceValue};
use crate::spec::{accept, register};
use starlark::values::Value;

const RUN: Param = required(
    "run",
    ParamType::Callable,
    Domain::None,
    "A function without parameters; the faults act while it runs.",
);

pub(super) const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "fault",
        params: &[
            required(
                "target",
                ParamType::Any,
                Domain::None,
                "A service, an interface of one, or a fault_assumption.",
            ),
            RUN,
            optional("source", ParamType::Service, "None", Domain::None, "Who must send; not supported yet."),
            MAY_MISS,
        ],
        positional: 1,
        rest: Rest::Many("rule", ParamType::Any),
        keywords: Keywords::Syscalls,
        context: Context::Body,
        returns: "what run returns",
        group: Group::Inject,
        snippet: true,
        doc: "Installs faults, calls run, removes them again, also when run fails. Faults within faults add up. A test that passes although no rule of a call acted is bypassed; each call is judged by itself, in a loop each round.",
        run: fault,
    },
    Builtin {
        name: "fault_all",
        params: &[
            required("services", ParamType::List, Domain::None, "The services, all faulted alike."),
            RUN,
            MAY_MISS,
        ],
        positional: 1,
        rest: Rest::None,
        keywords: Keywords::Syscalls,
        context: Context::Body,
        returns: "what run returns",
        group: Group::Inject,
        snippet: false,
        doc: "Installs the same syscall faults on several services while run is called. A rule on one of them must act.",
        run: fault_all,
    },
    Builtin {
        name: "fault_start",
        params: &[
            required(
                "target",
                ParamType::ServiceOrInterface,
                Domain::None,
                "A service, or an interface of one.",
            ),
            MAY_MISS,
        ],
        positional: 1,
        rest: Rest::Many("rule", ParamType::Any),
        keywords: Keywords::Syscalls,
        context: Context::Body,
        returns: "None",
        group: Group::Inject,
        snippet: false,
        doc: "Installs faults until fault_stop, or the end of the test. One of them must act, as with fault().",
        run: fault_start,
    },
    Builtin {
        name: "fault_stop",
        params: &[required(
            "target",
            ParamType::ServiceOrInterface,
            Domain::None,
            "The service or interface fault_start was given.",
        )],
        positional: 1,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Body,
        returns: "None",
        group: Group::Inject,
        snippet: false,
        doc: "Removes what fault_start installed on the service.",
        run: fault_stop,
    },
];

fn state<'e>(call: &Call<'_, '_, '_, 'e>) -> Option<&'e PerformState> {
    call.context.perform()
}

/// The function given as `run=`.
fn run<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Option<Value<'v>>, Stop> {
    let Some(arg) = call.get("run") else { return Ok(None) };
    if !register::takes(arg.value, 0) {
        let finding = Diagnostic::new(Code::WrongType, arg.span, "run= takes a function without parameters");
        call.report(finding.label("takes parameters"))?;
        return Ok(None);
    }
    Ok(Some(arg.value))
}

fn fault<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    if let Some(arg) = call.get("source") {
        let span = arg.name_span.unwrap_or(arg.span);
        call.report(Diagnostic::new(Code::NotSupported, span, "fault() `source` is not supported yet"))?;
    }
    let function = run(call)?;
    let (asked, rules) = rules(call)?;
    match function {
        Some(function) => during(call, asked, rules, function),
        None => Ok(Value::new_none()),
    }
}

/// The call as it is judged later.
fn asked(call: &Call<'_, '_, '_, '_>, target: String, assumption: Option<AssumptionName>) -> FaultCall {
    let names = ["fault", "fault_start", "fault_all"];
    FaultCall {
        name: names.into_iter().find(|name| *name == call.signature.name).unwrap_or("fault"),
        target,
        assumption,
        may_miss: call.flag("may_miss"),
        number: call.context.numbers.fault_call(),
        span: call.span,
    }
}

/// What a `fault` or `fault_start` asks for.
fn rules(call: &mut Call<'_, '_, '_, '_>) -> Result<(FaultCall, Vec<Rule>), Stop> {
    let nothing = |call: &Call<'_, '_, '_, '_>| (asked(call, String::new(), None), Vec::new());
    let Some(target) = call.get("target") else { return Ok(nothing(call)) };
    if let Some(assumption) = AssumptionValue::from_value(target.value) {
        let surplus = call.rest.first().map(|arg| arg.span);
        let keyword = call.extra.first().map(|(_, arg)| arg.name_span.unwrap_or(arg.span));
        if let Some(span) = surplus.or(keyword) {
            let message = "a fault_assumption brings its own rules; no others can be given with it";
            call.report(Diagnostic::new(Code::SurplusArgument, span, message).label("one too many"))?;
        }
        let name = assumption.name.clone();
        return Ok((asked(call, name.to_string(), Some(name)), assumption.rules.to_vec()));
    }
    let Some(on) = TargetValue::of(target.value) else {
        let finding = call.wrong("target", "a service, an interface of one, or a fault_assumption", &target);
        call.report(finding)?;
        return Ok(nothing(call));
    };
    let mut rules = Vec::new();
    let names = Names { bundle: "fault", numbers: call.context.numbers.rules() };
    for arg in std::mem::take(&mut call.rest) {
        bundle::protocol_rules(call, Some((on, target.span)), arg, &names, &mut rules)?;
    }
    bundle::syscall_faults(call, Some(on), &names, &mut rules)?;
    if rules.is_empty() {
        let name = call.signature.name;
        let finding = Diagnostic::new(Code::MissingArgument, call.span, format!("{name}() has no fault"));
        call.report(finding.help("name a syscall, write=deny(\"EIO\"), or give rules to an interface"))?;
    }
    Ok((asked(call, on.to_string(), None), rules))
}

fn install(call: &Call<'_, '_, '_, '_>, asked: FaultCall, rules: Vec<Rule>) -> Result<InstallId, Stop> {
    let Some(state) = state(call) else { return Err(call.nothing_runs()) };
    state.stage.install(asked, rules).map_err(|refusal| SpecFailure::refused(refusal, call.span).into())
}

fn remove(call: &Call<'_, '_, '_, '_>, id: InstallId) -> Result<(), Stop> {
    let Some(state) = state(call) else { return Err(call.nothing_runs()) };
    state.stage.remove(id).map_err(|refusal| SpecFailure::refused(refusal, call.span).into())
}

/// Calls the function while the rules act. They are removed also when it fails; its failure is the one told.
fn during<'v>(
    call: &mut Call<'v, '_, '_, '_>,
    asked: FaultCall,
    rules: Vec<Rule>,
    function: Value<'v>,
) -> Result<Value<'v>, Stop> {
    let id = install(call, asked, rules)?;
    let returned = call.invoke(function, &[]);
    let removed = remove(call, id);
    let returned = returned?;
    removed?;
    Ok(returned)
}

fn fault_all<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let function = run(call)?;
    let (Some(services), Some(function)) = (call.get("services"), function) else {
        return Ok(Value::new_none());
    };
    let (mut rules, mut on) = (Vec::new(), Vec::new());
    let names = Names { bundle: "fault", numbers: call.context.numbers.rules() };
    for (at, item) in accept::items(services.value).unwrap_or_default().iter().enumerate() {
        match ServiceValue::from_value(*item) {
            Some(service) => {
                on.push(service.service.name.to_string());
                let target = Some(TargetValue::Service(service));
                bundle::syscall_faults(call, target, &names, &mut rules)?;
            }
            None => {
                let item = Arg { value: *item, span: call.item_span(&services, at), name_span: None };
                let finding = call.wrong(&format!("services[{at}]"), "a service", &item);
                call.report(finding)?;
            }
        }
    }
    let asked = asked(call, on.join(", "), None);
    during(call, asked, rules, function)
}

fn fault_start<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let (asked, rules) = rules(call)?;
    let target = call.get("target").and_then(|arg| TargetValue::of(arg.value));
    let (Some(state), Some(target)) = (state(call), target) else { return Ok(Value::new_none()) };
    let id = install(call, asked, rules)?;
    state.started.borrow_mut().push((target.service().name.clone(), id));
    Ok(Value::new_none())
}

fn fault_stop<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let arg = call.get("target");
    let target = arg.and_then(|arg| Some((TargetValue::of(arg.value)?, arg.span)));
    let (Some(state), Some((target, span))) = (state(call), target) else { return Ok(Value::new_none()) };
    let name = &target.service().name;
    let (stopped, kept): (Vec<_>, Vec<_>) =
        state.started.take().into_iter().partition(|(service, _)| service == name);
    state.started.replace(kept);
    if stopped.is_empty() {
        let message = format!("fault_stop(): nothing was started on \"{name}\"");
        let finding = Diagnostic::new(Code::BadValue, span, message).label("no fault_start before");
        call.report(finding)?;
    }
    // In the reverse order, as nested faults end.
    for (_, id) in stopped.into_iter().rev() {
        remove(call, id)?;
    }
    Ok(Value::new_none())
}
