//! Protocol rules: what happens to messages on an interface.

use super::{optional, required, syscalls};
use crate::diagnostic::suggest::nearest;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Action, ActionKind, Domain, DropMode, Param, ParamType, Probability, Trigger};
use crate::spec::call::{Arg, Call};
use crate::spec::convert;
use crate::spec::failure::Stop;
use crate::spec::outline::ExprShape;
use crate::spec::registry::{Builtin, Context, Group, Keywords, Rest};
use crate::spec::target::REGEX_BYTES;
use crate::spec::values::{Given, GivenPattern, Hole, PatternValue, RuleArg, RuleValue};
use starlark::eval::Arguments;
use starlark::values::dict::DictRef;
use starlark::values::{Heap, Value};

pub(super) const PROBABILITY: Param = optional(
    "probability",
    ParamType::Probability,
    "1.0",
    Domain::Probability,
    "The chance to act on each match: 0.3 or \"30%\", drawn from the seed.",
);
pub(super) const LABEL: Param =
    optional("label", ParamType::Str, "\"\"", Domain::None, "Your own word for it, shown in reports.");
pub(super) const NTH: Param =
    optional("nth", ParamType::Int, "None", Domain::None, "Acts on the n-th match only, counted from 1.");
pub(super) const AFTER: Param =
    optional("after", ParamType::Int, "None", Domain::None, "Lets the first n matches pass.");
pub(super) const EVERY: Param =
    optional("every", ParamType::Int, "None", Domain::None, "Acts on every n-th match only.");
pub(super) const TIMES: Param =
    optional("times", ParamType::Int, "None", Domain::None, "Acts at most n times.");
pub(super) const MAX_FIRES: Param = optional(
    "max_fires",
    ParamType::Int,
    "None",
    Domain::None,
    "Fan-out of the original language; not supported yet, times= limits how often it acts.",
);
pub(super) const MODE: Param = optional(
    "mode",
    ParamType::Str,
    "None",
    Domain::None,
    "Fan-out of the original language; not supported yet.",
);

const fn rule(
    name: &'static str,
    kind: ActionKind,
    params: &'static [Param],
    doc: &'static str,
    run: super::Run,
) -> Builtin {
    Builtin {
        name,
        params,
        positional: 0,
        rest: Rest::None,
        keywords: Keywords::Rule(kind),
        context: Context::Both,
        returns: "protocol rule",
        group: Group::Rules,
        snippet: matches!(
            kind,
            ActionKind::Respond | ActionKind::Error | ActionKind::Delay | ActionKind::Drop
        ),
        doc,
        run,
    }
}

/// A rule's own arguments, then those that say when it acts.
macro_rules! with_triggers {
    ($($own:expr),* $(,)?) => {
        &[$($own,)* PROBABILITY, LABEL, NTH, AFTER, EVERY, TIMES]
    };
}

pub(in crate::spec) const TRIGGERS: &[Param] = with_triggers![];

pub(super) const BUILTINS: &[Builtin] = &[
    rule(
        "response",
        ActionKind::Respond,
        TRIGGERS,
        "The client gets this answer; the server never sees the request.",
        response,
    ),
    rule(
        "error",
        ActionKind::Error,
        TRIGGERS,
        "The client gets the protocol's own error answer; the server never sees the request.",
        error,
    ),
    rule(
        "delay",
        ActionKind::Delay,
        with_triggers![required(
            "delay",
            ParamType::Duration,
            Domain::Duration,
            "How long the message waits."
        ),],
        "The message waits, then later rules are asked. With a positional duration, delay() is a syscall fault.",
        delay,
    ),
    rule(
        "drop",
        ActionKind::Drop,
        with_triggers![optional(
            "mode",
            ParamType::Str,
            "\"fin\"",
            Domain::Words(&["fin", "reset", "silent"]),
            "How it ends: an orderly close, a TCP reset, or an open connection on which no reply comes any more.",
        ),],
        "The request gets no answer.",
        drop_rule,
    ),
    rule("duplicate", ActionKind::Duplicate, TRIGGERS, "The message is sent twice.", duplicate),
    rule(
        "truncate",
        ActionKind::Truncate,
        with_triggers![required(
            "bytes",
            ParamType::Int,
            Domain::None,
            "How many bytes of the answer get through."
        ),],
        "The connection ends in the middle of the answer.",
        truncate,
    ),
    rule(
        "throttle",
        ActionKind::Throttle,
        with_triggers![required(
            "bytes_per_second",
            ParamType::Int,
            Domain::None,
            "How fast the answer flows at most."
        ),],
        "The answer flows slowly.",
        throttle,
    ),
    rule(
        "corrupt",
        ActionKind::Corrupt,
        with_triggers![optional(
            "offset",
            ParamType::Int,
            "0",
            Domain::None,
            "Which byte of the message is changed."
        ),],
        "One byte of the message is changed.",
        corrupt,
    ),
    rule("reorder", ActionKind::Reorder, TRIGGERS, "The datagram goes out after the next one.", reorder),
    Builtin {
        name: "re",
        params: &[required(
            "pattern",
            ParamType::Str,
            Domain::None,
            "A regular expression that must match somewhere.",
        )],
        positional: 1,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Both,
        returns: "pattern",
        group: Group::Rules,
        snippet: false,
        doc: "A regular expression where a glob is not enough; anchor it with ^ and $.",
        run: regular_expression,
    },
];

