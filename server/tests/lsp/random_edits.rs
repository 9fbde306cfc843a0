//! Many random edits with questions in between: the server's view of the text stays the client's.

use crate::client::Server;
use crate::edits::{Dice, PIECES, position, splits_a_line_end};
use serde_json::{Value, json};

const START: &str = "\
db = service(\"db\", \"/bin/true\", interface(\"main\", \"http\", 9001))
# 😀 a comment

def test_one():
    r = db.main.get(path = \"/é\")
    assert_eq(r.status, 200)
";

fn check(edits: usize, seed: u64) {
    let mut dice = Dice(seed);
    let mut server = Server::start();
    let uri = server.open("faultbox.star", START);
    let mut text: Vec<char> = START.chars().collect();
    let mut asked = Vec::new();
    for version in 2..edits as i32 + 2 {
        let start = dice.below(text.len() + 1);
        let end = (start + dice.below(4)).min(text.len());
        let piece = PIECES[dice.below(PIECES.len())];
        if splits_a_line_end(&text, start) || splits_a_line_end(&text, end) {
            server.change(&uri, version, None, &text.iter().collect::<String>());
            continue;
        }
        let span = crate::client::range(position(&text, start), position(&text, end));
        server.change(&uri, version, Some(span), piece);
        text.splice(start..end, piece.chars());
        let document = json!({ "uri": uri });
        let at = json!({ "line": dice.below(8), "character": dice.below(30) });
        let (method, params) = match dice.below(4) {
            0 => ("textDocument/foldingRange", json!({ "textDocument": document })),
            1 => ("textDocument/definition", json!({ "textDocument": document, "position": at })),
            2 => ("textDocument/documentHighlight", json!({ "textDocument": document, "position": at })),
            _ => ("textDocument/codeLens", json!({ "textDocument": document })),
        };
        let id = server.ask(method, params);
        if dice.below(5) == 0 {
            server.notify("$/cancelRequest", json!({ "id": id }));
        }
        asked.push((id, method));
    }
    for (id, method) in asked {
        let response = server.response(id);
        let is_fine = response.get("error").is_none() || response["error"]["code"] == -32800;
        assert!(is_fine, "{method}: {response}");
    }
    let last = edits as i32 + 1;
    let text: String = text.iter().collect();
    let (mine, folds) = view(&mut server, &uri, last);
    let mut fresh = Server::start();
    let fresh_uri = fresh.open("faultbox.star", &text);
    assert_eq!((mine, folds), view(&mut fresh, &fresh_uri, 1), "{text}");
    server.finish();
    fresh.finish();
}

/// What a server thinks of a version: syntax errors at once, and the folds.
fn view(server: &mut Server, uri: &str, version: i32) -> (Vec<Value>, Value) {
    let found = server.findings(uri, version);
    let syntax = found.into_iter().filter(|each| each["code"].as_str().is_some_and(|code| code < "FB0100"));
    let folds = server.request("textDocument/foldingRange", json!({ "textDocument": { "uri": uri } }));
    (syntax.map(|each| json!([each["range"], each["code"], each["message"]])).collect(), folds)
}

#[test]
fn after_many_random_edits_the_server_knows_the_text() {
    check(200, 0x5eed);
}

#[test]
#[ignore = "heavy: ten times a thousand edits; run with --ignored"]
fn after_thousands_of_random_edits_the_server_knows_the_text() {
    for seed in 1..=10 {
        check(1000, 0x9e37_79b9 * seed);
    }
}
