//! What holds for every text, however broken: tokens tile it, spans nest, nothing panics, and it is quick.

use super::dump::dump;
use super::lexer::TokenKind;
use super::reach::reachable_calls;
use super::scope::Scopes;
use super::{NodeKind, Parsed, cursor, parse};
use crate::text::FileId;
use proptest::prelude::*;

const SPEC: &str = include_str!("testdata/http_protocol_faults.star");

/// Parses `text` and checks everything that must hold of the result.
fn check(text: &str) -> Parsed {
    let parsed = parse(FileId(0), text);
    check_tokens(text, &parsed);
    check_tree(text, &parsed);
    for finding in &parsed.diagnostics {
        let edits = finding.fixes.iter().flat_map(|fix| &fix.edits).map(|edit| edit.span);
        for span in edits.chain([finding.primary.span]) {
            assert!(text.get(span.start as usize..span.end as usize).is_some(), "{finding:?}");
        }
    }
    parsed
}

fn check_tokens(text: &str, parsed: &Parsed) {
    let mut at = 0;
    let mut open = Vec::new();
    let mut depth = 0;
    for token in &parsed.tokens {
        assert_eq!(token.start, at, "tokens tile the text");
        at = token.end;
        match token.kind {
            TokenKind::Open(bracket) => open.push(bracket),
            TokenKind::Close(bracket) | TokenKind::MissingClose(bracket) => {
                assert_eq!(open.pop(), Some(bracket), "brackets balance");
            }
            TokenKind::Newline | TokenKind::Indent | TokenKind::Dedent => {
                assert!(open.is_empty(), "no layout inside brackets");
                depth += i32::from(token.kind == TokenKind::Indent);
                depth -= i32::from(token.kind == TokenKind::Dedent);
                assert!(depth >= 0, "blocks balance");
            }
            _ => {}
        }
    }
    assert_eq!((at as usize, depth, open.len()), (text.len(), 0, 0));
}

fn check_tree(text: &str, parsed: &Parsed) {
    let tree = &parsed.tree;
    for id in tree.ids() {
        let span = tree.span(id);
        assert!(text.get(span.start as usize..span.end as usize).is_some(), "{id:?} lies in the text");
        let Some(parent) = tree.parent(id) else {
            assert_eq!(id, tree.root(), "only the module has no parent");
            continue;
        };
        let around = tree.span(parent);
        assert!(around.start <= span.start && span.end <= around.end, "{} nests", dump(tree));
        assert!(tree.descendants(parent).any(|inner| inner == id));
    }
}

/// Asks everything of a tree that an editor asks.
fn ask(parsed: &Parsed, offsets: impl Iterator<Item = u32>) {
    let tree = &parsed.tree;
    let scopes = Scopes::of(tree);
    for offset in offsets {
        let typed = cursor::at(parsed, offset);
        assert!(tree.text.get(typed.replace.start as usize..typed.replace.end as usize).is_some());
        let _ =
            (cursor::enclosing_call(parsed, offset), tree.name_at(offset), scopes.visible_at(tree, offset));
    }
    let defs = tree.ids().filter(|&id| matches!(tree.kind(id), NodeKind::Def { .. }));
    for def in defs {
        let _ = reachable_calls(tree, &scopes, def);
    }
}

fn boundary(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

/// Text that looks like a spec from afar.
fn soup() -> impl Strategy<Value = String> {
    let pieces = [
        "def f(a):\n",
        "    ",
        "  ",
        "\n",
        "\n",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "=",
        "==",
        ".",
        "+",
        "-",
        "not ",
        "in ",
        "if ",
        "else ",
        "elif ",
        "for ",
        "lambda ",
        "return ",
        "load",
        "x",
        " y",
        "f",
        "\"a\"",
        "'",
        "\"\"\"",
        "1",
        "5s",
        "*",
        "**",
        "#c",
        "\\\n",
        "\t",
        "é",
        "“",
        "@",
        "while ",
        "import ",
        "is ",
        ";",
        "pass",
        "\r\n",
        "\r",
        "->",
        "...",
        "!",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..60).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_prefix_parses(end in 0..SPEC.len()) {
        let text = &SPEC[..boundary(SPEC, end)];
        let parsed = check(text);
        ask(&parsed, std::iter::once(text.len() as u32));
    }

    #[test]
    fn every_deletion_parses(start in 0..SPEC.len(), length in 1..80usize) {
        let (start, end) = (boundary(SPEC, start), boundary(SPEC, start + length));
        let text = format!("{}{}", &SPEC[..start], &SPEC[end..]);
        let parsed = check(&text);
        ask(&parsed, std::iter::once(start as u32));
    }

    #[test]
    fn every_soup_parses(text in soup()) {
        let parsed = check(&text);
        ask(&parsed, 0..text.len() as u32 + 2);
    }

    #[test]
    fn every_string_parses(text in any::<String>()) {
        check(&text);
    }
}

#[test]
fn the_seed_chapter_is_faultless() {
    let parsed = check(SPEC);
    assert_eq!(parsed.diagnostics, []);
    assert_eq!(parsed.tree.statements().len(), 18);
}

#[test]
fn one_broken_line_leaves_the_rest_alone() {
    let whole = check(SPEC).tree.statements().len();
    for (at, _) in
        SPEC.match_indices(['(', '[', '"', ')', ',']).filter(|(at, _)| SPEC.is_char_boundary(at + 1))
    {
        let text = format!("{}{}", &SPEC[..at], &SPEC[at + 1..]);
        let found = parse(FileId(0), &text);
        let kept = found.tree.statements().len();
        assert!(kept + 2 >= whole, "{kept} of {whole} statements left without the character at {at}");
    }
}

/// Run with `cargo test --release -p faultbox-engine --lib syntax::soundness_tests::speed -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let mut text = String::new();
    while text.lines().count() < 800 {
        text.push_str(SPEC);
    }
    let best = |work: &dyn Fn()| {
        let runs = (0..200).map(|_| {
            let start = std::time::Instant::now();
            work();
            start.elapsed()
        });
        runs.min().unwrap_or_default()
    };
    let parsed = parse(FileId(0), &text);
    println!("{} lines, {} bytes, {} nodes", text.lines().count(), text.len(), parsed.tree.len());
    println!("parse    {:?}", best(&|| drop(parse(FileId(0), &text))));
    println!("scopes   {:?}", best(&|| drop(Scopes::of(&parsed.tree))));
    println!("cursor   {:?}", best(&|| drop(cursor::at(&parsed, text.len() as u32 / 2))));
    let broken = text.replacen("),", ",", 1);
    println!("broken   {:?}", best(&|| drop(parse(FileId(0), &broken))));
}
