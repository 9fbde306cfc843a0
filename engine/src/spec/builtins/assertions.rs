//! `assert_true`, `assert_eq`, and the expectation factories.

use super::{optional, required};
use crate::model::{Domain, Param, ParamType};
use crate::spec::call::{Arg, Call};
use crate::spec::convert;
use crate::spec::failure::{AttrRead, SpecFailure, SpecFailureKind, Stop};
use crate::spec::outline::ExprSite;
use crate::spec::registry::{Builtin, Context, Group, Keywords, Rest};
use crate::spec::session::PerformState;
use crate::spec::shape::Signature;
use crate::spec::values::{Expectation, ExpectationKind, ResponseValue};
use crate::text::Span;
use starlark::eval::{Arguments, Evaluator};
use starlark::values::Value;
use std::time::Duration;

const MSG: Param = optional("msg", ParamType::Any, "\"\"", Domain::None, "Said when it fails.");

/// Longest rendering of a compared value, in characters.
const MAX_VALUE: usize = 400;

pub(super) const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "assert_true",
        params: &[required("cond", ParamType::Any, Domain::None, "What must hold."), MSG],
        positional: 2,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Body,
        returns: "None",
        group: Group::Assertions,
        snippet: true,
        doc: "Fails the test unless the condition holds.",
        run: assert_true,
    },
    Builtin {
        name: "assert_eq",
        params: &[
            required("a", ParamType::Any, Domain::None, "What came out."),
            required("b", ParamType::Any, Domain::None, "What should have."),
            MSG,
        ],
        positional: 3,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Body,
        returns: "None",
        group: Group::Assertions,
        snippet: true,
        doc: "Fails the test unless both values are equal.",
        run: assert_eq,
    },
    factory("expect_success", &[], "An expectation: an answer came, and its status is below 500.", success),
    factory(
        "expect_error_within",
        &[optional(
            "ms",
            ParamType::Int,
            "None",
            Domain::None,
            "Longest time until the error, in milliseconds.",
        )],
        "An expectation: an error came, a status of 500 or more or no answer at all, and in time.",
        error_within,
    ),
    factory(
        "expect_hang",
        &[],
        "An expectation: the scenario is still waiting when its timeout= is over.",
        hang,
    ),
];

const fn factory(
    name: &'static str,
    params: &'static [Param],
    doc: &'static str,
    run: super::Run,
) -> Builtin {
    Builtin {
        name,
        params,
        positional: 0,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Both,
        returns: "expectation",
        group: Group::Assertions,
        snippet: false,
        doc,
        run,
    }
}

fn assert_true<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let (Some(arg), Some(state)) = (call.get("cond"), call.context.perform()) else {
        return Ok(Value::new_none());
    };
    if arg.value.to_bool() {
        return held(state, call.span);
    }
    let text = message(call);
    let text = if text.is_empty() { "assertion failed".to_owned() } else { text };
    Err(failed(call, state, text, &[arg], None))
}

fn assert_eq<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let (Some(a), Some(b), Some(state)) = (call.get("a"), call.get("b"), call.context.perform()) else {
        return Ok(Value::new_none());
    };
    if a.value.equals(b.value)? {
        return held(state, call.span);
    }
    let (actual, expected) = (full(a.value), full(b.value));
    let mut text = format!("assert_eq failed: {actual} != {expected}");
    let said = message(call);
    if !said.is_empty() {
        text = format!("{text} ({said})");
    }
    Err(failed(call, state, text, &[a, b], Some((actual, expected))))
}

fn message(call: &Call<'_, '_, '_, '_>) -> String {
    call.get("msg").map(|arg| arg.value.to_str()).unwrap_or_default()
}

fn full(value: Value<'_>) -> String {
    let repr = value.to_repr();
    if repr.chars().count() <= MAX_VALUE {
        return repr;
    }
    repr.chars().take(MAX_VALUE).chain("...".chars()).collect()
}

fn held<'v>(state: &PerformState, span: Span) -> Result<Value<'v>, Stop> {
    state.assertions.set(state.assertions.get() + 1);
    state.forget_reads();
    state.stage.asserted(span);
    Ok(Value::new_none())
}

