//! One call of a builtin or step: its arguments bound to parameters, each with its own span, and the findings about it.

use super::failure::{SpecFailure, SpecFailureKind, Stop};
use super::outline::{ArgKind, CallSite, ExprShape, ExprSite};
use super::registry::Rest;
use super::session::Context;
use super::shape::{self, Signature};
use super::values::Hole;
use super::{accept, convert, handed};
use crate::diagnostic::{Code, Diagnostic, Edit, Fix};
use crate::model::{Param, ParamType};
use crate::text::Span;
use starlark::eval::{Arguments, Evaluator};
use starlark::values::{Heap, Value};
use std::time::Duration;

/// A call being carried out.
pub(super) struct Call<'v, 'c, 'a, 'e> {
    pub eval: &'c mut Evaluator<'v, 'a, 'e>,
    pub context: Context<'e>,
    pub signature: Signature<'c>,
    /// The whole call.
    pub span: Span,
    bound: Vec<Option<Arg<'v>>>,
    /// Positionals behind the parameters.
    pub rest: Vec<Arg<'v>>,
    /// Keywords outside the parameters, in the order written.
    pub extra: Vec<(String, Arg<'v>)>,
    /// Something about it was reported, so that it gives back a placeholder.
    pub faulty: bool,
}

/// One argument with where it is written.
#[derive(Clone, Copy)]
pub(super) struct Arg<'v> {
    pub value: Value<'v>,
    /// The value's expression.
    pub span: Span,
    /// The keyword, when it has one.
    pub name_span: Option<Span>,
}

impl<'v, 'c, 'a, 'e> Call<'v, 'c, 'a, 'e> {
    /// Binds the arguments. Findings about their number and types are reported as they are met.
    pub(super) fn bind(
        signature: Signature<'c>,
        args: &Arguments<'v, '_>,
        eval: &'c mut Evaluator<'v, 'a, 'e>,
    ) -> Result<Call<'v, 'c, 'a, 'e>, Stop> {
        let context = *Context::of(eval)?;
        let span = context.call_span(eval);
        let heap = eval.heap();
        let positional: Vec<Value<'v>> = args.positions(heap)?.collect();
        let named: Vec<(String, Value<'v>)> =
            args.names_map()?.into_iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect();
        let mut call = Call {
            eval,
            context,
            span,
            bound: vec![None; signature.params.len()],
            signature,
            rest: Vec::new(),
            extra: Vec::new(),
            faulty: false,
        };
        call.place(positional, named)?;
        call.check_types()?;
        Ok(call)
    }

    fn place(&mut self, positional: Vec<Value<'v>>, named: Vec<(String, Value<'v>)>) -> Result<(), Stop> {
        let names: Vec<&str> = named.iter().map(|(name, _)| name.as_str()).collect();
        let shape = shape::bind(&self.signature, positional.len(), &names);
        for (at, value) in positional.into_iter().enumerate() {
            let arg = Arg { value, span: self.positional_span(at), name_span: None };
            match shape.positional[at] {
                shape::Slot::Param(param) => self.bound[param] = Some(arg),
                shape::Slot::Rest => self.rest.push(arg),
                shape::Slot::Extra | shape::Slot::Nowhere => {}
            }
        }
        for ((name, value), slot) in named.into_iter().zip(&shape.named) {
            let (span, name_span) = self.named_span(&name);
            let arg = Arg { value, span, name_span };
            match slot {
                shape::Slot::Param(param) => self.bound[*param] = Some(arg),
                shape::Slot::Extra => self.extra.push((name, arg)),
                shape::Slot::Rest | shape::Slot::Nowhere => {}
            }
        }
        let site = self.site().cloned();
        for fault in &shape.faults {
            let finding = shape::finding(&self.signature, fault, self.span, site.as_ref());
            self.report(finding)?;
        }
        Ok(())
    }

    fn check_types(&mut self) -> Result<(), Stop> {
        for (at, param) in self.signature.params.iter().enumerate() {
            let Some(arg) = self.bound[at] else { continue };
            let unset = arg.value.is_none() && param.default == Some("None");
            if Hole::is(arg.value) || unset {
                // A hole was reported where it was made.
                self.bound[at] = None;
                self.faulty |= !unset;
            } else if !accept::accepts(param.ty, arg.value) {
                self.bound[at] = None;
                let finding = self.wrong_type(param, &arg);
                self.report(finding)?;
            }
        }
        if let Rest::Many(what, ty) = self.signature.rest {
            for arg in std::mem::take(&mut self.rest) {
                if accept::accepts(ty, arg.value) || Hole::is(arg.value) {
                    self.rest.push(arg);
                    continue;
                }
                let finding = self.wrong(what, ty.words(), &arg);
                self.report(finding)?;
            }
        }
        Ok(())
    }

