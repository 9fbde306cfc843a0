//! Whether a value may stand where a parameter of some type is wanted.

use super::convert;
use super::values::{
    AssumptionValue, FaultValue, HealthcheckValue, Hole, InterfaceRef, InterfaceValue, PatternValue,
    RuleValue, ServiceValue,
};
use crate::model::ParamType;
use starlark::values::Value;
use starlark::values::bytes::StarlarkBytes;
use starlark::values::dict::DictRef;
use starlark::values::list::ListRef;
use starlark::values::tuple::TupleRef;

/// True when `value` has the type. Whether its content makes sense is looked at where it is used.
pub(super) fn accepts(ty: ParamType, value: Value<'_>) -> bool {
    let is_str = value.unpack_str().is_some();
    let is_bytes = StarlarkBytes::from_value(value).is_some();
    let is_int = convert::int(value).is_some();
    let is_dict = DictRef::from_value(value).is_some();
    match ty {
        ParamType::Str | ParamType::Duration => is_str,
        ParamType::StrOrBytes => is_str || is_bytes,
        ParamType::Int => is_int,
        ParamType::Number => is_int || convert::float(value).is_some(),
        ParamType::Bool => value.unpack_bool().is_some(),
        ParamType::Probability => is_str || is_int || convert::float(value).is_some(),
        ParamType::Body => is_str || is_bytes || is_dict || ListRef::from_value(value).is_some(),
        ParamType::Data => convert::data(value).is_ok(),
        ParamType::StrDict | ParamType::Dict => is_dict,
        ParamType::StrList | ParamType::List => items(value).is_some(),
        ParamType::Pattern => is_str || PatternValue::from_value(value).is_some(),
        ParamType::PatternOrTable => is_str || is_dict || PatternValue::from_value(value).is_some(),
        ParamType::Callable => is_callable(value),
        ParamType::Service => ServiceValue::from_value(value).is_some(),
        ParamType::Interface => InterfaceValue::from_value(value).is_some(),
        ParamType::InterfaceRef => InterfaceRef::from_value(value).is_some(),
        ParamType::ServiceOrInterface => {
            ServiceValue::from_value(value).is_some() || InterfaceRef::from_value(value).is_some()
        }
        ParamType::Healthcheck => HealthcheckValue::from_value(value).is_some(),
        ParamType::Assumption => AssumptionValue::from_value(value).is_some(),
        ParamType::Assumptions => AssumptionValue::from_value(value).is_some() || items(value).is_some(),
        ParamType::SyscallFault => FaultValue::from_value(value).is_some(),
        ParamType::ProtocolRule => RuleValue::from_value(value).is_some() || items(value).is_some(),
        ParamType::Any => true,
    }
}

/// The items of a list or tuple.
pub(super) fn items<'v>(value: Value<'v>) -> Option<&'v [Value<'v>]> {
    let list = ListRef::from_value(value).map(|list| list.content());
    list.or_else(|| TupleRef::from_value(value).map(|tuple| tuple.content()))
}

/// True for functions and lambdas of the spec, and for what expectation factories return.
pub(super) fn is_callable(value: Value<'_>) -> bool {
    Hole::is(value)
        || value.parameters_spec().is_some()
        || matches!(value.get_type(), "function" | "native_function" | "step_method")
}
