//! What an editor asks about the text: each answer once through the protocol. What they say is tested in the engine.

use crate::client::{Server, abilities, range};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SPEC: &str = "\
load(\"lib.star\", \"helper\")
# 😀
db = service(\"db\", \"/bin/true\", interface(\"main\", \"http\", 9001))
slow = fault_assumption(\"slow\", target = db, write = deny(\"EIO\"))

def scene():
    \"😀\"; helper(db)
    return db.main.get(path = \"/x\")

fault_scenario(\"sad\", scenario = scene, faults = [slow], expect = lambda r: assert_eq(r.status, 503))
";

/// A server with the spec and its library, and the uri of the spec.
fn opened() -> (Server, String) {
    let mut params = abilities();
    params["capabilities"]["textDocument"] = json!({
        "completion": { "completionItem": { "snippetSupport": true } },
        "documentSymbol": { "hierarchicalDocumentSymbolSupport": true },
    });
    let (mut server, _) = Server::start_with(params);
    std::fs::write(server.path("lib.star"), "def helper(x):\n    return x\n").unwrap();
    let uri = server.open("faultbox.star", SPEC);
    // The library is read when the spec was evaluated.
    server.notification("textDocument/publishDiagnostics", |params| params["uri"] == uri);
    (server, uri)
}

#[test]
fn a_client_asks_again_about_a_long_list() {
    let mut server = Server::start();
    let globals: String = (0..2_000).map(|n| format!("g{n} = {n}\n")).collect();
    let uri = server.open("faultbox.star", &format!("{globals}x = g199\n"));
    for (column, last_is_there) in [(4, false), (8, true)] {
        let place =
            json!({ "textDocument": { "uri": uri }, "position": { "line": 2_000, "character": column } });
        let answer = server.request("textDocument/completion", place);
        assert_eq!(answer["isIncomplete"], true);
        let found = labels(&answer["items"]);
        assert!(found.contains(&"g199") && found.contains(&"g1999") == last_is_there, "{found:?}");
    }
    server.finish();
}

/// The place of the `skip`-th character of `what` in the spec, in UTF-16 units.
fn place(uri: &str, what: &str, skip: usize) -> Value {
    let at = SPEC.find(what).unwrap() + skip;
    let before = &SPEC[..at];
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().unwrap_or("").encode_utf16().count();
    json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": column } })
}

fn labels(answer: &Value) -> Vec<&str> {
    answer.as_array().unwrap().iter().filter_map(|item| item["label"].as_str()).collect()
}

#[test]
fn completion_knows_values_and_words() {
    let (mut server, uri) = opened();
    let answer = server.request("textDocument/completion", place(&uri, "main.get", 0));
    assert!(labels(&answer).contains(&"main"), "{answer}");
    let answer = server.request("textDocument/completion", place(&uri, "EIO", 1));
    assert!(labels(&answer).contains(&"ECONNREFUSED"), "{answer}");
    let eio = answer.as_array().unwrap().iter().find(|item| item["label"] == "EIO").unwrap();
    assert_eq!(eio["textEdit"]["range"], range((3, 59), (3, 62)), "{eio}");
    let answer = server.request("textDocument/completion", place(&uri, "lib.star", 0));
    assert!(labels(&answer).contains(&"lib.star"), "{answer}");
    server.finish();
}

#[test]
fn hover_signature_and_symbols_answer() {
    let (mut server, uri) = opened();
    let hover = server.request("textDocument/hover", place(&uri, "fault_assumption", 3));
    assert!(hover["contents"]["value"].as_str().unwrap().contains("fault_assumption"), "{hover}");
    let help = server.request("textDocument/signatureHelp", place(&uri, "\"EIO\"", 1));
    assert!(help["signatures"][0]["label"].as_str().unwrap().starts_with("deny("), "{help}");
    let document = json!({ "textDocument": { "uri": uri } });
    let symbols = server.request("textDocument/documentSymbol", document.clone());
    let db = symbols.as_array().unwrap().iter().find(|symbol| symbol["name"] == "db").unwrap();
    assert_eq!(db["children"][0]["name"], "main", "{db}");
    let found = server.request("workspace/symbol", json!({ "query": "slw" }));
    assert_eq!(found[0]["name"], "slow", "{found}");
    let tokens = server.request("textDocument/semanticTokens/full", document);
    assert_eq!(tokens["data"].as_array().unwrap().len() % 5, 0);
    server.finish();
}

#[test]
fn definitions_and_references_cross_files_and_emoji() {
    let (mut server, uri) = opened();
    let library = server.uri("lib.star");
    let here = place(&uri, "helper(db)", 1);
    // The library comes to hand with the first evaluation.
    server.wait_until(|server| {
        let found = server.request("textDocument/definition", here.clone());
        found[0]["uri"] == library && found[0]["range"] == range((0, 4), (0, 10))
    });
    let mut params = here;
    params["context"] = json!({ "includeDeclaration": false });
    let found = server.request("textDocument/references", params);
    assert!(found.as_array().unwrap().iter().any(|each| each["range"] == range((6, 10), (6, 16))), "{found}");
    let highlights = server.request("textDocument/documentHighlight", place(&uri, "db = service", 0));
    assert_eq!(highlights.as_array().unwrap().len(), 4, "{highlights}");
    server.finish();
}

#[test]
fn renaming_reaches_every_mention_or_says_why_not() {
    let (mut server, uri) = opened();
    let mut params = place(&uri, "slow = fault", 0);
    let prepared = server.request("textDocument/prepareRename", params.clone());
    assert_eq!(prepared["placeholder"], "slow");
    params["newName"] = json!("sluggish");
    let edit = server.request("textDocument/rename", params);
    assert_eq!(edit["changes"][&uri].as_array().unwrap().len(), 2, "{edit}");
    let mut params = place(&uri, "service(", 0);
    params["newName"] = json!("x");
    let refusal = server.refusal("textDocument/rename", params);
    assert!(!refusal["message"].as_str().unwrap().is_empty());
    server.finish();
}

/// A client that says no spec may be evaluated, so that texts alone tell which files belong together.
fn untrusted(folder: bool) -> Server {
    let mut params = abilities();
    params["initializationOptions"]["trusted"] = json!(false);
    let mut server = Server::raw();
    if folder {
        let folder = server.uri("").trim_end_matches('/').to_owned();
        params["workspaceFolders"] = json!([{ "uri": folder, "name": "w" }]);
    }
    server.request("initialize", params);
    server.notify("initialized", json!({}));
    server
}

fn renamed(server: &mut Server, uri: &str, at: (u32, u32), new_name: &str) -> Vec<(String, usize)> {
    let position = json!({ "line": at.0, "character": at.1 });
    let params = json!({ "textDocument": { "uri": uri }, "position": position, "newName": new_name });
    let edit = server.request("textDocument/rename", params);
    let changes = edit["changes"].as_object().unwrap_or_else(|| panic!("{edit}"));
    let name = |uri: &String| uri.split_once("faultbox-lsp").unwrap().1.split_once('/').unwrap().1.to_owned();
    let mut edits: Vec<_> =
        changes.iter().map(|(uri, edits)| (name(uri), edits.as_array().unwrap().len())).collect();
    edits.sort();
    edits
}

#[test]
fn renaming_reaches_specs_that_are_not_open() {
    let mut server = untrusted(true);
    let helper = "def helper(alpha, beta=2):\n    return beta\n";
    server.write(
        "main.star",
        "load(\"lib/b.star\", \"helper\")\nload(\"lib/a.star\", \"a\")\nhelper(1, beta=3)\n",
    );
    // Its paths start where main.star is.
    server.write("lib/a.star", "load(\"lib/b.star\", h=\"helper\")\na = h(1, beta=4)\n");
    server.write("other.star", "def helper(beta):\n    pass\nhelper(beta=1)\n");
    server.write("node_modules/x.star", "load(\"../lib/b.star\", \"helper\")\n");
    let uri = server.open("lib/b.star", helper);
    let edits = |all: &[(&str, usize)]| {
        all.iter().map(|(name, count)| (name.to_string(), *count)).collect::<Vec<_>>()
    };
    let found = renamed(&mut server, &uri, (0, 5), "assist");
    assert_eq!(found, edits(&[("lib/a.star", 1), ("lib/b.star", 1), ("main.star", 2)]));
    let found = renamed(&mut server, &uri, (0, 19), "gamma");
    assert_eq!(found, edits(&[("lib/a.star", 1), ("lib/b.star", 2), ("main.star", 1)]));
    let params = json!({
        "textDocument": { "uri": uri }, "position": { "line": 0, "character": 5 },
        "context": { "includeDeclaration": false },
    });
    let found = server.request("textDocument/references", params);
    assert_eq!(found.as_array().unwrap().len(), 3, "{found}");
    server.finish();
}

#[test]
fn renaming_reads_what_a_spec_loads_though_nothing_was_evaluated() {
    let mut server = untrusted(false);
    server.write("lib.star", "def helper():\n    pass\n");
    let uri = server.open("main.star", "load(\"lib.star\", \"helper\")\nhelper()\ndef broken(:\n");
    let found = renamed(&mut server, &uri, (1, 2), "assist");
    assert_eq!(found, [("lib.star".to_owned(), 1), ("main.star".to_owned(), 2)]);
    let missing = server.open("missing.star", "load(\"gone.star\", \"helper\")\nhelper()\n");
    let place = json!({ "textDocument": { "uri": missing }, "position": { "line": 1, "character": 2 } });
    let refusal = server.refusal("textDocument/prepareRename", place);
    assert!(refusal["message"].as_str().unwrap().starts_with("gone.star cannot be read"), "{refusal}");
    let path = json!({ "textDocument": { "uri": uri }, "position": { "line": 0, "character": 8 } });
    let hover = server.request("textDocument/hover", path)["contents"]["value"].clone();
    assert!(hover.as_str().unwrap().ends_with("/lib.star`\n\n`helper`"), "{hover}");
    server.finish();
}

/// What loads `helper` of lib.star, with so many calls of it.
fn calls_of_helper(calls: usize) -> String {
    let calls: String = (0..calls).map(|n| format!("v{n} = helper(path = {n})\n")).collect();
    format!("load(\"lib.star\", \"helper\")\n{calls}")
}

#[test]
fn renaming_edits_the_text_that_is_on_disk_now() {
    // With an evaluation, the library is known as it was then. This client says nothing when it changes.
    let (mut server, uri) = opened();
    let library = server.uri("lib.star");
    let here = place(&uri, "helper(db)", 1);
    let leads_to = |server: &mut Server, line: u32| {
        let found = server.request("textDocument/definition", here.clone());
        assert_eq!(found[0]["range"], range((line, 4), (line, 10)), "{found}");
    };
    leads_to(&mut server, 0);
    server.write("lib.star", "# One line more.\ndef helper(x):\n    return x\n");
    let mut params = here.clone();
    params["newName"] = json!("assist");
    let edit = server.request("textDocument/rename", params.clone());
    assert_eq!(edit["changes"][&library][0]["range"], range((1, 4), (1, 10)), "{edit}");
    leads_to(&mut server, 1);
    params["context"] = json!({ "includeDeclaration": true });
    let found = server.request("textDocument/references", params);
    assert_eq!(found[0]["range"], range((1, 4), (1, 10)), "{found}");
    server.finish();
}

#[test]
fn renaming_follows_links_to_files_once() {
    let mut server = untrusted(true);
    server.write("below/far.star", &calls_of_helper(2));
    let uri = server.open("lib.star", "def helper(path):\n    return path\n");
    server.write("real.star", &calls_of_helper(1));
    std::os::unix::fs::symlink(server.path("real.star"), server.path("same.star")).unwrap();
    std::os::unix::fs::symlink("below/far.star", server.path("link.star")).unwrap();
    // What lies outside is not the workspace's to change.
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("out.star"), calls_of_helper(2)).unwrap();
    std::os::unix::fs::symlink(outside.path().join("out.star"), server.path("out.star")).unwrap();
    let found = renamed(&mut server, &uri, (0, 5), "assist");
    let found: Vec<_> = found.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(found, [("lib.star", 1), ("link.star", 3), ("real.star", 2)]);
    server.finish();
}

#[test]
fn renaming_is_refused_where_not_every_spec_can_be_searched() {
    let mut server = untrusted(true);
    let uri = server.open("lib.star", "def helper(path):\n    own = path\n    return own\n");
    (0..4_001).for_each(|n| server.write(&format!("specs/{n}.star"), ""));
    let mut params = json!({
        "textDocument": { "uri": uri }, "position": { "line": 0, "character": 5 }, "newName": "assist",
    });
    for question in ["textDocument/prepareRename", "textDocument/rename"] {
        let refusal = server.refusal(question, params.clone());
        let message = refusal["message"].as_str().unwrap();
        assert!(message.starts_with("the workspace has more specs than can be searched"), "{message}");
    }
    params["context"] = json!({ "includeDeclaration": true });
    let found = server.request("textDocument/references", params);
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    let local = renamed(&mut server, &uri, (1, 5), "mine");
    assert_eq!(local, [("lib.star".to_owned(), 2)]);
    server.finish();
}

#[test]
fn thousands_of_mentions_take_no_time() {
    let mut server = untrusted(true);
    let uri = server.open("lib.star", "def helper(path):\n    return path\n");
    server.write("main.star", &calls_of_helper(8_000));
    let place = json!({ "textDocument": { "uri": uri }, "position": { "line": 0, "character": 5 } });
    let mut params = place.clone();
    params["context"] = json!({ "includeDeclaration": true });
    // Seconds, when the file is read for each; far below, be the machine ever so busy, when it is read once.
    let begun = Instant::now();
    let found = server.request("textDocument/references", params);
    assert_eq!(found.as_array().unwrap().len(), 8_002);
    assert_eq!(renamed(&mut server, &uri, (0, 5), "assist")[1], ("main.star".to_owned(), 8_001));
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    server.finish();
}

#[test]
fn names_lead_into_loaded_files_though_nothing_was_evaluated() {
    let mut server = untrusted(false);
    server.write("lib/b.star", "def helper(alpha):\n    return alpha\n");
    server.write("lib/a.star", "load(\"lib/b.star\", \"helper\")\ndef first():\n    helper(1)\n");
    let uri =
        server.open("main.star", "load(\"lib/a.star\", \"first\")\ndef test_x():\n    first()\napi = service(\"api\", \"/bin/true\")\nx = (\n");
    let place = |line: u32, character: u32| json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } });
    let found = server.request("textDocument/definition", place(2, 6));
    assert_eq!(found[0]["uri"], server.uri("lib/a.star"), "{found}");
    assert_eq!(found[0]["range"], range((1, 4), (1, 9)), "{found}");
    let hover = server.request("textDocument/hover", place(2, 6));
    assert!(hover["contents"]["value"].as_str().unwrap().contains("def first()"), "{hover}");
    // The calls go on in files that are on disk only, whose paths start where the open spec is.
    let prepared = server.request("textDocument/prepareCallHierarchy", place(2, 6));
    let calls = server.request("callHierarchy/outgoingCalls", json!({ "item": prepared[0] }));
    assert_eq!(calls[0]["to"]["name"], "helper", "{calls}");
    assert_eq!(calls[0]["to"]["uri"], server.uri("lib/b.star"), "{calls}");
    let calls = server.request("callHierarchy/incomingCalls", json!({ "item": prepared[0] }));
    assert_eq!(calls[0]["from"]["name"], "test_x", "{calls}");
    server.finish();
}

