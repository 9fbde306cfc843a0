//! What people see, word for word.

use super::{Show, Terminal, TerminalConfig};
use crate::diagnostic::render::Style;
use crate::event::{Event, EventKind, Failure, FailureKind, Leaf, Outcome, Stream};
use crate::report::fixture::*;

const CONFIG: TerminalConfig = TerminalConfig {
    style: Style::PLAIN,
    show: Show::All,
    show_logs: false,
    verbose: false,
    width: None,
    replay_flags: String::new(),
};

fn check(config: TerminalConfig, events: &[Event], expected: &str) {
    let text = written(|out| Box::new(Terminal::new(out, config)), events);
    assert!(text == expected, "--- written\n{text}--- expected\n{expected}---");
}

fn green() -> Run {
    let cascade = {
        let mut result = result(Outcome::Pass, 497);
        let mut slow = evidence("db_slow[0]", "db", "delay 200ms", "write", 2);
        slow.label = Some("slow disk".to_owned());
        result.evidence =
            vec![evidence("block_key[0]", "api.public", "response 503", "POST /data/testkey", 1), slow];
        result
    };
    Run::of(vec![leaf("test_write_and_read", 0), leaf("test_cascade_test", 0)])
        .output(0, Stream::Stdout, "chatter of a passing test")
        .finished(1, cascade)
        .finished(0, result(Outcome::Pass, 61))
}

#[test]
fn a_green_run_shows_what_each_fault_did_in_declaration_order() {
    let expected = "\
--- PASS: test_write_and_read (61ms, seed=0) ---
--- PASS: test_cascade_test (497ms, seed=0) ---
  block_key   response 503        POST /data/testkey   fired 1x
  db_slow     write delay 200ms                        fired 2x   [slow disk]

2 passed, 0 failed  in 2.1s (2 jobs; 5s of tests)
";
    check(CONFIG, &green().events(false), expected);
}

#[test]
fn only_failures_are_shown_on_request() {
    let config = TerminalConfig { show: Show::Fail, ..CONFIG };
    check(config, &green().events(false), "\n2 passed, 0 failed  in 2.1s (2 jobs; 5s of tests)\n");
}

