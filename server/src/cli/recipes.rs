//! `faultbox recipes`: faults that come with the program, by the names a spec loads them under.

use super::args::RecipesCommand;
use super::error::CliError;
use super::exit::Exit;
use faultbox_engine::diagnostic::suggest;
use faultbox_engine::spec::recipes::EMBEDDED;
use faultbox_engine::syntax::{NodeKind, Tree, parse};
use faultbox_engine::text::FileId;
use std::io::{self, Write};

/// Width of the column of calls in a list.
const CALL_WIDTH: usize = 34;

pub(crate) fn run(command: &RecipesCommand) -> Result<Exit, CliError> {
    let text = match command {
        RecipesCommand::List => EMBEDDED.iter().map(|(path, text)| listed(path, text)).collect(),
        RecipesCommand::Show { name } => find(name)?.to_owned(),
    };
    io::stdout().write_all(text.as_bytes())?;
    Ok(Exit::Good)
}

/// The file's load line and a line for each of its functions.
fn listed(path: &str, text: &str) -> String {
    let name = short(path);
    let tree = parse(FileId(0), text).tree;
    let functions = tree.statements().iter().filter_map(|&id| {
        let NodeKind::Def { name: ident, doc, .. } = tree.kind(id) else { return None };
        let summary = tree.string_value((*doc)?)?.lines().next()?.trim().to_owned();
        let call =
            format!("{name}.{}({})", tree.str(ident.span).trim_start_matches('_'), parameters(&tree, id));
        Some(format!("  {call:CALL_WIDTH$} {summary}\n"))
    });
    format!("load(\"{path}\", \"{name}\")\n{}\n", functions.collect::<String>())
}

/// The parameters as written, without the conditions every recipe takes.
fn parameters(tree: &Tree, def: faultbox_engine::syntax::NodeId) -> String {
    let NodeKind::Def { params, .. } = tree.kind(def) else { return String::new() };
    let written = params.iter().map(|&param| tree.text_of(param).replace(" = ", "="));
    written.filter(|param| !param.starts_with('*')).collect::<Vec<_>>().join(", ")
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

/// `redis` of `@faultbox/recipes/redis.star`.
fn short(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path).trim_end_matches(".star")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_every_function_with_its_purpose() {
        let (path, text) = EMBEDDED.iter().find(|(path, _)| path.ends_with("redis.star")).unwrap();
        let list = listed(path, text);
        assert!(list.starts_with("load(\"@faultbox/recipes/redis.star\", \"redis\")\n"), "{list}");
        assert!(
            list.contains("redis.oom(key=\"*\")") && list.contains("Commands that need memory fail"),
            "{list}"
        );
        assert!(!list.contains("_any_of"), "{list}");
    }

    #[test]
    fn a_slip_is_answered_with_the_nearest() {
        assert!(find("redis").is_ok());
        assert!(find("@faultbox/recipes/http.star").is_ok());
        assert!(find("rediss").unwrap_err().to_string().contains("\"redis\""));
    }
}
