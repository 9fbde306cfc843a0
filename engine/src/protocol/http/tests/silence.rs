//! A drop that is silent: what is before it is answered, and nothing else ever is.

use crate::event::EventKind;
use crate::model::{Action, DropMode, Params};
use crate::protocol::bench::{Bench, outcome};
use serde_json::json;

const GET_A: &str = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";
const GET_B: &str = "GET /b HTTP/1.1\r\nHost: x\r\n\r\n";
const GET_C: &str = "GET /c HTTP/1.1\r\nHost: x\r\n\r\n";
const A: &str = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na";
const SILENT: Action = Action::Drop(DropMode::Silent);

fn closed(event: &EventKind) -> Option<(u64, u64)> {
    match event {
        EventKind::ConnectionClosed { to_server, to_client, .. } => Some((*to_server, *to_client)),
        _ => None,
    }
}

/// Ends the client's side, and gives what the server and the client got in all, in bytes.
#[tokio::test]
async fn replies_before_it_go_out_and_nothing_behind_it() {
    let bench = Bench::new().await;
    let rules = bench.install(&[("path", "/b")], SILENT);
    let other =
        bench.install(&[("path", "/c")], Action::Respond(Params([("status", json!(418).into())].into())));
    let (mut client, mut server) = bench.connect().await;
    client.send(format!("{GET_A}{GET_B}{GET_C}{GET_A}")).await;
    server.expect(GET_A).await;
    // Behind the reply that is owed, what the server says is not for the client, and neither is its end.
    server.send(format!("{A}{A}")).await;
    client.expect(A).await;
    server.send(A).await;
    server.finish().await;
    client.send(GET_A).await;
    client.finish().await;
    assert_eq!(client.rest().await.unwrap(), "");
    assert_eq!(server.rest().await.unwrap(), "", "the server gets nothing from behind the drop");
    assert_eq!(bench.log.wait_for(closed).await, (GET_A.len() as u64, A.len() as u64));
    assert_eq!(outcome(&rules.evidence()[0]), "fired");
    assert_eq!(outcome(&other.evidence()[0]), "path is not /c");
}

#[tokio::test]
async fn it_waits_for_the_reply_before_it_however_late() {
    let bench = Bench::new().await;
    let _rules = bench.install(&[("path", "/b")], SILENT);
    let (mut client, mut server) = bench.connect().await;
    client.send(format!("{GET_A}{GET_B}")).await;
    // Half-closed, the client still gets what it is owed; then both sides end.
    client.finish().await;
    assert_eq!(server.rest().await.unwrap(), GET_A);
    server.send(&A[..9]).await;
    client.expect(&A[..9]).await;
    server.send(&A[9..]).await;
    assert_eq!(client.rest().await.unwrap(), &A[9..]);
    bench.log.wait_for(closed).await;
}

#[tokio::test]
async fn a_reply_before_it_that_ends_with_the_connection_still_ends() {
    let bench = Bench::new().await;
    let _rules = bench.install(&[("path", "/b")], SILENT);
    for reply in
        ["HTTP/1.1 200 OK\r\n\r\nuntil the end", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbroken", ""]
    {
        let (mut client, mut server) = bench.connect().await;
        client.send(format!("{GET_A}{GET_B}")).await;
        server.expect(GET_A).await;
        server.send(reply).await;
        server.finish().await;
        assert_eq!(client.rest().await.unwrap(), reply);
    }
}

#[tokio::test]
async fn the_rest_of_a_withheld_body_is_taken_and_thrown_away() {
    let bench = Bench::new().await;
    let _rules = bench.install(&[], SILENT);
    let (mut client, mut server) = bench.connect().await;
    client.send("PUT / HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n").await;
    // More than all buffers hold: the client would hang if nobody read.
    client.send(vec![b'x'; 8_000_000]).await;
    client.finish().await;
    assert_eq!((client.rest().await.unwrap(), server.rest().await.unwrap()), (String::new(), String::new()));
    assert_eq!(bench.log.wait_for(closed).await, (0, 0));
}

#[tokio::test]
async fn a_server_that_goes_away_leaves_the_client_in_silence() {
    let bench = Bench::new().await;
    let _rules = bench.install(&[], SILENT);
    let (mut client, server) = bench.connect().await;
    client.send(GET_A).await;
    let fired = |event: &EventKind| matches!(event, EventKind::RuleFired { .. }).then_some(());
    bench.log.wait_for(fired).await;
    server.0.set_zero_linger().unwrap();
    drop(server);
    // A later connection is served, and the first is open still.
    let (mut other, mut other_server) = bench.connect().await;
    drop(_rules);
    other.send(GET_A).await;
    other_server.expect(GET_A).await;
    assert!(client.0.try_read(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock));
    client.finish().await;
    assert_eq!(client.rest().await.unwrap(), "");
}
