//! Bad specs, bad programs, bad services: each gets an error that names the line or the thing, and nothing hangs.

use super::harness::Place;

/// One service that answers PING on a port, for specs whose fault is elsewhere.
const DB: &str = r#"
db = service("db", "$BIN/mock-db", interface("main", "tcp", 5432), healthcheck = tcp("localhost:5432"))
def ping():
    assert_eq(db.main.send("PING"), "PONG")
scenario(ping)
"#;

/// The spec `DB` plus `text` is refused before anything runs, with each part in the message.
#[track_caller]
fn refused(text: &str, parts: &[&str]) {
    let place = Place::new(&format!("{DB}{text}"));
    let checked = place.run(&["check", "spec.star"]);
    checked.expect(1, parts);
    place.test(&[]).expect(1, parts).expect(1, &["nothing was run"]);
}

#[test]
fn a_slip_in_a_declaration_names_the_line_and_the_remedy() {
    refused(
        r#"fault_assumption("a", target = db, wrte = deny("EIO"))"#,
        &["FB0109", "wrte", "spec.star:6", "did you mean", "write"],
    );
    refused(r#"fault_assumption("a", target = db, write = deny("EOI"))"#, &["FB0108", "EOI", "EIO"]);
    refused(r#"service("x", "y", env = 5)"#, &["FB0105", "env", "spec.star:6"]);
    refused(
        r#"service("x", "y", healthchek = tcp("localhost:1"))"#,
        &["FB0102", "healthchek", "healthcheck"],
    );
    refused(r#"service("db", "y")"#, &["FB0110", "two services named \"db\"", "the first", "spec.star:6"]);
    refused(
        r#"fault_assumption("a", target = db, rules = [drop()])"#,
        &["FB0107", "`db` is a service", "target = db.main"],
    );
}

/// What follows from an error is no finding of its own.
#[test]
fn a_rule_with_an_error_is_not_also_called_missing() {
    let place = Place::new(&format!("{DB}fault_assumption(\"a\", target = db, write = deny(\"EOI\"))"));
    let ended = place.run(&["check", "spec.star"]);
    ended.expect(1, &["FB0108"]);
    assert!(!ended.stdout.contains("FB0214") && !ended.stderr.contains("FB0214"), "{ended}");
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_welcome() {
    let text = DB.replace("$BIN", &super::harness::services().display().to_string());
    let place = Place::new("");
    place.write("spec.star", format!("\u{feff}{}", text.replace('\n', "\r\n")));
    place.test(&[]).expect(0, &["1 passed"]);
}

#[test]
fn services_that_wait_for_each_other_are_refused() {
    refused(
        "service(\"a\", \"x\", depends_on = [\"b\"])\nservice(\"b\", \"x\", depends_on = [\"a\"])",
        &["FB0111", "a", "b"],
    );
}

#[test]
fn broken_text_is_shown_where_it_breaks() {
    refused("x = (1,\ndef f():\n    pass\n", &["spec.star:6"]);
    let place = Place::new("");
    place.write("spec.star", b"x = \"\xff\"\n");
    place.test(&[]).expect(1, &["FB0006", "UTF-8"]);
    place.write("spec.star", b"y = 1\nx = \"\xff\"\n");
    place.test(&[]).expect(1, &["FB0006", "spec.star:2:6", "save the file as UTF-8"]);
}

#[test]
fn an_endless_spec_is_stopped() {
    refused("def f():\n    for i in range(1000000000):\n        pass\nf()\n", &["FB0009"]);
    refused("x = [0] * 1000000\ny = [x + x for _ in range(100000)]\n", &["FB0009"]);
}

#[test]
fn an_endless_body_ends_at_the_timeout_or_the_limit() {
    let place = Place::new("def test_x():\n    for i in range(1000000000):\n        pass\n");
    let ended = place.test(&["--timeout", "2s"]);
    assert!(ended.code == Some(2), "{ended}");
    assert!(
        ended.stdout.contains("--- TIMEOUT: test_x") || ended.stdout.contains("--- ERROR: test_x"),
        "{ended}"
    );
}

#[test]
fn no_such_test_lists_and_suggests() {
    let place = Place::new(DB);
    place
        .test(&["--test", "pin"])
        .expect(1, &["no test matched \"pin\"", "did you mean \"ping\"", "test_ping"]);
}

#[test]
fn a_missing_program_is_named_at_its_service() {
    let place = Place::new("service(\"db\", \"./absent\")\ndef test_x():\n    pass\n");
    place.test(&[]).expect(1, &["FB0121", "absent", "spec.star:1", "nothing was run"]);
    // A script whose interpreter is missing is only seen when it starts.
    place.write("script", "#!/no/such/interpreter\n");
    std::fs::set_permissions(place.path("script"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    place.write("spec.star", "service(\"db\", \"./script\")\ndef test_x():\n    pass\n");
    place
        .test(&[])
        .expect(2, &["--- ERROR: test_x", "failed to start db", "/no/such/interpreter", "spec.star:1"]);
}

#[test]
fn a_port_that_never_opens_ends_the_wait() {
    let place = Place::new(
        "service(\"db\", \"sleep\", args = [\"60\"], healthcheck = tcp(\"localhost:5432\", timeout = \"300ms\"))\n\
         def test_x():\n    pass\n",
    );
    place
        .test(&[])
        .expect(2, &["--- ERROR: test_x", "db was not ready within 300ms", "refused", "spec.star:1"]);
}

#[test]
fn a_service_that_dies_at_start_shows_its_last_words() {
    let place = Place::new(
        "service(\"db\", \"sh\", args = [\"-c\", \"echo no disk >&2; exit 7\"], healthcheck = tcp(\"localhost:5432\"))\n\
         def test_x():\n    pass\n",
    );
    place.test(&[]).expect(2, &["db ended before it was ready: exit code 7", "no disk", "spec.star:1"]);
}

#[test]
fn a_service_that_dies_midway_explains_the_failing_step() {
    let place = Place::new(
        r#"
program = """
import socket, os, sys
s = socket.create_server(("127.0.0.1", 5432))
while True:
    c, _ = s.accept()
    if c.recv(100):
        print("out of memory", flush=True)
        os._exit(9)
"""
db = service("db", "python3", interface("main", "tcp", 5432), args = ["-c", program], healthcheck = tcp("localhost:5432"))
def test_x():
    db.main.send("PING")
"#,
    );
    place
        .test(&[])
        .expect(2, &["test_x", "tcp send failed", "db ended during the test: exit code 9", "out of memory"]);
}

#[test]
fn an_unreadable_or_full_output_is_named_and_the_rest_is_kept() {
    let place = Place::new(DB);
    let ended = place.test(&["--output", "/dev/full"]);
    ended.expect(1, &["--- PASS: test_ping", "/dev/full", "No space left"]);
    place.test(&["--output", "absent/out.json"]).expect(1, &["absent/out.json"]);
}

#[test]
fn the_last_words_of_a_service_are_shown_once() {
    let place = Place::new(
        "a = service(\"a\", \"/bin/sh\", interface(\"m\", \"tcp\", 8000), args = [\"-c\", \"echo farewell; exit 3\"], \
         healthcheck = tcp(\"localhost:8000\"))\ndef test_x():\n    assert_true(True)\n",
    );
    let ended = place.test(&[]);
    ended.expect(2, &["exit code 3", "    | farewell"]);
    assert_eq!(ended.stdout.matches("| farewell").count(), 1, "{ended}");
}

/// A name may hold what a terminal obeys; every text output shows it as a mark.
#[test]
fn names_cannot_write_lines_of_their_own() {
    let place = Place::new(
        "def run():\n    fail(\"no\\x1b[2J\\u009b31m\\u202e\")\n\
         fault_scenario(\"x\\n--- PASS: test_forged (1ms, seed=0) ---\\x1b[1A\\u202e\", scenario = run)\n",
    );
    for arguments in [
        &["test", "spec.star"][..],
        &["check", "spec.star"],
        &["plan", "spec.star"],
        &["test", "spec.star", "--dry-run"],
    ] {
        let ended = place.run(arguments);
        let text = format!("{}{}", ended.stdout, ended.stderr);
        assert!(arguments[0] == "check" || text.contains("forged"), "{text}");
        assert!(!text.lines().any(|line| line.starts_with("--- PASS")), "{text}");
        let obeyed = ['\u{1b}', '\u{9b}', '\u{202e}'];
        assert!(!text.contains(obeyed), "{text:?}");
    }
}
