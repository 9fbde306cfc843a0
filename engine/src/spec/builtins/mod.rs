//! The builtins, theme by theme: each file holds its registry entries and their implementation.

pub(super) mod assertions;
mod control;
mod data;
mod inject;
mod interface;
mod matrix;
mod model;
mod readiness;
pub(super) mod rules;
pub(crate) mod steps;
pub(super) mod syscalls;
pub(crate) mod topology;

use super::call::Call;
use super::failure::{SpecFailure, SpecFailureKind, Stop};
use super::registry::{Builtin, Context as When};
use super::session::Context;
use super::shape::Signature;
use super::values::Hole;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Domain, Param, ParamType};
use starlark::eval::{Arguments, Evaluator};
use starlark::values::Value;

/// What carries a builtin out.
pub(super) type Run = for<'v, 'c, 'a, 'e> fn(&mut Call<'v, 'c, 'a, 'e>) -> Result<Value<'v>, Stop>;

/// The entries of every theme, in the order of the manual.
pub(super) const THEMES: &[&[Builtin]] = &[
    topology::BUILTINS,
    interface::BUILTINS,
    readiness::BUILTINS,
    model::BUILTINS,
    matrix::BUILTINS,
    rules::BUILTINS,
    syscalls::BUILTINS,
    assertions::BUILTINS,
    inject::BUILTINS,
    data::BUILTINS,
    control::BUILTINS,
];

/// A parameter the caller must give.
const fn required(name: &'static str, ty: ParamType, domain: Domain, doc: &'static str) -> Param {
    Param { name, ty, default: None, domain, doc }
}

/// A parameter with a default, written as a spec would write it.
const fn optional(
    name: &'static str,
    ty: ParamType,
    default: &'static str,
    domain: Domain,
    doc: &'static str,
) -> Param {
    Param { name, ty, default: Some(default), domain, doc }
}

/// Calls a builtin: checks when it may be called, binds its arguments, carries it out.
pub(super) fn call<'v>(
    builtin: &'static Builtin,
    args: &Arguments<'v, '_>,
    eval: &mut Evaluator<'v, '_, '_>,
) -> Result<Value<'v>, Stop> {
    let builtin = match builtin.name {
        "delay" => rules::delay_form(args, eval.heap())?,
        _ => builtin,
    };
    let context = *Context::of(eval)?;
    if let Some(finding) = misplaced(builtin, &context, eval) {
        return match context.load() {
            Some(load) => {
                load.findings.borrow_mut().push(context.traced(finding, eval));
                Ok(eval.heap().alloc(Hole))
            }
            None => {
                let span = Some(finding.primary.span);
                let mut failure = SpecFailure::new(SpecFailureKind::Evaluation, finding.message, span);
                failure.help = finding.help;
                Err(failure.into())
            }
        };
    }
    let mut call = Call::bind(Signature::from(builtin), args, eval)?;
    (builtin.run)(&mut call)
}

fn misplaced(builtin: &Builtin, context: &Context<'_>, eval: &Evaluator<'_, '_, '_>) -> Option<Diagnostic> {
    let name = builtin.name;
    match (builtin.context, context.load().is_some()) {
        (When::Both, _) | (When::Load, true) | (When::Body, false) => None,
        (When::Body, true) => Some(only_in_test(name, context.call_span(eval))),
        (When::Load, false) => Some(only_at_load(name, context.call_span(eval))),
    }
}

/// Something only allowed while the spec loads is done in a running test.
pub(crate) fn only_at_load(name: &str, span: crate::text::Span) -> Diagnostic {
    let message = format!("{name}() belongs to loading the spec, and a running test cannot call it");
    Diagnostic::new(Code::OnlyAtLoad, span, message)
        .label("only at the top level")
        .help("move it to the top level of the spec")
}

/// Something only a running test can do is done while the spec loads.
pub(crate) fn only_in_test(name: &str, span: crate::text::Span) -> Diagnostic {
    Diagnostic::new(
        Code::OnlyInTest,
        span,
        format!("{name}() runs only in a test, and the spec is being loaded"),
    )
    .label("nothing runs yet")
    .help("move it into a function: `def test_name():` or a scenario")
}
