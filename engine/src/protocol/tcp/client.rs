//! One line out, one line back.

use crate::model::{Data, StepCall, StepId, StepReply, parse_duration};
use crate::proxy::Dialer;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

/// Longest line a test reads.
const MAX_LINE: u64 = 16 * 1024 * 1024;

/// Sends `data`, text with a line end, and reads one line. Its text is the reply's `body`; its bytes are `raw` when
/// bytes were sent.
pub async fn step(dialer: &Dialer, call: &StepCall, step: StepId, timeout: Duration) -> StepReply {
    let started = Instant::now();
    let own = call.args.get("timeout").and_then(Data::as_str).and_then(parse_duration);
    let limit = own.map_or(timeout, |own| own.min(timeout));
    let data = call.args.get("data").unwrap_or(&Data::None);
    let is_bytes = matches!(data, Data::Bytes(_));
    let mut request = data.content().0.into_owned();
    if !is_bytes {
        request.push(b'\n');
    }
    let reason = match tokio::time::timeout(limit, exchange(dialer, &request)).await {
        Ok(Ok(line)) => {
            let raw = is_bytes.then(|| line.clone());
            return StepReply { raw, ..reply(step, &line, started.elapsed()) };
        }
        Ok(Err(reason)) => reason,
        Err(_) => format!("no line within {}", crate::model::format_duration(limit)),
    };
    StepReply::failed(step, reason, started.elapsed())
}

/// Connects and closes.
pub async fn ready(dialer: &Dialer) -> Result<(), String> {
    dialer
        .dial()
        .await
        .map(|_| ())
        .map_err(|error| format!("cannot connect to {}: {error}", dialer.address()))
}

async fn exchange(dialer: &Dialer, request: &[u8]) -> Result<Vec<u8>, String> {
    let stream = dialer.dial().await;
    let mut stream = stream.map_err(|error| format!("cannot connect to {}: {error}", dialer.address()))?;
    stream.write_all(request).await.map_err(|error| format!("cannot send: {error}"))?;
    let mut line = Vec::new();
    let mut reader = BufReader::new(stream).take(MAX_LINE);
    reader.read_until(b'\n', &mut line).await.map_err(|error| format!("cannot read the answer: {error}"))?;
    if line.len() as u64 == MAX_LINE && line.last() != Some(&b'\n') {
        return Err(format!("the answer's line has more than {} MiB", MAX_LINE / (1024 * 1024)));
    }
    if line.is_empty() {
        return Err("the connection was closed without an answer".to_owned());
    }
    Ok(line)
}

fn reply(step: StepId, line: &[u8], duration: Duration) -> StepReply {
    let body = String::from_utf8_lossy(line).trim().to_owned();
    StepReply {
        step,
        status: 0,
        data: Data::Text(body.clone()),
        body,
        raw: None,
        headers: Vec::new(),
        ok: true,
        error: String::new(),
        duration,
    }
}
