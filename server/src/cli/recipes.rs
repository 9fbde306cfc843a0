//! `faultbox recipes`: faults that come with the program, by the names a spec loads them under.

use super::args::RecipesCommand;
use super::error::CliError;
use super::exit::Exit;
use faultbox_engine::diagnostic::suggest;
use faultbox_engine::spec::recipes::{self, EMBEDDED, Recipe, short};
use std::io::{self, Write};

/// Width of the column of calls in a list.
const CALL_WIDTH: usize = 34;

pub(crate) fn run(command: &RecipesCommand) -> Result<Exit, CliError> {
    let text = match command {
        RecipesCommand::List => recipes::summaries().map(|(path, recipes)| listed(path, &recipes)).collect(),
        RecipesCommand::Show { name } => find(name)?.to_owned(),
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Good)
}

/// The file's load line and a line for each of its functions.
fn listed(path: &str, recipes: &[Recipe]) -> String {
    let lines = recipes.iter().map(|recipe| format!("  {:CALL_WIDTH$} {}\n", recipe.call, recipe.summary));
    format!("load(\"{path}\", \"{}\")\n{}\n", short(path), lines.collect::<String>())
}

fn find(name: &str) -> Result<&'static str, CliError> {
    let found = EMBEDDED.iter().find(|(path, _)| *path == name || short(path) == name);
    found.map(|(_, text)| *text).ok_or_else(|| {
        let error = CliError::usage(format!("no recipes are called {name:?}"));
        let names = EMBEDDED.iter().map(|(path, _)| short(path));
        match suggest::nearest(name, names.clone()) {
            Some(near) => error.hint(format!("did you mean {near:?}?")),
            None => error.hint(format!("there are {}", names.collect::<Vec<_>>().join(", "))),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_can_be_copied_into_a_spec() {
        let recipe = Recipe { call: "redis.oom(key=\"*\")".to_owned(), summary: "Out of memory.".to_owned() };
        let list = listed("@faultbox/recipes/redis.star", &[recipe]);
        assert!(list.starts_with("load(\"@faultbox/recipes/redis.star\", \"redis\")\n"), "{list}");
        assert!(list.contains("\n  redis.oom(key=\"*\")  ") && list.contains(" Out of memory.\n"), "{list}");
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest() {
        assert!(find("redis").is_ok());
        assert!(find("@faultbox/recipes/http.star").is_ok());
        assert!(find("rediss").unwrap_err().to_string().contains("\"redis\""));
    }
}
