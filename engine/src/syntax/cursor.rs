//! What is being typed at an offset, in whole or broken code: the ground completion and signature help stand on.
//!
//! The last token before the word under the cursor, together with the node that token belongs to, says what may
//! follow; no second parse is needed, and the nodes named here are nodes of the tree at hand.

use super::Parsed;
pub use super::active_call::ActiveCall;
use super::active_call::{active_call, commas_between};
use super::lexer::{Bracket, Keyword, Token, TokenKind};
use super::node::NodeKind;
use super::target::{is_followed_by_assign, is_target};
use super::tree::{NodeId, Tree};
use crate::text::Span;

/// What is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub context: Context,
    /// What stands before the cursor of the word or string content being typed.
    pub prefix: String,
    /// The text a completion replaces: the whole word, or the whole content of the string.
    pub replace: Span,
}

/// What may stand at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Context {
    /// Nothing that could be proposed: a comment, the place behind an operand.
    Nothing,
    /// The start of a statement.
    Statement,
    /// A value.
    Expression(Place),
    /// The attribute of a value.
    Attribute { object: NodeId },
    /// A number where a value stands.
    Number(Place),
    /// The start of an argument: a value or the name of a parameter.
    Argument(ActiveCall),
    /// The content of a string.
    String { string: NodeId, place: Place },
    /// The path of a `load`; `string` is `None` while the quotes are missing.
    LoadPath { string: Option<NodeId> },
    /// A name to load from the file at `path`; `string` is `None` while the quotes are missing.
    LoadName { path: Option<String>, string: Option<NodeId> },
    /// A name being made up: of a def, a parameter or a variable that is given a value.
    NewName,
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub role: Role,
    /// The call it is an argument of, or lies in an argument of.
    pub argument: Option<ActiveCall>,
}

/// What a value is for what is around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The whole value of an argument, assignment, `return` and so on.
    Whole,
    /// An element of a list.
    Element,
    /// The element at this place of a tuple. Brackets around an element of a list or the key of a dict count as the
    /// beginning of one.
    Member {
        index: usize,
    },
    DictKey,
    /// The value of a dict; the key when it is a string.
    DictValue {
        key: Option<String>,
    },
    /// `object[...]`
    Subscript {
        object: NodeId,
    },
    /// One side of a comparison.
    Compared {
        with: NodeId,
    },
}

/// Says what is being typed at `offset`.
pub fn at(parsed: &Parsed, offset: u32) -> Cursor {
    let offset = boundary(parsed, offset);
    let nothing = |context| Cursor { context, prefix: String::new(), replace: empty(parsed, offset) };
    let Some(token) = touching(parsed, offset) else {
        return nothing(value_or_new_name(parsed, Span::new(parsed.tree.file, offset, offset), offset));
    };
    match token.kind {
        TokenKind::String | TokenKind::UnclosedString => in_string(parsed, token, offset),
        TokenKind::Name | TokenKind::Keyword(_) | TokenKind::Reserved => {
            let replace = Span::new(parsed.tree.file, token.start, token.end);
            let prefix = parsed.tree.str(Span { end: offset, ..replace }).to_owned();
            Cursor { context: value_or_new_name(parsed, replace, offset), prefix, replace }
        }
        TokenKind::Int => match number(context(parsed, token.start, offset)) {
            Context::Nothing => nothing(Context::Nothing),
            context => {
                let replace = Span::new(parsed.tree.file, token.start, token.end);
                let prefix = parsed.tree.str(Span { end: offset, ..replace }).to_owned();
                Cursor { context, prefix, replace }
            }
        },
        TokenKind::Comment | TokenKind::Bytes | TokenKind::Float => nothing(Context::Nothing),
        _ => nothing(value_or_new_name(parsed, Span::new(parsed.tree.file, offset, offset), offset)),
    }
}

/// What the word may be, which is made up when it is given a value here.
fn value_or_new_name(parsed: &Parsed, word: Span, offset: u32) -> Context {
    match context(parsed, word.start, offset) {
        Context::Statement if is_followed_by_assign(parsed, word.end) => Context::NewName,
        Context::Statement | Context::Expression(_) if is_target(&parsed.tree, word) => Context::NewName,
        context => context,
    }
}

