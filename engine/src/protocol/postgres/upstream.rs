//! The server's side of a connection whose client speaks TLS.
//!
//! The server is spoken to over TLS as well, unless it asks for SCRAM: a client inside TLS says of itself that it could
//! bind its login to the channel, and a server inside TLS refuses a login that could be bound and is not. In the clear
//! there is no channel to bind to, so such a login is made in the clear where the server allows it (`host` in its
//! `pg_hba.conf`). Where it allows none (`hostssl`), only clients that were told not to bind get in.

use super::codec::{self, Startup};
use super::encryption::{ALPN, SSL_REQUEST};
use super::login::{self, Answer};
use crate::event::EventKind;
use crate::proxy::{RelayConfig, Stream, Wrapped, tls};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

/// Longest answer to a startup message that is looked at; a longer one passes as it is.
const MAX_ANSWER: usize = 64 * 1024;

/// What a relay learnt of its server. A server that is started again has a relay of its own.
#[derive(Debug, Default)]
pub(super) struct Known(AtomicU8);

impl Known {
    const PLAIN: u8 = 1;
    const ENCRYPTED: u8 = 2;

    /// It takes TLS, but logins are made in the clear, because they are SCRAM.
    pub(super) fn takes_plain(&self) -> bool {
        self.0.load(Relaxed) == Known::PLAIN
    }

    /// Logins in the clear were refused.
    fn takes_only_tls(&self) -> bool {
        self.0.load(Relaxed) == Known::ENCRYPTED
    }
}

/// The connection a login begins on.
pub(super) enum First {
    /// Asked for TLS, and willing.
    Asked(TcpStream),
    /// Asked for nothing.
    Plain(TcpStream),
}

impl First {
    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            First::Asked(socket) | First::Plain(socket) => socket,
        }
    }
}

/// A server as the session sees it: the login's own way to it is found behind this.
pub(super) struct Upstream {
    config: Arc<RelayConfig>,
    known: Arc<Known>,
    state: State,
}

enum State {
    /// The client has not said all of its startup message.
    Waiting {
        first: First,
        startup: Vec<u8>,
    },
    /// The server is asked for its first answer.
    LoggingIn(Pin<Box<dyn Future<Output = io::Result<Open>> + Send>>),
    Open(Open),
    Gone,
}

/// A server that has answered.
struct Open {
    stream: Stream,
    /// Its answer, as the client is to see it.
    answer: Vec<u8>,
    given: usize,
    /// The login would be refused if it could be bound to the channel; the client's next word tells.
    may_be_refused: bool,
}

impl Upstream {
    pub(super) fn new(config: Arc<RelayConfig>, known: Arc<Known>, first: First) -> Upstream {
        Upstream { config, known, state: State::Waiting { first, startup: Vec::new() } }
    }

