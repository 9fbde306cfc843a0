//! `re("...")`.

use allocative::Allocative;
use derive_more::Display;
use starlark::any::ProvidesStaticType;
use starlark::starlark_simple_value;
use starlark::values::{NoSerialize, StarlarkPagablePanic, StarlarkValue, starlark_value};

/// A regular expression for a matcher.
#[derive(Debug, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("re({text:?})")]
pub(in crate::spec) struct PatternValue {
    pub text: String,
}

starlark_simple_value!(PatternValue);

#[starlark_value(type = "re")]
impl<'v> StarlarkValue<'v> for PatternValue {}