/// The innermost call whose brackets contain `offset`, with the argument at hand.
pub fn enclosing_call(parsed: &Parsed, offset: u32) -> Option<ActiveCall> {
    let tree = &parsed.tree;
    let offset = boundary(parsed, offset);
    let before = before(parsed, offset)?;
    let owner = tree.covering(before.start, before.end);
    let mut around = std::iter::once(owner).chain(tree.ancestors(owner));
    let call = around.find(|&id| match tree.kind(id) {
        NodeKind::Call { open, close, .. } => *open < offset && close.is_none_or(|close| offset <= close),
        _ => false,
    })?;
    Some(active_call(parsed, call, offset))
}

// === Tokens ===

/// `offset`, moved back into the text and to the start of a character.
fn boundary(parsed: &Parsed, offset: u32) -> u32 {
    parsed.tree.text.floor_char_boundary(offset as usize) as u32
}

fn empty(parsed: &Parsed, offset: u32) -> Span {
    Span::new(parsed.tree.file, offset, offset)
}

/// The token the cursor is in or directly behind; a string only while the cursor is between its quotes.
fn touching(parsed: &Parsed, offset: u32) -> Option<Token> {
    let behind = parsed.tokens.partition_point(|token| token.start < offset);
    let token = parsed.tokens[..behind].iter().rev().find(|token| token.start < token.end)?;
    let is_closed = matches!(token.kind, TokenKind::String | TokenKind::Bytes);
    let inside = offset < token.end || offset == token.end && !is_closed;
    inside.then_some(*token)
}

/// The last token that ends at or before `offset`, trivia and empty tokens left out.
///
/// On an empty line of a call that is never closed it is the last token of the call, as long as the line is indented
/// deeper than the statement.
fn before(parsed: &Parsed, offset: u32) -> Option<Token> {
    let end = parsed.tokens.partition_point(|token| token.start < offset);
    let real = |at: &usize| {
        let token = &parsed.tokens[*at];
        !token.kind.is_trivia() && token.start < token.end && token.end <= offset
    };
    let mut candidates = (0..end).rev().filter(real);
    let last = candidates.next()?;
    if parsed.tokens[last].kind != TokenKind::Newline {
        return Some(parsed.tokens[last]);
    }
    let continued = candidates.next().filter(|&code| {
        let between = &parsed.tokens[code + 1..last];
        let unclosed = between.iter().any(|token| matches!(token.kind, TokenKind::MissingClose(_)));
        unclosed && expects_more(parsed.tokens[code].kind) && is_deeper(parsed, parsed.tokens[code], offset)
    });
    Some(parsed.tokens[continued.unwrap_or(last)])
}

fn expects_more(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Comma | TokenKind::Open(_) | TokenKind::Assign | TokenKind::Colon | TokenKind::Operator(_)
    )
}

/// True when the cursor is indented deeper than the statement `token` belongs to.
fn is_deeper(parsed: &Parsed, token: Token, offset: u32) -> bool {
    let tree = &parsed.tree;
    let column = |offset: u32| {
        let before = &tree.text[..offset as usize];
        before.len() - before.rfind('\n').map_or(0, |at| at + 1)
    };
    let node = tree.covering(token.start, token.end);
    let is_statement = |&id: &NodeId| {
        let around = tree.parent(id).map(|parent| tree.kind(parent));
        matches!(around, Some(NodeKind::Module { .. } | NodeKind::Block { .. }))
    };
    let statement = std::iter::once(node).chain(tree.ancestors(node)).find(is_statement);
    statement.is_some_and(|id| column(offset) > column(tree.span(id).start))
}

// === Contexts ===

