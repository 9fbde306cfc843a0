//! Colours: what each name and literal of a file is.

use super::Snapshot;
use super::infer::Inference;
use super::value::Value;
use crate::spec::registry;
use crate::syntax::lexer::TokenKind;
use crate::syntax::scope::DefinitionKind;
use crate::syntax::{NodeId, NodeKind};
use crate::text::Span;

/// What a piece of text is. [`TokenType::ALL`] is the legend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenType {
    Keyword,
    Builtin,
    Function,
    Parameter,
    Variable,
    Service,
    Interface,
    /// A step of an interface.
    Method,
    Property,
    /// The name of a keyword argument.
    Argument,
    Assumption,
    String,
    Number,
    Comment,
    Operator,
}

impl TokenType {
    pub const ALL: &[TokenType] = &[
        TokenType::Keyword,
        TokenType::Builtin,
        TokenType::Function,
        TokenType::Parameter,
        TokenType::Variable,
        TokenType::Service,
        TokenType::Interface,
        TokenType::Method,
        TokenType::Property,
        TokenType::Argument,
        TokenType::Assumption,
        TokenType::String,
        TokenType::Number,
        TokenType::Comment,
        TokenType::Operator,
    ];
}

/// One coloured piece. Pieces may span lines (strings); they never overlap and stand in the order of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SemanticToken {
    pub span: Span,
    pub ty: TokenType,
    /// True where the name is bound.
    pub is_definition: bool,
}

/// The colours of the whole file.
pub fn semantic_tokens(snapshot: &Snapshot<'_>) -> Vec<SemanticToken> {
    let file = snapshot.file.tree().file;
    let parsed = snapshot.file.parsed;
    let mut tokens = names(snapshot);
    for token in parsed.tokens.iter().filter(|token| token.start < token.end) {
        let ty = match token.kind {
            TokenKind::Keyword(_) => TokenType::Keyword,
            kind if kind.is_string() => TokenType::String,
            TokenKind::Int | TokenKind::Float => TokenType::Number,
            TokenKind::Comment => TokenType::Comment,
            TokenKind::Operator(_) | TokenKind::Augmented(_) => TokenType::Operator,
            _ => continue,
        };
        let span = Span { file, start: token.start, end: token.end };
        tokens.push(SemanticToken { span, ty, is_definition: false });
    }
    tokens.sort_by_key(|token| (token.span.start, token.span.end));
    // A name in a `load` lies in its string.
    let mut end = 0;
    tokens.retain(|token| {
        let keep = token.span.start >= end;
        if keep {
            end = token.span.end;
        }
        keep
    });
    tokens
}

fn names(snapshot: &Snapshot<'_>) -> Vec<SemanticToken> {
    let tree = snapshot.tree();
    let inference = Inference::new(*snapshot);
    let mut tokens = Vec::new();
    for id in tree.ids() {
        let Some(span) = tree.name_of(id).filter(|span| !span.is_empty()) else { continue };
        let ty = match tree.kind(id) {
            NodeKind::LoadName { .. } => continue,
            NodeKind::Argument { .. } => TokenType::Argument,
            NodeKind::Param { .. } => TokenType::Parameter,
            NodeKind::Def { .. } => TokenType::Function,
            NodeKind::Attribute { object, .. } => attribute(&inference, *object, tree.str(span)),
            _ => name(snapshot, &inference, id),
        };
        let bound = snapshot.file.scopes.resolve(id).is_some_and(|definition| {
            let bindings = &snapshot.file.scopes.definition(definition).bindings;
            bindings.iter().any(|binding| binding.span == span)
        });
        tokens.push(SemanticToken { span, ty, is_definition: bound });
    }
    tokens
}

fn attribute(inference: &Inference<'_>, object: NodeId, name: &str) -> TokenType {
    match super::infer::attribute_of(&inference.of(object), name) {
        Value::Interface(..) => TokenType::Interface,
        Value::Step(..) => TokenType::Method,
        _ => TokenType::Property,
    }
}

fn name<'a>(snapshot: &Snapshot<'a>, inference: &Inference<'a>, id: NodeId) -> TokenType {
    let Some(definition) = snapshot.file.scopes.resolve(id) else {
        return match snapshot.tree().text_of(id) {
            "True" | "False" | "None" => TokenType::Keyword,
            word if registry::find(word).is_some() => TokenType::Builtin,
            _ => TokenType::Variable,
        };
    };
    let definition = snapshot.file.scopes.definition(definition);
    match definition.kind {
        DefinitionKind::Parameter => TokenType::Parameter,
        DefinitionKind::Function => TokenType::Function,
        _ => match inference.definition(snapshot.file, definition) {
            Value::Service(_) => TokenType::Service,
            Value::Interface(..) => TokenType::Interface,
            Value::Assumption(_) => TokenType::Assumption,
            Value::Function(_) => TokenType::Function,
            _ => TokenType::Variable,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{TokenType, semantic_tokens};
    use crate::ide::fixture::Fixture;

    #[test]
    fn bytes_are_coloured_as_strings_are_prefix_included() {
        let fixture = Fixture::new("x = b\"a\\xff\" + rb'c' + \"d\"\n");
        let tokens = fixture.ask(|snapshot, _| semantic_tokens(snapshot));
        let strings = tokens.iter().filter(|token| token.ty == TokenType::String);
        let texts = strings.map(|at| &fixture.text()[at.span.start as usize..at.span.end as usize]);
        assert_eq!(texts.collect::<Vec<_>>(), ["b\"a\\xff\"", "rb'c'", "\"d\""]);
    }

    #[test]
    fn names_are_told_apart() {
        let fixture = Fixture::new(
            "db = service(\"db\", interface(\"main\", \"tcp\", 1))\ndef f(a):\n    return db.main.send(data=a) # x\n",
        );
        let tokens = fixture.ask(|snapshot, _| semantic_tokens(snapshot));
        let shown: Vec<String> = tokens
            .iter()
            .filter(|token| !matches!(token.ty, TokenType::String | TokenType::Number))
            .map(|at| {
                format!("{:?} {}", at.ty, &fixture.text()[at.span.start as usize..at.span.end as usize])
            })
            .collect();
        assert_eq!(
            shown,
            [
                "Service db",
                "Builtin service",
                "Builtin interface",
                "Keyword def",
                "Function f",
                "Parameter a",
                "Keyword return",
                "Service db",
                "Interface main",
                "Method send",
                "Argument data",
                "Parameter a",
                "Comment # x",
            ]
        );
    }
}
