//! Verdicts that can be believed: a fault that changed nothing is never taken for one that was survived, and a fault that
//! acted never for one that was not.

use super::harness::{Place, has};
use serde_json::Value;
use std::collections::BTreeMap;

const FILES: [(&str, &str); 2] =
    [("odd.py", include_str!("verdicts/odd.py")), ("services.star", include_str!("verdicts/services.star"))];

/// The tests of a report by name, after a run of this spec beside the corpus's services.
fn run(spec: &str, arguments: &[&str]) -> BTreeMap<String, Value> {
    let place = Place::new(spec);
    for (name, text) in FILES {
        place.write(name, text);
    }
    let odd = place.path("odd.py");
    std::fs::set_permissions(odd, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let ended = place.test(&[&["--format", "json"], arguments].concat());
    let report: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}\n{ended}"));
    let tests = report["tests"].as_array().expect("tests").iter();
    tests.map(|test| (test["name"].as_str().unwrap_or_default().to_owned(), test.clone())).collect()
}

/// Name of each test of a corpus, with what the comment before it says.
fn said(spec: &str) -> Vec<(String, &str)> {
    let mut found = Vec::new();
    let mut says = None;
    for line in spec.lines() {
        if let Some(text) = line.strip_prefix("# says: ") {
            says = Some(text);
        } else if let Some(text) = says.take() {
            let name = line.split(['"', '(']).nth(if line.starts_with("def ") { 0 } else { 2 });
            let name = name.expect("a name").trim_start_matches("def ");
            let full = if name.starts_with("test_") { name.to_owned() } else { format!("test_{name}") };
            found.push((full, text));
        }
    }
    found
}

/// Everything a report says about why a test ended as it did.
fn words(test: &Value) -> String {
    let failure = &test["failure"];
    let notes = failure["notes"].as_array().into_iter().flatten().map(|note| note["text"].to_string());
    notes.chain([failure["message"].to_string()]).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_fault_that_changes_nothing_is_never_a_pass() {
    if !has("python3") || !has("redis-server") {
        return;
    }
    let spec = include_str!("verdicts/inert.star");
    let said = said(spec);
    assert!(said.len() >= 40, "{}", said.len());
    let tests = run(spec, &[]);
    assert_eq!(tests.len(), said.len(), "every test has its comment");
    let wrong: Vec<String> = said
        .iter()
        .filter_map(|(name, says)| {
            let test = tests.get(name)?;
            let right = test["result"] == "bypassed" && words(test).contains(says);
            (!right).then(|| format!("{name}: {} without {says:?}\n{}\n", test["result"], words(test)))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), said.len(), wrong.join("\n"));
}

#[test]
fn a_fault_that_acts_is_never_a_false_alarm() {
    if !has("python3") || !has("redis-server") {
        return;
    }
    let tests = run(include_str!("verdicts/acting.star"), &[]);
    assert!(tests.len() >= 60, "{}", tests.len());
    for (name, test) in &tests {
        assert_eq!(test["result"], "pass", "{name}\n{}", words(test));
        for fault in test["faults"].as_array().into_iter().flatten() {
            let (hits, vain) = (&fault["hits"], &fault["ineffective"]);
            assert!(hits.as_u64() > Some(0) && vain == 0, "{name}: {fault}");
            assert!(fault["unread"].as_array().is_some_and(Vec::is_empty), "{name}: {fault}");
        }
    }
}
