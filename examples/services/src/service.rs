//! Starting a service: its port, its listener, a thread per connection.

use std::io::{self, Write};
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::connection::Connection;
use crate::log;

/// How long to leave a listener alone after `accept` failed, so that running out of descriptors does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Listens on `PORT` (or `default_port`) of every IPv4 address and hands each connection to `handle` on a
/// thread of its own. Port 0 takes a free one; the `listening` log line names it.
///
/// Returns, with exit code 1 and a sentence on stderr, only when listening is impossible. No signal handler is
/// installed: SIGTERM ends the process as the kernel does by default.
pub fn run<H>(name: &'static str, default_port: u16, handle: H) -> ExitCode
where
    H: Fn(Connection) -> io::Result<()> + Send + Sync + 'static,
{
    let listener = match port(default_port).and_then(listen) {
        Ok(listener) => listener,
        Err(problem) => {
            // Nobody is left to tell when stderr is closed as well.
            let _ = writeln!(io::stderr(), "{name}: {problem}");
            return ExitCode::FAILURE;
        }
    };
    let address = listener.local_addr().map_or_else(|error| error.to_string(), |address| address.to_string());
    log::info(name, "listening", &[("addr", &address)]);
    accept_forever(name, &listener, &Arc::new(handle))
}

/// Reads a variable of the environment, falling back to `default` when it is unset or empty.
pub fn var(name: &str, default: &str) -> String {
    std::env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned())
}

fn port(default: u16) -> Result<u16, String> {
    let text = var("PORT", &default.to_string());
    text.parse().map_err(|_| format!("PORT is {text:?}; it must be a number from 0 to 65535"))
}

fn listen(port: u16) -> Result<TcpListener, String> {
    TcpListener::bind(("0.0.0.0", port)).map_err(|error| format!("cannot listen on port {port}: {error}"))
}

fn accept_forever<H>(name: &'static str, listener: &TcpListener, handle: &Arc<H>) -> !
where
    H: Fn(Connection) -> io::Result<()> + Send + Sync + 'static,
{
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) => {
                log::warn(name, "accept failed", &[("error", &error.to_string())]);
                thread::sleep(ACCEPT_PAUSE);
                continue;
            }
        };
        let handle = Arc::clone(handle);
        let started = thread::Builder::new().spawn(move || {
            if let Err(error) = handle(Connection::new(stream)) {
                log::warn(name, "connection ended", &[("error", &error.to_string())]);
            }
        });
        if let Err(error) = started {
            log::warn(name, "no thread for a connection", &[("error", &error.to_string())]);
        }
    }
}
