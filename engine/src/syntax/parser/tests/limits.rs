//! Texts that nest too deep or are too long: one finding, in bounded time, and what stands behind them is understood.

use super::findings;
use crate::diagnostic::Code;
use crate::syntax::dump::dump;
use crate::syntax::{NodeKind, parse};
use crate::text::FileId;

#[test]
fn deep_nesting_is_reported_and_survived() {
    for (open, close) in [
        ("(", ")"),
        ("[", "]"),
        ("f(", ")"),
        ("{1: ", "}"),
        ("x[", "]"),
        ("lambda: ", ""),
        ("1 if a else ", ""),
    ] {
        let text = format!("x = {}1{}\ny = 2\n", open.repeat(20_000), close.repeat(20_000));
        let parsed = parse(FileId(0), &text);
        let codes: Vec<Code> = parsed.diagnostics.iter().map(|found| found.code).collect();
        assert_eq!(codes, [Code::NestedTooDeep], "{open}");
        assert!(dump(&parsed.tree).ends_with("(= y 2)"), "{open}");
    }
    for piece in
        ["[x for ", "if x: ", "f(lambda a=", "while x: ", "for x in (", "{x: [", "x[a:", "not (", "$(", "*["]
    {
        let parsed = parse(FileId(0), &piece.repeat(20_000));
        assert!(!parsed.diagnostics.is_empty(), "{piece}");
    }
    let fine = format!("x = {}1{}\n", "[".repeat(150), "]".repeat(150));
    assert!(parse(FileId(0), &fine).diagnostics.is_empty());
}

#[test]
fn unclosed_brackets_by_the_thousand_are_survived() {
    let parsed = parse(FileId(0), &"(".repeat(50_000));
    assert!(!parsed.diagnostics.is_empty() && parsed.diagnostics.len() <= crate::syntax::MAX_FINDINGS);
    let parsed = parse(
        FileId(0),
        &"([{".repeat(50_000).chars().chain(")]}".repeat(50_000).chars()).collect::<String>(),
    );
    assert!(!parsed.diagnostics.is_empty());
}

#[test]
fn blocks_nested_too_deep_are_reported() {
    let text: String = (0..300).map(|depth| format!("{}if x:\n", " ".repeat(depth))).collect();
    let text = format!("{text}{}pass\ny = 2\n", " ".repeat(300));
    let parsed = parse(FileId(0), &text);
    let codes: Vec<Code> = parsed.diagnostics.iter().map(|found| found.code).collect();
    assert_eq!(codes, [Code::NestedTooDeep], "{:?}", findings(&text, &parsed));
    assert!(dump(&parsed.tree).ends_with("(= y 2)"));
}

#[test]
fn long_chains_are_loops() {
    for chain in ["+a", ".b", "(a)", "[a]", " and a", " if a else a"] {
        let text = format!("x = a{}\ny = 2\n", chain.repeat(50_000));
        let parsed = parse(FileId(0), &text);
        let codes: Vec<Code> = parsed.diagnostics.iter().map(|found| found.code).collect();
        assert_eq!(codes, [Code::NestedTooDeep], "{chain}");
        assert_eq!(parsed.tree.statements().len(), 2, "{chain}");
        let _ = crate::syntax::scope::Scopes::of(&parsed.tree);
    }
    let prefixes = format!("x = {}a\n", "not ".repeat(50_000));
    assert_eq!(parse(FileId(0), &prefixes).diagnostics.len(), 1);
    let short = format!("x = a{}\n", " + a".repeat(500));
    assert!(parse(FileId(0), &short).diagnostics.is_empty());
}

#[test]
fn a_text_too_large_gives_one_finding() {
    let parsed = parse(FileId(0), &"x = \"é\"\n".repeat(400_000));
    assert_eq!(parsed.diagnostics.len(), 1);
    let end = parsed.tokens.last().map(|token| token.end as usize);
    assert_eq!(end, Some(parsed.tree.text.len()), "tokens and tree are of one text");
    assert!(matches!(parsed.tree.kind(parsed.tree.root()), NodeKind::Module { body } if body.is_empty()));
}
