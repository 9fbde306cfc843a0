//! The protocol's methods. Every message goes into the mailbox before the first await, so that the owner of the documents
//! sees all of them in the order the client sent them.

use super::about::About;
use super::capabilities;
use super::document::path_of;
use super::ext::{self, DiscoverAnswer, DiscoverParams, DocumentParams, MatrixAnswer, TraceParams};
use super::main_loop::{Event, Mailbox, Order, Query};
use super::requests;
use super::settings::{Client, Settings};
use super::state::World;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::PathBuf;
use tokio::sync::oneshot;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::lsp_types::*;
use tower_lsp::{LanguageServer, async_trait};

pub(super) struct Backend {
    mailbox: Mailbox,
}

impl Backend {
    pub(super) fn new(mailbox: Mailbox) -> Backend {
        Backend { mailbox }
    }

    fn put(&self, event: Event) {
        self.mailbox.put(event);
    }

    /// Has `answer` called with a copy of the world, on another thread.
    async fn ask<P, R>(&self, params: P, answer: fn(&World, P) -> Result<R>) -> Result<R>
    where
        P: About + Send + 'static,
        R: Send + 'static,
    {
        let (reply, answered) = oneshot::channel();
        let about = params.about().cloned();
        let query: Query = Box::new(move |world| {
            // A question the client took back needs no answer, and an answer nobody waits for is no harm.
            if !reply.is_closed() {
                let _ = reply.send(answer(world, params));
            }
        });
        self.put(Event::Ask { about, query });
        answered.await.unwrap_or_else(|_| Err(Error::internal_error()))
    }

    async fn order(&self, order: Order) -> Result<Value> {
        let (reply, answered) = oneshot::channel();
        self.put(Event::Order(order, reply));
        answered.await.unwrap_or_else(|_| Err(Error::internal_error()))
    }

    // --- what tower-lsp has no method for ---

    pub(super) async fn discover_tests(&self, params: DiscoverParams) -> Result<DiscoverAnswer> {
        self.ask(params, requests::discover::handle).await
    }

    pub(super) async fn matrix(&self, params: DocumentParams) -> Result<MatrixAnswer> {
        self.ask(params, requests::matrix::handle).await
    }

    pub(super) async fn results(&self, params: DocumentParams) -> Result<Value> {
        self.ask(params, requests::results::handle).await
    }

    pub(super) async fn trace(&self, params: TraceParams) -> Result<Value> {
        self.order(Order::Trace(params)).await
    }

    /// A run's token is its id.
    pub(super) async fn progress_cancel(&self, params: WorkDoneProgressCancelParams) {
        if let NumberOrString::String(run_id) = params.token {
            let (reply, _) = oneshot::channel();
            self.put(Event::Order(Order::Cancel(ext::CancelArgs { run_id: Some(run_id) }), reply));
        }
    }
}

