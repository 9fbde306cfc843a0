//! Findings: at once for the text, soon for what evaluation finds, none for what is not ours.

use crate::client::{Server, abilities, codes, range};
use serde_json::{Value, json};

const SPEC: &str = "\
db = service(\"db\", \"/bin/true\", interface(\"main\", \"http\", 9001))
api = service(\"api\", \"/bin/true\", interface(\"public\", \"http\", 9002), depends_on = [db])

def test_one():
    assert_eq(1, 1)
";

fn has(code: &'static str) -> impl Fn(&Value) -> bool {
    move |params| {
        params["diagnostics"].as_array().is_some_and(|found| found.iter().any(|each| each["code"] == code))
    }
}

#[test]
fn all_syntax_errors_are_there_at_once_and_evaluation_follows() {
    let mut server = Server::start();
    let uri = server.open("shop.star", &format!("{SPEC}x = (\ny = 1 +\nz = 1\n"));
    let found = server.findings(&uri, 1);
    assert!(codes(&found).iter().filter(|code| code.starts_with("FB000")).count() >= 2, "{found:#?}");
    assert_eq!(found[0]["source"], "faultbox");
    server.finish();
}

#[test]
fn evaluation_finds_what_the_text_does_not_show() {
    let mut server = Server::start();
    let twice = SPEC.replace("\"api\"", "\"d\" + \"b\"");
    let uri = server.open("shop.star", &twice);
    let found = server.findings_where(&uri, has("FB0110"));
    let duplicate = found.iter().find(|each| each["code"] == "FB0110").unwrap();
    assert_eq!(duplicate["range"]["start"]["line"], 1, "{found:#?}");
    // An edit above moves the finding before anything is evaluated again.
    server.change(&uri, 2, Some(range((0, 0), (0, 0))), "# new\n");
    let found = server.findings(&uri, 2);
    let moved = found.iter().find(|each| each["code"] == "FB0110").expect("it is still there");
    assert_eq!(moved["range"]["start"]["line"], 2, "{found:#?}");
    // Mended.
    server.change(&uri, 3, None, SPEC);
    server.findings_where(&uri, |params| params["version"] == 3 && !has("FB0110")(params));
    server.finish();
}

#[test]
fn a_finding_in_a_loaded_file_appears_there() {
    let mut server = Server::start();
    std::fs::write(server.path("lib.star"), "def f():\n    return 1\n\nboom = 1 // 0\n").unwrap();
    let root = server.open(
        "faultbox.star",
        "load(\"lib.star\", \"f\", \"boom\")\ndef test_a():\n    assert_eq(f(), boom)\n",
    );
    let library = server.uri("lib.star");
    let found = server.findings_where(&library, |params| params["diagnostics"] != json!([]));
    assert_eq!(found[0]["range"]["start"]["line"], 3, "{found:#?}");
    // Opening and mending the library mends the root.
    let library = server.open("lib.star", "def f():\n    return 1\n\nboom = 1\n");
    server.findings_where(&library, |params| params["version"] == 1 && params["diagnostics"] == json!([]));
    assert!(!root.is_empty());
    server.finish();
}

#[test]
fn a_mistake_in_the_call_of_a_recipe_is_shown_where_it_is_called() {
    let mut server = Server::start();
    let text = "load(\"@faultbox/recipes/http.star\", \"http\")\nx = http.flaky(pth=\"/x\")\n";
    let uri = server.open("faultbox.star", text);
    let found = server.findings_where(&uri, has("FB0102"));
    let place = found.iter().find(|each| each["code"] == "FB0102").map(|each| &each["range"]["start"]);
    assert_eq!(place, Some(&json!({ "line": 1, "character": 4 })), "{found:#?}");
    server.finish();
}

#[test]
fn a_data_file_that_was_missing_is_read_once_it_is_there() {
    let mut server = Server::start();
    let uri = server.open("faultbox.star", SPEC);
    server.notification("faultbox/testsChanged", |params| params["uri"] == uri);
    server.change(&uri, 2, Some(range((5, 0), (5, 0))), "x = load_json(\"late.json\")\n");
    server.findings_where(&uri, has("FB0005"));
    server.write("late.json", "{}");
    let created = json!({ "changes": [{ "uri": server.uri("late.json"), "type": 1 }] });
    server.notify("workspace/didChangeWatchedFiles", created);
    server.shows(&uri, |found| found.iter().all(|each| each["code"] != "FB0005"));
    server.finish();
}

/// An editor may keep the mark in its buffer, where it is the first character of the first line.
#[test]
fn a_byte_order_mark_is_no_finding_and_moves_none() {
    let mut server = Server::start();
    let spec = "a = service(\"x\", \"/bin/true\"); b = service(\"\" + \"x\", \"/bin/true\")\nc = service(\"\" + \"x\", \"/bin/true\")\n";
    let mut found = |name: &str, text: &str| {
        let uri = server.open(name, text);
        server.shows(&uri, |found| codes(found).contains(&"FB0110".to_owned()));
        let start = |each: &Value| {
            (each["range"]["start"]["line"].as_u64(), each["range"]["start"]["character"].as_u64())
        };
        let places = server.shown(&uri).iter().map(start).collect::<Vec<_>>();
        (codes(server.shown(&uri)), places)
    };
    let (plain, places) = found("plain.star", spec);
    let marked = found("marked.star", &format!("\u{feff}{spec}"));
    let moved = |(line, column): (Option<u64>, Option<u64>)| match line {
        Some(0) => (line, column.map(|column| column + 1)),
        _ => (line, column),
    };
    let moved: Vec<_> = places.into_iter().map(moved).collect();
    assert_eq!(marked, (plain, moved));
    server.finish();
}

/// As a restored session opens them: what is asked about a part before it is known as one is not shown.
#[test]
fn a_part_that_was_opened_before_its_root_gets_no_findings_of_a_root() {
    let mut server = Server::start();
    server.write("lib.star", "def f():\n    return 1\n");
    let twice = SPEC.replace("\"api\"", "\"d\" + \"b\"");
    let root = server.open("faultbox.star", &format!("load(\"lib.star\", \"f\")\n{twice}x = f\n"));
    let library = "slow = fault_assumption(\"slow\", target = None)\ndef f():\n    return 1\n";
    let library = server.open("lib.star", library);
    server.findings_where(&root, has("FB0110"));
    server.shows(&library, |found| found.iter().all(|each| each["code"] != "FB0213"));
    // What was asked before is answered before.
    let last = server.open("last.star", &twice);
    server.findings_where(&last, has("FB0110"));
    let shown = codes(server.shown(&library));
    assert!(!shown.contains(&"FB0213".to_owned()), "{shown:?}");
    server.finish();
}

/// A file that declares nothing yet is one of ours when it loads one of ours, and for what lies around it.
#[test]
fn a_file_that_declares_nothing_yet_is_evaluated() {
    let mut server = Server::start();
    server.write("lib/helpers.star", "slow = fault_assumption(\"slow\")\n");
    let uri = server.open("top/a.star", "load(\"../lib/helpers.star\", \"nope\")\nx = nope\n");
    server.findings_where(&uri, has("FB0008"));
    let uri = server.open("top/b.star", "load(\"nofile.star\", \"a\")\ndef test_a():\n    assert_eq(a, 1)\n");
    server.findings_where(&uri, has("FB0005"));
    server.write("shop/faultbox.star", SPEC);
    let uri = server.open("shop/more.star", "x = 1 // 0\n");
    server.findings_where(&uri, has("FB0100"));
    server.finish();
}

#[test]
fn a_file_that_others_load_needs_no_test() {
    let mut server = Server::start();
    let text = "slow = fault_assumption(\"slow\")\n";
    server.write("faultbox.star", "load(\"helpers.star\", \"slow\")\nx = slow\n");
    let helpers = server.open("helpers.star", text);
    let alone = server.open("alone.star", text);
    server.findings_where(&alone, has("FB0213"));
    server.findings_where(&helpers, has("FB0214"));
    assert!(!codes(server.shown(&helpers)).contains(&"FB0213".to_owned()));
    server.finish();
}

#[test]
fn a_helper_that_cannot_be_read_is_told_at_its_load() {
    let mut server = Server::start();
    server.write("helpers.star", "def f(:\n    return 1\n");
    let uri =
        server.open("faultbox.star", "load(\"helpers.star\", \"f\")\ndef test_a():\n    assert_eq(f(), 1)\n");
    let found = server.findings_where(&uri, has("FB0005"));
    let told = found.iter().find(|each| each["code"] == "FB0005").unwrap();
    assert_eq!(told["range"]["start"], json!({ "line": 0, "character": 5 }), "{told:#}");
    let related = &told["relatedInformation"][0]["location"]["uri"];
    assert_eq!(*related, server.uri("helpers.star"), "{told:#}");
    server.finish();
}

#[test]
fn other_starlark_stays_quiet() {
    let mut server = Server::start();
    let uri = server
        .open("BUILD.star", "cc_library(name = \"x\", srcs = glob([\"*.c\"]))\nload(\":y.star\", \"q\")\n");
    assert_eq!(server.findings(&uri, 1), Vec::<Value>::new());
    let lenses = server.request("textDocument/codeLens", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(lenses, json!([]));
    // Modules of Pixlet are named like files and are none.
    let clock = "load(\"render.star\", \"render\")\nload(\"time.star\", \"time\")\n\
                 def main(config):\n    return render.Root(child = render.Text(time.now().format(\"15:04\")))\n";
    let uri = server.open("clock.star", clock);
    assert_eq!(server.findings(&uri, 1), Vec::<Value>::new());
    server.command("faultbox.clearResults", json!({}));
    assert!(server.shown(&uri).is_empty());
    server.finish();
}

#[test]
fn nothing_is_evaluated_in_a_workspace_that_is_not_trusted() {
    let mut params = abilities();
    params["initializationOptions"]["trusted"] = json!(false);
    let (mut server, _) = Server::start_with(params);
    let uri = server.open("shop.star", &SPEC.replace("\"api\"", "\"d\" + \"b\""));
    assert_eq!(server.findings(&uri, 1), Vec::<Value>::new());
    let run = json!({ "command": "faultbox.run", "arguments": [{ "uri": uri }] });
    let refusal = server.refusal("workspace/executeCommand", run);
    assert!(refusal["message"].as_str().unwrap().contains("not trusted"), "{refusal}");
    let lenses = server.request("textDocument/codeLens", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(lenses, json!([]));
    // Trusted later, everything is looked at.
    let settings = json!({ "settings": { "faultbox": { "trusted": true } } });
    server.notify("workspace/didChangeConfiguration", settings);
    server.findings_where(&uri, has("FB0110"));
    server.finish();
}

/// Evaluation that never ends costs its own spec the evaluated findings, and nobody else anything.
#[test]
fn a_hostile_spec_harms_only_itself() {
    let mut server = Server::start();
    let endless = "service(\"db\", \"/bin/true\")\nx = 3\nfor i in range(60):\n    x = x * x\n";
    let bad = server.open("endless.star", endless);
    let found = server.findings_where(&bad, has("FB0009"));
    let limit = found.iter().find(|each| each["code"] == "FB0009").unwrap();
    assert!(limit["severity"].as_i64().unwrap() >= 1, "{limit}");
    let good = server.open("shop.star", &SPEC.replace("\"api\"", "\"d\" + \"b\""));
    server.findings_where(&good, has("FB0110"));
    server.finish();
}
