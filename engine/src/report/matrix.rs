//! The table of a matrix: scenarios down, faults across.

use super::grid::{Cell, Paint, draw};
use super::record::Record;
use crate::event::{LeafResult, MatrixPlan, Outcome};
use crate::text::shown;
use std::borrow::Cow;

/// The finished leaves of one matrix, with what may be left out around them.
pub(super) struct Table<'r> {
    plan: &'r MatrixPlan,
    cells: Vec<(usize, usize, Vec<&'r Record>)>,
}

impl<'r> Table<'r> {
    /// Picks the leaves of matrix number `matrix`; `None` when none was selected.
    pub(super) fn of(
        matrix: usize,
        plan: &'r MatrixPlan,
        records: impl Iterator<Item = &'r Record>,
    ) -> Option<Self> {
        let mut cells: Vec<(usize, usize, Vec<&Record>)> = Vec::new();
        for record in records {
            let Some((of, row, column)) = record.leaf.cell else { continue };
            if of != matrix {
                continue;
            }
            match cells.iter_mut().find(|(r, c, _)| (*r, *c) == (row, column)) {
                Some((_, _, leaves)) => leaves.push(record),
                None => cells.push((row, column, vec![record])),
            }
        }
        (!cells.is_empty()).then_some(Table { plan, cells })
    }

    /// Headline, table and, when a cell did not pass, the count and one line for each that did not. The table is no wider
    /// than `width`; headings stay text.
    pub(super) fn text(&self, width: Option<usize>, paint: Paint<'_>) -> String {
        let rows = self.selected(|(row, _, _)| *row);
        let columns = self.selected(|(_, column, _)| *column);
        let mut text = self.headline(&rows, &columns);
        let heading = |text: Cow<'_, str>| Cell { text: text.into_owned(), outcome: None };
        let mut grid = vec![vec![Cell::default()]];
        grid[0].extend(columns.iter().map(|&column| heading(name(&self.plan.faults, column))));
        for &row in &rows {
            let mut line = vec![heading(name(&self.plan.scenarios, row))];
            line.extend(columns.iter().map(|&column| self.cell(row, column)));
            grid.push(line);
        }
        text.push_str(&draw(&grid, width, paint));
        text.push_str(&self.failures());
        text
    }

    fn selected(&self, index: impl Fn(&(usize, usize, Vec<&Record>)) -> usize) -> Vec<usize> {
        let mut indices: Vec<usize> = self.cells.iter().map(index).collect();
        indices.sort_unstable();
        indices.dedup();
        indices
    }

    fn headline(&self, rows: &[usize], columns: &[usize]) -> String {
        let count =
            |number: usize, noun: &str| format!("{number} {noun}{}", if number == 1 { "" } else { "s" });
        let cells = count(self.cells.len(), "cell");
        let shown = |&&(row, column): &&(usize, usize)| rows.contains(&row) && columns.contains(&column);
        let excluded = self.plan.excluded.iter().filter(shown).count();
        let excluded = if excluded == 0 { String::new() } else { format!(", {excluded} excluded") };
        let (rows, columns) = (count(rows.len(), "scenario"), count(columns.len(), "fault"));
        format!("Fault Matrix: {rows} × {columns} = {cells}{excluded}\n\n")
    }

    fn cell(&self, row: usize, column: usize) -> Cell {
        if self.plan.excluded.contains(&(row, column)) {
            return Cell { text: "— (excluded)".to_owned(), outcome: None };
        }
        match self.cells.iter().find(|(r, c, _)| (*r, *c) == (row, column)) {
            Some((_, _, leaves)) => Cell { text: cell_text(leaves), outcome: Some(colour(leaves)) },
            None => Cell { text: "—".to_owned(), outcome: None },
        }
    }

    fn failures(&self) -> String {
        let mut lines = Vec::new();
        for (row, column, leaves) in &self.cells {
            let bad = leaves.iter().filter_map(|leaf| leaf.result.as_ref()).find(|result| is_bad(result));
            let Some(result) = bad else { continue };
            let message = result.failure.as_ref().map_or(result.outcome.word(), |failure| &failure.message);
            let message = shown(message.lines().next().unwrap_or_default());
            let (scenario, fault) = (name(&self.plan.scenarios, *row), name(&self.plan.faults, *column));
            lines.push(format!("  {scenario} × {fault}: {message}\n"));
        }
        if lines.is_empty() {
            return String::new();
        }
        let total = self.cells.len();
        let passed =
            self.cells.iter().filter(|(_, _, leaves)| leaves.iter().all(|leaf| passes(leaf))).count();
        let not_fired = self.cells.iter().filter(|(_, _, leaves)| are_unfired(leaves)).count();
        let not_fired = if not_fired == 0 { String::new() } else { format!(" ({not_fired} not fired)") };
        let failed = lines.len();
        format!(
            "\nResult: {passed}/{total} passed, {failed} failed{not_fired}\nFailures:\n{}",
            lines.concat()
        )
    }
}

fn name(names: &[String], at: usize) -> Cow<'_, str> {
    shown(names.get(at).map_or("", String::as_str))
}

fn passes(record: &Record) -> bool {
    record.result.as_ref().is_some_and(|result| result.outcome == Outcome::Pass)
}

fn is_bad(result: &LeafResult) -> bool {
    !result.outcome.is_good() && result.outcome != Outcome::NotRun
}

fn cell_text(leaves: &[&Record]) -> String {
    if let [only] = leaves {
        let Some(result) = &only.result else { return Outcome::NotRun.word().to_owned() };
        return match result.outcome {
            Outcome::Pass if result.not_fired => "PASS · not fired".to_owned(),
            Outcome::Pass => format!("PASS ({}ms)", result.duration.as_millis()),
            other => other.word().to_owned(),
        };
    }
    let passed = leaves.iter().filter(|leaf| passes(leaf)).count();
    let bad = leaves.iter().filter_map(|leaf| leaf.result.as_ref()).find(|result| is_bad(result));
    let mark = if bad.is_none() && are_unfired(leaves) { " · not fired" } else { "" };
    format!("{} ({passed}/{}){mark}", bad.map_or(Outcome::Pass, |result| result.outcome).word(), leaves.len())
}

/// What the colour of a cell says: its worst outcome; a pass without an act of its faults is less than a pass.
fn colour(leaves: &[&Record]) -> Outcome {
    let results = || leaves.iter().filter_map(|leaf| leaf.result.as_ref());
    if let Some(bad) = results().find(|result| is_bad(result)) {
        return bad.outcome;
    }
    if !leaves.iter().all(|leaf| passes(leaf)) {
        return Outcome::NotRun;
    }
    if are_unfired(leaves) { Outcome::Skipped } else { Outcome::Pass }
}

/// True when every run of a cell passed without an act of its faults.
fn are_unfired(leaves: &[&Record]) -> bool {
    leaves.iter().all(|leaf| leaf.result.as_ref().is_some_and(|result| result.not_fired))
}
