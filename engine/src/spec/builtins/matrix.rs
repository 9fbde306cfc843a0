//! `fault_matrix`: scenarios times assumptions.

use super::model::{MONITORS, add_test, no_monitors, note_scenario};
use super::{optional, required};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{CallableId, Cell, Domain, Matrix, ParamType, Test, TestKind, TestName};
use crate::spec::bundle;
use crate::spec::call::{Arg, Call};
use crate::spec::failure::Stop;
use crate::spec::registry::{Builtin, Context, Group, Keywords, Rest};
use crate::spec::values::{AssumptionValue, Hole};
use crate::spec::{accept, register};
use crate::text::Span;
use starlark::values::Value;
use starlark::values::dict::DictRef;

pub(super) const BUILTINS: &[Builtin] = &[Builtin {
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
        optional("exclude", ParamType::List, "[]", Domain::None, "Cells left out: [(scenario, assumption)]."),
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
}];

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
