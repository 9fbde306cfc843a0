//! Builtins, names that are not supported yet, and expectations, as callable values.

use crate::diagnostic::{Code, Diagnostic};
use crate::spec::builtins;
use crate::spec::failure::Stop;
use crate::spec::registry::{self, Builtin};
use crate::spec::session::Context;
use allocative::Allocative;
use derive_more::Display;
use starlark::any::ProvidesStaticType;
use starlark::eval::{Arguments, Evaluator};
use starlark::starlark_simple_value;
use starlark::values::{Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, starlark_value};
use std::fmt;
use std::time::Duration;

/// A builtin.
#[derive(Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("{}", builtin.name)]
pub(in crate::spec) struct Native {
    #[allocative(skip)]
    pub builtin: &'static Builtin,
}

/// A name of the original language that this version does not have.
#[derive(Debug, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("{name}")]
pub(in crate::spec) struct NotSupported {
    pub name: &'static str,
}

/// What an expectation factory returns: a function of the scenario's value.
#[derive(Debug, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("{kind}")]
pub(in crate::spec) struct Expectation {
    #[allocative(skip)]
    pub kind: ExpectationKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Display)]
pub(in crate::spec) enum ExpectationKind {
    #[display("expect_success")]
    Success,
    #[display("expect_error_within")]
    ErrorWithin(Option<Duration>),
    #[display("expect_hang")]
    Hang,
}

starlark_simple_value!(Native);
starlark_simple_value!(NotSupported);
starlark_simple_value!(Expectation);

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.builtin.name)
    }
}

#[starlark_value(type = "function")]
impl<'v> StarlarkValue<'v> for Native {
    fn invoke(
        &self,
        _me: Value<'v>,
        args: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        Ok(builtins::call(self.builtin, args, eval)?)
    }
}

#[starlark_value(type = "not_supported")]
impl<'v> StarlarkValue<'v> for NotSupported {
    fn get_attr(&self, _attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        Some(heap.alloc(NotSupported { name: self.name }))
    }

    /// Loading reports every use from the text; this is for uses the text does not show.
    fn invoke(
        &self,
        _me: Value<'v>,
        _args: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        let context = *Context::of(eval)?;
        let finding = not_supported(self.name, context.call_span(eval));
        match context.load() {
            Some(load) => {
                load.findings.borrow_mut().push_unless_at(finding);
                Ok(eval.heap().alloc(super::Hole))
            }
            None => Err(Stop::from(finding).into()),
        }
    }
}

#[starlark_value(type = "function")]
impl<'v> StarlarkValue<'v> for Expectation {
    fn invoke(
        &self,
        _me: Value<'v>,
        args: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        Ok(builtins::assertions::judge(self.kind, args, eval)?)
    }
}

/// The finding about a use of `name`.
pub(crate) fn not_supported(name: &str, span: crate::text::Span) -> Diagnostic {
    let instead = registry::not_supported(name).unwrap_or("leave it out");
    Diagnostic::new(Code::NotSupported, span, format!("`{name}` is not supported yet"))
        .label("not supported yet")
        .help(instead)
}
