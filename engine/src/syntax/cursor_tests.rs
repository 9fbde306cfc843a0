//! What the cursor `|` is taken to be in whole and broken code.

use super::cursor::{ActiveCall, Context, Place, Role, at, enclosing_call};
use super::tree::Tree;
use super::{Parsed, parse};
use crate::text::FileId;

fn parsed(text: &str) -> (Parsed, u32) {
    let offset = text.find('|').expect("a cursor") as u32;
    (parse(FileId(0), &text.replacen('|', "", 1)), offset)
}

fn call(active: &ActiveCall) -> String {
    let callee = active.callee.as_deref().unwrap_or("?");
    let keyword = active.keyword.as_deref().map(|name| format!(" {name}=")).unwrap_or_default();
    let given =
        if active.given.is_empty() { String::new() } else { format!(" given {}", active.given.join(",")) };
    format!("{callee}#{}{keyword}{given}", active.index)
}

fn place(tree: &Tree, place: &Place) -> String {
    let role = match &place.role {
        Role::Whole => "whole".to_owned(),
        Role::Element => "element".to_owned(),
        Role::Member { index } => format!("member {index}"),
        Role::DictKey => "key".to_owned(),
        Role::DictValue { key } => format!("value of {key:?}"),
        Role::Subscript { object } => format!("subscript of {}", tree.text_of(*object)),
        Role::Compared { with } => format!("compared with {}", tree.text_of(*with)),
    };
    place.argument.as_ref().map_or(role.clone(), |argument| format!("{role} in {}", call(argument)))
}

#[track_caller]
fn check(text: &str, expected: &str) {
    let (parsed, offset) = parsed(text);
    let tree = &parsed.tree;
    let cursor = at(&parsed, offset);
    let context = match &cursor.context {
        Context::Nothing => "nothing".to_owned(),
        Context::Statement => "statement".to_owned(),
        Context::Expression(at) => format!("expression {}", place(tree, at)),
        Context::Attribute { object } => format!("attribute of {}", tree.text_of(*object)),
        Context::Number(at) => format!("number {}", place(tree, at)),
        Context::Argument(active) => format!("argument {}", call(active)),
        Context::String { place: at, .. } => format!("string {}", place(tree, at)),
        Context::LoadPath { string } => format!("load path {}", string.is_some()),
        Context::LoadName { path, string } => format!("load name of {path:?} {}", string.is_some()),
        Context::NewName => "new name".to_owned(),
    };
    let replace = tree.str(cursor.replace);
    assert_eq!(format!("{context} [{}] {replace}", cursor.prefix).trim_end(), expected, "{text}");
}

#[test]
fn statements_and_names() {
    check("|", "statement []");
    check("se|", "statement [se] se");
    check("x = 1\ns|er\n", "statement [s] ser");
    check("def f():\n    |\n", "statement []");
    check("if x: |\n", "statement []");
    check("x = d|b\n", "expression whole [d] db");
    check("x = |\ny = 1\n", "expression whole []");
    check("def f():\n    return |\n", "expression whole []");
    check("x = a + |", "expression whole []");
    check("def |", "new name []");
    check("def f(a, |):\n    pass\n", "new name []");
    check("for | in x: pass\n", "new name []");
    check("for x in |: pass\n", "expression whole []");
    check("for a, b| in x: pass\n", "new name [b] b");
    check("x = [1 for a, b| in y]\n", "new name [b] b");
    check("x = [a| for a in y]\n", "expression whole [a] a");
    check("def f(*ar|): pass\n", "new name [ar] ar");
    check("def f(a = b|): pass\n", "expression whole [b] b");
    check("ap| = service(\"ap\")\n", "new name [ap] ap");
    check("ap|=1\n", "new name [ap] ap");
    check("| = service(\"\")\n", "new name []");
    check("def f():\n    ap|i = 1\n", "new name [ap] api");
    check("a, b| = 1, 2\n", "new name [b] b");
    check("(a, [b|]) = 1, [2]\n", "new name [b] b");
    check("in| = 1\n", "new name [in] in");
    check("ap| == 1\n", "statement [ap] ap");
    check("ap| += 1\n", "statement [ap] ap");
    check("x[a|] = 1\n", "expression subscript of x [a] a");
    check("f(a|) = 1\n", "argument f#0 [a] a");
    check("x = a|\ny = 1\n", "expression whole [a] a");
    check("# a |comment\n", "nothing []");
    check("x = 12|\n", "number whole [12] 12");
    check("x 12|\n", "nothing []");
    check("x |\n", "nothing []");
}

#[test]
fn attributes() {
    check("db.|\nx = 1\n", "attribute of db []");
    check("x = f(db.main.ad|, 1)\n", "attribute of db.main [ad] ad");
    check("def f():\n    api.|\n    return 1\n", "attribute of api []");
    check("f(api.|\n  b=3)\n", "attribute of api []");
    check("api.get(path='/').|", "attribute of api.get(path='/') []");
}

