//! What is tested: scenarios, assumptions, fault scenarios and matrices.

use super::{optional, required};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{
    Assumption, AssumptionName, CallableId, Cell, Domain, Matrix, Param, ParamType, Rule, Scenario, Test,
    TestKind, TestName,
};
use crate::spec::bundle::{self, Names, TargetValue};
use crate::spec::call::{Arg, Call};
use crate::spec::draft::duplicate;
use crate::spec::failure::Stop;
use crate::spec::registry::{Builtin, Context, Group, Keywords, Rest};
use crate::spec::values::{AssumptionValue, Hole};
use crate::spec::{accept, register};
use crate::text::Span;
use starlark::values::Value;
use starlark::values::dict::DictRef;
use std::sync::Arc;

const MAY_MISS: Param = optional(
    "may_miss",
    ParamType::Bool,
    "False",
    Domain::None,
    "True when the test may pass although no rule acted.",
);
const MONITORS: Param =
    optional("monitors", ParamType::List, "[]", Domain::None, "Monitors; not supported yet.");

pub(super) const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "scenario",
        params: &[required("fn", ParamType::Callable, Domain::None, "A function without parameters.")],
        positional: 1,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Load,
        returns: "None",
        group: Group::Model,
        snippet: true,
        doc: "Registers the function as the test `test_<its name>`.",
        run: scenario,
    },
    Builtin {
        name: "fault_assumption",
        params: &[
            required("name", ParamType::Str, Domain::None, "Its name, unique in the spec."),
            optional(
                "target",
                ParamType::ServiceOrInterface,
                "None",
                Domain::None,
                "The interface whose messages, or the service whose syscalls, the rules act on.",
            ),
            optional(
                "rules",
                ParamType::ProtocolRule,
                "[]",
                Domain::None,
                "Protocol rules, tried in this order.",
            ),
            optional(
                "faults",
                ParamType::Assumptions,
                "[]",
                Domain::None,
                "Assumptions this one is made of.",
            ),
            optional("description", ParamType::Str, "\"\"", Domain::None, "What it stands for, for reports."),
            MAY_MISS,
            MONITORS,
        ],
        positional: 1,
        rest: Rest::Many("rule", ParamType::ProtocolRule),
        keywords: Keywords::Syscalls,
        context: Context::Load,
        returns: "fault_assumption",
        group: Group::Model,
        snippet: true,
        doc: "A named bundle of rules. Syscall faults are given by keyword: write=deny(\"EIO\").",
        run: fault_assumption,
    },
    Builtin {
        name: "fault_scenario",
        params: &[
            required("name", ParamType::Str, Domain::None, "The test is named `test_<name>`."),
            required("scenario", ParamType::Callable, Domain::None, "A function without parameters."),
            optional("faults", ParamType::Assumptions, "[]", Domain::None, "What goes wrong while it runs."),
            optional(
                "expect",
                ParamType::Callable,
                "None",
                Domain::None,
                "Judges what the scenario returned, while the faults are still active.",
            ),
            optional(
                "timeout",
                ParamType::Duration,
                "\"30s\"",
                Domain::Duration,
                "Longest time to the verdict.",
            ),
            MAY_MISS,
            MONITORS,
        ],
        positional: 1,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Load,
        returns: "None",
        group: Group::Model,
        snippet: true,
        doc: "Declares a test: a scenario under faults, and what is expected of it.",
        run: fault_scenario,
    },
    Builtin {
        name: "fault_matrix",
        params: &[
            required("scenarios", ParamType::List, Domain::None, "Functions without parameters: the rows."),
            required("faults", ParamType::List, Domain::None, "Assumptions: the columns."),
            optional(
                "default_expect",
                ParamType::Callable,
                "None",
                Domain::None,
                "Judges cells without override.",
            ),
            optional(
                "overrides",
                ParamType::Dict,
                "{}",
                Domain::None,
                "Expectations of single cells: {(scenario, assumption): fn}.",
            ),
            optional(
                "exclude",
                ParamType::List,
                "[]",
                Domain::None,
                "Cells left out: [(scenario, assumption)].",
            ),
            optional(
                "require_faults_fire",
                ParamType::Bool,
                "False",
                Domain::None,
                "True when a cell whose fault never acted fails.",
            ),
            MONITORS,
        ],
        positional: 0,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Load,
        returns: "None",
        group: Group::Model,
        snippet: true,
        doc: "Declares one test per pair of scenario and assumption, named `test_matrix_<scenario>_<assumption>`.",
        run: fault_matrix,
    },
];

