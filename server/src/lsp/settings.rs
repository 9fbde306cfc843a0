//! What the client can do and what its user wants, read once from `initialize` and again when settings change.

use super::ext::SHOW_TIMELINE;
use super::position::Encoding;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::num::NonZeroU32;
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
    /// How many tests run at the same time; `None` leaves it to the run.
    pub(super) jobs: Option<NonZeroU32>,
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

impl Default for Settings {
    fn default() -> Settings {
        Settings { trusted: true, lenses: Lenses::Always, jobs: None }
    }
}

impl Client {
    pub(super) fn of(params: &InitializeParams) -> Client {
        let abilities = &params.capabilities;
        let general = abilities.general.as_ref();
        let workspace = abilities.workspace.clone().unwrap_or_default();
        let text = abilities.text_document.clone().unwrap_or_default();
        let item = text.completion.and_then(|completion| completion.completion_item);
        let said = [experimental(abilities), params.initialization_options.as_ref()];
        let refreshes = |support: Option<Option<bool>>| support.flatten() == Some(true);
        Client {
            encoding: Encoding::negotiate(general.and_then(|general| general.position_encodings.as_deref())),
            test_events: said.into_iter().any(|object| wish(object, "testEvents") == Some(true)),
            shows_timeline: said
                .into_iter()
                .flat_map(|object| wish::<Vec<String>>(object, "commands").unwrap_or_default())
                .any(|name| name == SHOW_TIMELINE),
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
        Settings {
            trusted: wish(inner, "trusted").unwrap_or(self.trusted),
            lenses: wish(inner, "codeLens").unwrap_or(self.lenses),
            // 0 means one per core, which is what a run does when nothing is said.
            jobs: wish::<u32>(inner, "jobs").map_or(self.jobs, NonZeroU32::new),
        }
    }
}

fn experimental(abilities: &ClientCapabilities) -> Option<&Value> {
    abilities.experimental.as_ref()?.get("faultbox")
}

/// What is not understood counts as not said: a client's mistake in one setting must not cost the others.
fn wish<T: DeserializeOwned>(object: Option<&Value>, key: &str) -> Option<T> {
    T::deserialize(object?.get(key)?).ok()
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
        let jobs = NonZeroU32::new(3);
        let settings = Settings { trusted: false, lenses: Lenses::Always, jobs }.with(Some(&object));
        assert_eq!(settings, Settings { trusted: false, lenses: Lenses::Never, jobs });
        assert_eq!(settings.with(Some(&json!("nonsense"))), settings);
        assert_eq!(settings.with(Some(&json!({ "jobs": 0 }))).jobs, None, "0 leaves it to the run");
        assert_eq!(settings.with(Some(&json!({ "jobs": 5 }))).jobs, NonZeroU32::new(5));
    }

    #[test]
    fn a_mistake_in_one_setting_does_not_cost_the_others() {
        let settings =
            Settings::default().with(Some(&json!({ "trusted": false, "jobs": -1, "codeLens": 7 })));
        assert_eq!(settings, Settings { trusted: false, ..Settings::default() });
    }

    /// What VS Code offers is what the server understands, and the document has a row for each.
    #[test]
    fn the_settings_of_the_extension_are_understood() {
        let manifest: Value =
            serde_json::from_str(include_str!("../../../editors/vscode/package.json")).unwrap();
        let offered = &manifest["contributes"]["configuration"]["properties"];
        assert_eq!(offered["faultbox.jobs"]["default"], 0);
        assert_eq!(Settings::default().with(Some(&json!({ "jobs": 0 }))), Settings::default());
        for word in offered["faultbox.codeLens"]["enum"].as_array().unwrap() {
            assert!(wish::<Lenses>(Some(&json!({ "codeLens": word })), "codeLens").is_some(), "{word}");
        }
        let document = include_str!("../../../editors/PROTOCOL.md");
        for key in ["testEvents", "trusted", "codeLens", "jobs"] {
            assert!(document.contains(&format!("| `{key}` |")), "{key}");
        }
    }
}
