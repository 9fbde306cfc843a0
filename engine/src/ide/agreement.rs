//! What several values have in common. A finding must hold whichever of them a spec meets, so what they do not share is
//! not known.

use super::value::{InterfaceShape, ServiceShape, Value};
use std::rc::Rc;

/// Values that are compared before nothing counts as known; enough for real specs, and a bound for hostile ones.
const FUEL: usize = 20_000;

/// The shape all values have; unknown when one is, when two differ, and when there are none.
///
/// `None` stands back: it has no attributes, so whoever asks for one holds another of the values.
pub(super) fn agreed<'a>(values: impl IntoIterator<Item = Value<'a>>) -> Value<'a> {
    Agreement { fuel: FUEL }.of(values)
}

struct Agreement {
    fuel: usize,
}

impl Agreement {
    fn of<'a>(&mut self, values: impl IntoIterator<Item = Value<'a>>) -> Value<'a> {
        let mut shared: Option<Value<'a>> = None;
        for value in values {
            let next = match shared {
                None => value,
                Some(known) => self.both(known, value),
            };
            if matches!(next, Value::Unknown) {
                return next;
            }
            shared = Some(next);
        }
        shared.unwrap_or(Value::Unknown)
    }

    fn both<'a>(&mut self, first: Value<'a>, second: Value<'a>) -> Value<'a> {
        match (&first, &second) {
            _ if !self.burn(1) => Value::Unknown,
            (Value::None, _) => second,
            (_, Value::None) => first,
            (Value::List(one), Value::List(two)) => Value::list(self.both((**one).clone(), (**two).clone())),
            (Value::Struct(one), Value::Struct(two)) if Rc::ptr_eq(one, two) => first,
            (Value::Struct(one), Value::Struct(two)) => {
                // Every field is looked for among the others.
                if !self.burn(one.len() * two.len()) {
                    return Value::Unknown;
                }
                Value::structure(self.fields(one, two))
            }
            _ if is_same(&first, &second) => first,
            _ => Value::Unknown,
        }
    }

    fn burn(&mut self, fuel: usize) -> bool {
        let left = self.fuel.checked_sub(fuel);
        self.fuel = left.unwrap_or(0);
        left.is_some()
    }

    /// The fields of either struct; a field of both is what they agree on.
    fn fields<'a>(&mut self, one: &Fields<'a>, two: &Fields<'a>) -> Vec<(String, Value<'a>)> {
        let find = |fields: &Fields<'a>, name: &str| {
            fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        let shared = one.iter().map(|(name, value)| match find(two, name) {
            Some(other) => (name.clone(), self.both(value.clone(), other)),
            None => (name.clone(), value.clone()),
        });
        let further = two.iter().filter(|(name, _)| find(one, name).is_none()).cloned();
        shared.chain(further).collect()
    }
}

type Fields<'a> = [(String, Value<'a>)];

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
