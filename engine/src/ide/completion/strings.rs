//! Between quotes, and where quotes could stand: the words a text may be.

use super::expected::Expected;
use super::particular::is_program;
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
        if wanted.ty == ParamType::Any && wanted.words.is_some() {
            return;
        }
        for word in self.words(&wanted, Some(string)) {
            list.plain(Rank::Wanted, CompletionKind::Value, &word.text, &word.detail, "");
        }
    }

    /// Whole literals where a value with known words is wanted.
    pub(super) fn literals(&self, list: &mut List, wanted: &Expected) {
        let bare = matches!(wanted.ty, ParamType::Int | ParamType::Number | ParamType::Any);
        // A program may stand where an interface is wanted; any other file is no help there.
        let is_help = |word: &Word| wanted.ty != ParamType::Interface || is_program(&word.text);
        for word in self.words(wanted, None).into_iter().filter(is_help) {
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
        let has_meanings = wanted.domain != Domain::None;
        if matches!(wanted.ty, ParamType::Int | ParamType::Number) && has_meanings {
            self.literals(list, wanted);
        }
    }

    /// The words of a wanted value, those of this spec included. `except` is the string being typed.
    fn words(&self, wanted: &Expected, except: Option<NodeId>) -> Vec<Word> {
        if let Some(words) = &wanted.words {
            return words.clone();
        }
        match wanted.domain {
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
            Domain::FilePath => {
                let files = self.listing.iter().filter(|path| !path.ends_with(".star"));
                files.map(|path| Word { text: path.clone(), detail: String::new() }).collect()
            }
            domain => domains::words(domain),
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

    pub(super) fn load_path(&self, list: &mut List, quoted: bool) {
        let own = self.snapshot.file;
        let is_own = |path: &str| {
            let found = self.snapshot.find(&self.snapshot.load_path(own, path));
            found.is_some_and(|file| file.path == own.path)
        };
        for path in self.listing.iter().filter(|path| path.ends_with(".star") && !is_own(path)) {
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
        let taken = self.loaded_from(other);
        let offered = loads::offered(other);
        for definition in offered.filter(|known| !taken.contains(&known.name.as_str())) {
            let kind = match definition.kind {
                DefinitionKind::Function => CompletionKind::Function,
                _ => CompletionKind::Variable,
            };
            self.literal(list, &definition.name, kind, "", quoted);
        }
    }

    /// The names of another file that are loaded already.
    fn loaded_from(&self, other: FileView<'_>) -> Vec<&str> {
        let (file, tree) = (self.snapshot.file, self.snapshot.tree());
        let names = tree.ids().filter_map(|id| match tree.kind(id) {
            NodeKind::Load { path, names } => {
                let from = self.snapshot.loaded(file, tree.string_value(*path)?)?;
                (from.path == other.path).then_some(names)
            }
            _ => None,
        });
        let others = names.flatten().filter_map(|&name| match tree.kind(name) {
            NodeKind::LoadName { original, .. } => Some(*original),
            _ => None,
        });
        let others = others.filter(|&original| !tree.span(original).touches(self.offset));
        others.filter_map(|original| tree.string_value(original)).collect()
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
