//! FB0210: a test asserts nothing, so it passes whatever the service does.
//!
//! ```star
//! def test_health():
//!     api.get(path="/health")
//! ```

use super::reach::{Named, Reach, Reached};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{CallableId, Test, TestKind};
use crate::spec::Loaded;
use std::collections::{HashMap, HashSet};

pub(super) fn check(loaded: &Loaded, reach: &Reach<'_>) -> Vec<Diagnostic> {
    let Some(program) = &loaded.program else { return Vec::new() };
    let judging = judging(reach);
    let asserts = |id: CallableId| {
        // A function nothing is known about may assert.
        let names_one = |reached: Reached<'_>| {
            let mut names = reached.body.names.iter().map(String::as_str);
            names.any(|name| is_assertion(name) || judging.contains(&(reached.file, name)))
        };
        is_assertion(program.name(id)) || reach.body(id).is_none_or(names_one)
    };
    let judges =
        |id: CallableId| asserts(id) || reach.body(id).is_some_and(|reached| reached.body.is_condition);
    let mut findings: Vec<Diagnostic> = Vec::new();
    let mut told = HashSet::new();
    for test in &loaded.spec.tests {
        // Cells of one matrix share their declaration: one finding tells it.
        let (body, expect) = functions_of(test);
        if !asserts(body) && !expect.is_some_and(judges) && told.insert(test.span) {
            findings.push(finding(test));
        }
    }
    findings
}

fn is_assertion(name: &str) -> bool {
    name.starts_with("assert_") || name.starts_with("expect_") || name == "fail"
}

/// Every name that leads to an assertion, also through other names: `check = assert_eq`. Followed from the assertions back to
/// those who read them, so that what many tests share is looked at once.
fn judging<'l>(reach: &Reach<'l>) -> HashSet<Named<'l>> {
    let mut readers: HashMap<Named<'l>, Vec<Named<'l>>> = HashMap::new();
    let mut open: Vec<Named<'l>> = Vec::new();
    for name in reach.names() {
        for read in reach.behind(name) {
            match is_assertion(read.1) {
                true => open.push(name),
                false => readers.entry(read).or_default().push(name),
            }
        }
    }
    let mut judging = HashSet::new();
    while let Some(name) = open.pop() {
        if judging.insert(name) {
            open.extend(readers.remove(&name).unwrap_or_default());
        }
    }
    judging
}

/// The functions a test runs: its body, and what judges it, which may return False.
fn functions_of(test: &Test) -> (CallableId, Option<CallableId>) {
    match &test.kind {
        TestKind::Body { callable } | TestKind::Scenario { callable } => (*callable, None),
        TestKind::FaultScenario { callable, expect, .. } => (*callable, *expect),
        TestKind::Cell(cell) => (cell.callable, cell.expect),
    }
}

fn finding(test: &Test) -> Diagnostic {
    let name = test.name.as_str();
    let shown = name.strip_prefix("test_").unwrap_or(name);
    let help = match test.kind {
        TestKind::FaultScenario { .. } => {
            "judge the result: expect = lambda r: assert_eq(r.status, 503)".to_owned()
        }
        TestKind::Cell(_) => {
            "judge the results: default_expect = lambda r: assert_true(r.status in [200, 503])".to_owned()
        }
        TestKind::Body { .. } => "assert on what a step returned: assert_eq(r.status, 200)".to_owned(),
        // What a scenario asserts must hold under faults as well.
        TestKind::Scenario { .. } => format!(
            "judge its result in a test, in place of `scenario({shown})`: \
             def test_{shown}(): assert_eq({shown}().status, 200)"
        ),
    };
    let message = format!("no assertion in \"{shown}\": it passes whatever the service does");
    Diagnostic::new(Code::NoAssertion, test.span, message).label("asserts nothing").help(help)
}

#[cfg(test)]
mod tests {
    use super::super::reach::Reach;
    use crate::check::tests::check;
    use crate::spec::testing::load_with;

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
    fn names_that_lead_to_each_other_end_somewhere() {
        let text = "def a():\n    b()\ndef b():\n    a()\n";
        let none = "FB0210 5:1 no assertion in \"x\": it passes whatever the service does";
        check(&format!("{text}def test_x():\n    a()\n"), &[none]);
        check(&format!("{text}    c()\nc = assert_true\ndef test_x():\n    a()\n"), &[]);
    }

    #[test]
    fn thousands_of_names_and_tests_are_soon_looked_at() {
        let globals: String = (0..2_000).map(|n| format!("g{n} = {n}\n")).collect();
        let names: Vec<String> = (0..2_000).map(|n| format!("g{n}")).collect();
        let helper = format!("def helper():\n    return [{}]\n", names.join(", "));
        let tests: String = (0..1_000).map(|n| format!("def test_t{n}():\n    helper()\n")).collect();
        let loaded = load_with(&format!("{globals}{helper}{tests}"), &[]);
        let started = std::time::Instant::now();
        assert_eq!(super::check(&loaded, &Reach::of(&loaded)).len(), 1_000);
        // Some 20 ms without optimisation; a minute when every test went through every name.
        assert!(started.elapsed().as_secs() < 2, "{:?}", started.elapsed());
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
