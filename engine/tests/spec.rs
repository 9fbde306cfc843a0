//! The language, as the Markdown suites in `spec/` describe it: prose, a spec, and what Faultbox says about it.
//!
//! A ```` ```star ```` block is a root spec; ```` ```star name.star ```` is a file beside the specs that follow, and
//! ```` ```star prelude ```` stands before each of them without counting in their lines. A ```` ```findings ````
//! block lists the findings of the last spec, a ```` ```tests ```` block its tests. `UPDATE_SUITES=1` rewrites both;
//! read the difference before you commit it.

use faultbox_engine::diagnostic::Diagnostic;
use faultbox_engine::spec::{Limits, Loaded, load};
use faultbox_engine::text::MemoryFiles;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_suites_say_what_happens() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec");
    let mut suites: Vec<PathBuf> =
        fs::read_dir(folder).expect("the suites").map(|entry| entry.expect("an entry").path()).collect();
    suites.sort();
    assert!(suites.len() >= 6, "suites are missing");
    let update = std::env::var_os("UPDATE_SUITES").is_some();
    let mut wrong = String::new();
    for path in suites {
        let text = fs::read_to_string(&path).expect("a suite");
        let actual = run(&text);
        if update {
            fs::write(&path, &actual).expect("the suite can be written");
        } else if actual != text {
            wrong.push_str(&format!("{}\n{}", path.display(), difference(&text, &actual)));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The suite with its `findings` and `tests` blocks as they should be.
fn run(suite: &str) -> String {
    let mut out = String::new();
    let mut suite_state = Suite::default();
    let mut lines = suite.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else { continue };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let text = body.iter().map(|line| format!("{line}\n")).collect::<String>();
        out.push_str(&suite_state.block(info, text));
        out.push_str("```\n");
    }
    out
}

#[derive(Default)]
struct Suite {
    prelude: String,
    files: MemoryFiles,
    loaded: Option<Loaded>,
}

impl Suite {
    /// What the block should hold.
    fn block(&mut self, info: &str, text: String) -> String {
        match info.split_once(' ').unwrap_or((info, "")) {
            ("star", "") => {
                let root = Path::new("/spec/main.star");
                let files = self.files.clone().with(root, &format!("{}{text}", self.prelude));
                self.loaded = Some(load(&files, root, &Limits::load()));
                text
            }
            ("star", "prelude") => {
                self.prelude.clone_from(&text);
                text
            }
            ("star", name) => {
                self.files = std::mem::take(&mut self.files).with(Path::new("/spec").join(name), &text);
                text
            }
            ("findings", _) => self.loaded().diagnostics.iter().map(|finding| self.line(finding)).collect(),
            ("tests", _) => self.loaded().spec.tests.iter().map(|test| format!("{}\n", test.name)).collect(),
            _ => text,
        }
    }

    fn loaded(&self) -> &Loaded {
        self.loaded.as_ref().expect("a spec stands before what is said about it")
    }

    /// `code line:column message`, then its help and fixes.
    fn line(&self, finding: &Diagnostic) -> String {
        let loaded = self.loaded();
        let span = finding.primary.span;
        let at = loaded.sources.position(span);
        let prelude = self.prelude.matches('\n').count() as u32;
        let place = if span.file.0 == 0 {
            format!("{}:{}", (at.line + 1).saturating_sub(prelude), at.column + 1)
        } else {
            let path = loaded.sources.get(span.file).path.clone();
            let name = path.strip_prefix("/spec").unwrap_or(&path).display().to_string();
            format!("{name}:{}:{}", at.line + 1, at.column + 1)
        };
        let mut line = format!("{} {place} {}\n", finding.code.id(), finding.message);
        for help in &finding.help {
            line.push_str(&format!("  help: {help}\n"));
        }
        for fix in &finding.fixes {
            line.push_str(&format!("  fix: {}\n", fix.title));
        }
        line
    }
}

/// The lines that differ, the suite's first.
fn difference(suite: &str, actual: &str) -> String {
    let missing = suite.lines().filter(|line| !actual.lines().any(|other| other == *line));
    let new = actual.lines().filter(|line| !suite.lines().any(|other| other == *line));
    missing.map(|line| format!("- {line}\n")).chain(new.map(|line| format!("+ {line}\n"))).collect()
}
