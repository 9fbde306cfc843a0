//! Functions and methods of Starlark itself that specs use, in a line each.

use super::infer::Inference;
use super::value::Value;
use crate::syntax::{NodeId, NodeKind};

/// A function or method.
pub(super) struct StandardFunction {
    pub name: &'static str,
    pub signature: &'static str,
    pub doc: &'static str,
}

const fn entry(name: &'static str, signature: &'static str, doc: &'static str) -> StandardFunction {
    StandardFunction { name, signature, doc }
}

/// The function or method a call means, when the text tells.
pub(super) fn of_call(inference: &Inference<'_>, call: NodeId) -> Option<&'static StandardFunction> {
    let file = inference.snapshot.file;
    let NodeKind::Call { callee, .. } = file.tree().kind(call) else { return None };
    let (among, name) = match file.tree().kind(*callee) {
        NodeKind::Name if file.scopes.resolve(*callee).is_none() => (FUNCTIONS, file.tree().text_of(*callee)),
        NodeKind::Attribute { object, name } => (methods(&inference.of(*object)), file.tree().str(name.span)),
        _ => return None,
    };
    among.iter().find(|function| function.name == name)
}

/// The methods a value has; none of one that is not known.
fn methods(value: &Value<'_>) -> &'static [StandardFunction] {
    match value {
        Value::Str => STR,
        Value::Bytes => BYTES,
        Value::List(_) => LIST,
        Value::Dict => DICT,
        Value::Headers => HEADERS,
        _ => &[],
    }
}

/// Functions every spec has.
pub(super) const FUNCTIONS: &[StandardFunction] = &[
    entry("len", "len(x)", "The number of items, or of bytes of a string."),
    entry("str", "str(x)", "The value as text."),
    entry("bytes", "bytes(x)", "The UTF-8 of a text, or the bytes of numbers from 0 to 255."),
    entry("int", "int(x, base=10)", "A number from text or a number."),
    entry("float", "float(x)", "A number with a fraction."),
    entry("bool", "bool(x)", "Whether the value counts as true."),
    entry("range", "range(start=0, stop, step=1)", "Numbers from start up to, and without, stop."),
    entry("list", "list(x)", "The items as a list."),
    entry("dict", "dict(pairs, **fields)", "A dict of the pairs."),
    entry("tuple", "tuple(x)", "The items as a tuple."),
    entry("struct", "struct(**fields)", "A value with these attributes."),
    entry("sorted", "sorted(x, key=None, reverse=False)", "The items in order."),
    entry("reversed", "reversed(x)", "The items from the last to the first."),
    entry("enumerate", "enumerate(x, start=0)", "Pairs of index and item."),
    entry("zip", "zip(a, b, ...)", "Tuples of the items side by side."),
    entry("all", "all(x)", "True when every item counts as true."),
    entry("any", "any(x)", "True when some item counts as true."),
    entry("min", "min(a, b, ...)", "The least."),
    entry("max", "max(a, b, ...)", "The greatest."),
    entry("abs", "abs(x)", "The number without its sign."),
    entry("repr", "repr(x)", "The value as a spec would write it."),
    entry("type", "type(x)", "The name of the value's type."),
    entry("hasattr", "hasattr(x, name)", "Whether the value has the attribute."),
    entry("getattr", "getattr(x, name, default)", "An attribute by name."),
    entry("dir", "dir(x)", "The names of the value's attributes."),
    entry("hash", "hash(x)", "A number made of the text."),
    entry("chr", "chr(x)", "The character of a code point."),
    entry("ord", "ord(x)", "The code point of a character."),
    entry("fail", "fail(message)", "Ends the evaluation with this message."),
];

/// The function of this name.
pub(super) fn find(name: &str) -> Option<&'static StandardFunction> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

/// Methods of strings.
pub(super) const STR: &[StandardFunction] = &[
    entry("format", "format(*args, **kwargs)", "Fills in the places in braces."),
    entry("join", "join(items)", "The items with this text between them."),
    entry("split", "split(separator)", "The parts between separators."),
    entry("splitlines", "splitlines()", "The lines."),
    entry("strip", "strip()", "Without blanks at both ends."),
    entry("lstrip", "lstrip()", "Without blanks at the start."),
    entry("rstrip", "rstrip()", "Without blanks at the end."),
    entry("startswith", "startswith(prefix)", "Whether it starts so."),
    entry("endswith", "endswith(suffix)", "Whether it ends so."),
    entry("replace", "replace(old, new)", "With every `old` replaced."),
    entry("find", "find(text)", "Where the text starts; -1 when it is not there."),
    entry("count", "count(text)", "How often the text occurs."),
    entry("lower", "lower()", "In lower case."),
    entry("upper", "upper()", "In upper case."),
    entry("title", "title()", "With capitals."),
    entry("partition", "partition(separator)", "What is before, the separator, what is behind."),
    entry("removeprefix", "removeprefix(prefix)", "Without the prefix."),
    entry("removesuffix", "removesuffix(suffix)", "Without the suffix."),
    entry("elems", "elems()", "The characters."),
    entry("isdigit", "isdigit()", "Whether all characters are digits."),
];

/// Methods of bytes.
pub(super) const BYTES: &[StandardFunction] =
    &[entry("elems", "elems()", "The bytes, each as bytes of length 1.")];

/// Methods of lists.
pub(super) const LIST: &[StandardFunction] = &[
    entry("append", "append(item)", "Adds an item at the end."),
    entry("extend", "extend(items)", "Adds the items at the end."),
    entry("insert", "insert(index, item)", "Puts an item in."),
    entry("pop", "pop(index=-1)", "Takes an item out."),
    entry("remove", "remove(item)", "Takes the first such item out."),
    entry("index", "index(item)", "Where the item is."),
    entry("clear", "clear()", "Takes everything out."),
];

/// Methods of dicts.
pub(super) const DICT: &[StandardFunction] = &[
    entry("get", "get(key, default=None)", "The value of a key, or the default."),
    entry("keys", "keys()", "The keys."),
    entry("values", "values()", "The values."),
    entry("items", "items()", "Pairs of key and value."),
    entry("pop", "pop(key, default)", "Takes a value out."),
    entry("setdefault", "setdefault(key, default)", "The value of a key, set when it is missing."),
    entry("update", "update(pairs)", "Puts the pairs in."),
    entry("clear", "clear()", "Takes everything out."),
];

/// Methods of the headers of a response.
pub(super) const HEADERS: &[StandardFunction] = &[
    entry(
        "get",
        "get(name, default=None)",
        "The header's value, or the default; names compare without case.",
    ),
    entry("keys", "keys()", "Names in lower case."),
    entry("items", "items()", "Pairs of name and value."),
];
