//! The editor's snippets, taken as they come, make a first test under a fault that passes.

use super::harness::{Place, has};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Answers every request with 200, on the port of the snippet.
const API: &str = "\
#!/usr/bin/env python3
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', '2')
        self.end_headers()
        self.wfile.write(b'ok')
    def log_message(self, *args):
        pass
HTTPServer(('127.0.0.1', 8080), Handler).serve_forever()
";

/// What the editor inserts when every place keeps what stands there, and the first entry of each choice is taken.
fn filled(body: &str) -> String {
    let mut text = String::new();
    let mut rest = body;
    while let Some((before, place)) = rest.split_once('$') {
        text.push_str(before);
        rest = match place.strip_prefix('{').and_then(|place| place.split_once('}')) {
            Some((place, behind)) => {
                let digits = place.trim_start_matches(|digit: char| digit.is_ascii_digit());
                let kept = match digits.strip_prefix('|') {
                    Some(choices) => choices.split([',', '|']).next().unwrap_or(""),
                    None => digits.trim_start_matches(':'),
                };
                text.push_str(kept);
                behind
            }
            None => place.trim_start_matches(|digit: char| digit.is_ascii_digit()),
        };
    }
    text + rest
}

#[test]
fn a_first_fault_test_made_of_snippets_passes() {
    if !has("python3") {
        return;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../editors/vscode/snippets/faultbox.json");
    let snippets: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let body = |name: &str| {
        let lines = snippets[name]["body"].as_array().unwrap_or_else(|| panic!("no snippet {name}"));
        filled(&lines.iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\n")) + "\n"
    };
    let order = ["Service", "Scenario", "Protocol fault", "Fault scenario", "Fault matrix"];
    let spec: String = order.map(body).concat();
    let place = Place::new(&spec);
    std::fs::create_dir(place.path("bin")).unwrap();
    place.write("bin/api", API);
    std::fs::set_permissions(place.path("bin/api"), std::fs::Permissions::from_mode(0o755)).unwrap();
    place.run(&["check", "spec.star"]).expect(0, &[]);
    let ended = place.test(&[]);
    ended.expect(0, &["3 passed, 0 failed"]);
    assert!(!ended.stdout.contains("FB0") && !ended.stderr.contains("FB0"), "{ended}");
}
