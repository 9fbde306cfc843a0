//! The command that runs one leaf again, ready to paste into a shell.

use crate::event::Leaf;
use crate::text::shown;
use std::borrow::Cow;

/// `faultbox test SPEC --test NAME --seed N`, followed by `flags` as they are.
pub fn command(spec: &str, leaf: &Leaf, flags: &str) -> String {
    // A path that begins with a dash would be read as an option.
    let dash = if spec.starts_with('-') { "./" } else { "" };
    let spec = quote(&format!("{dash}{spec}")).into_owned();
    let name = quote(short(leaf.test.as_str()));
    // `--test=NAME` keeps a name that begins with a dash out of the options, too.
    let test = if name.starts_with('-') { format!("--test={name}") } else { format!("--test {name}") };
    let space = if flags.is_empty() { "" } else { " " };
    format!("faultbox test {spec} {test} --seed {}{space}{flags}", leaf.seed)
}

/// The name without `test_`, which `--test` adds again; kept whole where the rest would name another test.
pub fn short(name: &str) -> &str {
    match name.strip_prefix("test_") {
        Some(rest) if !rest.is_empty() && !rest.starts_with("test_") => rest,
        _ => name,
    }
}

/// The word as a POSIX shell must see it: bare when harmless, else in single quotes, which are those of `$'...'`
/// (POSIX.1-2024, 2.2.4) where characters could not be shown.
pub fn quote(word: &str) -> Cow<'_, str> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(harmless) {
        return Cow::Borrowed(word);
    }
    if matches!(shown(word), Cow::Owned(_)) {
        return Cow::Owned(format!("$'{}'", word.chars().map(escaped).collect::<String>()));
    }
    Cow::Owned(format!("'{}'", word.replace('\'', r"'\''")))
}

fn escaped(c: char) -> String {
    match c {
        '\'' | '\\' => format!("\\{c}"),
        c if matches!(shown(c.encode_utf8(&mut [0; 4])), Cow::Owned(_)) => {
            c.to_string().bytes().map(|byte| format!("\\{byte:03o}")).collect()
        }
        c => c.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{FileId, Span};

    fn check(spec: &str, test: &str, expected: &str) {
        let span = Span::start_of(FileId(0));
        let leaf = Leaf { test: test.into(), seed: 7, repeat: 0, span, cell: None };
        assert_eq!(command(spec, &leaf, ""), expected);
    }

    #[test]
    fn the_command_survives_a_shell() {
        check("a/b.star", "test_x", "faultbox test a/b.star --test x --seed 7");
        check("my specs/b.star", "test_x", "faultbox test 'my specs/b.star' --test x --seed 7");
        check("it's.star", "test_x", r"faultbox test 'it'\''s.star' --test x --seed 7");
        check("-a.star", "test_-x", "faultbox test ./-a.star --test=-x --seed 7");
        check("a.star", "test_a\n'\u{9b}", r"faultbox test a.star --test $'a\012\'\302\233' --seed 7");
        check("$(rm).star", "test_a b", "faultbox test '$(rm).star' --test 'a b' --seed 7");
    }

    #[test]
    fn a_short_name_never_names_another_test() {
        // `--test test_x` would run the test `test_x`, so the longer name stays whole.
        check("a.star", "test_test_x", "faultbox test a.star --test test_test_x --seed 7");
        check("a.star", "test_", "faultbox test a.star --test test_ --seed 7");
    }
}
