//! What broken and whole texts become: their findings, and their trees as `dump` writes them.

mod limits;

use crate::syntax::dump::dump;
use crate::syntax::{Parsed, parse};
use crate::text::{FileId, LineIndex};

/// Findings as `line:column code message`, columns in bytes, both 1-based.
fn findings(text: &str, parsed: &Parsed) -> Vec<String> {
    let lines = LineIndex::new(text);
    let line = |finding: &crate::diagnostic::Diagnostic| {
        let at = lines.position(finding.primary.span.start);
        format!("{}:{} {} {}", at.line + 1, at.column + 1, finding.code, finding.message)
    };
    parsed.diagnostics.iter().map(line).collect()
}

#[track_caller]
fn check(text: &str, expected: &[&str], tree: &str) {
    let parsed = parse(FileId(0), text);
    assert_eq!(findings(text, &parsed), expected, "findings of\n{text}");
    assert_eq!(dump(&parsed.tree), tree, "tree of\n{text}");
}

#[track_caller]
fn good(text: &str, tree: &str) {
    check(text, &[], tree);
}

#[track_caller]
fn bad(text: &str, expected: &[&str]) {
    let parsed = parse(FileId(0), text);
    assert_eq!(findings(text, &parsed), expected, "findings of\n{text}");
}

#[test]
fn expressions_group_as_the_language_says() {
    good("a + b * c - d\n", "(- (+ a (* b c)) d)");
    good("not a == b and c or d\n", "(or (and (not (== a b)) c) d)");
    good("not a in b\n", "(not (in a b))");
    good("a not in b | c & d\n", "(not in a (| b (& c d)))");
    good("-a.b(c)[d] * ~e\n", "(* (- (index (call (.b a) c) d)) (~ e))");
    good("a if b else c if d else e\n", "(? a b (? c d e))");
    good("lambda x, *, y=1, **z: x + y\n", "(lambda (param x) (param *) (param y 1) (param **z) (+ x y))");
    good("(a, b)[1:2:]\n", "(slice x:x: (tuple a b) 1 2)");
    good("x[:], x[::2], x[1, 2]\n".trim_start_matches("x[:], x[::2], "), "(index x 1 2)");
    good("x[:]\nx[::2]\n", "(slice :: x)\n(slice ::x x 2)");
    good("(a)\n()\n(a,)\n", "(paren a)\n(tuple)\n(tuple a)");
    good("{}\n{1: 'a', 'b': b'c'}\n", "(dict)\n(dict 1:\"a\" \"b\":b'c')");
    good(
        "[x for x, y in z if x if y for a in x]\n",
        "(each x (in (tuple x y) z) (where x) (where y) (in a x))",
    );
    good("{k: v for k in v}\n", "(each k:v (in k v))");
    good("f(a, b = 1, *c, **d)\n", "(call f a b=1 *c **d)");
    good("0x1F + 0o17 + 0b1 + 1.5e3 + .5 + 1.\n", "(+ (+ (+ (+ (+ 0x1F 0o17) 0b1) 1.5e3) .5) 1.)");
    good("r'\\d' + \"\"\"a\nb\"\"\"\n", "(+ \"\\\\d\" \"a\\nb\")");
}

#[test]
fn statements_nest_by_indentation() {
    good(
        "def f(a: int, b = 1) -> str:\n  \"\"\"Doc.\"\"\"\n  for i in a:\n    if i: continue\n    elif b:\n      break\n    else:\n      pass\n\n  return a, b\nx, (y, [z]) = f\nx += 1; y.z = 2\n",
        "(def \"f\" (param a int) (param b 1) str {\"Doc.\" (for i a {(if (branch i {continue}) (branch b {break}) (branch {pass}))}) (return (tuple a b))})\n\
         (= (tuple x (paren (tuple y (list z)))) f)\n(+= x 1)\n(= (.z y) 2)"
            .replace("(paren (tuple y (list z)))", "(tuple y (list z))")
            .as_str(),
    );
    good("load(\"a.star\", \"b\", c = \"d\",)\n", "(load \"a.star\" (as \"b\" \"b\") (as \"c\" \"d\"))");
    good("x: int = 3\n", "(= x int 3)");
    good("if a:\n  # only a comment\n\n  b\n# end\n", "(if (branch a {b}))");
    good("x = [\na,\nb\n]\n", "(= x (list a b))");
    good("x = a \\\n  + b\r\ny = 1", "(= x (+ a b))\n(= y 1)");
    good("# nothing\n", "");
    good("", "");
}