/// The protocol form of `delay`.
static DELAY_FORM: &Builtin = &BUILTINS[2];

/// `delay("500ms")` is a syscall fault, `delay(delay="500ms")` a protocol rule.
pub(super) fn delay_form<'v>(args: &Arguments<'v, '_>, heap: Heap<'v>) -> Result<&'static Builtin, Stop> {
    let by_position = args.positions(heap)?.next().is_some();
    let by_name = args.names_map()?.keys().any(|name| name.as_str() == "duration");
    Ok(if by_position || by_name { syscalls::DELAY_FORM } else { DELAY_FORM })
}

fn response<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    finish(call, ActionKind::Respond, None)
}

fn error<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    finish(call, ActionKind::Error, None)
}

fn delay<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let Some(duration) = call.duration("delay")? else { return Ok(call.hole()) };
    finish(call, ActionKind::Delay, Some(Action::Delay(duration)))
}

fn drop_rule<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let mode = match call.str("mode") {
        None | Some("fin") => DropMode::Fin,
        Some("reset") => DropMode::Reset,
        Some("silent") => DropMode::Silent,
        Some(other) => {
            let span = call.get("mode").map_or(call.span, |arg| arg.span);
            let message = format!("drop() has no mode \"{other}\"");
            let finding = Diagnostic::new(Code::BadValue, span, message).label("no such mode");
            let finding = finding.help("modes: \"fin\", \"reset\", \"silent\"");
            let is_written = call.get("mode").and_then(|arg| call.written(&arg));
            let is_written = is_written.is_some_and(|site| matches!(site.shape, ExprShape::Str(_)));
            call.report(match meant_mode(other).filter(|_| is_written) {
                Some(mode) => finding.fix(format!("change to \"{mode}\""), span, format!("\"{mode}\"")),
                None => finding,
            })?;
            DropMode::Fin
        }
    };
    finish(call, ActionKind::Drop, Some(Action::Drop(mode)))
}

/// The mode that goes by this name elsewhere.
fn meant_mode(word: &str) -> Option<&'static str> {
    match word.to_lowercase().as_str() {
        "rst" | "abort" => Some("reset"),
        "close" | "eof" | "shutdown" => Some("fin"),
        "none" | "timeout" | "blackhole" | "hang" => Some("silent"),
        word => nearest(word, ["fin", "reset", "silent"]),
    }
}

fn duplicate<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    finish(call, ActionKind::Duplicate, Some(Action::Duplicate))
}

fn truncate<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let Some(bytes) = call.count("bytes", 0)? else { return Ok(call.hole()) };
    finish(call, ActionKind::Truncate, Some(Action::Truncate { bytes }))
}

fn throttle<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let Some(rate) = call.count("bytes_per_second", 1)? else { return Ok(call.hole()) };
    finish(call, ActionKind::Throttle, Some(Action::Throttle { bytes_per_second: rate }))
}

fn corrupt<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let offset = call.count("offset", 0)?.unwrap_or(0);
    finish(call, ActionKind::Corrupt, Some(Action::Corrupt { offset }))
}

fn reorder<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    finish(call, ActionKind::Reorder, Some(Action::Reorder))
}

fn finish<'v>(
    call: &mut Call<'v, '_, '_, '_>,
    kind: ActionKind,
    generic: Option<Action>,
) -> Result<Value<'v>, Stop> {
    let trigger = trigger(call)?;
    let label = label(call);
    let args = std::mem::take(&mut call.extra).into_iter().filter(|(_, arg)| !Hole::is(arg.value));
    let args = args.map(|(name, arg)| RuleArg {
        name,
        name_span: arg.name_span.unwrap_or(arg.span),
        value: given(&arg),
        span: arg.span,
    });
    let args = args.collect();
    if call.faulty {
        return Ok(call.hole());
    }
    let span = call.context.use_span(call.eval);
    Ok(call.heap().alloc(RuleValue { kind, generic, args, trigger, label, span }))
}