    fn wrong_type(&self, param: &Param, arg: &Arg<'v>) -> Diagnostic {
        let is_function = param.ty == ParamType::Callable;
        if let Some(handed) =
            is_function.then(|| handed::result(self.context.session.written, arg.span)).flatten()
        {
            return handed;
        }
        let finding = self.wrong(&format!("{}=", param.name), param.ty.words(), arg);
        match self.written(arg) {
            Some(site) => mended(finding, param.ty, &site.shape),
            None => finding,
        }
    }

    /// A value of a type that does not belong here.
    pub(super) fn wrong(&self, what: &str, wanted: &str, arg: &Arg<'v>) -> Diagnostic {
        let got = convert::type_words(arg.value);
        let message = format!("{}() {what} must be {wanted}, not {got}", self.signature.name);
        Diagnostic::new(Code::WrongType, arg.span, message).label(format!("this is {got}"))
    }

    /// Records a finding while the spec loads; ends the evaluation in a running test.
    pub(super) fn report(&mut self, finding: Diagnostic) -> Result<(), Stop> {
        self.faulty = true;
        let finding = self.with_use(finding);
        match self.context.load() {
            Some(load) => {
                let finding = self.context.traced(finding, self.eval);
                load.findings.borrow_mut().push(finding);
                Ok(())
            }
            None => Err(self.broken(finding)),
        }
    }

    /// What is wrong with the rule of a recipe is told with the place that uses it, as nobody can mend the recipe.
    fn with_use(&self, finding: Diagnostic) -> Diagnostic {
        let is_recipe = |span: Span| self.context.session.written.is_recipe(span);
        if is_recipe(self.span) || !is_recipe(finding.primary.span) {
            return finding;
        }
        finding.also(self.get("rules").map_or(self.span, |rules| rules.span), "used here")
    }

    /// The failure a finding amounts to in a running test.
    fn broken(&self, finding: Diagnostic) -> Stop {
        let span = finding.primary.span;
        let mut failure = SpecFailure::new(SpecFailureKind::Evaluation, finding.message, Some(span));
        failure.label = finding.primary.text;
        failure.help = finding.help;
        failure.into()
    }

