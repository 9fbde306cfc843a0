//! Hostile specs (bar L6): whatever one document holds, the others are answered.
//!
//! The ordinary test asks while the hostile document is being worked on; `timed_beside_hostile_specs` prints how long the
//! answers take.

use crate::client::{Server, range};
use crate::figures::Figures;
use serde_json::{Value, json};
use std::time::Instant;

/// A name, and a text that is meant to do harm.
type Hostile = (&'static str, String);

/// Bounded by steps or by the size of values, or by nothing but the patience of the server.
fn of_evaluation() -> Vec<Hostile> {
    let spec = |name, text: &str| (name, format!("service(\"db\", \"/bin/true\")\n{text}"));
    vec![
        spec("infinite loop", "for i in range(1000000000):\n    for j in range(1000000000):\n        pass\n"),
        spec("endless natives", "s = \"a\" * 1000000\nfor i in range(1000000):\n    s.count(\"b\")\n"),
        spec("exponential growth", "x = [0] * 1000\nfor i in range(60):\n    x = x + x\n"),
        spec("string doubling", "x = \"0123456789\"\nfor i in range(60):\n    x = x + x\n"),
        spec("string multiplication", "x = \"0123456789\" * 1000000000\n"),
        spec("growing int", "x = 3\nfor i in range(60):\n    x = x * x\n"),
        spec("many lists", "x = [list(range(1000000)) for i in range(1000)]\n"),
        spec("sorting", "for i in range(1000):\n    sorted(range(3000000))\n"),
        spec("deep recursion", "def f(n):\n    return f(n + 1)\nx = f(0)\n"),
    ]
}

/// Bounded by the parser, and by what the static checks follow.
fn of_text() -> Vec<Hostile> {
    // Two values of the same shape, and the question what they agree on.
    let twins = |levels: usize, fields: &str| {
        let level = |n: usize| {
            let one = |name: &str| {
                let inner = |field: char| format!("{field}={name}{}", n - 1);
                let fields: Vec<String> = fields.chars().map(inner).collect();
                format!("{name}{n} = struct({})\nr{name}{n} = {name}{n}.x\n", fields.join(", "))
            };
            one("a") + &one("b")
        };
        let levels_text: String = (1..=levels).map(level).collect();
        let agreed = format!("c = a{levels} if True else b{levels}\nd = c.x\nservice(\"db\")\n");
        format!("a0 = struct(x=1)\nb0 = struct(x=1)\n{levels_text}{agreed}")
    };
    vec![
        ("shared values", twins(60, "xy")),
        ("nested values", twins(5_000, "x")),
        ("nested brackets", format!("x = {}1{}\nservice(\"db\")\n", "(".repeat(5000), ")".repeat(5000))),
        ("unclosed brackets", format!("service(\"db\")\nx = {}\n", "[(".repeat(5000))),
        ("nested blocks", (0..2000).map(|depth| format!("{}if x:\n", " ".repeat(depth))).collect()),
        ("100,000 lines", "service(\"db\", \"x\")\nx = [1, 2]\n".repeat(50_000)),
        ("10 MB", "service(\"db\", \"x\") # a comment\n".repeat(350_000)),
        ("one line of 1 MB", format!("service(\"db\")\nx = [{}]\n", "1, ".repeat(350_000))),
        ("5,000 unknown names", (0..5_000).map(|n| format!("service(a{n})\n")).collect()),
    ]
}

const GOOD: &str = "\
db = service(\"db\", \"/bin/true\", interface(\"main\", \"http\", 9001))
twin = service(\"d\" + \"b\", \"/bin/true\", interface(\"main\", \"http\", 9002))

def test_one():
    assert_eq(db.main.get(path = \"/x\").status, 200)
";

/// What is asked, and at which column of a line that begins like the good one's first.
const QUESTIONS: &[(&str, u32)] =
    &[("textDocument/completion", 12), ("textDocument/hover", 7), ("textDocument/signatureHelp", 13)];

/// Types a character into the hostile document, so that it is worked on anew.
fn prod(server: &mut Server, uri: &str, version: i32) {
    server.change(uri, version, Some(range((0, 0), (0, 0))), "#\n");
}

/// Asks everything about the good document while the bad one is changed again and again.
fn ask_beside(server: &mut Server, (name, text): &Hostile, rounds: i32) {
    let folder = name.replace(' ', "-");
    let bad = server.open(&format!("{folder}/bad.faultbox.star"), text);
    let good = server.open(&format!("{folder}/faultbox.star"), GOOD);
    server.findings(&good, 1);
    for round in 0..rounds {
        prod(server, &bad, round + 2);
        server.change(&good, round + 2, Some(range((2, 0), (2, 0))), "# more\n");
        server.findings(&good, round + 2);
        for (question, column) in QUESTIONS {
            let place = json!({ "line": 0, "character": column });
            let answer =
                server.request(question, json!({ "textDocument": { "uri": good }, "position": place }));
            assert_ne!(answer, Value::Null, "{question} beside {name}");
        }
    }
    // Its evaluation comes, too, although the other one may not have ended.
    let is_twin = |found: &[Value]| found.iter().any(|each| each["code"] == "FB0110");
    server.shows(&good, is_twin);
    // And the hostile one is told what is wrong with it.
    server.shows(&bad, |found| !found.is_empty());
    server.close(&bad);
    server.close(&good);
}

#[test]
fn others_are_answered_while_a_hostile_spec_is_evaluated() {
    let mut server = Server::start();
    for hostile in of_evaluation() {
        ask_beside(&mut server, &hostile, 3);
    }
    server.finish();
}

#[test]
fn others_are_answered_while_a_hostile_text_is_parsed() {
    let mut server = Server::start();
    for hostile in of_text() {
        ask_beside(&mut server, &hostile, 3);
    }
    server.finish();
}

/// What can only be stopped from outside occupies neither the evaluation of others nor, in the end, the machine.
#[test]
fn an_evaluation_without_end_is_given_up_and_told() {
    let mut server = Server::start();
    let (_, text) = of_evaluation().swap_remove(1);
    let bad = server.open("bad.faultbox.star", &text);
    server.shows(&bad, |found| found.iter().any(|each| each["code"] == "FB0009"));
    let limit = server.shown(&bad).iter().find(|each| each["code"] == "FB0009").unwrap();
    assert_eq!(limit["severity"], 4, "{limit:#}");
    assert!(limit["message"].as_str().unwrap().contains("live checks are limited"), "{limit:#}");
    server.finish();
}

/// Lenses and tests come from the text where evaluation has nothing to say.
#[test]
fn a_spec_whose_evaluation_never_ends_can_be_run() {
    let mut server = Server::start();
    let (_, endless) = of_evaluation().swap_remove(1);
    let uri = server.open("faultbox.star", &format!("{endless}def test_one():\n    assert_eq(1, 1)\n"));
    let told = server.notification("faultbox/testsChanged", |params| params["uri"] == uri);
    assert_eq!(told["tests"][0]["id"], "test_one", "{told:#}");
    let lenses = |server: &mut Server| {
        let lenses = server.request("textDocument/codeLens", json!({ "textDocument": { "uri": uri } }));
        let lenses = lenses.as_array().unwrap();
        lenses.iter().map(|lens| lens["command"]["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(lenses(&mut server), ["▶ Run all (1)", "▶ Run"]);
    server.shows(&uri, |found| found.iter().any(|each| each["code"] == "FB0009"));
    assert_eq!(lenses(&mut server), ["▶ Run all (1)", "▶ Run"]);
    server.finish();
}

#[test]
#[ignore = "a measurement: run alone, with --release and --nocapture"]
fn timed_beside_hostile_specs() {
    let good = crate::typing::long_spec();
    for hostile in of_evaluation().into_iter().chain(of_text()) {
        let mut figures = Figures::default();
        let mut server = Server::start();
        let bad = server.open("bad.faultbox.star", &hostile.1);
        let uri = server.open("faultbox.star", &good);
        server.findings(&uri, 1);
        for round in 0..300 {
            server.forget();
            // As fast as one types; every tenth keystroke goes into the hostile document.
            if round % 10 == 0 {
                prod(&mut server, &bad, round + 2);
            }
            let started = Instant::now();
            server.change(&uri, round + 2, Some(range((0, 0), (0, 0))), "#\n");
            server.findings(&uri, round + 2);
            figures.add("findings of the text", started);
            for (question, column) in QUESTIONS {
                let started = Instant::now();
                let place = json!({ "line": round + 1, "character": column });
                server.request(question, json!({ "textDocument": { "uri": uri }, "position": place }));
                figures.add(question, started);
            }
        }
        figures.print(&format!("800-line spec beside: {}", hostile.0));
        server.finish();
    }
}