#[test]
fn actions_mend_and_run() {
    let (mut server, uri) = opened();
    let context = json!({ "diagnostics": [] });
    let params =
        json!({ "textDocument": { "uri": uri }, "range": range((9, 3), (9, 3)), "context": context });
    let actions = server.request("textDocument/codeAction", params);
    let run =
        actions.as_array().unwrap().iter().find(|action| action["kind"] == "source.faultbox.run").unwrap();
    assert_eq!(run["command"]["command"], "faultbox.run", "{run}");
    assert_eq!(run["command"]["arguments"][0]["tests"], json!(["test_sad"]), "{run}");

    server.change(&uri, 2, None, "x = service(\"db\", \"/bin/true\")\ny = sevice(\"b\", \"/bin/true\")\n");
    let found = server.findings_where(&uri, |params| {
        params["diagnostics"]
            .as_array()
            .is_some_and(|found| found.iter().any(|each| each["code"] == "FB0101"))
    });
    let unknown = found.iter().find(|each| each["code"] == "FB0101").unwrap().clone();
    let params = json!({
        "textDocument": { "uri": uri }, "range": unknown["range"], "context": { "diagnostics": [unknown], "only": ["quickfix"] },
    });
    let actions = server.request("textDocument/codeAction", params);
    let edits = &actions[0]["edit"]["changes"][&uri];
    assert_eq!(edits[0]["newText"], "service", "{actions}");
    server.finish();
}

