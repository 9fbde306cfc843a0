//! Our parser and the evaluator's agree on what is valid: a spec without syntax findings loads, and one that loads
//! has none.

use faultbox_engine::syntax::parse;
use faultbox_engine::text::FileId;
use proptest::prelude::*;
use starlark::syntax::{AstModule, Dialect};

const SPEC: &str = include_str!("../src/syntax/testdata/http_protocol_faults.star");

/// The evaluator's own error, if any.
fn evaluator_error(text: &str) -> Option<String> {
    let dialect =
        Dialect { enable_keyword_only_arguments: true, enable_top_level_stmt: true, ..Dialect::Extended };
    AstModule::parse("test.star", text.to_owned(), &dialect).err().map(|error| error.to_string())
}

fn our_errors(text: &str) -> Vec<String> {
    parse(FileId(0), text).diagnostics.into_iter().map(|finding| finding.message).collect()
}

fn check(text: &str) {
    let (ours, theirs) = (our_errors(text), evaluator_error(text));
    assert_eq!(ours.is_empty(), theirs.is_none(), "ours {ours:#?}\ntheirs {theirs:#?}\nof\n{text}");
}

const VALID: &[&str] = &[
    "",
    "\n\n# only\n",
    "x = 1",
    "x = [\na,\nb,\n]\n",
    "a = b if c else d if e else f\n",
    "x = lambda: 1\ny = lambda a, *b, c=1, **d: (a, b)\n",
    "def f(a, b=1, *args, c, d=2, **kw):\n  return\n",
    "def f(a: int, *, b: str = '') -> list[str]:\n  pass\n",
    "x: int = 1\n",
    "for i in [1, 2]:\n  if i: continue\n  else: break\n",
    "if a:\n  b\nelif c:\n  d\nelse:\n  e\n",
    "[x for x in y if x for z in w]\n{k: v for k, v in x}\n",
    "x = not a in b\ny = a not in b\nz = not not a\n",
    "x = - - ~+1\n",
    "f(*a)\nf(**b)\nf(1, a=2, *b, **c)\nf(1,)\n",
    "a.b[c].d = e\n(a, b) = c\n[a, b] = c\na, (b, c) = d\n",
    "a[1:2:3]\na[:]\na[::]\na[1:]\na[:2]\na[1, 2]\n",
    "x = 'a' + \"b\" + '''c\nd''' + r'\\d' + b'e' + rb'f'\n",
    "x = 0x1F + 0o17 + 0b11 + 0 + 1.5 + .5 + 1. + 1e5 + 1.e-3\n",
    "load('a', 'b', c='d',)\n",
    "a; b; c;\n",
    "def f(): pass; return 1\n",
    "x = a \\\n  + b\n",
    "x = (1,)\ny = ()\nz = (1, 2,)\n",
    "x = {1: 2, 'a': [b],}\n",
    "x += 1\nx.y -= 1\nx[0] |= 2\nx //= 2\nx <<= 1\n",
    "def f():\n  def g():\n    return 1\n  return g\n",
    "def f():\n    # c\n\n    pass\n  # odd\n",
    "x = 1if y else 2\n",
    "x = 'a\\\nb'\ny = '\\w\\n\\x41\\u00e9'\n",
    "x = ...\n",
    "x = 1\r\nif x:\r\n  y\r\n",
    "(a)\n((a)) = 1\n",
];