/// An argument whose meaning the protocol decides.
fn given(arg: &Arg<'_>) -> Given {
    if let Some(pattern) = PatternValue::from_value(arg.value) {
        return Given::Regex(pattern.text.clone());
    }
    if let Ok(data) = convert::data(arg.value) {
        return Given::Data(data);
    }
    let Some(dict) = DictRef::from_value(arg.value) else {
        return Given::Other(convert::type_words(arg.value));
    };
    let mut table = Vec::new();
    for (key, value) in dict.iter() {
        if key.unpack_str().is_none() {
            return Given::Other(format!("a dict with {} as a key", convert::type_words(key)));
        }
        let pattern = match (PatternValue::from_value(value), value.unpack_str()) {
            (Some(pattern), _) => GivenPattern::Regex(pattern.text.clone()),
            (None, Some(text)) => GivenPattern::Glob(text.to_owned()),
            (None, None) => return Given::Other(format!("a dict with {}", convert::type_words(value))),
        };
        table.push((key.to_str(), pattern));
    }
    Given::Table(table)
}

/// When a rule or fault acts.
pub(super) fn trigger(call: &mut Call<'_, '_, '_, '_>) -> Result<Trigger, Stop> {
    for word in ["max_fires", "mode"] {
        let fan_out =
            call.signature.params.iter().any(|param| param.name == word && param.default == Some("None"));
        if let Some(arg) = call.get(word).filter(|_| fan_out) {
            let message = format!("{}() `{word}` is not supported yet", call.signature.name);
            let span = arg.name_span.unwrap_or(arg.span);
            let finding = Diagnostic::new(Code::NotSupported, span, message).label("not supported yet");
            call.report(finding.help("times= limits how often it acts; a test does not fan out yet"))?;
        }
    }
    Ok(Trigger {
        nth: if has(call, "nth") { call.count("nth", 1)? } else { None },
        after: if has(call, "after") { call.count("after", 0)? } else { None },
        every: if has(call, "every") { call.count("every", 1)? } else { None },
        times: if has(call, "times") { call.count("times", 1)? } else { None },
        probability: probability(call)?,
    })
}

fn has(call: &Call<'_, '_, '_, '_>, name: &str) -> bool {
    call.get(name).is_some()
}

fn probability(call: &mut Call<'_, '_, '_, '_>) -> Result<Probability, Stop> {
    let Some(arg) = call.get("probability") else { return Ok(Probability::ALWAYS) };
    let read = match (arg.value.unpack_str(), convert::int(arg.value), convert::float(arg.value)) {
        (Some(text), _, _) => Probability::parse(text),
        (None, Some(int), _) => Probability::fraction(int as f64),
        (None, None, float) => float.and_then(Probability::fraction),
    };
    if let Some(probability) = read {
        return Ok(probability);
    }
    let message = format!("{} is no probability", convert::shown(arg.value));
    let finding = Diagnostic::new(Code::BadValue, arg.span, message)
        .label("must be from 0 to 1, or from \"0%\" to \"100%\"");
    let finding = match convert::int(arg.value).filter(|percent| (2..=100).contains(percent)) {
        Some(percent) => finding.help(format!("did you mean \"{percent}%\"?")).fix(
            format!("change to \"{percent}%\""),
            arg.span,
            format!("\"{percent}%\""),
        ),
        None => finding,
    };
    call.report(finding)?;
    Ok(Probability::ALWAYS)
}

pub(super) fn label(call: &Call<'_, '_, '_, '_>) -> Option<String> {
    call.str("label").filter(|label| !label.is_empty()).map(str::to_owned)
}

fn regular_expression<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let Some(arg) = call.get("pattern") else { return Ok(call.hole()) };
    let text = arg.value.unpack_str().unwrap_or_default().to_owned();
    if let Err(error) = regex::RegexBuilder::new(&text).size_limit(REGEX_BYTES).build() {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let finding = Diagnostic::new(Code::BadValue, arg.span, "re() cannot read this regular expression")
            .label(reason);
        call.report(finding)?;
        return Ok(call.hole());
    }
    Ok(call.heap().alloc(PatternValue { text }))
}
