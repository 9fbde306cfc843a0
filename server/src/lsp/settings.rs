//! What the client can do and what its user wants, read once from `initialize` and again when settings change.

use super::ext::SHOW_TIMELINE;
use super::position::Encoding;
use serde::Deserialize;
use serde_json::Value;
use tower_lsp::lsp_types::{ClientCapabilities, InitializeParams};

/// What this client understands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Client {
    pub(super) encoding: Encoding,
    pub(super) test_events: bool,
    pub(super) snippets: bool,
    pub(super) progress: bool,
    pub(super) refresh_lenses: bool,
    pub(super) refresh_hints: bool,
    pub(super) watches_files: bool,
    pub(super) nested_symbols: bool,
    /// It has a command that shows the timeline of a test.
    pub(super) shows_timeline: bool,
}

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Settings {
    /// False: nothing of the workspace is evaluated or run.
    pub(super) trusted: bool,
    pub(super) lenses: Lenses,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Lenses {
    #[default]
    Always,
    /// Only where there is an outcome.
    Results,
    Never,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Wishes {
    test_events: bool,
    /// Commands the client has and the server may put behind a lens.
    commands: Vec<String>,
    trusted: Option<bool>,
    code_lens: Option<Lenses>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { trusted: true, lenses: Lenses::Always }
    }
}

impl Client {
    pub(super) fn of(params: &InitializeParams) -> Client {
        let abilities = &params.capabilities;
        let general = abilities.general.as_ref();
        let workspace = abilities.workspace.clone().unwrap_or_default();
        let text = abilities.text_document.clone().unwrap_or_default();
        let item = text.completion.and_then(|completion| completion.completion_item);
        let said = [experimental(abilities), params.initialization_options.as_ref()].map(wishes);
        let refreshes = |support: Option<Option<bool>>| support.flatten() == Some(true);
        Client {
            encoding: Encoding::negotiate(general.and_then(|general| general.position_encodings.as_deref())),
            test_events: said.iter().any(|wishes| wishes.test_events),
            shows_timeline: said.iter().flat_map(|wishes| &wishes.commands).any(|name| name == SHOW_TIMELINE),
            snippets: item.and_then(|item| item.snippet_support) == Some(true),
            progress: abilities.window.as_ref().and_then(|window| window.work_done_progress) == Some(true),
            refresh_lenses: refreshes(workspace.code_lens.map(|lens| lens.refresh_support)),
            refresh_hints: refreshes(workspace.inlay_hint.map(|hint| hint.refresh_support)),
            watches_files: refreshes(
                workspace.did_change_watched_files.map(|watch| watch.dynamic_registration),
            ),
            nested_symbols: text
                .document_symbol
                .and_then(|symbol| symbol.hierarchical_document_symbol_support)
                == Some(true),
        }
    }
}

impl Settings {
    pub(super) fn of(params: &InitializeParams) -> Settings {
        Settings::default()
            .with(experimental(&params.capabilities))
            .with(params.initialization_options.as_ref())
    }

    /// Takes over what the object says; settings it does not name stay. Also understands `{"faultbox": {…}}`.
    pub(super) fn with(self, object: Option<&Value>) -> Settings {
        let inner = object.map(|object| object.get("faultbox").unwrap_or(object));
        let wishes = wishes(inner);
        Settings {
            trusted: wishes.trusted.unwrap_or(self.trusted),
            lenses: wishes.code_lens.unwrap_or(self.lenses),
        }
    }
}

fn experimental(abilities: &ClientCapabilities) -> Option<&Value> {
    abilities.experimental.as_ref()?.get("faultbox")
}

/// What is not understood counts as not said: a client's mistake must not keep the server from starting.
fn wishes(object: Option<&Value>) -> Wishes {
    object.and_then(|object| Wishes::deserialize(object).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_ways_of_opting_in_are_understood() {
        for params in [
            json!({"capabilities": {"experimental": {"faultbox": {"version": 1, "testEvents": true}}}}),
            json!({"capabilities": {}, "initializationOptions": {"testEvents": true}}),
        ] {
            let params: InitializeParams = serde_json::from_value(params).unwrap();
            assert!(Client::of(&params).test_events, "{params:?}");
            assert_eq!(Settings::of(&params), Settings::default());
        }
    }

    #[test]
    fn settings_change_only_what_they_name() {
        let object = json!({"faultbox": {"codeLens": "never", "other": 1}});
        let settings = Settings { trusted: false, lenses: Lenses::Always }.with(Some(&object));
        assert_eq!(settings, Settings { trusted: false, lenses: Lenses::Never });
        assert_eq!(settings.with(Some(&json!("nonsense"))), settings);
    }
}
