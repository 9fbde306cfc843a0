//! `parallel` and `print`.

use super::optional;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Domain, ParamType};
use crate::spec::call::{Arg, Call};
use crate::spec::coroutine::{self, Body};
use crate::spec::failure::{Interruption, SpecFailure, SpecFailureKind, Stop};
use crate::spec::registry::{Builtin, Context as When, Group, Keywords, Rest};
use crate::spec::session::Context;
use crate::spec::{accept, guard, register};
use starlark::eval::Evaluator;
use starlark::values::Value;
use starlark::values::list::AllocList;
use std::cell::RefCell;

/// Branches of one `parallel`; each has a stack of its own.
const MAX_BRANCHES: usize = 256;

pub(super) const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "parallel",
        params: &[optional(
            "interleavings",
            ParamType::Any,
            "None",
            Domain::None,
            "Exploring several orders is not supported yet.",
        )],
        positional: 0,
        rest: Rest::Many("argument", ParamType::Any),
        keywords: Keywords::Closed,
        context: When::Body,
        returns: "list",
        group: Group::Control,
        snippet: true,
        doc: "Calls functions at once and returns the list of their results. Branches take turns at steps, in an order drawn from the seed.",
        run: parallel,
    },
    Builtin {
        name: "print",
        params: &[],
        positional: 0,
        rest: Rest::Many("value", ParamType::Any),
        keywords: Keywords::Closed,
        context: When::Both,
        returns: "None",
        group: Group::Control,
        snippet: false,
        doc: "Writes the values to the test's log.",
        run: print,
    },
];

fn parallel<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    if let Some(arg) = call.get("interleavings") {
        let span = arg.name_span.unwrap_or(arg.span);
        let finding =
            Diagnostic::new(Code::NotSupported, span, "parallel() `interleavings` is not supported yet");
        call.report(finding.help("leave it out; try other orders with --seed"))?;
    }
    let functions = functions(call)?;
    let results: RefCell<Vec<Option<starlark::Result<Value<'v>>>>> =
        RefCell::new(functions.iter().map(|_| None).collect());
    let Some(state) = call.context.perform() else { return Err(call.nothing_runs()) };
    let (session, context, module) = (call.context.session, call.context, call.eval.module());
    let Some(numberings) = context.numbers.branches(functions.len()) else {
        let finding = Diagnostic::new(Code::BadValue, call.span, "parallel() is nested too deeply");
        return Err(finding.into());
    };
    let bodies = functions.iter().zip(&numberings).enumerate().map(|(at, (function, numbers))| -> Body<'_> {
        let (results, function, line) = (&results, *function, state.new_line());
        Box::new(move |branch| {
            let context = Context { session, branch: Some(branch), numbers, line };
            context.goes_on();
            let mut eval = Evaluator::new(module);
            // Other branches hold values of this heap that a collection would not see.
            eval.disable_gc();
            eval.extra = Some(&context);
            guard::arm(&mut eval, session);
            let result = eval.eval_function(function, &[], &[]);
            results.borrow_mut()[at] = Some(result);
        })
    });
    let bodies: Vec<Body<'_>> = bodies.collect();
    let mut wait = |tickets: &[crate::spec::stage::Ticket]| context.wait(&*state.stage, tickets);
    let ran = coroutine::run(bodies, state.stage.seed(), &mut wait);
    context.numbers.join(&numberings);
    context.goes_on();
    ran.map_err(|error| {
        let message = format!("parallel() cannot start a branch: {error}");
        SpecFailure::new(SpecFailureKind::Evaluation, message, Some(call.span))
    })?;
    let mut values = Vec::new();
    for (at, result) in results.into_inner().into_iter().enumerate() {
        match result {
            Some(Ok(value)) => values.push(value),
            Some(Err(error)) => return Err(branch_failed(at, error)),
            None => return Err(SpecFailure::refused(crate::spec::Refusal::Cancelled, call.span).into()),
        }
    }
    Ok(call.heap().alloc(AllocList(values)))
}

fn functions<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Vec<Value<'v>>, Stop> {
    let given = std::mem::take(&mut call.rest);
    if !(2..=MAX_BRANCHES).contains(&given.len()) {
        let message = if given.len() < 2 {
            "parallel() requires at least 2 callables".to_owned()
        } else {
            format!("parallel() takes at most {MAX_BRANCHES} callables")
        };
        call.report(Diagnostic::new(Code::MissingArgument, call.span, message))?;
    }
    for (at, arg) in given.iter().enumerate() {
        if !accept::is_callable(arg.value) || !register::takes(arg.value, 0) {
            let finding = not_callable(call, at, arg);
            call.report(finding)?;
        }
    }
    Ok(given.iter().map(|arg| arg.value).collect())
}

fn not_callable(call: &Call<'_, '_, '_, '_>, at: usize, arg: &Arg<'_>) -> Diagnostic {
    let text = call.context.session.written.sources.text(arg.span);
    let got = arg.value.get_type();
    let message = if accept::is_callable(arg.value) {
        format!("parallel() argument {} takes parameters, and nobody gives them", at + 1)
    } else {
        format!("parallel() argument {} is not callable (got {got})", at + 1)
    };
    Diagnostic::new(Code::WrongType, arg.span, message)
        .label("needs a function without parameters")
        .help(format!("wrap it: lambda: {text}"))
}

/// The branch's failure, with which branch it was.
fn branch_failed(at: usize, error: starlark::Error) -> Stop {
    let named = |text: &str| format!("parallel() callable {} failed: {text}", at + 1);
    if let starlark::ErrorKind::Native(inner) = error.kind()
        && let Some(Interruption::Failure(failure)) = inner.downcast_ref::<Interruption>()
    {
        let mut failure = failure.clone();
        let ours = matches!(failure.kind, SpecFailureKind::Cancelled | SpecFailureKind::Unprepared);
        if !ours {
            failure.message = named(&failure.message);
        }
        return Stop::Failure(failure);
    }
    Stop::Starlark(error.with_context(named("")))
}

fn print<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let texts: Vec<String> = call.rest.iter().map(|arg| arg.value.to_str()).collect();
    let text = texts.join(" ");
    match (call.context.load(), call.context.perform()) {
        (Some(load), _) => load.prints.borrow_mut().push((text, call.span)),
        (None, Some(state)) => state.stage.print(&text, Some(call.span)),
        (None, None) => {}
    }
    Ok(Value::new_none())
}
