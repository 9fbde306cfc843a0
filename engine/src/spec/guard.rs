//! Bounds on an evaluation: steps, memory, nesting, and whether the test is cancelled.
//!
//! Starlark looks at its own limits every thousand steps and never inside an operation, so one doubling string could
//! take gigabytes between two looks. Every statement is a look here, and the operators that multiply memory check
//! the size of their result before they make it.

use super::Limits;
use super::convert;
use super::failure::{Interruption, SpecFailure, SpecFailureKind};
use super::session::{Context, Phase, Session};
use crate::text::Span;
use allocative::Allocative;
use derive_more::Display;
use starlark::any::ProvidesStaticType;
use starlark::codemap::FileSpanRef;
use starlark::environment::GlobalsBuilder;
use starlark::eval::{Arguments, BeforeStmtFunc, BeforeStmtFuncDyn, Evaluator};
use starlark::starlark_simple_value;
use starlark::values::bytes::StarlarkBytes;
use starlark::values::list::ListRef;
use starlark::values::range::Range;
use starlark::values::tuple::TupleRef;
use starlark::values::{Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, starlark_value};
use std::collections::HashMap;

/// Values below this length are not worth a look.
const SMALL: usize = 4096;
/// Longest string, in bytes, and longest list, in items, that `+` and `*` may make.
const MAX_LENGTH: usize = 16 * 1024 * 1024;
/// Widest int `*` may make, in decimal digits of its operands together.
const MAX_DIGITS: usize = 10_000;
/// Longest `range`, since turning one into a list takes its length in memory.
const MAX_RANGE: i64 = 10_000_000;

/// Names the operators are replaced with; no spec can write them.
const ADD: &str = "$add";
const MULTIPLY: &str = "$multiply";

/// Sets the limits of an evaluator and looks at them before every statement.
pub(super) fn arm<'v, 'a, 'e: 'a>(eval: &mut Evaluator<'v, 'a, 'e>, session: &'e Session<'e>) {
    let Limits { max_ticks, max_heap_bytes, max_call_depth } = session.limits;
    // These fail when a limit is zero or set twice; zero is no limit anybody wants.
    let _ = eval.set_max_tick_count(max_ticks.max(1));
    let _ = eval.set_max_heap_size(max_heap_bytes.max(1));
    let _ = eval.set_max_callstack_size(max_call_depth.max(1));
    if let Phase::Perform(state) = &session.phase {
        eval.set_check_cancelled(Box::new(move || state.stage.is_cancelled()));
    }
    eval.before_stmt_for_dap(BeforeStmtFunc::from_dyn(Box::new(Look)));
}

struct Look;

impl<'e> BeforeStmtFuncDyn<'e> for Look {
    fn call<'v>(
        &mut self,
        span: FileSpanRef,
        _continued: bool,
        eval: &mut Evaluator<'v, '_, 'e>,
    ) -> starlark::Result<()> {
        let session = Context::of(eval)?.session;
        let span = session.written.span(&span.to_file_span());
        session.statement.set(span.or(session.statement.get()));
        if eval.heap().allocated_bytes() > session.limits.max_heap_bytes {
            return Err(limit(memory_text(&session.limits), span));
        }
        match &session.phase {
            Phase::Perform(state) if state.stage.is_cancelled() => {
                let failure = SpecFailure::new(SpecFailureKind::Cancelled, "the test was cancelled", span);
                Err(starlark::Error::new_native(Interruption::Failure(Box::new(failure))))
            }
            Phase::Perform(_) | Phase::Load(_) => Ok(()),
        }
    }
}

pub(super) fn memory_text(limits: &Limits) -> String {
    format!("evaluation used more than {} MiB of memory", limits.max_heap_bytes / (1024 * 1024))
}

fn limit(message: impl Into<String>, span: Option<Span>) -> starlark::Error {
    let failure = SpecFailure::new(SpecFailureKind::Limit, message, span);
    starlark::Error::new_native(Interruption::Failure(Box::new(failure)))
}

/// Which operators of a module are replaced by the checked ones.
pub(super) fn replacements() -> HashMap<String, String> {
    HashMap::from([("+".to_owned(), ADD.to_owned()), ("*".to_owned(), MULTIPLY.to_owned())])
}

