//! The editor and `faultbox check` say the same about a spec: codes, severities, texts, places.

use crate::client::{Server, abilities};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A finding as both tell it: start and end in bytes, code, severity, text.
type Told = (u64, u64, String, u64, String);
/// By file.
type ByFile = BTreeMap<PathBuf, Vec<Told>>;

/// A file's name in its folder, and its text.
struct File {
    name: String,
    text: String,
}

/// A root spec and what lies beside it.
struct Case {
    title: String,
    root: String,
    beside: Vec<File>,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every spec of the language's suites, in a folder of its own.
fn suites() -> Vec<Case> {
    let folder = repository().join("engine/tests/spec");
    let mut suites: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    suites.sort();
    let cases: Vec<Case> = suites.iter().flat_map(|suite| cases_of(suite)).collect();
    assert!(cases.len() >= 40, "{}", cases.len());
    cases
}

fn cases_of(suite: &Path) -> Vec<Case> {
    let text = std::fs::read_to_string(suite).unwrap();
    let (mut prelude, mut beside, mut cases) = (String::new(), BTreeMap::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else { continue };
        let body: String =
            lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        match info.split_once(' ').unwrap_or((info, "")) {
            ("star", "") => cases.push(Case {
                title: format!("{}: {body}", suite.display()),
                root: format!("{prelude}{body}"),
                beside: beside.iter().map(|(name, text): (&String, &String)| file(name, text)).collect(),
            }),
            ("star", "prelude") => prelude = body,
            ("star", name) => drop(beside.insert(name.to_owned(), body)),
            _ => {}
        }
    }
    cases
}

fn file(name: &str, text: &str) -> File {
    File { name: name.to_owned(), text: text.to_owned() }
}

/// What the suites do not have: several mistakes in one file, in several layers, and in a file that is loaded.
fn mixed() -> Vec<Case> {
    let case = |title: &str, root: &str, library: &str| Case {
        title: title.to_owned(),
        root: root.to_owned(),
        beside: vec![file("lib.star", library)],
    };
    vec![
        case("syntax and names", "x = = 1\ny = (\nz = deyn(\"EIO\")\ndef test_a():\n    é = 1\n", ""),
        case(
            "a mistake behind one that stops evaluation",
            "a = service(\"a\", \"x\")\nfail(\"stop\")\nb = service(\"a\", \"x\")\nc = deny(\"EOI\")\n",
            "",
        ),
        case(
            "mistakes in a file that is loaded",
            "load(\"lib.star\", \"f\", \"g\")\ndef test_a():\n    f()\n",
            "def f():\n    return dlay(\"1s\")\nx = 1 +\n# 😀 \u{e9}\ny = deny(\"EOI\")\n",
        ),
        case("nested too deep", &format!("x = {}1{}\n", "(".repeat(5000), ")".repeat(5000)), ""),
        case("too large", &"x = 1\n".repeat(400_000), ""),
        case("carriage returns", "x = deny(\"EOI\")\r\ny = zzz\r\n\"😀\"; z = qqq\r\n", ""),
        case("a rule the protocol has not", REDIS, ""),
    ]
}

const REDIS: &str = "\
cache = service(\"cache\", \"/bin/true\", interface(\"main\", \"redis\", 6379))
def read():
    return cache.main.get(key = \"a\")
f = fault_assumption(\"f\", target = cache.main, rules = [response(status = 503), error(sqlstate = \"57014\")])
fault_scenario(\"s\", scenario = read, faults = f, expect = lambda r: assert_eq(r.ok, True))
";

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value}"))
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value}")).to_owned()
}

/// What `faultbox check` says about the spec in the folder.
fn by_check(root: &Path) -> ByFile {
    let folder = root.parent().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_faultbox"));
    command.args(["check", "--format", "json"]).arg(root.file_name().unwrap());
    let output = command.current_dir(folder).stdin(Stdio::null()).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let mut all = ByFile::new();
    for found in report["findings"].as_array().unwrap() {
        let severities = ["error", "warning", "info", "hint"];
        let severity = severities.iter().position(|name| found["severity"] == *name).unwrap() as u64 + 1;
        let path = folder.join(word(&found["path"]));
        all.entry(path).or_default().push((
            number(&found["start"]),
            number(&found["end"]),
            word(&found["code"]),
            severity,
            sentence(found),
        ));
    }
    all.values_mut().for_each(|told| told.sort());
    all
}

/// A client has one text for what `check` has several keys for.
fn sentence(found: &Value) -> String {
    let (mut text, label) = (word(&found["message"]), word(&found["label"]));
    if !label.is_empty() && !text.contains(&label) {
        text.push_str(&format!(" ({label})"));
    }
    let lines = |key: &str| found[key].as_array().unwrap().iter().map(word).collect::<Vec<_>>();
    lines("notes").iter().for_each(|note| text.push_str(&format!("\n{note}")));
    lines("help").iter().for_each(|help| text.push_str(&format!("\nhelp: {help}")));
    text
}

/// What the editor shows in the file.
fn by_editor(server: &Server, path: &Path) -> Vec<Told> {
    let text = std::fs::read_to_string(path).unwrap();
    let offset = |position: &Value| {
        let line = number(&position["line"]) as usize;
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        start as u64 + number(&position["character"])
    };
    let uri = format!("file://{}", path.display());
    let told = server.shown(&uri).iter().map(|found| {
        assert_eq!(found["source"], "faultbox");
        let range = &found["range"];
        let (code, text) = (word(&found["code"]), word(&found["message"]));
        (offset(&range["start"]), offset(&range["end"]), code, number(&found["severity"]), text)
    });
    let mut told: Vec<Told> = told.collect();
    told.sort();
    told
}

/// A server whose columns count bytes, as the places of `check` do, and that says when it has evaluated a spec.
fn server() -> Server {
    let mut params = abilities();
    params["capabilities"]["general"]["positionEncodings"] = json!(["utf-8"]);
    params["capabilities"]["workspace"] = json!({ "codeLens": { "refreshSupport": true } });
    Server::start_with(params).0
}

/// Opens all and waits until each has been evaluated twice: the second time everything is known that the first found.
fn open_all(server: &mut Server, roots: &[(String, PathBuf)]) {
    // A file that is too large is not evaluated.
    let is_readable = |path: &PathBuf| path.metadata().unwrap().len() <= 2 * 1024 * 1024;
    let readable = roots.iter().filter(|(_, path)| is_readable(path)).count();
    for (_, root) in roots {
        let uri = format!("file://{}", root.display());
        server.open_buffer(&uri, &std::fs::read_to_string(root).unwrap());
    }
    evaluated(server, readable);
    for (_, root) in roots {
        let uri = format!("file://{}", root.display());
        server.change(&uri, 2, None, &std::fs::read_to_string(root).unwrap());
        server.findings(&uri, 2);
    }
    evaluated(server, readable);
}

fn evaluated(server: &mut Server, specs: usize) {
    for _ in 0..specs {
        server.wait("word of an evaluation", |message| {
            (message["method"] == "workspace/codeLens/refresh").then_some(())
        });
    }
}

/// Asserts that both say the same about each root, and returns how much that was.
fn check(server: &mut Server, roots: &[(String, PathBuf)]) -> usize {
    open_all(server, roots);
    let mut count = 0;
    for (title, root) in roots {
        let mut wanted = by_check(root);
        wanted.entry(root.clone()).or_default();
        for (path, told) in wanted.into_iter().filter(|(path, _)| path.is_file()) {
            count += told.len();
            assert_eq!(
                by_editor(server, &path),
                told,
                "editor, then `faultbox check`, in {path:?} of {title}"
            );
        }
    }
    count
}

#[test]
fn the_suites_specs_get_the_same_findings_in_both() {
    let mut server = server();
    let mut roots = Vec::new();
    for (at, case) in suites().into_iter().chain(mixed()).enumerate() {
        let name = format!("{at}/faultbox.star");
        server.write(&name, &case.root);
        for file in case.beside {
            server.write(&format!("{at}/{}", file.name), &file.text);
        }
        roots.push((case.title, server.path(&name)));
    }
    let count = check(&mut server, &roots);
    assert!(count >= 100, "only {count} findings were compared");
    server.finish();
}

#[test]
fn the_examples_get_the_same_findings_in_both() {
    let mut server = server();
    let roots: Vec<(String, PathBuf)> = crate::typing::examples()
        .into_iter()
        .map(|path| (String::new(), path.canonicalize().unwrap()))
        .collect();
    check(&mut server, &roots);
    server.finish();
}
