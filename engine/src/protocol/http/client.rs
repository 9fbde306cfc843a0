//! The requests a test makes.

use super::redirect;
use crate::model::{ContentKind, Data, StepCall, StepId, StepReply, parse_duration};
use crate::proxy::Dialer;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::error::Error;
use std::fmt::Write;
use std::time::{Duration, Instant};

/// How much of a body a test sees.
const MAX_BODY: usize = 16 * 1024 * 1024;
const MAX_REDIRECTS: usize = 10;

/// A request to make, its arguments read.
struct Asked {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    follow: bool,
}

/// Makes one request on a connection of its own. Never fails: what went wrong is the reply's `error`.
pub async fn step(dialer: &Dialer, call: &StepCall, step: StepId, timeout: Duration) -> StepReply {
    let started = Instant::now();
    let own = call.args.get("timeout").and_then(Data::as_str).and_then(parse_duration);
    let limit = own.map_or(timeout, |own| own.min(timeout));
    let outcome = match read_call(call) {
        Ok(asked) => tokio::time::timeout(limit, request(dialer, asked, step)).await,
        Err(reason) => Ok(Err(reason)),
    };
    match outcome {
        Ok(Ok(reply)) => StepReply { duration: started.elapsed(), ..reply },
        Ok(Err(reason)) => StepReply::failed(step, reason, started.elapsed()),
        Err(_) => {
            let limit = crate::model::format_duration(limit);
            StepReply::failed(step, format!("no complete answer within {limit}"), started.elapsed())
        }
    }
}

/// Asks for `path` once; ready means a status from 200 to 399.
pub async fn ready(dialer: &Dialer, path: &str) -> Result<(), String> {
    let asked = Asked {
        method: Method::GET,
        path: path.to_owned(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        follow: false,
    };
    let response = send(dialer, &asked).await?;
    match response.status().as_u16() {
        200..400 => Ok(()),
        status => Err(format!("GET {path} answers {status}")),
    }
}

fn read_call(call: &StepCall) -> Result<Asked, String> {
    let arg = |name: &str| call.args.get(name);
    let method = call.method.to_ascii_uppercase();
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| format!("{method} is no HTTP method"))?;
    let mut headers = HeaderMap::new();
    for (name, value) in arg("headers").and_then(Data::as_dict).unwrap_or_default() {
        let text = value.as_str().unwrap_or_default();
        let parsed_name = HeaderName::from_bytes(name.as_bytes());
        let parsed_name = parsed_name.map_err(|_| format!("{name:?} cannot be a header's name"))?;
        let value = HeaderValue::from_bytes(text.as_bytes());
        let value = value.map_err(|_| format!("the header {name} cannot have the value {text:?}"))?;
        headers.append(parsed_name, value);
    }
    let (body, kind) = arg("body").unwrap_or(&Data::None).content();
    let media_type = match kind {
        ContentKind::Json => Some("application/json"),
        ContentKind::Bytes => Some("application/octet-stream"),
        ContentKind::Text => None,
    };
    if let Some(media_type) = media_type {
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(media_type));
    }
    let body = Bytes::from(body.into_owned());
    let path = encode_path(arg("path").and_then(Data::as_str).unwrap_or("/"));
    let follow = arg("follow_redirects").and_then(Data::as_bool).unwrap_or(true);
    Ok(Asked { method, path, headers, body, follow })
}

/// Writes what may not stand in a request line as `%20` and the like, and puts a missing `/` before it.
fn encode_path(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len() + 1);
    if !path.starts_with('/') {
        encoded.push('/');
    }
    for byte in path.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            encoded.push(byte as char);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

async fn request(dialer: &Dialer, mut asked: Asked, step: StepId) -> Result<StepReply, String> {
    let authority = format!("localhost:{}", dialer.address().port());
    for _ in 0..MAX_REDIRECTS {
        let response = send(dialer, &asked).await?;
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let next = location.filter(|_| asked.follow).and_then(|location| {
            redirect::next(&asked.method, &asked.path, response.status(), location, &authority)
        });
        let Some((method, path)) = next else { return read_response(response, step).await };
        if method != asked.method {
            asked.body = Bytes::new();
            asked.headers.remove(CONTENT_TYPE);
        }
        (asked.method, asked.path) = (method, encode_path(&path));
    }
    Err(format!("more than {MAX_REDIRECTS} redirects"))
}

async fn send(dialer: &Dialer, asked: &Asked) -> Result<Response<Incoming>, String> {
    let address = dialer.address();
    let stream = dialer.dial().await.map_err(|error| format!("cannot connect to {address}: {error}"))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| describe(&error))?;
    let mut request = Request::builder().method(asked.method.clone()).uri(&asked.path);
    if !asked.headers.contains_key(HOST) {
        request = request.header(HOST, format!("localhost:{}", address.port()));
    }
    let mut request = request.body(Full::new(asked.body.clone())).map_err(|error| describe(&error))?;
    request.headers_mut().extend(asked.headers.clone());
    let answer = sender.send_request(request);
    // The connection's own task ends when the response is read or dropped.
    tokio::spawn(connection);
    answer.await.map_err(|error| describe(&error))
}

async fn read_response(response: Response<Incoming>, step: StepId) -> Result<StepReply, String> {
    let (head, mut body) = response.into_parts();
    let mut content = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| describe(&error))?;
        let data: &[u8] = frame.data_ref().map_or(&[], |data| data);
        if data.len() > MAX_BODY - content.len() {
            return Err(format!("the answer has more than {} MiB", MAX_BODY / (1024 * 1024)));
        }
        content.extend_from_slice(data);
    }
    Ok(reply(step, head.status, &head.headers, &content))
}

fn reply(step: StepId, status: StatusCode, headers: &HeaderMap, content: &[u8]) -> StepReply {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let body = String::from_utf8_lossy(content).trim().to_owned();
    let json = serde_json::from_str::<serde_json::Value>(&body);
    let data = json.map_or_else(|_| Data::Text(body.clone()), Data::from);
    StepReply {
        step,
        status: i64::from(status.as_u16()),
        data,
        body,
        raw: Some(content.to_vec()),
        headers: headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        ok: true,
        error: String::new(),
        duration: Duration::ZERO,
    }
}

/// An error with its causes: hyper's own text leaves the reason to its source.
fn describe(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string cannot fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
