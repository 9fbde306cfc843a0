//! One datagram out, one back.

use crate::model::{Data, StepCall, StepId, StepReply, format_duration, parse_duration};
use crate::proxy::Dialer;
use std::time::{Duration, Instant};

/// Longest datagram (RFC 768: the length has 16 bits).
const MAX_DATAGRAM: usize = 64 * 1024;

/// Sends `data` and waits for one datagram; `send_no_reply` does not wait.
pub async fn step(dialer: &Dialer, call: &StepCall, step: StepId, timeout: Duration) -> StepReply {
    let started = Instant::now();
    let own = call.args.get("timeout").and_then(Data::as_str).and_then(parse_duration);
    let limit = own.map_or(timeout, |own| own.min(timeout));
    let data = call.args.get("data").unwrap_or(&Data::None).content().0;
    let waits = call.method != "send_no_reply";
    let reason = match tokio::time::timeout(limit, exchange(dialer, &data, waits)).await {
        Ok(Ok(answer)) => {
            let body = String::from_utf8_lossy(&answer).trim().to_owned();
            let json = serde_json::from_str::<serde_json::Value>(&body);
            let data = json.map_or_else(|_| Data::Text(body.clone()), Data::from);
            let empty = StepReply::failed(step, "", started.elapsed());
            return StepReply { ok: true, body, raw: Some(answer), data, ..empty };
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no datagram came back within {}", format_duration(limit)),
    };
    StepReply::failed(step, reason, started.elapsed())
}

async fn exchange(dialer: &Dialer, data: &[u8], waits: bool) -> std::io::Result<Vec<u8>> {
    let socket = dialer.datagram_peer().await?;
    socket.send(data).await?;
    let mut answer = vec![0; if waits { MAX_DATAGRAM } else { 0 }];
    if waits {
        let len = socket.recv(&mut answer).await?;
        answer.truncate(len);
    }
    Ok(answer)
}
