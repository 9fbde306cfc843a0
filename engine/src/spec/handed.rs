//! Functions that are called where they should be handed over: `scenario(health())`.
//!
//! The call is carried out while the spec loads, and what goes wrong in it, far from here, is not what is wrong.

use super::outline::{ArgKind, CallSite, Callee, ExprShape, FunctionSite, Outline};
use super::registry::{self, Rest};
use super::session::Written;
use super::wording;
use crate::diagnostic::Diagnostic;
use crate::model::ParamType;
use crate::text::Span;

/// The finding about the call at `span`, when it is one of a function of the spec and stands where a function is wanted.
pub(super) fn result(written: &Written, span: Span) -> Option<Diagnostic> {
    let outline = written.outlines.get(span.file.0 as usize)?;
    let call = outline.call(span)?;
    let Callee::Name(name) = &call.callee else { return None };
    let mut outlines = std::iter::once(outline).chain(&written.outlines);
    let (home, function) = outlines.find_map(|outline| Some((outline, outline.function(name)?)))?;
    if makes_function(home, function) {
        return None;
    }
    let is_handed = outline.calls.values().any(|outer| wants_function(outline, outer, span));
    is_handed.then(|| wording::result_not_function(name, span, call.args.is_empty()))
}

/// True when another function stands in it, which it may give back.
fn makes_function(outline: &Outline, function: &FunctionSite) -> bool {
    let whole = function.span;
    let lambdas = outline.lambdas.keys().copied();
    let mut inner = lambdas.chain(outline.functions.iter().map(|other| other.span.start));
    inner.any(|start| whole.start < start && start < whole.end)
}

/// True when a builtin is given what stands at `span` as a function.
fn wants_function(outline: &Outline, outer: &CallSite, span: Span) -> bool {
    let Callee::Name(name) = &outer.callee else { return false };
    let Some(builtin) = registry::find(name).filter(|_| !outline.bound.contains(name)) else { return false };
    let mut position = 0;
    outer.args.iter().any(|arg| {
        let param = match &arg.kind {
            ArgKind::Named(name, _) => builtin.params.iter().find(|param| param.name == name),
            ArgKind::Positional => {
                position += 1;
                builtin.params.get(position - 1).filter(|_| position <= builtin.positional)
            }
            ArgKind::Spread | ArgKind::SpreadNamed => return false,
        };
        let is_rest = param.is_none() && arg.kind == ArgKind::Positional;
        let is_wanted = match param {
            Some(param) => param.ty == ParamType::Callable,
            None => is_rest && matches!(builtin.rest, Rest::Many(_, ParamType::Callable)),
        };
        match &arg.value.shape {
            ExprShape::Items(items) => param.is_some_and(is_list_of_functions) && items.contains(&span),
            _ => is_wanted && arg.value.span == span,
        }
    })
}

/// The rows of a matrix.
pub(crate) fn is_list_of_functions(param: &crate::model::Param) -> bool {
    param.name == "scenarios" && param.ty == ParamType::List
}
