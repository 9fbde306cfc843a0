//! Steps: calls a test makes on an interface.

use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Data, Domain, Param, ParamType, Returns, StepCall, StepReply, units};
use crate::protocol::http::schema::answer::check_header;
use crate::spec::call::{Arg, Call};
use crate::spec::convert;
use crate::spec::failure::{AttrRead, SpecFailure, SpecFailureKind, Stop};
use crate::spec::registry::{Keywords, Rest};
use crate::spec::session::{Context, note_read};
use crate::spec::shape::Signature;
use crate::spec::stage::Refusal;
use crate::spec::values::{Hole, ResponseValue, StepMethod};
use starlark::eval::{Arguments, Evaluator};
use starlark::values::Value;
use starlark::values::bytes::StarlarkBytes;
use starlark::values::dict::DictRef;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Makes the step and waits for its reply; other branches of `parallel` run meanwhile.
pub(in crate::spec) fn make<'v>(
    method: &StepMethod,
    args: &Arguments<'v, '_>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> Result<Value<'v>, Stop> {
    let name = format!("{}.{}", method.endpoint, method.step.name);
    let context = *Context::of(eval)?;
    if let Some(load) = context.load() {
        let finding = super::only_in_test(&name, context.call_span(eval));
        load.findings.borrow_mut().push(context.traced(finding, eval));
        return Ok(eval.heap().alloc(Hole));
    }
    let signature = signature(&name, method.step.params);
    let mut call = Call::bind(signature, args, eval)?;
    let step = StepCall {
        endpoint: method.endpoint.clone(),
        method: method.step.name,
        args: step_args(&mut call, method.step.params)?,
        span: call.span,
    };
    let reply = perform(&call, step)?;
    give(&call, method, reply)
}

/// How a step binds its arguments: positionals in the order of the schema, no others.
pub(crate) fn signature<'s>(name: &'s str, params: &'s [Param]) -> Signature<'s> {
    Signature { name, params, positional: params.len(), rest: Rest::None, keywords: Keywords::Closed }
}

fn step_args(
    call: &mut Call<'_, '_, '_, '_>,
    params: &'static [Param],
) -> Result<BTreeMap<&'static str, Data>, Stop> {
    let mut args = BTreeMap::new();
    for param in params {
        let Some(arg) = call.get(param.name) else { continue };
        if let Some(data) = arg_value(call, param, &arg)? {
            args.insert(param.name, data);
        }
    }
    Ok(args)
}

fn arg_value<'v>(
    call: &mut Call<'v, '_, '_, '_>,
    param: &Param,
    arg: &Arg<'v>,
) -> Result<Option<Data>, Stop> {
    if param.ty == ParamType::StrDict {
        return str_dict(call, param, arg).map(Some);
    }
    if param.ty == ParamType::Duration {
        let text = arg.value.unpack_str().unwrap_or_default();
        if units::parse_duration(text).is_none() {
            let finding = crate::spec::call::bad_duration(call.signature.name, text, arg.span);
            call.report(finding)?;
        }
    }
    match convert::data(arg.value).and_then(|data| sendable(param.ty, data)) {
        Ok(data) => Ok(Some(data)),
        Err(got) => {
            let message = format!("{}() {}= cannot hold {got}", call.signature.name, param.name);
            call.report(Diagnostic::new(Code::WrongType, arg.span, message).label("not plain data"))?;
            Ok(None)
        }
    }
}

/// Dicts, and lists where a body is wanted, are sent as JSON.
fn sendable(ty: ParamType, data: Data) -> Result<Data, String> {
    let is_json = |data: &Data| match data {
        Data::Dict(_) => true,
        Data::List(_) => ty == ParamType::Body,
        _ => false,
    };
    let holds = match &data {
        Data::List(items) if !is_json(&data) => items.iter().any(|item| is_json(item) && item.has_bytes()),
        data => is_json(data) && data.has_bytes(),
    };
    if holds { Err("bytes within JSON".to_owned()) } else { Ok(data) }
}

fn str_dict<'v>(call: &mut Call<'v, '_, '_, '_>, param: &Param, arg: &Arg<'v>) -> Result<Data, Stop> {
    let mut texts = Vec::new();
    let entries: Vec<(Value<'v>, Value<'v>)> =
        DictRef::from_value(arg.value).map(|dict| dict.iter().collect()).unwrap_or_default();
    for (at, (key, value)) in entries.into_iter().enumerate() {
        let (_, span) = call.entry_span(arg, at);
        match (key.unpack_str(), convert::text(value)) {
            (Some(key), Some(text)) => {
                if param.domain == Domain::Header
                    && let Err(objection) = check_header(key, &text)
                {
                    let finding = Diagnostic::new(Code::BadValue, span, objection.message);
                    call.report(finding.label(objection.label))?;
                }
                texts.push((key.to_owned(), Data::Text(text)));
            }
            (key, _) => {
                let what = format!("{}[{:?}]", param.name, key.unwrap_or("?"));
                let finding = call.wrong(&what, "a string", &Arg { value, span, name_span: None });
                call.report(finding)?;
            }
        }
    }
    Ok(Data::Dict(texts))
}

fn perform(call: &Call<'_, '_, '_, '_>, step: StepCall) -> Result<StepReply, Stop> {
    let Some(state) = call.context.perform() else { return Err(call.nothing_runs()) };
    let refused = |refusal: Refusal| Stop::from(SpecFailure::refused(refusal, call.span));
    let ticket = state.stage.begin(call.context.numbers.step(), step).map_err(refused)?;
    let (_, reply) = call.context.wait(&*state.stage, &[ticket]).map_err(refused)?;
    Ok(reply)
}

fn give<'v>(call: &Call<'v, '_, '_, '_>, method: &StepMethod, reply: StepReply) -> Result<Value<'v>, Stop> {
    let Some(state) = call.context.perform() else { return Err(call.nothing_runs()) };
    match method.step.returns {
        Returns::Text if !reply.ok => {
            let message = format!("{} {} failed: {}", method.protocol, method.step.name, reply.error);
            let mut failure = SpecFailure::new(SpecFailureKind::Evaluation, message, Some(call.span));
            failure.label = reply.error;
            Err(failure.into())
        }
        Returns::Text => {
            let value = match &reply.raw {
                Some(bytes) => call.heap().alloc(StarlarkBytes::new(bytes)),
                None => call.heap().alloc(reply.body.as_str()),
            };
            let read = AttrRead { step: reply.step, attr: "body".to_owned(), value: convert::shown(value) };
            note_read(&state.reads, read);
            Ok(value)
        }
        Returns::Response => {
            let value = ResponseValue { reply: Arc::new(reply), reads: Arc::clone(&state.reads) };
            Ok(call.heap().alloc(value))
        }
    }
}
