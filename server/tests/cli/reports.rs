//! What a run tells in its various forms.

use super::harness::Place;

const SPEC: &str = r#"
db = service("db", "$BIN/mock-db", interface("main", "tcp", 5432), healthcheck = tcp("localhost:5432"))
slow = fault_assumption("slow", target = db.main, rules = [delay(delay = "300ms")])
def test_slow_one():
    fault(db.main, delay(delay = "300ms"), run = lambda: db.main.send("PING"))
def test_quick_one():
    assert_eq(db.main.send("PING"), "PONG")
def test_wrong():
    assert_eq(db.main.send("PING"), "PANG", "not what it says")
"#;

#[test]
fn results_come_in_the_order_they_are_declared() {
    let place = Place::new(SPEC);
    let ended = place.test(&["--jobs", "3"]);
    ended.expect(2, &["2 passed, 1 failed", "assert_eq failed: \"PONG\" != \"PANG\" (not what it says)"]);
    let at = |text: &str| ended.stdout.find(text).unwrap_or_else(|| panic!("{text} is missing in {ended}"));
    assert!(at("test_slow_one") < at("test_quick_one") && at("test_quick_one") < at("test_wrong"), "{ended}");
}

#[test]
fn the_replay_command_works_when_pasted() {
    let place = Place::new(SPEC);
    let ended = place.test(&["--test", "wrong", "--seed", "5"]);
    let replay = ended
        .stdout
        .lines()
        .find_map(|line| line.trim().strip_prefix("replay: faultbox "))
        .expect("a replay");
    let words: Vec<&str> = replay.split(' ').collect();
    place.run(&words).expect(2, &["--- FAIL: test_wrong", "seed=5"]);
}

#[test]
fn json_holds_the_facts_while_services_write_to_stdout() {
    let place = Place::new(SPEC);
    place.test(&["--junit", "out.xml", "--output", "copy.json"]).expect(2, &["--- FAIL: test_wrong"]);
    let ended = place.test(&["--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON alone on stdout");
    assert_eq!(
        (value["version"].as_u64(), value["pass"].as_u64(), value["fail"].as_u64()),
        (Some(3), Some(2), Some(1))
    );
    let wrong = value["tests"].as_array().unwrap().iter().find(|test| test["name"] == "test_wrong").unwrap();
    assert_eq!(wrong["result"], "fail");
    assert_eq!(wrong["assertion"]["actual"], "\"PONG\"");
    let xml = std::fs::read_to_string(place.path("out.xml")).unwrap();
    assert!(xml.contains("tests=\"3\"") && xml.contains("failures=\"1\""), "{xml}");
    let copy: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path("copy.json")).unwrap()).unwrap();
    assert_eq!(copy["version"], 3);
}

#[test]
fn logs_are_shown_when_asked_and_on_failure_only() {
    let place = Place::new(SPEC);
    let quiet = place.test(&["--test", "quick_one"]);
    assert!(!quiet.stdout.contains("listening"), "{quiet}");
    place.test(&["--test", "quick_one", "--show-logs"]).expect(0, &["listening"]);
    // Its banner is no part of the test.
    let failed = place.test(&["--test", "wrong"]);
    failed.expect(2, &["output of db, 1 line (1 before it was ready):\n    | {"]);
    assert!(!failed.stdout.contains("listening"), "{failed}");
}

#[test]
fn check_and_plan_tell_without_running() {
    let place = Place::new(SPEC);
    place.run(&["check", "spec.star"]).expect(0, &["FB0212", "asserts nothing", "spec.star — 3 test(s)"]);
    place.run(&["plan", "spec.star"]).expect(0, &["slow_one", "relays: db.main"]);
    place.test(&["--dry-run"]).expect(0, &["Services: 1", "Tests: 3", "  - test_wrong"]);
}

#[test]
fn what_a_spec_prints_is_told_with_its_place() {
    let place =
        Place::new("print(\"loading\", 3)\ndef test_x():\n    print(\"running\")\n    assert_true(True)\n");
    place.test(&["--show-logs"]).expect(0, &["spec.star:1:1: loading 3", "running"]);
}

#[test]
fn what_a_leaf_writes_vanishes_unless_it_is_kept() {
    let place = Place::new(
        r#"
program = """
import socket
open("/tmp/faultbox-kept", "w").write("kept")
open("beside", "w").write("here")
s = socket.create_server(("127.0.0.1", 5432))
while True:
    s.accept()
"""
w = service("w", "python3", interface("main", "tcp", 5432), args = ["-c", program], healthcheck = tcp("localhost:5432"))
def test_x():
    assert_true(True)
"#,
    );
    let kept = place.path("kept");
    place.test(&["--keep-files", kept.to_str().unwrap()]).expect(0, &["1 passed"]);
    assert!(!place.path("beside").exists() && !std::path::Path::new("/tmp/faultbox-kept").exists());
    let read = |path: std::path::PathBuf| {
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
    };
    assert_eq!(read(kept.join("test_x/tmp/faultbox-kept")), "kept");
    let folder = place.path("").strip_prefix("/").unwrap().to_owned();
    assert_eq!(read(kept.join("test_x").join(&folder).join("beside")), "here");
    // Again, three times each: earlier folders are replaced, and every run has its own.
    let again = ["--keep-files", kept.to_str().unwrap(), "--runs", "3"];
    place.test(&again).expect(0, &["3 passed"]);
    place.test(&again).expect(0, &["3 passed"]);
    assert_eq!(read(kept.join("test_x.run3").join(&folder).join("beside")), "here");
}

