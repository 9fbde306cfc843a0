//! The reply a rule gives in the server's stead.

use super::head::is_value;
use crate::proxy::{Fault, Unsupported};
use serde_json::{Map, Value, json};
use std::io::Write;

/// The status of a rule that names none, as the original language has it.
const DEFAULT_STATUS: i64 = 500;

/// What the answer must heed about the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker {
    /// A HEAD request: the head of the answer only.
    pub(super) head: bool,
    /// The connection closes behind the answer.
    pub(super) close: bool,
}

/// Writes the whole reply.
pub(super) fn write(fault: &Fault<'_>, asker: Asker) -> Result<Vec<u8>, Unsupported> {
    let (params, content) = match fault {
        Fault::Respond(params) => (params, content_of(params.get("body"))),
        Fault::Error(params) => {
            let message = params.str("message").unwrap_or("injected error");
            (params, (json!({ "error": message }).to_string(), true))
        }
    };
    let status = params.int("status").unwrap_or(DEFAULT_STATUS);
    if !(200..=999).contains(&status) {
        return Err(Unsupported("a status outside 200 to 999"));
    }
    let reason = params.str("reason").unwrap_or_else(|| reason_of(status));
    check_text(reason)?;
    let mut out = Vec::with_capacity(256 + content.0.len());
    // Writing to memory cannot fail.
    let _ = write!(out, "HTTP/1.1 {status} {reason}\r\n");
    let given = params.get("headers").and_then(Value::as_object);
    write_headers(&mut out, given)?;
    let has = |name: &str| given.is_some_and(|map| map.keys().any(|key| key.eq_ignore_ascii_case(name)));
    let (text, is_json) = content;
    let bodiless = matches!(status, 204 | 304);
    if !text.is_empty() && !has("content-type") {
        let kind = if is_json { "application/json" } else { "text/plain; charset=utf-8" };
        let _ = write!(out, "Content-Type: {kind}\r\n");
    }
    if !bodiless && !has("content-length") && !has("transfer-encoding") {
        let _ = write!(out, "Content-Length: {}\r\n", text.len());
    }
    if asker.close && !has("connection") {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
    if !asker.head && !bodiless {
        out.extend_from_slice(text.as_bytes());
    }
    Ok(out)
}

/// The body as text, and whether it is JSON. Text that starts like a JSON object or list is taken for one.
fn content_of(body: Option<&Value>) -> (String, bool) {
    match body {
        None | Some(Value::Null) => (String::new(), false),
        Some(Value::String(text)) => (text.clone(), text.trim_start().starts_with(['{', '['])),
        Some(data) => (data.to_string(), true),
    }
}

fn write_headers(out: &mut Vec<u8>, headers: Option<&Map<String, Value>>) -> Result<(), Unsupported> {
    for (name, value) in headers.into_iter().flatten() {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        check_text(&text)?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            return Err(Unsupported("a header whose name is no token"));
        }
        let _ = write!(out, "{name}: {text}\r\n");
    }
    Ok(())
}

/// A line break in a value would start another header or end the head.
fn check_text(text: &str) -> Result<(), Unsupported> {
    if text.bytes().all(is_value) { Ok(()) } else { Err(Unsupported("a header with a line break")) }
}

/// Reason phrases of the registered statuses (RFC 9110 section 15); clients must not rely on them.
fn reason_of(status: i64) -> &'static str {
    let code = u16::try_from(status).ok().and_then(|status| hyper::StatusCode::from_u16(status).ok());
    code.and_then(|code| code.canonical_reason()).unwrap_or("Unknown")
}
