//! The seed's spec and the examples load; bodies perform.

use super::testing::{Script, lines, load_with, perform};
use super::{Limits, Refusal, SpecFailureKind, load};
use crate::diagnostic::Code;
use crate::model::{StepId, StepReply};
use crate::text::MemoryFiles;
use std::path::Path;
use std::time::Duration;

fn test_names(text: &str) -> Vec<String> {
    let loaded = load_with(text, &[]);
    assert_eq!(lines(&loaded), Vec::<String>::new());
    assert!(loaded.program.is_some());
    loaded.spec.tests.iter().map(|test| test.name.to_string()).collect()
}

#[test]
fn a_load_of_a_broken_file_says_so() {
    let loaded = load_with("load(\"lib.star\", \"f\")\nx = f\n", &[("lib.star", "def f(:\n    pass\n")]);
    let found = loaded.diagnostics.iter().find(|found| found.code == Code::UnreadableFile).unwrap();
    assert_eq!(found.message, "cannot load `lib.star`: it has a syntax error");
    assert!(loaded.sources.place(found.primary.span).ends_with("main.star:1:6"));
    assert!(loaded.sources.place(found.secondary[0].span).contains("lib.star:1:"));
}

#[test]
fn what_was_surely_meant_is_offered() {
    let fixed = |text: &str| {
        let loaded = load_with(text, &[("helpers.star", "def f():\n    pass\n")]);
        let mut text = text.to_owned();
        let fixes: Vec<_> = loaded.diagnostics.iter().flat_map(|found| &found.fixes).collect();
        let mut edits: Vec<_> = fixes.first().map_or(Vec::new(), |fix| fix.edits.clone());
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
        for edit in edits {
            text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
        }
        text
    };
    assert_eq!(fixed("x = deny(EIO)\n"), "x = deny(\"EIO\")\n");
    assert_eq!(fixed("x = delay(500)\n"), "x = delay(\"500ms\")\n");
    assert_eq!(fixed("x = drop(mode=\"rst\")\n"), "x = drop(mode=\"reset\")\n");
    let db = "db = service(\"db\", \"x\")\napi = service(\"api\", \"x\", depends_on=";
    assert_eq!(fixed(&format!("{db}\"db\")\n")), format!("{db}[\"db\"])\n"));
    assert_eq!(fixed(&format!("{db}db)\n")), format!("{db}[db])\n"));
    let store = db.replace("\"db\"", "\"store\"");
    assert_eq!(fixed(&format!("{store}[\"stoer\"])\n")), format!("{store}[\"store\"])\n"));
    let scenario = "def sc():\n    pass\nfault_scenario(\"u\", ";
    assert_eq!(fixed(&format!("{scenario}sc)\n")), format!("{scenario}scenario=sc)\n"));
    let load = "load(\"helpers.star\", \"f\")\nx = f\n";
    assert_eq!(fixed(&load.replace("helpers", "helper")), load);
}

#[test]
fn messages_name_functions_without_their_file() {
    let loaded = load_with(
        "load(\"lib.star\", \"f\")\nx = f()\n",
        &[("lib.star", "def f(r):\n    return lambda: r\n")],
    );
    let lines = lines(&loaded);
    assert!(lines.iter().any(|line| line.contains("for call to `f`")), "{lines:?}");
}

#[test]
fn the_seed_spec_has_its_eleven_tests_in_the_order_written() {
    assert_eq!(
        test_names(include_str!("../../../examples/03-mistakes/protocol-test.star")),
        [
            "test_write_and_read",
            "test_health",
            "test_write_gets_503",
            "test_slow_reads",
            "test_matrix_write_and_read_api_503",
            "test_matrix_write_and_read_slow_data",
            "test_matrix_write_and_read_degraded_api",
            "test_matrix_health_api_503",
            "test_matrix_health_slow_data",
            "test_matrix_health_degraded_api",
            "test_cascade_test",
        ]
    );
}

#[test]
fn the_examples_load() {
    assert_eq!(test_names(include_str!("../../../examples/01-http-faults/protocol-test.star")).len(), 11);
    assert_eq!(test_names(include_str!("../../../examples/01-http-faults/drop.star")).len(), 3);
    assert_eq!(test_names(include_str!("../../../examples/02-syscall-faults/syscall-test.star")).len(), 10);
    assert_eq!(test_names(include_str!("../../../examples/04-real-programs/real-programs.star")).len(), 6);
}

