//! `faultbox plan`: what would run, and what each test takes out or intercepts.

use super::args::{PlanArgs, PlanFormat};
use super::error::CliError;
use super::exit::Exit;
use super::opened::{Opened, open};
use super::terminal::Terminal;
use super::tree::Tree;
use faultbox_engine::diagnostic::Severity;
use faultbox_engine::diagnostic::render::json::place;
use faultbox_engine::model::syscall::CallShape;
use faultbox_engine::model::{AssumptionName, Spec, Test, TestKind, format_duration};
use faultbox_engine::plan::{LeafPlan, Needs, Plan, Selection};
use faultbox_engine::text::shown;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};

pub(crate) fn run(args: &PlanArgs, terminal: Terminal) -> Result<Exit, CliError> {
    let opened = open(args.spec.as_deref())?;
    io::stderr().write_all(opened.drawn(Severity::Warning, terminal.stderr).as_bytes())?;
    if opened.count(Severity::Error) > 0 {
        return Err(CliError::spec(opened.tally().unwrap_or_default()));
    }
    let tests = opened.select(&args.tests)?;
    let plan = opened.plan(&Selection { tests, seed: 0, runs: 1 });
    let text = match args.format {
        PlanFormat::Text => text(&opened, &plan),
        PlanFormat::Json => format!("{:#}\n", object(&opened, &plan)),
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Good)
}

fn text(opened: &Opened, plan: &Plan) -> String {
    let spec = opened.spec();
    let tests = tests(spec, plan);
    let names: Vec<&str> = spec.services.iter().map(|service| service.name.as_str()).collect();
    let heading = Tree { text: count(tests.children.len(), "test"), children: tests.children };
    let root = Tree { text: String::new(), children: vec![heading] };
    format!(
        "Spec: {}\n\nPlan tree:\n{}\nTotal: {}\nServices: {} ({})\n",
        shown(&opened.path.display().to_string()),
        root.draw(),
        count(plan.leaves.len(), "plan instance"),
        names.len(),
        shown(&names.join(", "))
    )
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// One branch per test; the cells of one scenario in a matrix share one.
fn tests(spec: &Spec, plan: &Plan) -> Tree {
    let mut root = Tree::default();
    let mut row_shown = None;
    for leaf in &plan.leaves {
        let test = &spec.tests[leaf.test];
        let TestKind::Cell(cell) = &test.kind else {
            root.children.push(branch(spec, test, leaf));
            continue;
        };
        let matrix = &spec.matrices[cell.matrix];
        if row_shown != Some((cell.matrix, cell.row)) {
            row_shown = Some((cell.matrix, cell.row));
            let name = &matrix.scenarios[cell.row];
            root.children.push(Tree::leaf(format!("test \"matrix_{name}\"  [fault_matrix]")));
        }
        if let Some(row) = root.children.last_mut() {
            let needs = needs_lines(&leaf.needs).into_iter().map(Tree::leaf);
            let children = described(spec, &cell.fault).into_iter().chain(needs).collect();
            row.children.push(Tree { text: format!("× {}", cell.fault), children });
        }
    }
    root
}

fn branch(spec: &Spec, test: &Test, leaf: &LeafPlan) -> Tree {
    let mut children = Vec::new();
    if !test.faults().is_empty() {
        let faults: Vec<&str> = test.faults().iter().map(|fault| fault.as_str()).collect();
        children.push(Tree::leaf(format!("faults: [{}]", faults.join(", "))));
        children.extend(test.faults().iter().filter_map(|fault| described(spec, fault)));
    }
    if let Some(timeout) = test.timeout {
        children.push(Tree::leaf(format!("timeout: {}", format_duration(timeout))));
    }
    children.extend(needs_lines(&leaf.needs).into_iter().map(Tree::leaf));
    let name = test.name.as_str();
    let name = name.strip_prefix("test_").unwrap_or(name);
    Tree { text: format!("test \"{name}\"  [{}]", kind_word(&test.kind)), children }
}

/// What the spec says an assumption stands for.
fn described(spec: &Spec, fault: &AssumptionName) -> Option<Tree> {
    let assumption = spec.assumption(fault).filter(|assumption| !assumption.description.is_empty())?;
    Some(Tree::leaf(format!("{fault}: {}", shown(&assumption.description))))
}

fn needs_lines(needs: &Needs) -> Vec<String> {
    let mut lines = Vec::new();
    if !needs.interfaces.is_empty() {
        let interfaces: Vec<String> = needs.interfaces.iter().map(ToString::to_string).collect();
        lines.push(format!("relays: {}", interfaces.join(", ")));
    }
    for (service, calls) in &needs.syscalls {
        let calls = names(calls);
        lines.push(format!("intercepts on {service}: {}", calls.join(", ")));
    }
    lines
}

/// The calls, each once: a family may mean one with several kinds of arguments.
fn names(calls: &BTreeSet<CallShape>) -> Vec<&'static str> {
    let mut names: Vec<&str> = calls.iter().map(|call| call.syscall.name()).collect();
    names.dedup();
    names
}