#[test]
fn the_call_hierarchy_leads_from_a_test_to_its_faults() {
    let (mut server, uri) = opened();
    let prepared = server.request("textDocument/prepareCallHierarchy", place(&uri, "\"sad\"", 1));
    let item = prepared[0].clone();
    let calls = server.request("callHierarchy/outgoingCalls", json!({ "item": item }));
    let names: Vec<&str> =
        calls.as_array().unwrap().iter().filter_map(|call| call["to"]["name"].as_str()).collect();
    assert!(names.contains(&"scene") && names.contains(&"slow"), "{calls}");
    let scene = calls.as_array().unwrap().iter().find(|call| call["to"]["name"] == "scene").unwrap();
    let back = server.request("callHierarchy/incomingCalls", json!({ "item": scene["to"] }));
    assert!(!back.as_array().unwrap().is_empty(), "{back}");
    server.finish();
}

#[test]
fn rules_say_what_they_did() {
    let mut server = Server::start();
    let text = "\
db = service(\"db\", \"/bin/sleep\", args = [\"60\"])
slow = fault_assumption(\"slow\", target = db, write = deny(\"EIO\"))
fault_scenario(\"sad\", scenario = lambda: 1, faults = [slow], expect = lambda r: assert_eq(r, 1))
";
    let uri = server.open("faultbox.star", text);
    server.notification("faultbox/testsChanged", |params| params["uri"] == uri);
    let run = server.command("faultbox.run", json!({ "uri": uri }))["runId"].clone();
    server.notification("faultbox/testEvent", |params| {
        params["runId"] == run && params["event"]["event"] == "ended"
    });
    let params = json!({ "textDocument": { "uri": uri }, "range": range((0, 0), (9, 0)) });
    let hints = server.request("textDocument/inlayHint", params);
    assert_eq!(hints[0]["position"]["line"], 1, "{hints}");
    assert!(hints[0]["label"].as_str().unwrap().starts_with("never fired"), "{hints}");
    server.finish();
}
