//! Between quotes, and where quotes could stand: the words a text may be.

use super::expected::Expected;
use super::{CompletionKind, Ground, List, Rank};
use crate::ide::declarations;
use crate::ide::domains::{self, Word};
use crate::model::{Domain, ParamType};
use crate::syntax::NodeId;
use crate::syntax::cursor::Place;
use crate::syntax::scope::DefinitionKind;

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

    /// The words of a domain, those of this spec included. `except` is the string being typed.
    fn words(&self, domain: Domain, except: Option<NodeId>) -> Vec<Word> {
        match domain {
            Domain::RequestPath => self.paths(except),
            Domain::ServiceName => {
                let services = self.snapshot.files().flat_map(declarations::services);
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

    /// Texts of the specs at hand that look like request paths, each once.
    fn paths(&self, except: Option<NodeId>) -> Vec<Word> {
        let mut words: Vec<Word> = Vec::new();
        for file in self.snapshot.files() {
            let own = file.path == self.snapshot.file.path;
            let tree = file.tree();
            let strings = tree.ids().filter(|&id| !own || Some(id) != except);
            let paths = strings.filter_map(|id| tree.string_value(id)).filter_map(path_in);
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
        for (_, definition) in other.scopes.definitions() {
            let exported = definition.is_global && !definition.name.starts_with('_');
            if exported && definition.kind != DefinitionKind::Loaded {
                let kind = match definition.kind {
                    DefinitionKind::Function => CompletionKind::Function,
                    _ => CompletionKind::Variable,
                };
                self.literal(list, &definition.name, kind, "", quoted);
            }
        }
    }

    fn literal(&self, list: &mut List, text: &str, kind: CompletionKind, detail: &str, quoted: bool) {
        let text = if quoted { text.to_owned() } else { format!("\"{text}\"") };
        list.plain(Rank::Wanted, kind, &text, detail, "");
    }
}

/// The path of a text: itself, or what follows host and port of a health check.
fn path_in(text: &str) -> Option<&str> {
    if text.starts_with('/') && !text.contains(char::is_whitespace) {
        return Some(text);
    }
    let rest = text.strip_prefix("http://").unwrap_or(text).strip_prefix("localhost:")?;
    rest.find('/').map(|at| &rest[at..])
}
