//! What standard output and standard error are connected to, and whether they want colour.

use super::args::ColorChoice;
use faultbox_engine::diagnostic::render::Style;
use std::io::{self, IsTerminal};

/// The width of a terminal that does not tell it.
const DEFAULT_WIDTH: usize = 80;

/// What the command needs to know about where its text goes. Read once, at the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// How text on standard output looks.
    pub(crate) stdout: Style,
    /// How text on standard error looks.
    pub(crate) stderr: Style,
    /// True when a live display on standard error makes sense.
    pub(crate) live: bool,
    /// How many characters fit on a line of standard output; `None` when nothing limits it.
    pub(crate) width: Option<usize>,
    /// True when standard output is a terminal.
    pub(crate) stdout_is_terminal: bool,
}

impl Terminal {
    pub(crate) fn detect(choice: ColorChoice) -> Terminal {
        let variable = |name: &str| std::env::var(name).ok();
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let style =
            |is_terminal| Style { color: wants_color(choice, is_terminal, &variable), ..Style::PLAIN };
        let live = err && !is_dumb(&variable) && !is_set(&variable, "CI");
        let seen = terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
        let width = width(out, seen, &variable);
        Terminal { width, stdout: style(out), stderr: style(err), live, stdout_is_terminal: out }
    }
}

/// `--color` first, then NO_COLOR (no-color.org), then CLICOLOR_FORCE (bixense.com/clicolors), then the terminal.
fn wants_color(choice: ColorChoice, is_terminal: bool, variable: &impl Fn(&str) -> Option<String>) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if is_set(variable, "NO_COLOR") => false,
        ColorChoice::Auto if is_set(variable, "CLICOLOR_FORCE") => true,
        ColorChoice::Auto => is_terminal && !is_dumb(variable),
    }
}

/// What a terminal says of itself, else COLUMNS, else 80. What goes elsewhere is read by programs and pagers, which need no
/// limit, unless COLUMNS is in the environment: shells do not export it by themselves.
fn width(
    is_terminal: bool,
    seen: Option<usize>,
    variable: &impl Fn(&str) -> Option<String>,
) -> Option<usize> {
    let columns = variable("COLUMNS").and_then(|columns| columns.trim().parse().ok());
    let known = |width: &usize| *width > 0;
    let seen = seen.filter(|_| is_terminal).filter(known);
    seen.or(columns.filter(known)).or(is_terminal.then_some(DEFAULT_WIDTH))
}

fn is_dumb(variable: &impl Fn(&str) -> Option<String>) -> bool {
    variable("TERM").is_some_and(|term| term == "dumb")
}

/// Set to something that does not mean no. NO_COLOR counts whatever it says, by its own rule.
fn is_set(variable: &impl Fn(&str) -> Option<String>, name: &str) -> bool {
    variable(name).is_some_and(|value| {
        !value.is_empty() && (name == "NO_COLOR" || !matches!(value.as_str(), "0" | "false"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_width_is_the_terminals_then_the_environments() {
        for (is_terminal, seen, columns, expected) in [
            (true, Some(132), Some("60"), Some(132)),
            (true, Some(0), Some("60"), Some(60)),
            (true, None, None, Some(80)),
            (true, None, Some("wide"), Some(80)),
            (false, None, None, None),
            (false, None, Some("60"), Some(60)),
            (false, None, Some("0"), None),
        ] {
            let variable = |name: &str| (name == "COLUMNS").then(|| columns.map(str::to_owned)).flatten();
            assert_eq!(width(is_terminal, seen, &variable), expected, "{is_terminal} {seen:?} {columns:?}");
        }
    }

    #[test]
    fn the_option_beats_the_environment_and_the_environment_the_terminal() {
        use ColorChoice::{Always, Auto, Never};
        for (choice, set, is_terminal, wanted) in [
            (Auto, None, true, true),
            (Auto, None, false, false),
            (Auto, Some(("NO_COLOR", "0")), true, false),
            (Auto, Some(("NO_COLOR", "")), true, true),
            (Auto, Some(("CLICOLOR_FORCE", "1")), false, true),
            (Auto, Some(("CLICOLOR_FORCE", "0")), false, false),
            (Auto, Some(("TERM", "dumb")), true, false),
            (Always, Some(("NO_COLOR", "1")), false, true),
            (Never, Some(("CLICOLOR_FORCE", "1")), true, false),
        ] {
            let variable =
                |name: &str| set.filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
            assert_eq!(
                wants_color(choice, is_terminal, &variable),
                wanted,
                "{choice:?} {set:?} {is_terminal}"
            );
        }
    }
}
