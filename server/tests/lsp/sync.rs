//! Incremental changes in both position encodings.

use crate::client::{Server, abilities, codes, range};
use serde_json::json;

/// The error's place shows what text the server has: it lies at the end, behind everything that was changed.
fn check_sync(encoding: &str, columns: [u32; 2], error_column: u32) {
    let mut params = abilities();
    params["capabilities"]["general"]["positionEncodings"] = json!([encoding]);
    let (mut server, _) = Server::start_with(params);
    let uri = server.open("faultbox.star", "a = \"😀\"; 1\n");
    assert_eq!(codes(&server.findings(&uri, 1)), Vec::<String>::new());
    // What replaces `1` has its error behind another emoji and an `é`.
    server.change(&uri, 2, Some(range((0, columns[0]), (0, columns[1]))), "\"😀é\" + *");
    let findings = server.findings(&uri, 2);
    assert!(!findings.is_empty());
    let first = &findings[0]["range"]["start"];
    assert_eq!(first, &json!({ "line": 0, "character": error_column }), "{findings:#?}");
    server.change(&uri, 3, None, "c = 1\n");
    assert_eq!(server.findings(&uri, 3), Vec::<serde_json::Value>::new());
    server.finish();
}

#[test]
fn utf16_columns_count_an_emoji_as_two() {
    // a = "😀"; 1: `1` at 4 + 4 + 2.
    check_sync("utf-16", [10, 11], 10 + 8);
}

#[test]
fn utf8_columns_count_an_emoji_as_four() {
    check_sync("utf-8", [12, 13], 12 + 11);
}

#[test]
fn several_changes_of_one_message_build_on_each_other() {
    let mut server = Server::start();
    let uri = server.open("faultbox.star", "a = (\n");
    assert_eq!(codes(&server.findings(&uri, 1)), ["FB0002"]);
    let changes = json!([
        { "range": range((0, 4), (0, 5)), "text": "" },
        { "range": range((0, 4), (0, 4)), "text": "[1" },
        { "range": range((0, 6), (0, 6)), "text": ",\r\n2]" },
    ]);
    let params = json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": changes });
    server.notify("textDocument/didChange", params);
    assert!(server.findings(&uri, 2).is_empty());
    server.finish();
}

/// Seen in Helix, which sends each change from a task of its own: `500,` arrived as `50,0`.
#[test]
fn changes_that_overtake_one_another_are_put_in_order() {
    let mut server = Server::start();
    let uri = server.open("faultbox.star", "a = [, 2]\n");
    assert_eq!(server.findings(&uri, 1).len(), 1);
    for (version, column, letter) in [(2, 5, "5"), (4, 7, "0"), (3, 6, "0")] {
        server.change(&uri, version, Some(range((0, column), (0, column))), letter);
    }
    server.findings_where(&uri, |params| params["version"] == 4 && params["diagnostics"] == json!([]));
    server.finish();
}
