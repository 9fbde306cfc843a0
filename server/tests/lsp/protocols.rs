//! A rule that its protocol cannot carry out is underlined while it is typed, with what the protocol can do.

use crate::client::Server;
use serde_json::Value;

const SERVICES: &str = "\
web = service(\"web\", \"/bin/true\", interface(\"main\", \"http\", 8080))
raw = service(\"raw\", \"/bin/true\", interface(\"main\", \"tcp\", 7000))
dns = service(\"dns\", \"/bin/true\", interface(\"main\", \"udp\", 5353))
cache = service(\"cache\", \"/bin/true\", interface(\"main\", \"redis\", 6379))
db = service(\"db\", \"/bin/true\", interface(\"main\", \"postgres\", 5432))
";

/// What is underlined in a rule for `service`: code, the text under it, message with help.
fn underlined(server: &mut Server, service: &str, rule: &str) -> Vec<(String, String, String)> {
    let line = format!("f = fault_assumption(\"f\", target = {service}.main, rules = [{rule}])");
    let uri = server.open("faultbox.star", &format!("{SERVICES}{line}\n"));
    // The first findings of a version are those of the text: nothing has been evaluated yet.
    let found = server.findings(&uri, 1);
    server.close(&uri);
    let errors = found.iter().filter(|each| each["severity"] == 1);
    let shown = errors.map(|each| {
        let column = |end: &str| each["range"][end]["character"].as_u64().unwrap() as usize;
        assert_eq!(each["range"]["start"]["line"], 5, "{each:#}");
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        (word(&each["code"]), line[column("start")..column("end")].to_owned(), word(&each["message"]))
    });
    shown.collect()
}

/// Asserts one error in the rule, at `place`, and that its text holds each of `said`.
fn check(server: &mut Server, service: &str, rule: &str, code: &str, place: &str, said: &[&str]) {
    let found = underlined(server, service, rule);
    let [(its_code, its_place, message)] = found.as_slice() else {
        panic!("{rule} on {service}: {found:#?}");
    };
    assert_eq!((its_code.as_str(), its_place.as_str()), (code, place), "{rule} on {service}: {message}");
    for part in said {
        assert!(message.contains(part), "{rule} on {service}: {message:?} lacks {part:?}");
    }
}

#[test]
fn rules_a_protocol_cannot_carry_out_are_underlined_with_what_it_can() {
    let mut server = Server::start();
    let s = &mut server;
    check(s, "web", "error(\"READONLY\")", "FB0104", "\"READONLY\"", &["keywords only"]);
    check(
        s,
        "web",
        "duplicate()",
        "FB0113",
        "duplicate()",
        &["http has no duplicate() rules", "http rules: response, error"],
    );
    check(s, "web", "response(command = \"GET\")", "FB0112", "command", &["http matches: method, path"]);
    check(s, "web", "error(sqlstate = \"40001\")", "FB0102", "sqlstate", &["error on http takes"]);
    check(
        s,
        "raw",
        "error(message = \"no\")",
        "FB0113",
        "error(message = \"no\")",
        &["tcp rules: response, delay"],
    );
    check(s, "raw", "drop(path = \"/x\")", "FB0112", "path", &["tcp matches"]);
    check(
        s,
        "dns",
        "error(message = \"no\")",
        "FB0113",
        "error(message = \"no\")",
        &["udp rules: response, delay"],
    );
    check(
        s,
        "dns",
        "throttle(bytes_per_second = 1)",
        "FB0113",
        "throttle(bytes_per_second = 1)",
        &["udp rules"],
    );
    check(s, "cache", "response(status = 503)", "FB0102", "status", &["response on redis takes: value"]);
    check(
        s,
        "cache",
        "error(sqlstate = \"40001\")",
        "FB0102",
        "sqlstate",
        &["error on redis takes: message"],
    );
    check(s, "cache", "drop(query = \"SELECT*\")", "FB0112", "query", &["redis matches: command, key"]);
    check(s, "db", "response(value = 1)", "FB0113", "response(value = 1)", &["postgres rules: error, delay"]);
    check(s, "db", "error(key = \"a\")", "FB0112", "key", &["postgres matches"]);
    server.finish();
}

/// What the protocol can do is left alone.
#[test]
fn rules_a_protocol_can_carry_out_are_not_underlined() {
    let mut server = Server::start();
    for (service, rule) in [
        ("web", "response(method = \"POST\", path = \"/orders\", status = 429)"),
        ("raw", "drop()"),
        ("dns", "duplicate()"),
        ("cache", "error(command = \"SET\", message = \"READONLY You can't write\")"),
        ("db", "error(query = \"INSERT*\", sqlstate = \"40001\")"),
    ] {
        assert_eq!(underlined(&mut server, service, rule), [], "{rule} on {service}");
    }
    server.finish();
}

/// Where only evaluation knows which interface a rule meets, its finding follows.
#[test]
fn a_rule_made_elsewhere_is_underlined_once_it_is_evaluated() {
    let mut server = Server::start();
    let text = format!(
        "{SERVICES}def busy(n):\n    return error(sqlstate = n)\n\
         f = fault_assumption(\"f\", target = cache.main, rules = [busy(\"40001\")])\n"
    );
    let uri = server.open("faultbox.star", &text);
    let found = server.findings_where(&uri, |params| {
        params["diagnostics"]
            .as_array()
            .is_some_and(|found| found.iter().any(|each| each["code"] == "FB0102"))
    });
    let finding = found.iter().find(|each| each["code"] == "FB0102").unwrap();
    assert_eq!(finding["range"]["start"]["line"], 6, "{finding:#}");
    server.finish();
}