/// What may stand at `anchor`, where the word being typed starts.
fn context(parsed: &Parsed, anchor: u32, offset: u32) -> Context {
    let tree = &parsed.tree;
    let Some(before) = before(parsed, anchor) else { return Context::Statement };
    let owner = tree.covering(before.start, before.end);
    match before.kind {
        TokenKind::Newline | TokenKind::Semicolon => Context::Statement,
        TokenKind::Dot => match tree.kind(owner) {
            NodeKind::Attribute { object, .. } => Context::Attribute { object: *object },
            _ => Context::Nothing,
        },
        TokenKind::Colon => match tree.kind(owner) {
            NodeKind::Def { .. } | NodeKind::Branch { .. } | NodeKind::For { .. } => Context::Statement,
            _ => expression(parsed, owner, before, offset),
        },
        TokenKind::Open(Bracket::Round) | TokenKind::Comma => list_item(parsed, owner, before, offset),
        TokenKind::Keyword(keyword) => behind_keyword(parsed, owner, keyword, before, offset),
        TokenKind::Open(_)
        | TokenKind::Assign
        | TokenKind::Augmented(_)
        | TokenKind::Operator(_)
        | TokenKind::Arrow => expression(parsed, owner, before, offset),
        _ => Context::Nothing,
    }
}

/// What a number is typed for, when it stands in this context.
fn number(around: Context) -> Context {
    match around {
        Context::Expression(place) => Context::Number(place),
        Context::Argument(active) => Context::Number(Place { role: Role::Whole, argument: Some(active) }),
        _ => Context::Nothing,
    }
}

/// Behind an opening bracket or a comma.
fn list_item(parsed: &Parsed, owner: NodeId, before: Token, offset: u32) -> Context {
    let tree = &parsed.tree;
    match tree.kind(owner) {
        NodeKind::Call { .. } => Context::Argument(active_call(parsed, owner, offset)),
        NodeKind::Def { .. } | NodeKind::Lambda { .. } => Context::NewName,
        NodeKind::Load { path, .. } => {
            if before.kind == TokenKind::Comma {
                let path = tree.string_value(*path).map(str::to_owned);
                Context::LoadName { path, string: None }
            } else {
                Context::LoadPath { string: None }
            }
        }
        _ => expression(parsed, owner, before, offset),
    }
}

fn behind_keyword(parsed: &Parsed, owner: NodeId, keyword: Keyword, before: Token, offset: u32) -> Context {
    match keyword {
        Keyword::Def | Keyword::For | Keyword::Lambda => Context::NewName,
        Keyword::Break | Keyword::Continue | Keyword::Pass | Keyword::Load => Context::Nothing,
        Keyword::Else if matches!(parsed.tree.kind(owner), NodeKind::Branch { .. }) => Context::Nothing,
        _ => expression(parsed, owner, before, offset),
    }
}

/// A value behind the token `before`, which belongs to `owner`.
fn expression(parsed: &Parsed, owner: NodeId, before: Token, offset: u32) -> Context {
    let tree = &parsed.tree;
    let role = match tree.kind(owner) {
        NodeKind::LoadName { .. } => {
            let path = match tree.parent(owner).map(|load| tree.kind(load)) {
                Some(NodeKind::Load { path, .. }) => tree.string_value(*path).map(str::to_owned),
                _ => None,
            };
            return Context::LoadName { path, string: None };
        }
        NodeKind::List { .. } => Some(Role::Element),
        NodeKind::Tuple { .. } => Some(member(parsed, owner, offset)),
        NodeKind::Paren { .. } => begun_pair(tree, owner),
        NodeKind::Dict { .. } => Some(Role::DictKey),
        NodeKind::DictEntry { key, .. } if before.kind == TokenKind::Colon => Some(dict_value(tree, *key)),
        NodeKind::Index { object, .. } => Some(Role::Subscript { object: *object }),
        NodeKind::Compare { left, .. } => Some(Role::Compared { with: *left }),
        _ => None,
    };
    Context::Expression(place(parsed, owner, role, offset))
}

fn member(parsed: &Parsed, tuple: NodeId, offset: u32) -> Role {
    let start = parsed.tree.span(tuple).start;
    let is_open = parsed.tree.text[start as usize..].starts_with('(');
    Role::Member { index: commas_between(parsed, start + u32::from(is_open), offset) }
}