    pub(super) fn heap(&self) -> Heap<'v> {
        self.eval.heap()
    }

    /// The call in the syntax tree; `None` for calls Starlark makes itself.
    pub(super) fn site(&self) -> Option<&'e CallSite> {
        self.context.session.written.call(self.span)
    }

    fn positional_span(&self, at: usize) -> Span {
        let positional = |site: &CallSite| {
            let given = site.args.iter().filter(|arg| arg.kind == ArgKind::Positional).nth(at);
            given
                .or_else(|| site.args.iter().find(|arg| arg.kind == ArgKind::Spread))
                .map(|arg| arg.value.span)
        };
        self.site().and_then(positional).unwrap_or(self.span)
    }

    fn named_span(&self, name: &str) -> (Span, Option<Span>) {
        let Some(site) = self.site() else { return (self.span, None) };
        for arg in &site.args {
            match &arg.kind {
                ArgKind::Named(written, name_span) if written == name => {
                    return (arg.value.span, Some(*name_span));
                }
                ArgKind::Named(..) | ArgKind::Positional | ArgKind::Spread | ArgKind::SpreadNamed => {}
            }
        }
        let spread = site.args.iter().find(|arg| arg.kind == ArgKind::SpreadNamed);
        (spread.map_or(self.span, |arg| arg.value.span), None)
    }

    /// The expression of an argument.
    pub(super) fn written(&self, arg: &Arg<'v>) -> Option<&'e ExprSite> {
        let args = self.site()?.args.iter();
        args.map(|site| &site.value).find(|site| site.span == arg.span)
    }

    /// Spans of the items of a list argument; the whole argument when it is no literal.
    pub(super) fn item_span(&self, arg: &Arg<'v>, at: usize) -> Span {
        match self.written(arg).map(|site| &site.shape) {
            Some(ExprShape::Items(items)) => items.get(at).copied().unwrap_or(arg.span),
            _ => arg.span,
        }
    }

    /// Spans of key and value of an entry of a dict argument.
    pub(super) fn entry_span(&self, arg: &Arg<'v>, at: usize) -> (Span, Span) {
        match self.written(arg).map(|site| &site.shape) {
            Some(ExprShape::Entries(entries)) => entries.get(at).copied().unwrap_or((arg.span, arg.span)),
            _ => (arg.span, arg.span),
        }
    }

    /// The argument of a parameter; `None` when it is absent, None, or was reported.
    pub(super) fn get(&self, name: &str) -> Option<Arg<'v>> {
        let at = self.signature.params.iter().position(|param| param.name == name)?;
        self.bound[at]
    }

    pub(super) fn str(&self, name: &str) -> Option<&'v str> {
        self.get(name)?.value.unpack_str()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name).and_then(|arg| arg.value.unpack_bool()).unwrap_or(false)
    }

    /// A duration parameter; one that cannot be read is reported and absent.
    pub(super) fn duration(&mut self, name: &str) -> Result<Option<Duration>, Stop> {
        let Some(arg) = self.get(name) else { return Ok(None) };
        let text = arg.value.unpack_str().unwrap_or_default();
        match crate::model::parse_duration(text) {
            Some(duration) => Ok(Some(duration)),
            None => {
                let finding = bad_duration(self.signature.name, text, arg.span);
                self.report(finding)?;
                Ok(None)
            }
        }
    }

    /// Whole numbers of at least `least`.
    pub(super) fn count(&mut self, name: &str, least: u64) -> Result<Option<u64>, Stop> {
        let Some(arg) = self.get(name) else { return Ok(None) };
        let number = convert::int(arg.value).and_then(|number| u64::try_from(number).ok());
        if let Some(number) = number.filter(|&number| number >= least) {
            return Ok(Some(number));
        }
        let message = format!("{}() {name}= must be at least {least}", self.signature.name);
        let label = format!("this is {}", convert::shown(arg.value));
        self.report(Diagnostic::new(Code::BadValue, arg.span, message).label(label))?;
        Ok(None)
    }

    /// What a call that was reported gives back.
    pub(super) fn hole(&self) -> Value<'v> {
        self.heap().alloc(Hole)
    }

    /// Calls a function of the spec.
    pub(super) fn invoke(&mut self, function: Value<'v>, args: &[Value<'v>]) -> Result<Value<'v>, Stop> {
        Ok(self.eval.eval_function(function, args, &[])?)
    }
}

/// Offers what a value of the wrong type was surely meant as.
pub(super) fn mended(finding: Diagnostic, ty: ParamType, shape: &ExprShape) -> Diagnostic {
    let span = finding.primary.span;
    match (ty, shape) {
        (ParamType::Int | ParamType::Number, ExprShape::Str(text)) => {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if is_number { finding.fix(format!("write {text} without quotes"), span, text) } else { finding }
        }
        (ParamType::Duration, ExprShape::Int(number)) if *number >= 0 => {
            let text = format!("\"{number}ms\"");
            finding.fix(format!("write {text}"), span, text)
        }
        (
            ParamType::List | ParamType::StrList,
            ExprShape::Str(_) | ExprShape::Name(_) | ExprShape::Path(_),
        ) => in_brackets(finding),
        _ => finding,
    }
}

/// Offers to make a list of the one value.
fn in_brackets(mut finding: Diagnostic) -> Diagnostic {
    let span = finding.primary.span;
    let (before, behind) = (Span { end: span.start, ..span }, Span { start: span.end, ..span });
    let edit = |span, text: &str| Edit { span, text: text.to_owned() };
    let edits = vec![edit(before, "["), edit(behind, "]")];
    finding.fixes.push(Fix { title: "make it a list".to_owned(), edits });
    finding
}

pub(super) fn bad_duration(function: &str, text: &str, span: Span) -> Diagnostic {
    let finding =
        Diagnostic::new(Code::BadValue, span, format!("{function}() cannot read \"{text}\" as a duration"))
            .label("not a duration");
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        let with_unit = format!("\"{text}ms\"");
        return finding.help(format!("a duration needs a unit: {with_unit} or \"{text}s\"")).fix(
            format!("write {with_unit}"),
            span,
            with_unit,
        );
    }
    finding.help("write a number and a unit, such as \"150ms\", \"2s\" or \"1m30s\"; at most 24h")
}

impl Call<'_, '_, '_, '_> {
    /// The end of a call that only a running test can make; `builtins::call` refuses such calls before.
    pub(super) fn nothing_runs(&self) -> Stop {
        SpecFailure::refused(super::stage::Refusal::NotInTest, self.span).into()
    }
}