#[async_trait]
impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        let client = Client::of(&params);
        let capabilities = capabilities::server(&client);
        let settings = Settings::of(&params);
        self.put(Event::Started { client, settings, folders: folders(&params) });
        if let Some(editor) = params.process_id {
            super::serve::end_with(editor);
        }
        let version = Some(env!("CARGO_PKG_VERSION").to_owned());
        Ok(InitializeResult {
            capabilities,
            server_info: Some(ServerInfo { name: "faultbox".to_owned(), version }),
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        self.put(Event::Initialized);
    }

    async fn shutdown(&self) -> Result<()> {
        let (done, stopped) = oneshot::channel();
        self.put(Event::Stop(done));
        // Answered or not, the client will say `exit` next.
        let _ = stopped.await;
        Ok(())
    }

    // --- documents ---

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        let TextDocumentItem { uri, version, text, .. } = params.text_document;
        self.put(Event::Opened { uri, version, text });
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        let VersionedTextDocumentIdentifier { uri, version } = params.text_document;
        self.put(Event::Changed { uri, version, changes: params.content_changes });
    }

    async fn did_save(&self, params: DidSaveTextDocumentParams) {
        self.put(Event::FilesChanged(vec![params.text_document.uri]));
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.put(Event::Closed { uri: params.text_document.uri });
    }

    // --- the workspace ---

    async fn did_change_workspace_folders(&self, params: DidChangeWorkspaceFoldersParams) {
        self.put(Event::FoldersChanged(params.event));
    }

    async fn did_change_watched_files(&self, params: DidChangeWatchedFilesParams) {
        self.put(Event::FilesChanged(params.changes.into_iter().map(|change| change.uri).collect()));
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        self.put(Event::SettingsChanged(params.settings));
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        let order = order(params)?;
        self.order(order).await.map(Some)
    }

    // --- questions ---

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        self.ask(params, requests::completion::handle).await
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        self.ask(params, requests::hover::handle).await
    }

    async fn signature_help(&self, params: SignatureHelpParams) -> Result<Option<SignatureHelp>> {
        self.ask(params, requests::signature_help::handle).await
    }

    async fn document_symbol(&self, params: DocumentSymbolParams) -> Result<Option<DocumentSymbolResponse>> {
        self.ask(params, requests::document_symbol::handle).await
    }

    async fn symbol(&self, params: WorkspaceSymbolParams) -> Result<Option<Vec<SymbolInformation>>> {
        self.ask(params, requests::document_symbol::workspace).await
    }

    async fn semantic_tokens_full(
        &self,
        params: SemanticTokensParams,
    ) -> Result<Option<SemanticTokensResult>> {
        self.ask(params, requests::semantic_tokens::handle).await
    }

    async fn goto_definition(&self, params: GotoDefinitionParams) -> Result<Option<GotoDefinitionResponse>> {
        self.ask(params, requests::definition::handle).await
    }

    async fn references(&self, params: ReferenceParams) -> Result<Option<Vec<Location>>> {
        self.ask(params, requests::references::handle).await
    }

    async fn document_highlight(
        &self,
        params: DocumentHighlightParams,
    ) -> Result<Option<Vec<DocumentHighlight>>> {
        self.ask(params, requests::document_highlight::handle).await
    }

    async fn prepare_rename(
        &self,
        params: TextDocumentPositionParams,
    ) -> Result<Option<PrepareRenameResponse>> {
        self.ask(params, requests::rename::prepare).await
    }

    async fn rename(&self, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
        self.ask(params, requests::rename::handle).await
    }

    async fn prepare_call_hierarchy(
        &self,
        params: CallHierarchyPrepareParams,
    ) -> Result<Option<Vec<CallHierarchyItem>>> {
        self.ask(params, requests::call_hierarchy::prepare).await
    }

    async fn incoming_calls(
        &self,
        params: CallHierarchyIncomingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyIncomingCall>>> {
        self.ask(params, requests::call_hierarchy::incoming).await
    }

    async fn outgoing_calls(
        &self,
        params: CallHierarchyOutgoingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyOutgoingCall>>> {
        self.ask(params, requests::call_hierarchy::outgoing).await
    }

    async fn folding_range(&self, params: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>> {
        self.ask(params, requests::folding_range::handle).await
    }

    async fn selection_range(&self, params: SelectionRangeParams) -> Result<Option<Vec<SelectionRange>>> {
        self.ask(params, requests::selection_range::handle).await
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        self.ask(params, requests::code_lens::handle).await
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        self.ask(params, requests::code_action::handle).await
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        self.ask(params, requests::inlay_hint::handle).await
    }
}

fn folders(params: &InitializeParams) -> Vec<PathBuf> {
    match &params.workspace_folders {
        Some(folders) => folders.iter().map(|folder| path_of(&folder.uri)).collect(),
        None => params.root_uri.iter().map(path_of).collect(),
    }
}

/// The first argument of a command is one object, so that it can grow.
fn order(params: ExecuteCommandParams) -> Result<Order> {
    let argument = params.arguments.into_iter().next();
    let order = match params.command.as_str() {
        ext::RUN => Order::Run(parse(argument)?),
        ext::SHOW_COMMAND => Order::ShowCommand(parse(argument)?),
        ext::RERUN_FAILED => Order::RerunFailed(parse(argument)?),
        ext::CANCEL => Order::Cancel(parse(argument)?),
        ext::CLEAR_RESULTS => Order::ClearResults(parse(argument)?),
        other => return Err(Error::invalid_params(format!("no such command: {other}"))),
    };
    Ok(order)
}

fn parse<T: DeserializeOwned>(argument: Option<Value>) -> Result<T> {
    let argument =
        argument.filter(|value| !value.is_null()).unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    serde_json::from_value(argument).map_err(|error| Error::invalid_params(error.to_string()))
}
