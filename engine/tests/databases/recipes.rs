//! Every recipe, loaded as a spec loads it and fired against a real server.

use crate::setting::{Server, Setting, skip};
use faultbox_engine::model::{
    Endpoint, InterfaceName, Protocol, Rule, ServiceName, StepCall, StepId, StepReply,
};
use faultbox_engine::protocol;
use faultbox_engine::spec::recipes::EMBEDDED;
use faultbox_engine::spec::{Limits, load};
use faultbox_engine::text::{FileId, MemoryFiles, Span};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// One recipe: how a spec calls it, the step that meets it, and how the step's error or status begins.
type Case = (&'static str, &'static str, Value, &'static str);

/// Loads a spec with one service of the protocol and one rule on it: the rules, or the messages of the findings.
fn load_rule(protocol: Protocol, call: &str) -> Result<Vec<Rule>, Vec<String>> {
    // `redis.oom(...)` is a recipe, `error(...)` is not.
    let module = call.split('(').next().and_then(|name| name.split_once('.')).map(|(module, _)| module);
    let loads = module.map_or(String::new(), |module| {
        format!("load(\"@faultbox/recipes/{protocol}.star\", \"{module}\")\n")
    });
    let text = format!(
        "{loads}s = service(\"s\", \"bin/s\", interface(\"main\", \"{protocol}\", 1000))\n\
         fault_assumption(\"it\", target = s.main, rules = [{call}])\n"
    );
    let files = MemoryFiles::default().with("/spec/main.star", &text);
    let loaded = load(&files, Path::new("/spec/main.star"), &Limits::load());
    if loaded.program.is_none() {
        return Err(loaded.diagnostics.iter().map(|finding| finding.message.clone()).collect());
    }
    Ok(loaded.spec.assumptions.iter().flat_map(|assumption| assumption.rules.clone()).collect())
}

#[test]
fn what_a_protocol_cannot_do_is_refused_when_the_spec_loads() {
    let check = |protocol, call, wanted: &str| {
        let findings = load_rule(protocol, call).expect_err(call);
        assert!(findings.iter().any(|text| text == wanted), "{call}: {findings:?}");
    };
    check(Protocol::Postgres, "response(query = \"x\", status = 1)", "postgres has no response() rules");
    check(Protocol::Postgres, "error(sqlstate = \"deadlock\")", "\"deadlock\" is no SQLSTATE");
    check(Protocol::Postgres, "error(severity = \"fatal\")", "\"fatal\" is not known to `severity`");
    check(Protocol::Postgres, "drop(on = \"conect\")", "\"conect\" is not known to `on`");
    check(Protocol::Redis, "error(path = \"/x\")", "redis rules cannot match on `path`");
    let rules = load_rule(Protocol::Postgres, "error(query = \"INSERT INTO Users*\")").unwrap();
    assert_eq!(rules[0].matcher.to_string(), "INSERT INTO Users*", "shown as written");
}

async fn step(protocol: Protocol, setting: &Setting, method: &str, args: &Value) -> StepReply {
    let spec = protocol::schema(protocol).steps.iter().find(|step| step.name == method).unwrap();
    let named =
        spec.params.iter().filter_map(|param| Some((param.name, args.get(param.name)?.clone().into())));
    let call = StepCall {
        endpoint: Endpoint { service: ServiceName::new("s"), interface: InterfaceName::new("main") },
        method: spec.name,
        args: named.collect(),
        span: Span::start_of(FileId(0)),
    };
    protocol::step(protocol, &setting.dialer, &call, StepId(1), &[], PATIENCE).await
}

/// Fires every case, and checks that each function of the recipes' struct has one.
async fn fire_all(protocol: Protocol, setting: &Setting, cases: &[Case]) {
    for (call, method, args, wanted) in cases {
        let installed = setting.rules.install(load_rule(protocol, call).unwrap());
        let reply = step(protocol, setting, method, args).await;
        let seen = if reply.status > 0 { reply.status.to_string() } else { reply.error.clone() };
        assert!(seen.contains(wanted), "{call}: {seen:?} is not {wanted:?}");
        assert_eq!(installed.evidence()[0].fired, 1, "{call}");
        drop(installed);
        let reply = step(protocol, setting, method, args).await;
        assert!(reply.ok, "{call} is over: {}", reply.error);
    }
    let path = format!("@faultbox/recipes/{protocol}.star");
    let (_, text) = EMBEDDED.iter().find(|(known, _)| *known == path).unwrap();
    let functions =
        text.lines().filter_map(|line| line.strip_prefix("def _")?.split_once('(')).map(|(name, _)| name);
    for name in functions.filter(|name| *name != "any_of") {
        let fired =
            cases.iter().any(|(call, ..)| call.split_once('.').unwrap().1.starts_with(&format!("{name}(")));
        assert!(fired, "no case for {name}");
    }
}

#[tokio::test]
async fn redis_recipes_fire() {
    let Some(server) = Server::redis() else { return skip("redis-server") };
    let setting = Setting::new(Protocol::Redis, &server);
    let set = || json!({ "key": "cart:1", "value": "x" });
    let get = || json!({ "key": "cart:1" });
    let cases: Vec<Case> = vec![
        ("redis.oom(key = \"cart:*\", nth = 1)", "set", set(), "OOM command not allowed"),
        ("redis.readonly_replica()", "set", set(), "READONLY"),
        ("redis.cluster_down()", "get", get(), "CLUSTERDOWN"),
        ("redis.loading()", "ping", json!({}), "LOADING"),
        ("redis.busy()", "get", get(), "BUSY"),
        ("redis.noauth()", "get", get(), "NOAUTH"),
        ("redis.wrongtype(label = \"w\")", "get", get(), "WRONGTYPE"),
        ("redis.slow_command(duration = \"5ms\")", "get", get(), ""),
        ("redis.cache_miss()", "get", get(), ""),
        ("redis.connection_drop(key = \"cart:*\")", "get", get(), "closed"),
    ];
    fire_all(Protocol::Redis, &setting, &cases).await;
}

#[tokio::test]
async fn postgres_recipes_fire() {
    let Some(server) = Server::postgres() else { return skip("postgres") };
    let setting = Setting::new(Protocol::Postgres, &server);
    let sql = |text: &str| json!({ "sql": text });
    let table = step(Protocol::Postgres, &setting, "exec", &sql("CREATE TABLE orders (id int)")).await;
    assert!(table.ok, "{}", table.error);
    let (select, insert) = (|| sql("SELECT 1"), || sql("INSERT INTO orders (id) VALUES (1)"));
    let cases: Vec<Case> = vec![
        ("postgres.deadlock(query = \"INSERT INTO orders*\")", "exec", insert(), "SQLSTATE 40P01"),
        ("postgres.serialization_failure(nth = 1)", "query", select(), "SQLSTATE 40001"),
        ("postgres.lock_not_available()", "query", select(), "SQLSTATE 55P03"),
        ("postgres.statement_timeout()", "query", select(), "SQLSTATE 57014"),
        ("postgres.unique_violation()", "exec", insert(), "SQLSTATE 23505"),
        ("postgres.too_many_connections()", "query", select(), "FATAL: sorry, too many clients already"),
        ("postgres.read_only_transaction()", "exec", insert(), "SQLSTATE 25006"),
        (
            "postgres.disk_full()",
            "exec",
            sql("WITH x AS (SELECT 1) INSERT INTO orders SELECT 1"),
            "SQLSTATE 53100",
        ),
        ("postgres.admin_shutdown()", "query", select(), "FATAL: terminating connection"),
        ("postgres.connection_failure()", "query", select(), "reset"),
        ("postgres.lost_commit()", "exec", sql("COMMIT"), "closed"),
        ("postgres.slow_query(duration = \"5ms\")", "query", select(), ""),
        ("postgres.slow_writes(duration = \"5ms\")", "exec", insert(), ""),
    ];
    fire_all(Protocol::Postgres, &setting, &cases).await;
}

#[tokio::test]
async fn http_recipes_fire() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::elsewhere(listener.local_addr().unwrap());
    // Ends with the test's process.
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            if matches!(stream.read(&mut request), Ok(count) if count > 0) {
                // A client that is gone needs no answer.
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        }
    });
    let setting = Setting::new(Protocol::Http, &server);
    let get = || json!({ "path": "/orders/1" });
    let cases: Vec<Case> = vec![
        ("http_faults.rate_limited(path = \"/orders*\")", "get", get(), "429"),
        ("http_faults.server_error()", "get", get(), "500"),
        ("http.service_unavailable()", "get", get(), "503"),
        ("http_faults.gateway_timeout()", "get", get(), "504"),
        ("http_faults.maintenance_window()", "get", get(), "503"),
        ("http_faults.unauthorized()", "get", get(), "401"),
        ("http_faults.forbidden(times = 1)", "get", get(), "403"),
        ("http_faults.flaky(probability = \"100%\")", "get", get(), "503"),
        ("http_faults.slow_endpoint(duration = \"5ms\")", "get", get(), "200"),
        ("http_faults.connection_drop()", "get", get(), "closed"),
    ];
    fire_all(Protocol::Http, &setting, &cases).await;
}
