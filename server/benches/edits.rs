//! Hours of random edits against the language server (issue 3: "one hour of random edits: RSS flat").
//!
//! `cargo bench -p faultbox --bench edits -- --minutes 60` types into an 800-line spec and a small one, asks questions,
//! cancels some, closes and opens files, and prints each minute what the server and its children hold in memory. It ends
//! with 1 when the second half holds more than a tenth above the first, warming up aside.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

#[path = "../tests/lsp/client.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod client;
#[path = "../tests/lsp/edits.rs"]
mod edits;

use client::{Server, range};
use edits::{Dice, PIECES, position, splits_a_line_end};
use serde_json::json;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Between two rests, during which the specs are evaluated.
const EDITS_PER_REST: u64 = 40;

/// Longer than a spec must rest before it is evaluated.
const REST: Duration = Duration::from_millis(150);

/// A document begins anew after so many edits, so that it stays about as long as it was.
const EDITS_PER_LIFE: u64 = 400;

/// The largest second half of a run, compared with the first without its first tenth.
const MAX_GROWTH: f64 = 1.1;

const QUESTIONS: &[&str] = &[
    "textDocument/completion",
    "textDocument/hover",
    "textDocument/signatureHelp",
    "textDocument/definition",
    "textDocument/references",
    "textDocument/documentHighlight",
];

const QUESTIONS_OF_FILE: &[&str] = &[
    "textDocument/codeLens",
    "textDocument/foldingRange",
    "textDocument/documentSymbol",
    "textDocument/semanticTokens/full",
    "faultbox/matrix",
];

/// A file that is typed into.
struct Typist {
    name: &'static str,
    start: String,
    uri: String,
    text: Vec<char>,
    version: i32,
}

impl Typist {
    fn new(server: &mut Server, name: &'static str, start: String) -> Typist {
        let uri = server.open(name, &start);
        Typist { name, text: start.chars().collect(), start, uri, version: 1 }
    }

    /// Closes the file and opens it as it was at first.
    fn begin_anew(&mut self, server: &mut Server) {
        server.close(&self.uri);
        *self = Typist::new(server, self.name, std::mem::take(&mut self.start));
    }

    fn edit(&mut self, server: &mut Server, dice: &mut Dice) {
        let start = dice.below(self.text.len() + 1);
        let end = (start + dice.below(4)).min(self.text.len());
        if splits_a_line_end(&self.text, start) || splits_a_line_end(&self.text, end) {
            return;
        }
        let piece = PIECES[dice.below(PIECES.len())];
        let span = range(position(&self.text, start), position(&self.text, end));
        self.version += 1;
        server.change(&self.uri, self.version, Some(span), piece);
        self.text.splice(start..end, piece.chars());
    }

    /// Asks one question, waits for the answer or takes the question back.
    fn ask(&self, server: &mut Server, dice: &mut Dice) {
        let document = json!({ "uri": self.uri });
        let at = position(&self.text, dice.below(self.text.len() + 1));
        let at = json!({ "line": at.0, "character": at.1 });
        let (method, params) = match dice.below(2) {
            0 => {
                let context = json!({ "includeDeclaration": true });
                let params = json!({ "textDocument": document, "position": at, "context": context });
                (QUESTIONS[dice.below(QUESTIONS.len())], params)
            }
            _ => {
                (QUESTIONS_OF_FILE[dice.below(QUESTIONS_OF_FILE.len())], json!({ "textDocument": document }))
            }
        };
        let id = server.ask(method, params);
        if dice.below(5) == 0 {
            server.notify("$/cancelRequest", json!({ "id": id }));
        }
        server.response(id);
    }
}

/// A spec of about 800 lines.
fn long_spec() -> String {
    let part = |n: u32| {
        format!(
            "db{n} = service(\"db{n}\", \"/bin/true\",\n    interface(\"main\", \"http\", {}),\n)\n\
             slow{n} = fault_assumption(\"slow{n}\", target = db{n}, write = delay(\"200ms\"))\n\
             def scene{n}():\n    r = db{n}.main.get(path = \"/x\")\n    return r\n\
             fault_scenario(\"test{n}\", scenario = scene{n}, faults = [slow{n}])\n",
            9000 + n
        )
    };
    (0..100).map(part).collect()
}

const SHORT: &str = "\
load(\"lib.star\", \"helper\")
db = service(\"db\", \"/bin/true\", interface(\"main\", \"http\", 9001))
# 😀 a comment

def test_one():
    r = helper(db.main.get(path = \"/é\"))
    assert_eq(r.status, 200)
";

/// Resident memory of a process and of its children, in KiB.
fn resident(process: u32) -> (u64, u64) {
    let of = |process: u32| {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    // Children belong to the thread that started them.
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let children: String =
        threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok()).collect();
    (of(process), children.split_whitespace().filter_map(|child| child.parse().ok()).map(of).sum())
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--minutes").skip(1);
    let minutes = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(1.0_f64);
    let series = type_for(Duration::from_secs_f64(minutes * 60.0));
    verdict(&series)
}

/// Memory of the server, a figure per minute.
fn type_for(time: Duration) -> Vec<u64> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut server = Server::start();
    server.write("lib.star", "def helper(x):\n    return x\n");
    let mut typists = [
        Typist::new(&mut server, "long.faultbox.star", long_spec()),
        Typist::new(&mut server, "faultbox.star", SHORT.to_owned()),
    ];
    let (begin, mut edits, mut series) = (Instant::now(), 0_u64, Vec::new());
    let step = (time / 10).min(Duration::from_secs(60));
    println!("{:>8} {:>10} {:>14} {:>16}", "minute", "edits", "server KiB", "children KiB");
    while begin.elapsed() < time {
        let typist = &mut typists[dice.below(2)];
        typist.edit(&mut server, &mut dice);
        typist.ask(&mut server, &mut dice);
        edits += 1;
        if edits.is_multiple_of(EDITS_PER_REST) {
            std::thread::sleep(REST);
            server.forget();
        }
        if edits.is_multiple_of(EDITS_PER_LIFE) {
            typists.iter_mut().for_each(|typist| typist.begin_anew(&mut server));
        }
        if begin.elapsed() >= step * (series.len() as u32 + 1) {
            let (own, children) = resident(server.child.id());
            let minute = begin.elapsed().as_secs_f64() / 60.0;
            println!("{minute:>8.1} {edits:>10} {own:>14} {children:>16}");
            series.push(own);
        }
    }
    server.forget();
    server.finish();
    series
}

/// Compares the halves of the series, the first without its first tenth.
fn verdict(series: &[u64]) -> ExitCode {
    let mean = |part: &[u64]| part.iter().sum::<u64>() as f64 / part.len().max(1) as f64;
    let (first, second) = series.split_at(series.len() / 2);
    let growth = mean(second) / mean(&first[(series.len() / 10).min(first.len() / 2)..]);
    println!("second half over first: {growth:.3} x (at most {MAX_GROWTH} x)");
    if growth <= MAX_GROWTH { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