/// Brackets where a tuple is about to stand; anywhere else they only hold a value together.
fn begun_pair(tree: &Tree, paren: NodeId) -> Option<Role> {
    let within = tree.kind(tree.parent(paren)?);
    let is_item = match within {
        NodeKind::DictEntry { key, .. } => *key == paren,
        _ => matches!(within, NodeKind::List { .. }),
    };
    is_item.then_some(Role::Member { index: 0 })
}

fn dict_value(tree: &Tree, key: NodeId) -> Role {
    Role::DictValue { key: tree.string_value(key).map(str::to_owned) }
}

/// The content of a string.
fn in_string(parsed: &Parsed, token: Token, offset: u32) -> Cursor {
    let tree = &parsed.tree;
    let string = tree.covering(token.start, token.end);
    let NodeKind::String(literal) = tree.kind(string) else {
        return Cursor { context: Context::Nothing, prefix: String::new(), replace: empty(parsed, offset) };
    };
    if !literal.content.touches(offset) {
        return Cursor { context: Context::Nothing, prefix: String::new(), replace: empty(parsed, offset) };
    }
    let context = match tree.parent(string).map(|parent| tree.kind(parent)) {
        Some(NodeKind::Load { .. }) => Context::LoadPath { string: Some(string) },
        Some(NodeKind::LoadName { .. }) => {
            let load = tree.ancestors(string).nth(1).map(|id| tree.kind(id));
            let path = match load {
                Some(NodeKind::Load { path, .. }) => tree.string_value(*path).map(str::to_owned),
                _ => None,
            };
            Context::LoadName { path, string: Some(string) }
        }
        _ => Context::String { string, place: place(parsed, string, None, offset) },
    };
    let prefix = tree.str(Span { end: offset, ..literal.content }).to_owned();
    Cursor { context, prefix, replace: literal.content }
}

// === Places ===

/// What is around `node`, up to the call it lies in an argument of. `role` is the role of the value, if known.
fn place(parsed: &Parsed, node: NodeId, mut role: Option<Role>, offset: u32) -> Place {
    let tree = &parsed.tree;
    match tree.kind(node) {
        NodeKind::Argument { .. } => {
            return Place { role: Role::Whole, argument: call_of(parsed, node, offset) };
        }
        // What a function computes is no argument of the call that is given the function.
        NodeKind::Lambda { .. } => return Place { role: Role::Whole, argument: None },
        _ => {}
    }
    let mut inner = node;
    for outer in tree.ancestors(node) {
        match tree.kind(outer) {
            NodeKind::Argument { .. } => {
                let argument = call_of(parsed, outer, offset);
                return Place { role: role.unwrap_or(Role::Whole), argument };
            }
            NodeKind::List { .. } => role = role.or(Some(Role::Element)),
            NodeKind::Tuple { .. } => role = role.or_else(|| Some(member(parsed, outer, offset))),
            NodeKind::Paren { .. } => role = role.or_else(|| begun_pair(tree, outer)),
            NodeKind::DictEntry { key, .. } if *key == inner => role = role.or(Some(Role::DictKey)),
            NodeKind::DictEntry { key, .. } => role = role.or_else(|| Some(dict_value(tree, *key))),
            NodeKind::Index { object, .. } if *object != inner => {
                role = role.or(Some(Role::Subscript { object: *object }));
                break;
            }
            NodeKind::Compare { left, right, .. } => {
                let with = if *left == inner { *right } else { *left };
                role = role.or(Some(Role::Compared { with }));
                break;
            }
            NodeKind::Dict { .. }
            | NodeKind::Binary { .. }
            | NodeKind::Conditional { .. }
            | NodeKind::Comprehension { .. } => {}
            _ => break,
        }
        inner = outer;
    }
    Place { role: role.unwrap_or(Role::Whole), argument: None }
}

fn call_of(parsed: &Parsed, argument: NodeId, offset: u32) -> Option<ActiveCall> {
    let call = parsed.tree.parent(argument)?;
    matches!(parsed.tree.kind(call), NodeKind::Call { .. }).then(|| active_call(parsed, call, offset))
}