#[test]
fn kept_files_stay_below_their_directory_whatever_a_test_is_called() {
    let place = Place::new(
        r#"
w = service("w", "python3", interface("main", "tcp", 5432), healthcheck = tcp("localhost:5432"), args = ["-c",
    "import socket\nopen('/tmp/mark', 'w').write('x')\ns = socket.create_server(('127.0.0.1', 5432))\nwhile True: s.accept()"])
fault_scenario("/../../../../up", scenario = lambda: 1)
"#,
    );
    std::fs::create_dir_all(place.path("a/b/c/kept")).unwrap();
    let kept = place.path("a/b/c/kept");
    place.test(&["--keep-files", kept.to_str().unwrap()]).expect(0, &["1 passed"]);
    let found: Vec<String> = std::fs::read_dir(&kept)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(found.len() == 1 && kept.join(&found[0]).join("tmp/mark").exists(), "{found:?}");
    let beside = std::fs::read_dir(place.path("a")).unwrap().count();
    assert_eq!(beside, 1, "only a/b");
}

/// Nobody reads the text of a recipe: a rule is marked where the spec asks for it.
#[test]
fn the_rule_of_a_recipe_is_placed_at_its_call() {
    let place = Place::new(
        r#"load("@faultbox/recipes/http.star", "http_faults")
db = service("db", "$BIN/mock-db", interface("main", "tcp", 5432), healthcheck = tcp("localhost:5432"))
api = service("api", "$BIN/mock-api", interface("public", "http", 8080), depends_on = [db],
    env = {"PORT": "8080", "DB_ADDR": db.main.addr}, healthcheck = http("localhost:8080/health"))
busy = fault_assumption("busy", target = api.public,
    rules = [http_faults.service_unavailable(path = "/data/*")],
)
def reading():
    return api.get(path = "/data/key")
fault_scenario("busy", scenario = reading, faults = busy, expect = lambda r: assert_eq(r.status, 503))
"#,
    );
    let ended = place.test(&["--format", "jsonl"]);
    ended.expect(0, &[]);
    let events: Vec<serde_json::Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of =
        |word: &str| events.iter().find(|event| event["event"] == word).unwrap_or_else(|| panic!("{word}"));
    for place in [&of("rule_installed")["place"], &of("leaf_finished")["evidence"][0]["place"]] {
        assert!(place["path"].as_str().is_some_and(|path| path.ends_with("spec.star")), "{place}");
        assert_eq!(place["line"], 5, "{place}");
        assert_eq!((&place["column"], &place["endColumn"]), (&13.into(), &62.into()), "{place}");
    }
    assert!(!ended.stdout.contains("\"path\":\"@faultbox"), "{ended}");
}

#[test]
fn nothing_runs_when_a_folder_of_somebody_else_is_in_the_way_of_kept_files() {
    let place = Place::new(SPEC);
    std::fs::create_dir_all(place.path("kept/test_quick_one")).unwrap();
    place.write("kept/test_quick_one/precious", "x");
    let kept = place.path("kept");
    let ended = place.test(&["--keep-files", kept.to_str().unwrap()]);
    ended.expect(1, &["test_quick_one exists and was not made by --keep-files; nothing was run"]);
    ended.expect(1, &["remove it, or name another directory"]);
    assert!(place.path("kept/test_quick_one/precious").exists() && ended.stdout.is_empty(), "{ended}");
}

#[test]
fn what_an_assumption_stands_for_is_said_of_failures_and_in_plans() {
    let place = Place::new(
        r#"
db = service("db", "$BIN/mock-db", interface("main", "tcp", 5432), healthcheck = tcp("localhost:5432"))
slow = fault_assumption("slow", target = db.main, rules = [delay(delay = "1ms")], description = "the disk is old")
fault_scenario("x", scenario = lambda: db.main.send("PING"), faults = slow, expect = lambda r: assert_eq(r, "PANG"))
"#,
    );
    place.test(&[]).expect(2, &["  slow: the disk is old\n"]);
    place.run(&["plan", "spec.star"]).expect(0, &["slow: the disk is old"]);
}

#[test]
fn a_matrix_fits_the_width_that_columns_says() {
    let faults: String = (0..6)
        .map(|number| {
            format!("f{number} = fault_assumption(\"a_fault_{number}\", target = db.main, rules = [delay(delay = \"1ms\")])\n")
        })
        .collect();
    let place = Place::new(&format!(
        "db = service(\"db\", \"$BIN/mock-db\", interface(\"main\", \"tcp\", 5432), healthcheck = tcp(\"localhost:5432\"))\n\
         {faults}\
         def ping():\n    return db.main.send(\"PING\")\n\
         fault_matrix(scenarios = [ping], faults = [f0, f1, f2, f3, f4, f5])\n"
    ));
    let widest = |columns: Option<&str>| {
        let mut command = place.command(&["test", "spec.star"]);
        command.env_remove("COLUMNS");
        columns.map(|columns| command.env("COLUMNS", columns));
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let table = text.lines().filter(|line| line.contains(['│', '┼']));
        table.map(|line| line.chars().count()).max().unwrap_or(0)
    };
    assert!(widest(Some("60")) <= 60 && widest(None) > 100);
}
