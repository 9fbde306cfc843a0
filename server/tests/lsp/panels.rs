//! What plugins show beside the text: the matrix and the timeline.

use crate::client::{Server, abilities, range};
use serde_json::{Value, json};

const SPEC: &str = "\
db = service(\"db\", \"/bin/true\", interface(\"main\", \"http\", 9001))
slow = fault_assumption(\"slow\", target = db, write = delay(\"1ms\"))

def scene():
    return 1

def other():
    return 2

fault_matrix(scenarios = [scene, other], faults = [slow])
";

const TEST: &str = "\
def test_one():
    assert_eq(1, 1)
";

fn matrices(server: &mut Server, uri: &str) -> Value {
    server.request("faultbox/matrix", json!({ "textDocument": { "uri": uri } }))["matrices"].clone()
}

/// The timeline lenses of the document.
fn timelines(server: &mut Server, uri: &str) -> Vec<Value> {
    let lenses = server.request("textDocument/codeLens", json!({ "textDocument": { "uri": uri } }));
    let commands = lenses.as_array().unwrap().iter().map(|lens| lens["command"].clone());
    commands.filter(|command| command["command"] == "faultbox.editor.showTimeline").collect()
}

fn run_to_the_end(server: &mut Server, uri: &str) -> Value {
    let run = server.command("faultbox.run", json!({ "uri": uri, "all": true }))["runId"].clone();
    server.notification("faultbox/testEvent", |params| {
        params["runId"] == run && params["event"]["event"] == "ended"
    });
    run
}

/// A fast user asks before the spec is evaluated, and after an edit that is not evaluated yet.
#[test]
fn the_matrix_is_there_at_once_and_follows_the_text() {
    let mut server = Server::start();
    let uri = server.open("faultbox.star", SPEC);
    let found = matrices(&mut server, &uri);
    assert_eq!(found[0]["scenarios"], json!(["scene", "other"]), "{found}");
    assert_eq!(found[0]["faults"], json!(["slow"]));
    assert_eq!(found[0]["range"], range((9, 0), (9, 57)));
    assert_eq!(found[0]["scenarioRanges"][1]["range"], range((6, 4), (6, 9)));
    assert_eq!(found[0]["faultRanges"][0]["range"], range((1, 0), (1, 4)));
    assert_eq!(found[0]["cells"][1]["test"], "test_matrix_other_slow");
    assert_eq!(found[0]["cells"][1]["result"], Value::Null);
    server.change(&uri, 2, Some(range((9, 31), (9, 38))), "");
    let found = matrices(&mut server, &uri);
    assert_eq!(found[0]["scenarios"], json!(["scene"]), "{found}");
    server.finish();
}

/// Only evaluation sees these cells; clients hear of them with the tests.
#[test]
fn a_computed_matrix_comes_with_the_evaluation() {
    let mut server = Server::start();
    let computed = SPEC.replace("[scene, other]", "[each for each in [scene, other]]");
    let uri = server.open("faultbox.star", &computed);
    server.notification("faultbox/testsChanged", |params| {
        params["tests"].as_array().unwrap().iter().any(|test| test["id"] == "test_matrix_other_slow")
    });
    let found = matrices(&mut server, &uri);
    assert_eq!(found[0]["scenarios"], json!(["scene", "other"]), "{found}");
    server.finish();
}

#[test]
fn a_timeline_is_offered_to_clients_that_can_show_one() {
    let mut params = abilities();
    params["initializationOptions"]["commands"] = json!(["faultbox.editor.showTimeline"]);
    let (mut server, _) = Server::start_with(params);
    let uri = server.open("faultbox.star", TEST);
    assert_eq!(timelines(&mut server, &uri), Vec::<Value>::new());
    let run = run_to_the_end(&mut server, &uri);
    let found = timelines(&mut server, &uri);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["title"], "Timeline");
    assert_eq!(found[0]["arguments"], json!([{ "uri": uri, "runId": run, "test": "test_one" }]));
    server.finish();
}

#[test]
fn other_clients_are_never_offered_a_command_they_do_not_have() {
    let mut server = Server::start();
    let uri = server.open("faultbox.star", TEST);
    run_to_the_end(&mut server, &uri);
    assert_eq!(timelines(&mut server, &uri), Vec::<Value>::new());
    server.finish();
}