#[test]
fn a_failure_explains_itself() {
    let mut failed = result(Outcome::Fail, 57);
    failed.failure = Some(failure());
    let rule = evidence("api_503[0]", "api.public", "response 503", "POST /data/*", 1);
    let silent = evidence("api_503[1]", "api.public", "response 500", "PUT /data/*", 0);
    failed.evidence = vec![rule, missed(silent, 2, "POST /data/testkey", "method is not PUT")];
    let run = Run::of(vec![leaf("test_write_gets_503", 0)])
        .output(0, Stream::Stderr, "no key \u{1b}[31mtestkey")
        .finished(0, failed);
    let expected = r#"--- FAIL: test_write_gets_503 (57ms, seed=0) ---
  api_503: the shop is closed
  api_503[1]   response 500   PUT /data/*   never fired: 2 requests seen; nearest: POST /data/testkey, method is not PUT
error[expectation]: assert_eq failed: 404 != 503 (expected 503 from proxy)
 --> protocol-test.star:9:24
  |
9 |     expect = lambda r: assert_eq(r.status, 503, "expected 503 from proxy"))
  |                        ^^^^^^^^^^^^^^^^^^^^^^^ r.status is 404
  |
  = r is the reply to step 2 of 2:   GET /data/testkey -> 404 "not found"   (line 3)
  = rule api_503[0] (line 6) answered step 1:   POST /data/testkey -> 503
  = help: the scenario returns the GET; return the POST's reply, or assert on it inside the scenario
  output of db, 1 line:
    | no key ␛[31mtestkey
  replay: faultbox test protocol-test.star --test write_gets_503 --seed 0

0 passed, 1 failed  in 2.1s (2 jobs; 5s of tests)
"#;
    check(CONFIG, &run.events(false), expected);
}

#[test]
fn a_matrix_is_a_table_and_only_its_failures_are_told() {
    let names = ["a_x", "a_y", "b_x"];
    let at = [(0, 0), (0, 1), (1, 0)];
    let leaves =
        names.iter().zip(at).map(|(name, (row, column))| cell(&format!("test_matrix_{name}"), row, column));
    let fired = |outcome, times| {
        let mut result = result(outcome, 55);
        result.evidence = vec![evidence("x[0]", "api.public", "delay 1s", "*", times)];
        result.not_fired = times == 0;
        result
    };
    let mut bad = fired(Outcome::Fail, 1);
    bad.failure = Some(Failure::new(FailureKind::Assertion, "assert_true failed", None));
    let run = Run::of(leaves.collect())
        .matrix(&["write_and_read", "health"], &["slow_data", "api_503"], &[(1, 1)])
        .finished(2, bad)
        .finished(1, fired(Outcome::Pass, 0))
        .finished(0, fired(Outcome::Pass, 3));
    let expected = "\
--- FAIL: test_matrix_b_x (55ms, seed=0) ---
  x   delay 1s   *   fired 1x
error[assertion]: assert_true failed
  replay: faultbox test protocol-test.star --test matrix_b_x --seed 0

Fault Matrix: 2 scenarios × 2 faults = 3 cells, 1 excluded

               │ slow_data      │ api_503
───────────────┼────────────────┼─────────────────
write_and_read │ PASS (55ms)    │ PASS · not fired
health         │ FAIL           │ — (excluded)

Result: 2/3 passed, 1 failed (1 not fired)
Failures:
  health × slow_data: assert_true failed

2 passed, 1 failed (1 not fired)  in 2.1s (2 jobs; 5s of tests)
";
    check(CONFIG, &run.events(false), expected);
}

#[test]
fn a_matrix_is_no_wider_than_the_terminal_and_its_cells_have_colour() {
    let leaves = (0..3).map(|column| cell(&format!("test_matrix_a_{column}"), 0, column));
    let mut failed = result(Outcome::Fail, 5);
    failed.failure = Some(Failure::new(FailureKind::Assertion, "assert_true failed", None));
    let run = Run::of(leaves.collect())
        .matrix(&["a"], &["x", "y", "z"], &[])
        .finished(0, result(Outcome::Pass, 4))
        .finished(1, failed)
        .finished(2, result(Outcome::Pass, 4));
    let style = Style { color: true, ..Style::PLAIN };
    let config = TerminalConfig { style, width: Some(40), ..CONFIG };
    let text = written(|out| Box::new(Terminal::new(out, config)), &run.events(false));
    let table = "         │ a\n─────────┼───────────────\nx        │ \u{1b}[32mPASS (4ms)\u{1b}[0m\n\
                 y        │ \u{1b}[1;31mFAIL\u{1b}[0m\nz        │ \u{1b}[32mPASS (4ms)\u{1b}[0m\n";
    assert!(text.replace("\u{1b}[0m    \n", "\u{1b}[0m\n").contains(table), "{text}");
}

#[test]
fn verbose_shows_passing_cells_and_what_was_hit() {
    let mut passed = result(Outcome::Pass, 55);
    passed.evidence = vec![evidence("db_slow[0]", "db", "deny(EIO)", "write /wal/*", 15)];
    passed.evidence[0].hits = vec!["pwrite64 /wal/1".to_owned()];
    let run = Run::of(vec![cell("test_matrix_a_x", 0, 0)]).matrix(&["a"], &["x"], &[]).finished(0, passed);
    let expected = "\
--- PASS: test_matrix_a_x (55ms, seed=0) ---
  db_slow   write deny(EIO)   /wal/*   fired 15x
      pwrite64 /wal/1
      … 14 more

Fault Matrix: 1 scenario × 1 fault = 1 cell

         │ x
─────────┼───────────────
a        │ PASS (55ms)

1 passed, 0 failed  in 2.1s (2 jobs; 5s of tests)
";
    check(TerminalConfig { verbose: true, ..CONFIG }, &run.events(false), expected);
}

#[test]
fn many_runs_share_a_line_and_the_first_failure_is_told() {
    let repeats = |test: &str| -> Vec<Leaf> {
        (0..3).map(|repeat| Leaf { repeat, ..leaf(test, u64::from(repeat)) }).collect()
    };
    let mut failed = result(Outcome::Timeout, 9);
    failed.failure = Some(Failure::new(FailureKind::Timeout, "no verdict within 9ms", None));
    let run = Run::of([repeats("test_a"), repeats("test_b")].concat())
        .finished(4, failed)
        .finished(3, result(Outcome::Pass, 8))
        .finished(5, result(Outcome::Pass, 8))
        .finished(0, result(Outcome::Pass, 8))
        .finished(2, result(Outcome::Pass, 8))
        .finished(1, result(Outcome::Pass, 8));
    let expected = "\
--- PASS: test_a (3/3 runs) ---
--- TIMEOUT: test_b (2/3 runs) ---
  run 2 of 3, the first that did not pass:
error[timeout]: no verdict within 9ms
  replay: faultbox test protocol-test.star --test b --seed 1

5 passed, 0 failed, 1 timed out  in 2.1s (2 jobs; 5s of tests)
";
    check(CONFIG, &run.events(false), expected);
}

#[test]
fn an_interrupted_run_tells_what_ended_and_counts_the_rest() {
    let run = Run::of(vec![leaf("test_a", 0), leaf("test_b", 0), leaf("test_c", 0)])
        .finished(1, result(Outcome::Error, 3));
    let expected = "\
--- ERROR: test_b (3ms, seed=0) ---
  replay: faultbox test protocol-test.star --test b --seed 0

0 passed, 0 failed, 1 error, 2 not run (interrupted)  in 2.1s (2 jobs; 5s of tests)
";
    check(CONFIG, &run.events(true), expected);
}

#[test]
fn logs_show_the_end_of_a_long_output_unless_all_is_asked_for() {
    let mut run = Run::of(vec![leaf("test_a", 0)]);
    for number in 0..30 {
        run = run.output(0, Stream::Stdout, &format!("line {number}"));
    }
    let events = run.finished(0, result(Outcome::Inconclusive, 3)).events(false);
    let short = written(|out| Box::new(Terminal::new(out, CONFIG)), &events);
    assert!(
        short.contains("  output of db, last 20 of 30 lines:\n    … 10 lines left out\n    | line 10\n"),
        "{short}"
    );
    let config = TerminalConfig { show_logs: true, ..CONFIG };
    let long = written(|out| Box::new(Terminal::new(out, config)), &events);
    assert!(long.contains("  output of db, 30 lines:\n    | line 0\n"), "{long}");
}

#[test]
fn a_line_as_long_as_a_book_is_cut_unless_all_is_asked_for() {
    let run = Run::of(vec![leaf("test_a", 0)]).output(0, Stream::Stdout, &"é".repeat(60_000));
    let events = run.finished(0, result(Outcome::Inconclusive, 3)).events(false);
    let short = written(|out| Box::new(Terminal::new(out, CONFIG)), &events);
    assert!(short.contains("é… (60000 characters)\n") && short.len() < 2000, "{short}");
    let config = TerminalConfig { show_logs: true, ..CONFIG };
    let long = written(|out| Box::new(Terminal::new(out, config)), &events);
    assert!(long.contains(&"é".repeat(60_000)));
}

#[test]
fn a_restarted_leaf_forgets_its_first_start() {
    let restart = EventKind::LeafRestarted { reason: "it asked for db.main".to_owned() };
    let run = Run::of(vec![leaf("test_a", 0)])
        .event(0, 1, EventKind::Printed { text: "first".to_owned(), span: None })
        .event(0, 1, restart)
        .event(0, 1, EventKind::Printed { text: "second".to_owned(), span: Some(at("api.public.get")) })
        .finished(0, result(Outcome::Pass, 3));
    let text = written(|out| Box::new(Terminal::new(out, CONFIG)), &run.events(false));
    assert!(!text.contains("first") && text.contains("  protocol-test.star:3:12: second\n"), "{text}");
}

#[test]
fn colour_marks_the_words_and_nothing_else() {
    let style = Style { color: true, ..Style::PLAIN };
    let config = TerminalConfig { style, ..CONFIG };
    let run = Run::of(vec![leaf("test_a", 0)]).finished(0, result(Outcome::Pass, 3));
    let expected = "--- \u{1b}[32mPASS\u{1b}[0m: test_a (3ms, seed=0) ---\n\n\
                    \u{1b}[32m1 passed\u{1b}[0m, 0 failed  in 2.1s (2 jobs; 5s of tests)\n";
    check(config, &run.events(false), expected);
}
