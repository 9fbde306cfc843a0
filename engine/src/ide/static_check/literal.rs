//! The value of an expression that holds nothing but literals.

use crate::ide::FileView;
use crate::model::Data;
use crate::syntax::lexer::{Operator, decode_bytes};
use crate::syntax::{NodeId, NodeKind};

/// Literals within literals beyond this are not looked at.
const MAX_DEPTH: u32 = 16;

/// The plain data that an expression writes out; `None` where a name or a call is in it.
pub(super) fn data(file: FileView<'_>, node: NodeId) -> Option<Data> {
    data_at(file, node, 0)
}

fn data_at(file: FileView<'_>, node: NodeId, depth: u32) -> Option<Data> {
    if depth > MAX_DEPTH {
        return None;
    }
    let tree = file.tree();
    Some(match tree.kind(node) {
        NodeKind::String(literal) if literal.closed => Data::Text(literal.value.clone()),
        NodeKind::Bytes => Data::bytes(decode_bytes(tree.text_of(node))?),
        NodeKind::Int => Data::Number(tree.text_of(node).parse::<i64>().ok()?.into()),
        NodeKind::Float => Data::Number(serde_json::Number::from_f64(tree.text_of(node).parse().ok()?)?),
        NodeKind::Unary { operator: Operator::Minus, operand } => match data_at(file, *operand, depth + 1)? {
            Data::Number(number) => Data::Number(number.as_i64()?.checked_neg()?.into()),
            _ => return None,
        },
        NodeKind::Paren { inner } => data_at(file, *inner, depth + 1)?,
        NodeKind::Name if file.scopes.resolve(node).is_none() => match tree.text_of(node) {
            "None" => Data::None,
            "True" => Data::Bool(true),
            "False" => Data::Bool(false),
            _ => return None,
        },
        NodeKind::List { items } | NodeKind::Tuple { items } => {
            Data::List(items.iter().map(|&item| data_at(file, item, depth + 1)).collect::<Option<_>>()?)
        }
        NodeKind::Dict { entries } => {
            let entry = |&entry: &NodeId| {
                let NodeKind::DictEntry { key, value } = tree.kind(entry) else { return None };
                Some((tree.string_value(*key)?.to_owned(), data_at(file, *value, depth + 1)?))
            };
            Data::Dict(entries.iter().map(entry).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}
