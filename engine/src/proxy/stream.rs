//! One side of a connection: a socket, or something that stands on one, such as TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
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
