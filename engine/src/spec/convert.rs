//! Values of Starlark to plain data and back.

use super::values::Hole;
use crate::model::Data;
use serde_json::Number;
use starlark::values::bytes::StarlarkBytes;
use starlark::values::dict::{AllocDict, DictRef};
use starlark::values::float::UnpackFloat;
use starlark::values::list::{AllocList, ListRef};
use starlark::values::tuple::TupleRef;
use starlark::values::{Heap, UnpackValue, Value};

/// Data nested deeper than this is refused, since turning it into JSON recurses.
const MAX_DEPTH: usize = 100;
/// Longest rendering of a value in a message, in characters.
const MAX_SHOWN: usize = 60;

/// A whole number that fits 64 bits.
pub(super) fn int(value: Value<'_>) -> Option<i64> {
    if value.unpack_bool().is_some() {
        return None;
    }
    i64::unpack_value(value).ok().flatten()
}

pub(super) fn float(value: Value<'_>) -> Option<f64> {
    if value.get_type() != "float" {
        return None;
    }
    UnpackFloat::unpack_value(value).ok().flatten().map(|UnpackFloat(float)| float)
}

/// A value as plain data; `Err` names the type that is none.
pub(super) fn data(value: Value<'_>) -> Result<Data, String> {
    data_at(value, 0)
}

fn data_at(value: Value<'_>, depth: usize) -> Result<Data, String> {
    if depth > MAX_DEPTH {
        return Err("data nested too deep".to_owned());
    }
    if value.is_none() || Hole::is(value) {
        return Ok(Data::None);
    }
    if let Some(text) = value.unpack_str() {
        return Ok(Data::Text(text.to_owned()));
    }
    if let Some(flag) = value.unpack_bool() {
        return Ok(Data::Bool(flag));
    }
    if let Some(int) = int(value) {
        return Ok(Data::Number(int.into()));
    }
    if let Some(float) = float(value) {
        return Number::from_f64(float)
            .map(Data::Number)
            .ok_or_else(|| "a number JSON cannot hold".to_owned());
    }
    if let Some(bytes) = StarlarkBytes::from_value(value) {
        return Ok(Data::bytes(bytes.as_bytes()));
    }
    if let Some(list) = ListRef::from_value(value) {
        let items: Result<_, String> = list.iter().map(|item| data_at(item, depth + 1)).collect();
        return items.map(Data::List);
    }
    if let Some(tuple) = TupleRef::from_value(value) {
        let items: Result<_, String> = tuple.iter().map(|item| data_at(item, depth + 1)).collect();
        return items.map(Data::List);
    }
    let Some(dict) = DictRef::from_value(value) else { return Err(type_words(value)) };
    let mut entries: Vec<(String, Data)> = Vec::new();
    for (key, value) in dict.iter() {
        if StarlarkBytes::from_value(key).is_some() {
            return Err("a dict with bytes as a key".to_owned());
        }
        let key = key.unpack_str().map_or_else(|| key.to_str(), str::to_owned);
        entries.push((key, data_at(value, depth + 1)?));
    }
    Ok(Data::Dict(entries))
}

/// Plain data as a value of the spec.
pub(super) fn from_data<'v>(data: &Data, heap: Heap<'v>) -> Value<'v> {
    match data {
        Data::None => Value::new_none(),
        Data::Bool(flag) => Value::new_bool(*flag),
        Data::Bytes(bytes) => heap.alloc(StarlarkBytes::new(bytes)),
        Data::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(int), _, _) => heap.alloc(int),
            (None, Some(int), _) => heap.alloc(int),
            (None, None, float) => heap.alloc(float.unwrap_or(f64::NAN)),
        },
        Data::Text(text) => heap.alloc(text.as_str()),
        Data::List(items) => heap.alloc(AllocList(items.iter().map(|item| from_data(item, heap)))),
        Data::Dict(entries) => {
            let entries = entries.iter().map(|(key, value)| (key.as_str(), from_data(value, heap)));
            heap.alloc(AllocDict(entries.collect::<Vec<_>>()))
        }
    }
}

/// A text for a place that takes text only: strings as they are, ints and bools written out.
pub(super) fn text(value: Value<'_>) -> Option<String> {
    if let Some(text) = value.unpack_str() {
        return Some(text.to_owned());
    }
    if value.unpack_bool().is_some() || int(value).is_some() {
        return Some(value.to_str());
    }
    None
}

/// How a message names the type of a value.
pub(super) fn type_words(value: Value<'_>) -> String {
    match value.get_type() {
        "NoneType" => "None",
        "string" => "a string",
        "int" => "an int",
        "float" => "a float",
        "bool" => "a bool",
        "bytes" => "bytes",
        "list" => "a list",
        "dict" => "a dict",
        "tuple" => "a tuple",
        "function" => "a function",
        "service" => "a service",
        "interface" => "an interface(...)",
        "interface_ref" => "an interface of a service",
        "fault" => "a syscall fault",
        "protocol_rule" => "a protocol rule",
        "fault_assumption" => "a fault_assumption",
        "response" => "a response",
        other => return format!("a {other}"),
    }
    .to_owned()
}

/// A value as a spec would write it, shortened.
pub(super) fn shown(value: Value<'_>) -> String {
    let repr = value.to_repr();
    if repr.chars().count() <= MAX_SHOWN {
        return repr;
    }
    repr.chars().take(MAX_SHOWN).chain("...".chars()).collect()
}
