//! Who drives and faults what: from a test to its scenario and assumptions, from an assumption to its parts, from a
//! function to the functions it calls; and back.

use super::call_site::Written;
use super::declarations::{self, TestSort};
use super::infer::Inference;
use super::value::Value;
use super::{FileView, Location, Snapshot, references};
use crate::syntax::{NodeId, NodeKind, Tree};
use crate::text::Span;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HierarchyKind {
    Test,
    Function,
    Assumption,
    Rule,
}

/// Something that calls or is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HierarchyItem {
    pub name: String,
    pub kind: HierarchyKind,
    /// The whole def or call.
    pub location: Location,
    /// Its name; lies in the location.
    pub name_span: Span,
}

/// One end of a call, with the places that make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HierarchyCall {
    pub item: HierarchyItem,
    /// In the file of the caller.
    pub from: Vec<Span>,
}

/// The test, function or assumption under `offset`.
pub fn prepare(snapshot: &Snapshot<'_>, offset: u32) -> Option<HierarchyItem> {
    let file = snapshot.file;
    let known = items(file);
    let touched =
        known.iter().filter(|item| item.name_span.touches(offset)).min_by_key(|item| item.name_span.len());
    if let Some(item) = touched {
        return Some(item.clone());
    }
    let (other, id) = references::origin(*snapshot, offset)?;
    let name = &other.scopes.definition(id).name;
    let bound = other.scopes.definition(id).bindings.first()?;
    let mut candidates = items(other).into_iter();
    candidates.find(|item| item.name_span == bound.span || variable_of(other, item).as_deref() == Some(name))
}

/// What the item drives, faults or calls.
pub fn outgoing(snapshot: &Snapshot<'_>, item: &HierarchyItem) -> Vec<HierarchyCall> {
    let Some(file) = snapshot.find(&item.location.path) else { return Vec::new() };
    let tree = file.tree();
    let Some(node) = node_of(file, item) else { return Vec::new() };
    let mut calls: Vec<HierarchyCall> = Vec::new();
    for id in tree.descendants(node).filter(|&id| matches!(tree.kind(id), NodeKind::Name)) {
        let own = Snapshot { file, ..*snapshot };
        let Some(target) = named_item(&own, id).filter(|target| target != item) else { continue };
        add(&mut calls, target, tree.span(id));
    }
    calls.extend(rules(file, node, item.kind));
    calls
}

/// What drives, uses or calls the item.
pub fn incoming(snapshot: &Snapshot<'_>, item: &HierarchyItem) -> Vec<HierarchyCall> {
    let mut calls: Vec<HierarchyCall> = Vec::new();
    // Seen from a caller, the file of the snapshot is one of the others.
    let others: Vec<FileView<'_>> = snapshot.files().collect();
    for &file in &others {
        let own = Snapshot { file, others: &others, ..*snapshot };
        for caller in items(file) {
            for call in outgoing(&own, &caller).into_iter().filter(|call| call.item == *item) {
                calls.push(HierarchyCall { item: caller.clone(), from: call.from });
            }
        }
    }
    calls
}

fn add(calls: &mut Vec<HierarchyCall>, item: HierarchyItem, from: Span) {
    match calls.iter_mut().find(|call| call.item == item) {
        Some(call) => call.from.push(from),
        None => calls.push(HierarchyCall { item, from: vec![from] }),
    }
}

/// Tests, functions and assumptions of a file. A def that is a test is listed once.
fn items(file: FileView<'_>) -> Vec<HierarchyItem> {
    let tree = file.tree();
    let item = |name: String, kind: HierarchyKind, node: NodeId, name_span: Span| HierarchyItem {
        name,
        kind,
        location: file.location(tree.span(node)),
        name_span,
    };
    let mut items = Vec::new();
    for &statement in tree.statements() {
        if let NodeKind::Def { name, .. } = tree.kind(statement)
            && !name.span.is_empty()
        {
            let text = tree.str(name.span).to_owned();
            let kind = if text.starts_with("test_") { HierarchyKind::Test } else { HierarchyKind::Function };
            items.push(item(text, kind, statement, name.span));
        }
    }
    for test in declarations::tests(file).into_iter().filter(|test| test.sort == TestSort::FaultScenario) {
        items.push(item(test.name, HierarchyKind::Test, test.node, test.name_span));
    }
    for known in declarations::assumptions(file) {
        items.push(item(known.name, HierarchyKind::Assumption, known.call, known.name_span));
    }
    items
}

