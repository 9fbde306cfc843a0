//! The answer a rule gives: read from the rule's parameters, and refused where HTTP does not allow it.
//!
//! The loader and the relay both read it here, so that what is not refused when the spec loads can be sent.

use crate::model::{ActionKind, Clause, ContentKind, Data, Objection, Params, Pattern};
use std::borrow::Cow;

/// The status of a rule that names none, as the original language has it.
const DEFAULT_STATUS: i64 = 500;

/// What an answer answers, as far as its framing depends on it (RFC 9112, section 6.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Asked {
    Head,
    Connect,
    #[default]
    Other,
}

/// An answer that can be sent.
#[derive(Debug)]
pub struct Answer<'p> {
    pub status: u16,
    /// As the rule words it; `None` for the usual words.
    pub reason: Option<&'p str>,
    /// Names and values as the rule writes them.
    pub headers: Vec<(&'p str, &'p str)>,
    pub content: Cow<'p, [u8]>,
    pub kind: ContentKind,
    /// The rule asks for `Transfer-Encoding: chunked`.
    pub chunked: bool,
}

impl<'p> Answer<'p> {
    /// Reads the parameters of `response` or `error`, of a rule that answers requests of the method `asked` only.
    pub fn read(kind: ActionKind, params: &'p Params, asked: Asked) -> Result<Answer<'p>, Objection> {
        let status = status_of(params.int("status").unwrap_or(DEFAULT_STATUS))?;
        if asked == Asked::Connect && (200..300).contains(&status) {
            // RFC 9110, section 9.3.6.
            let message = format!("a {status} answer to CONNECT opens a tunnel");
            let objection = Objection::new("status", message, "no rule can give it");
            return Err(objection.help("answer CONNECT with another status, or let it pass"));
        }
        let reason = params.str("reason").filter(|reason| !reason.is_empty());
        if reason.is_some_and(|reason| !is_field_value(reason)) {
            return Err(Objection::new(
                "reason",
                "a reason cannot hold a line break or another control character",
                "must fit on the status line",
            ));
        }
        let (content, content_kind) = match kind {
            ActionKind::Error => (error_content(params), ContentKind::Json),
            _ => params.get("body").map_or((Cow::Borrowed(&[][..]), ContentKind::Text), Data::content),
        };
        check_bodiless(kind, status, &content)?;
        let mut answer =
            Answer { status, reason, headers: Vec::new(), content, kind: content_kind, chunked: false };
        for (name, value) in params.get("headers").and_then(Data::as_dict).unwrap_or_default() {
            let value = value.as_str().unwrap_or_default();
            check_header(name, value)?;
            answer.headers.push((name, value));
        }
        answer.check_framing(asked == Asked::Head)?;
        Ok(answer)
    }

    /// The values of a header; names compare without case.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'p str> + 'a {
        let named = self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| *value)
    }

    /// True when an item of the `Connection` header is this option (RFC 9110, section 7.6.1).
    pub fn has_option(&self, option: &str) -> bool {
        self.header("connection").any(|value| items(value).any(|item| item.eq_ignore_ascii_case(option)))
    }

    /// True for the statuses that never have content (RFC 9110, sections 15.3.5, 15.3.6 and 15.4.5).
    pub fn is_bodiless(&self) -> bool {
        is_bodiless(self.status)
    }

    /// The headers that say how long the content is must be right: a client that is misled waits for ever, or takes
    /// the rest for the next answer (RFC 9112, section 6.3).
    fn check_framing(&mut self, for_head: bool) -> Result<(), Objection> {
        let lengths: Vec<&str> = self.header("content-length").collect();
        let codings: Vec<&str> = self.header("transfer-encoding").collect();
        let refuse = |message: String, label: &str| Err(Objection::new("headers", message, label));
        if lengths.len() + codings.len() > 1 {
            let message = "an answer says once how long its content is: Content-Length or Transfer-Encoding";
            return refuse(message.to_owned(), "said more than once");
        }
        if self.status == 204 && lengths.len() + codings.len() > 0 {
            // RFC 9110, section 8.6; RFC 9112, section 6.1.
            return refuse(
                "a 204 answer has no Content-Length or Transfer-Encoding".to_owned(),
                "leave it out",
            );
        }
        if let Some(coding) = codings.first() {
            if !coding.eq_ignore_ascii_case("chunked") {
                let message = format!("an answer cannot be sent with Transfer-Encoding {coding:?}");
                return refuse(message, "only \"chunked\" is sent");
            }
            self.chunked = true;
        }
        let Some(length) = lengths.first() else { return Ok(()) };
        let sent = self.content.len();
        // Answers to HEAD and 304 tell the length that another answer would have (RFC 9110, section 8.6).
        let of_another = sent == 0 && (for_head || self.status == 304);
        let is_number = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        match length.parse::<usize>() {
            Ok(number) if is_number && (number == sent || of_another) => Ok(()),
            _ => {
                let message = format!("the content has {sent} bytes, and Content-Length says {length:?}");
                let objection =
                    Objection::new("headers", message, format!("must be \"{sent}\", or left out"));
                Err(objection.help("truncate(bytes=...) ends an answer before its length"))
            }
        }
    }
}