#[test]
fn an_unclosed_bracket_is_reported_where_it_opens() {
    check(
        "db = service(\"db\",\n    z = 1\napi = 2\n",
        &["1:13 FB0002 '(' is never closed"],
        "(= db (call service \"db\" z=1))\n(= api 2)",
    );
    check(
        "def f():\n    api.post(path=\"/x\",\n    return 1\ndef g():\n    pass\n",
        &["2:13 FB0002 '(' is never closed"],
        "(def \"f\" {(call (.post api) path=\"/x\") (return 1)})\n(def \"g\" {pass})",
    );
    check(
        "api = service(\"api\",\n    interface(\"public\", \"http\", 8080,\n    env = {\"PORT\": \"8080\"},\n)\nx = 1\n",
        &["2:14 FB0002 '(' is never closed"],
        "(= api (call service \"api\" (call interface \"public\" \"http\" 8080) env=(dict \"PORT\":\"8080\")))\n(= x 1)",
    );
    check("x = f([1, 2)\ny = 3\n", &["1:7 FB0002 '[' is never closed"], "(= x (call f (list 1 2)))\n(= y 3)");
    check("f(g(", &["1:2 FB0002 '(' is never closed", "1:4 FB0002 '(' is never closed"], "(call f (call g))");
    check(
        "f(a\nload('x', 'y')\n",
        &["1:2 FB0002 '(' is never closed"],
        "(call f a)\n(load \"x\" (as \"y\" \"y\"))",
    );
}

#[test]
fn a_bracket_that_closes_nothing_is_stepped_over() {
    check("f(a))\ny = 1\n", &["1:5 FB0001 ')' closes nothing"], "(call f a)\n(error)\n(= y 1)");
    check("f(a]\ny = 1\n", &["1:4 FB0001 ']' does not close '('"], "(call f a (error))\n(= y 1)");
    check("f(a], b)\n", &["1:4 FB0001 ']' does not close '('"], "(call f a (error) b)");
    check(")\nx\n", &["1:1 FB0001 ')' closes nothing"], "(error (error))\nx");
}

#[test]
fn half_typed_expressions_keep_their_shape() {
    check(
        "api.\nx = 1\n",
        &["1:5 FB0001 expected the name of an attribute, found the end of the line"],
        "(. api)\n(= x 1)",
    );
    check(
        "def f():\n    return db.main.\n",
        &["2:20 FB0001 expected the name of an attribute, found the end of the line"],
        "(def \"f\" {(return (. (.main db)))})",
    );
    check("f(method=)\n", &["1:10 FB0001 expected a value behind '='"], "(call f method=_)");
    check("f(method=, b=1)\n", &["1:10 FB0001 expected a value behind '='"], "(call f method=_ b=1)");
    check(
        "f(api.\n  b=3)\n",
        &["1:7 FB0001 expected the name of an attribute, found 'b'"],
        "(call f (. api) b=3)",
    );
    check("f(a=\n  b=3)\n", &["1:5 FB0001 expected a value, found 'b'"], "(call f a=_ b=3)");
    check(
        "x =\ny = 1\n",
        &["1:4 FB0001 expected an expression, found the end of the line"],
        "(= x _)\n(= y 1)",
    );
    check("x = 1 +\n", &["1:8 FB0001 expected an expression, found the end of the line"], "(= x (+ 1 _))");
    check("f(a b)\n", &["1:5 FB0001 expected ',' before the next argument, found 'b'"], "(call f a b)");
    check("f(a,, b)\n", &["1:5 FB0001 expected the next argument, found ','"], "(call f a b)");
    check("x = a if b\n", &["1:11 FB0001 expected 'else', found the end of the line"], "(= x (? a b _))");
    check("x[\n", &["1:2 FB0002 '[' is never closed"], "(index x _)");
    check("{a}\n", &["1:3 FB0001 expected ':' and a value behind the key, found '}'"], "(dict a:_)");
    check(
        "{a, b: c}\n",
        &["1:3 FB0001 expected ':' and a value behind the key, found ','"],
        "(dict a:_ b:c)",
    );
    check("lambda x\n", &["1:9 FB0001 expected ':', found the end of the line"], "(lambda (param x) _)");
}

#[test]
fn an_unclosed_string_ends_with_its_line() {
    check(
        "api.get(\"/data\nx = 1\n",
        &["1:8 FB0002 '(' is never closed", "1:9 FB0003 the string is never closed"],
        "(call (.get api) (open \"/data\"))\n(= x 1)",
    );
    check(
        "api.get(\"/data)\nx = 1\n",
        &["1:9 FB0003 the string is never closed"],
        "(call (.get api) (open \"/data)\"))\n(= x 1)",
    );
    check(
        "f(path=\"/a,\n  body='x')\n",
        &["1:8 FB0003 the string is never closed"],
        "(call f path=(open \"/a,\") body=\"x\")",
    );
    check(
        "def f():\n    \"\"\"Doc\n    return 1\nx = 2\n",
        &["2:5 FB0003 the string is never closed"],
        "(def \"f\" {(open \"Doc\") (return 1)})\n(= x 2)",
    );
    bad("x = '", &["1:5 FB0003 the string is never closed"]);
}

