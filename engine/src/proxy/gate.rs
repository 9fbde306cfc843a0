//! Opens a relay's listeners while its service listens, so that a dead dependency refuses connections.

use super::relay::Relay;
use std::io;
use std::time::Duration;

/// How often the service is looked at: at once, then less and less often while nothing changes.
const SHORTEST_PERIOD: Duration = Duration::from_millis(1);
const LONGEST_PERIOD: Duration = Duration::from_millis(20);

/// Keeps one relay open exactly while its upstream listens.
pub struct Gate<Listening, Listen> {
    /// Whether the service listens now. Must not connect to it: a connection that says nothing could disturb it.
    pub is_listening: Listening,
    /// Makes the consumers' listeners.
    pub listen: Listen,
}

impl<Listening, Listen> Gate<Listening, Listen>
where
    Listening: FnMut() -> bool,
    Listen: FnMut() -> io::Result<Vec<std::net::TcpListener>>,
{
    /// Watches until the future is dropped; an address that cannot be listened on ends it with the error.
    pub async fn watch(mut self, relay: &Relay) -> io::Result<std::convert::Infallible> {
        let mut open = false;
        let mut period = SHORTEST_PERIOD;
        loop {
            let listens = (self.is_listening)();
            if listens != open {
                match listens {
                    true => relay.open((self.listen)()?).await,
                    false => relay.close().await,
                }
                (open, period) = (listens, SHORTEST_PERIOD);
            }
            tokio::time::sleep(period).await;
            period = (period * 2).min(LONGEST_PERIOD);
        }
    }
}

/// True when `table`, the text of a `/proc/<pid>/net/tcp` or `tcp6` (proc(5)), has a listening socket on `port`.
pub fn listens(table: &str, port: u16) -> bool {
    table.lines().skip(1).any(|line| {
        let mut columns = line.split_ascii_whitespace();
        let local = columns.nth(1).and_then(|address| address.rsplit_once(':'));
        // 0A is TCP_LISTEN.
        let listening = columns.nth(1) == Some("0A");
        listening && local.is_some_and(|(_, text)| u16::from_str_radix(text, 16) == Ok(port))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listening_port_is_found_in_the_kernels_table() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue\n   \
                     0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000\n   \
                     1: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000\n";
        assert!(listens(table, 0x1538));
        assert!(!listens(table, 0x1f90), "connected, not listening");
        assert!(!listens(table, 80));
        assert!(!listens("", 80));
    }
}
