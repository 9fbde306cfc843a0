//! What a file declares, as an outline of the file and as a list for the whole workspace.

use super::declarations::{self, TestSort};
use super::infer::Inference;
use super::value::Value;
use super::{FileView, Location, Snapshot, fuzzy};
use crate::syntax::NodeKind;
use crate::text::Span;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolKind {
    Service,
    Interface,
    Assumption,
    Test,
    Scenario,
    FaultScenario,
    Matrix,
    Function,
    Variable,
}

/// A declaration and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    pub name: String,
    pub detail: String,
    pub kind: SymbolKind,
    /// The whole declaration.
    pub span: Span,
    /// Its name; lies in `span`.
    pub name_span: Span,
    pub children: Vec<Symbol>,
}

/// A declaration somewhere in the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceSymbol {
    pub name: String,
    pub kind: SymbolKind,
    pub location: Location,
}

/// The declarations of the file, in the order of the text.
pub fn document_symbols(snapshot: &Snapshot<'_>) -> Vec<Symbol> {
    let file = snapshot.file;
    let mut symbols = services(snapshot);
    symbols.extend(assumptions(file));
    symbols.extend(tests(file));
    symbols.extend(matrices(file));
    symbols.extend(others(file, &symbols));
    symbols.sort_by_key(|symbol| symbol.span.start);
    symbols
}

/// Declarations of all files at hand whose name has the letters of `query` in their order; at most 256.
pub fn workspace_symbols(snapshot: &Snapshot<'_>, query: &str) -> Vec<WorkspaceSymbol> {
    let mut found = Vec::new();
    for file in snapshot.files() {
        let own = Snapshot { file, ..*snapshot };
        let matching =
            document_symbols(&own).into_iter().filter(|symbol| fuzzy::matches(query, &symbol.name));
        found.extend(matching.map(|symbol| WorkspaceSymbol {
            name: symbol.name,
            kind: symbol.kind,
            location: file.location(symbol.name_span),
        }));
    }
    found.truncate(256);
    found
}

fn services(snapshot: &Snapshot<'_>) -> Vec<Symbol> {
    let file = snapshot.file;
    let inference = Inference::new(*snapshot);
    let symbol = |declared: declarations::ServiceDeclaration| {
        let shape = match inference.of(declared.call) {
            Value::Service(shape) => Some(shape),
            _ => None,
        };
        let interfaces = shape.iter().flat_map(|shape| &shape.interfaces);
        let children = interfaces.filter_map(|interface| {
            let place = interface.location.as_ref().filter(|place| place.path == file.path)?;
            let protocol = interface.protocol.map_or("?", crate::model::Protocol::name);
            let port = interface.port.map_or_else(|| "?".to_owned(), |port| port.to_string());
            Some(Symbol {
                name: interface.name.clone(),
                detail: format!("{protocol} :{port}"),
                kind: SymbolKind::Interface,
                span: place.span,
                name_span: place.span,
                children: Vec::new(),
            })
        });
        Symbol {
            name: declared.name,
            detail: "service".to_owned(),
            kind: SymbolKind::Service,
            span: file.tree().span(declared.call),
            name_span: declared.name_span,
            children: children.collect(),
        }
    };
    declarations::services(file).into_iter().map(symbol).collect()
}

fn assumptions(file: FileView<'_>) -> Vec<Symbol> {
    let symbol = |declared: declarations::AssumptionDeclaration| {
        let target = file.tree().keyword_argument(declared.call, "target");
        Symbol {
            name: declared.name,
            detail: target.map_or("fault", |target| file.tree().text_of(target)).to_owned(),
            kind: SymbolKind::Assumption,
            span: file.tree().span(declared.call),
            name_span: declared.name_span,
            children: Vec::new(),
        }
    };
    declarations::assumptions(file).into_iter().map(symbol).collect()
}

