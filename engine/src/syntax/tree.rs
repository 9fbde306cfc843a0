//! The syntax tree: typed nodes in one arena, children before their parents, with spans and parent links.
//!
//! Nothing in it is recursive, so neither building, walking nor dropping a tree of any shape needs more than a small
//! stack. The nodes under a node are the ones directly before it: [`Tree::descendants`] is a range.

use super::node::{ArgumentKind, Node, NodeKind};
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::parse;

    fn name_at(text: &str, offset: u32) -> Option<String> {
        let tree = parse(FileId(0), text).tree;
        tree.name_at(offset).map(|(_, span)| tree.str(span).to_owned())
    }

    #[test]
    fn a_name_is_found_from_both_its_ends() {
        let text = "def run(arg):\n    api.post(path=arg)\n";
        for (word, at) in [("run", 4), ("arg", 8), ("api", 18), ("post", 22), ("path", 27), ("arg", 32)] {
            assert_eq!(name_at(text, at).as_deref(), Some(word), "start of {word}");
            assert_eq!(name_at(text, at + word.len() as u32).as_deref(), Some(word), "end of {word}");
        }
        assert_eq!(name_at(text, 15), None);
        assert_eq!(name_at("load('a', 'name')\n", 13).as_deref(), Some("name"));
    }

    #[test]
    fn calls_are_read_by_name() {
        let tree = parse(FileId(0), "db.main.set(key=\"a\", value=1)\n").tree;
        let call = tree.ids().find(|&id| matches!(tree.kind(id), NodeKind::Call { .. })).unwrap();
        let NodeKind::Call { callee, .. } = tree.kind(call) else { unreachable!("found above") };
        assert_eq!(tree.dotted(*callee).as_deref(), Some("db.main.set"));
        let key = tree.keyword_argument(call, "key").and_then(|id| tree.string_value(id));
        assert_eq!((key, tree.keyword_argument(call, "ttl")), (Some("a"), None));
    }
}
