//! One side of a connection: a socket, or something that stands on one, such as TLS.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv, send, setsockopt, sockopt};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// A peer of a relay, as bytes in the clear.
pub enum Stream {
    Socket(TcpStream),
    Wrapped(Box<dyn Wrapped>),
}

/// What stands on a socket.
pub trait Wrapped: AsyncRead + AsyncWrite + Unpin + Send {
    /// The socket below; `None` while there is none.
    fn socket(&self) -> Option<&TcpStream>;
}

impl Stream {
    /// Ready when a read would give something. What stands on a socket knows only by reading.
    pub(super) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Socket(socket) => socket.poll_read_ready(cx),
            Stream::Wrapped(_) => Poll::Ready(Ok(())),
        }
    }

    /// Leaves urgent data at its place in the stream, from where it is read like any other; otherwise a read would
    /// pass over it and it would be lost. Only a socket has any.
    pub(super) fn keep_urgent_data(&self) {
        if let Stream::Socket(socket) = self {
            // Failing leaves the stream without it, as before.
            let _ = setsockopt(socket, sockopt::OobInline, &true);
        }
    }

    /// True while urgent data is there that has not been read (poll(2), POLLPRI). A read ends before it, so that it is
    /// the first byte of the read that takes it.
    pub(super) fn has_urgent_data(&self) -> bool {
        let Stream::Socket(socket) = self else { return false };
        let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLPRI)];
        poll(&mut fds, PollTimeout::ZERO).is_ok_and(|ready| ready > 0)
            && fds[0].revents().is_some_and(|events| events.contains(PollFlags::POLLPRI))
    }

    /// Reads what is there without asking the runtime, which takes a read that ends before urgent data for one that
    /// emptied the socket.
    pub(super) fn read_now(&self, buf: &mut [u8]) -> io::Result<usize> {
        let Stream::Socket(socket) = self else { return Err(io::ErrorKind::WouldBlock.into()) };
        Ok(recv(socket.as_raw_fd(), buf, MsgFlags::empty())?)
    }

    /// Writes one byte as urgent data (send(2), MSG_OOB).
    pub(super) fn poll_write_urgent(&mut self, cx: &mut Context<'_>, byte: u8) -> Poll<io::Result<usize>> {
        match self {
            Stream::Socket(socket) => poll_send(socket, cx, &[byte], MsgFlags::MSG_OOB),
            Stream::Wrapped(wrapped) => Pin::new(wrapped).poll_write(cx, &[byte]),
        }
    }

    /// Writes bytes that a shutdown follows at once: they wait for it and go with it.
    pub(super) fn poll_write_last(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Stream::Socket(socket) => {
                poll_send(socket, cx, bytes, MsgFlags::from_bits_retain(libc::MSG_MORE))
            }
            Stream::Wrapped(wrapped) => Pin::new(wrapped).poll_write(cx, bytes),
        }
    }

    /// Makes the close that follows a reset.
    pub(super) fn reset_when_closed(&self) {
        let socket = match self {
            Stream::Socket(socket) => Some(socket),
            Stream::Wrapped(wrapped) => wrapped.socket(),
        };
        if let Some(socket) = socket {
            // Failing to ask for a reset leaves an orderly close, the next best thing.
            let _ = socket.set_zero_linger();
        }
    }
}

fn poll_send(
    socket: &TcpStream,
    cx: &mut Context<'_>,
    bytes: &[u8],
    flags: MsgFlags,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(socket.poll_write_ready(cx))?;
        let sent = socket.try_io(Interest::WRITABLE, || {
            Ok(send(socket.as_raw_fd(), bytes, flags | MsgFlags::MSG_NOSIGNAL)?)
        });
        match sent {
            // The readiness was out of date and is forgotten now.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            outcome => return Poll::Ready(outcome),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Socket(socket) => Pin::new(socket).poll_read(cx, buf),
            Stream::Wrapped(wrapped) => Pin::new(wrapped).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Socket(socket) => Pin::new(socket).poll_write(cx, bytes),
            Stream::Wrapped(wrapped) => Pin::new(wrapped).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Socket(socket) => Pin::new(socket).poll_flush(cx),
            Stream::Wrapped(wrapped) => Pin::new(wrapped).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Socket(socket) => Pin::new(socket).poll_shutdown(cx),
            Stream::Wrapped(wrapped) => Pin::new(wrapped).poll_shutdown(cx),
        }
    }
}
