//! Steps against a scripted server.

use super::super::{ready, step};
use crate::model::{Data, Endpoint, StepCall, StepId, StepReply};
use crate::protocol::bench::Peer;
use crate::proxy::Dialer;
use crate::text::{FileId, Span};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpListener;

const LONG: Duration = Duration::from_secs(10);

fn call(method: &'static str, args: &[(&'static str, Value)]) -> StepCall {
    StepCall {
        endpoint: Endpoint { service: "api".into(), interface: "public".into() },
        method,
        args: args.iter().map(|(name, value)| (*name, value.clone().into())).collect(),
        span: Span::start_of(FileId(0)),
    }
}

/// Makes the step against a server that expects each request and gives its reply, one connection after the other.
/// `PORT` in both stands for the server's port.
async fn check(call: StepCall, dialogue: &[(&str, &str)]) -> StepReply {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let port = address.port().to_string();
    let serve = async {
        for (request, reply) in dialogue {
            let mut peer = Peer(server.accept().await.unwrap().0);
            peer.expect(&request.replace("PORT", &port)).await;
            peer.send(&reply.replace("PORT", &port)).await;
        }
    };
    let dialer = Dialer::new(address);
    tokio::join!(step(&dialer, &call, StepId(1), LONG), serve).0
}

#[tokio::test]
async fn a_step_sends_what_the_spec_says_and_reads_the_answer() {
    let args = [("path", json!("/a b?c=d")), ("body", json!({"n": 1})), ("headers", json!({"X-Id": "7"}))];
    let request = "POST /a%20b?c=d HTTP/1.1\r\nhost: localhost:PORT\r\nx-id: 7\r\n\
                   content-type: application/json\r\ncontent-length: 7\r\n\r\n{\"n\":1}";
    let answer = "HTTP/1.1 503 x\r\nRetry-After: 3\r\nContent-Length: 12\r\n\r\n {\"e\": [2]} \n";
    let reply = check(call("post", &args), &[(request, answer)]).await;
    assert_eq!((reply.status, reply.ok, reply.error.as_str()), (503, true, ""));
    assert_eq!((reply.body.as_str(), reply.data.to_json()), ("{\"e\": [2]}", json!({"e": [2]})));
    assert_eq!(reply.headers[0], ("retry-after".to_owned(), "3".to_owned()));
}

#[tokio::test]
async fn a_body_is_sent_as_what_it_is_and_comes_back_as_it_was() {
    let sends = async |body: Data, headers: &str, given: Value| {
        let mut call = call("put", &[("headers", given)]);
        let content = String::from_utf8(body.content().0.into_owned()).unwrap();
        call.args.insert("body", body);
        let request = format!(
            "PUT / HTTP/1.1\r\nhost: localhost:PORT\r\n{headers}content-length: {}\r\n\r\n{content}",
            content.len()
        );
        let reply = check(call, &[(&request, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n \n\0")]).await;
        assert_eq!((reply.body.as_str(), reply.raw.as_deref()), ("\0", Some(&b" \n\0"[..])), "{request}");
    };
    let json = "content-type: application/json\r\n";
    sends("{\"a\": 1}".into(), json, json!({})).await;
    sends(" [1, 2]\n".into(), json, json!({})).await;
    sends(json!([1]).into(), json, json!({})).await;
    for text in ["{broken", "12", "name=value", "[a]"] {
        sends(text.into(), "", json!({})).await;
    }
    sends("{}".into(), "content-type: text/x\r\n", json!({ "Content-Type": "text/x" })).await;
    let octets = "content-type: application/octet-stream\r\n";
    sends(Data::bytes(*b"{}\0"), octets, json!({})).await;
    sends(Data::bytes(*b"x"), "content-type: image/png\r\n", json!({ "content-type": "image/png" })).await;
}

#[tokio::test]
async fn text_stays_text_and_an_empty_body_is_empty_text() {
    let get = "GET / HTTP/1.1\r\nhost: localhost:PORT\r\n\r\n";
    let reply = check(call("get", &[]), &[(get, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi\n")]).await;
    assert_eq!((reply.body.as_str(), reply.data), ("hi", "hi".into()));
    let reply = check(call("get", &[]), &[(get, "HTTP/1.1 204 x\r\n\r\n")]).await;
    assert_eq!((reply.status, reply.data), (204, "".into()));
}

#[tokio::test]
async fn a_long_body_is_read_whole_and_one_without_end_is_an_error() {
    let get = "GET / HTTP/1.1\r\nhost: localhost:PORT\r\n\r\n";
    let answer = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(70_000));
    let reply = check(call("get", &[]), &[(get, &answer)]).await;
    assert_eq!((reply.body.len(), reply.raw.map(|raw| raw.len())), (70_000, Some(70_000)));
    let answer = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(16 * 1024 * 1024 + 1));
    let reply = check(call("get", &[]), &[(get, &answer)]).await;
    assert_eq!((reply.ok, reply.error.as_str()), (false, "the answer has more than 16 MiB"));
}

#[tokio::test]
async fn redirects_within_the_interface_are_followed_unless_told_not_to() {
    let get = "GET /old HTTP/1.1\r\nhost: localhost:PORT\r\n\r\n";
    let moved = "HTTP/1.1 302 x\r\nLocation: http://localhost:PORT/new\r\nContent-Length: 0\r\n\r\n";
    let new = "GET /new HTTP/1.1\r\nhost: localhost:PORT\r\n\r\n";
    let found = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let path = ("path", json!("/old"));
    let reply = check(call("get", std::slice::from_ref(&path)), &[(get, moved), (new, found)]).await;
    assert_eq!(reply.status, 200);
    let stay = [path, ("follow_redirects", json!(false))];
    assert_eq!(check(call("get", &stay), &[(get, moved)]).await.status, 302);
}

#[tokio::test]
async fn what_goes_wrong_is_the_replys_error() {
    let get = "GET / HTTP/1.1\r\nhost: localhost:PORT\r\n\r\n";
    let check = async |call, dialogue: &[(&str, &str)], expected: &str| {
        let reply = check(call, dialogue).await;
        assert_eq!((reply.status, reply.ok), (0, false));
        assert!(reply.error.contains(expected), "{}", reply.error);
    };
    check(call("get", &[]), &[(get, "")], "connection closed before message completed").await;
    check(call("get", &[]), &[(get, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx")], "end of file").await;
    let bad = call("get", &[("headers", json!({"a b": "c"}))]);
    check(bad, &[], "\"a b\" cannot be a header's name").await;
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialer = Dialer::new(server.local_addr().unwrap());
    let short = call("get", &[("timeout", json!("20ms"))]);
    let reply = step(&dialer, &short, StepId(1), LONG).await;
    assert_eq!(reply.error, "no complete answer within 20ms");
    drop(server);
    let reply = step(&dialer, &call("get", &[]), StepId(1), LONG).await;
    assert!(reply.error.contains("refused"), "{}", reply.error);
}

#[tokio::test]
async fn a_server_is_ready_when_it_answers_well() {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dialer = Dialer::new(server.local_addr().unwrap());
    let check = async |answer: &str| {
        let serve = async {
            let mut peer = Peer(server.accept().await.unwrap().0);
            peer.expect("GET / HTTP/1.1\r\n").await;
            peer.send(answer).await;
        };
        tokio::join!(ready(&dialer, "/"), serve).0
    };
    assert_eq!(check("HTTP/1.1 302 x\r\nContent-Length: 0\r\n\r\n").await, Ok(()));
    let answer = check("HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(answer, Err("GET / answers 500".to_owned()));
}
