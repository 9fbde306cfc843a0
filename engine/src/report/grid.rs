//! Tables that fit where they are shown: as they are, turned on their side, or in pieces one below the other.

use crate::event::Outcome;

/// Narrowest column, in characters, the width older reports had.
const MIN_WIDTH: usize = 14;
const MIN_FIRST_WIDTH: usize = 8;

/// What stands between two columns.
const GAP: usize = 3;

/// Text, and what it says of an outcome, for its colour.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) outcome: Option<Outcome>,
}

/// Gives text its colour.
pub(super) type Paint<'p> = &'p dyn Fn(Outcome, &str) -> String;

/// Draws a table whose first row and column are headings, no wider than `width` characters where there is one.
pub(super) fn draw(grid: &[Vec<Cell>], width: Option<usize>, paint: Paint<'_>) -> String {
    let all: Vec<usize> = (1..grid.first().map_or(1, Vec::len)).collect();
    let Some(width) = width else { return table(grid, &all, usize::MAX, paint) };
    if total(grid, &all) <= width {
        return table(grid, &all, width, paint);
    }
    let turned = turned(grid);
    let across: Vec<usize> = (1..grid.len()).collect();
    if total(&turned, &across) <= width {
        return table(&turned, &across, width, paint);
    }
    let pieces = pieces(grid, width);
    pieces.iter().map(|columns| table(grid, columns, width, paint)).collect::<Vec<_>>().join("\n")
}

fn turned(grid: &[Vec<Cell>]) -> Vec<Vec<Cell>> {
    let columns = 0..grid.first().map_or(0, Vec::len);
    columns.map(|column| grid.iter().map(|row| row[column].clone()).collect()).collect()
}

/// Which columns stand side by side, as many as fit; at least one.
fn pieces(grid: &[Vec<Cell>], width: usize) -> Vec<Vec<usize>> {
    let mut pieces: Vec<Vec<usize>> = Vec::new();
    for column in 1..grid.first().map_or(1, Vec::len) {
        if let Some(last) = pieces.last_mut() {
            last.push(column);
            if first_width(grid, width) + others(grid, last) <= width {
                continue;
            }
            last.pop();
        }
        pieces.push(vec![column]);
    }
    pieces
}

fn total(grid: &[Vec<Cell>], columns: &[usize]) -> usize {
    column_width(grid, 0) + others(grid, columns)
}

fn others(grid: &[Vec<Cell>], columns: &[usize]) -> usize {
    columns.iter().map(|&column| GAP + column_width(grid, column)).sum()
}

fn column_width(grid: &[Vec<Cell>], column: usize) -> usize {
    let least = if column == 0 { MIN_FIRST_WIDTH } else { MIN_WIDTH };
    grid.iter().map(|row| row[column].text.chars().count()).max().unwrap_or(0).max(least)
}

/// Names may take up to half of a table that does not fit.
fn first_width(grid: &[Vec<Cell>], width: usize) -> usize {
    column_width(grid, 0).min((width / 2).max(MIN_FIRST_WIDTH))
}

fn table(grid: &[Vec<Cell>], columns: &[usize], width: usize, paint: Paint<'_>) -> String {
    let first = if total(grid, columns) <= width { column_width(grid, 0) } else { first_width(grid, width) };
    let rest = width.saturating_sub(first + GAP).max(1);
    let mut widths = vec![(0, first)];
    widths.extend(columns.iter().map(|&column| (column, column_width(grid, column).min(rest))));
    let mut text = String::new();
    for (at, row) in grid.iter().enumerate() {
        let cells: Vec<String> =
            widths.iter().map(|&(column, width)| padded(&row[column], width, paint)).collect();
        text.push_str(cells.join(" │ ").trim_end());
        text.push('\n');
        if at == 0 {
            let rules: Vec<String> = widths.iter().map(|&(_, width)| "─".repeat(width)).collect();
            text.push_str(&rules.join("─┼─"));
            text.push('\n');
        }
    }
    text
}

fn padded(cell: &Cell, width: usize, paint: Paint<'_>) -> String {
    let text = clipped(&cell.text, width);
    let space = " ".repeat(width - text.chars().count());
    match cell.outcome {
        Some(outcome) => paint(outcome, &text) + &space,
        None => text + &space,
    }
}

fn clipped(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(rows: &[&str], columns: &[&str]) -> Vec<Vec<Cell>> {
        let plain = |text: &str| Cell { text: text.to_owned(), outcome: None };
        let mut head = vec![Cell::default()];
        head.extend(columns.iter().map(|name| plain(name)));
        let mut grid = vec![head];
        for row in rows {
            let mut line = vec![plain(row)];
            line.extend(
                columns.iter().map(|_| Cell { text: "FAIL".to_owned(), outcome: Some(Outcome::Fail) }),
            );
            grid.push(line);
        }
        grid
    }

    #[track_caller]
    fn check(rows: &[&str], columns: &[&str], width: Option<usize>, expected: &str) {
        let text = format!("\n{}", draw(&grid(rows, columns), width, &|_, text| text.to_owned()));
        assert!(text == expected, "--- drawn\n{text}--- expected\n{expected}---");
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        assert!(width.is_none_or(|width| widest <= width), "{widest}");
    }

    #[test]
    fn a_table_that_fits_stays_as_it_is() {
        let wide = "
         │ a              │ b
─────────┼────────────────┼───────────────
x        │ FAIL           │ FAIL
";
        check(&["x"], &["a", "b"], None, wide);
        check(&["x"], &["a", "b"], Some(42), wide);
    }

    #[test]
    fn one_that_fits_on_its_side_is_turned() {
        let turned = "
         │ x
─────────┼───────────────
a        │ FAIL
b        │ FAIL
";
        check(&["x"], &["a", "b"], Some(41), turned);
    }

    #[test]
    fn one_that_fits_neither_way_is_drawn_in_pieces() {
        let pieces = "
         │ a              │ b
─────────┼────────────────┼───────────────
x        │ FAIL           │ FAIL
y        │ FAIL           │ FAIL
z        │ FAIL           │ FAIL

         │ c
─────────┼───────────────
x        │ FAIL
y        │ FAIL
z        │ FAIL
";
        check(&["x", "y", "z"], &["a", "b", "c"], Some(45), pieces);
    }

    #[test]
    fn names_that_fit_nowhere_are_cut() {
        let long = "a_scenario_with_a_very_long_name";
        let text = draw(&grid(&[long], &[long]), Some(32), &|_, text| text.to_owned());
        assert!(text.contains("a_scenario_with… │ FAIL"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 32), "{text}");
    }

    #[test]
    fn colour_takes_no_room() {
        let paint = |_: Outcome, text: &str| format!("<{text}>");
        let text = draw(&grid(&["x"], &["a", "b"]), Some(42), &paint);
        assert!(text.contains("x        │ <FAIL>           │ <FAIL>\n"), "{text}");
    }
}
