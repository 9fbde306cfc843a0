//! What standard output and standard error are connected to, and whether they want colour.

use super::args::ColorChoice;
use faultbox_engine::diagnostic::render::Style;
use std::io::{self, IsTerminal};

/// What the command needs to know about where its text goes. Read once, at the start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    /// How text on standard output looks.
    pub(crate) stdout: Style,
    /// How text on standard error looks.
    pub(crate) stderr: Style,
    /// True when a live display on standard error makes sense.
    pub(crate) live: bool,
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
        Terminal { stdout: style(out), stderr: style(err), live, stdout_is_terminal: out }
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
