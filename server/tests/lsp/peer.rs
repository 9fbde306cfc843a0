//! Another Starlark language server beside ours, keystroke by keystroke: `starlark --lsp` of the crate `starlark_bin`.
//!
//! Found by `STARLARK_LSP`, which names the program, or else as `starlark` on `PATH`; without it the measurement says so.

use crate::client::{Server, range};
use crate::figures::Figures;
use crate::typing::{SHORT, end_of, halves, long_spec};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Instant;

/// What both can do.
const QUESTIONS: &[&str] = &["textDocument/completion", "textDocument/hover"];

/// How often both are started.
const STARTS: usize = 20;

fn peer() -> Option<PathBuf> {
    let named = std::env::var_os("STARLARK_LSP").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path =
        || std::env::split_paths(&path).map(|folder| folder.join("starlark")).find(|file| file.is_file());
    named.or_else(on_path)
}

/// One of the two, with how it wants to hear of changes.
struct Contestant {
    server: Server,
    uri: String,
    version: i32,
    incremental: bool,
    figures: Figures,
}

impl Contestant {
    fn start(start: impl Fn() -> Server) -> Contestant {
        let mut figures = Figures::default();
        // Only the last goes on; the others are there to be timed.
        let mut last = None;
        for _ in 0..STARTS {
            let started = Instant::now();
            let mut server = start();
            let answer = server.request("initialize", crate::client::abilities());
            figures.add("start to initialized", started);
            server.notify("initialized", json!({}));
            let sync = &answer["capabilities"]["textDocumentSync"];
            let kind = if sync.is_object() { &sync["change"] } else { sync };
            last = Some((server, *kind == 2));
        }
        let (server, incremental) = last.unwrap();
        Contestant { server, uri: String::new(), version: 1, incremental, figures }
    }

    fn open(&mut self, text: &str) {
        self.uri = self.server.open("faultbox.star", text);
        let uri = self.uri.clone();
        self.server.findings_where(&uri, |_| true);
    }

    /// Types a character behind `before` and waits for the findings; `whole` is the text with it.
    fn key(&mut self, before: &str, key: char, whole: &str) {
        self.version += 1;
        let uri = self.uri.clone();
        let end = end_of(before);
        let started = Instant::now();
        match self.incremental {
            true => self.server.change(&uri, self.version, Some(range(end, end)), &key.to_string()),
            false => self.server.change(&uri, self.version, None, whole),
        }
        self.server.findings(&uri, self.version);
        self.figures.add("keystroke to findings", started);
    }

    fn ask(&mut self, question: &str, place: (u32, u32)) {
        let place = json!({ "line": place.0, "character": place.1 });
        let params = json!({ "textDocument": { "uri": self.uri }, "position": place });
        let started = Instant::now();
        self.server.request(question, params);
        self.figures.add(question, started);
    }

    fn end(mut self) -> Figures {
        let id = self.server.ask("shutdown", Value::Null);
        self.server.response(id);
        self.server.notify("exit", Value::Null);
        self.figures
    }
}

#[test]
#[ignore = "a measurement: run alone, with --release and --nocapture"]
fn timed_beside_another_starlark_server() {
    let Some(program) = peer() else {
        println!("no other Starlark server: `cargo install starlark_bin`, then STARLARK_LSP=.../starlark");
        return;
    };
    let long = long_spec();
    let (top, bottom) = halves(&long);
    let mut ours = Contestant::start(Server::raw);
    let mut theirs = Contestant::start(|| Server::of(&program, "--lsp"));
    ours.open(&long);
    theirs.open(&long);
    let mut before = top.to_owned();
    for key in SHORT.chars() {
        let whole = format!("{before}{key}{bottom}");
        ours.key(&before, key, &whole);
        theirs.key(&before, key, &whole);
        before.push(key);
        ours.server.forget();
        theirs.server.forget();
        for question in QUESTIONS {
            ours.ask(question, end_of(&before));
            theirs.ask(question, end_of(&before));
        }
    }
    let (ours, theirs) = (ours.end(), theirs.end());
    ours.print("faultbox lsp, typing in the middle of an 800-line spec");
    theirs.print(&format!("{} --lsp, the same keys in turn", program.display()));
    ours.print_ratios(&theirs, "ours over theirs");
}
