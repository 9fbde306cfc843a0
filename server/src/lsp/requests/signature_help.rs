//! `textDocument/signatureHelp`

use crate::lsp::state::World;
use faultbox_engine::ide::signature::{self, ParameterHelp};
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::{
    Documentation, MarkupContent, MarkupKind, ParameterInformation, ParameterLabel, SignatureHelp,
    SignatureHelpParams, SignatureInformation,
};

pub(in crate::lsp) fn handle(world: &World, params: SignatureHelpParams) -> Result<Option<SignatureHelp>> {
    let (document, offset) = super::at(world, &params.text_document_position_params)?;
    let found = world.with_snapshot(document, |snapshot| signature::signature_help(snapshot, offset));
    let Some(help) = found else { return Ok(None) };
    // The protocol has no word for "none of them"; a number behind the last is understood so.
    let active = help.active.unwrap_or(help.parameters.len()) as u32;
    let parameters =
        help.parameters.iter().map(|parameter| self::parameter(&help.label, parameter)).collect();
    let signature = SignatureInformation {
        documentation: markdown(&help.doc),
        parameters: Some(parameters),
        active_parameter: Some(active),
        label: help.label,
    };
    Ok(Some(SignatureHelp {
        signatures: vec![signature],
        active_signature: Some(0),
        active_parameter: Some(active),
    }))
}

/// Offsets into a label are UTF-16 units whatever encoding positions have.
fn parameter(label: &str, parameter: &ParameterHelp) -> ParameterInformation {
    let units = |byte: u32| label.get(..byte as usize).unwrap_or(label).encode_utf16().count() as u32;
    ParameterInformation {
        label: ParameterLabel::LabelOffsets([units(parameter.label.0), units(parameter.label.1)]),
        documentation: markdown(&parameter.doc),
    }
}

fn markdown(text: &str) -> Option<Documentation> {
    let content = MarkupContent { kind: MarkupKind::Markdown, value: text.to_owned() };
    (!text.is_empty()).then_some(Documentation::MarkupContent(content))
}
