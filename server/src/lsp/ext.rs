//! What we speak beyond the protocol. `editors/PROTOCOL.md` documents each method; a test compares the two.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_lsp::lsp_types::notification::Notification;
use tower_lsp::lsp_types::{Location, Range, TextDocumentIdentifier, Url};

/// Version of everything in this file, told to clients that ask for it.
pub(super) const VERSION: u32 = 1;

pub(super) const RUN: &str = "faultbox.run";
pub(super) const RERUN_FAILED: &str = "faultbox.rerunFailed";
pub(super) const CANCEL: &str = "faultbox.cancel";
pub(super) const CLEAR_RESULTS: &str = "faultbox.clearResults";
pub(super) const SHOW_COMMAND: &str = "faultbox.showCommand";

/// A command of the client's own, which a lens names only when the client has said that it has it.
pub(super) const SHOW_TIMELINE: &str = "faultbox.editor.showTimeline";

/// Commands of `workspace/executeCommand`.
pub(super) const COMMANDS: &[&str] = &[RUN, RERUN_FAILED, CANCEL, CLEAR_RESULTS, SHOW_COMMAND];

pub(super) const DISCOVER_TESTS: &str = "faultbox/discoverTests";
pub(super) const MATRIX: &str = "faultbox/matrix";
pub(super) const RESULTS: &str = "faultbox/results";
pub(super) const TRACE: &str = "faultbox/trace";

/// A standard notification that tower-lsp 0.20 has no trait method for.
pub(super) const PROGRESS_CANCEL: &str = "window/workDoneProgress/cancel";

// --- arguments of commands ---

/// Which tests to run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunArgs {
    pub(super) uri: Url,
    /// Full or short names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tests: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) all: bool,
    /// Only those whose last outcome was bad.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) failed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<u64>,
}

impl RunArgs {
    /// About this file, with nothing chosen yet.
    pub(super) fn of(uri: &Url) -> RunArgs {
        RunArgs { uri: uri.clone(), tests: None, all: false, failed: false, seed: None }
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UriArgs {
    #[serde(default)]
    pub(super) uri: Option<Url>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CancelArgs {
    #[serde(default)]
    pub(super) run_id: Option<String>,
}

/// The argument of [`SHOW_TIMELINE`].
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TimelineArgs {
    pub(super) uri: Url,
    pub(super) run_id: String,
    /// Full name.
    pub(super) test: String,
}

// --- requests ---

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DiscoverParams {
    #[serde(default)]
    pub(super) text_document: Option<TextDocumentIdentifier>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct DiscoverAnswer {
    pub(super) files: Vec<FileTests>,
}

/// Every test of one file, replacing what was known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FileTests {
    pub(super) uri: Url,
    pub(super) version: Option<i32>,
    pub(super) tests: Vec<TestItem>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestItem {
    pub(super) id: String,
    pub(super) label: String,
    pub(super) kind: TestItemKind,
    pub(super) parent: Option<String>,
    pub(super) run: Vec<String>,
    pub(super) range: Range,
    pub(super) selection_range: Range,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum TestItemKind {
    Test,
    Scenario,
    FaultScenario,
    Matrix,
    Cell,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DocumentParams {
    pub(super) text_document: TextDocumentIdentifier,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct MatrixAnswer {
    pub(super) matrices: Vec<MatrixView>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MatrixView {
    pub(super) range: Range,
    pub(super) scenarios: Vec<String>,
    pub(super) faults: Vec<String>,
    pub(super) scenario_ranges: Vec<Option<Location>>,
    pub(super) fault_ranges: Vec<Option<Location>>,
    pub(super) cells: Vec<CellView>,
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct CellView {
    pub(super) row: usize,
    pub(super) column: usize,
    /// `None` for an excluded pair.
    pub(super) test: Option<String>,
    pub(super) result: Option<ResultView>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResultView {
    pub(super) outcome: String,
    pub(super) duration_ms: Option<f64>,
    pub(super) message: Option<String>,
    pub(super) fired: Option<bool>,
    pub(super) run_id: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TraceParams {
    pub(super) run_id: String,
    #[serde(default)]
    pub(super) test: Option<String>,
}

// --- notifications from the server ---

/// `faultbox/testEvent`
pub(super) enum TestEvent {}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestEventParams {
    pub(super) run_id: String,
    pub(super) seq: u64,
    pub(super) uri: Url,
    pub(super) event: Value,
}

/// `faultbox/testsChanged`
pub(super) enum TestsChanged {}

/// `faultbox/resultsChanged`
pub(super) enum ResultsChanged {}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ResultsChangedParams {
    pub(super) uri: Url,
}

/// `faultbox/status`
pub(super) enum Status {}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StatusParams {
    pub(super) health: Health,
    pub(super) running: usize,
    pub(super) message: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Health {
    Ok,
    Warning,
}

impl Notification for TestEvent {
    type Params = TestEventParams;
    const METHOD: &'static str = "faultbox/testEvent";
}

impl Notification for TestsChanged {
    type Params = FileTests;
    const METHOD: &'static str = "faultbox/testsChanged";
}

impl Notification for ResultsChanged {
    type Params = ResultsChangedParams;
    const METHOD: &'static str = "faultbox/resultsChanged";
}

impl Notification for Status {
    type Params = StatusParams;
    const METHOD: &'static str = "faultbox/status";
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    /// Every `faultbox…` name in this file's code is a heading or a table row of the document.
    #[test]
    fn the_document_names_every_method() {
        let document = include_str!("../../../editors/PROTOCOL.md");
        let code = include_str!("ext.rs").split("#[cfg(test)]").next().unwrap();
        let names: Vec<&str> = code
            .split('"')
            .filter(|word| word.starts_with("faultbox.") || word.starts_with("faultbox/"))
            .collect();
        assert!(names.len() >= 13, "{names:?}");
        for name in names {
            let said =
                document.contains(&format!("### `{name}`")) || document.contains(&format!("| `{name}` |"));
            assert!(said, "{name} is not documented in editors/PROTOCOL.md");
        }
    }
}
