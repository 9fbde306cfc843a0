//! House rules as tests: who may import whom, where `unsafe` may stand, how long a file may be. The numbers in names
//! are those of ARCHITECTURE.md's invariants.

use std::fs;
use std::path::{Path, PathBuf};

const PURE: &[&str] = &["text", "diagnostic", "model", "event", "rules"];

/// Room and what it may import besides itself.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("diagnostic", &["text", "event", "model"]),
    ("model", &["text"]),
    ("event", &["text", "model"]),
    ("rules", &["text", "model", "event"]),
    ("syntax", &["text", "diagnostic", "model"]),
    ("spec", &["text", "diagnostic", "model", "event", "rules", "syntax", "protocol"]),
    ("check", &["text", "diagnostic", "model", "event", "rules", "syntax", "spec", "protocol"]),
    ("plan", &["text", "diagnostic", "model", "event", "syntax"]),
    ("expect", &["text", "model", "event"]),
    (
        "ide",
        &[
            "text",
            "diagnostic",
            "model",
            "event",
            "rules",
            "syntax",
            "spec",
            "check",
            "plan",
            "expect",
            "protocol",
        ],
    ),
    ("sandbox", PURE),
    ("seccomp", PURE),
    ("proxy", PURE),
    ("protocol", &["text", "diagnostic", "model", "event", "rules", "proxy"]),
    (
        "service",
        &["text", "diagnostic", "model", "event", "rules", "sandbox", "seccomp", "proxy", "protocol"],
    ),
    (
        "run",
        &[
            "text",
            "diagnostic",
            "model",
            "event",
            "rules",
            "syntax",
            "spec",
            "plan",
            "expect",
            "sandbox",
            "seccomp",
            "proxy",
            "protocol",
            "service",
            "report",
        ],
    ),
    ("report", &["text", "diagnostic", "model", "event", "plan"]),
];

/// Files below `engine/src` where `unsafe` may stand.
const UNSAFE: &[&str] = &["sandbox/sys.rs", "seccomp/sys.rs", "seccomp/pre_exec.rs", "run/spawn.rs"];

const MAX_LINES: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn rust_files(below: &Path, into: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(below).expect("a readable folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

/// Path below `below` and text of every Rust file.
fn sources(below: &str) -> Vec<(String, String)> {
    let base = root().join(below);
    let mut files = Vec::new();
    rust_files(&base, &mut files);
    let name = |path: &Path| path.strip_prefix(&base).expect("a path below").to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), fs::read_to_string(path).expect("UTF-8"))).collect()
}

/// Whether a file holds tests only.
fn is_test(name: &str) -> bool {
    name.ends_with("tests.rs") || name.contains("tests/")
}

/// The text without comments and tests, as far as a line-wise look can tell.
fn code(text: &str) -> String {
    let body = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let lines = body.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Rooms named by `crate::x` or inside `crate::{x, y}`.
fn imported(code: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut rooms = Vec::new();
    for (at, found) in code.match_indices("crate::") {
        let rest = &code[at + found.len()..];
        match rest.strip_prefix('{') {
            None => rooms.push(word(rest)),
            Some(group) => rooms.extend(group_heads(group).map(word)),
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

/// The parts of a `{a::b, c::{d, e}}` group, given from behind its opening brace.
fn group_heads(group: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut start, mut heads) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' if depth == 0 => {
                heads.push(group[start..at].trim());
                start = at + 1;
            }
            '}' => {
                heads.push(group[start..at].trim());
                break;
            }
            _ => {}
        }
    }
    heads.into_iter()
}

fn assert_none(found: Vec<String>) {
    assert!(found.is_empty(), "{} finding(s):\n{}", found.len(), found.join("\n"));
}

#[test]
fn invariant_1_rooms_import_only_what_they_may() {
    let mut found = Vec::new();
    for (name, text) in sources("engine/src") {
        let Some((room, _)) = name.split_once('/') else { continue };
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(known, _)| *known == room) else {
            found.push(format!("{name}: the room `{room}` has no row in tidy.rs and ARCHITECTURE.md"));
            continue;
        };
        for other in imported(&code(&text)) {
            if other != room && !is_test(&name) && !allowed.contains(&other.as_str()) {
                found.push(format!("{name}: `{room}` must not import `{other}`"));
            }
        }
    }
    assert_none(found);
}

#[test]
fn invariant_1_faces_never_import_each_other() {
    let mut found = Vec::new();
    for (name, text) in sources("server/src") {
        let other = match name.split_once('/') {
            Some(("cli", _)) => "crate::lsp::",
            Some(("lsp", _)) => "crate::cli::",
            _ => continue,
        };
        // The two commands that start the language server are the one door between them.
        let code = code(&text).replace("crate::lsp::serve()", "").replace("crate::lsp::check_child()", "");
        if code.contains(other) {
            found.push(format!("{name} names {other}"));
        }
    }
    assert_none(found);
}

