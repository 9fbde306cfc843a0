//! A step in the few words reports use.

use crate::model::{Data, StepCall};

/// Longest argument text in a summary, in characters.
const SHORT_ARGUMENT: usize = 60;

/// `POST /data/testkey`, `SET user:1 x`, `query SELECT 1`: the method in the protocol's own words, then what it acts on.
pub(super) fn summary(call: &StepCall) -> String {
    let mut text = match call.method {
        "get" | "post" | "put" | "delete" | "patch" | "head" | "options" | "set" | "del" | "incr" => {
            call.method.to_uppercase()
        }
        other => other.to_owned(),
    };
    for name in ["cmd", "path", "key", "pattern", "sql", "data", "value", "args"] {
        if let Some(value) = call.args.get(name).filter(|value| !value.is_none()) {
            text.push(' ');
            text.push_str(&short(value));
        }
    }
    text
}

fn short(value: &Data) -> String {
    let text = match value {
        Data::Text(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHORT_ARGUMENT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
