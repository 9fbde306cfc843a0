//! Command lines that cannot be read: what they probably meant.

use super::args::Args;
use clap::CommandFactory;
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use faultbox_engine::diagnostic::suggest;

/// Words other tools use for what a command of ours does.
const OTHER_WORDS: &[(&[&str], &str)] = &[
    (&["run", "exec", "start"], "faultbox test runs the tests of a spec"),
    (
        &["replay", "rerun", "reproduce"],
        "each failure ends with the command that runs it again: faultbox test SPEC --test NAME --seed N",
    ),
    (&["list", "ls", "tests"], "faultbox test --dry-run lists the tests of a spec"),
    (&["lint", "validate", "verify", "vet"], "faultbox check finds mistakes in a spec"),
    (&["explain", "docs", "man"], "faultbox manual WORD explains a word of the language"),
];

/// The error with hints that make sense: clap proposes whatever has some letters in common, such as `plan` for `replay`.
pub(super) fn explained(mut error: clap::Error, arguments: &[String]) -> clap::Error {
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            if let Some(word) = text(&error, ContextKind::InvalidSubcommand) {
                error.remove(ContextKind::SuggestedSubcommand);
                error.remove(ContextKind::Suggested);
                subcommand(&mut error, &word, arguments);
            }
        }
        ErrorKind::UnknownArgument => {
            let word = text(&error, ContextKind::InvalidArg);
            if let Some(word) = word.filter(|word| !word.starts_with('-')) {
                // An option was not meant.
                error.remove(ContextKind::SuggestedArg);
                error.remove(ContextKind::Suggested);
                second_spec(&mut error, &word, arguments);
            }
        }
        _ => {}
    }
    error
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    }
}

fn tip(error: &mut clap::Error, text: &str) {
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(text.to_owned())]));
}

fn subcommand(error: &mut clap::Error, word: &str, arguments: &[String]) {
    if is_spec(word) {
        return tip(error, &format!("to run its tests: faultbox test {word}"));
    }
    if let Some((_, meant)) = OTHER_WORDS.iter().find(|(words, _)| words.contains(&word)) {
        return tip(error, meant);
    }
    let mut command = Args::command();
    if let Some(outer) = arguments.iter().take_while(|argument| *argument != word).last()
        && let Some(inner) = command.find_subcommand(outer)
        && inner.has_subcommands()
    {
        command = inner.clone();
    }
    let names: Vec<&str> = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set())
        .map(|command| command.get_name())
        .collect();
    if let Some(near) = suggest::nearest(word, names.iter().copied()) {
        let near = ContextValue::Strings(vec![near.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, near);
    } else {
        tip(error, &format!("the commands are {}", names.join(", ")));
    }
}

fn second_spec(error: &mut clap::Error, word: &str, arguments: &[String]) {
    let specs: Vec<&str> =
        arguments.iter().map(String::as_str).filter(|argument| is_spec(argument)).collect();
    match arguments.iter().map(String::as_str).find(|word| ["test", "check", "plan"].contains(word)) {
        Some(command) if specs.len() > 1 => {
            let lines: Vec<String> = specs.iter().map(|spec| format!("faultbox {command} {spec}")).collect();
            tip(
                error,
                &format!("a command takes one spec; run them one after the other: {}", lines.join(" && ")),
            );
        }
        Some("test" | "plan") => {
            tip(error, &format!("a command takes one spec; tests are chosen with --test {word}"));
        }
        _ => {}
    }
}

fn is_spec(word: &str) -> bool {
    word.ends_with(".star")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[track_caller]
    fn check(line: &str, expected: &[&str], unexpected: &str) {
        let arguments: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let error = Args::try_parse_from(&arguments).unwrap_err();
        let text = explained(error, &arguments).to_string();
        assert!(expected.iter().all(|part| text.contains(part)), "{text}");
        assert!(unexpected.is_empty() || !text.contains(unexpected), "{text}");
    }

    #[test]
    fn a_command_that_does_not_exist_gets_a_hint_that_makes_sense() {
        check("faultbox tset", &["'tset'", "'test'"], "");
        check("faultbox chekc a.star", &["'check'"], "");
        check("faultbox replay", &["runs it again: faultbox test SPEC"], "'plan'");
        check("faultbox run a.star", &["faultbox test runs the tests"], "");
        check("faultbox a.star", &["faultbox test a.star"], "");
        check("faultbox xyzzy", &["the commands are test, check, plan, doctor"], "worker");
        check("faultbox recipes shwo", &["'show'"], "");
    }

    #[test]
    fn a_second_spec_is_refused_with_what_to_do() {
        let both = "a command takes one spec; run them one after the other: faultbox test a.star && faultbox test b.star";
        check("faultbox test a.star b.star", &["'b.star'", both], "similar");
        check(
            "faultbox check a.star b.star --strict",
            &["faultbox check a.star && faultbox check b.star"],
            "",
        );
        check("faultbox test a.star happy", &["chosen with --test happy"], "");
        check("faultbox test --sed 1", &["'--seed'"], "");
    }
}