#[test]
fn invariant_2_foreign_types_stay_in_their_room() {
    let mut found = Vec::new();
    let engine = [("starlark", "spec/"), ("starlark_syntax", "spec/"), ("lsp_types", "-"), ("clap", "-")];
    let server = [("lsp_types", "lsp/"), ("tower_lsp", "lsp/"), ("clap", "cli/"), ("starlark", "-")];
    for (below, rules) in [("engine/src", engine), ("server/src", server)] {
        for (name, text) in sources(below) {
            let code = code(&text);
            for (foreign, room) in rules {
                let named = [format!("use {foreign}::"), format!(" {foreign}::"), format!("<{foreign}::")];
                if named.iter().any(|form| code.contains(form)) && !name.starts_with(room) {
                    found.push(format!("{below}/{name} names {foreign}"));
                }
            }
        }
    }
    assert_none(found);
}

#[test]
fn invariant_3_unsafe_stands_only_where_it_may() {
    let stands = |text: &str| {
        let forms = ["unsafe {", "unsafe fn", "unsafe impl"];
        code(text).lines().any(|line| forms.iter().any(|form| line.contains(form)))
    };
    let mut found = Vec::new();
    for below in ["engine/src", "server/src"] {
        for (name, text) in sources(below) {
            if stands(&text) && !(below == "engine/src" && UNSAFE.contains(&name.as_str())) {
                found.push(format!("{below}/{name}"));
            }
        }
    }
    assert_none(found);
}

#[test]
fn invariant_4_long_files_say_why() {
    let mut found = Vec::new();
    for below in ["engine/src", "server/src", "examples/services/src"] {
        for (name, text) in sources(below) {
            let lines = text.split("\n#[cfg(test)]").next().unwrap_or(&text).lines().count();
            if lines > MAX_LINES && !is_test(&name) && !text.contains("one thing") {
                found.push(format!(
                    "{below}/{name}: {lines} lines; split it, or say in its doc why it is one thing"
                ));
            }
        }
    }
    assert_none(found);
}

#[test]
fn invariant_5_the_engine_neither_prints_nor_reads_the_environment() {
    let banned = ["println!", "eprintln!", "env::var(", "env::vars", "env::var_os("];
    let mut found = Vec::new();
    for (name, text) in sources("engine/src").into_iter().filter(|(name, _)| !is_test(name)) {
        for line in code(&text).lines() {
            if let Some(word) = banned.iter().find(|word| line.contains(**word)) {
                found.push(format!("engine/src/{name}: {word}"));
            }
        }
    }
    assert_none(found);
}

/// What reads a spec and its surroundings; the other rooms read files of the machine, whose kind is known.
#[test]
fn invariant_13_files_of_specs_are_read_in_one_place() {
    let rooms = ["text/", "syntax/", "spec/", "check/", "ide/", "plan/", "lsp/"];
    let readers = ["fs::read(", "fs::read_to_string(", "File::open(", "File::options(", "OpenOptions"];
    let mut found = Vec::new();
    for below in ["engine/src", "server/src"] {
        for (name, text) in sources(below).into_iter().filter(|(name, _)| !is_test(name)) {
            let is_asked = rooms.iter().any(|room| name.starts_with(room)) && name != "text/regular.rs";
            let code = code(&text);
            for reader in readers.iter().filter(|reader| is_asked && code.contains(**reader)) {
                found.push(format!("{below}/{name}: {reader}"));
            }
        }
    }
    assert_none(found);
}

/// One variable makes every test that cannot run on a machine fail instead, and `.ci/run` sets it.
#[test]
fn whatever_skips_asks_the_one_variable() {
    let (words, variable) = (["\"skipped: ", "\"skipped for "], "FAULTBOX_NO_SKIP");
    let mut found = Vec::new();
    for below in ["engine/src", "engine/tests", "server/src", "server/tests", "examples/services/src"] {
        for (name, text) in sources(below).into_iter().filter(|(name, _)| name != "tidy.rs") {
            let skips = words.iter().any(|word| text.contains(word));
            if text.contains("FAULTBOX_REQUIRE") || (skips && !text.contains(variable)) {
                found.push(format!("{below}/{name} skips without asking {variable}"));
            }
        }
    }
    assert_none(found);
    let script = fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(script.contains(&format!("export {variable}=1")) && !script.contains("FAULTBOX_REQUIRE"));
}

#[test]
fn the_packages_in_the_readme_are_those_ci_installs() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    let script = read(".ci/run");
    let needs = script.split_once("needs=(").and_then(|(_, rest)| rest.split_once("\n)")).unwrap().0;
    let mut installed: Vec<&str> = needs.lines().filter_map(|line| line.trim().split(':').next()).collect();
    installed.retain(|package| !package.is_empty());
    let readme = read("README.md");
    let lines = readme.lines().filter_map(|line| line.strip_prefix("apt-get install "));
    let mut told: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    installed.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, installed);
}

#[test]
fn the_map_in_architecture_names_every_room() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let missing = MAY_IMPORT.iter().filter(|(room, _)| !text.contains(&format!("`engine/src/{room}`")));
    assert_none(missing.map(|(room, _)| (*room).to_owned()).collect());
}
