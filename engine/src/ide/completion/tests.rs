use super::{Completion, CompletionKind, MAX_OF_GROUP, Shown, completions, shown};
use crate::ide::fixture::Fixture;

const SERVICES: &str = "db = service(\"db\", \"x\", interface(\"main\", \"tcp\", 5432), ops = {\"wal\": op(syscalls=[\"write\"])})
api = service(\"api\", \"x\", interface(\"public\", \"http\", 8080), interface(\"admin\", \"http\", 9090))
def reading():
    return api.public.get(path=\"/data/key\")
slow = fault_assumption(\"slow\", target = api.public, rules = [delay(path=\"/data/*\", delay=\"1s\")])
";

fn at(fixture: &str) -> Vec<Completion> {
    let listing = ["lib/common.star", "bin/db"].map(str::to_owned);
    let fixture = Fixture::new(&format!("{SERVICES}{fixture}"));
    fixture.ask(|snapshot, offset| completions(snapshot, offset, &listing))
}

/// The first proposals are these.
#[track_caller]
fn check(fixture: &str, expected: &[&str]) {
    let found = at(fixture);
    let labels: Vec<&str> = found.iter().take(expected.len()).map(|item| item.label.as_str()).collect();
    assert_eq!(labels, expected, "{fixture}");
}

/// The proposal of this label inserts that.
#[track_caller]
fn check_insert(fixture: &str, label: &str, expected: &str) {
    let found = at(fixture);
    let item = found.iter().find(|item| item.label == label);
    assert_eq!(item.map(|item| item.insert.as_str()), Some(expected), "{fixture}");
}

/// These are proposed, and those are not.
#[track_caller]
fn check_among(fixture: &str, present: &[&str], absent: &[&str]) {
    let found = at(fixture);
    let has = |label: &&str| found.iter().any(|item| item.label == **label);
    let missing: Vec<&&str> = present.iter().filter(|label| !has(label)).collect();
    let surplus: Vec<&&str> = absent.iter().filter(|label| has(label)).collect();
    assert!(missing.is_empty() && surplus.is_empty(), "{fixture}: lacks {missing:?}, has {surplus:?}");
}

#[test]
fn behind_a_dot_stand_the_interfaces_and_steps_of_that_value() {
    check("api.$0", &["public", "admin", "name"]);
    check("db.$0", &["main", "send", "name"]);
    check("api.public.$0\nx = 1", &["get", "post", "put"]);
    check_among("db.main.$0", &["send", "addr"], &["get", "post"]);
}

#[test]
fn responses_have_attributes_also_in_expectations() {
    check("def f():\n    r = api.public.get(path=\"/\")\n    r.$0", &["status", "body", "data"]);
    check_among(
        "fault_scenario(\"x\", scenario=reading, expect=lambda r: assert_eq(r.$0",
        &["status"],
        &["main"],
    );
    check(
        "def both():\n    return struct(first=api.public.get(), n=1)\nfault_scenario(\"x\", scenario=both, expect=lambda r: r.$0)",
        &["first", "n"],
    );
}

#[test]
fn bytes_are_offered_where_content_is_sent() {
    check_among("blob = load_by$0", &["load_bytes"], &[]);
    check_among("x = b\"a\".$0", &["elems"], &["upper", "status"]);
    check_among("blob = load_bytes(\"a\")\nblob.$0", &["elems"], &["upper"]);
    check_among("def f():\n    api.public.get().body_bytes.$0", &["elems"], &["upper"]);
    check("blob = load_bytes(\"a\")\ndef f():\n    api.public.post(\"/x\", body=$0)", &["blob"]);
    check_insert("def f():\n    db.main.send($0)", "data=", "data=\"$1\"");
    assert!(at("x = b\"serv$0").is_empty(), "within bytes there are no names");
}

#[test]
fn keywords_come_required_first_and_used_ones_are_gone() {
    check("fault_scenario(\"x\", $0", &["scenario=", "faults=", "expect="]);
    check_among("fault_scenario(\"x\", scenario=f, $0", &["faults="], &["scenario=", "name="]);
    check_among("interface(\"x\", $0)", &["protocol="], &["name="]);
}

#[test]
fn keywords_are_valid_for_the_target() {
    check_among("fault_assumption(\"x\", target=db, $0", &["wal=", "write=", "fsync=", "connect="], &[]);
    check_among("response(p$0", &["path=", "probability="], &[]);
    check_among(
        "fault_assumption(\"x\", target=api.public, rules=[response($0",
        &["method=", "path=", "status=", "body="],
        &["command=", "sqlstate="],
    );
    check_among(
        "fault_assumption(\"x\", target=db.main, rules=[response($0",
        &["data=", "body="],
        &["path=", "status="],
    );
}

#[test]
fn arguments_of_steps_and_functions_are_known() {
    check("api.public.post($0)", &["path=", "body=", "headers="]);
    check("def f(first, second=1):\n    pass\nf($0)", &["first=", "second="]);
}

#[test]
fn values_of_the_wanted_type_come_first() {
    check("fault_scenario(\"x\", scenario=$0", &["reading"]);
    check("fault_scenario(\"x\", scenario=reading, faults=$0", &["slow", "fault_assumption"]);
    check("fault_assumption(\"x\", target=$0", &["db", "api"]);
    check("fault_assumption(\"x\", target=db, write=$0", &["deny", "delay", "allow"]);
    check("fault_matrix(scenarios=[$0", &["reading"]);
    check("service(\"y\", healthcheck=$0", &["tcp", "http", "ready"]);
}

#[test]
fn strings_offer_the_words_of_their_domain() {
    check("deny(\"$0\")", &["ENOENT", "EACCES"]);
    check_among("deny(\"EN$0", &["ENOSPC", "EIO"], &["service"]);
    check_among("deny($0", &["errno=", "\"ENOENT\""], &["\"http\""]);
    check("interface(\"x\", \"$0\"", &["http", "tcp"]);
    check("op(syscalls=[\"$0\"", &["write", "read"]);
    check("response(method=\"$0\"", &["GET", "POST"]);
    check("response(status=$0", &["503", "500"]);
    check("drop(mode=\"$0\"", &["fin", "reset", "silent"]);
    check("service(\"a\", stdin=\"$0\"", &["open", "eof"]);
    check_among("api.public.get(path=\"$0\")", &["/data/key", "/data/*"], &[]);
    check_among("service(\"z\", \"x\", depends_on=[\"$0\"])", &["db", "api"], &[]);
    check_among("delay(\"$0\")", &["500ms", "1s"], &[]);
    check_among("deny(\"EIO\", probability=\"$0\")", &["50%"], &[]);
    check("def f(r):\n    assert_eq(r.status, $0", &["503", "500"]);
}

#[test]
fn loads_offer_files_and_names() {
    check("load(\"$0", &["lib/common.star"]);
    check("load($0", &["\"lib/common.star\""]);
    check("load(\"x.star\", \"$0\")\n//- /w/x.star\ndef help():\n    pass\n_own = 1\n", &["help"]);
}

#[test]
fn statements_offer_declarations_as_snippets() {
    let found = at("$0");
    let service = found.iter().find(|item| item.label == "service").expect("service");
    assert!(service.is_snippet && service.insert.contains("interface("), "{service:?}");
    let first: Vec<&str> = found
        .iter()
        .filter(|item| item.kind == CompletionKind::Builtin)
        .take(2)
        .map(|item| &*item.label)
        .collect();
    assert_eq!(first, ["service", "fault_assumption"]);
    check("$0", &["service", "fault_assumption", "fault_scenario", "load", "def"]);
    check_insert("$0", "def", "def ${1:test_name}($2):\n    $0");
    check_insert("def f():\n    $0", "def", "def ${1:name}($2):\n    $0");
}

/// A proposal there would be taken for the name by the next Tab, as in the places of a snippet.
#[test]
fn a_name_being_made_up_gets_no_proposals() {
    for text in [
        "ap$0 = service(\"ap\", \"./bin/api\",\n    interface(\"public\", \"http\", 8080),\n)\n",
        "$0 = service(\"\", \"./bin/api\")\n",
        "x = service(\"api\", \"x\", interface(\"ma$0\", \"http\", 8080))\n",
        "api_503$0 = fault_assumption(\"api_503\", target = api.public)\n",
        "fault_scenario(\"rea$0\", scenario = reading)\n",
        "def rea$0():\n    pass\n",
        "def f(ap$0):\n    pass\n",
        "def f(a, *ap$0):\n    pass\n",
        "x = lambda ap$0: 1\n",
        "for ap$0 in [1]:\n    pass\n",
        "x = [1 for k, ap$0 in []]\n",
        "def f():\n    ap$0 = 1\n",
        "ap$0, b = 1, 2\n",
        "load(\"lib/common.star\", ap$0 = \"x\")\n",
    ] {
        let found = at(text);
        assert!(found.is_empty(), "{text}: {:?}", found.iter().map(|item| &item.label).collect::<Vec<_>>());
    }
    check_among("x = ap$0\ny = 1\n", &["api"], &[]);
    check_among("ap$0\n", &["api"], &[]);
    check_among("api.$0 = 1\n", &["public"], &[]);
}

#[test]
fn what_stands_behind_the_word_is_not_inserted_again() {
    check_insert("assert_e$0(1, 2)", "assert_eq", "assert_eq");
    check_insert("assert_e$0", "assert_eq", "assert_eq($1)$0");
    check_insert("api.public.ge$0(\"/x\")", "get", "get");
    check_insert("servi$0(\"a\")", "service", "service");
    check_insert("x = le$0(\"a\")", "len", "len");
    check_insert("loa$0(\"a\")", "load", "load");
    check_insert("fault_scenario(\"x\", scen$0=reading)", "scenario=", "scenario");
    check_insert("fault_scenario(\"x\", scen$0 = reading)", "scenario=", "scenario");
    check_insert("fault_scenario(\"x\", scen$0)", "scenario=", "scenario=$1");
    check_insert("deny(\"EIO\", p$0robability=\"3%\")", "probability=", "probability");
    check_insert("x = delay(del$0=\"1s\")", "delay=", "delay");
    check_among("deny(\"EIO\", p$0robability=\"3%\")", &["label="], &["\"10%\"", "db"]);
    check_among("assert_eq(api$0 == db)", &["api"], &[]);
}

#[test]
fn a_number_being_typed_is_completed() {
    check("response(status=5$0)", &["503", "500"]);
    check("response(status=$0", &["503", "500"]);
    check("def f(r):\n    assert_eq(r.status, 5$0)", &["503", "500"]);
    check("def f(r):\n    return r.status == 5$0", &["503", "500"]);
    let replaced = at("response(status=5$003)").into_iter().next().map(|item| item.replace.len());
    assert_eq!(replaced, Some(3));
    assert!(at("deny(\"EIO\", probability=1$0)").is_empty());
    assert!(at("interface(\"x\", \"http\", 80$0)").is_empty());
}

#[test]
fn an_expectation_is_about_what_the_scenario_returned() {
    for before in [
        "fault_scenario(\"x\", scenario=reading, expect=lambda r: $0",
        "fault_scenario(\"x\", scenario=reading, expect=lambda r: $0)",
        "fault_matrix(scenarios=[reading], faults=[slow], default_expect=lambda r: $0)",
        "fault_matrix(scenarios=[reading], faults=[slow], overrides={(reading, slow): lambda r: $0})",
    ] {
        check(before, &["r", "assert_true", "assert_eq"]);
        check_among(before, &["reading"], &["scenario="]);
    }
    check_among("x = lambda r: $0", &["r", "assert_eq"], &[]);
}

#[test]
fn pairs_are_a_scenario_and_an_assumption() {
    for word in ["overrides={", "exclude=["] {
        let matrix = format!("fault_matrix(scenarios=[reading], faults=[slow], {word}");
        check(&format!("{matrix}($0"), &["reading"]);
        check(&format!("{matrix}(re$0"), &["reading"]);
        check(&format!("{matrix}(reading, $0"), &["slow"]);
        check_among(&format!("{matrix}($0"), &["slow"], &["expect_success"]);
    }
}

#[test]
fn the_first_fault_suits_what_is_faulted() {
    check("def f():\n    fault(api.public, $0", &["response", "error", "delay"]);
    check("def f():\n    fault(api.public, re$0)", &["response", "error", "delay"]);
    check("def f():\n    fault(api.public, response(), $0)", &["run="]);
    check("def f():\n    fault(db, $0)", &["wal=", "write="]);
    check("def f():\n    fault(db, write=deny(\"EIO\"), $0)", &["run="]);
    check("fault_assumption(\"x\", target=db, $0)", &["wal=", "write="]);
    check_among("def f():\n    fault(api.public, $0", &["drop", "write=", "run="], &[]);
}

#[test]
fn scenarios_take_nothing_and_expectations_take_the_result() {
    let functions = "def judge(r):\n    pass\ndef writing(n=1):\n    pass\n";
    check(&format!("{functions}scenario($0)"), &["reading", "writing"]);
    check(&format!("{functions}def f():\n    fault(db, run=$0)"), &["reading", "writing"]);
    check_among(&format!("{functions}scenario($0)"), &["judge"], &["expect_success"]);
    check_among(&format!("{functions}def f():\n    fault(db, run=$0)"), &["judge"], &["expect_success"]);
    check(&format!("{functions}fault_scenario(\"x\", expect=$0)"), &["judge", "writing", "expect_success"]);
}

#[test]
fn a_service_does_not_need_itself() {
    check_among("own = service(\"own\", \"x\", depends_on=[\"$0\"])", &["db", "api"], &["own"]);
    check_among("own = service(\"own\", \"x\", depends_on=[$0])", &["db", "\"api\""], &["own", "\"own\""]);
}

#[test]
fn request_paths_are_those_of_requests() {
    let spec = "s = service(\"s\", \"/bin/true\", healthcheck=http(\"localhost:80/health\"), \
                ops={\"o\": op(path=\"/var/x\")})\nx = load_file(path=\"/etc/x\")\n";
    let paths = ["/data/key", "/data/*", "/health"];
    check_among(&format!("{spec}api.public.get(\"/$0\")"), &paths, &["/bin/true", "/var/x", "/etc/x"]);
    check(
        &format!("{spec}api.public.get(\"/a\")\napi.public.get(\"/$0\")"),
        &["/data/key", "/data/*", "/health", "/a"],
    );
}

#[test]
fn nothing_is_offered_where_nothing_belongs() {
    for fixture in ["# a $0comment", "x = 12$0", "def $0"] {
        assert!(at(fixture).is_empty(), "{fixture}");
    }
}

fn many(what: impl Fn(usize) -> String) -> String {
    (0..1_600).map(what).collect()
}

#[test]
fn the_last_of_many_services_is_still_one() {
    let services =
        many(|n| format!("db{n} = service(\"db{n}\", \"x\", interface(\"main\", \"http\", {n}))\n"));
    let slow = many(|n| format!("slow{n} = fault_assumption(\"slow{n}\", target = db{n})\n"));
    let found = at(&format!("{services}{slow}x = fault_assumption(\"x\", target = $0)\n"));
    let of_kind = |kind: CompletionKind| found.iter().filter(|item| item.kind == kind).count();
    assert_eq!((of_kind(CompletionKind::Service), of_kind(CompletionKind::Assumption)), (1_602, 1_601));
}

#[test]
fn of_many_proposals_the_best_of_each_group_are_shown() {
    let spec = format!("{}x = fault_assumption(\"x\", target = $0)\n", many(|n| format!("g{n} = {n}\n")));
    let has = |shown: &Shown, label: &str| shown.items.iter().any(|item| item.label == label);
    let all = shown(at(&spec), "");
    assert!(!all.is_complete && all.items.len() < 2 * MAX_OF_GROUP, "{}", all.items.len());
    assert!(["api", "db", "g1", "None", "len"].iter().all(|label| has(&all, label)));
    assert!(!has(&all, "g1599"));
    // What was left out comes with the letters that mean it.
    let some = shown(at(&spec), "g159");
    assert!(!some.is_complete && has(&some, "g1599") && !has(&some, "g2"));
    let few = shown(at("x = $0"), "zz");
    assert!(few.is_complete && has(&few, "api"));
}

#[test]
fn a_fault_of_a_syscall_is_offered_where_one_belongs() {
    for start in ["fault_assumption(\"x\", target=db, write=", "def f():\n    fault(db, wal="] {
        let call = format!("{start}delay($0)");
        check(&call, &["\"100ms\""]);
        check_among(&call, &["duration=", "probability=", "path=", "nth="], &["delay=", "method=", "host="]);
        check_among(&format!("{start}delay(probability=\"1%\", $0)"), &["duration="], &["delay="]);
        check_insert(&format!("{start}$0"), "delay", "delay(\"${1:100ms}\")$0");
    }
    for start in ["fault_assumption(\"x\", target=api.public, rules=[", "def f():\n    fault(api.public, "] {
        check_among(&format!("{start}delay($0"), &["delay=", "method="], &["duration=", "\"100ms\""]);
    }
    check_among("x = delay($0)", &["delay=", "duration="], &[]);
}

/// The text of a snippet when every place keeps what stands there.
fn filled(snippet: &str) -> String {
    let mut text = String::new();
    let mut rest = snippet;
    while let Some(at) = rest.find('$') {
        text.push_str(&rest[..at]);
        rest = rest[at + 1..].trim_start_matches('{').trim_start_matches(|c: char| c.is_ascii_digit());
        if let Some(place) = rest.strip_prefix(':') {
            let end = place.find('}').expect("a place ends");
            text.push_str(&place[..end]);
            rest = &place[end + 1..];
        }
    }
    text + rest
}

#[test]
fn rules_as_offered_are_rules_of_the_protocol() {
    for &protocol in crate::model::Protocol::ALL {
        let schema = crate::protocol::schema(protocol);
        let before = format!(
            "s = service(\"s\", \"x\", interface(\"main\", \"{protocol}\", 7000))\n\
             x = fault_assumption(\"x\", target = s.main, rules = ["
        );
        let found =
            Fixture::new(&format!("{before}$0]")).ask(|snapshot, offset| completions(snapshot, offset, &[]));
        for &action in crate::model::ActionKind::ALL {
            let item = found.iter().find(|item| item.label == action.builtin());
            let is_known = schema.actions.iter().any(|spec| spec.kind == action);
            assert_eq!(item.is_some(), is_known, "{protocol} {action:?}");
            let Some(item) = item else { continue };
            let text = format!("{before}{}])\n", filled(&item.insert));
            let findings = crate::spec::testing::lines(&crate::spec::testing::load_with(&text, &[]));
            assert!(findings.is_empty(), "{text}{findings:?}");
            let unknown = Fixture::new(&text).ask(|snapshot, _| crate::ide::static_check::check(snapshot));
            assert!(unknown.is_empty(), "{text}");
        }
    }
}

#[test]
fn rules_have_what_their_protocol_has() {
    let rule = |protocol: &str, action: &str, expected: &str| {
        let service = format!("s = service(\"s\", \"x\", interface(\"main\", \"{protocol}\", 7000))\n");
        check_insert(&format!("{service}def f():\n    fault(s.main, $0)"), action, expected);
    };
    rule("redis", "error", "error(command=\"${1:GET}\", key=\"${2:*}\")$0");
    rule("redis", "response", "response(command=\"${1:GET}\", key=\"${2:*}\", value=\"${3:OK}\")$0");
    rule("postgres", "error", "error(query=\"${1:SELECT *}\", sqlstate=\"${2:40001}\")$0");
    rule("tcp", "drop", "drop()$0");
    rule("udp", "drop", "drop()$0");
    rule("http", "response", "response(method=\"${1:POST}\", path=\"${2:/}\", status=${3:503})$0");
}

#[test]
fn behind_a_keyword_stand_keywords() {
    for call in [
        "fault_assumption(\"a\", target=api.public, $0)",
        "x = api.public.get(path=\"/x\", $0)",
        "response($0)",
        "fault_scenario(\"n\", $0)",
        "fault_matrix($0)",
        "fault_matrix(scenarios=[reading], $0)",
        "def f():\n    fault(db, $0)",
    ] {
        let others: Vec<String> = at(call)
            .into_iter()
            .filter(|item| item.kind != CompletionKind::Argument)
            .map(|item| item.label)
            .collect();
        assert!(others.is_empty() && !at(call).is_empty(), "{call}: {others:?}");
    }
    check_among("x = unknown($0)", &["db"], &[]);
    check_among("x = unknown(a=1, $0)", &[], &["db"]);
    check_among("x = service(\"z\", $0)", &["interface"], &[]);
    check_among("def f():\n    fault(api.public, response(), $0)", &["error"], &[]);
}

#[test]
fn a_declaration_is_named_like_its_variable() {
    let labels = |fixture: &str| at(fixture).into_iter().map(|item| item.label).collect::<Vec<_>>();
    assert_eq!(labels("cache = service(\"$0\")"), ["cache"]);
    assert_eq!(labels("service(\"$0\")"), [""; 0]);
    assert_eq!(labels("db = service(\"$0\")"), [""; 0], "another service has the name");
    check("cache = service($0)", &["\"cache\"", "name="]);
    check_among("cache = service($0)", &[], &["\"db\"", "db", "len"]);
    check("outage = fault_assumption(\"$0\")", &["outage"]);
}

#[test]
fn cells_are_offered_whole() {
    let matrix = "def other():\n    pass\nfault_matrix(scenarios=[reading, other], faults=[slow], ";
    let labels =
        |end: &str| at(&format!("{matrix}{end}")).into_iter().map(|item| item.label).collect::<Vec<_>>();
    assert_eq!(labels("exclude=[$0])"), ["(reading, slow)", "(other, slow)"]);
    assert_eq!(labels("exclude=[(reading, slow), $0])"), ["(other, slow)"]);
    assert_eq!(labels("overrides={$0})"), ["(reading, slow): ", "(other, slow): "]);
    assert_eq!(labels("exclude=[(reading, slow)], overrides={$0})"), ["(other, slow): "]);
}

#[test]
fn loads_do_not_offer_what_is_there() {
    let spec = |load: &str| {
        let text = format!("{load}\n//- /w/lib/common.star\ndef help():\n    pass\ndef more():\n    pass\n");
        let listing = ["lib/common.star", "main.star"].map(str::to_owned);
        let found = Fixture::new(&text).ask(|snapshot, offset| completions(snapshot, offset, &listing));
        found.into_iter().map(|item| item.label).collect::<Vec<_>>()
    };
    let paths = spec("load(\"$0\")");
    assert!(paths[0] == "lib/common.star" && !paths.contains(&"main.star".to_owned()), "{paths:?}");
    assert_eq!(spec("load(\"lib/common.star\", \"help\", \"$0\")"), ["more"]);
    assert_eq!(spec("load(\"lib/common.star\", \"help\")\nload(\"lib/common.star\", $0)"), ["\"more\""]);
    assert_eq!(spec("load(\"lib/common.star\", $0=\"help\")"), [""; 0]);
    assert_eq!(spec("load(\"lib/common.star\", h$0=\"help\")"), [""; 0]);
    assert_eq!(spec("load(\"lib/common.star\", h=\"$0\")"), ["help", "more"]);
    assert_eq!(spec("load(\"lib/common.star\", h=$0)"), ["\"help\"", "\"more\""]);
}

#[test]
fn what_is_only_refused_is_not_offered() {
    check_among("x = interface(\"a\", $0)", &["protocol="], &["spec=", "tls="]);
    check_among("x = deny(\"EIO\", $0)", &["times="], &["max_fires=", "mode="]);
    check_among("fault_scenario(\"a\", $0)", &["timeout="], &["monitors="]);
    check_among("def f():\n    parallel($0)", &["reading"], &["interleavings="]);
    check_among("drop($0)", &["mode="], &[]);
}

#[test]
fn programs_come_before_other_files() {
    let listing = ["LICENSE", "bin/db", "data.json", "run.sh", "x.star"].map(str::to_owned);
    let programs = |text: &str| {
        let found = Fixture::new(text).ask(|snapshot, offset| completions(snapshot, offset, &listing));
        found.into_iter().map(|item| item.label).collect::<Vec<_>>()
    };
    for string in ["service(\"x\", \"$0\")", "service(\"x\", binary=\"$0\")", "service(\"x\", \"bin/$0\")"] {
        assert_eq!(programs(string), ["bin/db", "run.sh", "LICENSE", "data.json"], "{string}");
    }
    assert_eq!(programs("service(\"x\", \"bin/db\", \"$0\")"), [""; 0]);
    assert_eq!(programs("service(\"x\", $0)")[..3], ["\"bin/db\"", "\"run.sh\"", "interface"]);
}

#[test]
fn what_is_faulted_comes_first() {
    check("def test_x():\n    fault($0)", &["db", "api", "db.main", "api.public", "api.admin"]);
    check("def test_x():\n    fault_start($0)", &["db", "api", "db.main"]);
    check("fault_assumption(\"x\", target=$0)", &["db", "api", "db.main"]);
}

#[test]
fn errors_are_those_of_the_syscall() {
    let start = "fault_assumption(\"x\", target=db, ";
    check(&format!("{start}connect=deny(\"$0\"))"), &["ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH"]);
    check(&format!("{start}write=deny(\"$0\"))"), &["EIO", "ENOSPC"]);
    check(&format!("{start}fsync=deny($0))"), &["\"EIO\"", "\"ENOSPC\""]);
    check(&format!("{start}wal=deny(\"$0\"))"), &["EIO", "ENOSPC"]);
    check_insert(&format!("{start}$0)"), "connect=", "connect=${1:deny(\"${2:ECONNREFUSED}\")}");
    check_insert(&format!("{start}connect=$0)"), "deny", "deny(\"${1:ECONNREFUSED}\")$0");
}

#[test]
fn a_peer_is_an_interface_or_a_port_of_one() {
    let start = "fault_assumption(\"x\", target=db, connect=deny(\"ECONNREFUSED\", ";
    check_among(&format!("{start}$0)"), &["to=", "port=", "path="], &[]);
    check_among(&format!("{start}to=$0)"), &["db.main", "api.public"], &[]);
    check(&format!("{start}port=$0)"), &["5432", "8080"]);
    check(&format!("{start}path=\"x\", to=api.$0)"), &["public"]);
}

#[test]
fn healthchecks_ask_the_service_itself() {
    let service = "c = service(\"c\", \"x\", interface(\"r\", \"redis\", 6379), interface(\"h\", \"http\", 7000), healthcheck=";
    check(&format!("{service}http(\"$0\"))"), &["localhost:7000/health"]);
    check_among(&format!("{service}http(\"$0\"))"), &["localhost:8080/health"], &["localhost:6379"]);
    check(&format!("{service}tcp(\"$0\"))"), &["localhost:6379", "localhost:7000"]);
}

#[test]
fn interfaces_have_the_usual_port() {
    check("x = interface(\"a\", \"redis\", $0)", &["6379"]);
    check("x = interface(\"a\", \"http\", port=$0)", &["80"]);
    check_among("x = interface(\"a\", \"http\", $0)", &["80"], &["8080"]);
}

#[test]
fn assertions_begin_with_what_is_at_hand() {
    check("def test_x():\n    r = reading()\n    assert_eq($0)", &["r"]);
    check("def test_x():\n    r = reading()\n    assert_true($0)", &["r"]);
}

#[test]
fn decoded_data_has_the_methods_of_a_dict() {
    check_among("def f():\n    x = api.public.get().data.$0", &["get", "keys"], &["status", "body", "upper"]);
}
