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
    Ok(Some(answer(help)))
}

/// The protocol has no word for "none of them": no number, and one behind the last, mean the first parameter (LSP 3.17,
/// `SignatureHelp`). Only of a signature without parameters nothing is marked.
fn answer(help: signature::SignatureHelp) -> SignatureHelp {
    let parameters = help.parameters.iter().map(|parameter| self::parameter(&help.label, parameter));
    let active = help.active.map(|at| at as u32);
    let signature = SignatureInformation {
        documentation: markdown(&help.doc),
        parameters: active.map(|_| parameters.collect()),
        active_parameter: active,
        label: help.label,
    };
    SignatureHelp { signatures: vec![signature], active_signature: Some(0), active_parameter: active }
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

#[cfg(test)]
mod tests {
    use super::answer;
    use faultbox_engine::ide::signature::{ParameterHelp, SignatureHelp};

    #[test]
    fn nothing_is_marked_when_no_parameter_is_at_hand() {
        let marked = |active: Option<usize>| {
            let parameters = vec![ParameterHelp { label: (2, 3), doc: String::new() }];
            let help = SignatureHelp { label: "f(a)".to_owned(), doc: String::new(), parameters, active };
            let answer = answer(help);
            let shown = answer.signatures[0].parameters.as_ref().map(Vec::len);
            (shown, answer.signatures[0].active_parameter, answer.active_parameter)
        };
        assert_eq!(marked(Some(0)), (Some(1), Some(0), Some(0)));
        assert_eq!(marked(None), (None, None, None));
    }
}
