//! A tree as one line per statement of nested lists, for tests and for people who debug the parser.

use super::node::{ArgumentKind, NodeKind, ParamKind};
use super::tree::{NodeId, Tree};
use std::fmt::Write;

/// The whole tree, one top-level statement per line.
pub fn dump(tree: &Tree) -> String {
    let lines: Vec<String> = tree.statements().iter().map(|&id| dump_node(tree, id)).collect();
    lines.join("\n")
}

/// One node and everything under it, as `(kind child ...)`. Works from children to parents, without recursion.
pub fn dump_node(tree: &Tree, id: NodeId) -> String {
    let mut texts: Vec<(NodeId, String)> = Vec::new();
    for node in tree.descendants(id) {
        let count = tree.children(node).len();
        let children = texts.split_off(texts.len().saturating_sub(count));
        let children: Vec<String> = children.into_iter().map(|(_, text)| text).collect();
        texts.push((node, node_text(tree, node, &children)));
    }
    texts.pop().map(|(_, text)| text).unwrap_or_default()
}

fn node_text(tree: &Tree, id: NodeId, children: &[String]) -> String {
    let list = |head: &str| {
        let mut text = format!("({head}");
        for child in children {
            let _ = write!(text, " {child}");
        }
        text + ")"
    };
    let name = |span| tree.str(span);
    match tree.kind(id) {
        NodeKind::Module { .. } => list("module"),
        NodeKind::Block { .. } => format!("{{{}}}", children.join(" ")),
        NodeKind::ExprStatement { .. } => children.join(" "),
        NodeKind::Assign { .. } => list("="),
        NodeKind::AugAssign { operator, .. } => list(&format!("{}=", operator.text())),
        NodeKind::Def { name: ident, .. } => list(&format!("def {:?}", name(ident.span))),
        NodeKind::If { .. } => list("if"),
        NodeKind::Branch { .. } => list("branch"),
        NodeKind::For { .. } => list("for"),
        NodeKind::Return { .. } => list("return"),
        NodeKind::Pass => "pass".to_owned(),
        NodeKind::Break => "break".to_owned(),
        NodeKind::Continue => "continue".to_owned(),
        NodeKind::Load { .. } => list("load"),
        NodeKind::LoadName { local, .. } => list(&format!("as {:?}", name(local.span))),
        NodeKind::Param { kind, name: ident, .. } => {
            list(&format!("param {}{}", stars(*kind), name(ident.span)))
        }
        NodeKind::Name | NodeKind::Int | NodeKind::Float | NodeKind::Bytes => tree.text_of(id).to_owned(),
        NodeKind::String(literal) if literal.closed => format!("{:?}", literal.value),
        NodeKind::String(literal) => format!("(open {:?})", literal.value),
        NodeKind::Ellipsis => "...".to_owned(),
        NodeKind::Paren { .. } => list("paren"),
        NodeKind::Tuple { .. } => list("tuple"),
        NodeKind::List { .. } => list("list"),
        NodeKind::Dict { .. } => list("dict"),
        NodeKind::DictEntry { .. } => children.join(":"),
        NodeKind::Call { .. } => list("call"),
        NodeKind::Argument { kind, .. } => {
            let head = match kind {
                ArgumentKind::Positional => String::new(),
                ArgumentKind::Keyword(ident) => format!("{}=", name(ident.span)),
                ArgumentKind::Args => "*".to_owned(),
                ArgumentKind::Kwargs => "**".to_owned(),
            };
            head + &children.join(" ")
        }
        NodeKind::Attribute { name: ident, .. } => list(&format!(".{}", name(ident.span))),
        NodeKind::Index { .. } => list("index"),
        NodeKind::Slice { start, stop, step, .. } => {
            let part = |given: bool| if given { "x" } else { "" };
            list(&format!(
                "slice {}:{}:{}",
                part(start.is_some()),
                part(stop.is_some()),
                part(step.is_some())
            ))
        }
        NodeKind::Unary { operator, .. }
        | NodeKind::Binary { operator, .. }
        | NodeKind::Compare { operator, .. } => list(operator.text()),
        NodeKind::Conditional { .. } => list("?"),
        NodeKind::Lambda { .. } => list("lambda"),
        NodeKind::Comprehension { .. } => list("each"),
        NodeKind::ForClause { .. } => list("in"),
        NodeKind::IfClause { .. } => list("where"),
        NodeKind::Missing => "_".to_owned(),
        NodeKind::Error { .. } => list("error"),
    }
}

fn stars(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Plain => "",
        ParamKind::Args | ParamKind::KeywordOnly => "*",
        ParamKind::Kwargs => "**",
    }
}
