//! One message of JSON-RPC 2.0: a request, a notification or an answer, or what the client is told instead.
//!
//! A text may hold what JSON cannot: half of a surrogate pair, which `JSON.stringify` writes as `\ud83d`, and bytes that
//! are not UTF-8, which some editors send as they are. Each becomes U+FFFD, one UTF-16 unit as it is in the client, so
//! that the text is taken and positions stay right.

use serde_json::{Map, Value};
use std::borrow::Cow;
use tower_lsp::jsonrpc::{Error, ErrorCode, Id, Request, Response};

/// What a message is.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    Request(Request),
    Response(Response),
    /// It cannot be understood, and this is the answer.
    Refused(Response),
    /// An answer that cannot be understood, which must not be answered.
    Nothing,
}

/// The answer to a message whose content is of no use.
pub(super) fn unreadable(why: String) -> Incoming {
    refused(Id::Null, ErrorCode::ParseError, why)
}

/// Understands the content of a message.
pub(super) fn decode(body: Vec<u8>) -> Incoming {
    let text = valid(body);
    // RFC 8259, section 8.1: a reader may pass over the mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    match serde_json::from_str(&whole_pairs(text)) {
        Ok(Value::Object(object)) => of_object(object),
        Ok(Value::Array(_)) => invalid(Id::Null, "a batch of messages is not supported"),
        Ok(_) => invalid(Id::Null, "a message is an object"),
        Err(error) => unreadable(format!("the message is not valid JSON: {error}")),
    }
}

fn of_object(mut object: Map<String, Value>) -> Incoming {
    let id = object.remove("id").map(|id| id_of(&id));
    // An id that is none cannot be answered by.
    let known = id.clone().flatten().unwrap_or(Id::Null);
    if object.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
        return invalid(known, "`jsonrpc` is \"2.0\"");
    }
    match object.remove("method") {
        Some(Value::String(method)) => {
            let params = object.remove("params").filter(|params| !params.is_null());
            if params.as_ref().is_some_and(|params| !params.is_object() && !params.is_array()) {
                return invalid(known, "`params` is an object or a list");
            }
            match id {
                Some(None) => invalid(Id::Null, "`id` is a number or a text"),
                id => Incoming::Request(request(method, id.flatten(), params)),
            }
        }
        Some(_) => invalid(known, "`method` is a text"),
        None => answer(known, object),
    }
}

/// `None` for what no id may be.
fn id_of(value: &Value) -> Option<Id> {
    match value {
        Value::Number(number) => number.as_i64().map(Id::Number),
        Value::String(text) => Some(Id::String(text.clone())),
        _ => None,
    }
}

fn request(method: String, id: Option<Id>, params: Option<Value>) -> Request {
    let mut request = Request::build(method);
    if let Some(id) = id {
        request = request.id(id);
    }
    if let Some(params) = params {
        request = request.params(params);
    }
    request.finish()
}

fn answer(id: Id, mut object: Map<String, Value>) -> Incoming {
    if let Some(error) = object.remove("error").filter(|error| !error.is_null()) {
        let error = serde_json::from_value(error);
        return error.map_or(Incoming::Nothing, |error| Incoming::Response(Response::from_error(id, error)));
    }
    match object.remove("result") {
        Some(result) => Incoming::Response(Response::from_ok(id, result)),
        None => invalid(id, "a message has a `method`, a `result` or an `error`"),
    }
}

fn invalid(id: Id, why: &str) -> Incoming {
    refused(id, ErrorCode::InvalidRequest, why.to_owned())
}

fn refused(id: Id, code: ErrorCode, why: String) -> Incoming {
    Incoming::Refused(Response::from_error(id, Error { code, message: Cow::Owned(why), data: None }))
}

// === Texts JSON cannot hold ===

/// The bytes as a text; every byte that is not UTF-8, and every half of a surrogate pair, becomes U+FFFD.
fn valid(bytes: Vec<u8>) -> String {
    let bytes = match String::from_utf8(bytes) {
        Ok(text) => return text,
        Err(error) => error.into_bytes(),
    };
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    while let Err(error) = std::str::from_utf8(rest) {
        let (good, bad) = rest.split_at(error.valid_up_to());
        text.push_str(&String::from_utf8_lossy(good));
        text.push(char::REPLACEMENT_CHARACTER);
        // Halves of a pair, each encoded for itself, have three bytes (Unicode 15, D92 excludes them from UTF-8).
        let is_half = matches!(bad, [0xed, 0xa0..=0xbf, 0x80..=0xbf, ..]);
        rest = &bad[if is_half { 3 } else { 1 }..];
    }
    text.push_str(&String::from_utf8_lossy(rest));
    text
}