fn kind_word(kind: &TestKind) -> &'static str {
    match kind {
        TestKind::Body { .. } => "def",
        TestKind::Scenario { .. } => "scenario",
        TestKind::FaultScenario { .. } => "fault_scenario",
        TestKind::Cell(_) => "fault_matrix",
    }
}

/// Version 1 of the form older readers know, with one entry per instance and what it needs.
fn object(opened: &Opened, plan: &Plan) -> Value {
    let spec = opened.spec();
    let tests: Vec<Value> = plan.leaves.iter().map(|leaf| test_object(opened, leaf)).collect();
    let services = spec.services.iter().map(|service| {
        let interfaces = service.interfaces.iter().map(|interface| {
            json!({ "name": interface.name, "protocol": interface.protocol.to_string(), "port": interface.port })
        });
        json!({
            "name": service.name, "interfaces": interfaces.collect::<Vec<_>>(), "depends_on": service.depends_on,
        })
    });
    json!({
        "schema_version": 1,
        "spec_path": opened.path.display().to_string(),
        "tests": tests,
        "totals": { "instances": plan.leaves.len() },
        "topology": { "services": services.collect::<Vec<_>>() },
    })
}

fn test_object(opened: &Opened, leaf: &LeafPlan) -> Value {
    let spec = opened.spec();
    let test = &spec.tests[leaf.test];
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put("name", json!(test.name));
    put("kind", json!(kind_word(&test.kind)));
    put("instances", json!(1));
    put("faults", json!(test.faults()));
    put("timeout_ms", json!(test.timeout.map(|timeout| timeout.as_millis() as u64)));
    put("place", Value::Object(place(&opened.sources, test.span)));
    if let TestKind::Cell(cell) = &test.kind {
        let scenario = &spec.matrices[cell.matrix].scenarios[cell.row];
        put("cell", json!({ "matrix": cell.matrix, "scenario": scenario, "fault": cell.fault }));
    }
    let interfaces: Vec<String> = leaf.needs.interfaces.iter().map(ToString::to_string).collect();
    let syscalls: Map<String, Value> = leaf
        .needs
        .syscalls
        .iter()
        .map(|(service, calls)| {
            let calls = names(calls);
            (service.to_string(), json!(calls))
        })
        .collect();
    put("relays", json!(interfaces));
    put("intercepts", Value::Object(syscalls));
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;
    use faultbox_engine::event::Leaf;
    use faultbox_engine::model::{CallableId, Cell, Endpoint, Matrix};
    use faultbox_engine::text::{FileId, Span};

    #[test]
    fn cells_of_a_scenario_share_a_branch_and_show_what_they_need() {
        let span = Span::start_of(FileId(0));
        let callable = CallableId(0);
        let test = |name: &str, kind| Test { name: name.into(), kind, timeout: None, span };
        let cell = |column, fault: &str| {
            TestKind::Cell(Cell { matrix: 0, row: 0, column, callable, fault: fault.into(), expect: None })
        };
        let tests_of_spec = vec![
            test("test_health", TestKind::Body { callable }),
            test("test_matrix_write_slow", cell(0, "slow")),
            test("test_matrix_write_down", cell(1, "down")),
        ];
        let matrices = vec![Matrix {
            scenarios: vec!["write".to_owned()],
            faults: vec!["slow".into(), "down".into()],
            excluded: Vec::new(),
            require_faults_fire: false,
            span,
        }];
        let spec = Spec { tests: tests_of_spec, matrices, ..Spec::default() };
        let leaf = |at: usize| LeafPlan {
            test: at,
            leaf: Leaf { test: spec.tests[at].name.clone(), seed: 0, repeat: 0, span, cell: None },
            needs: Needs::default(),
        };
        let mut plan = Plan { leaves: vec![leaf(0), leaf(1), leaf(2)] };
        let api = Endpoint { service: "api".into(), interface: "public".into() };
        plan.leaves[1].needs.interfaces.insert(api);
        let expected = "\
├── test \"health\"  [def]
└── test \"matrix_write\"  [fault_matrix]
    ├── × slow
    │   └── relays: api.public
    └── × down
";
        assert_eq!(tests(&spec, &plan).draw(), expected);
        assert_eq!(super::super::check::written_tests(&spec), 2);
    }
}
