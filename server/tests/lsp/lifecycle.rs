//! Starting and stopping, and what broke other servers on tower-lsp 0.20.

use crate::client::{Server, abilities};
use serde_json::{Value, json};

#[test]
fn initialize_shutdown_exit_end_with_code_0() {
    let (server, answer) = Server::start_with(abilities());
    assert_eq!(answer["serverInfo"]["name"], "faultbox");
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
    assert_eq!(answer["capabilities"]["experimental"]["faultbox"]["version"], 1);
    server.finish();
}

/// Enter behind an argument begins the next line of the call, so nothing may be offered there unasked.
#[test]
fn only_signatures_come_up_in_a_call() {
    let (server, answer) = Server::start_with(abilities());
    let of = &answer["capabilities"]["completionProvider"]["triggerCharacters"];
    let completing: Vec<&str> = of.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(!completing.contains(&",") && !completing.contains(&"("), "{completing:?}");
    assert_eq!(answer["capabilities"]["signatureHelpProvider"]["triggerCharacters"], json!(["(", ","]));
    server.finish();
}

#[test]
fn utf8_is_taken_when_it_is_offered() {
    let mut params = abilities();
    params["capabilities"]["general"]["positionEncodings"] = json!(["utf-16", "utf-8"]);
    let (server, answer) = Server::start_with(params);
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-8");
    server.finish();
}

/// tower-lsp 0.20 goes on as long as standard input is open; editors then leave orphans behind.
#[test]
fn exit_is_obeyed_with_standard_input_open() {
    let mut server = Server::start();
    server.notify("exit", Value::Null);
    assert_eq!(server.exit_status().code(), Some(1), "without shutdown it is a failure");
}

#[test]
fn the_end_of_standard_input_ends_the_server() {
    let mut server = Server::start();
    server.close_stdin();
    assert_eq!(server.exit_status().code(), Some(1));
}

/// Emacs sends `"params": null`, which tower-lsp 0.20 refuses; `finish` does the same.
#[test]
fn shutdown_without_params_is_accepted() {
    let mut server = Server::start();
    server.send(&json!({ "jsonrpc": "2.0", "id": 77, "method": "shutdown" }));
    assert_eq!(server.response(77)["result"], Value::Null);
    server.notify("exit", Value::Null);
    assert_eq!(server.exit_status().code(), Some(0));
}

#[test]
fn what_is_not_known_is_refused_and_harms_nothing() {
    let mut server = Server::start();
    let refusal = server.refusal("faultbox/makeCoffee", json!({}));
    assert_eq!(refusal["code"], -32601);
    let refusal = server.refusal("textDocument/documentHighlight", json!({ "nonsense": 1 }));
    assert_eq!(refusal["code"], -32602);
    let params = json!({ "textDocument": { "uri": "file:///nowhere.star" } });
    let refusal = server.refusal("textDocument/codeLens", params);
    assert!(refusal["message"].as_str().unwrap().contains("nowhere.star"), "{refusal}");
    server.notify("faultbox/unknown", json!([1, 2]));
    server.send(&json!({ "jsonrpc": "2.0", "id": 99, "method": "workspace/executeCommand", "params": { "command": "x", "arguments": [] } }));
    assert!(server.response(99)["error"]["message"].as_str().unwrap().contains("no such command: x"));
    server.finish();
}

/// A client that never answers must not block anything: with tower-lsp's own limits four such waits stop the server.
#[test]
fn a_client_that_never_answers_is_no_obstacle() {
    let mut params = abilities();
    params["capabilities"]["workspace"] = json!({
        "codeLens": { "refreshSupport": true }, "inlayHint": { "refreshSupport": true },
        "didChangeWatchedFiles": { "dynamicRegistration": true },
    });
    params["capabilities"]["window"] = json!({ "workDoneProgress": true });
    let mut server = Server::raw();
    let id = server.ask("initialize", params);
    server.response(id);
    server.notify("initialized", json!({}));
    let uri = server.open("faultbox.star", "x = 1\n");
    let ask =
        |server: &mut Server| server.ask("textDocument/codeLens", json!({ "textDocument": { "uri": uri } }));
    let asked: Vec<i64> = (0..200).map(|_| ask(&mut server)).collect();
    for id in asked {
        assert!(server.response(id).get("error").is_none());
    }
    server.finish();
}

#[test]
fn a_cancelled_request_is_answered_once() {
    let mut server = Server::start();
    let uri = server.open("faultbox.star", "x = 1\n");
    for _ in 0..50 {
        let id = server.ask("textDocument/codeLens", json!({ "textDocument": { "uri": uri } }));
        server.notify("$/cancelRequest", json!({ "id": id }));
        let response = server.response(id);
        let is_cancelled = response["error"]["code"] == -32800;
        assert!(is_cancelled || response.get("error").is_none(), "{response}");
    }
    server.finish();
}
