//! Documents that are too large to be specs: they are kept in step, get one finding, and every request is answered.

use crate::client::{Server, range};
use serde_json::{Value, json};

/// Every request about a document.
fn requests(uri: &str, (line, character): (u32, u32)) -> Vec<(&'static str, Value)> {
    let document = json!({ "uri": uri });
    let about = json!({ "textDocument": document });
    let position = json!({ "line": line, "character": character });
    let at = json!({ "textDocument": document, "position": position });
    let with = |mut params: Value, name: &str, value: Value| {
        params[name] = value;
        params
    };
    let here = json!({ "start": position, "end": position });
    vec![
        ("textDocument/documentSymbol", about.clone()),
        ("textDocument/semanticTokens/full", about.clone()),
        ("textDocument/foldingRange", about.clone()),
        ("textDocument/codeLens", about.clone()),
        ("faultbox/discoverTests", about.clone()),
        ("faultbox/matrix", about.clone()),
        ("workspace/symbol", json!({ "query": "x" })),
        ("textDocument/completion", at.clone()),
        ("textDocument/hover", at.clone()),
        ("textDocument/signatureHelp", at.clone()),
        ("textDocument/definition", at.clone()),
        ("textDocument/documentHighlight", at.clone()),
        ("textDocument/prepareRename", at.clone()),
        ("textDocument/prepareCallHierarchy", at.clone()),
        ("textDocument/rename", with(at.clone(), "newName", json!("other"))),
        ("textDocument/references", with(at, "context", json!({ "includeDeclaration": true }))),
        ("textDocument/selectionRange", with(about.clone(), "positions", json!([position]))),
        (
            "textDocument/inlayHint",
            with(about.clone(), "range", json!({ "start": { "line": 0, "character": 0 }, "end": position })),
        ),
        (
            "textDocument/codeAction",
            with(with(about, "range", here), "context", json!({ "diagnostics": [] })),
        ),
    ]
}

#[test]
fn documents_too_large_get_one_finding_and_every_answer() {
    let mut server = Server::start();
    let spec = "db = service(\"db\", \"/bin/true\") # é\n";
    let many_lines = spec.repeat(3 * 1024 * 1024 / spec.len());
    let one_line = format!("db = service(\"db\", \"/bin/true\")\nx = [{}]\n", "1, \"😀\", ".repeat(600_000));
    for (name, text) in [("lines.star", many_lines), ("line.star", one_line)] {
        let uri = server.open(name, &text);
        let found = server.findings(&uri, 1);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0]["message"].as_str().unwrap().contains("at most 2 MiB are read"), "{found:#?}");
        let lines = text.lines().count() as u32;
        for place in [(0, 0), (0, 6), (1, 300_000), (lines / 2, 14), (lines, 0), (9_999_999, 9)] {
            for (method, params) in requests(&uri, place) {
                let id = server.ask(method, params);
                let answer = server.response(id);
                let is_refused = answer["error"]["code"] == -32803;
                assert!(answer.get("error").is_none() || is_refused, "{name} {place:?} {method}: {answer}");
            }
        }
        // It is edited like any other, and is one again when it is short enough.
        server.change(&uri, 2, Some(range((0, 0), (0, 2))), "api");
        assert_eq!(server.findings(&uri, 2).len(), 1);
        server.change(&uri, 3, Some(range((1, 0), (9_999_999, 0))), "x = nosuch\n");
        let found = server.findings(&uri, 3);
        assert!(found.iter().all(|each| each["range"]["start"]["line"] == 1), "{found:#?}");
        assert!(found.iter().any(|each| each["code"] == "FB0101"), "{found:#?}");
        server.close(&uri);
    }
    server.finish();
}
