//! `faultbox check`: find mistakes without starting anything.

use super::args::{CheckArgs, CheckFormat};
use super::error::CliError;
use super::exit::Exit;
use super::opened::{Opened, open};
use super::terminal::Terminal;
use faultbox_engine::diagnostic::Severity;
use faultbox_engine::diagnostic::render::{concise, json};
use faultbox_engine::model::{Spec, Test, TestKind};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{self, Write};

pub(crate) fn run(args: &CheckArgs, terminal: Terminal) -> Result<Exit, CliError> {
    let opened = open(args.spec.as_deref())?;
    io::stderr().write_all(opened.printed().as_bytes())?;
    let text = match args.format {
        CheckFormat::Text => {
            format!("{}{}\n", opened.drawn(Severity::Hint, terminal.stdout), verdict(&opened, args.strict))
        }
        CheckFormat::Concise => {
            let lines = opened.diagnostics.iter().map(|found| concise::render(&opened.sources, found) + "\n");
            lines.collect()
        }
        CheckFormat::Json => format!("{:#}\n", object(&opened, args.strict)),
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(if is_ok(&opened, args.strict) { Exit::Good } else { Exit::CouldNot })
}

fn is_ok(opened: &Opened, strict: bool) -> bool {
    opened.count(Severity::Error) == 0 && !(strict && opened.count(Severity::Warning) > 0)
}

/// The last line: `ok  shop.star — 3 test(s), 7 leaves`, or what was found.
fn verdict(opened: &Opened, strict: bool) -> String {
    let found = opened.tally();
    if !is_ok(opened, strict) {
        return found.unwrap_or_default();
    }
    let word = if found.is_some() { "ok (warnings only)" } else { "ok " };
    let (tests, leaves) = (written_tests(opened.spec()), opened.spec().tests.len());
    let noun = if leaves == 1 { "leaf" } else { "leaves" };
    format!("{word} {} — {tests} test(s), {leaves} {noun}", opened.path.display())
}

/// Tests as a person counts them: the cells of one scenario in a matrix are one.
pub(crate) fn written_tests(spec: &Spec) -> usize {
    let mut rows = BTreeSet::new();
    let mut is_new = |test: &&Test| match &test.kind {
        TestKind::Cell(cell) => rows.insert((cell.matrix, cell.row)),
        TestKind::Body { .. } | TestKind::Scenario { .. } | TestKind::FaultScenario { .. } => true,
    };
    spec.tests.iter().filter(|test| is_new(test)).count()
}

/// The keys older readers know, and every finding in full.
fn object(opened: &Opened, strict: bool) -> Value {
    let finding = |found| {
        let mut object = json::render(&opened.sources, found);
        object["level"] = object["severity"].clone();
        object["suggestion"] = object["help"].get(0).cloned().unwrap_or(Value::Null);
        object
    };
    json!({
        "schema_version": 1,
        "spec": opened.path.display().to_string(),
        "ok": is_ok(opened, strict),
        "tests": written_tests(opened.spec()),
        "plan_instances": opened.spec().tests.len(),
        "findings": opened.diagnostics.iter().map(finding).collect::<Vec<_>>(),
    })
}
