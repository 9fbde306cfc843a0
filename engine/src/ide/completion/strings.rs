//! Between quotes, and where quotes could stand: the words a text may be.

use super::expected::Expected;
use super::{CompletionKind, Ground, List, Rank};
use crate::ide::call_site::Written;
use crate::ide::domains::{self, Word};
use crate::ide::{FileView, declarations, loads};
use crate::model::{Domain, ParamType, Protocol};
use crate::spec::registry;
use crate::syntax::cursor::Place;
use crate::syntax::scope::DefinitionKind;
use crate::syntax::{ArgumentKind, NodeId, NodeKind, Tree};

impl Ground<'_> {
    pub(super) fn string(&self, list: &mut List, place: &Place, string: NodeId) {
        let Some(wanted) = self.expected(place) else { return };
        for word in self.words(wanted.domain, Some(string)) {
            list.plain(Rank::Wanted, CompletionKind::Value, &word.text, &word.detail, "");
        }
    }

    /// Whole literals where a value with known words is wanted.
    pub(super) fn literals(&self, list: &mut List, wanted: &Expected) {
        let bare = matches!(wanted.ty, ParamType::Int | ParamType::Number);
        for word in self.words(wanted.domain, None) {
            let text = if bare { word.text } else { format!("\"{}\"", word.text) };
            list.plain(Rank::Wanted, CompletionKind::Value, &text, &word.detail, "");
        }
        if wanted.ty == ParamType::Bool {
            list.plain(Rank::Wanted, CompletionKind::Keyword, "True", "", "");
            list.plain(Rank::Wanted, CompletionKind::Keyword, "False", "", "");
        }
    }

    /// Numbers with a meaning, in place of one being typed.
    pub(super) fn numbers(&self, list: &mut List, wanted: &Expected) {
        if matches!(wanted.ty, ParamType::Int | ParamType::Number) {
            self.literals(list, wanted);
        }
    }

    /// The words of a domain, those of this spec included. `except` is the string being typed.
    fn words(&self, domain: Domain, except: Option<NodeId>) -> Vec<Word> {
        match domain {
            Domain::RequestPath => self.paths(except),
            Domain::ServiceName => {
                // A service cannot need itself.
                let others = |file: FileView<'_>| {
                    let is_own = file.path == self.snapshot.file.path;
                    let around = move |call: NodeId| is_own && file.tree().span(call).touches(self.offset);
                    let services = declarations::services(file).into_iter();
                    services.filter(move |service| !around(service.call)).collect::<Vec<_>>()
                };
                let services = self.snapshot.files().flat_map(others);
                services.map(|service| Word { text: service.name, detail: "a service".to_owned() }).collect()
            }
            Domain::Address => self.addresses(),
            Domain::FilePath => {
                let files = self.listing.iter().filter(|path| !path.ends_with(".star"));
                files.map(|path| Word { text: path.clone(), detail: String::new() }).collect()
            }
            _ => domains::words(domain),
        }
    }

    /// Paths that requests and rules of the specs at hand name, each once.
    fn paths(&self, except: Option<NodeId>) -> Vec<Word> {
        let mut words: Vec<Word> = Vec::new();
        for file in self.snapshot.files() {
            let own = file.path == self.snapshot.file.path;
            let tree = file.tree();
            let strings = tree.ids().filter(|&id| !own || Some(id) != except);
            let paths = strings.filter_map(|id| requested(tree, id));
            for path in paths.filter(|path| path.len() < 200) {
                if !words.iter().any(|word| word.text == path) {
                    words.push(Word { text: path.to_owned(), detail: "used in this spec".to_owned() });
                }
            }
        }
        words
    }

    /// `localhost:` and the ports of the interfaces.
    fn addresses(&self) -> Vec<Word> {
        let mut words = Vec::new();
        for service in declarations::services(self.snapshot.file) {
            let Some(shape) = self.inference.service(service.call) else { continue };
            for interface in &shape.interfaces {
                let Some(port) = interface.port else { continue };
                let detail = format!("{}.{}", shape.name, interface.name);
                words.push(Word { text: format!("localhost:{port}"), detail });
            }
        }
        words
    }

    pub(super) fn load_path(&self, list: &mut List, quoted: bool) {
        for path in self.listing.iter().filter(|path| path.ends_with(".star")) {
            self.literal(list, path, CompletionKind::File, "", quoted);
        }
        for (path, _) in crate::spec::recipes::EMBEDDED {
            self.literal(list, path, CompletionKind::File, "comes with Faultbox", quoted);
        }
    }

    pub(super) fn load_names(&self, list: &mut List, path: Option<&str>, quoted: bool) {
        let Some(other) = path.and_then(|path| self.snapshot.loaded(self.snapshot.file, path)) else {
            return;
        };
        for definition in loads::offered(other) {
            let kind = match definition.kind {
                DefinitionKind::Function => CompletionKind::Function,
                _ => CompletionKind::Variable,
            };
            self.literal(list, &definition.name, kind, "", quoted);
        }
    }

    fn literal(&self, list: &mut List, text: &str, kind: CompletionKind, detail: &str, quoted: bool) {
        let text = if quoted { text.to_owned() } else { format!("\"{text}\"") };
        list.plain(Rank::Wanted, kind, &text, detail, "");
    }
}

/// The path of a string that names one: an argument that is meant so, or the address of a health check.
fn requested(tree: &Tree, string: NodeId) -> Option<&str> {
    let text = tree.string_value(string)?;
    if text.starts_with('/') {
        return (!text.contains(char::is_whitespace) && is_request_path(tree, string)).then_some(text);
    }
    let rest = text.strip_prefix("http://").unwrap_or(text).strip_prefix("localhost:")?;
    rest.find('/').map(|at| &rest[at..])
}

/// True for `api.get("/x")` and `path="/x"`, but not for the path of a file.
fn is_request_path(tree: &Tree, string: NodeId) -> bool {
    let Some(argument) = tree.parent(string) else { return false };
    let call = tree.parent(argument).map(|call| (call, tree.kind(call)));
    let Some((call, NodeKind::Call { callee, .. })) = call else { return false };
    let method = match tree.kind(*callee) {
        NodeKind::Attribute { name, .. } => Some(tree.str(name.span)),
        _ => None,
    };
    match tree.kind(argument) {
        NodeKind::Argument { kind: ArgumentKind::Keyword(name), .. } => {
            let files = registry::find(tree.text_of(*callee)).is_some_and(|builtin| {
                builtin.params.iter().any(|param| param.name == "path" && param.domain == Domain::FilePath)
            });
            tree.str(name.span) == "path" && !files
        }
        NodeKind::Argument { kind: ArgumentKind::Positional, .. } => {
            let at = Written::of(tree, call).positional.iter().position(|&value| value == string);
            let schemas = Protocol::ALL.iter().map(|&one| crate::protocol::schema(one));
            let mut steps = schemas.flat_map(|schema| schema.steps).filter(|step| Some(step.name) == method);
            steps.any(|step| {
                let param = at.and_then(|at| step.params.get(at));
                param.is_some_and(|param| param.domain == Domain::RequestPath)
            })
        }
        _ => false,
    }
}