/// The checked operators and a `range` of bounded length.
pub(super) fn install(globals: &mut GlobalsBuilder) {
    globals.set(ADD, Checked::Add);
    globals.set(MULTIPLY, Checked::Multiply);
    globals.set("range", Checked::Range);
}

#[derive(Debug, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
pub(super) enum Checked {
    #[display("+")]
    Add,
    #[display("*")]
    Multiply,
    #[display("range")]
    Range,
}

starlark_simple_value!(Checked);

#[starlark_value(type = "function")]
impl<'v> StarlarkValue<'v> for Checked {
    fn invoke(
        &self,
        _me: Value<'v>,
        args: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let heap = eval.heap();
        args.no_named_args()?;
        let given: Vec<Value<'v>> = args.positions(heap)?.collect();
        match (self, given.as_slice()) {
            (Checked::Range, bounds) => range(bounds, heap),
            (Checked::Add, [a, b]) => {
                check_size(length(*a).saturating_add(length(*b)), eval)?;
                a.add(*b, heap)
            }
            (Checked::Multiply, [a, b]) => {
                let times =
                    |value: &Value<'v>| convert::int(*value).map(|int| usize::try_from(int).unwrap_or(0));
                let size = match (times(a), times(b)) {
                    (Some(_), Some(_)) => 0,
                    (Some(times), None) => length(*b).saturating_mul(times),
                    (None, Some(times)) => length(*a).saturating_mul(times),
                    (None, None) => 0,
                };
                check_size(size, eval)?;
                check_digits(*a, *b)?;
                a.mul(*b, heap)
            }
            (Checked::Add | Checked::Multiply, _) => Err(limit("an operator has two operands", None)),
        }
    }
}

/// Bytes of a string or bytes, items of a list or tuple; other values do not grow.
fn length(value: Value<'_>) -> usize {
    if let Some(text) = value.unpack_str() {
        return text.len();
    }
    if let Some(bytes) = StarlarkBytes::from_value(value) {
        return bytes.len();
    }
    let list = ListRef::from_value(value).map(|list| list.len());
    list.or_else(|| TupleRef::from_value(value).map(|tuple| tuple.len())).unwrap_or(0)
}

fn check_size(size: usize, eval: &Evaluator<'_, '_, '_>) -> starlark::Result<()> {
    if size <= SMALL {
        return Ok(());
    }
    let session = Context::of(eval)?.session;
    if size > MAX_LENGTH {
        return Err(limit(format!("a value of {size} bytes or items is too large"), None));
    }
    if eval.heap().allocated_bytes() > session.limits.max_heap_bytes {
        return Err(limit(memory_text(&session.limits), None));
    }
    Ok(())
}

fn check_digits(a: Value<'_>, b: Value<'_>) -> starlark::Result<()> {
    let big = |value: Value<'_>| value.get_type() == "int" && convert::int(value).is_none();
    if (big(a) || big(b)) && a.to_str().len() + b.to_str().len() > MAX_DIGITS {
        return Err(limit(format!("an int of more than {MAX_DIGITS} digits is too large"), None));
    }
    Ok(())
}

fn range<'v>(bounds: &[Value<'v>], heap: Heap<'v>) -> starlark::Result<Value<'v>> {
    let ints: Option<Vec<i32>> =
        bounds.iter().map(|&bound| convert::int(bound).and_then(|int| i32::try_from(int).ok())).collect();
    let (start, stop, step) = match ints.as_deref() {
        Some(&[stop]) => (0, stop, 1),
        Some(&[start, stop]) => (start, stop, 1),
        Some(&[start, stop, step]) => (start, stop, step),
        Some(_) | None => return Err(starlark::Error::new_native(BadRange)),
    };
    let Some(step) = std::num::NonZeroI32::new(step) else {
        return Err(starlark::Error::new_native(BadRange));
    };
    let count = (i64::from(stop) - i64::from(start)) / i64::from(step.get());
    if count > MAX_RANGE {
        return Err(limit(format!("range() of {count} values is too long; at most {MAX_RANGE}"), None));
    }
    Ok(heap.alloc(Range::new(start, stop, step)))
}

#[derive(Debug, thiserror::Error)]
#[error("range() takes one to three ints, and a step that is not 0")]
struct BadRange;
