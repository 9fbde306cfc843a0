//! Bars L1, L2 and L4: specs are typed character by character and every answer is timed.
//!
//! `cargo test --release -p faultbox --test lsp -- --ignored --nocapture --test-threads 1 timed` prints the figures; README.md
//! has those of the last run. The ordinary test types one short spec and only asks that every answer comes.

use crate::client::{Server, abilities, range};
use crate::figures::Figures;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Instant;

const QUESTIONS: &[&str] = &["textDocument/completion", "textDocument/hover", "textDocument/signatureHelp"];

/// Line and column of the end of a text; the texts typed here are ASCII, so every unit is the same.
pub(crate) fn end_of(text: &str) -> (u32, u32) {
    let line = text.matches('\n').count() as u32;
    let column = text.rsplit('\n').next().unwrap_or("").len() as u32;
    (line, column)
}

/// Types `typed` at the end of `before`, in front of `after`, and asks every question after each character.
fn type_in(
    server: &mut Server,
    before: &str,
    typed: &str,
    after: &str,
    questions: &[&str],
    figures: &mut Figures,
) {
    let uri = server.open("faultbox.star", &format!("{before}{after}"));
    server.findings(&uri, 1);
    let mut text = before.to_owned();
    for (at, c) in typed.chars().enumerate() {
        let version = at as i32 + 2;
        let (line, column) = end_of(&text);
        let started = Instant::now();
        server.change(&uri, version, Some(range((line, column), (line, column))), &c.to_string());
        server.findings(&uri, version);
        figures.add("findings of the text (L1)", started);
        text.push(c);
        let (line, character) = end_of(&text);
        let place =
            json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } });
        for question in questions {
            let started = Instant::now();
            server.request(question, place.clone());
            figures.add(&format!("{question} (L2)"), started);
        }
    }
    server.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
}

pub(crate) const SHORT: &str = "\
db = service(\"db\", \"/bin/true\", interface(\"main\", \"http\", 9001))
slow = fault_assumption(\"slow\", target = db, write = delay(\"200ms\"))
def test_one():
    r = db.main.get(path = \"/x\")
    assert_eq(r.status, 200)
";

#[test]
fn typing_a_spec_gets_every_answer() {
    let mut server = Server::start();
    type_in(&mut server, "", SHORT, "", QUESTIONS, &mut Figures::default());
    server.finish();
}

/// At least 800 lines of services, faults and scenarios.
pub(crate) fn long_spec() -> String {
    let mut text = String::new();
    for n in 0..100 {
        text.push_str(&format!(
            "db{n} = service(\"db{n}\", \"/bin/true\",\n    interface(\"main\", \"http\", {}),\n)\n\
             slow{n} = fault_assumption(\"slow{n}\", target = db{n}, write = delay(\"200ms\"))\n\
             def scene{n}():\n    r = db{n}.main.get(path = \"/x\")\n    return r\n\
             fault_scenario(\"test{n}\", scenario = scene{n}, faults = [slow{n}], expect = lambda r: assert_eq(r.status, 200))\n",
            9000 + n
        ));
    }
    text
}

/// 5,000 lines, with as many names as fit into them.
fn dense_spec() -> String {
    let mut text = String::new();
    for n in 0..700 {
        text.push_str(&format!(
            "db{n} = service(\"db{n}\", \"/bin/true\",\n    interface(\"main\", \"http\", {}),\n)\n\
             slow{n} = fault_assumption(\"slow{n}\", target = db{n}, write = delay(\"200ms\"))\n\
             def scene{n}():\n    r = db{n}.main.get(path = \"/x\")\n    return r\n",
            9000 + n
        ));
    }
    text + &"# Nothing.\n".repeat(100)
}

pub(crate) fn examples() -> Vec<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let folders = std::fs::read_dir(root).unwrap().flatten();
    let files =
        folders.filter_map(|folder| std::fs::read_dir(folder.path()).ok()).flat_map(Iterator::flatten);
    let mut specs: Vec<PathBuf> = files
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|end| end == "star"))
        .collect();
    specs.sort();
    assert!(specs.len() >= 4, "{specs:?}");
    specs
}

/// The long spec in two: what is typed goes between.
pub(crate) fn halves(long: &str) -> (&str, &str) {
    let middle = long[..long.len() / 2].rfind("\ndb").map_or(0, |at| at + 1);
    long.split_at(middle)
}

#[test]
#[ignore = "a measurement: run alone, with --release and --nocapture"]
fn timed_typing_in_a_long_spec() {
    let long = long_spec();
    assert!(long.lines().count() >= 800);
    let (top, bottom) = halves(&long);
    let mut figures = Figures::default();
    let mut server = Server::start();
    type_in(&mut server, top, SHORT, bottom, QUESTIONS, &mut figures);
    figures.print("typing in the middle of an 800-line spec");
    server.finish();
}

/// Only completion: it alone is made from every name of the file.
#[test]
#[ignore = "a measurement: run alone, with --release and --nocapture"]
fn timed_completing_in_a_very_long_spec() {
    let dense = dense_spec();
    assert!(dense.lines().count() >= 5_000);
    let mut figures = Figures::default();
    let mut server = Server::start();
    type_in(&mut server, &dense, SHORT, "", &["textDocument/completion"], &mut figures);
    figures.print("typing at the end of a 5,000-line spec with 2,100 names");
    server.finish();
}

#[test]
#[ignore = "a measurement: run alone, with --release and --nocapture"]
fn timed_typing_every_example() {
    let mut figures = Figures::default();
    for path in examples() {
        let text = std::fs::read_to_string(&path).unwrap().replace(|c: char| !c.is_ascii(), "-");
        let mut server = Server::start();
        type_in(&mut server, "", &text, "", QUESTIONS, &mut figures);
        server.finish();
    }
    figures.print(&format!("typing {} example specs from start to end", examples().len()));
}

/// L3 and L4: from the last keystroke to what evaluation finds, from start to `initialize`, from a lens to the first event.
#[test]
#[ignore = "a measurement: run alone, with --release and --nocapture"]
fn timed_starting_checking_and_running() {
    let mut figures = Figures::default();
    for _ in 0..30 {
        let started = Instant::now();
        let (mut server, _) = Server::start_with(abilities());
        figures.add("start to initialized (L4)", started);
        let uri = server.open("faultbox.star", &long_spec());
        server.notification("faultbox/testsChanged", |params| params["uri"] == uri);
        let started = Instant::now();
        // A name that only evaluation knows to be there twice.
        server.change(&uri, 2, Some(range((0, 0), (0, 0))), "service(\"db\" + \"7\", \"/bin/true\")\n");
        server.findings_where(&uri, |params| {
            params["diagnostics"]
                .as_array()
                .is_some_and(|found| found.iter().any(|each| each["code"] == "FB0110"))
        });
        figures.add("evaluated findings (L3)", started);
        server.change(&uri, 3, None, "def test_a():\n    assert_eq(1, 1)\n");
        server.notification("faultbox/testsChanged", |params| {
            params["tests"].as_array().is_some_and(|all| all.len() == 1)
        });
        let started = Instant::now();
        let run: Value = server.command("faultbox.run", json!({ "uri": uri }))["runId"].clone();
        let of_run = |kind: &'static str, run: Value| {
            move |params: &Value| params["runId"] == run && params["event"]["event"] == kind
        };
        server.notification("faultbox/testEvent", of_run("run_started", run.clone()));
        figures.add("run to its first event (L4)", started);
        server.notification("faultbox/testEvent", of_run("ended", run));
        figures.add("run to its end", started);
        server.finish();
    }
    figures.print("starting, checking, running");
}
