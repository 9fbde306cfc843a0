//! What a `load` leads to, in words.

use super::{FileView, Snapshot, recipes, references};
use crate::syntax::NodeKind;
use crate::syntax::scope::{Definition, DefinitionId, DefinitionKind};

/// Names that are shown of a loaded file.
const MAX_NAMES: usize = 24;

/// The file a `load` leads to, with what it has to offer.
pub(super) fn file_at(snapshot: &Snapshot<'_>, path: &str) -> String {
    if let Some(recipes) = recipes::summary(path) {
        return recipes.to_owned();
    }
    let Some(file) = snapshot.loaded(snapshot.file, path) else {
        let place = snapshot.load_path(snapshot.file, path);
        let place = place.display();
        return format!("`{place}` cannot be read. Paths start at the folder of the spec that is run.");
    };
    let names: Vec<String> = offered(file).take(MAX_NAMES).map(|known| format!("`{}`", known.name)).collect();
    format!("`{}`\n\n{}", file.path.display(), names.join(", ")).trim_end().to_owned()
}

/// What another file can load of this one: its own names, not those it has loaded itself.
pub(super) fn offered(file: FileView<'_>) -> impl Iterator<Item = &Definition> {
    let all = file.scopes.definitions().map(|(_, definition)| definition);
    all.filter(|definition| {
        let is_own = definition.kind != DefinitionKind::Loaded;
        definition.is_global && is_own && !definition.name.starts_with('_')
    })
}

/// The recipes behind a loaded name.
pub(super) fn recipes_of(file: FileView<'_>, id: DefinitionId) -> Option<String> {
    let load = file.tree().parent(references::load_name(file, id)?)?;
    match file.tree().kind(load) {
        NodeKind::Load { path, .. } => recipes::summary(file.tree().string_value(*path)?).map(str::to_owned),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::ide::fixture::Fixture;
    use crate::ide::hover::hover;
    use crate::ide::results::RunResults;

    #[track_caller]
    fn check(fixture: &str, expected: &[&str]) {
        let fixture = Fixture::new(fixture);
        let found = fixture.ask(|snapshot, offset| hover(snapshot, offset, &RunResults::default()));
        let text = found.map_or(String::new(), |found| found.markdown);
        assert!(expected.iter().all(|words| text.contains(words)), "{text}");
        assert_eq!(text.is_empty(), expected.is_empty(), "{text}");
    }

    #[test]
    fn loads_say_where_they_lead() {
        let lib = "//- /w/lib.star\nLIMIT = 1\n_own = 2\ndef helper(a):\n    \"Helps.\"\n    x = 1\n";
        check(&format!("load(\"li$0b.star\", \"helper\")\n{lib}"), &["`/w/lib.star`\n\n`LIMIT`, `helper`"]);
        check("load(\"go$0ne.star\", \"helper\")\n", &["`/w/gone.star` cannot be read."]);
        check("load(\"gone.star\", \"hel$0per\")\n", &[]);
        check(&format!("load(\"lib.star\", \"hel$0per\")\n{lib}"), &["def helper(a)", "Helps."]);
        check(&format!("load(\"lib.star\", h=\"hel$0per\")\n{lib}"), &["def helper(a)", "Helps."]);
        check(&format!("load(\"lib.star\", h$0=\"helper\")\n{lib}"), &["def h(a)", "Helps."]);
        let recipes = "load(\"@faultbox/recipes/redis.star\", \"redis\")\n";
        let comes = ["comes with Faultbox", "`redis.oom("];
        check(&recipes.replace("recipes", "rec$0ipes"), &comes);
        check(&recipes.replace("\"redis", "\"re$0dis"), &comes);
        check(&format!("{recipes}x = re$0dis"), &comes);
    }
}
