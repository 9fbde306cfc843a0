//! The spec files that come with the program, as files an answer may look into: to infer, to complete what they define, to
//! show what their functions take and do. There is nothing to open at their paths, so no answer leads into them.

use super::FileView;
use crate::model::Protocol;
use crate::spec::recipes::{self, EMBEDDED};
use crate::syntax::scope::Scopes;
use crate::syntax::{self, Parsed};
use crate::text::FileId;
use std::path::Path;
use std::sync::OnceLock;

struct Embedded {
    path: &'static str,
    parsed: Parsed,
    scopes: Scopes,
    /// What a hover says about it.
    summary: String,
}

/// They never change, so they are parsed once.
fn all() -> &'static [Embedded] {
    static ALL: OnceLock<Vec<Embedded>> = OnceLock::new();
    ALL.get_or_init(|| {
        let understood = |&(path, text): &(&'static str, &str)| {
            let parsed = syntax::parse(FileId(0), text);
            let scopes = Scopes::of(&parsed.tree);
            let summary = summary_of(path, &parsed);
            Embedded { path, parsed, scopes, summary }
        };
        EMBEDDED.iter().map(understood).collect()
    })
}

fn summary_of(path: &str, parsed: &Parsed) -> String {
    let recipes = recipes::of_tree(path, &parsed.tree);
    let lines = recipes.iter().map(|recipe| format!("\n- `{}`: {}", recipe.call, recipe.summary));
    format!("`{path}` comes with Faultbox.{}", lines.collect::<String>())
}

fn find(path: &Path) -> Option<&'static Embedded> {
    all().iter().find(|file| Path::new(file.path) == path)
}

/// The embedded file of this path.
pub(super) fn file(path: &Path) -> Option<FileView<'static>> {
    let found = find(path)?;
    Some(FileView { path: Path::new(found.path), parsed: &found.parsed, scopes: &found.scopes })
}

/// The embedded file of this path and its recipes, in words.
pub(super) fn summary(path: &str) -> Option<&'static str> {
    find(Path::new(path)).map(|found| found.summary.as_str())
}

/// True for a file that comes with Faultbox: it cannot be opened.
pub(super) fn is_embedded(path: &Path) -> bool {
    EMBEDDED.iter().any(|(known, _)| Path::new(known) == path)
}

/// The protocol whose rules the recipes of this file make.
pub(super) fn protocol(path: &Path) -> Option<Protocol> {
    let found = find(path)?;
    Protocol::from_name(recipes::short(found.path))
}

/// The path of the embedded file that defines a name for others.
pub(super) fn defining(name: &str) -> Option<&'static str> {
    let defines = |file: &&Embedded| {
        let mut known = file.scopes.definitions().map(|(_, known)| known);
        !name.starts_with('_') && known.any(|known| known.is_global && known.name == name)
    };
    all().iter().find(defines).map(|file| file.path)
}

#[cfg(test)]
mod tests {
    use super::super::completion::completions;
    use super::super::fixture::Fixture;
    use super::super::hover::hover;
    use super::super::references::references;
    use super::super::results::RunResults;
    use super::super::signature::signature_help;
    use super::super::{calls, definition, rename, static_check};

    const LOADED: &str = "load(\"@faultbox/recipes/http.star\", \"http\")\n";

    fn labels(fixture: &str) -> Vec<String> {
        let found = Fixture::new(fixture).ask(|snapshot, offset| completions(snapshot, offset, &[]));
        found.into_iter().map(|item| item.label).collect()
    }

    fn signature(fixture: &str) -> String {
        Fixture::new(fixture).ask(signature_help).map_or(String::new(), |help| help.label)
    }

