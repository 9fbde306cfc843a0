//! The examples, as README promises them: as root and as an ordinary user, one by one and all at once.

use super::harness::{Ended, Place, has, services};
use std::path::Path;
use std::process::Command;

/// A copy of an example beside links to the services, as `examples/build` lays them out.
fn example(name: &str) -> Place {
    let place = Place::new("");
    std::fs::remove_file(place.path("spec.star")).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
    let copied = Command::new("cp").arg("-rL").arg(from).arg(place.path(name)).status().unwrap();
    assert!(copied.success());
    std::os::unix::fs::symlink(services(), place.path("bin")).unwrap();
    place
}

/// Runs a spec of an example as root and as an ordinary user.
fn for_both(name: &str, spec: &str, check: impl Fn(&Ended)) {
    let path = format!("{name}/{spec}");
    check(&example(name).run(&["test", &path]));
    check(&example(name).run_by_nobody().run(&["test", &path]));
}

#[test]
fn the_corrected_chapter_is_green() {
    for_both("01-http-faults", "protocol-test.star", |ended| {
        ended.expect(0, &["11 passed, 0 failed (3 not fired)", "api_503", "fired 1x", "PASS · not fired"]);
    });
    for_both("01-http-faults", "drop.star", |ended| {
        ended.expect(0, &[" 0 failed"]);
    });
}

#[test]
fn the_chapters_filters_mean_what_it_says() {
    let place = example("01-http-faults");
    let run = |test: &str| place.run(&["test", "01-http-faults/protocol-test.star", "--test", test]);
    run("write_gets_503").expect(0, &["--- PASS: test_write_gets_503", "1 passed, 0 failed"]);
    run("matrix_health").expect(0, &["3 passed, 0 failed"]);
    run("test_matrix_*").expect(0, &["6 passed, 0 failed"]);
    run("~matrix_(health)").expect(0, &["3 passed, 0 failed"]);
    run("happy_path").expect(1, &["no test matched \"happy_path\"", "test_write_and_read", "did you mean"]);
}

#[test]
fn syscall_faults_do_what_their_readme_says() {
    for_both("02-syscall-faults", "syscall-test.star", |ended| {
        ended.expect(0, &["10 passed, 0 failed"]);
    });
}

/// Times differ from run to run; everything else of the explanations is kept in `expected.txt`.
#[test]
fn mistakes_are_explained() {
    let place = example("03-mistakes");
    let ended = place.run(&["test", "03-mistakes/protocol-test.star", "--jobs", "2"]);
    ended.expect(2, &["7 passed, 4 failed (3 not fired)"]);
    let expected = std::fs::read_to_string(place.path("03-mistakes/expected.txt")).unwrap();
    assert_eq!(without_times(&ended.stdout), without_times(&expected), "{ended}");
}

/// Replaces durations by `T` and pads of the table by one space, and leaves out the services' own output.
fn without_times(text: &str) -> String {
    let times = |word: &str| {
        let digits = word.trim_start_matches('(').trim_end_matches([')', ',', ';']);
        let number = digits.trim_end_matches("ms").trim_end_matches('s');
        digits.ends_with('s') && number.parse::<f64>().is_ok()
    };
    let line = |line: &str| -> String {
        let words = line.split_whitespace().map(|word| if times(word) { "T" } else { word });
        words.collect::<Vec<_>>().join(" ").replace('─', "")
    };
    let own =
        |line: &&str| !line.trim_start().starts_with("| {") && !line.trim_start().starts_with("output of");
    // The example was run from the repository's root when its output was kept.
    text.lines()
        .filter(own)
        .map(|text| line(text).replace("examples/03-mistakes", "03-mistakes") + "\n")
        .collect()
}

#[test]
fn programs_nobody_here_wrote_are_faulted_without_rewriting_anything() {
    if !(has("nginx") && has("python3") && has("curl")) {
        return;
    }
    for_both("04-real-programs", "real-programs.star", |ended| {
        ended.expect(0, &[" 0 failed"]);
    });
}

#[test]
fn an_order_service_copes_with_its_databases() {
    let libraries = ["psycopg2", "redis"].map(|name| format!("/usr/lib/python3/dist-packages/{name}"));
    let needs = ["redis-server", "pg_lsclusters", "/usr/bin/python3", &libraries[0], &libraries[1]];
    if !needs.into_iter().all(has) {
        return;
    }
    for_both("05-databases", "databases.star", |ended| {
        ended.expect(0, &["36 passed, 0 failed", "3 scenarios × 11 faults = 33 cells", "one_flush_fails"]);
    });
}

#[test]
fn two_runs_of_one_spec_never_meet() {
    let place = example("01-http-faults");
    let runs: Vec<_> = (0..3).map(|_| place.start(&["test", "01-http-faults/protocol-test.star"])).collect();
    for run in runs {
        super::harness::finish(run).expect(0, &["11 passed, 0 failed"]);
    }
}
