//! Spec files that come with the program: `load("@faultbox/recipes/redis.star", ...)`.

use crate::syntax::{NodeId, NodeKind, Tree, parse};
use crate::text::FileId;

/// Path and text of each embedded file.
pub static EMBEDDED: &[(&str, &str)] = &[
    ("@faultbox/recipes/http.star", include_str!("recipes/http.star")),
    ("@faultbox/recipes/postgres.star", include_str!("recipes/postgres.star")),
    ("@faultbox/recipes/redis.star", include_str!("recipes/redis.star")),
];

/// A recipe, as a list shows it.
pub struct Recipe {
    /// `redis.oom(key="*")`, without the conditions every recipe takes.
    pub call: String,
    /// The first line of its documentation.
    pub summary: String,
}

/// Path and recipes of each embedded file.
pub fn summaries() -> impl Iterator<Item = (&'static str, Vec<Recipe>)> {
    EMBEDDED.iter().map(|(path, text)| (*path, of_tree(path, &parse(FileId(0), text).tree)))
}

/// `redis` of `@faultbox/recipes/redis.star`.
pub fn short(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path).trim_end_matches(".star")
}

/// The recipes of the embedded file at `path`, whose tree this is.
pub(crate) fn of_tree(path: &str, tree: &Tree) -> Vec<Recipe> {
    let name = short(path);
    let functions = tree.statements().iter().filter_map(|&id| {
        let NodeKind::Def { name: ident, doc, .. } = tree.kind(id) else { return None };
        let summary = tree.string_value((*doc)?)?.lines().next()?.trim().to_owned();
        let function = tree.str(ident.span).trim_start_matches('_');
        Some(Recipe { call: format!("{name}.{function}({})", parameters(tree, id)), summary })
    });
    functions.collect()
}

/// The parameters as written, up to the star.
fn parameters(tree: &Tree, def: NodeId) -> String {
    let NodeKind::Def { params, .. } = tree.kind(def) else { return String::new() };
    let written = params.iter().map(|&param| tree.text_of(param).replace(" = ", "="));
    written.filter(|param| !param.starts_with('*')).collect::<Vec<_>>().join(", ")
}

/// What paths of embedded files begin with.
pub(super) const PREFIX: &str = "@faultbox/";

/// The text of an embedded file.
pub fn embedded(path: &str) -> Option<&'static str> {
    EMBEDDED.iter().find(|(known, _)| *known == path).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_every_function_with_its_purpose() {
        let (_, recipes) = summaries().find(|(path, _)| path.ends_with("redis.star")).unwrap();
        let oom = recipes.iter().find(|recipe| recipe.call == "redis.oom(key=\"*\")").unwrap();
        assert!(oom.summary.starts_with("Commands that need memory fail"), "{}", oom.summary);
        assert!(!recipes.iter().any(|recipe| recipe.call.contains("any_of")));
    }
}