#[test]
fn arguments() {
    check("f(|)", "argument f#0 []");
    check("api.post(pa|)", "argument api.post#0 [pa] pa");
    check("f(a, b=1, |, c=2)", "argument f#2 given b,c []");
    check("f(a, meth|od=1, c=2)", "argument f#1 given c [meth] method");
    check("f(|\nx = 1\n", "argument f#0 []");
    check("db = service(\"db\",\n    |\n\napi = 1\n", "argument service#1 []");
    check("db = service(\"db\",\n    heal|\n\napi = 1\n", "argument service#1 [heal] heal");
    check("db = service(\"db\",\n|\n\napi = 1\n", "statement []");
    check("def t():\n    api.post(path=\"/x\", |\n    return 1\n", "argument api.post#1 given path []");
    check("f(g(a, |), b)", "argument g#1 []");
    check("f(g(a), |)", "argument f#1 []");
    check("f(a |)", "nothing []");
}

#[test]
fn values_know_their_argument() {
    check("f(target=|)", "expression whole in f#0 target= []");
    check("f(1, target = d|, x=2)", "expression whole in f#1 target= given x [d] d");
    check("f(deps=[|])", "expression element in f#0 deps= []");
    check("f(deps=[a, b|], x=1)", "expression element in f#0 deps= given x [b] b");
    check("f(env={\"A\": |})", "expression value of Some(\"A\") in f#0 env= []");
    check("f(env={|})", "expression key in f#0 env= []");
    check("f(*|)", "expression whole in f#0 []");
    check("f(status=5|03)", "number whole in f#0 status= [5] 503");
    check("f(a, 5|)", "number whole in f#1 [5] 5");
    check("r.status == 5|", "number compared with r.status [5] 5");
}

#[test]
fn members_of_a_tuple_know_their_place() {
    check("f(x=[(|", "expression member 0 in f#0 x= []");
    check("f(x=[(a|)])", "expression member 0 in f#0 x= [a] a");
    check("f(x=[(|, b)])", "expression member 0 in f#0 x= []");
    check("f(x=[(a, |", "expression member 1 in f#0 x= []");
    check("f(x=[(a, b), (c, d|)])", "expression member 1 in f#0 x= [d] d");
    check("f(x={(|", "expression member 0 in f#0 x= []");
    check("f(x={(a|): 1})", "expression member 0 in f#0 x= [a] a");
    check("f(x={(a, |): 1})", "expression member 1 in f#0 x= []");
    check("f(x=(a|))", "expression whole in f#0 x= [a] a");
}

#[test]
fn the_body_of_a_lambda_is_no_argument() {
    check("f(x=lambda r: |)", "expression whole []");
    check("f(x=lambda r: r|, y=1)", "expression whole [r] r");
    check("f(x=lambda r: a + |)", "expression whole []");
    check("f(x=lambda r: g(|))", "argument g#0 []");
}

#[test]
fn strings_know_their_place() {
    check("deny(\"E|\")", "string whole in deny#0 [E] E");
    check("deny(\"E|", "string whole in deny#0 [E] E");
    check("f(method=\"PO|ST\", path='/')", "string whole in f#0 method= given path [PO] POST");
    check("f(write=deny(\"|\"))", "string whole in deny#0 []");
    check("f(deps=[\"a\", \"|\"])", "string element in f#0 deps= []");
    check("f(headers={\"Con|\": 1})", "string key in f#0 headers= [Con] Con");
    check("f(env={\"PORT\": \"80|\"})", "string value of Some(\"PORT\") in f#0 env= [80] 80");
    check("f(\"a\" + \"b|\")", "string whole in f#0 [b] b");
    check("x = events[\"|\"]", "string subscript of events []");
    check("r.method == \"P|\"", "string compared with r.method [P] P");
    check("x = \"a\"|", "nothing []");
    check("load(\"a/|\", \"b\")", "load path true [a/] a/");
    check("load(\"a.star\", \"|\")", "load name of Some(\"a.star\") true []");
    check("load(\"a.star\", x = \"q|\")", "load name of Some(\"a.star\") true [q] q");
    check("load(|)", "load path false []");
    check("load(\"a.star\", |)", "load name of Some(\"a.star\") false []");
}

#[test]
fn signature_help_finds_the_innermost_open_call() {
    let found = |text: &str| {
        let (parsed, offset) = parsed(text);
        enclosing_call(&parsed, offset).map(|active| call(&active)).unwrap_or_default()
    };
    assert_eq!(found("f(|)"), "f#0");
    assert_eq!(found("f(a, b=g(1), c=|)"), "f#2 c= given b");
    assert_eq!(found("f(a, [1, 2|], c)"), "f#1");
    assert_eq!(found("f(a, g(1, 2|), c)"), "g#1");
    assert_eq!(found("f(a, g(1, 2)|, c)"), "f#1");
    assert_eq!(found("f(a)|"), "");
    assert_eq!(found("|f(a)"), "");
    assert_eq!(found("f(a,|\nx = 1\n"), "f#1");
    assert_eq!(found("f(lambda r: g(r.|), 1)"), "g#0");
}
