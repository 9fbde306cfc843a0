//! The syntax tree: typed nodes in one arena, children before their parents, with spans and parent links.
//!
//! Nothing in it is recursive, so neither building, walking nor dropping a tree of any shape needs more than a small
//! stack. The nodes under a node are the ones directly before it: [`Tree::descendants`] is a range.

use super::lexer::{Operator, literal::QuoteStyle};
use crate::text::{FileId, Span};
use std::sync::Arc;

/// Names a node of one [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(super) u32);

/// The tree of one file, with the text it was parsed from.
#[derive(Debug, Clone)]
pub struct Tree {
    pub file: FileId,
    pub text: Arc<str>,
    pub(super) nodes: Vec<Node>,
}

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

// === impl Tree ===

impl Tree {
    /// The module: the last node.
    pub fn root(&self) -> NodeId {
        NodeId(self.nodes.len() as u32 - 1)
    }

    /// How many nodes the tree has; never zero.
    #[expect(clippy::len_without_is_empty, reason = "a tree always has a root")]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    pub fn kind(&self, id: NodeId) -> &NodeKind {
        &self.node(id).kind
    }

    pub fn span(&self, id: NodeId) -> Span {
        self.node(id).span
    }

    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        self.node(id).parent
    }

    /// The text under `span`.
    pub fn str(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// The text of a node.
    pub fn text_of(&self, id: NodeId) -> &str {
        self.str(self.span(id))
    }

    /// Every node, children before parents.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// `id` and every node under it, children before parents.
    pub fn descendants(&self, id: NodeId) -> impl DoubleEndedIterator<Item = NodeId> + use<> {
        (self.node(id).first.0..=id.0).map(NodeId)
    }

    /// The nodes above `id`, nearest first.
    pub fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        std::iter::successors(self.parent(id), |&above| self.parent(above))
    }

    /// The direct children of `id`, in the order of the text.
    pub fn children(&self, id: NodeId) -> Vec<NodeId> {
        let mut children = Vec::new();
        self.kind(id).for_each_child(|child| children.push(child));
        children
    }

    /// The statements of the module.
    pub fn statements(&self) -> &[NodeId] {
        self.body(self.root())
    }

    /// The statements of a module or block; none for any other node.
    pub fn body(&self, id: NodeId) -> &[NodeId] {
        match self.kind(id) {
            NodeKind::Module { body } | NodeKind::Block { body } => body,
            _ => &[],
        }
    }

    /// The deepest node that contains the bytes `start..end`; with an empty range, one that touches it.
    pub fn covering(&self, start: u32, end: u32) -> NodeId {
        let mut found = self.root();
        loop {
            let mut inner = None;
            self.kind(found).for_each_child(|child| {
                let span = self.span(child);
                if span.start <= start && end <= span.end {
                    inner = Some(child);
                }
            });
            match inner {
                Some(child) => found = child,
                None => return found,
            }
        }
    }

    /// The deepest node that touches `offset`; of two that meet there, the one behind it.
    pub fn node_at(&self, offset: u32) -> NodeId {
        self.covering(offset, offset)
    }

    /// The deepest name, or binding site of one, that touches `offset`, with its span.
    pub fn name_at(&self, offset: u32) -> Option<(NodeId, Span)> {
        let touching = |span: Span| span.touches(offset) && !span.is_empty();
        let here = [self.covering(offset, offset), self.covering(offset.saturating_sub(1), offset)];
        let at = here.into_iter().flat_map(|id| std::iter::once(id).chain(self.parent(id)));
        for id in at {
            let span = self.name_of(id);
            if let Some(span) = span.filter(|&span| touching(span)) {
                return Some((id, span));
            }
        }
        None
    }

    /// The span of the name a node is, binds or mentions.
    pub fn name_of(&self, id: NodeId) -> Option<Span> {
        match self.kind(id) {
            NodeKind::Name => Some(self.span(id)),
            NodeKind::Def { name, .. } | NodeKind::Param { name, .. } | NodeKind::Attribute { name, .. } => {
                Some(name.span)
            }
            NodeKind::LoadName { local, .. } => Some(local.span),
            NodeKind::Argument { kind: ArgumentKind::Keyword(name), .. } => Some(name.span),
            _ => None,
        }
    }

    /// The decoded value of a string literal.
    pub fn string_value(&self, id: NodeId) -> Option<&str> {
        match self.kind(id) {
            NodeKind::String(literal) => Some(&literal.value),
            _ => None,
        }
    }

    /// A chain of names and attributes as text, such as `db.main`; `None` for any other expression.
    pub fn dotted(&self, id: NodeId) -> Option<String> {
        let mut parts = Vec::new();
        let mut at = id;
        while let NodeKind::Attribute { object, name } = self.kind(at) {
            parts.push(self.str(name.span));
            at = *object;
        }
        let NodeKind::Name = self.kind(at) else { return None };
        parts.push(self.text_of(at));
        parts.reverse();
        Some(parts.join("."))
    }

    /// The value of the keyword argument `name` of a call.
    pub fn keyword_argument(&self, call: NodeId, name: &str) -> Option<NodeId> {
        let NodeKind::Call { args, .. } = self.kind(call) else { return None };
        args.iter().find_map(|&arg| match self.kind(arg) {
            NodeKind::Argument { kind: ArgumentKind::Keyword(keyword), value }
                if self.str(keyword.span) == name =>
            {
                Some(*value)
            }
            _ => None,
        })
    }
}

// === impl NodeKind ===

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
