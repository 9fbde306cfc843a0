//! One JSON line per event on stdout.

use std::io::{self, Write};

use crate::json;

/// Logs something ordinary.
pub fn info(service: &str, message: &str, fields: &[(&str, &str)]) {
    write("INFO", service, message, fields);
}

/// Logs something that went wrong and was survived.
pub fn warn(service: &str, message: &str, fields: &[(&str, &str)]) {
    write("WARN", service, message, fields);
}

fn write(level: &str, service: &str, message: &str, fields: &[(&str, &str)]) {
    let line = format(level, service, message, fields);
    // A service must outlive its log: with `write = deny("EIO")` this fails, and `println!` would panic.
    let _ = io::stdout().lock().write_all(line.as_bytes());
}

fn format(level: &str, service: &str, message: &str, fields: &[(&str, &str)]) -> String {
    let mut line = format!(
        r#"{{"level":{},"service":{},"msg":{}"#,
        json::quote(level),
        json::quote(service),
        json::quote(message)
    );
    for (name, value) in fields {
        line.push_str(&format!(",{}:{}", json::quote(name), json::quote(value)));
    }
    line.push_str("}\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_json_object() {
        assert_eq!(
            format("INFO", "mock-db", "command", &[("op", "GET \"k\"")]),
            "{\"level\":\"INFO\",\"service\":\"mock-db\",\"msg\":\"command\",\"op\":\"GET \\\"k\\\"\"}\n"
        );
    }
}
