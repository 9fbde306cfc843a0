//! Runs: events, lenses, results at the line, cancelling, and nothing left behind.

use crate::client::{LIMIT, Server, abilities};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SPEC: &str = "\
def test_good():
    assert_eq(1, 1)

def test_bad():
    x = 404
    assert_eq(x, 503, \"expected 503\")
";

fn event(server: &mut Server, run: &Value, kind: &str) -> Value {
    server.notification("faultbox/testEvent", |params| {
        params["runId"] == *run && params["event"]["event"] == kind
    })
}

fn titles(server: &mut Server, uri: &str) -> Vec<String> {
    let lenses = server.request("textDocument/codeLens", json!({ "textDocument": { "uri": uri } }));
    let title = |lens: &Value| lens["command"]["title"].as_str().unwrap().to_owned();
    lenses.as_array().unwrap().iter().map(title).collect()
}

/// Opens the spec and waits until its tests are known.
fn opened(server: &mut Server, text: &str) -> String {
    let uri = server.open("faultbox.star", text);
    server.notification("faultbox/testsChanged", |params| params["uri"] == uri);
    uri
}

#[test]
fn a_run_tells_its_events_and_leaves_its_outcome_at_the_line() {
    let mut server = Server::start();
    let uri = opened(&mut server, SPEC);
    assert_eq!(titles(&mut server, &uri), ["▶ Run all (2)", "▶ Run", "▶ Run"]);
    let answer = server.command("faultbox.run", json!({ "uri": uri, "all": true }));
    let run = answer["runId"].clone();
    let queued = event(&mut server, &run, "queued");
    assert_eq!(queued["seq"], 0);
    assert_eq!(queued["event"]["argv"], json!(["faultbox", "test", "faultbox.star"]));
    let ended = event(&mut server, &run, "ended");
    assert_eq!(ended["event"]["exitCode"], 2, "{ended}");
    assert_eq!(ended["event"]["cancelled"], false);

    let found = server.findings_where(&uri, |params| {
        params["diagnostics"]
            .as_array()
            .is_some_and(|found| found.iter().any(|each| each["source"] == "faultbox run"))
    });
    let failure = found.iter().find(|each| each["source"] == "faultbox run").unwrap();
    assert_eq!(failure["range"]["start"]["line"], 5, "{failure:#}");
    assert_eq!(failure["code"], "test_bad");
    assert!(failure["message"].as_str().unwrap().contains("404 != 503"), "{failure:#}");

    let titles = titles(&mut server, &uri);
    assert_eq!(titles[..2], ["▶ Run all (2)", "▶ Run failed (1)"]);
    assert!(titles[2].starts_with("✓ ") && titles[2].ends_with(" ms · Run"), "{titles:?}");
    assert!(titles[3].starts_with("✗ 404 != 503"), "{titles:?}");

    let trace = server.request("faultbox/trace", json!({ "runId": run, "test": "bad" }));
    let events = trace["events"].as_array().unwrap();
    let finished: Vec<&Value> = events.iter().filter(|event| event["event"] == "leaf_finished").collect();
    assert_eq!(finished.len(), 1, "{trace:#}");
    assert_eq!(finished[0]["test"], "test_bad");

    let answer = server.command("faultbox.rerunFailed", json!({}));
    assert_eq!(answer["tests"], json!(["test_bad"]));
    let ended = event(&mut server, &answer["runId"], "ended");
    assert_eq!(ended["event"]["exitCode"], 2);
    server.finish();
}

#[test]
fn a_buffer_is_run_as_it_stands_and_not_as_it_was_saved() {
    let mut server = Server::start();
    let uri = opened(&mut server, SPEC);
    server.change(&uri, 2, None, &SPEC.replace("503, ", "404, "));
    let answer = server.command("faultbox.run", json!({ "uri": uri, "tests": ["bad"] }));
    let ended = event(&mut server, &answer["runId"], "ended");
    assert_eq!(ended["event"]["exitCode"], 0, "{ended}");
    let results = server.request("faultbox/results", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(results["results"]["test_bad"]["outcome"], "pass", "{results}");
    assert!(std::fs::read_to_string(server.path("faultbox.star")).unwrap().contains("503"));
    server.finish();
}

#[test]
fn a_failures_mark_follows_edits_and_goes_when_its_line_is_changed() {
    let mut server = Server::start();
    let uri = opened(&mut server, SPEC);
    let answer = server.command("faultbox.run", json!({ "uri": uri, "tests": ["test_bad"] }));
    event(&mut server, &answer["runId"], "ended");
    let line_of = |found: &[Value]| {
        found
            .iter()
            .find(|each| each["source"] == "faultbox run")
            .map(|each| each["range"]["start"]["line"].clone())
    };
    server.change(&uri, 2, None, SPEC);
    assert_eq!(line_of(&server.findings(&uri, 2)), None, "a whole new text has no known marks");
    let answer = server.command("faultbox.run", json!({ "uri": uri, "tests": ["test_bad"] }));
    event(&mut server, &answer["runId"], "ended");
    server.change(&uri, 3, Some(crate::client::range((0, 0), (0, 0))), "# one\n# two\n");
    assert_eq!(line_of(&server.findings(&uri, 3)), Some(json!(7)));
    server.change(&uri, 4, Some(crate::client::range((7, 14), (7, 15))), "y");
    assert_eq!(line_of(&server.findings(&uri, 4)), None);
    server.finish();
}

#[test]
fn a_buffer_that_was_never_saved_is_run() {
    let mut server = Server::start();
    let uri = server.uri("new.star");
    server.open_buffer(&uri, "def test_one():\n    assert_eq(1, 1)\n");
    let answer = server.command("faultbox.run", json!({ "uri": uri, "all": true }));
    let ended = event(&mut server, &answer["runId"], "ended");
    assert_eq!(ended["event"]["exitCode"], 0, "{ended:#}");
    server.finish();
}

#[test]
fn commands_say_what_is_wrong_with_them() {
    let mut server = Server::start();
    let uri = opened(&mut server, SPEC);
    let mut refusal = |command: &str, argument: Value| {
        let params = json!({ "command": command, "arguments": [argument] });
        server.refusal("workspace/executeCommand", params)["message"].as_str().unwrap().to_owned()
    };
    assert!(refusal("faultbox.run", json!({})).contains("uri"));
    assert!(refusal("faultbox.run", json!({ "uri": uri, "failed": true })).contains("no test failed"));
    assert!(refusal("faultbox.run", json!({ "uri": uri, "tests": [] })).contains("no test is named"));
    assert!(refusal("faultbox.run", json!({ "uri": "untitled:x" })).contains("save the spec first"));
    let shown = server.command("faultbox.showCommand", json!({ "uri": uri, "tests": ["good"], "seed": 3 }));
    assert_eq!(shown["argv"], json!(["faultbox", "test", "faultbox.star", "--test", "good", "--seed", "3"]));
    // A name that is no test: the run cannot start, and says so to the user.
    server.command("faultbox.run", json!({ "uri": uri, "tests": ["nonsense"] }));
    let message = server.notification("window/showMessage", |_| true);
    assert!(message["message"].as_str().unwrap().contains("nonsense"), "{message}");
    server.finish();
}

#[test]
fn the_jobs_setting_goes_to_the_run() {
    let mut params = abilities();
    params["initializationOptions"]["jobs"] = json!(1);
    let (mut server, _) = Server::start_with(params);
    let uri = opened(&mut server, SPEC);
    let started = |server: &mut Server| {
        let run = server.command("faultbox.run", json!({ "uri": uri, "tests": ["good"] }))["runId"].clone();
        let queued = event(server, &run, "queued");
        let started = event(server, &run, "run_started");
        event(server, &run, "ended");
        (queued["event"]["argv"].clone(), started["event"]["jobs"].clone())
    };
    let argv = ["faultbox", "test", "faultbox.star", "--test", "good", "--jobs", "1"];
    assert_eq!(started(&mut server), (json!(argv), json!(1)));
    let settings = json!({ "settings": { "faultbox": { "jobs": 0 } } });
    server.notify("workspace/didChangeConfiguration", settings);
    assert_eq!(started(&mut server).0, json!(argv[..5]), "0 leaves it to the run");
    server.finish();
}

/// A service that never gets ready keeps a run going for as long as a test needs.
const ENDLESS: &str = "\
slow = service(\"slow\", \"/bin/sleep\", interface(\"main\", \"tcp\", 9003), args = [\"7007\"],
    healthcheck = tcp(\"localhost:9003\", timeout = \"60s\"))

def test_wait():
    assert_eq(1, 1)
";

/// How many processes sleep for that odd time.
fn sleepers() -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| line.windows(5).any(|part| part == b"\x007007")).count()
}

fn until(what: &str, limit: Duration, is_so: impl Fn() -> bool) {
    let end = Instant::now() + limit;
    while !is_so() {
        assert!(Instant::now() < end, "{what} did not come about in {limit:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Every way to end a run ends its services. One test, since all count the same processes.
#[test]
fn nothing_is_left_running() {
    for ending in ["cancel", "progress", "exit", "kill"] {
        let mut params = abilities();
        params["capabilities"]["window"] = json!({ "workDoneProgress": true });
        let (mut server, _) = Server::start_with(params);
        let uri = opened(&mut server, ENDLESS);
        let run = server.command("faultbox.run", json!({ "uri": uri }))["runId"].clone();
        event(&mut server, &run, "service_started");
        until("the service", LIMIT, || sleepers() > 0);
        match ending {
            "cancel" => {
                let answer = server.command("faultbox.cancel", json!({ "runId": run }));
                assert_eq!(answer["cancelled"], json!([run]));
            }
            "progress" => server.notify("window/workDoneProgress/cancel", json!({ "token": run })),
            "exit" => server.notify("exit", Value::Null),
            _ => server.child.kill().unwrap(),
        }
        if matches!(ending, "cancel" | "progress") {
            let ended = event(&mut server, &run, "ended");
            assert_eq!(ended["event"]["cancelled"], true, "{ending}: {ended}");
            server.finish();
        }
        until(ending, Duration::from_secs(3), || sleepers() == 0);
    }
}