#[test]
fn a_syscall_fault_on_an_interface_acts_on_its_service() {
    let text = "fault_assumption(\"a\", drop(), target=db.main, write=deny(\"EIO\"))\n";
    let loaded = load_with(&format!("{}{text}", super::testing::SERVICES), &[]);
    let targets: Vec<String> =
        loaded.spec.assumptions[0].rules.iter().map(|rule| rule.target.to_string()).collect();
    assert_eq!(targets, ["db.main", "db"]);
}

#[test]
fn a_body_makes_steps_and_asserts() {
    let text = r#"
def test_a():
    r = api.get("/x", headers = {"a": 1})
    assert_eq(r.status, 200)
    assert_true("text/plain" in r.headers["content-type"])
    return r
"#;
    let (_, performed, log) = perform(text, "test_a", Script::default());
    assert_eq!(performed.failure, None);
    assert_eq!(performed.assertions, 2);
    assert_eq!(performed.returned.and_then(|returned| returned.step).map(|step| step.0), Some(1));
    assert_eq!(
        log,
        ["step api.public.get {\"headers\":{\"a\":\"1\"},\"path\":\"/x\"}", "done 1", "asserted", "asserted"]
    );
}

#[test]
fn a_fault_is_removed_also_when_its_body_fails() {
    let text = r#"
def during():
    fault(db, wal=deny("EIO"), run=lambda: api.get("/inner"))
    assert_eq(1, 2)
def test_a():
    fault(api.public, response(path="/x", status=503), [drop()], run=during)
"#;
    let (_, performed, log) = perform(text, "test_a", Script::default());
    assert_eq!(
        log,
        [
            "install fault[0] api.public /x response 503",
            "install fault[1] api.public * drop",
            "install fault[2] db wal /data/* deny(EIO)",
            "step api.public.get {\"path\":\"/inner\"}",
            "done 1",
            "remove 2",
            "remove 1",
        ]
    );
    let failure = performed.failure.expect("a failure");
    assert_eq!(failure.message, "assert_eq failed: 1 != 2");
    assert_eq!(
        failure.stack.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["fault", "assert_eq"]
    );
}

#[test]
fn faults_are_started_and_stopped() {
    let text = r#"
down = fault_assumption("down", target=api.public, rules=[drop()])
def test_a():
    fault_start(db, write=deny("EIO", path="/data/**"))
    fault_start(api.public, delay(delay="1s"))
    api.get()
    fault_stop(db)
    fault(down, run=api.get)
    fault_all([db, api], run=lambda: 1, connect=deny("ECONNREFUSED", nth=2, label="net"))
    fault_stop(db)
"#;
    let (_, performed, log) = perform(text, "test_a", Script::default());
    assert_eq!(
        log,
        [
            "install fault[0] db write /data/** deny(EIO)",
            "install fault[1] api.public * delay 1s",
            "step api.public.get {}",
            "done 1",
            "remove 1",
            "install down[0] api.public * drop",
            "step api.public.get {}",
            "done 2",
            "remove 3",
            "install fault[2] db connect deny(ECONNREFUSED)",
            "install fault[3] api connect deny(ECONNREFUSED)",
            "remove 4",
        ]
    );
    let failure = performed.failure.expect("nothing is left to stop");
    assert_eq!(failure.message, "fault_stop(): nothing was started on \"db\"");
}

#[test]
fn an_expectation_judges_the_result_and_says_what_it_saw() {
    let text = r#"
down = fault_assumption("down", target=api.public, rules=[drop()])
fault_scenario("x", scenario=lambda: struct(write=api.post("/w"), read=api.get("/r")), faults=down,
    expect=lambda r: assert_eq(r.read.status, 503, "expected 503 from proxy"))
"#;
    let (loaded, performed, log) = perform(text, "test_x", Script::default());
    assert_eq!(log.last().map(String::as_str), Some("expect"));
    assert!(performed.returned.is_some());
    let failure = performed.failure.expect("200 is not 503");
    assert_eq!(failure.kind, SpecFailureKind::Assertion);
    assert_eq!(failure.message, "assert_eq failed: 200 != 503 (expected 503 from proxy)");
    assert_eq!(failure.label, "`r.read.status` is 200");
    assert_eq!(failure.span.map(|span| loaded.sources.text(span)), Some("r.read.status"));
    assert_eq!((failure.actual.as_deref(), failure.expected.as_deref()), (Some("200"), Some("503")));
    assert!(failure.in_expect);
    let reads: Vec<String> =
        failure.reads.iter().map(|read| format!("{} {} {}", read.step.0, read.attr, read.value)).collect();
    assert_eq!(reads, ["2 status 200"]);
}

