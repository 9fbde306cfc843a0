//! One TCP peer.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// How long [`Connection::dial`] waits for one address.
const DIAL_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a dialled peer may stay silent.
const REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// A connected socket, used through `read(2)` and `write(2)`.
///
/// `TcpStream` would call `recv(2)` and `send(2)`, which no fault on the `write` family reaches. Go programs
/// answer with `write(2)`, and the demo stands in for those: `write = deny("EIO")` must hit replies too.
#[derive(Debug)]
pub struct Connection {
    reader: BufReader<File>,
}

impl Connection {
    /// Wraps an accepted or connected socket.
    pub fn new(stream: TcpStream) -> Connection {
        // Replies are single writes, so waiting for more to send would only add latency. A socket which
        // refuses the option still works.
        let _ = stream.set_nodelay(true);
        Connection { reader: BufReader::new(File::from(OwnedFd::from(stream))) }
    }

    /// Connects to `host:port`, trying each address the name has.
    ///
    /// # Errors
    /// The last address's error, or `NotFound` when the name has none.
    pub fn dial(address: &str) -> io::Result<Connection> {
        let mut failure = io::Error::new(io::ErrorKind::NotFound, format!("{address} has no address"));
        for candidate in address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&candidate, DIAL_TIMEOUT) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
                    stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
                    return Ok(Connection::new(stream));
                }
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    /// The buffered reading half.
    pub fn reader(&mut self) -> &mut BufReader<File> {
        &mut self.reader
    }

    /// Sends `bytes`, in one `write(2)` when the kernel takes them all.
    ///
    /// # Errors
    /// Whatever `write(2)` answered.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }
}