#[test]
fn headers_without_colon_body_or_name_keep_their_blocks() {
    check(
        "def f()\n    return 1\nx = 2\n",
        &["1:8 FB0001 expected ':', found the end of the line"],
        "(def \"f\" {(return 1)})\n(= x 2)",
    );
    check("def f():\nx = 1\n", &["1:9 FB0001 'def' has no statements"], "(def \"f\" {})\n(= x 1)");
    check(
        "def\nx = 1\n",
        &["1:4 FB0001 expected the name of a function, found the end of the line"],
        "(def \"\" {})\n(= x 1)",
    );
    check(
        "def f(a\nx = 1\n",
        &["1:6 FB0002 '(' is never closed", "1:8 FB0001 expected ':', found the end of the line"],
        "(def \"f\" (param a) {})\n(= x 1)",
    );
    check(
        "if x = 1:\n  y\n",
        &["1:6 FB0001 '=' assigns and does not compare"],
        "(if (branch (error x 1) {y}))",
    );
    check(
        "if a:\n  b\nelse if c:\n  d\n",
        &["3:1 FB0001 'else if' is spelt 'elif'"],
        "(if (branch a {b}) (branch c {d}))",
    );
    check("else:\n  x\ny\n", &["1:1 FB0001 'else' follows no if"], "(error (branch {x}))\ny");
    check(
        "for x\n  y\n",
        &["1:6 FB0001 expected 'in' and what to loop over, found the end of the line"],
        "(for x _ {y})",
    );
    check(
        "if a: for b in c: pass\n",
        &["1:7 FB0001 'for' must start a line of its own"],
        "(if (branch a {(error (for b c {pass}))}))",
    );
}

#[test]
fn wrong_indentation_is_reported_once() {
    check(
        "def f():\n    a\n   b\n   c\n    d\ne\n",
        &["3:1 FB0001 this line is indented by 3, which fits no block around it"],
        "(def \"f\" {a b c d})\ne",
    );
    check(
        "a\n  b\n  c\nd\n",
        &["2:1 FB0001 this line is indented, but no block starts before it"],
        "a\nb\nc\nd",
    );
    check("  a\nb\n", &["1:1 FB0001 this line is indented, but no block starts before it"], "a\nb");
    bad("def f():\n\ta\n\tb\n", &["2:1 FB0001 tabs are not allowed"]);
}

#[test]
fn statements_of_python_get_advice() {
    check(
        "while x:\n    f()\ny = 1\n",
        &["1:1 FB0001 Starlark has no while loop"],
        "(error (error x) {(call f)})\n(= y 1)",
    );
    check("import os\nx = 1\n", &["1:1 FB0001 Starlark has no import"], "(error (error os))\n(= x 1)");
    check("from a import b\n", &["1:1 FB0001 Starlark has no import"], "(error (error a b))");
    check(
        "class A(B):\n    def f(self): pass\n",
        &["1:1 FB0001 Starlark has no classes"],
        "(error (error (call A B)) {(def \"f\" (param self) {pass})})",
    );
    bad(
        "try:\n    f()\nexcept E as e:\n    pass\n",
        &["1:1 FB0001 Starlark has no exceptions", "3:1 FB0001 Starlark has no exceptions"],
    );
    check(
        "with fault(a) as f:\n    g()\n",
        &["1:1 FB0001 Starlark has no with statement"],
        "(error (error (call fault a) f) {(call g)})",
    );
    // On the way to `delay`.
    let reserved = "FB0001 'del' is a reserved word and cannot be used";
    check("del\nx = 1\n", &[&format!("1:1 {reserved}")], "(error (error))\n(= x 1)");
    check("x = [del]\n", &[&format!("1:6 {reserved}")], "(= x (list (error)))");
    check("f(a = del)\n", &[&format!("1:7 {reserved}")], "(call f a=(error))");
    check("if a is not None:\n  b\n", &["1:6 FB0001 Starlark has no 'is'"], "(if (branch (!= a None) {b}))");
    bad(
        "raise E\nassert x, 'y'\ndel x\nglobal y\nas = 1\n",
        &[
            "1:1 FB0001 Starlark has no exceptions",
            "2:1 FB0001 Starlark has no assert statement",
            "3:1 FB0001 Starlark has no del statement",
            "4:1 FB0001 Starlark has no global variables that functions change",
            "5:1 FB0001 'as' is a reserved word and cannot be used",
        ],
    );
    bad("@decorated\ndef f(): pass\n", &["1:1 FB0001 Starlark has no decorators"]);
    bad("x = f'{a}'\n", &["1:5 FB0001 Starlark has no f-strings"]);
    bad(
        "x = (a for a in b)\ny = f(a for a in b)\n",
        &[
            "1:8 FB0001 Starlark has no generator expressions",
            "2:9 FB0001 Starlark has no generator expressions",
        ],
    );
    bad("x = 2 ** 3\n", &["1:7 FB0001 Starlark has no '**' operator"]);
}