    /// Gets the login done as far as the server's first answer.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut Open>> {
        if let State::LoggingIn(login) = &mut self.state {
            self.state = match ready!(login.as_mut().poll(cx)) {
                Ok(open) => State::Open(open),
                Err(error) => {
                    self.state = State::Gone;
                    return Poll::Ready(Err(error));
                }
            };
        }
        match &mut self.state {
            State::Open(open) => Poll::Ready(Ok(open)),
            State::Waiting { .. } | State::LoggingIn(_) => Poll::Pending,
            State::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Gathers the startup message, and begins to log in when it is complete.
    fn gather(&mut self, bytes: &[u8]) -> usize {
        let State::Waiting { startup, .. } = &mut self.state else { return 0 };
        startup.extend(bytes);
        let complete = match codec::startup(startup) {
            Ok(None) => false,
            Ok(Some(Startup::Start { len } | Startup::CancelRequest { len })) => startup.len() >= len,
            // Nothing that a login begins with: the server shall say so.
            Ok(Some(Startup::SslRequest | Startup::GssRequest)) | Err(_) => true,
        };
        if complete && let State::Waiting { first, startup } = std::mem::replace(&mut self.state, State::Gone)
        {
            let login = log_in(self.config.clone(), self.known.clone(), first, startup);
            self.state = State::LoggingIn(Box::pin(login));
        }
        bytes.len()
    }

    /// Reads the client's next word when it decides over the login.
    fn look_at(config: &RelayConfig, open: &mut Open, bytes: &[u8]) {
        if std::mem::take(&mut open.may_be_refused) && login::denies_binding(bytes) {
            let text = format!("{}: {BOUND_LOGIN}", config.name);
            config.rules.could_not_see(BOUND_LOGIN);
            config.observe.event(EventKind::Notice { text });
        }
    }
}

const BOUND_LOGIN: &str = "the server takes SCRAM logins over TLS only (hostssl), \
    and they cannot be bound to the client's channel through a relay: \
    set the client's channel_binding to disable, or allow `host` logins in pg_hba.conf";

const NO_STARTUP: &str = "a client left behind the TLS handshake without logging in: \
    if it checks host names, it must connect to localhost, to the service's name, or to a name it sends (SNI)";

/// Finds the way to the server on which a login can go on, and its first answer on it.
async fn log_in(
    config: Arc<RelayConfig>,
    known: Arc<Known>,
    first: First,
    startup: Vec<u8>,
) -> io::Result<Open> {
    match first {
        First::Plain(socket) => {
            let (plain, answer) = ask(Stream::Socket(socket), &startup).await?;
            if !said(&answer).is_some_and(|answer| answer.is_inadmissible()) {
                return Ok(Open::new(plain, answer));
            }
            // The server was told to take TLS only since, or for this user.
            let mut socket = config.upstream.dial().await?;
            socket.write_all(&SSL_REQUEST).await?;
            match socket.read_u8().await? {
                b'S' => {}
                _ => return Ok(Open::new(plain, answer)),
            }
            let (secure, answer) = ask(tls::secure(socket, ALPN).await?, &startup).await?;
            Ok(Open::unbound(secure, &answer))
        }
        First::Asked(socket) => {
            let (secure, answer) = ask(tls::secure(socket, ALPN).await?, &startup).await?;
            if said(&answer) != Some(Answer::OffersBinding) || known.takes_only_tls() {
                return Ok(Open::unbound(secure, &answer));
            }
            let plain = config.upstream.dial().await?;
            let (plain, in_the_clear) = ask(Stream::Socket(plain), &startup).await?;
            match said(&in_the_clear) {
                Some(Answer::GoesOn | Answer::OffersBinding) => {
                    known.0.store(Known::PLAIN, Relaxed);
                    return Ok(Open::new(plain, in_the_clear));
                }
                Some(refused) if refused.is_inadmissible() => known.0.store(Known::ENCRYPTED, Relaxed),
                Some(Answer::Refused { .. }) | None => {}
            }
            Ok(Open::unbound(secure, &answer))
        }
    }
}

/// Sends a startup message and reads the first answer to it, or what comes in its stead.
async fn ask(mut stream: Stream, startup: &[u8]) -> io::Result<(Stream, Vec<u8>)> {
    stream.write_all(startup).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    while matches!(login::answer(&answer), Ok(None)) && answer.len() < MAX_ANSWER {
        if stream.read_buf(&mut answer).await? == 0 {
            break;
        }
    }
    Ok((stream, answer))
}

fn said(answer: &[u8]) -> Option<Answer> {
    login::answer(answer).ok().flatten()
}

impl Open {
    fn new(stream: Stream, answer: Vec<u8>) -> Open {
        Open { stream, answer, given: 0, may_be_refused: false }
    }

    /// Over TLS, where a login could be bound.
    fn unbound(stream: Stream, answer: &[u8]) -> Open {
        let may_be_refused = said(answer) == Some(Answer::OffersBinding);
        Open { may_be_refused, ..Open::new(stream, login::without_binding(answer)) }
    }
}

impl Wrapped for Upstream {
    fn socket(&self) -> Option<&TcpStream> {
        match &self.state {
            State::Waiting { first, .. } => Some(first.socket()),
            State::Open(Open { stream: Stream::Socket(socket), .. }) => Some(socket),
            State::Open(Open { stream: Stream::Wrapped(wrapped), .. }) => wrapped.socket(),
            State::LoggingIn(_) | State::Gone => None,
        }
    }
}

impl AsyncRead for Upstream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let State::Waiting { first, .. } = &this.state {
            // Nothing is to come before the startup message but the end.
            let mut byte = [0];
            ready!(first.socket().poll_peek(cx, &mut ReadBuf::new(&mut byte)))?;
            return Poll::Ready(Ok(()));
        }
        if let State::Gone = this.state {
            return Poll::Ready(Ok(()));
        }
        let open = ready!(this.poll_open(cx))?;
        let rest = &open.answer[open.given..];
        if rest.is_empty() {
            return Pin::new(&mut open.stream).poll_read(cx, buf);
        }
        let count = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..count]);
        open.given += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Upstream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if let State::Waiting { .. } = &this.state {
            return Poll::Ready(Ok(this.gather(bytes)));
        }
        let config = this.config.clone();
        let open = ready!(this.poll_open(cx))?;
        if open.may_be_refused {
            Upstream::look_at(&config, open, bytes);
        }
        Pin::new(&mut open.stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.state {
            State::Open(open) => Pin::new(&mut open.stream).poll_flush(cx),
            State::Waiting { .. } | State::LoggingIn(_) | State::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let State::Waiting { startup, .. } = &this.state {
            if startup.is_empty() {
                this.config.rules.could_not_see(NO_STARTUP);
            }
            this.state = State::Gone;
            return Poll::Ready(Ok(()));
        }
        if let State::Gone = this.state {
            return Poll::Ready(Ok(()));
        }
        let open = ready!(this.poll_open(cx))?;
        Pin::new(&mut open.stream).poll_shutdown(cx)
    }
}
