//! What remains of a document when its editor tab is closed.

use crate::client::Server;
use serde_json::{Value, json};

const SPEC: &str = "\
def test_one():
    assert_eq(1, 1)

x = zzz
";

fn tests(server: &mut Server, uri: &str) -> Vec<String> {
    let params = server.notification("faultbox/testsChanged", |params| params["uri"] == uri);
    let tests = params["tests"].as_array().unwrap();
    tests.iter().map(|test| test["id"].as_str().unwrap().to_owned()).collect()
}

/// Opens a second document and waits for its tests: by then, what follows from events before has been told.
fn settle(server: &mut Server) {
    let other = server.open("other/faultbox.star", "def test_other():\n    assert_eq(1, 1)\n");
    assert_eq!(tests(server, &other), ["test_other"]);
    server.close(&other);
}

fn watched(server: &mut Server, uri: &str, kind: u32) {
    server.notify("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": uri, "type": kind }] }));
}

fn is_empty(params: &Value) -> bool {
    params["diagnostics"] == json!([])
}

#[test]
fn a_closed_file_keeps_its_tests_and_loses_its_findings() {
    let mut server = Server::start();
    let uri = server.open("faultbox.star", SPEC);
    assert_eq!(tests(&mut server, &uri), ["test_one"]);
    server.findings_where(&uri, |params| !is_empty(params));
    server.close(&uri);
    server.findings_where(&uri, is_empty);
    settle(&mut server);
    assert_eq!(server.unread("faultbox/testsChanged", &uri), Vec::<Value>::new());
    // A change on the disk is told, and so is its end.
    server.write("faultbox.star", "def test_two():\n    assert_eq(1, 1)\n");
    watched(&mut server, &uri, 2);
    assert_eq!(tests(&mut server, &uri), ["test_two"]);
    std::fs::remove_file(server.path("faultbox.star")).unwrap();
    watched(&mut server, &uri, 3);
    assert_eq!(tests(&mut server, &uri), Vec::<String>::new());
    server.finish();
}

#[test]
fn tests_that_only_evaluation_sees_are_kept_too() {
    let mut server = Server::start();
    let looped =
        "def f():\n    assert_eq(1, 1)\nfor n in [\"a\", \"b\"]:\n    fault_scenario(n, scenario = f)\n";
    let uri = server.open("faultbox.star", looped);
    let told = server.wait("tests of the loop", |message| {
        let tests = message["params"]["tests"].as_array()?;
        (message["method"] == "faultbox/testsChanged" && tests.len() >= 2).then_some(tests.len())
    });
    assert_eq!(told, 2);
    while !server.unread("faultbox/testsChanged", &uri).is_empty() {
        tests(&mut server, &uri);
    }
    server.close(&uri);
    settle(&mut server);
    assert_eq!(server.unread("faultbox/testsChanged", &uri), Vec::<Value>::new());
    server.finish();
}

#[test]
fn what_was_not_saved_is_gone_with_the_tab() {
    let mut server = Server::start();
    let uri = server.open("faultbox.star", SPEC);
    assert_eq!(tests(&mut server, &uri), ["test_one"]);
    server.change(&uri, 2, None, "def test_unsaved():\n    assert_eq(1, 1)\n");
    assert_eq!(tests(&mut server, &uri), ["test_unsaved"]);
    server.close(&uri);
    assert_eq!(tests(&mut server, &uri), ["test_one"]);
    server.finish();
}

#[test]
fn a_closed_file_that_an_open_spec_loads_keeps_its_findings() {
    let mut server = Server::start();
    let library = server.open("lib.star", "def f():\n    return deny(\"E\" + \"OI\")\n\nx = f()\n");
    let root = server.open(
        "faultbox.star",
        "load(\"lib.star\", \"f\", \"x\")\ndb = service(\"db\", \"/bin/true\")\ntwin = service(\"d\" + \"b\", \"/bin/true\")\ny = x\nz = f\n",
    );
    // What only its evaluation sees: from now on, the part's findings are its own, too.
    server.findings_where(&root, |params| params.to_string().contains("FB0110"));
    let is_told = |found: &[Value]| found.iter().any(|each| each["code"] == "FB0108");
    server.shows(&library, is_told);
    server.close(&library);
    settle(&mut server);
    assert!(is_told(server.shown(&library)), "{:#?}", server.shown(&library));
    server.close(&root);
    server.findings_where(&library, is_empty);
    server.finish();
}