#[test]
fn statements_in_the_wrong_place_are_reported() {
    bad(
        "return 1\nbreak\ncontinue\n",
        &[
            "1:1 FB0001 'return' is only allowed in a def",
            "2:1 FB0001 'break' is only allowed in a for loop",
            "3:1 FB0001 'continue' is only allowed in a for loop",
        ],
    );
    bad("for x in y:\n  def f():\n    break\n", &["3:5 FB0001 'break' is only allowed in a for loop"]);
    bad(
        "if x:\n  load('a', 'b')\n",
        &["2:3 FB0001 'load' is only allowed at the top of a file, outside any block"],
    );
    bad("load('a')\n", &["1:6 FB0001 load names nothing of the file"]);
    bad(
        "load(a, 'b')\nload('a', b)\nload()\n",
        &[
            "1:6 FB0001 expected the path of a file as a string, found 'a'",
            "2:11 FB0001 a name to load is a string",
            "3:6 FB0001 expected the path of a file as a string, found ')'",
        ],
    );
}

#[test]
fn rules_about_targets_arguments_and_parameters_are_checked() {
    bad("f() = 1\n", &["1:1 FB0001 cannot assign to a call"]);
    bad("a, b += 1\n", &["1:1 FB0001 cannot assign to several targets with an operator"]);
    bad("x = y = 1\n", &["1:7 FB0001 only one '=' may stand in a statement"]);
    bad("x = 1,\n", &["1:6 FB0001 a comma at the end needs brackets around the tuple"]);
    bad("a, b\n", &["1:1 FB0001 a tuple without brackets is no statement"]);
    bad("f(a=1, 2)\n", &["1:8 FB0001 a positional argument must stand before keyword arguments"]);
    bad("f(a=1, a=2)\n", &["1:8 FB0001 the argument 'a' is given twice"]);
    bad(
        "f(*a, b=1)\nf(**a, *b)\nf(*a, *b)\n",
        &[
            "1:7 FB0001 a keyword argument must stand before *list and **dict",
            "2:8 FB0001 '*' must stand once, before **dict",
            "3:7 FB0001 '*' must stand once, before **dict",
        ],
    );
    bad("f(a.b=1)\n", &["1:6 FB0001 '=' may only follow the name of a parameter"]);
    bad(
        "def f(a=1, b): pass\n",
        &["1:12 FB0001 a parameter without default must stand before those with one"],
    );
    bad("def f(a, a): pass\n", &["1:10 FB0001 two parameters are called 'a'"]);
    bad(
        "def f(*): pass\n",
        &["1:7 FB0001 '*' must be followed by the parameters that are given by keyword only"],
    );
    bad("def f(**a, b): pass\n", &["1:12 FB0001 no parameter may follow **kwargs"]);
    bad("a < b < c\n", &["1:7 FB0001 comparisons do not chain: '<' follows a comparison"]);
    bad("a = 'b' 'c'\n", &["1:9 FB0001 expected the end of the line, found a string"]);
    bad("a == not b\n", &["1:6 FB0001 'not' must stand in brackets here: (not ...)"]);
}

#[test]
fn characters_and_numbers_that_mean_nothing_are_reported() {
    bad("x = 5s\n", &["1:5 FB0001 '5s' is not a number"]);
    bad("x = 0123\n", &["1:5 FB0001 a number must not start with 0"]);
    bad("größe = 1\n", &["1:1 FB0001 the name 'größe' may only use the letters a-z and A-Z, digits and _"]);
    bad(
        "x = “a”\n",
        &[
            "1:5 FB0001 '“' is a typographic quote: write \" or '",
            "1:9 FB0001 '”' is a typographic quote: write \" or '",
        ],
    );
    bad(
        "x = $y\nz = 1 ? 2\n",
        &[
            "1:5 FB0001 unexpected character '$'",
            "2:7 FB0001 Starlark has no '?' operator: write 'a if condition else b'",
        ],
    );
    bad("x = '\\x4'\n", &["1:6 FB0001 '\\x' is not a complete escape"]);
}

#[test]
fn one_text_gets_all_its_findings() {
    let text = "a = (1\nb = 2\ndef f(:\n    return c +\nd = [1 2]\nwhile x: pass\ne = 5\n";
    let parsed = parse(FileId(0), text);
    let lines = LineIndex::new(text);
    let at: Vec<u32> =
        parsed.diagnostics.iter().map(|found| lines.position(found.primary.span.start).line + 1).collect();
    assert_eq!(at, [1, 3, 4, 5, 6]);
    assert!(dump(&parsed.tree).ends_with("(= e 5)"));
}
