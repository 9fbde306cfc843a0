//! A placeholder where a value could not be made.

use allocative::Allocative;
use derive_more::Display;
use starlark::any::ProvidesStaticType;
use starlark::eval::{Arguments, Evaluator};
use starlark::starlark_simple_value;
use starlark::values::{Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, starlark_value};

/// Stands for a value whose making was reported. It goes along with everything, so that evaluation goes on and finds
/// what else is wrong; nothing more is reported about it.
#[derive(Debug, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("?")]
pub(in crate::spec) struct Hole;

starlark_simple_value!(Hole);

impl Hole {
    pub(in crate::spec) fn is(value: Value<'_>) -> bool {
        Hole::from_value(value).is_some()
    }
}

#[starlark_value(type = "unknown")]
impl<'v> StarlarkValue<'v> for Hole {
    fn get_attr(&self, _attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        Some(heap.alloc(Hole))
    }

    fn has_attr(&self, _attribute: &str, _heap: Heap<'v>) -> bool {
        true
    }

    fn invoke(
        &self,
        _me: Value<'v>,
        _args: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        Ok(eval.heap().alloc(Hole))
    }

    fn at(&self, _index: Value<'v>, heap: Heap<'v>) -> starlark::Result<Value<'v>> {
        Ok(heap.alloc(Hole))
    }

    fn iterate_collect(&self, _heap: Heap<'v>) -> starlark::Result<Vec<Value<'v>>> {
        Ok(Vec::new())
    }

    fn length(&self) -> starlark::Result<i32> {
        Ok(0)
    }

    fn add(&self, _rhs: Value<'v>, heap: Heap<'v>) -> Option<starlark::Result<Value<'v>>> {
        Some(Ok(heap.alloc(Hole)))
    }

    fn radd(&self, _lhs: Value<'v>, heap: Heap<'v>) -> Option<starlark::Result<Value<'v>>> {
        Some(Ok(heap.alloc(Hole)))
    }

    fn is_in(&self, _other: Value<'v>) -> starlark::Result<bool> {
        Ok(false)
    }

    fn write_hash(&self, _hasher: &mut starlark::collections::StarlarkHasher) -> starlark::Result<()> {
        Ok(())
    }

    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(Hole::is(other))
    }
}