fn no_monitors(call: &mut Call<'_, '_, '_, '_>) -> Result<(), Stop> {
    let Some(arg) = call.get("monitors") else { return Ok(()) };
    if accept::items(arg.value).is_some_and(<[_]>::is_empty) {
        return Ok(());
    }
    let span = arg.name_span.unwrap_or(arg.span);
    let finding = Diagnostic::new(Code::NotSupported, span, "monitors are not supported yet");
    call.report(finding.label("not supported yet").help("assert in the scenario or in expect="))
}

fn scenario<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let Some(arg) = call.get("fn") else { return Ok(Value::new_none()) };
    let Some((callable, name)) = register::body(call, &arg)? else { return Ok(Value::new_none()) };
    let test = Test {
        name: TestName::new(format!("test_{name}")),
        kind: TestKind::Scenario { callable },
        timeout: None,
        span: call.span,
    };
    add_test(call, test)?;
    Ok(Value::new_none())
}

/// Adds the scenario to the spec's list, once per function.
fn note_scenario(call: &mut Call<'_, '_, '_, '_>, name: &str, callable: CallableId) {
    let Some(load) = call.context.load() else { return };
    let mut draft = load.draft.borrow_mut();
    if !draft.scenarios.iter().any(|known| known.callable == callable) {
        let span = draft.callable(callable).span;
        draft.scenarios.push(Scenario { name: name.to_owned(), callable, span });
    }
}

fn add_test(call: &mut Call<'_, '_, '_, '_>, test: Test) -> Result<(), Stop> {
    let Some(load) = call.context.load() else { return Ok(()) };
    let anchor = register::anchor(call, load);
    if let TestKind::Scenario { callable } | TestKind::FaultScenario { callable, .. } = test.kind {
        let name = load.draft.borrow().callable(callable).name.clone();
        note_scenario(call, &name, callable);
    }
    let added = load.draft.borrow_mut().add_test(anchor, test);
    added.or_else(|finding| call.report(*finding))
}

fn fault_assumption<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    no_monitors(call)?;
    let target = call.get("target");
    let on = target.and_then(|arg| Some((TargetValue::of(arg.value)?, arg.span)));
    let given: Vec<Arg<'v>> = call.rest.iter().copied().chain(call.get("rules")).collect();
    let has_faults = !call.extra.is_empty();
    let has_rules = given.iter().any(|arg| accept::items(arg.value).is_none_or(|items| !items.is_empty()));
    if target.is_none() && (has_rules || has_faults) && !call.faulty {
        let message = "fault_assumption() has rules and no target";
        let finding = Diagnostic::new(Code::MissingArgument, call.span, message).label("`target` is missing");
        call.report(finding.help("say on what they act: target = db.main, or target = db for syscalls"))?;
    }
    let Some(name) = call.str("name").map(str::to_owned) else { return Ok(call.hole()) };
    let mut names = Names { bundle: &name, next: 0 };
    let mut rules = Vec::new();
    for arg in given {
        bundle::protocol_rules(call, on, arg, &mut names, &mut rules)?;
    }
    bundle::syscall_faults(call, on.map(|(on, _)| on), &mut names, &mut rules)?;
    let parts = bundle::assumptions(call, "faults")?;
    let mut all: Vec<Rule> = rules.clone();
    all.extend(parts.iter().flat_map(|(part, _)| part.rules.iter().cloned()));
    let assumption = Assumption {
        name: AssumptionName::new(&name),
        description: call.str("description").unwrap_or_default().to_owned(),
        rules,
        parts: parts.iter().map(|(part, _)| part.name.clone()).collect(),
        may_miss: call.flag("may_miss"),
        span: call.span,
    };
    declare_assumption(call, assumption)?;
    Ok(call.heap().alloc(AssumptionValue { name: AssumptionName::new(&name), rules: Arc::new(all) }))
}

fn declare_assumption(call: &mut Call<'_, '_, '_, '_>, assumption: Assumption) -> Result<(), Stop> {
    let Some(load) = call.context.load() else { return Ok(()) };
    let span = call.get("name").map_or(call.span, |arg| arg.span);
    let first = load.draft.borrow().assumption(&assumption.name).map(|first| first.span);
    if let Some(first) = first {
        return call.report(duplicate("fault_assumption", assumption.name.as_str(), span, first));
    }
    // `fault[0]` is how rules of a body are named.
    if assumption.name.as_str() == "fault" {
        let finding = Diagnostic::new(Code::BadValue, span, "an assumption cannot be named \"fault\"");
        call.report(finding.label("choose another name"))?;
    }
    load.draft.borrow_mut().assumptions.push(assumption);
    Ok(())
}