/// The JSON with every escaped half of a surrogate pair that lacks the other one as `\ufffd`.
fn whole_pairs(json: &str) -> Cow<'_, str> {
    let mut mended: Option<Vec<u8>> = None;
    let bytes = json.as_bytes();
    let mut at = 0;
    while let Some(found) = json[at..].find('\\') {
        at += found;
        let length = match (escaped(bytes, at), escaped(bytes, at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                let mended = mended.get_or_insert_with(|| bytes.to_vec());
                mended[at..at + 6].copy_from_slice(b"\\ufffd");
                6
            }
            // `\\` and `\"` are two characters of one escape. Another character may be longer, which is an error anyway.
            _ => 2,
        };
        at = json.ceil_char_boundary(at + length);
    }
    match mended {
        // Only ASCII was replaced, by ASCII.
        Some(bytes) => Cow::Owned(String::from_utf8(bytes).unwrap_or_default()),
        None => Cow::Borrowed(json),
    }
}

/// The UTF-16 unit of the escape `\uXXXX` at `at`.
fn escaped(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of a notification with this text, as JSON, in it.
    fn taken(text: &[u8]) -> String {
        let body = [br#"{"jsonrpc":"2.0","method":"m","params":{"text":""#, text, br#""}}"#].concat();
        match decode(body) {
            Incoming::Request(request) => request.params().unwrap()["text"].as_str().unwrap().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_half_of_a_pair_is_one_replacement_character() {
        assert_eq!(taken(br"a\ud83db"), "a\u{fffd}b");
        assert_eq!(taken(br"\ude00"), "\u{fffd}");
        assert_eq!(taken(br"\uD83D\uDE00"), "😀");
        assert_eq!(taken(br"\ud83d\ud83d\ude00\ud83d"), "\u{fffd}😀\u{fffd}");
        assert_eq!(taken(br"\ud83d\n\ude00"), "\u{fffd}\n\u{fffd}");
        assert_eq!(taken(br"\\ud83d \\\ud83d \\\\ud83d"), "\\ud83d \\\u{fffd} \\\\ud83d");
        assert_eq!(taken("é\\\"\\ud83d".as_bytes()), "é\"\u{fffd}");
        assert_eq!(taken(b"\\ud83d"), "\u{fffd}");
        assert_eq!(taken(b"\xed\xa0\xbd\xed\xb8\x80"), "\u{fffd}\u{fffd}");
        assert_eq!(taken(b"caf\xe9 \xf0\x9f\x98!"), "caf\u{fffd} \u{fffd}\u{fffd}\u{fffd}!");
    }

    #[track_caller]
    fn check(body: &str, code: i64, id: &str) {
        let Incoming::Refused(answer) = decode(body.as_bytes().to_vec()) else { panic!("{body}: taken") };
        let answer = serde_json::to_value(answer).unwrap();
        assert_eq!(answer["error"]["code"], code, "{body}: {answer}");
        assert_eq!(answer["id"].to_string(), id, "{body}: {answer}");
    }

    #[test]
    fn what_cannot_be_understood_is_answered_under_its_id_where_that_is_known() {
        for json in
            ["", " ", "{", "{nope}", "{}x", "{'a':1}", "[1,]", "nul", "\u{0}", "{\"a\":\"\\x\"}", "NaN", "\\"]
        {
            check(json, -32700, "null");
        }
        check(&"[".repeat(100_000), -32700, "null");
        for json in
            ["[]", "[{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":1}]", "1", "null", "true", "\"a\"", "{}"]
        {
            check(json, -32600, "null");
        }
        check(r#"{"id":1,"method":"m"}"#, -32600, "1");
        check(r#"{"jsonrpc":2.0,"id":1,"method":"m"}"#, -32600, "1");
        check(r#"{"jsonrpc":"1.0","id":"a","method":"m"}"#, -32600, "\"a\"");
        check(r#"{"jsonrpc":"2.0","id":1}"#, -32600, "1");
        check(r#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600, "1");
        check(r#"{"jsonrpc":"2.0","id":1,"method":"m","params":7}"#, -32600, "1");
        for id in ["null", "1.5", "[1]", "{}", "true", "99999999999999999999"] {
            check(&format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"m"}}"#), -32600, "null");
        }
    }

    #[test]
    fn answers_are_never_answered() {
        let answer = |json: &str| decode(json.as_bytes().to_vec());
        let expected = Response::from_ok(Id::Number(1), Value::Null);
        assert_eq!(answer(r#"{"jsonrpc":"2.0","id":1,"result":null}"#), Incoming::Response(expected));
        assert_eq!(answer(r#"{"jsonrpc":"2.0","id":1,"error":"no"}"#), Incoming::Nothing);
        let both = answer(r#"{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":"no"}}"#);
        assert!(matches!(both, Incoming::Response(answer) if answer.is_error()));
    }

    #[test]
    fn a_mark_before_the_message_and_params_of_null_are_taken() {
        let body = "\u{feff}{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"shutdown\",\"params\":null} ";
        let Incoming::Request(request) = decode(body.into()) else { panic!("refused") };
        assert_eq!(
            (request.method(), request.id(), request.params()),
            ("shutdown", Some(&Id::Number(1)), None)
        );
    }
}
