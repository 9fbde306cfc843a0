//! `fault_assumption(...)`.

use crate::model::AssumptionName;
use allocative::Allocative;
use derive_more::Display;
use starlark::any::ProvidesStaticType;
use starlark::collections::StarlarkHasher;
use starlark::starlark_simple_value;
use starlark::values::{Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, starlark_value};
use std::hash::Hash;

/// A declared assumption, known by its name; usable in the tuple keys of a matrix.
#[derive(Debug, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("<fault_assumption {name}>")]
pub(in crate::spec) struct AssumptionValue {
    #[allocative(skip)]
    pub name: AssumptionName,
    /// Its rules, for bodies that install it.
    #[allocative(skip)]
    pub rules: std::sync::Arc<Vec<crate::model::Rule>>,
}

starlark_simple_value!(AssumptionValue);

#[starlark_value(type = "fault_assumption")]
impl<'v> StarlarkValue<'v> for AssumptionValue {
    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        (attribute == "name").then(|| heap.alloc(self.name.as_str()))
    }

    fn dir_attr(&self) -> Vec<String> {
        vec!["name".to_owned()]
    }

    fn write_hash(&self, hasher: &mut StarlarkHasher) -> starlark::Result<()> {
        self.name.hash(hasher);
        Ok(())
    }

    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(AssumptionValue::from_value(other).is_some_and(|other| other.name == self.name))
    }
}
