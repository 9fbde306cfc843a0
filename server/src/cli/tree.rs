//! Text as a tree with box characters.

use faultbox_engine::text::shown;

/// A line with what stands below it.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) text: String,
    pub(crate) children: Vec<Tree>,
}

impl Tree {
    pub(crate) fn leaf(text: impl Into<String>) -> Tree {
        Tree { text: text.into(), children: Vec::new() }
    }

    /// The children, without the root's own line.
    pub(crate) fn draw(&self) -> String {
        let mut text = String::new();
        self.draw_children("", &mut text);
        text
    }

    fn draw_children(&self, indent: &str, text: &mut String) {
        for (at, child) in self.children.iter().enumerate() {
            let last = at + 1 == self.children.len();
            let (branch, below) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
            text.push_str(&format!("{indent}{branch}{}\n", shown(&child.text)));
            child.draw_children(&format!("{indent}{below}"), text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tree;

    #[test]
    fn branches_end_at_the_last_child() {
        let a = Tree { text: "a".to_owned(), children: vec![Tree::leaf("x"), Tree::leaf("y")] };
        let root = Tree { text: String::new(), children: vec![a, Tree::leaf("b")] };
        assert_eq!(root.draw(), "├── a\n│   ├── x\n│   └── y\n└── b\n");
    }
}
