//! Stock of three articles over a line protocol, with a write-ahead log.
//!
//! `PING` -> `PONG` · `CHECK sku` -> `OK <left>` · `RESERVE sku qty` -> `OK <left>`, or `ERR <why>`.
//! `PORT` (5432) is where it listens, `WAL_PATH` (inventory.wal) where the log is. A reservation is appended to
//! the log and flushed to disk before the stock changes: when the log fails, nothing was reserved.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use faultbox_examples::lines::{self, Answer};
use faultbox_examples::{log, service};

const NAME: &str = "inventory-svc";
const INITIAL_STOCK: [(&str, u32); 3] = [("widget", 100), ("gadget", 50), ("gizmo", 25)];

fn main() -> ExitCode {
    let inventory = Inventory::new(PathBuf::from(service::var("WAL_PATH", "inventory.wal")));
    service::run(NAME, 5432, move |connection| {
        lines::serve(connection, |command| {
            let reply = inventory.answer(command).unwrap_or_else(|problem| format!("ERR {problem}"));
            log::info(NAME, "command", &[("command", command), ("reply", &reply)]);
            Answer::Reply(reply)
        })
    })
}

struct Inventory {
    wal_path: PathBuf,
    stock: Mutex<HashMap<&'static str, u32>>,
}

impl Inventory {
    fn new(wal_path: PathBuf) -> Inventory {
        Inventory { wal_path, stock: Mutex::new(INITIAL_STOCK.into_iter().collect()) }
    }

    fn answer(&self, command: &str) -> Result<String, String> {
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["PING"] => Ok("PONG".to_owned()),
            ["CHECK", sku] => self.check(sku).map(|left| format!("OK {left}")),
            ["RESERVE", sku, qty] => {
                let qty = qty.parse().map_err(|_| format!("quantity is not a number: {qty}"))?;
                self.reserve(sku, qty).map(|left| format!("OK {left}"))
            }
            _ => Err(format!("unknown command: {command}")),
        }
    }

    fn check(&self, sku: &str) -> Result<u32, String> {
        let stock = self.stock.lock().unwrap_or_else(PoisonError::into_inner);
        stock.get(sku).copied().ok_or_else(|| format!("unknown sku: {sku}"))
    }

    /// Takes `qty` out of the stock and returns what is left. The lock is held over the log's flush, so the log
    /// has reservations in the order they happened.
    fn reserve(&self, sku: &str, qty: u32) -> Result<u32, String> {
        let mut stock = self.stock.lock().unwrap_or_else(PoisonError::into_inner);
        let left = stock.get_mut(sku).ok_or_else(|| format!("unknown sku: {sku}"))?;
        let remaining = left.checked_sub(qty).ok_or_else(|| format!("insufficient stock: {left} left"))?;
        self.append(sku, qty).map_err(|error| format!("wal: {error}"))?;
        *left = remaining;
        Ok(remaining)
    }

    fn append(&self, sku: &str, qty: u32) -> io::Result<()> {
        let mut wal = OpenOptions::new().create(true).append(true).open(&self.wal_path)?;
        wal.write_all(format!("RESERVE {sku} {qty}\n").as_bytes())?;
        wal.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(inventory: &Inventory, command: &str, expected: Result<&str, &str>) {
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(inventory.answer(command), expected, "{command}");
    }

    #[test]
    fn a_reservation_is_logged_before_the_stock_changes() {
        let wal_path = std::env::temp_dir().join(format!("inventory-svc-test-{}.wal", std::process::id()));
        let inventory = Inventory::new(wal_path.clone());
        check(&inventory, "PING", Ok("PONG"));
        check(&inventory, "CHECK widget", Ok("OK 100"));
        check(&inventory, "RESERVE widget 30", Ok("OK 70"));
        check(&inventory, "RESERVE widget 71", Err("insufficient stock: 70 left"));
        check(&inventory, "RESERVE gizmo x", Err("quantity is not a number: x"));
        check(&inventory, "CHECK sprocket", Err("unknown sku: sprocket"));
        let logged = std::fs::read_to_string(&wal_path).expect("the log exists");
        std::fs::remove_file(&wal_path).expect("the log can be removed");
        assert_eq!(logged, "RESERVE widget 30\n");
    }

    #[test]
    fn a_log_that_fails_reserves_nothing() {
        let inventory = Inventory::new(PathBuf::from("/proc/no-such-directory/wal"));
        let refusal = inventory.answer("RESERVE widget 1").expect_err("no log, no reservation");
        assert!(refusal.starts_with("wal: "), "{refusal}");
        check(&inventory, "CHECK widget", Ok("OK 100"));
    }
}
