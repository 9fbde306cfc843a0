//! A key-value store over a line protocol, in memory.
//!
//! `PING` -> `PONG` · `SET key value` -> `OK` · `GET key` -> the value or `NOT_FOUND` · `QUIT` closes.
//! `PORT` (5432) is where it listens. Each command is logged before it is answered.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use faultbox_examples::lines::{self, Answer};
use faultbox_examples::{log, service};

const NAME: &str = "mock-db";

fn main() -> ExitCode {
    let store = Store::default();
    service::run(NAME, 5432, move |connection| {
        lines::serve(connection, |command| {
            let answer = store.answer(command);
            log_command(command, &answer);
            answer
        })
    })
}

fn log_command(command: &str, answer: &Answer) {
    let op = command.split(' ').next().unwrap_or("").to_ascii_uppercase();
    let status = match answer {
        Answer::Reply(line) if line.starts_with("ERR ") => "error",
        Answer::Reply(_) | Answer::Close => "ok",
    };
    log::info(NAME, "command", &[("op", &op), ("status", status)]);
}

#[derive(Default)]
struct Store {
    values: Mutex<HashMap<String, String>>,
}

impl Store {
    fn answer(&self, command: &str) -> Answer {
        let mut words = command.splitn(3, ' ');
        let op = words.next().unwrap_or("").to_ascii_uppercase();
        let reply = match (op.as_str(), words.next(), words.next()) {
            ("PING", ..) => "PONG".to_owned(),
            ("SET", Some(key), Some(value)) => self.set(key, value),
            ("SET", ..) => "ERR usage: SET key value".to_owned(),
            ("GET", Some(key), None) => self.get(key),
            ("GET", ..) => "ERR usage: GET key".to_owned(),
            ("QUIT", ..) => return Answer::Close,
            _ => format!("ERR unknown command: {op}"),
        };
        Answer::Reply(reply)
    }

    fn set(&self, key: &str, value: &str) -> String {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.insert(key.to_owned(), value.to_owned());
        "OK".to_owned()
    }

    fn get(&self, key: &str) -> String {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.get(key).cloned().unwrap_or_else(|| "NOT_FOUND".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(store: &Store, command: &str, expected: &str) {
        assert_eq!(store.answer(command), Answer::Reply(expected.to_owned()), "{command}");
    }

    #[test]
    fn commands_are_answered() {
        let store = Store::default();
        check(&store, "ping", "PONG");
        check(&store, "GET k", "NOT_FOUND");
        check(&store, "SET k two words", "OK");
        check(&store, "GET k", "two words");
        check(&store, "SET k", "ERR usage: SET key value");
        check(&store, "GET", "ERR usage: GET key");
        check(&store, "DROP k", "ERR unknown command: DROP");
        assert_eq!(store.answer("QUIT"), Answer::Close);
    }
}