fn tests(file: FileView<'_>) -> Vec<Symbol> {
    let symbol = |test: declarations::TestDeclaration| {
        let (kind, detail) = match test.sort {
            TestSort::Body => (SymbolKind::Test, "test"),
            TestSort::Scenario => (SymbolKind::Scenario, "scenario"),
            TestSort::FaultScenario => (SymbolKind::FaultScenario, "fault scenario"),
        };
        Symbol {
            name: test.name,
            detail: detail.to_owned(),
            kind,
            span: file.tree().span(test.node),
            name_span: test.name_span,
            children: Vec::new(),
        }
    };
    declarations::tests(file).into_iter().map(symbol).collect()
}

fn matrices(file: FileView<'_>) -> Vec<Symbol> {
    let tree = file.tree();
    let symbol = |matrix: declarations::MatrixDeclaration| {
        let name_span = match tree.kind(matrix.call) {
            NodeKind::Call { callee, .. } => tree.span(*callee),
            _ => tree.span(matrix.call),
        };
        Symbol {
            name: format!("{} × {}", matrix.scenarios.len(), matrix.faults.len()),
            detail: "fault matrix".to_owned(),
            kind: SymbolKind::Matrix,
            span: tree.span(matrix.call),
            name_span,
            children: Vec::new(),
        }
    };
    declarations::matrices(file).into_iter().map(symbol).collect()
}

/// Functions that are no tests, and variables that hold none of the declarations above.
fn others(file: FileView<'_>, known: &[Symbol]) -> Vec<Symbol> {
    let tree = file.tree();
    let symbol = |&statement: &crate::syntax::NodeId| {
        let span = tree.span(statement);
        let (kind, name_span) = match tree.kind(statement) {
            NodeKind::Def { name, .. } => (SymbolKind::Function, name.span),
            NodeKind::Assign { target, .. } if matches!(tree.kind(*target), NodeKind::Name) => {
                (SymbolKind::Variable, tree.span(*target))
            }
            _ => return None,
        };
        let declared = known.iter().any(|other| span.start <= other.span.start && other.span.end <= span.end);
        (!declared && !name_span.is_empty()).then(|| Symbol {
            name: tree.str(name_span).to_owned(),
            detail: String::new(),
            kind,
            span,
            name_span,
            children: Vec::new(),
        })
    };
    tree.statements().iter().filter_map(symbol).collect()
}

#[cfg(test)]
mod tests {
    use super::{document_symbols, workspace_symbols};
    use crate::ide::fixture::Fixture;

    #[test]
    fn declarations_are_listed_with_what_they_hold() {
        let fixture = Fixture::new(
            "BIN = \"x\"\ndb = service(\"db\", BIN, interface(\"main\", \"tcp\", 5432))\ndef health():\n    pass\nscenario(health)\nf = fault_assumption(\"slow\", target = db.main)\nfault_matrix(scenarios=[health], faults=[f])\ndef test_x():\n    pass\n",
        );
        let symbols = fixture.ask(|snapshot, _| document_symbols(snapshot));
        let shown: Vec<String> = symbols
            .iter()
            .flat_map(|symbol| std::iter::once(symbol).chain(&symbol.children))
            .map(|symbol| {
                format!("{:?} {} {}", symbol.kind, symbol.name, symbol.detail).trim_end().to_owned()
            })
            .collect();
        assert_eq!(
            shown,
            [
                "Variable BIN",
                "Service db service",
                "Interface main tcp :5432",
                "Function health",
                "Scenario test_health scenario",
                "Assumption slow db.main",
                "Matrix 1 × 1 fault matrix",
                "Test test_x test",
            ]
        );
    }

    #[test]
    fn the_workspace_is_searched_by_letters() {
        let fixture = Fixture::new("def place_order():\n    pass\n//- /w/b.star\ndef replace():\n    pass\n");
        let found = |query: &str| {
            let found = fixture.ask(|snapshot, _| workspace_symbols(snapshot, query));
            found.into_iter().map(|symbol| symbol.name).collect::<Vec<_>>()
        };
        assert_eq!(found("plac"), ["place_order", "replace"]);
        assert_eq!(found("po"), ["place_order"]);
        assert!(found("zzz").is_empty());
    }
}
