use super::check;
use crate::ide::fixture::Fixture;
use crate::spec::{Limits, load};
use crate::text::{LineIndex, MemoryFiles};
use std::path::Path;

const SERVICES: &str = "db = service(\"db\", \"x\", interface(\"main\", \"tcp\", 5432), ops = {\"wal\": op(syscalls=[\"write\"])})
api = service(\"api\", \"x\", interface(\"public\", \"http\", 8080))
def reading():
    return api.public.get(path=\"/data\")
";

/// `code line:column message`, as the loader's own tests have it.
fn found(text: &str) -> Vec<String> {
    let fixture = Fixture::new(text);
    let lines = LineIndex::new(fixture.text());
    let findings = fixture.ask(|snapshot, _| check(snapshot));
    let line = |finding: &crate::diagnostic::Diagnostic| {
        let at = lines.position(finding.primary.span.start);
        format!("{} {}:{} {}", finding.code.id(), at.line + 1, at.column + 1, finding.message)
    };
    findings.iter().map(line).collect()
}

/// Everything the loader says about the same text.
fn loaded(text: &str) -> Vec<String> {
    let files = MemoryFiles::default().with("/w/main.star", text);
    let loaded = load(&files, Path::new("/w/main.star"), &Limits::load());
    let line = |finding: &crate::diagnostic::Diagnostic| {
        let place = loaded.sources.place(finding.primary.span);
        let place = place.strip_prefix("/w/main.star:").unwrap_or(&place).to_owned();
        format!("{} {place} {}", finding.code.id(), finding.message)
    };
    loaded.diagnostics.iter().map(line).collect()
}

/// The static check finds exactly this in a spec that stands behind [`SERVICES`], and the loader says the same.
#[track_caller]
fn same(text: &str, expected: &[&str]) {
    let text = format!("{SERVICES}{text}");
    let found = found(&text);
    let shown: Vec<&str> = found.iter().map(|line| line.splitn(3, ' ').nth(2).unwrap_or(line)).collect();
    assert_eq!(shown, expected, "{text}");
    let loaded = loaded(&text);
    let missing: Vec<&String> = found.iter().filter(|line| !loaded.contains(line)).collect();
    assert!(missing.is_empty(), "only here: {missing:#?}\nthe loader: {loaded:#?}");
}

#[test]
fn names() {
    same("x = deyn(\"EIO\")\n", &["nothing defines `deyn`"]);
    same("def f():\n    return nowhere\n", &["nothing defines `nowhere`"]);
    same("x = lambda: sleep(1)\n", &["`sleep` is not supported yet"]);
}

/// A fault that can never act, found from its text wherever it is written.
#[test]
fn faults_that_ask_for_what_never_comes() {
    let path = "`path` on `connect` names a Unix socket, and \"*:5432\" is not one";
    let start = "fault_assumption(\"x\", target=db, ";
    same(&format!("{start}connect=deny(\"EIO\", path=\"*:5432\"))\n"), &[path]);
    same(&format!("no = deny(\"EIO\", path=\"*:5432\")\n{start}connect=no)\n"), &[path]);
    same(
        "def test_x():\n    fault(db, connect=deny(\"EIO\", path=\"*:5432\"), run=reading)\n    assert_true(True)\n",
        &[path],
    );
    let accept = "`accept` names no file, so `path` never matches";
    same(&format!("{start}accept=delay(\"1s\", path=\"/x\"))\n"), &[accept]);
    let write = "`write` carries no address of a peer, so `to` never matches";
    same(&format!("{start}write=deny(\"EIO\", to=db.main))\n"), &[write]);
    let service = "deny() to= must be an interface of a service, such as db.main, not a service";
    same(&format!("{start}connect=deny(\"EIO\", to=api))\n"), &[service]);
    let relative = "\"wal\" matches no file: paths are absolute";
    same(&format!("{start}write=deny(\"EIO\", path=\"wal\"))\n"), &[relative]);
    same(&format!("{start}connect=deny(\"EIO\", to=api.public), wal=deny(\"EIO\", nth=1))\n"), &[]);
}

#[test]
fn arguments() {
    same("x = deny(\"EIO\", lable=\"x\")\n", &["deny() has no argument `lable`"]);
    same("x = deny()\n", &["deny() needs `errno`"]);
    same("x = re(\"a\", \"b\")\n", &["re() takes one argument by position"]);
    same("x = service(\"z\", \"y\", healthchek = ready())\n", &["service() has no argument `healthchek`"]);
    same("x = service(\"z\", \"y\", image = \"y\")\n", &["service() `image` is not supported yet"]);
}

#[test]
fn literals() {
    same("x = deny(\"EOI\")\n", &["there is no errno \"EOI\""]);
    same("x = delay(\"500\")\n", &["delay() cannot read \"500\" as a duration"]);
    same("x = delay(path=\"/x\", delay=\"soon\")\n", &["delay() cannot read \"soon\" as a duration"]);
    same("x = service(\"z\", \"y\", interface(\"a\", \"htp\", 1))\n", &["there is no protocol \"htp\""]);
    same(
        "x = service(\"z\", \"y\", interface(\"a\", \"http\", \"1\"))\n",
        &["interface() port= must be an int, not a string"],
    );
}

#[test]
fn bodies_are_checked_too() {
    same("def test_a():\n    api.public.get(pth=\"/\")\n", &["api.public.get() has no argument `pth`"]);
    same("def test_a():\n    fault(db, write=deny(\"EOI\"), run=reading)\n", &["there is no errno \"EOI\""]);
    let text = format!("{SERVICES}f = lambda r: assert_eq(r.status)\n");
    assert_eq!(found(&text), loaded(&text));
}

#[test]
fn layers() {
    same(
        "x = fault_assumption(\"x\", target = db, rules = [drop()])\n",
        &["`db` is a service; `rules=` act on an interface"],
    );
    same(
        "x = fault_assumption(\"x\", target = api.public, rules = [delay(\"1s\")])\n",
        &["this is a syscall fault; here protocol rules are wanted"],
    );
    same(
        "x = fault_assumption(\"x\", target = db, write = delay(delay=\"1s\"))\n",
        &["this is a protocol rule; `write=` takes a syscall fault"],
    );
    same(
        "x = fault_assumption(\"x\", target = db, wrte = deny(\"EIO\"))\n",
        &["`wrte` is no syscall and no operation of \"db\""],
    );
    same(
        "x = fault_assumption(\"x\", target = db, traget = 1)\n",
        &["fault_assumption() has no argument `traget`"],
    );
}

/// The next keyword is being typed; what stands in front of it stays right.
#[test]
fn a_keyword_that_is_begun_leaves_the_rest_alone() {
    let rules = |rule: &str| {
        format!("{SERVICES}x = fault_assumption(\"x\", target = api.public, rules = [{rule}])\n")
    };
    let codes = |text: &str| -> Vec<String> { found(text).iter().map(|line| line[..6].to_owned()).collect() };
    assert_eq!(codes(&rules("delay(path=\"/x\", delay=\"1s\", n)")), ["FB0101"]);
    assert_eq!(codes(&rules("delay(path=\"/x\", n)")), ["FB0103", "FB0101"]);
    assert_eq!(codes(&rules("delay(p)")), ["FB0101"]);
    assert_eq!(codes(&rules("delay(\"1s\")")), ["FB0107"]);
    assert_eq!(codes(&format!("{SERVICES}x = deny(errno=\"EIO\", l)\n")), ["FB0101"]);
    same("x = fault_assumption(\"x\", target = api.public, rules = [delay(p)])\n", &["nothing defines `p`"]);
}

#[test]
fn a_function_is_handed_over_and_not_called() {
    let told = "pass the function `reading`, not its result";
    same("scenario(reading())\n", &[told]);
    same("fault_scenario(\"x\", scenario=reading(), expect=lambda r: assert_true(r))\n", &[told]);
    let judge = "def judge(r):\n    assert_true(r)\n";
    let told_judge = "pass the function `judge`, not its result";
    same(&format!("{judge}fault_scenario(\"x\", scenario=reading, expect=judge())\n"), &[told_judge]);
    same("fault_matrix(scenarios=[reading()], faults=[])\n", &[told]);
    let factory = "def judge(n):\n    return lambda r: assert_eq(r.status, n)\n";
    same(&format!("{factory}fault_scenario(\"x\", scenario=reading, expect=judge(200))\n"), &[]);
    let text = format!("{SERVICES}scenario(reading())\n");
    let all = loaded(&text);
    assert_eq!(all, [format!("FB0105 5:10 {told}")]);
    let fixture = Fixture::new(&text);
    let fixes = fixture.ask(|snapshot, _| check(snapshot)).remove(0).fixes;
    let span = fixes[0].edits[0].span;
    assert_eq!(&fixture.text()[span.start as usize..span.end as usize], "()");
}

#[test]
fn protocols() {
    same(
        "x = fault_assumption(\"x\", target = db.main, rules = [response(path=\"/x\", body=\"y\")])\n",
        &["tcp rules cannot match on `path`"],
    );
    same(
        "x = fault_assumption(\"x\", target = db.main, rules = [error(message=\"y\")])\n",
        &["tcp has no error() rules"],
    );
}

#[test]
fn attributes_and_places() {
    same("x = db.mian\n", &["a service has no attribute `mian`"]);
    same("def test_a():\n    api.public.gett()\n", &["an interface_ref has no attribute `gett`"]);
    same(
        "api.public.get(path=\"/\")\n",
        &["api.public.get() runs only in a test, and the spec is being loaded"],
    );
    same(
        "def test_a():\n    fault_assumption(\"x\")\n",
        &["fault_assumption() belongs to loading the spec, and a running test cannot call it"],
    );
    assert_eq!(found("def test_a():\n    pass\n"), Vec::<String>::new());
}

#[test]
fn loads_nobody_uses_can_be_removed() {
    let library = "//- /w/a.star\nx = 1\ny = 2\n";
    let fixture = Fixture::new(&format!("load(\"a.star\", \"x\", \"y\")\nz = x\n{library}"));
    let findings = fixture.ask(|snapshot, _| check(snapshot));
    let [finding] = findings.as_slice() else { panic!("{findings:#?}") };
    assert_eq!(finding.message, "`y` is loaded and not used");
    let span = finding.fixes[0].edits[0].span;
    assert_eq!(&fixture.text()[span.start as usize..span.end as usize], ", \"y\"");
}

/// It may be loaded for what it declares.
#[test]
fn a_load_nobody_uses_may_be_needed() {
    assert_eq!(found("load(\"a.star\", \"x\")\n"), Vec::<String>::new(), "the file is not at hand");
    let library = "//- /w/a.star\nx = service(\"x\", \"b\")\n";
    assert_eq!(found(&format!("load(\"a.star\", \"x\")\n{library}")), Vec::<String>::new());
}

#[test]
fn what_a_name_could_have_been_is_a_name_that_can_stand_there() {
    let fixes = |text: &str| {
        let fixture = Fixture::new(text);
        let findings = fixture.ask(|snapshot, _| check(snapshot));
        findings
            .iter()
            .flat_map(|found| &found.fixes)
            .map(|fix| fix.edits[0].text.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(fixes("x = true\n"), ["True"]);
    assert_eq!(fixes("x = nope\n"), Vec::<String>::new());
    assert_eq!(fixes("x = a\n"), Vec::<String>::new());
}

#[test]
fn broken_text_is_checked_as_far_as_it_goes() {
    let text = format!("{SERVICES}x = deny(\nfault_scenario(\"y\", scenaro = reading)\n");
    let found = found(&text);
    assert!(found.iter().any(|line| line.contains("has no argument `scenaro`")), "{found:?}");
    assert!(!found.iter().any(|line| line.contains("needs `errno`")), "{found:?}");
}

#[test]
fn the_examples_are_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    for name in [
        "01-http-faults/protocol-test.star",
        "02-syscall-faults/syscall-test.star",
        "01-http-faults/drop.star",
    ] {
        let text = std::fs::read_to_string(root.join(name)).expect("an example");
        assert_eq!(found(&text), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn thousands_of_attributes_that_may_be_there_are_soon_looked_at() {
    let lines = "    r = api.public.sta\n".repeat(5_000);
    let text = format!("{SERVICES}def f():\n    hasattr(api.public, \"sta\")\n{lines}x = api.public.sta\n");
    let started = std::time::Instant::now();
    // The file as a whole asks for what one of its functions asks for.
    assert_eq!(found(&text), Vec::<String>::new());
    assert_eq!(found(&text.replace("x = ", "def g():\n    x = ")).len(), 1);
    // Some 100 ms without optimisation; a minute when each of them looked for who asks.
    assert!(started.elapsed().as_secs() < 5, "{:?}", started.elapsed());
}
