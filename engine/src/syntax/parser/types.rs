//! Type annotations: expressions of which only a few forms name a type.

use super::Parser;
use crate::diagnostic::{Code, Diagnostic};
use crate::syntax::lexer::Operator;
use crate::syntax::node::NodeKind;
use crate::syntax::tree::NodeId;

impl Parser<'_> {
    /// An expression that names a type: `int`, `a.B`, `list[str]`, `dict[str, int]`, `a | b`, `...`.
    pub(super) fn type_expression(&mut self) -> NodeId {
        let node = self.expression();
        let mut pending = vec![node];
        while let Some(node) = pending.pop() {
            if !self.push_inner_types(node, &mut pending) {
                let span = self.node_span(node);
                let finding = Diagnostic::new(Code::Syntax, span, "this expression is not a type");
                self.report_parsed(
                    finding.help("a type is a name such as int or list[str], or types joined by |"),
                );
                break;
            }
        }
        node
    }

    /// False when the node cannot be part of a type; otherwise the types inside it are left to `pending`.
    fn push_inner_types(&self, node: NodeId, pending: &mut Vec<NodeId>) -> bool {
        match self.node_kind(node) {
            NodeKind::Name | NodeKind::Ellipsis | NodeKind::Missing | NodeKind::Error { .. } => true,
            NodeKind::Attribute { .. } => self.is_path(node),
            NodeKind::Paren { inner } => {
                pending.push(*inner);
                true
            }
            NodeKind::Tuple { items } => {
                pending.extend(items);
                true
            }
            NodeKind::List { items } => {
                pending.extend(items);
                items.len() > 1
            }
            NodeKind::Binary { operator: Operator::Pipe, left, right } => {
                pending.extend([*left, *right]);
                true
            }
            NodeKind::Index { object, indices } => self.push_type_arguments(*object, indices, pending),
            _ => false,
        }
    }

    /// `name[type]`, or `a.b[x, y]` where an argument may also be a list of types.
    fn push_type_arguments(&self, object: NodeId, indices: &[NodeId], pending: &mut Vec<NodeId>) -> bool {
        let [_, _] = indices else {
            pending.extend(indices);
            return matches!(self.node_kind(self.unwrapped(object)), NodeKind::Name);
        };
        for &index in indices {
            match self.node_kind(self.unwrapped(index)) {
                NodeKind::List { items } => pending.extend(items),
                _ => pending.push(index),
            }
        }
        self.is_path(object)
    }

    /// The expression inside brackets that only group.
    fn unwrapped(&self, node: NodeId) -> NodeId {
        let mut node = node;
        while let NodeKind::Paren { inner } = self.node_kind(node) {
            node = *inner;
        }
        node
    }

    /// True for `a.b.c`; the last name may not be `type`.
    fn is_path(&self, node: NodeId) -> bool {
        let mut at = self.unwrapped(node);
        if let NodeKind::Attribute { name, .. } = self.node_kind(at)
            && &self.text[name.span.start as usize..name.span.end as usize] == "type"
        {
            return false;
        }
        while let NodeKind::Attribute { object, .. } = self.node_kind(at) {
            at = self.unwrapped(*object);
        }
        matches!(self.node_kind(at), NodeKind::Name)
    }
}