const INVALID: &[&str] = &[
    "x =\n",
    "f(\n",
    "f(]\n",
    "f)\n",
    "x = 'a\n",
    "x = '''a\n",
    "  x = 1\n",
    "def f():\nx\n",
    "def f():\n    a\n  b\n",
    "def f()\n  pass\n",
    "def f(a, a): pass\n",
    "def f(a=1, b): pass\n",
    "def f(*): pass\n",
    "def f(*, **k): pass\n",
    "def f(**k, a): pass\n",
    "def f(a, /): pass\n",
    "lambda a: int: 1\n",
    "return 1\n",
    "break\n",
    "for x in y: pass\nelse: pass\n",
    "for x in y:\n  def f():\n    continue\n",
    "if x: if y: pass\n",
    "while x: pass\n",
    "import a\n",
    "class A: pass\n",
    "x = a is b\n",
    "x = a ** b\n",
    "x = a < b < c\n",
    "x = 1,\n",
    "a, b\n",
    "x: int\n",
    "a, b: int = 1\n",
    "a, b += 1\n",
    "f() = 1\n",
    "x = y = 1\n",
    "1 = x\n",
    "for f() in x: pass\n",
    "f(a=1, 2)\n",
    "f(a=1, a=2)\n",
    "f(*a, b=1)\n",
    "f(*a, *b)\n",
    "f(**a, **b)\n",
    "f(a b)\n",
    "f(a,, b)\n",
    "f(x for x in y)\n",
    "x = (a for a in b)\n",
    "x = {a}\n",
    "x = {a, b}\n",
    "x = {**a}\n",
    "x = [*a]\n",
    "x = 'a' 'b'\n",
    "x = f'a'\n",
    "x = 01\n",
    "x = 5s\n",
    "x = '\\x4'\n",
    "x = a if b\n",
    "[x for x in a if b else c]\n",
    "[x for x in lambda: 1]\n",
    "x = a + lambda: 1\n",
    "x = a == not b\n",
    "load('a')\n",
    "load(a, 'b')\n",
    "load('a', b)\n",
    "if x:\n  load('a', 'b')\n",
    "def f():\n\tpass\n",
    "x\t= 1\n",
    "x = $\n",
    "@a\ndef f(): pass\n",
    "x = é\n",
    "a[]\n",
    "a[1, 2, 3]\n",
    "a.\n",
    "a.if\n",
    ";\n",
    "else:\n  x\n",
    "def f(:\n  pass\n",
    "x := 1\n",
    "not\n",
    "a not b\n",
    "assert x\n",
];

#[test]
fn both_accept_what_is_valid() {
    for text in VALID {
        assert_eq!(evaluator_error(text), None, "{text}");
        check(text);
    }
    check(SPEC);
}

#[test]
fn both_reject_what_is_not() {
    for text in INVALID {
        assert!(evaluator_error(text).is_some(), "{text}");
        check(text);
    }
}

#[test]
fn both_judge_slips_alike() {
    for text in VALID {
        for (start, _) in text.char_indices() {
            for end in (start + 1..=start + 3).filter(|&end| text.is_char_boundary(end) && end <= text.len())
            {
                check(&format!("{}{}", &text[..start], &text[end..]));
                check(&format!("{}{}", &text[..end], &text[start..]));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_judge_prefixes_alike(end in 0..SPEC.len()) {
        check(&SPEC[..SPEC.floor_char_boundary(end)]);
    }

    #[test]
    fn both_judge_deletions_alike(start in 0..SPEC.len(), length in 1..40usize) {
        let start = SPEC.floor_char_boundary(start);
        let end = SPEC.floor_char_boundary((start + length).min(SPEC.len()));
        check(&format!("{}{}", &SPEC[..start], &SPEC[end..]));
    }

    #[test]
    fn both_judge_moved_words_alike(from in 0..SPEC.len(), to in 0..SPEC.len(), length in 1..12usize) {
        let from = SPEC.floor_char_boundary(from);
        let word = &SPEC[from..SPEC.floor_char_boundary((from + length).min(SPEC.len()))];
        let to = SPEC.floor_char_boundary(to);
        check(&format!("{}{word}{}", &SPEC[..to], &SPEC[to..]));
    }

    #[test]
    fn both_judge_token_soup_alike(pieces in prop::collection::vec(prop::sample::select(PIECES), 1..14)) {
        check(&pieces.concat());
    }
}

const PIECES: &[&str] = &[
    "x",
    "y ",
    "1",
    "'s'",
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
    "*",
    "**",
    " not ",
    " in ",
    " if ",
    " else ",
    " for ",
    "lambda ",
    "return ",
    "def f",
    "pass",
    "\n",
    "\n  ",
    ";",
    "#c\n",
    "f(a, b=1)",
    "while ",
    "\nif x:\n    y\n",
    "\n    z\n",
    "\ndef g(a, *b, c=1, **d):\n  return a\n",
    "load('a', 'b')",
    "\\\n",
    "+=",
    "-> ",
    "...",
    "\"\"\"",
    "r'\\'",
    "b''",
    "0x1",
    "1.5",
    " or ",
    " elif y:\n",
    "lambda *, k: ",
    "[i for i in j if k]",
    "()",
];
