//! Bars R7, R8 and R12: what a run leaves behind when it is killed, whether two runs meet, whether a seed fixes every
//! decision. As root it does everything twice, the second time as an ordinary user.
//!
//! `cargo bench -p faultbox --bench endurance [-- quick]` prints a table and ends with 1 when a bar is missed.

#![expect(clippy::print_stdout, reason = "figures are what a benchmark is for")]

mod host;
mod kill;
mod pairs;
mod stand;
mod streams;

use stand::User;
use std::process::ExitCode;

/// How much of each is done.
struct Effort {
    kills: u32,
    pairs: u32,
    leaves: u32,
}

/// One line of the table.
struct Row {
    bar: &'static str,
    user: User,
    figures: String,
    violations: Vec<String>,
}

fn main() -> ExitCode {
    let argument = |wanted: &str| std::env::args().any(|argument| argument == wanted);
    let effort = if argument("quick") {
        Effort { kills: 10, pairs: 3, leaves: 16 }
    } else {
        Effort { kills: 50, pairs: 20, leaves: 100 }
    };
    let only = ["R7", "R8", "R12"].map(argument);
    let wanted = |bar: usize| only[bar] || !only.contains(&true);
    stand::build_services();
    let mut missed = 0;
    for user in User::all() {
        if wanted(0) {
            missed += show(&kill::row(user, effort.kills));
        }
        if wanted(1) {
            missed += show(&pairs::row(user, effort.pairs));
        }
        if wanted(2) {
            missed += show(&streams::row(user, effort.leaves));
        }
    }
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints a line and what is wrong with it; gives how much that is.
fn show(row: &Row) -> usize {
    let verdict = if row.violations.is_empty() { "held" } else { "MISSED" };
    println!("{:<4} {:<7} {verdict:<7} {}", row.bar, row.user.name(), row.figures);
    for violation in &row.violations {
        println!("     - {violation}");
    }
    row.violations.len()
}