fn fault_scenario<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    no_monitors(call)?;
    let faults = bundle::assumptions(call, "faults")?;
    let timeout = call.duration("timeout")?;
    let expect = match call.get("expect") {
        Some(arg) => register::expectation(call, &arg)?,
        None => None,
    };
    let scenario = match call.get("scenario") {
        Some(arg) => register::body(call, &arg)?,
        None => None,
    };
    let (Some(name), Some((callable, _))) = (call.str("name"), scenario) else {
        return Ok(Value::new_none());
    };
    let test = Test {
        name: TestName::new(format!("test_{name}")),
        kind: TestKind::FaultScenario {
            callable,
            faults: faults.iter().map(|(fault, _)| fault.name.clone()).collect(),
            expect,
            may_miss: call.flag("may_miss"),
        },
        timeout,
        span: call.span,
    };
    add_test(call, test)?;
    Ok(Value::new_none())
}

/// Rows and columns while a matrix is put together.
struct Axes<'v> {
    rows: Vec<(Value<'v>, CallableId, String)>,
    columns: Vec<&'v AssumptionValue>,
    /// Something on an axis was reported, so that a pair that is not found may be right.
    incomplete: bool,
}

impl<'v> Axes<'v> {
    fn cell(&self, scenario: Value<'v>, fault: Value<'v>) -> Option<(usize, usize)> {
        let fault = AssumptionValue::from_value(fault)?;
        let row = self.rows.iter().position(|(value, ..)| value.ptr_eq(scenario))?;
        let column = self.columns.iter().position(|column| column.name == fault.name)?;
        Some((row, column))
    }
}

fn fault_matrix<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    no_monitors(call)?;
    let axes = axes(call)?;
    let default_expect = match call.get("default_expect") {
        Some(arg) => register::expectation(call, &arg)?,
        None => None,
    };
    let overrides = overrides(call, &axes)?;
    let excluded = excluded(call, &axes)?;
    let Some(load) = call.context.load() else { return Ok(Value::new_none()) };
    if axes.rows.is_empty() || axes.columns.is_empty() {
        return Ok(Value::new_none());
    }
    let matrix = Matrix {
        scenarios: axes.rows.iter().map(|(_, _, name)| name.clone()).collect(),
        faults: axes.columns.iter().map(|column| column.name.clone()).collect(),
        excluded: excluded.clone(),
        require_faults_fire: call.flag("require_faults_fire"),
        span: call.span,
    };
    let index = load.draft.borrow().matrices.len();
    load.draft.borrow_mut().matrices.push(matrix);
    for (row, (_, callable, name)) in axes.rows.iter().enumerate() {
        note_scenario(call, name, *callable);
        for (column, fault) in axes.columns.iter().enumerate() {
            if excluded.contains(&(row, column)) {
                continue;
            }
            let own = overrides.iter().find(|(at, _)| *at == (row, column)).map(|(_, expect)| *expect);
            let cell = Cell {
                matrix: index,
                row,
                column,
                callable: *callable,
                fault: fault.name.clone(),
                expect: own.or(default_expect),
            };
            let test = Test {
                name: TestName::new(format!("test_matrix_{name}_{}", fault.name)),
                kind: TestKind::Cell(cell),
                timeout: None,
                span: call.span,
            };
            add_test(call, test)?;
        }
    }
    Ok(Value::new_none())
}

fn axes<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Axes<'v>, Stop> {
    let before = std::mem::take(&mut call.faulty);
    let mut axes = Axes { rows: Vec::new(), columns: Vec::new(), incomplete: false };
    for name in ["scenarios", "faults"] {
        let Some(arg) = call.get(name) else { continue };
        if accept::items(arg.value).is_some_and(<[_]>::is_empty) {
            let message = format!("fault_matrix() needs at least one entry in `{name}`");
            call.report(Diagnostic::new(Code::BadValue, arg.span, message).label("empty"))?;
        }
    }
    if let Some(arg) = call.get("scenarios") {
        for (at, item) in accept::items(arg.value).unwrap_or_default().iter().enumerate() {
            let item = Arg { value: *item, span: call.item_span(&arg, at), name_span: None };
            if !Hole::is(item.value) && !accept::is_callable(item.value) {
                let finding = call.wrong(&format!("scenarios[{at}]"), "a function or lambda", &item);
                call.report(finding)?;
            } else if let Some((callable, name)) = register::body(call, &item)? {
                if axes.rows.iter().any(|(_, _, known)| *known == name) {
                    let message = format!("the scenario `{name}` stands twice in this matrix");
                    call.report(Diagnostic::new(Code::DuplicateName, item.span, message).label("again"))?;
                } else {
                    axes.rows.push((item.value, callable, name));
                }
            }
        }
    }
    for (column, span) in bundle::assumptions(call, "faults")? {
        if axes.columns.iter().any(|known| known.name == column.name) {
            let message = format!("the assumption \"{}\" stands twice in this matrix", column.name);
            call.report(Diagnostic::new(Code::DuplicateName, span, message).label("again"))?;
        } else {
            axes.columns.push(column);
        }
    }
    axes.incomplete = call.faulty;
    call.faulty |= before;
    Ok(axes)
}

