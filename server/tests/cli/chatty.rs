//! Services that print more than anybody can keep: bounds, counts, and the lines that matter.

use super::harness::{Place, has};

/// Prints fifty megabytes and a last line when it is asked, then answers.
const CHATTY: &str = r#"
program = r"""
import os, socket, sys
filler = b"y\n" * 32768
def chat(megabytes, last):
    for _ in range(megabytes * 16):
        os.write(1, filler)
    os.write(1, last + b"\n")
server = socket.create_server(("127.0.0.1", 5432))
while True:
    peer, _ = server.accept()
    if peer.recv(100):
        chat(50, b"last words of the test")
        peer.sendall(b"DONE\n")
"""
w = service("w", "python3", interface("main", "tcp", 5432), args = ["-c", program], healthcheck = tcp("localhost:5432"))
def test_x():
    assert_eq(w.main.send("GO"), "NOT THAT")
"#;

#[test]
fn a_chatty_service_is_cut_in_every_report_and_its_last_lines_are_there() {
    let place = Place::new(CHATTY);
    let (json, junit) = (place.path("out.json"), place.path("junit.xml"));
    let files = ["--output", json.to_str().unwrap(), "--junit", junit.to_str().unwrap()];
    let ended = place.test(&files);
    ended.expect(
        2,
        &["last 20 of 26,214,401 lines", "    | last words of the test", "26,214,381 lines left out"],
    );
    let text = std::fs::read_to_string(&json).unwrap();
    assert!(text.len() < 8 * 1024 * 1024, "{}", text.len());
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let events = report["tests"][0]["events"].as_array().unwrap();
    let of = |kind: &str| events.iter().filter(|event| event["event"] == kind).collect::<Vec<_>>();
    let left_out: u64 =
        of("service_output_left_out").iter().filter_map(|event| event["lines"].as_u64()).sum();
    assert_eq!(of("service_output").len() as u64 + left_out, 26_214_401, "a line is lost or made up");
    let last = of("service_output").last().and_then(|event| event["line"].as_str());
    assert_eq!(last, Some("last words of the test"));
    let junit = std::fs::read_to_string(&junit).unwrap();
    assert!(junit.contains("| last words of the test") && junit.len() < 100_000, "{}", junit.len());
}

#[test]
fn all_logs_say_what_is_missing_in_them() {
    let place = Place::new(CHATTY);
    let ended = place.test(&["--show-logs"]);
    ended.expect(
        2,
        &["output of w, 26,214,401 lines:", " lines left out\n    | y", "    | last words of the test"],
    );
    assert!(ended.stdout.len() < 1024 * 1024, "{}", ended.stdout.len());
}

/// The server has to fail a statement of its own for each error a rule gives, and logs it.
#[test]
fn what_postgresql_logs_of_an_injected_error_is_counted_and_not_shown() {
    if !has("pg_lsclusters") {
        return;
    }
    let place = Place::new(
        r#"
db = service("db", "sh", interface("main", "postgres", 5432), healthcheck = ready(timeout = "60s"), args = ["postgres.sh"],
    env = {"POSTGRES_USER": "shop", "POSTGRES_PASSWORD": "secret", "POSTGRES_DB": "postgres"})
def ask():
    db.main.query("SELECT 42")
    assert_eq(db.main.exec("CREATE TABLE a (b int)").error, "")
def test_x():
    fault(db.main, error(query = "*", message = "no"), run = ask)
"#,
    );
    place.write("postgres.sh", include_str!("../../../examples/05-databases/programs/postgres.sh"));
    let ended = place.test(&[]);
    ended.expect(2, &["output of db, ", " 4 about injected errors", "--show-logs shows all of the output"]);
    assert!(!ended.stdout.contains("faultbox injected error"), "{ended}");
    place.test(&["--show-logs"]).expect(2, &["\"faultbox injected error\" does not exist"]);
}
