//! `textDocument/semanticTokens/full`

use crate::lsp::document::Document;
use crate::lsp::state::World;
use crate::lsp::to_proto;
use faultbox_engine::ide::tokens::{self, TokenType};
use faultbox_engine::text::Source;
use tower_lsp::jsonrpc::Result;
use tower_lsp::lsp_types::*;

pub(in crate::lsp) fn options() -> SemanticTokensOptions {
    SemanticTokensOptions {
        legend: SemanticTokensLegend {
            token_types: TokenType::ALL.iter().map(|&ty| name(ty)).collect(),
            token_modifiers: vec![SemanticTokenModifier::DEFINITION, SemanticTokenModifier::DEFAULT_LIBRARY],
        },
        range: None,
        full: Some(SemanticTokensFullOptions::Bool(true)),
        work_done_progress_options: WorkDoneProgressOptions::default(),
    }
}

const DEFINITION: u32 = 1;
const DEFAULT_LIBRARY: u32 = 2;

pub(in crate::lsp) fn handle(
    world: &World,
    params: SemanticTokensParams,
) -> Result<Option<SemanticTokensResult>> {
    let document = super::document(world, &params.text_document.uri)?;
    let found = world.with_snapshot(document, tokens::semantic_tokens);
    let data = encode(world, document, &found);
    Ok(Some(SemanticTokensResult::Tokens(SemanticTokens { result_id: None, data })))
}

/// Each piece relative to the one before; pieces over several lines are cut at the line ends.
fn encode(world: &World, document: &Document, found: &[tokens::SemanticToken]) -> Vec<SemanticToken> {
    let mut data = Vec::with_capacity(found.len());
    let mut last = Position::default();
    for token in found {
        let ty = TokenType::ALL.iter().position(|&ty| ty == token.ty).unwrap_or(0) as u32;
        let library = if token.ty == TokenType::Builtin { DEFAULT_LIBRARY } else { 0 };
        let definition = if token.is_definition { DEFINITION } else { 0 };
        for (start, end) in lines(&document.source, token.span.start, token.span.end) {
            let range = to_proto::range(&document.source, start, end, world.client.encoding);
            let delta_line = range.start.line - last.line;
            let before = if delta_line == 0 { last.character } else { 0 };
            data.push(SemanticToken {
                delta_line,
                delta_start: range.start.character - before,
                length: range.end.character - range.start.character,
                token_type: ty,
                token_modifiers_bitset: definition | library,
            });
            last = range.start;
        }
    }
    data
}

/// The parts of `start..end` on each line, without line ends and without empty ones.
fn lines(source: &Source, start: u32, end: u32) -> Vec<(u32, u32)> {
    let (first, last) = (source.lines.position(start).line, source.lines.position(end).line);
    let part = |line: u32| {
        let begin = source.lines.line_range(line).start;
        let visible_end = begin + source.line(line).len() as u32;
        (start.max(begin), end.min(visible_end))
    };
    (first..=last).map(part).filter(|(start, end)| start < end).collect()
}

fn name(ty: TokenType) -> SemanticTokenType {
    match ty {
        TokenType::Keyword => SemanticTokenType::KEYWORD,
        TokenType::Builtin | TokenType::Function => SemanticTokenType::FUNCTION,
        TokenType::Parameter => SemanticTokenType::PARAMETER,
        TokenType::Variable => SemanticTokenType::VARIABLE,
        TokenType::Service => SemanticTokenType::CLASS,
        TokenType::Interface => SemanticTokenType::INTERFACE,
        TokenType::Method => SemanticTokenType::METHOD,
        TokenType::Property => SemanticTokenType::PROPERTY,
        TokenType::Argument => SemanticTokenType::new("argument"),
        TokenType::Assumption => SemanticTokenType::EVENT,
        TokenType::String => SemanticTokenType::STRING,
        TokenType::Number => SemanticTokenType::NUMBER,
        TokenType::Comment => SemanticTokenType::COMMENT,
        TokenType::Operator => SemanticTokenType::OPERATOR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_over_lines_is_cut_at_their_ends() {
        let source = Source::new("/x", "a = \"\"\"one\r\n\ntwo\"\"\"\n");
        let parts = lines(&source, 4, 20);
        let texts: Vec<&str> =
            parts.iter().map(|(start, end)| &source.text[*start as usize..*end as usize]).collect();
        assert_eq!(texts, ["\"\"\"one", "two\"\"\""]);
    }
}