/// A key or entry that should be a pair of scenario and assumption.
fn pair<'v>(
    call: &mut Call<'v, '_, '_, '_>,
    axes: &Axes<'v>,
    what: &str,
    arg: &Arg<'v>,
) -> Result<Option<(usize, usize)>, Stop> {
    if let Some([scenario, fault]) = accept::items(arg.value) {
        if Hole::is(*scenario) || Hole::is(*fault) {
            return Ok(None);
        }
        if accept::is_callable(*scenario) && AssumptionValue::from_value(*fault).is_some() {
            let cell = axes.cell(*scenario, *fault);
            if cell.is_none() && !axes.incomplete {
                let finding = no_such_cell(axes, *scenario, *fault, what, arg.span);
                call.report(finding)?;
            }
            return Ok(cell);
        }
    }
    let finding = call.wrong(what, "a pair (scenario, assumption)", arg);
    call.report(finding)?;
    Ok(None)
}

fn no_such_cell<'v>(
    axes: &Axes<'v>,
    scenario: Value<'v>,
    fault: Value<'v>,
    what: &str,
    span: Span,
) -> Diagnostic {
    let known = axes.rows.iter().any(|(value, ..)| value.ptr_eq(scenario));
    let help = if known {
        let names: Vec<&str> = axes.columns.iter().map(|column| column.name.as_str()).collect();
        format!("assumptions of this matrix: {}", names.join(", "))
    } else {
        let names: Vec<&str> = axes.rows.iter().map(|(_, _, name)| name.as_str()).collect();
        format!("scenarios of this matrix: {}", names.join(", "))
    };
    let shown = format!(
        "{} × {}",
        register::function_name(scenario),
        AssumptionValue::from_value(fault).map_or("?", |value| value.name.as_str())
    );
    Diagnostic::new(Code::NoSuchCell, span, format!("{what}: this matrix has no cell {shown}"))
        .label("no such cell")
        .help(help)
}

type CellOverride = ((usize, usize), CallableId);

fn overrides<'v>(call: &mut Call<'v, '_, '_, '_>, axes: &Axes<'v>) -> Result<Vec<CellOverride>, Stop> {
    let Some(arg) = call.get("overrides") else { return Ok(Vec::new()) };
    let Some(dict) = DictRef::from_value(arg.value) else { return Ok(Vec::new()) };
    let entries: Vec<(Value<'v>, Value<'v>)> = dict.iter().collect();
    drop(dict);
    let mut found = Vec::new();
    for (at, (key, value)) in entries.into_iter().enumerate() {
        let (key_span, value_span) = call.entry_span(&arg, at);
        let key = Arg { value: key, span: key_span, name_span: None };
        let cell = pair(call, axes, "overrides key", &key)?;
        let value = Arg { value, span: value_span, name_span: None };
        if !accept::is_callable(value.value) {
            let finding = call.wrong("overrides value", "a function or lambda", &value);
            call.report(finding)?;
            continue;
        }
        if let (Some(cell), Some(expect)) = (cell, register::expectation(call, &value)?) {
            found.push((cell, expect));
        }
    }
    Ok(found)
}

fn excluded<'v>(call: &mut Call<'v, '_, '_, '_>, axes: &Axes<'v>) -> Result<Vec<(usize, usize)>, Stop> {
    let Some(arg) = call.get("exclude") else { return Ok(Vec::new()) };
    let mut cells = Vec::new();
    for (at, item) in accept::items(arg.value).unwrap_or_default().iter().enumerate() {
        let item = Arg { value: *item, span: call.item_span(&arg, at), name_span: None };
        cells.extend(pair(call, axes, &format!("exclude[{at}]"), &item)?);
    }
    Ok(cells)
}
