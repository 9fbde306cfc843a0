//! Functions of the spec that will be called later: registered while it loads, called by a performance.

use super::call::{Arg, Call};
use super::draft::Callable;
use super::failure::Stop;
use super::session::{LoadState, Written};
use super::values::Hole;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::CallableId;
use crate::text::{FileId, Span};
use starlark::environment::Module;
use starlark::values::Value;
use starlark::values::list::{AllocList, ListRef};

/// Registers a scenario; gives its id and its name. One that needs arguments is reported.
pub(super) fn body<'v>(
    call: &mut Call<'v, '_, '_, '_>,
    arg: &Arg<'v>,
) -> Result<Option<(CallableId, String)>, Stop> {
    if Hole::is(arg.value) {
        call.faulty = true;
        return Ok(None);
    }
    let name = function_name(arg.value);
    if !takes(arg.value, 0) {
        let message = format!("the scenario `{name}` needs arguments, and nobody gives them");
        let finding = Diagnostic::new(Code::WrongType, arg.span, message).label("takes parameters");
        call.report(finding.help("a scenario is a function without parameters; wrap it: lambda: f(1)"))?;
        return Ok(None);
    }
    Ok(register(call, arg).map(|id| (id, name)))
}

/// Registers an expectation, which is called with what the scenario returned.
pub(super) fn expectation<'v>(
    call: &mut Call<'v, '_, '_, '_>,
    arg: &Arg<'v>,
) -> Result<Option<CallableId>, Stop> {
    if Hole::is(arg.value) {
        return Ok(None);
    }
    if !takes(arg.value, 1) {
        let message = "an expectation takes one argument: what the scenario returned";
        let finding = Diagnostic::new(Code::WrongType, arg.span, message).label("takes another number");
        call.report(finding.help("write: lambda r: assert_eq(r.status, 503)"))?;
        return Ok(None);
    }
    Ok(register(call, arg))
}

fn register<'v>(call: &mut Call<'v, '_, '_, '_>, arg: &Arg<'v>) -> Option<CallableId> {
    let load = call.context.load()?;
    let written = call.context.session.written;
    let span = definition(written, arg.value, arg.span);
    Some(remember(load, call.eval.module(), arg.value, span))
}

/// Puts the function into the module's list, where it survives freezing, unless it is there already.
pub(super) fn remember<'v>(
    load: &LoadState<'_>,
    module: &Module<'v>,
    value: Value<'v>,
    span: Span,
) -> CallableId {
    let known: Vec<Value<'v>> = module
        .extra_value()
        .and_then(ListRef::from_value)
        .map(|list| list.content().to_vec())
        .unwrap_or_default();
    let place = load.module.get();
    let slot = known.iter().position(|other| other.ptr_eq(value));
    let mut draft = load.draft.borrow_mut();
    if let Some(slot) = slot {
        let at = draft.callables.iter().position(|known| known.module == place && known.slot == slot);
        if let Some(at) = at {
            return CallableId(at as u32);
        }
    }
    let slot = known.len();
    let list = module.heap().alloc(AllocList(known.into_iter().chain([value])));
    module.set_extra_value(list);
    draft.callables.push(Callable { name: function_name(value), span, module: place, slot });
    CallableId((draft.callables.len() - 1) as u32)
}

/// Where a function is defined: its `def`, or the lambda as written.
fn definition(written: &Written, value: Value<'_>, written_at: Span) -> Span {
    let name = function_name(value);
    if name == "lambda" {
        return written_at;
    }
    written.function(&name, written_at.file).unwrap_or(written_at)
}

pub(super) fn definition_of_global(written: &Written, name: &str, at: Span, file: FileId) -> Span {
    written.outline(file).function(name).map_or(at, |function| function.signature)
}

/// The name a function was defined under; `lambda` for lambdas.
pub(super) fn function_name(value: Value<'_>) -> String {
    let name = value.function_name().map_or_else(|| value.to_str(), str::to_owned);
    // Starlark qualifies nested functions with their file in some versions; people know the bare name.
    name.rsplit('.').next().unwrap_or_default().to_owned()
}

/// True when the function can be called with `count` values.
pub(super) fn takes(value: Value<'_>, count: usize) -> bool {
    value.parameters_spec().is_none_or(|spec| spec.can_fill_with_args(count, &[]))
}

/// Where the call stands in the root spec: the outermost call there, or the load that led here.
pub(super) fn anchor(call: &Call<'_, '_, '_, '_>, load: &LoadState<'_>) -> u32 {
    if let Some(anchor) = load.anchor.get() {
        return anchor;
    }
    let written = call.context.session.written;
    let frames = call.eval.call_stack().into_frames();
    let places = frames.iter().filter_map(|frame| frame.location.as_ref());
    let outermost = places.filter_map(|location| written.span(location)).find(|span| span.file == load.root);
    outermost.map_or(0, |span| span.start)
}