/// The failure, marked at the judged expression: the argument that reads something of a reply, else the first.
fn failed<'v>(
    call: &Call<'v, '_, '_, '_>,
    state: &PerformState,
    message: String,
    judged: &[Arg<'v>],
    compared: Option<(String, String)>,
) -> Stop {
    state.assertions.set(state.assertions.get() + 1);
    let reads = state.take_reads();
    let mut failure = SpecFailure::new(SpecFailureKind::Assertion, message, Some(call.span));
    let read_in = |arg: &Arg<'v>| Some((arg.span, seen(call, call.written(arg)?, &reads)?));
    if let Some((span, label)) = judged.iter().find_map(read_in) {
        failure.span = Some(span);
        failure.label = label;
    } else if let Some(first) = judged.first() {
        failure.span = Some(first.span);
        failure.label = format!("this is {}", convert::shown(first.value));
    }
    failure.reads = reads;
    (failure.actual, failure.expected) = compared.unzip();
    failure.into()
}

/// "`r.status` is 404", for the attributes of replies the expression reads.
fn seen(call: &Call<'_, '_, '_, '_>, expr: &ExprSite, reads: &[AttrRead]) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for (attr, span) in &expr.attributes {
        let Some(read) = reads.iter().rev().find(|read| read.attr == *attr) else { continue };
        let part = format!("`{}` is {}", call.context.session.written.sources.text(*span), read.value);
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn success<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    Ok(call.heap().alloc(Expectation { kind: ExpectationKind::Success }))
}

fn error_within<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let limit = call.count("ms", 1)?.map(Duration::from_millis);
    Ok(call.heap().alloc(Expectation { kind: ExpectationKind::ErrorWithin(limit) }))
}

fn hang<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    Ok(call.heap().alloc(Expectation { kind: ExpectationKind::Hang }))
}

const RESULT: &[Param] = &[required("result", ParamType::Any, Domain::None, "What the scenario returned.")];

/// Judges what a scenario returned by a factory's expectation.
pub(in crate::spec) fn judge<'v>(
    kind: ExpectationKind,
    args: &Arguments<'v, '_>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> Result<Value<'v>, Stop> {
    let name = kind.to_string();
    let signature = Signature {
        name: &name,
        params: RESULT,
        positional: 1,
        rest: Rest::None,
        keywords: Keywords::Closed,
    };
    let call = Call::bind(signature, args, eval)?;
    let Some(state) = call.context.perform() else { return Err(call.nothing_runs()) };
    let result = call.get("result").map_or(Value::new_none(), |arg| arg.value);
    match complaint(kind, result) {
        None => held(state, call.span),
        Some(text) => {
            let arg = Arg { value: result, span: call.span, name_span: None };
            Err(failed(&call, state, format!("{name}: {text}"), &[arg], None))
        }
    }
}

fn complaint(kind: ExpectationKind, result: Value<'_>) -> Option<String> {
    let reply = ResponseValue::from_value(result).map(|response| &response.reply);
    match (kind, reply) {
        (ExpectationKind::Success, None) => result.is_none().then(|| "the scenario returned None".to_owned()),
        (ExpectationKind::Success, Some(reply)) if !reply.ok => {
            Some(format!("no answer came: {}", reply.error))
        }
        (ExpectationKind::Success, Some(reply)) => {
            (reply.status >= 500).then(|| format!("the answer has status {}", reply.status))
        }
        (ExpectationKind::ErrorWithin(_), None) => {
            Some(format!("the scenario returned {}, not a response", convert::shown(result)))
        }
        (ExpectationKind::ErrorWithin(limit), Some(reply)) => {
            if reply.ok && reply.error.is_empty() && reply.status < 500 {
                return Some(format!(
                    "the scenario succeeded (status {}); an error was expected",
                    reply.status
                ));
            }
            let late = limit.filter(|&limit| reply.duration > limit)?;
            Some(format!(
                "the error came after {} ms, later than {} ms",
                reply.duration.as_millis(),
                late.as_millis()
            ))
        }
        // One that hangs returns nothing to judge; the run knows it by its timeout.
        (ExpectationKind::Hang, _) => {
            Some(format!("the scenario returned {}; it was expected to hang", convert::shown(result)))
        }
    }
}
