//! Plain data of a spec: what arguments of rules and steps hold, and what replies give back.
//!
//! JSON with one thing more, bytes: most protocols carry content that is not text.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value as Json};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A value without behaviour.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub enum Data {
    #[default]
    None,
    Bool(bool),
    Number(Number),
    Text(String),
    /// Any bytes, valid UTF-8 or not: `b"\xff"`.
    Bytes(Arc<[u8]>),
    List(Vec<Data>),
    /// In the order written.
    Dict(Vec<(String, Data)>),
}

/// What the bytes of a body are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentKind {
    /// A dict or list, or a text that is a JSON object or array.
    Json,
    Text,
    Bytes,
}

impl Data {
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Data {
        Data::Bytes(bytes.into())
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Data::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Data::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Data::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    pub fn as_dict(&self) -> Option<&[(String, Data)]> {
        match self {
            Data::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    pub fn is_none(&self) -> bool {
        *self == Data::None
    }

    /// The value of a key of a dict.
    pub fn get(&self, key: &str) -> Option<&Data> {
        self.as_dict()?.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// True when there are bytes in it, at any depth: JSON has none.
    pub fn has_bytes(&self) -> bool {
        match self {
            Data::None | Data::Bool(_) | Data::Number(_) | Data::Text(_) => false,
            Data::Bytes(_) => true,
            Data::List(items) => items.iter().any(Data::has_bytes),
            Data::Dict(entries) => entries.iter().any(|(_, value)| value.has_bytes()),
        }
    }

    /// The same as JSON; bytes become text, with U+FFFD where they are not UTF-8.
    pub fn to_json(&self) -> Json {
        match self {
            Data::None => Json::Null,
            Data::Bool(flag) => Json::Bool(*flag),
            Data::Number(number) => Json::Number(number.clone()),
            Data::Text(text) => Json::String(text.clone()),
            Data::Bytes(bytes) => Json::String(String::from_utf8_lossy(bytes).into_owned()),
            Data::List(items) => items.iter().map(Data::to_json).collect(),
            Data::Dict(entries) => {
                Json::Object(entries.iter().map(|(key, value)| (key.clone(), value.to_json())).collect())
            }
        }
    }

    /// The bytes to send for a body: text as UTF-8, bytes as they are, everything else as JSON; nothing for None.
    pub fn content(&self) -> (Cow<'_, [u8]>, ContentKind) {
        match self {
            Data::None => (Cow::Borrowed(&[]), ContentKind::Text),
            Data::Text(text) => {
                let kind = if is_json(text) { ContentKind::Json } else { ContentKind::Text };
                (Cow::Borrowed(text.as_bytes()), kind)
            }
            Data::Bytes(bytes) => (Cow::Borrowed(bytes), ContentKind::Bytes),
            Data::Bool(_) | Data::Number(_) | Data::List(_) | Data::Dict(_) => {
                (Cow::Owned(self.to_json().to_string().into_bytes()), ContentKind::Json)
            }
        }
    }
}

/// True for the text of a JSON object or array. A bare number or word is JSON as well (RFC 8259, section 3), and is
/// taken for plain text here: both are written alike.
pub fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<serde::de::IgnoredAny>(text.trim()).is_ok()
}

impl From<Json> for Data {
    fn from(json: Json) -> Data {
        match json {
            Json::Null => Data::None,
            Json::Bool(flag) => Data::Bool(flag),
            Json::Number(number) => Data::Number(number),
            Json::String(text) => Data::Text(text),
            Json::Array(items) => Data::List(items.into_iter().map(Data::from).collect()),
            Json::Object(map) => Data::from(map),
        }
    }
}

impl From<Map<String, Json>> for Data {
    fn from(map: Map<String, Json>) -> Data {
        Data::Dict(map.into_iter().map(|(key, value)| (key, value.into())).collect())
    }
}

impl From<&str> for Data {
    fn from(text: &str) -> Data {
        Data::Text(text.to_owned())
    }
}

impl From<String> for Data {
    fn from(text: String) -> Data {
        Data::Text(text)
    }
}

impl fmt::Display for Data {
    /// As JSON without spaces, and bytes as a literal of a spec.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Data::Bytes(bytes) => write!(f, "b\"{}\"", bytes.escape_ascii()),
            Data::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Data::Dict(entries) => {
                f.write_str("{")?;
                for (at, (key, value)) in entries.iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    write!(f, "{comma}{}:{value}", Json::String(key.clone()))?;
                }
                f.write_str("}")
            }
            Data::None | Data::Bool(_) | Data::Number(_) | Data::Text(_) => write!(f, "{}", self.to_json()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_body_is_sent_as_what_it_is() {
        let check = |data: Data, bytes: &[u8], kind| {
            assert_eq!(data.content(), (Cow::Borrowed(bytes), kind), "{data}");
        };
        check(Data::None, b"", ContentKind::Text);
        check("\u{ff}".into(), b"\xc3\xbf", ContentKind::Text);
        check(Data::bytes(*b"\xff\x80"), b"\xff\x80", ContentKind::Bytes);
        check(Data::bytes(*b"{}"), b"{}", ContentKind::Bytes);
        check(json!({"b": 1, "a": [null, 1.5]}).into(), br#"{"b":1,"a":[null,1.5]}"#, ContentKind::Json);
        check(" {\"a\": 1}\n".into(), b" {\"a\": 1}\n", ContentKind::Json);
        for text in ["", "{oops", "[1] and more", "42", "true", "\"text\"", "[section]\nkey = 1"] {
            check(text.into(), text.as_bytes(), ContentKind::Text);
        }
    }

    #[test]
    fn bytes_are_shown_as_a_spec_writes_them() {
        let data = Data::List(vec![Data::bytes(*b"\xffa\"\n"), json!({"k": "v", "n": 2}).into()]);
        assert_eq!(data.to_string(), r#"[b"\xffa\"\n",{"k":"v","n":2}]"#);
        assert!(data.has_bytes() && !Data::from(json!([[{"a": 1}]])).has_bytes());
        assert_eq!(Data::Dict(vec![("k".to_owned(), data)]).get("k").unwrap().to_json()[0], "\u{fffd}a\"\n");
    }
}
