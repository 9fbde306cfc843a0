//! Calling what was loaded: frozen functions of a spec, performed against a stage.

use super::draft::Callable;
use super::errors;
use super::failure::{SpecFailure, SpecFailureKind};
use super::guard;
use super::numbering::Numbering;
use super::session::{Context, PerformState, Phase, Session, Written};
use super::stage::Stage;
use super::values::{Expectation, ExpectationKind, ResponseValue};
use super::{Limits, convert};
use crate::model::{CallableId, StepId};
use crate::text::{FileId, Span};
use starlark::environment::Module;
use starlark::eval::Evaluator;
use starlark::values::list::ListRef;
use starlark::values::{Heap, OwnedFrozenValue, Value, ValueLike};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// The frozen functions of a loaded spec. Shared between threads; each performance has a heap of its own.
pub struct Program {
    written: Written,
    /// Per file, in the order of evaluation, the list of its registered functions.
    lists: Vec<Option<OwnedFrozenValue>>,
    callables: Vec<Callable>,
}

/// What to call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Performance {
    pub body: CallableId,
    /// Judges what the body returned.
    pub expect: Option<CallableId>,
}

/// How it went.
#[derive(Debug, Clone, PartialEq)]
pub struct Performed {
    /// What the body returned; `None` when it failed.
    pub returned: Option<Returned>,
    pub failure: Option<SpecFailure>,
    /// How many assertions were looked at, the one that failed included.
    pub assertions: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// As a spec would write it, shortened.
    pub text: String,
    /// The step whose reply it is.
    pub step: Option<StepId>,
}

impl Program {
    pub(super) fn new(
        written: Written,
        lists: Vec<Option<OwnedFrozenValue>>,
        callables: Vec<Callable>,
    ) -> Program {
        Program { written, lists, callables }
    }

    /// The name of a function; `lambda` for lambdas. `id` comes from this program's spec.
    pub fn name(&self, id: CallableId) -> &str {
        &self.callables[id.0 as usize].name
    }

    /// Where a function is defined. `id` comes from this program's spec.
    pub fn span(&self, id: CallableId) -> Span {
        self.callables[id.0 as usize].span
    }

    /// Whether a scenario that does not end in time is what its expectation waits for.
    pub fn expects_hang(&self, performance: &Performance) -> bool {
        let Some(expect) = performance.expect else { return false };
        Module::with_temp_heap(|module| {
            let function = self.function(expect, module.heap());
            let factory = function.and_then(|function| function.downcast_ref::<Expectation>());
            factory.is_some_and(|expectation| expectation.kind == ExpectationKind::Hang)
        })
    }

    /// Calls the body, then the expectation with what the body returned.
    ///
    /// Runs on the calling thread, which needs [`super::STACK_BYTES`] of stack, and blocks while the stage does.
    pub fn perform(&self, performance: &Performance, stage: Rc<dyn Stage>, limits: &Limits) -> Performed {
        let session = Session {
            written: &self.written,
            phase: Phase::Perform(PerformState {
                stage: Rc::clone(&stage),
                reads: Default::default(),
                assertions: Cell::new(0),
                in_expect: Cell::new(false),
                started: RefCell::default(),
                branches: Cell::new(0),
            }),
            limits: *limits,
            statement: Cell::new(None),
        };
        let ended = catch_unwind(AssertUnwindSafe(|| self.evaluate(&session, performance)));
        let (returned, failure) = ended.unwrap_or_else(|_| {
            let text = "evaluation needs more than this machine has";
            let failure = SpecFailure::new(SpecFailureKind::Limit, text, session.statement.get());
            (None, Some(failure))
        });
        let Phase::Perform(state) = &session.phase else {
            return Performed { returned, failure, assertions: 0 };
        };
        let failure = failure.map(|mut failure| {
            failure.in_expect = state.in_expect.get();
            if failure.reads.is_empty() {
                failure.reads = state.take_reads();
            }
            failure
        });
        Performed { returned, failure, assertions: state.assertions.get() }
    }

    fn evaluate(
        &self,
        session: &Session<'_>,
        performance: &Performance,
    ) -> (Option<Returned>, Option<SpecFailure>) {
        let numbers = Numbering::default();
        let context = Context { session, branch: None, numbers: &numbers, line: 0 };
        Module::with_temp_heap(|module| {
            let mut eval = Evaluator::new(&module);
            eval.extra = Some(&context);
            // Values of this call live in Rust frames that a collection would not see.
            eval.disable_gc();
            guard::arm(&mut eval, session);
            let value = match self.call(performance.body, &[], &mut eval, session) {
                Ok(value) => value,
                Err(failure) => return (None, Some(*failure)),
            };
            let returned = Some(describe(value));
            let (Some(expect), Phase::Perform(state)) = (performance.expect, &session.phase) else {
                return (returned, None);
            };
            state.in_expect.set(true);
            state.forget_reads();
            state.stage.enter_expect();
            let judged = self.call(expect, &[value], &mut eval, session);
            let failure = match judged.map(|said| said.unpack_bool()) {
                Err(failure) => Some(*failure),
                Ok(Some(false)) => Some(self.refusal(expect)),
                Ok(Some(true)) => {
                    state.assertions.set(state.assertions.get() + 1);
                    None
                }
                Ok(None) => None,
            };
            (returned, failure)
        })
    }

    /// The failure of an expectation that returned False.
    fn refusal(&self, expect: CallableId) -> SpecFailure {
        let text = "expect returned False";
        let mut failure = SpecFailure::new(SpecFailureKind::Assertion, text, Some(self.span(expect)));
        failure
            .help
            .push("assertions say what was wrong: expect = lambda r: assert_eq(r.status, 503)".to_owned());
        failure
    }

    fn call<'v>(
        &self,
        id: CallableId,
        args: &[Value<'v>],
        eval: &mut Evaluator<'v, '_, '_>,
        session: &Session<'_>,
    ) -> Result<Value<'v>, Box<SpecFailure>> {
        let Some(function) = self.function(id, eval.heap()) else {
            let text = "this function is not part of the loaded spec";
            return Err(Box::new(SpecFailure::new(SpecFailureKind::Evaluation, text, None)));
        };
        eval.eval_function(function, args, &[]).map_err(|error| {
            let mut failure = errors::failure(&error, session);
            // A builtin that no line of the spec calls, such as `expect_success()`: it stands where it was handed over.
            if failure.span.is_none_or(|span| span == Span::start_of(FileId(0))) {
                failure.span = Some(self.span(id));
            }
            Box::new(failure)
        })
    }

    fn function<'v>(&self, id: CallableId, heap: Heap<'v>) -> Option<Value<'v>> {
        let callable = self.callables.get(id.0 as usize)?;
        let list = heap.access_owned_frozen_value(self.lists.get(callable.module)?.as_ref()?);
        ListRef::from_value(list)?.content().get(callable.slot).copied()
    }
}

fn describe(value: Value<'_>) -> Returned {
    let step = ResponseValue::from_value(value).map(|response| response.reply.step);
    Returned { text: convert::shown(value), step }
}
