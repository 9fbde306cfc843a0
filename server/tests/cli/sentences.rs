//! What Faultbox is said to do in one breath, each sentence on a server nobody here wrote.

use super::harness::{Place, has};

/// nginx for any user, with an address for each sentence; only `/orders` takes anything.
const NGINX: &str = r#"
daemon off;
master_process off;
pid /tmp/nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path /tmp/nginx-body;
    proxy_temp_path /tmp/nginx-proxy;
    fastcgi_temp_path /tmp/nginx-fastcgi;
    uwsgi_temp_path /tmp/nginx-uwsgi;
    scgi_temp_path /tmp/nginx-scgi;
    server {
        listen 127.0.0.1:8080;
        location = /health { return 200 "fine"; }
        location = /orders { return 201 "taken"; }
        location / { return 200 "page"; }
    }
}
"#;

const WEB: &str = r#"
web = service("web", "/usr/sbin/nginx", interface("public", "http", 8080),
    args = ["-e", "stderr", "-p", ".", "-c", "nginx.conf"], healthcheck = http("localhost:8080/health"))
"#;

/// Runs one scenario on nginx, as root and as an ordinary user: it passes, and its rule acted exactly once.
fn nginx_passes(scenario: &str) {
    if !has("nginx") {
        return;
    }
    let place = || {
        let place = Place::new(&format!("{WEB}{scenario}"));
        place.write("nginx.conf", NGINX);
        place
    };
    for place in [place(), place().run_by_nobody()] {
        place.test(&[]).expect(0, &["fired 1x", "1 passed, 0 failed"]);
    }
}

#[test]
fn posted_orders_are_limited_and_health_passes() {
    nginx_passes(
        r#"
limited = fault_assumption("limited", target = web.public,
    rules = [response(method = "POST", path = "/orders", status = 429)])
def order_and_health():
    return struct(
        order = web.post(path = "/orders"),
        health = web.get(path = "/health"),
        listed = web.get(path = "/orders"),
    )
def only_the_order_is_limited(r):
    assert_eq(r.order.status, 429)
    assert_eq(r.health.status, 200)
    assert_eq(r.health.body, "fine")
    assert_eq(r.listed.body, "taken", "GET is another request than POST")
fault_scenario("limited_orders", scenario = order_and_health, faults = limited, expect = only_the_order_is_limited)
"#,
    );
}

#[test]
fn only_requests_that_match_a_path_are_delayed() {
    nginx_passes(
        r#"
slow = fault_assumption("slow", target = web.public, rules = [delay(path = "/reports/*", delay = "1s")])
def report_and_other():
    return struct(report = web.get(path = "/reports/today"), other = web.get(path = "/orders/today"))
def only_the_report_is_late(r):
    assert_eq(r.report.body, "page")
    assert_eq(r.other.body, "page")
    assert_true(r.report.duration_ms >= 1000, str(r.report.duration_ms))
    assert_true(r.other.duration_ms < 1000, str(r.other.duration_ms))
fault_scenario("slow_reports", scenario = report_and_other, faults = slow, expect = only_the_report_is_late)
"#,
    );
}

#[test]
fn set_is_answered_readonly_and_nothing_else_is() {
    if !has("redis-server") {
        return;
    }
    let spec = r#"
cache = service("cache", "redis-server", interface("main", "redis", 6379),
    args = ["--port", "6379", "--save", "", "--dir", "/tmp"], healthcheck = ready(timeout = "30s"))
readonly = fault_assumption("readonly", target = cache.main,
    rules = [error(command = "SET", message = "READONLY You can't write against a read only replica.")])
def writes_and_reads():
    return struct(
        set = cache.main.set(key = "a", value = "1"),
        incr = cache.main.incr(key = "b"),
        get = cache.main.get(key = "a"),
    )
def only_set_is_refused(r):
    assert_true(not r.set.ok)
    assert_eq(r.set.error, "READONLY You can't write against a read only replica.")
    assert_eq(r.incr.data["value"], 1)
    assert_eq(r.get.data["value"], None, "Redis did not see the SET")
fault_scenario("readonly_set", scenario = writes_and_reads, faults = readonly, expect = only_set_is_refused)
"#;
    for place in [Place::new(spec), Place::new(spec).run_by_nobody()] {
        place.test(&[]).expect(0, &["readonly", "fired 1x", "1 passed, 0 failed"]);
    }
}