    #[test]
    fn recipes_are_offered() {
        let names = labels("load(\"@faultbox/recipes/http.star\", \"$0\")");
        assert_eq!(names, ["http_faults", "http"]);
        let found = labels(&format!("{LOADED}x = http.$0"));
        assert!(found.iter().any(|label| label == "rate_limited"), "{found:?}");
        assert!(!found.iter().any(|label| label == "status"), "{found:?}");
        let paths = labels("load(\"$0\")");
        assert!(paths.iter().any(|label| label == "@faultbox/recipes/redis.star"), "{paths:?}");
    }

    #[test]
    fn recipes_take_the_conditions_of_rules_as_well() {
        let label = signature(&format!("{LOADED}x = http.rate_limited($0"));
        assert!(label.starts_with("http.rate_limited(path=\"*\", *, method=..., "), "{label}");
        assert!(label.contains(", probability=1.0, "), "{label}");
        let found = labels(&format!("{LOADED}x = http.flaky($0"));
        assert_eq!(found[0..2], ["path=", "probability="], "{found:?}");
        assert!(["nth=", "method="].iter().all(|name| found.iter().any(|label| label == name)), "{found:?}");
        // What the recipe sets itself cannot be given once more.
        let redis = "load(\"@faultbox/recipes/redis.star\", \"redis\")\n";
        let found = labels(&format!("{redis}x = redis.oom($0"));
        assert!(!found.iter().any(|label| label == "command="), "{found:?}");
        let found = labels(&format!("{redis}x = redis.oom(key=\"a\", $0"));
        assert!(found.iter().all(|label| label != "key=" && label != "message="), "{found:?}");
    }

    #[test]
    fn recipes_are_documented() {
        let none = RunResults::default();
        let ask = |fixture: &str| Fixture::new(fixture).ask(|snapshot, at| hover(snapshot, at, &none));
        let shown = ask(&format!("{LOADED}x = http.rate_li$0mited(path=\"/\")")).unwrap().markdown;
        assert!(shown.contains("429, to be tried again"), "{shown}");
    }

    #[test]
    fn no_answer_leads_into_a_file_that_cannot_be_opened() {
        for at in ["ht$0tp.rate_limited(path=\"/\")", "http.rate_limited(pa$0th=\"/\")"] {
            let fixture = Fixture::new(&format!("{LOADED}x = {at}\n"));
            let targets = fixture.ask(definition::definitions);
            assert!(targets.iter().all(|found| found.target.path.ends_with("main.star")), "{targets:?}");
            let mentions = fixture.ask(references);
            assert!(mentions.iter().all(|found| found.location.path.ends_with("main.star")), "{mentions:?}");
            assert_eq!(fixture.ask(calls::prepare), None);
        }
        let at_the_load = Fixture::new(&format!("{LOADED}x = ht$0tp.flaky()\n")).ask(definition::definitions);
        assert_eq!(at_the_load.len(), 1);
    }

    #[test]
    fn the_name_of_a_recipe_stays() {
        let fixture = Fixture::new(&format!("{LOADED}x = ht$0tp.flaky()\n"));
        let refused = fixture.ask(|snapshot, offset| rename::rename(snapshot, offset, "faults"));
        assert!(refused.is_err_and(|why| why.starts_with("`http` comes with Faultbox and keeps its name")));
        let own = "load(\"@faultbox/recipes/http.star\", h=\"http\")\nx = $0h.flaky()\n";
        let renamed = Fixture::new(own).ask(|snapshot, offset| rename::rename(snapshot, offset, "faults"));
        assert_eq!(renamed.map(|files| files[0].edits.len()), Ok(2));
    }

    #[test]
    fn rules_of_recipes_are_judged_as_rules() {
        let api = "api = service(\"api\", \"x\", interface(\"public\", \"http\", 80))\n";
        let found = |target: &str| {
            let rules = "rules=[http.flaky(path=\"/\", nth=2)]";
            let text = format!("{LOADED}{api}a = fault_assumption(\"a\", target={target}, {rules})\n");
            Fixture::new(&text).ask(|snapshot, _| static_check::check(snapshot)).len()
        };
        assert_eq!((found("api.public"), found("api")), (0, 1));
    }
}
