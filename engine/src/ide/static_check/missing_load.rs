//! Names that a file at hand defines: what is missing is the `load`.

use super::Checker;
use crate::diagnostic::{Diagnostic, Edit, Fix};
use crate::ide::recipes;
use crate::syntax::scope::DefinitionKind;
use crate::syntax::{NodeId, NodeKind, Tree};
use crate::text::Span;

/// Most loads offered for one name.
const MAX_OFFERS: usize = 3;

impl Checker<'_> {
    /// Offers to load an unknown name from where it is defined, instead of another name that is near.
    pub(super) fn with_loads(&self, mut finding: Diagnostic, name: &str) -> Diagnostic {
        let recipe = recipes::defining(name);
        if let Some(path) = recipe {
            finding.help = vec![format!("load it: load(\"{path}\", \"{name}\")")];
        }
        let offers: Vec<Fix> = match recipe {
            Some(path) => vec![self.load(path, name)],
            None => self.defining(name).iter().take(MAX_OFFERS).map(|path| self.load(path, name)).collect(),
        };
        if !offers.is_empty() {
            finding.fixes = offers;
        }
        finding
    }

    /// Paths, as a `load` has them, of files at hand that define the name for others.
    fn defining(&self, name: &str) -> Vec<String> {
        let snapshot = &self.snapshot;
        let folder = snapshot.load_path(snapshot.file, ".");
        let mut paths = Vec::new();
        for other in snapshot.others.iter().filter(|other| other.path != snapshot.file.path) {
            let mut definitions = other.scopes.definitions().map(|(_, known)| known);
            let defines = definitions
                .any(|known| known.is_global && known.kind != DefinitionKind::Loaded && known.name == name);
            let path = other.path.strip_prefix(&folder).ok().and_then(|path| path.to_str());
            if let Some(path) = path.filter(|_| defines && !name.starts_with('_')) {
                paths.push(path.to_owned());
            }
        }
        paths
    }

    fn load(&self, path: &str, name: &str) -> Fix {
        let tree = self.snapshot.tree();
        let edit = match load_of(tree, path) {
            Some(last) => inserted(tree, tree.span(last).end, format!(", \"{name}\"")),
            None => new_line(tree, format!("load(\"{path}\", \"{name}\")")),
        };
        Fix { title: format!("load `{name}` from \"{path}\""), edits: vec![edit] }
    }
}

/// The last name, or else the path, of the `load` of a file.
fn load_of(tree: &Tree, wanted: &str) -> Option<NodeId> {
    tree.ids().find_map(|id| match tree.kind(id) {
        NodeKind::Load { path, names } if tree.string_value(*path) == Some(wanted) => {
            Some(names.last().copied().unwrap_or(*path))
        }
        _ => None,
    })
}

/// A line behind the last `load`, or else before the first statement that is not the file's documentation.
fn new_line(tree: &Tree, text: String) -> Edit {
    let mut loads = tree.statements().iter().filter(|&&id| matches!(tree.kind(id), NodeKind::Load { .. }));
    if let Some(&last) = loads.next_back() {
        return inserted(tree, tree.span(last).end, format!("\n{text}"));
    }
    let doc = tree.statements().first().filter(|&&id| match tree.kind(id) {
        NodeKind::ExprStatement { value, .. } => matches!(tree.kind(*value), NodeKind::String(_)),
        _ => false,
    });
    match doc {
        Some(&doc) => inserted(tree, tree.span(doc).end, format!("\n\n{text}")),
        None => inserted(tree, head(&tree.text), format!("{text}\n")),
    }
}

/// The end of the comment a file begins with, when an empty line follows it.
fn head(text: &str) -> u32 {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        if !line.starts_with('#') {
            let is_empty = line.trim().is_empty() && end > line.len();
            return if is_empty { end as u32 } else { 0 };
        }
    }
    0
}

fn inserted(tree: &Tree, at: u32, text: String) -> Edit {
    Edit { span: Span { file: tree.file, start: at, end: at }, text }
}

#[cfg(test)]
mod tests {
    use crate::ide::fixture::Fixture;
    use crate::ide::static_check::check;

    /// The titles of the fixes of the only unknown name, and the text behind the first of them.
    fn fixed(text: &str) -> (Vec<String>, String) {
        let fixture = Fixture::new(text);
        let findings = fixture.ask(|snapshot, _| check(snapshot));
        let unknown = findings.iter().find(|found| found.code.id() == "FB0101").unwrap();
        let titles = unknown.fixes.iter().map(|fix| fix.title.clone()).collect();
        let mut text = fixture.text().to_owned();
        if let Some(fix) = unknown.fixes.first() {
            let edit = &fix.edits[0];
            text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.text);
        }
        (titles, text)
    }

    #[track_caller]
    fn check_fixed(text: &str, title: &str, wanted: &str) {
        assert_eq!(fixed(text), (vec![title.to_owned()], wanted.to_owned()));
    }

    #[test]
    fn recipes_are_loaded() {
        let title = "load `redis` from \"@faultbox/recipes/redis.star\"";
        let load = "load(\"@faultbox/recipes/redis.star\", \"redis\")\n";
        check_fixed("x = redis.oom()\n", title, &format!("{load}x = redis.oom()\n"));
        check_fixed("# About.\n\nx = redis\n", title, &format!("# About.\n\n{load}x = redis\n"));
        check_fixed("\"About.\"\nx = redis\n", title, &format!("\"About.\"\n\n{load}x = redis\n"));
        let http = "load(\"@faultbox/recipes/http.star\", \"http\")\n";
        check_fixed(&format!("{http}x = redis\n"), title, &format!("{http}{load}x = redis\n"));
        let both = http.replace("\")", "\", \"http_faults\")");
        let title = "load `http_faults` from \"@faultbox/recipes/http.star\"";
        check_fixed(&format!("{http}x = http_faults\n"), title, &format!("{both}x = http_faults\n"));
    }

    #[test]
    fn names_of_files_at_hand_are_loaded() {
        let library = "//- /w/lib/helpers.star\ndef expect_503(r):\n    pass\n_own = 1\n";
        let wanted = "load(\"lib/helpers.star\", \"expect_503\")\nx = expect_503\n";
        let title = "load `expect_503` from \"lib/helpers.star\"";
        check_fixed(&format!("x = expect_503\n{library}"), title, wanted);
        assert!(fixed(&format!("x = _own\n{library}")).0.is_empty());
    }

    #[test]
    fn no_strange_name_is_offered() {
        for text in ["import os\n", "x = res.status\n", "nul = 1\nx = zero\n"] {
            assert_eq!(fixed(text).0, Vec::<String>::new(), "{text}");
        }
        assert_eq!(fixed("full = 1\nx = null\n").0, ["change to `None`"]);
        assert_eq!(fixed("x = true\n").0, ["change to `True`"]);
        assert_eq!(fixed("x = deny(EIO)\n").1, "x = deny(\"EIO\")\n");
    }
}
