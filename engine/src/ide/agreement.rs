//! What several values have in common. A finding must hold whichever of them a spec meets, so what they do not share is
//! not known.

use super::value::{InterfaceShape, ServiceShape, Value};
use std::rc::Rc;

/// The shape all values have; unknown when one is, when two differ, and when there are none.
///
/// `None` stands back: it has no attributes, so whoever asks for one holds another of the values.
pub(super) fn agreed<'a>(values: impl IntoIterator<Item = Value<'a>>) -> Value<'a> {
    let mut shared: Option<Value<'a>> = None;
    for value in values {
        let next = match shared {
            None => value,
            Some(known) => both(known, value),
        };
        if matches!(next, Value::Unknown) {
            return next;
        }
        shared = Some(next);
    }
    shared.unwrap_or(Value::Unknown)
}

fn both<'a>(first: Value<'a>, second: Value<'a>) -> Value<'a> {
    match (&first, &second) {
        (Value::None, _) => second,
        (_, Value::None) => first,
        (Value::List(one), Value::List(two)) => {
            Value::List(Rc::new(agreed([(**one).clone(), (**two).clone()])))
        }
        (Value::Struct(one), Value::Struct(two)) => Value::Struct(Rc::new(fields(one, two))),
        _ if is_same(&first, &second) => first,
        _ => Value::Unknown,
    }
}

type Fields<'a> = [(String, Value<'a>)];

/// The fields of either struct; a field of both is what they agree on.
fn fields<'a>(one: &Fields<'a>, two: &Fields<'a>) -> Vec<(String, Value<'a>)> {
    let find = |fields: &Fields<'a>, name: &str| {
        fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let shared = one.iter().map(|(name, value)| match find(two, name) {
        Some(other) => (name.clone(), agreed([value.clone(), other])),
        None => (name.clone(), value.clone()),
    });
    let further = two.iter().filter(|(name, _)| find(one, name).is_none()).cloned();
    shared.chain(further).collect()
}

fn is_same(first: &Value<'_>, second: &Value<'_>) -> bool {
    match (first, second) {
        (Value::Builtin(one), Value::Builtin(two)) => std::ptr::eq(*one, *two),
        (Value::Service(one), Value::Service(two)) => are_alike(one, two),
        (Value::Interface(one, at), Value::Interface(two, other)) => {
            let (here, there) = (&one.interfaces[*at], &two.interfaces[*other]);
            here.protocol == there.protocol && have_same_operations(one, two)
        }
        (Value::Step(.., one), Value::Step(.., two)) => std::ptr::eq(*one, *two),
        (Value::Function(one), Value::Function(two)) => {
            one.node == two.node && one.file.path == two.file.path
        }
        (Value::Assumption(one), Value::Assumption(two)) => one == two,
        _ => std::mem::discriminant(first) == std::mem::discriminant(second),
    }
}

/// True for services that offer the same; their names may differ.
fn are_alike(one: &ServiceShape, two: &ServiceShape) -> bool {
    let is_alike = |(here, there): (&InterfaceShape, &InterfaceShape)| {
        here.name == there.name && here.protocol == there.protocol
    };
    one.has_all_interfaces == two.has_all_interfaces
        && one.interfaces.len() == two.interfaces.len()
        && one.interfaces.iter().zip(&two.interfaces).all(is_alike)
        && have_same_operations(one, two)
}

fn have_same_operations(one: &ServiceShape, two: &ServiceShape) -> bool {
    one.has_all_operations == two.has_all_operations && one.operations == two.operations
}
