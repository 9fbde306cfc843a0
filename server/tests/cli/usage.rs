//! What needs no service: usage, help, missing specs.

use std::path::Path;
use std::process::{Command, Output, Stdio};

fn faultbox(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_faultbox"))
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .expect("the executable starts")
}

/// Checks the exit code and a part of standard output and of standard error; an empty part means the stream is empty.
fn check(arguments: &[&str], code: i32, stdout: &str, stderr: &str) {
    let directory = tempfile::tempdir().unwrap();
    let output = faultbox(directory.path(), arguments);
    let told = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {told:?}");
    for (text, part) in told.iter().zip([stdout, stderr]) {
        assert!(
            text.contains(part) && text.is_empty() == part.is_empty(),
            "{arguments:?}: {part:?} in {told:?}"
        );
    }
}

#[test]
fn help_and_version_go_to_standard_output() {
    check(&["--help"], 0, "faultbox doctor", "");
    check(&["test", "-h"], 0, "Usage: faultbox test", "");
    check(&["--version"], 0, "faultbox 0.", "");
}

#[test]
fn wrong_usage_ends_with_1_and_says_what_would_be_right() {
    check(&[], 1, "", "Usage: faultbox");
    check(&["tset"], 1, "", "similar subcommand exists: 'test'");
    check(&["replay"], 1, "", "each failure ends with the command that runs it again");
    check(&["test", "a.star", "b.star"], 1, "", "faultbox test a.star && faultbox test b.star");
    check(&["test", "--sed", "1"], 1, "", "'--seed'");
    check(&["test", "--runs", "0"], 1, "", "--runs");
}

#[test]
fn words_of_the_language_and_recipes_can_be_looked_up() {
    check(&["manual"], 0, "# The Faultbox manual", "");
    check(&["manual", "redis"], 0, "### redis", "");
    check(&["manual", "may_exit"], 0, "`service(...)`: `may_exit`", "");
    check(&["manual", "rename"], 0, "as a system call", "");
    check(&["manual", "respnse"], 1, "", "did you mean \"response\"?");
    check(&["recipes", "list"], 0, "redis.oom(key=\"*\")", "");
    check(&["recipes", "show", "rediss"], 1, "", "did you mean \"redis\"?");
}

#[test]
fn a_spec_that_is_not_there_is_an_error_of_its_own() {
    for command in ["test", "check", "plan"] {
        check(&[command], 1, "", "no faultbox.star in ");
        check(&[command, "absent.star"], 1, "", "cannot read absent.star: No such file");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_faultbox"))
        .arg("doctor")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Closed before the command can have written anything: probing takes milliseconds.
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
