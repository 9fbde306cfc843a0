//! Orders over HTTP, reserving stock at `inventory-svc`.
//!
//! `POST /orders` with `{"sku": "widget", "qty": 2}` · `GET /orders/<id>` · `GET /inventory/<sku>` · `GET /health`.
//! `PORT` (8080) is where it listens, `INVENTORY_ADDR` (localhost:5432) where the stock is. 404: unknown article,
//! 409: too few left, 500: the inventory refused, 503: the inventory did not answer.

use std::collections::HashMap;
use std::io;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use faultbox_examples::http::{self, Request, Response};
use faultbox_examples::json::{self, Value};
use faultbox_examples::{lines, log, service};

const NAME: &str = "order-svc";

fn main() -> ExitCode {
    let inventory_address = service::var("INVENTORY_ADDR", "localhost:5432");
    let orders = Orders::default();
    service::run(NAME, 8080, move |connection| {
        http::serve(connection, |request| {
            let response = route(&orders, request, &|command| lines::ask(&inventory_address, command));
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

/// Confirmed orders by id, as the JSON they were answered with.
#[derive(Default)]
struct Orders {
    confirmed: Mutex<HashMap<String, String>>,
}

impl Orders {
    fn confirm(&self, sku: &str, qty: u32) -> String {
        let mut confirmed = self.confirmed.lock().unwrap_or_else(PoisonError::into_inner);
        let id = (confirmed.len() + 1).to_string();
        let order = format!(r#"{{"id":"{id}","sku":{},"qty":{qty},"status":"confirmed"}}"#, json::quote(sku));
        confirmed.insert(id, order.clone());
        order
    }

    fn find(&self, id: &str) -> Option<String> {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}

/// How the inventory is asked; a parameter so that the routes can be tested without it.
type Ask<'a> = &'a dyn Fn(&str) -> io::Result<String>;

fn route(orders: &Orders, request: &Request, ask: Ask<'_>) -> Response {
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/health") => Response::text(200, "ok"),
        ("POST", "/orders") => place(orders, &request.body, ask),
        ("GET", path) => {
            if let Some(id) = path.strip_prefix("/orders/") {
                orders
                    .find(id)
                    .map_or_else(|| failure(404, "unknown order"), |order| Response::json(200, order))
            } else if let Some(sku) = path.strip_prefix("/inventory/") {
                stock(sku, ask)
            } else {
                failure(404, "not found")
            }
        }
        (_, "/orders" | "/health") => failure(405, "method not allowed"),
        _ => failure(404, "not found"),
    }
}

fn place(orders: &Orders, body: &[u8], ask: Ask<'_>) -> Response {
    let (sku, qty) = match parse_order(body) {
        Ok(order) => order,
        Err(problem) => return failure(400, &problem),
    };
    match inventory(ask, &format!("RESERVE {sku} {qty}")) {
        Ok(_) => Response::json(200, orders.confirm(&sku, qty)),
        Err(response) => response,
    }
}

fn stock(sku: &str, ask: Ask<'_>) -> Response {
    match inventory(ask, &format!("CHECK {sku}")) {
        Ok(left) => Response::json(200, format!(r#"{{"sku":{},"stock":{left}}}"#, json::quote(sku))),
        Err(response) => response,
    }
}

/// Asks the inventory and returns what is left, or the response that explains why not.
fn inventory(ask: Ask<'_>, command: &str) -> Result<u32, Response> {
    let reply = match ask(command) {
        Ok(reply) => reply,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(failure(503, "inventory unreachable: no reply"));
        }
        Err(error) => return Err(failure(503, &format!("inventory unreachable: {error}"))),
    };
    if let Some(left) = reply.strip_prefix("OK ").and_then(|left| left.parse().ok()) {
        return Ok(left);
    }
    let refusal = reply.strip_prefix("ERR ").unwrap_or(&reply);
    let status = match refusal.split(':').next() {
        Some("unknown sku") => 404,
        Some("insufficient stock") => 409,
        _ => 500,
    };
    Err(failure(status, refusal))
}

fn parse_order(body: &[u8]) -> Result<(String, u32), String> {
    let text = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8".to_owned())?;
    let mut sku = None;
    let mut qty = None;
    for (name, value) in json::parse_flat_object(text)? {
        match (name.as_str(), value) {
            // One word only: a space or a line end would change the command sent to the inventory.
            ("sku", Value::String(text)) if !text.is_empty() && !text.contains(char::is_whitespace) => {
                sku = Some(text);
            }
            ("qty", Value::Number(number)) => qty = whole(number),
            _ => {}
        }
    }
    Ok((sku.ok_or("sku must be one word")?, qty.ok_or("qty must be a whole number from 1")?))
}

fn whole(number: f64) -> Option<u32> {
    let fits = number.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&number);
    // The range was just checked, so the cast loses nothing.
    fits.then_some(number as u32)
}

fn failure(status: u16, problem: &str) -> Response {
    Response::json(status, format!(r#"{{"error":{}}}"#, json::quote(problem)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(request: (&str, &str, &str), reply: Result<&str, io::ErrorKind>, expected: (u16, &str)) {
        let (method, path, body) = request;
        let request =
            Request { method: method.to_owned(), path: path.to_owned(), body: body.as_bytes().to_vec() };
        let response =
            route(&Orders::default(), &request, &|_| reply.map(str::to_owned).map_err(io::Error::from));
        assert_eq!((response.status, response.body.as_str()), expected, "{method} {path} {body}");
    }

    const ORDER: (&str, &str, &str) = ("POST", "/orders", r#"{"sku":"widget","qty":2}"#);

    #[test]
    fn the_inventory_decides_about_an_order() {
        let confirmed = r#"{"id":"1","sku":"widget","qty":2,"status":"confirmed"}"#;
        check(ORDER, Ok("OK 98"), (200, confirmed));
        check(ORDER, Ok("ERR unknown sku: widget"), (404, r#"{"error":"unknown sku: widget"}"#));
        check(
            ORDER,
            Ok("ERR insufficient stock: 1 left"),
            (409, r#"{"error":"insufficient stock: 1 left"}"#),
        );
        check(ORDER, Ok("ERR wal: disk full"), (500, r#"{"error":"wal: disk full"}"#));
        check(
            ORDER,
            Err(io::ErrorKind::UnexpectedEof),
            (503, r#"{"error":"inventory unreachable: no reply"}"#),
        );
        check(
            ORDER,
            Err(io::ErrorKind::ConnectionRefused),
            (503, r#"{"error":"inventory unreachable: connection refused"}"#),
        );
    }

    #[test]
    fn orders_that_make_no_sense_are_refused() {
        for body in
            ["", "{}", r#"{"sku":"a b","qty":1}"#, r#"{"sku":"a","qty":0}"#, r#"{"sku":"a","qty":1.5}"#]
        {
            let request = Request { method: "POST".into(), path: "/orders".into(), body: body.into() };
            let response = route(&Orders::default(), &request, &|_| Ok("OK 1".to_owned()));
            assert_eq!(response.status, 400, "{body}");
        }
    }

    #[test]
    fn other_routes() {
        check(("GET", "/health", ""), Ok(""), (200, "ok"));
        check(("GET", "/inventory/gizmo", ""), Ok("OK 25"), (200, r#"{"sku":"gizmo","stock":25}"#));
        check(("GET", "/orders/7", ""), Ok(""), (404, r#"{"error":"unknown order"}"#));
        check(("DELETE", "/orders", ""), Ok(""), (405, r#"{"error":"method not allowed"}"#));
        check(("GET", "/elsewhere", ""), Ok(""), (404, r#"{"error":"not found"}"#));
    }
}
