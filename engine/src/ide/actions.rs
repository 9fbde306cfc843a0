//! What can be done at a place: fixes of findings, arguments by name, and runs for editors without lenses.

use super::Snapshot;
use super::call_site::Written;
use super::callable::{self, CallableKind};
use super::infer::Inference;
use super::test_items::{TestItem, TestItemKind, test_items};
use crate::diagnostic::{Code, Diagnostic, Edit};
use crate::syntax::{NodeId, NodeKind};
use crate::text::Span;

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeAction {
    pub title: String,
    pub what: ActionWhat,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionWhat {
    /// Mends a finding.
    Fix { code: Code, finding: Span, edits: Vec<Edit>, is_preferred: bool },
    /// Changes the form, not the meaning.
    Rewrite { edits: Vec<Edit> },
    /// Runs these tests, by full name.
    Run { tests: Vec<String> },
}

/// Actions for the selection `span`. `findings` are those of the file; those that touch the selection count.
pub fn actions(snapshot: &Snapshot<'_>, span: Span, findings: &[Diagnostic]) -> Vec<CodeAction> {
    let mut actions = Vec::new();
    for finding in findings.iter().filter(|finding| overlap(finding.primary.span, span)) {
        let only = finding.fixes.len() == 1;
        actions.extend(finding.fixes.iter().map(|fix| CodeAction {
            title: capital(&fix.title),
            what: ActionWhat::Fix {
                code: finding.code,
                finding: finding.primary.span,
                edits: fix.edits.clone(),
                is_preferred: only,
            },
        }));
    }
    actions.extend(name_arguments(snapshot, span.start));
    actions.extend(runs(snapshot, span));
    actions
}

fn overlap(a: Span, b: Span) -> bool {
    a.start <= b.end && b.start <= a.end
}

fn capital(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `get("/x")` to `get(path="/x")`.
fn name_arguments(snapshot: &Snapshot<'_>, offset: u32) -> Option<CodeAction> {
    let tree = snapshot.tree();
    let node = tree.node_at(offset);
    let mut around = std::iter::once(node).chain(tree.ancestors(node));
    let call = around.find(|&id| matches!(tree.kind(id), NodeKind::Call { .. }))?;
    let written = Written::of(tree, call);
    let inference = Inference::new(*snapshot);
    let callable = callable::of_call(&inference, call)?;
    // The name of a declaration reads best by position, and so does what has positions only.
    let is_name = |at: usize| at == 0 && callable.slots[0].name == "name";
    let named = |(at, &value): (usize, &NodeId)| {
        let slot = callable.slots.get(at).filter(|_| at < callable.positional && !is_name(at))?;
        let start = tree.span(value).start;
        Some(Edit { span: Span { file: tree.file, start, end: start }, text: format!("{}=", slot.name) })
    };
    let covered = written.positional.len() <= callable.positional && !written.has_args;
    // A positional after a keyword is no call at all.
    let edits: Vec<Edit> = written.positional.iter().enumerate().filter_map(named).collect();
    let takes_more = callable.rest.is_some() && callable.kind != CallableKind::Function;
    let changes_form = callable.name == "delay" || takes_more;
    (covered && !changes_form && !edits.is_empty())
        .then(|| CodeAction { title: "Name the arguments".to_owned(), what: ActionWhat::Rewrite { edits } })
}

fn runs(snapshot: &Snapshot<'_>, span: Span) -> Vec<CodeAction> {
    let items = test_items(snapshot);
    let mut actions = Vec::new();
    // A matrix without cells has some that only evaluation sees, and no names to run.
    let here = |item: &&TestItem| overlap(item.span, span) && !item.run.is_empty();
    for item in items.iter().filter(here).filter(|item| item.kind != TestItemKind::Cell) {
        let title = match item.kind {
            TestItemKind::Matrix => format!("Run {} cells", item.run.len()),
            _ => format!("Run \"{}\"", item.label),
        };
        actions.push(CodeAction { title, what: ActionWhat::Run { tests: item.run.clone() } });
    }
    // A function that scenarios are made of: every test that drives it.
    if let Some(driven) = driven(snapshot, span.start) {
        actions.push(driven);
    }
    actions
}

fn driven(snapshot: &Snapshot<'_>, offset: u32) -> Option<CodeAction> {
    let tree = snapshot.tree();
    let statement = tree.statements().iter().copied().find(|&id| tree.span(id).touches(offset))?;
    let NodeKind::Def { name, .. } = tree.kind(statement) else { return None };
    let name = tree.str(name.span);
    let uses = super::mentions::of_function(snapshot.file, statement);
    let items = test_items(snapshot);
    let tests =
        items.iter().filter(|item| item.kind != TestItemKind::Matrix && item.kind != TestItemKind::Cell);
    let driving = tests.filter(|item| {
        uses.iter().any(|&used| {
            let at = tree.span(used);
            item.span.start <= at.start && at.end <= item.span.end
        })
    });
    let tests: Vec<String> = driving.map(|item| item.id.clone()).collect();
    (!tests.is_empty()).then(|| CodeAction {
        title: format!("Run tests that drive `{name}`"),
        what: ActionWhat::Run { tests },
    })
}

#[cfg(test)]
mod tests {
    use super::{ActionWhat, actions};
    use crate::diagnostic::{Code, Diagnostic};
    use crate::ide::fixture::Fixture;
    use crate::text::{FileId, Span};

    fn titles(fixture: &str, findings: &[Diagnostic]) -> Vec<String> {
        let fixture = Fixture::new(fixture);
        let found =
            fixture.ask(|snapshot, offset| actions(snapshot, Span::new(FileId(0), offset, offset), findings));
        found.into_iter().map(|action| action.title).collect()
    }

    #[test]
    fn fixes_of_findings_at_the_cursor_are_offered() {
        let span = Span::new(FileId(0), 0, 4);
        let finding = Diagnostic::new(Code::UnknownName, span, "x").fix("change to `deny`", span, "deny");
        assert_eq!(titles("de$0yn()\n", std::slice::from_ref(&finding)), ["Change to `deny`"]);
        assert!(titles("deyn()\nx = 1$0\n", &[finding]).is_empty());
    }

    #[test]
    fn arguments_get_their_names() {
        let text = "x = deny(\"E$0IO\", 0.5)\n";
        let fixture = Fixture::new(text);
        let found =
            fixture.ask(|snapshot, offset| actions(snapshot, Span::new(FileId(0), offset, offset), &[]));
        let ActionWhat::Rewrite { edits } = &found[0].what else { panic!("{found:?}") };
        let texts: Vec<&str> = edits.iter().map(|edit| edit.text.as_str()).collect();
        assert_eq!(texts, ["errno=", "probability="]);
        assert!(titles("x = service(\"d$0b\", \"x\")", &[]).is_empty());
    }

    #[test]
    fn tests_at_the_cursor_can_be_run() {
        let spec = "def dri$0ve():\n    pass\nscenario(drive)\nfault_scenario(\"x\", scenario=drive)\n";
        assert_eq!(titles(spec, &[]), ["Run tests that drive `drive`"]);
        assert_eq!(titles("def test_a():\n    $0pass\n", &[]), ["Run \"a\""]);
    }
}
