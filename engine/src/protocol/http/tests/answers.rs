//! Answers of rules on the wire: when the connection closes, and what follows them.

use crate::model::{Action, Data, Params};
use crate::protocol::bench::{Bench, rule};
use serde_json::json;

const GET: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

fn respond(params: impl IntoIterator<Item = (&'static str, Data)>) -> Action {
    Action::Respond(Params(params.into_iter().collect()))
}

#[tokio::test]
async fn an_answer_closes_when_it_says_so_or_the_request_does() {
    let check = async |headers: serde_json::Value, request: &str, said: &str| {
        let bench = Bench::new().await;
        let action = respond([("status", json!(503).into()), ("headers", headers.into())]);
        let _rules = bench.rules.install(vec![rule(&[("path", "/a")], action)]);
        let (mut client, mut server) = bench.connect().await;
        client.send(request).await;
        let head = format!("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n{said}\r\n");
        assert_eq!(client.rest().await.unwrap(), head, "{request}");
        drop(client);
        assert_eq!(server.rest().await.unwrap(), "", "{request}");
    };
    for value in ["close", "Close", "CLOSE", "x-hop, Close"] {
        check(json!({ "connection": value }), GET, &format!("Connection: {value}\r\n")).await;
    }
    check(json!({ "Connection": "keep-alive, Close" }), GET, "Connection: Close\r\n").await;
    let asks = "GET /a HTTP/1.1\r\nHost: x\r\nConnection: x, ClOsE\r\n\r\n";
    check(json!({}), asks, "Connection: close\r\n").await;
    check(json!({ "Connection": "keep-alive" }), asks, "Connection: close\r\n").await;
    check(json!({}), "GET /a HTTP/1.0\r\n\r\n", "Connection: close\r\n").await;
    let kept = "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    check(json!({ "Connection": "keep-alive" }), kept, "Connection: close\r\n").await;
}

#[tokio::test]
async fn what_comes_before_an_answer_that_closes_goes_out_and_what_comes_after_is_not_answered() {
    let bench = Bench::new().await;
    let action =
        respond([("status", json!(503).into()), ("headers", json!({ "Connection": "close" }).into())]);
    let _rules = bench.rules.install(vec![rule(&[("path", "/a")], action)]);
    let (mut client, mut server) = bench.connect().await;
    let first = "GET /first HTTP/1.1\r\nHost: x\r\n\r\n";
    client.send(&format!("{first}{GET}GET /later HTTP/1.1\r\nHost: x\r\n\r\n")).await;
    server.expect(first).await;
    server.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
    let answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let all = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok{answer}");
    assert_eq!(client.rest().await.unwrap(), all);
    drop(client);
    assert_eq!(server.rest().await.unwrap(), "");
    assert_eq!(bench.log.fired(), ["GET /a: response 503"]);
}

#[tokio::test]
async fn an_answer_of_chunks_leaves_the_connection_in_step() {
    let bench = Bench::new().await;
    let chunked: Data = json!({ "Transfer-Encoding": "chunked" }).into();
    let body = Data::bytes(*b"a\r\n0\r\n");
    let action = respond([("status", json!(200).into()), ("headers", chunked), ("body", body)]);
    let _rules = bench.rules.install(vec![rule(&[("path", "/a")], action)]);
    let (mut client, mut server) = bench.connect().await;
    client.send(GET).await;
    let head =
        "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    client.expect(&format!("{head}6\r\na\r\n0\r\n\r\n0\r\n\r\n")).await;
    client.send(&GET.replace("/a", "/b")).await;
    server.expect(&GET.replace("/a", "/b")).await;
}

#[tokio::test]
async fn a_request_for_a_tunnel_passes_a_rule_that_would_open_one() {
    let bench = Bench::new().await;
    let installed = bench.rules.install(vec![rule(&[], respond([("status", json!(200).into())]))]);
    let (mut client, mut server) = bench.connect().await;
    let connect = "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n";
    client.send(connect).await;
    server.expect(connect).await;
    assert_eq!(installed.evidence()[0].fired, 0);
    drop(installed);
    let _refuses = bench.rules.install(vec![rule(&[], respond([("status", json!(502).into())]))]);
    let (mut client, _server) = bench.connect().await;
    client.send(connect).await;
    client.expect("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n").await;
}