fn node_of(file: FileView<'_>, item: &HierarchyItem) -> Option<NodeId> {
    let tree = file.tree();
    tree.ids().find(|&id| {
        tree.span(id) == item.location.span
            && matches!(tree.kind(id), NodeKind::Def { .. } | NodeKind::Call { .. })
    })
}

/// The item a name stands for.
fn named_item(snapshot: &Snapshot<'_>, name: NodeId) -> Option<HierarchyItem> {
    let (other, id) = super::definition::resolved(*snapshot, snapshot.file, name)?;
    let definition = other.scopes.definition(id);
    match Inference::new(*snapshot).definition(other, definition) {
        Value::Function(function) if !super::recipes::is_embedded(function.file.path) => {
            let span = function.file.tree().span(function.node);
            items(function.file).into_iter().find(|item| item.location.span == span)
        }
        Value::Assumption(assumption) => {
            let mut known = items(other).into_iter();
            known.find(|item| item.kind == HierarchyKind::Assumption && item.name == assumption)
        }
        _ => None,
    }
}

/// The variable an assumption is in.
fn variable_of(file: FileView<'_>, item: &HierarchyItem) -> Option<String> {
    let known = declarations::assumptions(file);
    known.into_iter().find(|known| known.name_span == item.name_span)?.variable
}

/// The rules an assumption is made of.
fn rules(file: FileView<'_>, node: NodeId, kind: HierarchyKind) -> Vec<HierarchyCall> {
    let tree = file.tree();
    if kind != HierarchyKind::Assumption {
        return Vec::new();
    }
    let written = Written::of(tree, node);
    let mut made: Vec<NodeId> =
        written.keyword("rules").map_or(&[][..], |list| declarations::items(tree, list)).to_vec();
    let faults = written.keywords.iter().map(|(_, _, value)| *value);
    made.extend(faults.filter(|&value| is_call_of(tree, value, &["deny", "delay", "allow"])));
    let item = |id: NodeId| HierarchyItem {
        name: tree.text_of(id).split_whitespace().collect::<Vec<_>>().join(" "),
        kind: HierarchyKind::Rule,
        location: file.location(tree.span(id)),
        name_span: tree.span(id),
    };
    made.into_iter().map(|id| HierarchyCall { item: item(id), from: vec![tree.span(id)] }).collect()
}

fn is_call_of(tree: &Tree, node: NodeId, names: &[&str]) -> bool {
    matches!(tree.kind(node), NodeKind::Call { callee, .. } if names.contains(&tree.text_of(*callee)))
}

#[cfg(test)]
mod tests {
    use super::{incoming, outgoing, prepare};
    use crate::ide::fixture::Fixture;

    const SPEC: &str = "def help():\n    pass\ndef drive():\n    help()\nslow = fault_assumption(\"slow\", target=db, write=delay(\"1s\"))\nfault_scenario(\"x\", scenario=drive, faults=slow)\n";

    #[track_caller]
    fn check(cursor_at: &str, out: &[&str], into: &[&str]) {
        let fixture = Fixture::new(&SPEC.replacen(cursor_at, &format!("$0{cursor_at}"), 1));
        fixture.ask(|snapshot, offset| {
            let item = prepare(snapshot, offset).expect("an item");
            let names = |calls: Vec<super::HierarchyCall>| {
                calls.into_iter().map(|call| call.item.name).collect::<Vec<_>>()
            };
            assert_eq!(names(outgoing(snapshot, &item)), out);
            assert_eq!(names(incoming(snapshot, &item)), into);
        });
    }

    #[test]
    fn callers_are_found_in_files_that_load_the_item() {
        let main = "def he$0lp():\n    pass\n";
        let other = "load(\"main.star\", \"help\")\ndef test_x():\n    help()\n";
        Fixture::new(&format!("{main}//- /w/other.star\n{other}")).ask(|snapshot, offset| {
            let item = prepare(snapshot, offset).expect("an item");
            let callers = incoming(snapshot, &item);
            assert_eq!(callers.iter().map(|call| &*call.item.name).collect::<Vec<_>>(), ["test_x"]);
        });
    }

    #[test]
    fn tests_lead_to_scenarios_assumptions_and_rules() {
        check("\"x\"", &["drive", "slow"], &[]);
        check("drive()", &["help"], &["test_x"]);
        check("\"slow\"", &["delay(\"1s\")"], &["test_x"]);
        check("help()", &[], &["drive"]);
    }
}
