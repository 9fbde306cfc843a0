//! FB0210: a test asserts nothing, so it passes whatever the service does.
//!
//! ```star
//! def test_health():
//!     api.get(path="/health")
//! ```

use super::reach;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{CallableId, Test, TestKind};
use crate::spec::Loaded;
use crate::text::FileId;
use std::collections::BTreeSet;

pub(super) fn check(loaded: &Loaded) -> Vec<Diagnostic> {
    let mut findings: Vec<Diagnostic> = Vec::new();
    for test in &loaded.spec.tests {
        if loaded.program.is_none() || asserts(loaded, test) {
            continue;
        }
        // Cells of one matrix share their declaration: one finding tells it.
        if findings.iter().all(|known| known.primary.span != test.span) {
            findings.push(finding(test));
        }
    }
    findings
}

fn finding(test: &Test) -> Diagnostic {
    let name = test.name.as_str();
    let shown = name.strip_prefix("test_").unwrap_or(name);
    let help = match test.kind {
        TestKind::FaultScenario { .. } => "judge the result: expect = lambda r: assert_eq(r.status, 200)",
        TestKind::Cell(_) => "judge the results: default_expect = lambda r: assert_eq(r.status, 200)",
        TestKind::Body { .. } | TestKind::Scenario { .. } => {
            "assert on what a step returned: assert_eq(r.status, 200)"
        }
    };
    let message = format!("no assertion in \"{shown}\": it passes whatever the service does");
    Diagnostic::new(Code::NoAssertion, test.span, message).label("asserts nothing").help(help)
}

fn asserts(loaded: &Loaded, test: &Test) -> bool {
    match &test.kind {
        TestKind::Body { callable } | TestKind::Scenario { callable } => function_asserts(loaded, *callable),
        TestKind::FaultScenario { callable, expect, .. } => either(loaded, *callable, *expect),
        TestKind::Cell(cell) => either(loaded, cell.callable, cell.expect),
    }
}

fn either(loaded: &Loaded, body: CallableId, expect: Option<CallableId>) -> bool {
    function_asserts(loaded, body) || expect.is_some_and(|expect| function_asserts(loaded, expect))
}

fn function_asserts(loaded: &Loaded, id: CallableId) -> bool {
    let word = |name: &str| name.starts_with("assert_") || name.starts_with("expect_") || name == "fail";
    let Some(program) = &loaded.program else { return true };
    if word(program.name(id)) {
        return true;
    }
    let reached = reach::bodies(loaded, id);
    // A function nothing is known about may assert.
    if reached.is_empty() {
        return true;
    }
    let mut open: Vec<(FileId, &str)> = Vec::new();
    reached
        .iter()
        .for_each(|each| open.extend(each.body.names.iter().map(|name| (each.file, name.as_str()))));
    let mut seen = BTreeSet::new();
    while let Some((file, name)) = open.pop() {
        if word(name) {
            return true;
        }
        // Also through other names: `check = assert_eq`.
        if seen.insert((file, name)) {
            open.extend(reach::behind(loaded, name, file));
            if let Some((file, site)) = reach::function(loaded, name, file) {
                open.extend(site.body.names.iter().map(|name| (file, name.as_str())));
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use crate::check::tests::check;

    const API: &str = "api = service(\"api\", \"a\", interface(\"main\", \"http\", 80))\n";

    #[test]
    fn a_test_without_assertion_is_named() {
        check(
            &format!("{API}def test_a():\n    api.get()\n"),
            &["FB0210 2:1 no assertion in \"a\": it passes whatever the service does"],
        );
        check(
            &format!(
                "{API}a = fault_assumption(\"a\", target=api.main, rules=[drop()])\nfault_scenario(\"x\", scenario=lambda: api.get(), faults=a, expect=lambda r: r)\n"
            ),
            &["FB0210 3:1 no assertion in \"x\": it passes whatever the service does"],
        );
    }

    #[test]
    fn assertions_under_other_names_count() {
        check("check = assert_true\ndef test_a():\n    check(1)\n", &[]);
        check("t = struct(ok = lambda r: assert_true(r))\ndef test_a():\n    t.ok(1)\n", &[]);
        check("def mine(x):\n    assert_true(x)\nm = mine\ndef test_a():\n    m(1)\n", &[]);
        check("load(\"lib.star\", c = \"check\")\ndef test_a():\n    c(1)\n", &[]);
        check(
            "check = struct\ndef test_a():\n    check(a = 1)\n",
            &["FB0210 2:1 no assertion in \"a\": it passes whatever the service does"],
        );
    }

    #[test]
    fn assertions_in_helpers_and_expectations_count() {
        check("load(\"lib.star\", h = \"helper\")\ndef test_a():\n    h()\n", &[]);
        check("def test_a():\n    def inner():\n        assert_true(1)\n    inner()\n", &[]);
        check(
            &format!(
                "{API}a = fault_assumption(\"a\", target=api.main, rules=[drop()])\nfault_scenario(\"x\", scenario=lambda: api.get(), faults=a, expect=expect_success())\n"
            ),
            &[],
        );
    }
}
