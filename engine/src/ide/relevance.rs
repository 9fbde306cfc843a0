//! Telling our specs from the `.star` files of Bazel, Tilt and others, about which an editor hears nothing.

use super::snapshot::load_paths;
use crate::syntax::lexer::{Keyword, TokenKind};
use crate::syntax::{NodeKind, Parsed};
use std::collections::BTreeSet;

/// What paths of files that come with Faultbox begin with.
const OURS: &str = "@faultbox/";

/// Builtins no other dialect of Starlark has under these names.
const TELLING: &[&str] = &[
    "service",
    "fault_assumption",
    "fault_scenario",
    "fault_matrix",
    "scenario",
    "fault",
    "fault_all",
    "fault_start",
    "assert_eq",
    "assert_true",
];

/// True when the file is written for Faultbox, as far as its name and text tell. `file_name` is the last part of its
/// path.
pub fn is_faultbox(parsed: &Parsed, file_name: &str) -> bool {
    file_name == "faultbox.star"
        || file_name.ends_with(".faultbox.star")
        || calls_us(parsed)
        || loads_us(parsed)
}

/// Files of other tools that read Starlark, by the beginning of their names.
const FOREIGN: &[&str] = &["BUILD", "WORKSPACE", "MODULE", "Tiltfile"];

/// True when the file is surely written for another tool: by its name, or for what it loads.
pub fn is_foreign(parsed: &Parsed, file_name: &str) -> bool {
    let is_label = |path: &str| !path.starts_with(OURS) && (path.contains("//") || path.contains([':', '@']));
    FOREIGN.iter().any(|name| file_name.starts_with(name)) || load_paths(&parsed.tree).any(is_label)
}

/// Plain paths of files that the file loads, as specs load each other. Other tools have modules of such names that are
/// no files.
pub fn plain_loads(parsed: &Parsed) -> impl Iterator<Item = &str> {
    let is_plain =
        |path: &&str| path.ends_with(".star") && !path.contains("//") && !path.contains([':', '@']);
    load_paths(&parsed.tree).filter(is_plain)
}

/// True when a telling builtin is called: a bare name with an opening bracket behind it, unless the file makes a
/// function of that name itself.
fn calls_us(parsed: &Parsed) -> bool {
    let text = &parsed.tree.text;
    let mut before = None;
    let (mut called, mut own) = (BTreeSet::new(), BTreeSet::new());
    for token in parsed.tokens.iter().filter(|token| token.start < token.end && !token.kind.is_trivia()) {
        let word = &text[token.start as usize..token.end as usize];
        let is_called = text[token.end as usize..].starts_with('(');
        if token.kind == TokenKind::Name && is_called && TELLING.contains(&word) {
            match before {
                Some(TokenKind::Dot) => {}
                Some(TokenKind::Keyword(Keyword::Def)) => drop(own.insert(word)),
                _ => drop(called.insert(word)),
            }
        }
        before = Some(token.kind);
    }
    own.extend(loaded_names(parsed));
    !called.is_subset(&own)
}

/// Names the file loads from others, as it calls them.
fn loaded_names(parsed: &Parsed) -> impl Iterator<Item = &str> {
    let tree = &parsed.tree;
    tree.statements().iter().flat_map(move |&statement| {
        let names = match tree.kind(statement) {
            NodeKind::Load { names, .. } => names.as_slice(),
            _ => &[],
        };
        names.iter().filter_map(move |&name| match tree.kind(name) {
            NodeKind::LoadName { local, .. } => Some(tree.str(local.span)),
            _ => None,
        })
    })
}

fn loads_us(parsed: &Parsed) -> bool {
    load_paths(&parsed.tree).any(|path| path.starts_with(OURS))
}

#[cfg(test)]
mod tests {
    use super::{is_faultbox, is_foreign, plain_loads};
    use crate::{syntax, text::FileId};

    #[track_caller]
    fn check(file_name: &str, text: &str, wanted: bool) {
        let parsed = syntax::parse(FileId(0), text);
        assert_eq!(is_faultbox(&parsed, file_name), wanted, "{file_name}: {text}");
    }

    #[test]
    fn our_words_tell() {
        check("faultbox.star", "", true);
        check("x.star", "db = service(\"db\"", true);
        check("x.star", "load(\"@faultbox/http.star\", \"json\")", true);
        check("x.star", "def f():\n  fault(db, write=deny(\"EIO\"), run=g)", true);
        check(
            "x.star",
            "load(\"topology.star\", \"db\")\ndef test_a():\n  assert_eq(db.main.get().status, 200)",
            true,
        );
        check("x.star", "def fault():\n  pass\ndb = service(\"db\")", true);
    }

    #[test]
    fn loads_tell() {
        let ask = |path: &str| {
            let parsed = syntax::parse(FileId(0), &format!("load(\"{path}\", \"x\")\n"));
            (plain_loads(&parsed).next().is_some(), is_foreign(&parsed, "x.star"))
        };
        assert_eq!(ask("lib/helpers.star"), (true, false));
        assert_eq!(ask("@faultbox/recipes/http.star"), (false, false));
        for label in ["//tools:rules.bzl", "//tools/x.star", ":y.star", "@rules//x.star"] {
            assert_eq!(ask(label), (false, true), "{label}");
        }
        assert!(is_foreign(&syntax::parse(FileId(0), ""), "BUILD.star"));
    }

    #[test]
    fn other_dialects_stay_quiet() {
        check("BUILD.star", "cc_library(name = \"x\", srcs = glob([\"*.c\"]))", false);
        check("x.star", "k8s.service(\"db\")\nservice = 1", false);
        check("x.star", "# service(\nx = \"service(\"", false);
        check("x.star", "def scenario(name):\n  pass\nscenario(\"a\")", false);
        check("x.star", "load(\"testing.star\", \"assert_eq\")\nassert_eq(1, 1)", false);
        check("x.star", "load(\"time.star\", \"time\")\ndef main(config):\n  return time.now()", false);
        check("Tiltfile.star", "docker_build('a', '.')", false);
    }
}
