//! Specs without a mistake, whose text alone does not show what their values are: nothing may be said of them.

use crate::ide::findings::of_spec;
use crate::ide::fixture::Fixture;
use crate::spec::{Limits, Loaded, load};
use crate::text::MemoryFiles;
use std::path::Path;

const SERVICES: &str = "api = service(\"api\", \"x\", interface(\"public\", \"http\", 8080))
web = service(\"web\", \"x\", interface(\"public\", \"http\", 8081))
cache = service(\"cache\", \"x\", interface(\"main\", \"redis\", 6379))
db = service(\"db\", \"x\", interface(\"main\", \"tcp\", 5432), ops = {\"wal\": op(syscalls=[\"write\"])})
";

/// Lines about a spec behind [`SERVICES`], with evaluation and without; `lib.star` is what it may load.
fn lines(text: &str, library: &str) -> (Loaded, Vec<String>) {
    let text = format!("{SERVICES}{text}");
    let files = MemoryFiles::default().with("/w/main.star", &text).with("/w/lib.star", library);
    let loaded = load(&files, Path::new("/w/main.star"), &Limits::load());
    let alone = Fixture::new(&format!("{text}//- /w/lib.star\n{library}"));
    let mut found = of_spec(&loaded, Vec::new());
    found.extend(alone.ask(|snapshot, _| super::check(snapshot)));
    let line = |finding: &crate::diagnostic::Diagnostic| format!("{} {}", finding.code.id(), finding.message);
    let lines = found.iter().map(line).collect();
    (loaded, lines)
}

#[track_caller]
fn valid(text: &str) {
    valid_with(text, "");
}

#[track_caller]
fn valid_with(text: &str, library: &str) {
    let (loaded, lines) = lines(text, library);
    assert!(loaded.diagnostics.is_empty(), "this evaluates with: {:#?}\n{text}", loaded.diagnostics);
    assert_eq!(lines, Vec::<String>::new(), "{text}");
}

/// The text alone shows the mistake; all that is said has this code.
#[track_caller]
fn wrong(text: &str, code: &str) {
    let (_, lines) = lines(text, "");
    assert!(!lines.is_empty() && lines.iter().all(|line| line.starts_with(code)), "{lines:#?}\n{text}");
}

#[test]
fn services_the_text_does_not_show_whole() {
    valid("N = \"main\"\none = service(\"one\", \"x\", interface(N, \"http\", 1))\na = one.main.addr\n");
    valid(
        "def mk(n):\n    return service(n, \"x\", interface(n + \"_p\", \"http\", 1))\none = mk(\"one\")\na = one.one_p.addr\n",
    );
    valid(
        "P = \"http\"\none = service(\"one\", \"x\", interface(\"public\", P, 1))\ndef test_a():\n    one.get(path=\"/\")\n",
    );
    valid(
        "ps = [\"http\"]\none = service(\"one\", \"x\", interface(\"public\", ps[0], 1))\ndef test_a():\n    one.get(path=\"/\")\n",
    );
    valid(
        "ifs = [interface(\"main\", \"http\", 1)]\none = service(\"one\", \"b\", ifs[0])\na = one.main.addr\n",
    );
    valid(
        "X = True\none = service(\"one\", \"b\", interface(\"a\", \"http\", 1) if X else interface(\"b\", \"http\", 1))\na = one.a.addr\n",
    );
    valid(
        "two = interface(\"default\", \"redis\", 2)\none = service(\"one\", \"b\", interface(\"a\", \"http\", 1), [two][0])\ndef test_a():\n    one.command(\"PING\")\n",
    );
}

#[test]
fn operations_the_text_does_not_show() {
    let denied = "x = fault_assumption(\"x\", target = one, wal = deny(\"EIO\"))\n";
    let write = "op(syscalls=[\"write\"])";
    valid(&format!("O = {{\"wal\": {write}}}\none = service(\"one\", \"x\", ops=O)\n{denied}"));
    valid(&format!("one = service(\"one\", \"x\", ops={{\"w\" + \"al\": {write}}})\n{denied}"));
    valid(&format!(
        "def mk(ops):\n    return service(\"one\", \"x\", ops=ops)\none = mk({{\"wal\": {write}}})\n{denied}"
    ));
    valid(&format!("one = service(\"one\", \"x\", **{{\"ops\": {{\"wal\": {write}}}}})\n{denied}"));
}

#[test]
fn items_of_a_list_that_differ() {
    valid(
        "a = []\nfor s in [api, cache]:\n    if s.name == \"api\":\n        a.append(s.public.addr)\n    else:\n        a.append(s.main.addr)\n",
    );
    valid(
        "def test_a():\n    for s in [web, db]:\n        if s.name == \"db\":\n            fault(s, wal=deny(\"EIO\"), run=lambda: 1)\n",
    );
    valid(
        "xs = [api]\nxs.append(cache)\ndef test_a():\n    for s in xs:\n        if s.name == \"cache\":\n            s.main.addr\n",
    );
    valid("xs = [api] + [cache]\na = xs[1].main.addr\nb = (api, cache)[1].main.addr\n");
}

#[test]
fn functions_that_are_given_several_things() {
    valid(
        "def ask(s):\n    return s.send(data=\"x\") if s.name == \"db\" else s.get(\"k\")\ndef test_a():\n    ask(db)\n    ask(cache)\n",
    );
    valid("def v(x):\n    return x\na = v(api).public.addr\nb = v(cache).main.addr\n");
    valid("def v(x=api):\n    return x.name\na = v()\nb = v(x=1) if False else 1\n");
    valid(
        "def under(i, proto):\n    if proto == \"http\":\n        fault(i, error(path=\"*\"), run=lambda: 1)\n    else:\n        fault(i, error(key=\"*\"), run=lambda: 1)\ndef test_a():\n    under(api.public, \"http\")\n    under(cache.main, \"redis\")\n",
    );
    valid(
        "def first(s):\n    return s.public.addr\ndef second(s):\n    return s.main.addr\na = first(s = api)\nb = [f(cache) for f in [second]]\n",
    );
    valid(
        "def ask(*all):\n    return all[1].main.addr if len(all) > 1 else all[0].public.addr\na = ask(api)\nb = ask(api, cache)\n",
    );
    valid("def ask(s):\n    s = s.main\n    return s.internal_addr\na = ask(cache)\n");
}

#[test]
fn branches_no_call_at_hand_takes() {
    valid("def at(s):\n    if s == api:\n        return s.public\n    return s.main\na = at(cache)\n");
    valid("def at(s):\n    return s.public if s.name == \"api\" else s.main\na = at(cache)\n");
    valid("def at(s):\n    return s if type(s) == \"string\" else s.main.addr\na = at(\"x\")\n");
    valid(
        "def under(i, proto):\n    if proto == \"http\":\n        fault(i, error(path=\"*\"), run=lambda: 1)\n    else:\n        fault(i, error(key=\"*\"), run=lambda: 1)\ndef test_a():\n    under(cache.main, \"redis\")\n",
    );
    for body in [
        "    if kind == \"http\":\n        return s.get(path=\"/\")\n    return s.send(\"x\")\n",
        "    if kind == \"http\":\n        fail(\"no\")\n    s.send(\"x\")\n",
        "    if kind:\n        s.send(\"x\")\n",
        "    if s.name.startswith(\"q\"):\n        s.send(\"x\")\n",
        "    if \"send\" in dir(s):\n        s.send(\"x\")\n",
        "    if is_queue(s):\n        s.send(\"x\")\n",
        "    t = s\n    if t.name == \"q\":\n        t.send(\"x\")\n",
        "    kind and s.send(\"x\")\n",
        "    return s.send(\"x\") if kind else 1\n",
        "    return [s.send(\"x\") for i in range(2) if kind]\n",
        "    {True: lambda: s.send(\"x\"), False: lambda: 1}[kind]()\n",
        "    def inner():\n        s.send(\"x\")\n    if kind:\n        inner()\n",
        "    for each in [1]:\n        if not kind:\n            continue\n        s.send(\"x\")\n",
    ] {
        let is_queue = "def is_queue(s):\n    return s.name == \"q\"\n";
        valid(&format!("{is_queue}def ask(s, kind):\n{body}def test_a():\n    ask(api, False)\n"));
    }
    wrong("def ask(s):\n    s.send(\"x\")\ndef test_a():\n    ask(api)\n", "FB0116");
    wrong("def ask(s):\n    fault(s, run=lambda: s.send(\"x\"))\ndef test_a():\n    ask(api)\n", "FB0116");
    wrong("def at(s):\n    if s != None:\n        return s.mian\na = at(cache)\n", "FB0116");
    wrong(
        "def test_a():\n    at(api.public.get(path=\"/\"))\ndef at(r):\n    if r.status == 200:\n        r.bdoy\n",
        "FB0116",
    );
}

#[test]
fn functions_that_other_files_call() {
    valid_with(
        "load(\"lib.star\", \"ask\")\na = ask(cache, \"main\")\n",
        "own = service(\"own\", \"x\", interface(\"public\", \"http\", 1))\ndef ask(s, which):\n    return s.main.addr if which == \"main\" else s.public.addr\na = ask(own, \"public\")\n",
    );
}

#[test]
fn names_bound_more_than_once() {
    valid(
        "def test_a():\n    r = struct(code=5)\n    assert_eq(r.code, 5)\n    r = api.get(path=\"/\")\n    assert_eq(r.status, 200)\n",
    );
    valid("def test_a():\n    s = api\n    s.public.addr\n    s = cache\n    s.main.addr\n");
    valid("def test_a():\n    s = api\n    s = s.public\n    s.addr\n");
}

#[test]
fn functions_that_return_several_things() {
    valid(
        "def either(x):\n    if x:\n        return struct(code=1)\n    return api.get(path=\"/\")\ndef test_a():\n    assert_eq(either(1).code, 1)\n",
    );
}

#[test]
fn fields_the_text_does_not_show() {
    valid(
        "def mk(k):\n    if k:\n        return struct(**{\"s\": cache})\n    return struct(s = api)\na = mk(1).s.main.addr\n",
    );
}

#[test]
fn results_of_several_scenarios() {
    let scenarios = "def three():\n    return api.get(path=\"/\")\ndef two():\n    return struct(x=api.get(path=\"/\"))\ndef chk(r):\n    assert_true(r.x.ok if hasattr(r, \"x\") else r.ok)\ndef kind(r):\n    assert_true(r.x.ok if type(r) == \"struct\" else r.ok)\na = fault_assumption(\"a\", target = api.public, rules = [drop()])\n";
    for (list, expect) in [("three, two", "chk"), ("two, three", "chk"), ("three, two", "kind")] {
        valid(&format!("{scenarios}fault_matrix(scenarios=[{list}], faults=[a], default_expect={expect})\n"));
    }
    valid(&format!(
        "{scenarios}fault_scenario(\"y\", scenario=three, faults=a, expect=kind)\nfault_scenario(\"z\", scenario=two, faults=a, expect=kind)\n"
    ));
}

#[test]
fn what_all_agree_on_is_still_checked() {
    wrong("for s in [api, web]:\n    s.mian\n", "FB0116");
    wrong("def ask(s):\n    return s.mian\na = ask(api)\nb = ask(web)\n", "FB0116");
    wrong("N = \"main\"\none = service(\"one\", \"x\", interface(N, \"http\", 1))\na = one.mian\n", "FB0116");
    wrong(
        "def test_a():\n    r = None\n    for i in range(3):\n        r = api.get(path=\"/\")\n    r.code\n",
        "FB0116",
    );
    wrong(
        "def either(x):\n    if x:\n        return api.get(path=\"/a\")\n    return api.get(path=\"/\")\ndef test_a():\n    either(1).code\n",
        "FB0116",
    );
    // Evaluation says what the text does not.
    wrong(
        "def mk(n):\n    return service(n, \"x\", interface(n + \"_p\", \"http\", 1))\none = mk(\"one\")\ndef test_a():\n    one.one_q\n",
        "FB0116",
    );
    wrong("x = fault_assumption(\"x\", target = db, wrte = deny(\"EIO\"))\n", "FB0109");
}