/// The failure of a test `test_a` as message, label, and marked text.
fn fails(text: &str, script: Script) -> (SpecFailureKind, String, String, String) {
    let (loaded, performed, _) = perform(text, "test_a", script);
    let failure = performed.failure.expect("the test fails");
    let marked = failure.span.map(|span| loaded.sources.text(span).to_owned()).unwrap_or_default();
    (failure.kind, failure.message, failure.label, marked)
}

fn check_failure(body: &str, kind: SpecFailureKind, message: &str, marked: &str) {
    let text = format!("seen = []\ndef test_a():\n    r = api.get(\"/x\")\n{body}\n");
    let (got, text, _, place) = fails(&text, Script::default());
    assert_eq!((got, text.as_str(), place.as_str()), (kind, message, marked), "{body}");
}

#[test]
fn failures_name_their_kind_and_place() {
    use SpecFailureKind::{Assertion, Evaluation, Fail, Limit};
    check_failure(
        "    assert_true(r.duration_ms > 400)",
        Assertion,
        "assertion failed",
        "r.duration_ms > 400",
    );
    check_failure("    assert_true(False, msg=\"no\")", Assertion, "no", "False");
    check_failure("    assert_eq(1, r.status)", Assertion, "assert_eq failed: 1 != 200", "r.status");
    check_failure("    fail(\"not today\")", Fail, "not today", "fail(\"not today\")");
    check_failure("    r.stauts", Evaluation, "a response has no attribute `stauts`", "stauts");
    check_failure(
        "    api.get(**{\"pth\": 1})",
        Evaluation,
        "api.public.get() has no argument `pth`",
        "api.get(**{\"pth\": 1})",
    );
    check_failure(
        "    seen.append(1)",
        Evaluation,
        "this value was made while the spec loaded and is frozen",
        "seen.append(1)",
    );
    check_failure(
        "    r.headers[\"nope\"]",
        Evaluation,
        "the response has no header \"nope\"; it has: content-type",
        "r.headers[\"nope\"]",
    );
    check_failure(
        "    x = \"0123456789abcdef\"\n    for i in range(60):\n        x += x",
        Limit,
        "evaluation used more than 64 MiB of memory",
        "x += x",
    );
    check_failure(
        "    for i in range(10000):\n        for j in range(100000):\n            pass",
        Limit,
        "evaluation took more than 1000000 steps",
        "for j in range(100000):\n            pass\n",
    );
}

#[test]
fn refusals_keep_their_kind() {
    let text = "def test_a():\n    api.get(\"/x\")\n";
    for (refusal, kind) in [
        (Refusal::Cancelled, SpecFailureKind::Cancelled),
        (Refusal::Unprepared, SpecFailureKind::Unprepared),
        (Refusal::Failed("no".to_owned()), SpecFailureKind::Evaluation),
    ] {
        let script = Script { refuse: Some(refusal), ..Script::default() };
        assert_eq!(fails(text, script).0, kind);
        let script = Script { refuse: Some(Refusal::Cancelled), ..Script::default() };
        let branches = "def test_a():\n    parallel(api.get, api.get)\n";
        assert_eq!(fails(branches, script).0, SpecFailureKind::Cancelled);
    }
}

#[test]
fn a_step_that_returns_text_fails_the_test_when_it_fails() {
    let mut script = Script::default();
    let reply = StepReply::failed(StepId(0), "connection refused", Duration::ZERO);
    script.replies.insert("db.main.send /".to_owned(), reply);
    let (kind, message, ..) = fails("def test_a():\n    db.main.send(\"PING\")\n", script);
    assert_eq!(
        (kind, message.as_str()),
        (SpecFailureKind::Evaluation, "tcp send failed: connection refused")
    );
}

