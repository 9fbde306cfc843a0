//! The kinds of nodes a tree is made of.

use super::lexer::Operator;
use super::lexer::literal::QuoteStyle;
use super::tree::NodeId;
use crate::text::Span;

#[derive(Debug, Clone)]
pub struct Node {
    pub kind: NodeKind,
    pub span: Span,
    /// `None` for the module only.
    pub parent: Option<NodeId>,
    /// The first of the node's descendants, or the node itself.
    pub(super) first: NodeId,
}

/// A name that is not an expression, such as the one after `def`. Empty when it is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ident {
    pub span: Span,
}

/// What a node is. Fields stand in the order of the text.
#[derive(Debug, Clone)]
pub enum NodeKind {
    Module {
        body: Vec<NodeId>,
    },
    /// The statements under a `def`, `if` or `for`.
    Block {
        body: Vec<NodeId>,
    },

    // Statements.
    ExprStatement {
        value: NodeId,
    },
    Assign {
        target: NodeId,
        annotation: Option<NodeId>,
        value: NodeId,
    },
    AugAssign {
        target: NodeId,
        operator: Operator,
        value: NodeId,
    },
    Def {
        name: Ident,
        params: Vec<NodeId>,
        returns: Option<NodeId>,
        body: NodeId,
        doc: Option<NodeId>,
    },
    /// Every child is a [`NodeKind::Branch`]: `if`, then each `elif`, then `else`.
    If {
        branches: Vec<NodeId>,
    },
    Branch {
        condition: Option<NodeId>,
        body: NodeId,
    },
    For {
        target: NodeId,
        iterable: NodeId,
        body: NodeId,
    },
    Return {
        value: Option<NodeId>,
    },
    Pass,
    Break,
    Continue,
    /// Names are [`NodeKind::LoadName`]s.
    Load {
        path: NodeId,
        names: Vec<NodeId>,
    },
    /// `"a"` or `local = "a"`; for the former `local` is the text between the quotes.
    LoadName {
        local: Ident,
        original: NodeId,
    },
    Param {
        kind: ParamKind,
        name: Ident,
        annotation: Option<NodeId>,
        default: Option<NodeId>,
    },

    // Expressions.
    Name,
    String(StringLiteral),
    Bytes,
    Int,
    Float,
    Ellipsis,
    Paren {
        inner: NodeId,
    },
    Tuple {
        items: Vec<NodeId>,
    },
    List {
        items: Vec<NodeId>,
    },
    /// Entries are [`NodeKind::DictEntry`]s.
    Dict {
        entries: Vec<NodeId>,
    },
    DictEntry {
        key: NodeId,
        value: NodeId,
    },
    /// Arguments are [`NodeKind::Argument`]s; `open` and `close` are the offsets of the brackets.
    Call {
        callee: NodeId,
        args: Vec<NodeId>,
        open: u32,
        close: Option<u32>,
    },
    Argument {
        kind: ArgumentKind,
        value: NodeId,
    },
    Attribute {
        object: NodeId,
        name: Ident,
    },
    Index {
        object: NodeId,
        indices: Vec<NodeId>,
    },
    Slice {
        object: NodeId,
        start: Option<NodeId>,
        stop: Option<NodeId>,
        step: Option<NodeId>,
    },
    Unary {
        operator: Operator,
        operand: NodeId,
    },
    Binary {
        operator: Operator,
        left: NodeId,
        right: NodeId,
    },
    Compare {
        operator: Operator,
        left: NodeId,
        right: NodeId,
    },
    Conditional {
        then: NodeId,
        condition: NodeId,
        otherwise: NodeId,
    },
    Lambda {
        params: Vec<NodeId>,
        body: NodeId,
    },
    /// `element` is a [`NodeKind::DictEntry`] in a dict comprehension.
    Comprehension {
        element: NodeId,
        clauses: Vec<NodeId>,
    },
    ForClause {
        target: NodeId,
        iterable: NodeId,
    },
    IfClause {
        condition: NodeId,
    },

    /// An expression that should be here and is not.
    Missing,
    /// Text that fits nowhere, and what could be read of it.
    Error {
        parts: Vec<NodeId>,
    },
}

/// A string literal; `content` is the text between the quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StringLiteral {
    pub value: String,
    pub content: Span,
    pub style: QuoteStyle,
    pub closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamKind {
    Plain,
    /// `*args`
    Args,
    /// `**kwargs`
    Kwargs,
    /// A lone `*`: all parameters behind it are given by keyword.
    KeywordOnly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentKind {
    Positional,
    Keyword(Ident),
    /// `*list`
    Args,
    /// `**dict`
    Kwargs,
}

impl NodeKind {
    /// Calls `visit` with each direct child, in the order of the text.
    pub fn for_each_child(&self, mut visit: impl FnMut(NodeId)) {
        let mut all = |ids: &[NodeId]| ids.iter().for_each(|&id| visit(id));
        match self {
            NodeKind::Module { body } | NodeKind::Block { body } => all(body),
            NodeKind::ExprStatement { value: one }
            | NodeKind::LoadName { original: one, .. }
            | NodeKind::Paren { inner: one }
            | NodeKind::Argument { value: one, .. }
            | NodeKind::Attribute { object: one, .. }
            | NodeKind::Unary { operand: one, .. }
            | NodeKind::IfClause { condition: one } => all(&[*one]),
            NodeKind::Assign { target, annotation, value } => {
                all(&[*target]);
                all(annotation.as_slice());
                all(&[*value]);
            }
            NodeKind::AugAssign { target: a, value: b, .. }
            | NodeKind::DictEntry { key: a, value: b }
            | NodeKind::Binary { left: a, right: b, .. }
            | NodeKind::Compare { left: a, right: b, .. }
            | NodeKind::ForClause { target: a, iterable: b } => all(&[*a, *b]),
            NodeKind::Def { params, returns, body, .. } => {
                all(params);
                all(returns.as_slice());
                all(&[*body]);
            }
            NodeKind::Branch { condition, body } => {
                all(condition.as_slice());
                all(&[*body]);
            }
            NodeKind::For { target: a, iterable: b, body: c }
            | NodeKind::Conditional { then: a, condition: b, otherwise: c } => all(&[*a, *b, *c]),
            NodeKind::Return { value } => all(value.as_slice()),
            NodeKind::Load { path, names } => {
                all(&[*path]);
                all(names);
            }
            NodeKind::Param { annotation, default, .. } => {
                all(annotation.as_slice());
                all(default.as_slice());
            }
            NodeKind::If { branches: items }
            | NodeKind::Tuple { items }
            | NodeKind::List { items }
            | NodeKind::Dict { entries: items }
            | NodeKind::Error { parts: items } => all(items),
            NodeKind::Call { callee: one, args: rest, .. }
            | NodeKind::Index { object: one, indices: rest }
            | NodeKind::Comprehension { element: one, clauses: rest } => {
                all(&[*one]);
                all(rest);
            }
            NodeKind::Slice { object, start, stop, step } => {
                all(&[*object]);
                all(start.as_slice());
                all(stop.as_slice());
                all(step.as_slice());
            }
            NodeKind::Lambda { params, body } => {
                all(params);
                all(&[*body]);
            }
            NodeKind::Pass
            | NodeKind::Break
            | NodeKind::Continue
            | NodeKind::Name
            | NodeKind::String(_)
            | NodeKind::Bytes
            | NodeKind::Int
            | NodeKind::Float
            | NodeKind::Ellipsis
            | NodeKind::Missing => {}
        }
    }
}
