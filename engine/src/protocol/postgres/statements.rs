//! The prepared statements and portals of a connection, so that an Execute is known by its text.

use super::schema::sql::canonical_sql;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

/// So many portals are kept although their transaction ended; asking the map costs more than keeping them.
const MAX_IDLE_PORTALS: usize = 64;

/// A prepared statement.
#[derive(Debug)]
pub(super) struct Statement {
    /// As the client sent it, perhaps cut short.
    pub(super) text: String,
    canonical: OnceLock<String>,
}

#[derive(Debug, Default)]
pub(super) struct Statements {
    statements: HashMap<Vec<u8>, Arc<Statement>>,
    portals: HashMap<Vec<u8>, Portal>,
}

#[derive(Debug)]
struct Portal {
    statement: Option<Arc<Statement>>,
    /// Batches the client had sent before.
    batch: u64,
}

impl Statement {
    pub(super) fn canonical(&self) -> &str {
        self.canonical.get_or_init(|| canonical_sql(&self.text))
    }
}

impl Statements {
    pub(super) fn parse(&mut self, name: &[u8], text: &str) {
        let statement = Arc::new(Statement { text: text.to_owned(), canonical: OnceLock::new() });
        put(&mut self.statements, name, statement);
    }

    pub(super) fn bind(&mut self, portal: &[u8], statement: &[u8], batch: u64) {
        let statement = self.statements.get(statement).cloned();
        put(&mut self.portals, portal, Portal { statement, batch });
    }

    pub(super) fn of_portal(&self, portal: &[u8]) -> Option<Arc<Statement>> {
        self.portals.get(portal)?.statement.clone()
    }

    /// A Close message: `S` for a statement, `P` for a portal.
    pub(super) fn close(&mut self, kind: u8, name: &[u8]) {
        match kind {
            b'S' => drop(self.statements.remove(name)),
            _ => drop(self.portals.remove(name)),
        }
    }

    /// Portals end with their transaction; `batches_done` were bound in batches that are answered.
    pub(super) fn transaction_ended(&mut self, batches_done: u64) {
        if self.portals.len() > MAX_IDLE_PORTALS {
            self.portals.retain(|_, portal| portal.batch >= batches_done);
        }
    }

    /// Statements can be ended in SQL as well; some drivers do.
    pub(super) fn forget_deallocated(&mut self, text: &str) {
        let mut words =
            text.split(|c: char| c.is_ascii_whitespace() || c == ';').filter(|word| !word.is_empty());
        let Some(first) = words.next() else { return };
        if !first.eq_ignore_ascii_case("deallocate") && !first.eq_ignore_ascii_case("discard") {
            return;
        }
        let name = words.find(|word| !word.eq_ignore_ascii_case("prepare")).unwrap_or_default();
        if name.eq_ignore_ascii_case("all") {
            self.statements.clear();
        } else {
            self.statements.remove(name.trim_matches('"').as_bytes());
        }
    }
}

/// Inserts without copying a name that is there already: the unnamed statement comes with every query.
fn put<V>(map: &mut HashMap<Vec<u8>, V>, name: &[u8], value: V) {
    match map.get_mut(name) {
        Some(slot) => *slot = value,
        None => drop(map.insert(name.to_vec(), value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_is_known_by_its_text() {
        let mut known = Statements::default();
        known.parse(b"s1", "SELECT  1");
        known.bind(b"", b"s1", 0);
        assert_eq!(known.of_portal(b"").unwrap().canonical(), "select 1");
        known.parse(b"s1", "SELECT 2");
        assert_eq!(known.of_portal(b"").unwrap().text, "SELECT  1", "a portal keeps its statement");
        known.bind(b"", b"unknown", 0);
        assert!(known.of_portal(b"").is_none());
    }

    #[test]
    fn what_ended_is_forgotten() {
        let mut known = Statements::default();
        for at in 0..100_u8 {
            known.parse(&[at], "SELECT 1");
            known.bind(&[at], &[at], u64::from(at / 50));
        }
        known.transaction_ended(1);
        assert_eq!(known.portals.len(), 50);
        known.close(b'S', &[7]);
        assert_eq!(known.statements.len(), 99);
        known.parse(b"_pg3_1", "SELECT 1");
        known.forget_deallocated("DEALLOCATE _pg3_1;");
        known.forget_deallocated("SELECT all");
        assert_eq!(known.statements.len(), 99);
        known.forget_deallocated("deallocate ALL");
        assert!(known.statements.is_empty());
    }
}