#[test]
fn expectation_factories_read_the_status() {
    let check = |factory: &str, status: i64, expected: Option<&str>| {
        let text = format!("fault_scenario(\"x\", scenario=lambda: api.get(\"/x\"), expect={factory})\n");
        let mut script = Script::default();
        let reply =
            StepReply { status, ok: true, ..StepReply::failed(StepId(0), "", Duration::from_millis(30)) };
        script.replies.insert("api.public.get /x".to_owned(), reply);
        let (_, performed, _) = perform(&text, "test_x", script);
        let message = performed.failure.map(|failure| failure.message);
        assert_eq!(message.as_deref(), expected, "{factory} on {status}");
    };
    check("expect_success()", 404, None);
    let text = "fault_scenario(\"x\", scenario=lambda: None, expect=expect_hang())\n";
    let (loaded, performed, _) = perform(text, "test_x", Script::default());
    let failure = performed.failure.expect("a scenario that returns does not hang");
    assert_eq!(failure.message, "expect_hang: the scenario returned None; it was expected to hang");
    let marked = failure.span.map(|span| loaded.sources.text(span));
    assert_eq!(marked, Some("expect_hang()"), "the factory is marked, not the start of the file");
    check("expect_success()", 503, Some("expect_success: the answer has status 503"));
    check("expect_error_within(ms=500)", 503, None);
    check(
        "expect_error_within(ms=5)",
        503,
        Some("expect_error_within: the error came after 30 ms, later than 5 ms"),
    );
    check(
        "expect_error_within()",
        200,
        Some("expect_error_within: the scenario succeeded (status 200); an error was expected"),
    );
    check(
        "expect_hang()",
        200,
        Some("expect_hang: the scenario returned <response status=200 ok=True>; it was expected to hang"),
    );
}

const BRANCHES: &str = r#"
def test_a():
    seen = []
    def branch(name):
        def run():
            seen.append(name + "1")
            api.get("/" + name)
            seen.append(name + "2")
            return name
        return run
    def nested():
        return parallel(branch("c"), branch("d"))
    got = parallel(branch("a"), branch("b"), nested)
    print(got, sorted(seen))
    print(seen)
"#;

#[test]
fn branches_share_state_and_take_turns_at_steps() {
    let log_of = |seed| {
        let (_, performed, log) = perform(BRANCHES, "test_a", Script { seed, ..Script::default() });
        assert_eq!(performed.failure, None);
        log
    };
    let log = log_of(0);
    let prints: Vec<&String> = log.iter().filter(|line| line.starts_with("print")).collect();
    assert_eq!(
        prints[0],
        "print [\"a\", \"b\", [\"c\", \"d\"]] [\"a1\", \"a2\", \"b1\", \"b2\", \"c1\", \"c2\", \"d1\", \"d2\"]"
    );
    // All four steps are on their way before the first one is waited for.
    let first_done = log.iter().position(|line| line.starts_with("done")).expect("a step is done");
    assert_eq!(log[..first_done].iter().filter(|line| line.starts_with("step")).count(), 4);
    assert_eq!(log, log_of(0), "the same seed gives the same order");
    assert!((1..20).any(|seed| log_of(seed) != log), "some seed gives another order");
}

#[test]
fn the_first_failing_branch_is_named() {
    let text = "def test_a():\n    parallel(api.get, lambda: assert_eq(1, 2), lambda: fail(\"x\"))\n";
    let (kind, message, _, marked) = fails(text, Script::default());
    assert_eq!(kind, SpecFailureKind::Assertion);
    assert_eq!(message, "parallel() callable 2 failed: assert_eq failed: 1 != 2");
    assert_eq!(marked, "1");
    let (_, message, ..) = fails("def test_a():\n    parallel(api.get, 5)\n", Script::default());
    assert_eq!(message, "parallel() argument 2 is not callable (got int)");
}

#[test]
fn bad_bytes_are_an_error_with_a_code() {
    let files = MemoryFiles { files: [("/spec/main.star".into(), [b'x', 0xff][..].into())].into() };
    let loaded = load(&files, Path::new("/spec/main.star"), &Limits::load());
    assert_eq!(lines(&loaded), ["FB0006 1:2 `/spec/main.star` is not valid UTF-8 from byte 1 on"]);
    let loaded = load(&MemoryFiles::default(), Path::new("/spec/main.star"), &Limits::load());
    assert_eq!(loaded.diagnostics[0].code.id(), "FB0005");
    assert_eq!(lines(&load_with(&"(".repeat(1000), &[])), ["FB0004 1:201 brackets nest deeper than 200"]);
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    assert_eq!(lines(&load_with("\u{feff}def test_a():\n    pass\n", &[])), Vec::<String>::new());
    // Places count from behind it, as every editor does.
    let loaded = load_with("\u{feff}missing\n", &[]);
    assert!(lines(&loaded)[0].contains(" 1:1 "), "{:?}", lines(&loaded));
}

#[test]
fn the_program_crosses_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<super::Program>();
}
