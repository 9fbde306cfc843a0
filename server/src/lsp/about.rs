//! Which document a request is about, so that the work for it can be counted.

use super::ext::{DiscoverParams, DocumentParams};
use tower_lsp::lsp_types::*;

/// Parameters of a request.
pub(super) trait About {
    /// The document; `None` for a request about the workspace.
    fn about(&self) -> Option<&Url>;
}

macro_rules! about {
    ($($params:ty: $($path:ident).+;)+) => {
        $(impl About for $params {
            fn about(&self) -> Option<&Url> {
                Some(&self.$($path).+)
            }
        })+
    };
}

about! {
    CallHierarchyIncomingCallsParams: item.uri;
    CallHierarchyOutgoingCallsParams: item.uri;
    CallHierarchyPrepareParams: text_document_position_params.text_document.uri;
    CodeActionParams: text_document.uri;
    CodeLensParams: text_document.uri;
    CompletionParams: text_document_position.text_document.uri;
    DocumentHighlightParams: text_document_position_params.text_document.uri;
    DocumentParams: text_document.uri;
    DocumentSymbolParams: text_document.uri;
    FoldingRangeParams: text_document.uri;
    GotoDefinitionParams: text_document_position_params.text_document.uri;
    HoverParams: text_document_position_params.text_document.uri;
    InlayHintParams: text_document.uri;
    ReferenceParams: text_document_position.text_document.uri;
    RenameParams: text_document_position.text_document.uri;
    SelectionRangeParams: text_document.uri;
    SemanticTokensParams: text_document.uri;
    SignatureHelpParams: text_document_position_params.text_document.uri;
    TextDocumentPositionParams: text_document.uri;
}

impl About for WorkspaceSymbolParams {
    fn about(&self) -> Option<&Url> {
        None
    }
}

impl About for DiscoverParams {
    fn about(&self) -> Option<&Url> {
        self.text_document.as_ref().map(|document| &document.uri)
    }
}