/// What cannot go on the wire of a rule's answer.
pub fn verify(kind: ActionKind, params: &Params, clauses: &[Clause]) -> Option<Objection> {
    let method = clauses.iter().find_map(|clause| match &clause.pattern {
        Pattern::Glob(glob) if clause.field == "method" => Some(glob.as_str().to_ascii_uppercase()),
        Pattern::Glob(_) | Pattern::Regex(_) => None,
    });
    let asked = match method.as_deref() {
        Some("HEAD") => Asked::Head,
        Some("CONNECT") => Asked::Connect,
        _ => Asked::Other,
    };
    match kind {
        ActionKind::Respond | ActionKind::Error => Answer::read(kind, params, asked).err(),
        ActionKind::Delay
        | ActionKind::Drop
        | ActionKind::Duplicate
        | ActionKind::Truncate
        | ActionKind::Throttle
        | ActionKind::Corrupt
        | ActionKind::Reorder => None,
    }
}

/// A status that answers a request.
pub fn status_of(status: i64) -> Result<u16, Objection> {
    let label = "must be from 200 to 599";
    match u16::try_from(status) {
        Ok(final_status @ 200..=599) => Ok(final_status),
        Ok(100..=199) => {
            let message = format!("{status} is an interim status, which answers no request");
            let help = "a rule gives the final answer; the client goes on waiting for it after a 1xx";
            Err(Objection::new("status", message, label).help(help))
        }
        _ => Err(Objection::new("status", format!("{status} is not an HTTP status"), label)),
    }
}

fn check_bodiless(kind: ActionKind, status: u16, content: &[u8]) -> Result<(), Objection> {
    if !is_bodiless(status) || content.is_empty() {
        return Ok(());
    }
    Err(match kind {
        ActionKind::Error => {
            let message = format!("an error answer has content, and a {status} answer never has");
            Objection::new("status", message, "another status")
                .help(format!("response(status={status}) answers without content"))
        }
        _ => Objection::new("body", format!("a {status} answer has no content"), "never sent")
            .help("leave body= out, or choose another status"),
    })
}

fn is_bodiless(status: u16) -> bool {
    matches!(status, 204 | 205 | 304)
}

fn error_content(params: &Params) -> Cow<'_, [u8]> {
    let message = params.str("message").unwrap_or("injected error");
    Cow::Owned(serde_json::json!({ "error": message }).to_string().into_bytes())
}

/// Refuses what cannot be a header (RFC 9110, sections 5.1 and 5.5): a line break in a value would start another
/// header or end the head.
pub fn check_header(name: &str, value: &str) -> Result<(), Objection> {
    if name.is_empty() || !name.bytes().all(is_token) {
        let message = format!("{name:?} cannot be the name of a header");
        return Err(Objection::new("headers", message, "letters, digits and !#$%&'*+-.^_`|~ only"));
    }
    if !is_field_value(value) {
        let message = format!("the header {name} cannot have the value {value:?}");
        return Err(Objection::new("headers", message, "no line breaks and no other control characters"));
    }
    Ok(())
}

fn is_field_value(text: &str) -> bool {
    text.bytes().all(is_value)
}

