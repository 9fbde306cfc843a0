//! The server's side of a connection whose client speaks TLS.
//!
//! The server is spoken to over TLS as well, unless it asks for SCRAM: a client inside TLS says of itself that it could
//! bind its login to the channel, and a server inside TLS refuses a login that could be bound and is not. In the clear
//! there is no channel to bind to, so such a login is made in the clear where the server allows it (`host` in its
//! `pg_hba.conf`). Where it allows none (`hostssl`), a login is carried over (`scram.rs`) when the service's environment
//! has its password, and fails with an explanation otherwise.

use super::codec::{self, Startup};
use super::encryption::{ALPN, Credentials, SSL_REQUEST};
use super::login::{self, Answer};
use super::scram::Login;
use crate::event::{EventKind, UnreadSubject};
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
    credentials: Arc<Credentials>,
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
    /// A login whose words are changed on their way.
    carried: Option<Carried>,
    /// Changed words for the server.
    unsent: Vec<u8>,
}

/// Words that are not whole yet, each on its way.
struct Carried {
    login: Login,
    said: Vec<u8>,
    heard: Vec<u8>,
}

impl Upstream {
    pub(super) fn new(
        config: Arc<RelayConfig>,
        known: Arc<Known>,
        credentials: Arc<Credentials>,
        first: First,
    ) -> Upstream {
        Upstream { config, known, credentials, state: State::Waiting { first, startup: Vec::new() } }
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
            let user = startup.get(codec::STARTUP_HEADER..).unwrap_or_default();
            let is_known = codec::startup_parameter(user, "user") == Some(self.credentials.user.as_bytes());
            let password = Some(&self.credentials.password).filter(|text| is_known && !text.is_empty());
            let carried = password.map(|password| Login::new(password));
            let login = log_in(self.config.clone(), self.known.clone(), first, startup);
            self.state = State::LoggingIn(Box::pin(async { Ok(login.await?.carrying(carried)) }));
        }
        bytes.len()
    }

    /// Reads the client's next word when it decides over the login.
    fn look_at(config: &RelayConfig, open: &mut Open, bytes: &[u8]) {
        if std::mem::take(&mut open.may_be_refused) && login::denies_binding(bytes) {
            let text = format!("{}: {BOUND_LOGIN}", config.name);
            config.rules.could_not_see(UnreadSubject::Connection, BOUND_LOGIN);
            config.observe.event(EventKind::Notice { text });
        }
    }
}

const BOUND_LOGIN: &str = "the server takes SCRAM logins over TLS only (hostssl), \
    and they cannot be bound to the client's channel through a relay: \
    set the client's channel_binding to disable, or POSTGRES_USER and POSTGRES_PASSWORD in the service's env";

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
        Open { stream, answer, given: 0, may_be_refused: false, carried: None, unsent: Vec::new() }
    }

    /// With a login that would be refused changed on its way, when that can be done.
    fn carrying(self, login: Option<Login>) -> Open {
        let login = login.filter(|_| self.may_be_refused);
        let carried = login.map(|login| Carried { login, said: Vec::new(), heard: Vec::new() });
        Open { may_be_refused: self.may_be_refused && carried.is_none(), carried, ..self }
    }

    /// Takes bytes of the client that belong to a login on its way.
    fn say(&mut self, bytes: &[u8]) -> bool {
        let Some(carried) = &mut self.carried else { return false };
        carried.said.extend(bytes);
        while let Some(len) = whole(&carried.said) {
            carried.login.to_server(&mut carried.said[..len]);
            self.unsent.extend(carried.said.drain(..len));
        }
        true
    }

    /// Takes bytes of the server that belong to a login on its way.
    fn hear(&mut self, bytes: &[u8]) {
        let Some(carried) = &mut self.carried else { return self.answer.extend(bytes) };
        carried.heard.extend(bytes);
        let mut done = bytes.is_empty();
        while let Some(len) = whole(&carried.heard).filter(|_| !done) {
            done = carried.login.to_client(&mut carried.heard[..len]);
            self.answer.extend(carried.heard.drain(..len));
        }
        if done {
            self.answer.append(&mut carried.heard);
            self.unsent.append(&mut carried.said);
            self.carried = None;
        }
    }

    /// Sends what is left of changed words.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.unsent))?;
            self.unsent.drain(..count);
        }
        Poll::Ready(Ok(()))
    }

    /// Over TLS, where a login could be bound.
    fn unbound(stream: Stream, answer: &[u8]) -> Open {
        let may_be_refused = said(answer) == Some(Answer::OffersBinding);
        Open { may_be_refused, ..Open::new(stream, login::without_binding(answer)) }
    }
}

/// The length of the message at the front, when all of it is there.
fn whole(buf: &[u8]) -> Option<usize> {
    let header = codec::header(buf).ok()??;
    (buf.len() >= header.len).then_some(header.len)
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
        while open.given == open.answer.len() && open.carried.is_some() {
            let mut chunk = [0; 4096];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut open.stream).poll_read(cx, &mut read))?;
            open.hear(read.filled());
        }
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
        if open.say(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(open.poll_send(cx))?;
        Pin::new(&mut open.stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match &mut this.state {
            State::Open(open) => {
                ready!(open.poll_send(cx))?;
                Pin::new(&mut open.stream).poll_flush(cx)
            }
            State::Waiting { .. } | State::LoggingIn(_) | State::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let State::Waiting { startup, .. } = &this.state {
            if startup.is_empty() {
                this.config.rules.could_not_see(UnreadSubject::Connection, NO_STARTUP);
            }
            this.state = State::Gone;
            return Poll::Ready(Ok(()));
        }
        if let State::Gone = this.state {
            return Poll::Ready(Ok(()));
        }
        let open = ready!(this.poll_open(cx))?;
        ready!(open.poll_send(cx))?;
        Pin::new(&mut open.stream).poll_shutdown(cx)
    }
}
