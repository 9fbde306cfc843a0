//! How long an editor's answers take on an 800-line spec that is being typed (bars L1 and L2): parse with static
//! findings, completion, hover, signature help. Run with `cargo bench -p faultbox-engine --bench ide`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use faultbox_engine::ide::results::RunResults;
use faultbox_engine::ide::{FileView, Snapshot, completion, hover, signature, static_check, tokens};
use faultbox_engine::syntax::{self, scope::Scopes};
use faultbox_engine::text::FileId;
use std::path::Path;
use std::time::{Duration, Instant};

const LINES: usize = 800;
/// Places that are typed at, spread over the spec.
const PLACES: usize = 400;

/// A spec of about [`LINES`] lines: services, scenarios, assumptions, fault scenarios and a matrix.
fn long_spec() -> String {
    let mut spec = String::from("BIN = \"bin\"\n\n");
    let mut count = 0;
    while spec.lines().count() < LINES {
        let port = 10_000 + count;
        spec.push_str(&format!(
            "svc_{count} = service(\"svc_{count}\", BIN + \"/api\",\n    interface(\"public\", \"http\", {port}),\n    \
             healthcheck = http(\"localhost:{port}/health\"),\n)\n\ndef drive_{count}():\n    \"\"\"Drives it.\"\"\"\n    \
             write = svc_{count}.post(path=\"/data/{count}\", body=\"x\")\n    \
             assert_eq(write.status, 200)\n    return svc_{count}.get(path=\"/data/{count}\")\n\n\
             down_{count} = fault_assumption(\"down_{count}\",\n    target = svc_{count}.public,\n    \
             rules = [response(method=\"POST\", path=\"/data/*\", status=503)],\n)\n\n\
             fault_scenario(\"down_{count}_is_503\",\n    scenario = drive_{count},\n    faults = down_{count},\n    \
             expect = lambda r: assert_eq(r.status, 503),\n)\n\n"
        ));
        count += 1;
    }
    spec
}

struct Figures {
    name: &'static str,
    times: Vec<Duration>,
}

impl Figures {
    fn new(name: &'static str) -> Figures {
        Figures { name, times: Vec::new() }
    }

    fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.times.push(start.elapsed());
        result
    }

    fn print(&mut self) {
        self.times.sort_unstable();
        let at = |percent: usize| self.times[(self.times.len() - 1) * percent / 100].as_secs_f64() * 1_000.0;
        println!(
            "{:<28} p50 {:>8.3} ms   p99 {:>8.3} ms   n {}",
            self.name,
            at(50),
            at(99),
            self.times.len()
        );
    }
}

fn main() {
    let spec = long_spec();
    println!("{} lines, {} bytes", spec.lines().count(), spec.len());
    let mut parse = Figures::new("parse and scopes");
    let mut findings = Figures::new("static findings");
    let mut both = Figures::new("L1 parse + static findings");
    let mut complete = Figures::new("L2 completion");
    let mut hovers = Figures::new("L2 hover");
    let mut signatures = Figures::new("L2 signature help");
    let mut colours = Figures::new("semantic tokens");
    let results = RunResults::default();
    for place in 0..PLACES {
        let mut offset = spec.len() * (place + 1) / (PLACES + 1);
        while !spec.is_char_boundary(offset) {
            offset -= 1;
        }
        // What is being typed is broken: the rest of the line is not there yet.
        let rest = spec[offset..].find('\n').map_or(spec.len(), |at| offset + at);
        let text = format!("{}{}", &spec[..offset], &spec[rest..]);
        let start = Instant::now();
        let parsed = parse.time(|| syntax::parse(FileId(0), &text));
        let scopes = Scopes::of(&parsed.tree);
        let file = FileView { path: Path::new("/w/main.star"), parsed: &parsed, scopes: &scopes };
        let snapshot = Snapshot::alone(file);
        findings.time(|| static_check::check(&snapshot));
        both.times.push(start.elapsed());
        let offset = offset as u32;
        complete.time(|| completion::completions(&snapshot, offset, &[]));
        hovers.time(|| hover::hover(&snapshot, offset.saturating_sub(2), &results));
        signatures.time(|| signature::signature_help(&snapshot, offset));
        if place % 10 == 0 {
            colours.time(|| tokens::semantic_tokens(&snapshot));
        }
    }
    for figures in
        [&mut parse, &mut findings, &mut both, &mut complete, &mut hovers, &mut signatures, &mut colours]
    {
        figures.print();
    }
}