/// The items of a list in a header's value (RFC 9110, section 5.6.1).
pub fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// RFC 9110, section 5.6.2.
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 9110, section 5.5: visible characters, spaces, tabs and anything above ASCII.
pub fn is_value(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(kind: ActionKind, given: &Value, asked: Asked) -> Result<(), (&'static str, String)> {
        let names = ["status", "body", "headers", "reason", "message"];
        let values = names.into_iter().filter_map(|name| Some((name, given.get(name)?.clone().into())));
        let params = Params(values.collect());
        let answer = Answer::read(kind, &params, asked);
        answer.map(|_| ()).map_err(|objection| (objection.param, objection.message))
    }

    fn refuse(given: Value, param: &str, part: &str) {
        let (at, message) = read(ActionKind::Respond, &given, Asked::Other).expect_err(part);
        assert!(at == param && message.contains(part), "{given}: {at}: {message}");
    }

    fn accept(given: Value) {
        assert_eq!(read(ActionKind::Respond, &given, Asked::Other), Ok(()), "{given}");
    }

    #[test]
    fn only_a_final_status_answers() {
        for status in [-1, 0, 1, 99, 600, 999, 65_736, 1_000_000] {
            refuse(json!({ "status": status }), "status", "is not an HTTP status");
        }
        for status in [100, 101, 102, 103, 150, 199] {
            refuse(json!({ "status": status }), "status", "interim");
        }
        for status in [200, 204, 205, 304, 404, 599] {
            accept(json!({ "status": status }));
        }
    }

    #[test]
    fn a_tunnel_is_not_opened_by_a_rule() {
        let opens = read(ActionKind::Respond, &json!({ "status": 200 }), Asked::Connect);
        assert_eq!(opens.map_err(|(param, _)| param), Err("status"));
        assert_eq!(read(ActionKind::Respond, &json!({ "status": 502 }), Asked::Connect), Ok(()));
    }

    #[test]
    fn a_status_without_content_has_none() {
        for status in [204, 205, 304] {
            refuse(json!({ "status": status, "body": "x" }), "body", "has no content");
            accept(json!({ "status": status, "body": "" }));
            let error = read(ActionKind::Error, &json!({ "status": status }), Asked::Other);
            assert_eq!(error.map_err(|(param, _)| param), Err("status"));
        }
        assert_eq!(read(ActionKind::Error, &json!({ "status": 503 }), Asked::Other), Ok(()));
    }

    #[test]
    fn a_header_keeps_to_its_line() {
        for name in ["", "a b", "a:", "a\r\nb", "ä", "(x)"] {
            refuse(json!({ "headers": { name: "x" } }), "headers", "cannot be the name");
        }
        for value in ["a\r\nb: c", "\n", "\0", "\u{7f}"] {
            refuse(json!({ "headers": { "x": value } }), "headers", "cannot have the value");
        }
        refuse(json!({ "reason": "a\r\nb" }), "reason", "line break");
        accept(json!({ "headers": { "x": "a\tb, \u{e9}", "x-empty": "" }, "reason": "Fine, thanks" }));
    }

    #[test]
    fn a_length_is_right_or_left_out() {
        let with = |name: &str, value: &str, body: &str| json!({ "headers": { name: value }, "body": body });
        accept(with("content-length", "5", "hello"));
        accept(with("Content-Length", "2", "\u{e9}"));
        accept(with("Transfer-Encoding", "Chunked", "hello"));
        for value in ["4", "6", "", "+5", " 5", "5, 5", "0x5", "99999999999999999999"] {
            refuse(with("CONTENT-LENGTH", value, "hello"), "headers", "has 5 bytes");
        }
        for value in ["gzip", "gzip, chunked", "identity", ""] {
            refuse(with("transfer-encoding", value, "hello"), "headers", "cannot be sent with");
        }
        let twice = json!({ "headers": { "Content-Length": "0", "content-length": "0" } });
        refuse(twice, "headers", "says once");
        let both = json!({ "headers": { "Content-Length": "0", "Transfer-Encoding": "chunked" } });
        refuse(both, "headers", "says once");
        refuse(json!({ "status": 204, "headers": { "Content-Length": "0" } }), "headers", "204");
    }

    #[test]
    fn the_length_of_another_answer_is_told_where_there_is_no_content() {
        let length = json!({ "status": 200, "headers": { "Content-Length": "1000" } });
        assert_eq!(read(ActionKind::Respond, &length, Asked::Head), Ok(()));
        refuse(length, "headers", "has 0 bytes");
        accept(json!({ "status": 304, "headers": { "Content-Length": "1000" } }));
    }
}
