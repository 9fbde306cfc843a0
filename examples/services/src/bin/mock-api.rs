//! An HTTP face of `mock-db`.
//!
//! `GET /health` · `POST /data/<key>` stores the body (`default` when empty) · `GET /data/<key>` reads it back.
//! `PORT` (8080) is where it listens, `DB_ADDR` (localhost:5432) where the store is. Every request opens its own
//! connection to the store; a store that fails is 500.

use std::io;
use std::process::ExitCode;

use faultbox_examples::http::{self, Request, Response};
use faultbox_examples::{lines, log, service};

const NAME: &str = "mock-api";

fn main() -> ExitCode {
    let db_address = service::var("DB_ADDR", "localhost:5432");
    service::run(NAME, 8080, move |connection| {
        http::serve(connection, |request| {
            let response = route(request, |command| ask_db(&db_address, command));
            let status = response.status.to_string();
            log::info(
                NAME,
                "request",
                &[("method", &request.method), ("path", &request.path), ("status", &status)],
            );
            response
        })
    })
}

fn route(request: &Request, db: impl Fn(&str) -> Result<String, String>) -> Response {
    if request.path == "/health" {
        return Response::text(200, "ok");
    }
    let Some(key) = request.path.strip_prefix("/data/") else { return Response::text(404, "not found") };
    if key.is_empty() {
        return Response::text(400, "a key is missing: /data/<key>");
    }
    match request.method.as_str() {
        "GET" => read(key, db),
        "POST" => write(key, &request.body, db),
        _ => Response::text(405, "method not allowed"),
    }
}

fn read(key: &str, db: impl Fn(&str) -> Result<String, String>) -> Response {
    match db(&format!("GET {key}")) {
        Ok(reply) if reply == "NOT_FOUND" => Response::text(404, "not found"),
        Ok(value) => Response::text(200, value),
        Err(problem) => db_error(&problem),
    }
}

fn write(key: &str, body: &[u8], db: impl Fn(&str) -> Result<String, String>) -> Response {
    let value = match std::str::from_utf8(body) {
        Ok("") => "default",
        // A line end would smuggle a second command into the line protocol.
        Ok(value) if !value.contains(['\r', '\n']) => value,
        _ => return Response::text(400, "the value must be one line of UTF-8"),
    };
    match db(&format!("SET {key} {value}")) {
        Ok(_) => Response::text(200, format!("stored: {key}={value}")),
        Err(problem) => db_error(&problem),
    }
}

fn db_error(problem: &str) -> Response {
    Response::text(500, format!("db error: {problem}"))
}

fn ask_db(address: &str, command: &str) -> Result<String, String> {
    match lines::ask(address, command) {
        Ok(reply) => match reply.strip_prefix("ERR ") {
            Some(refusal) => Err(refusal.to_owned()),
            None => Ok(reply),
        },
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err("no response from db".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, path: &str, body: &str, db: Result<&str, &str>, expected: (u16, &str)) {
        let request =
            Request { method: method.to_owned(), path: path.to_owned(), body: body.as_bytes().to_vec() };
        let response = route(&request, |_| db.map(str::to_owned).map_err(str::to_owned));
        assert_eq!((response.status, response.body.as_str()), expected, "{method} {path}");
    }

    #[test]
    fn routes() {
        check("GET", "/health", "", Err("never asked"), (200, "ok"));
        check("POST", "/data/k", "v w", Ok("OK"), (200, "stored: k=v w"));
        check("POST", "/data/k", "", Ok("OK"), (200, "stored: k=default"));
        check("GET", "/data/k", "", Ok("v"), (200, "v"));
        check("GET", "/data/k", "", Ok("NOT_FOUND"), (404, "not found"));
        check("GET", "/data/", "", Ok("v"), (400, "a key is missing: /data/<key>"));
        check("PUT", "/data/k", "", Ok("v"), (405, "method not allowed"));
        check("GET", "/elsewhere", "", Ok("v"), (404, "not found"));
    }

    #[test]
    fn a_store_that_fails_is_500() {
        check("GET", "/data/k", "", Err("no response from db"), (500, "db error: no response from db"));
        check("POST", "/data/k", "v", Err("refused"), (500, "db error: refused"));
    }

    #[test]
    fn a_value_cannot_carry_a_second_command() {
        check("POST", "/data/k", "v\nSET x y", Ok("OK"), (400, "the value must be one line of UTF-8"));
    }
}
