//! Requests for encryption: a relay answers them itself, so that rules see what is said inside.
//!
//! The server is asked first. When it takes TLS, the client's TLS ends at the relay, behind a certificate of the run's
//! authority; `upstream.rs` speaks to the server in its stead. When it does not, the client is told so and goes on in
//! the clear, as it would without the relay.

use super::client::credentials;
use super::codec::{self, Startup};
use super::upstream::{First, Known, Upstream};
use crate::proxy::tls::{Acceptor, Authority, TlsError, refusal};
use crate::proxy::{Opened, Opening, Prelude, Settling, Stream};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What PostgreSQL's protocol is called where TLS names protocols (ALPN).
pub(super) const ALPN: &[u8] = b"postgresql";

/// Asks for TLS.
pub(super) const SSL_REQUEST: [u8; codec::STARTUP_HEADER] = *b"\0\0\0\x08\x04\xd2\x16\x2f";

/// How long a client may stay silent within its first words before they pass as they are.
const QUIET: Duration = Duration::from_secs(1);

/// A client may ask for GSSAPI encryption and for TLS, once each; nothing is gained by more.
const MAX_REQUESTS: usize = 4;

/// Settles encryption for the connections of one relay.
pub struct Encryption {
    acceptor: Acceptor,
    known: Arc<Known>,
    credentials: Arc<Credentials>,
}

/// Who is known to log in, and with what password; an empty one is none.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

impl Encryption {
    /// Answers in the stead of the service called `service`, whose environment is `env`.
    pub fn new(
        authority: &Arc<Authority>,
        service: &str,
        env: &[(String, String)],
    ) -> Result<Encryption, TlsError> {
        let (user, password) = credentials(env);
        let credentials = Credentials { user: user.to_owned(), password: password.to_owned() };
        let acceptor = authority.acceptor(service, ALPN)?;
        Ok(Encryption { acceptor, known: Arc::default(), credentials: Arc::new(credentials) })
    }

    async fn open(&self, opening: Opening) -> Result<Opened, String> {
        let Opening { config, mut downstream, mut upstream } = opening;
        let mut early = Vec::new();
        let mut refused_gss = false;
        for _ in 0..MAX_REQUESTS {
            let Some(request) = read_request(&mut downstream, &upstream, &mut early).await else { break };
            match request {
                Request::Nothing if refused_gss => return Err(GSS_ONLY.to_owned()),
                Request::Nothing => break,
                Request::Gss => {
                    refused_gss = true;
                    deny(&mut downstream).await?;
                }
                Request::Tls => match self.ask(&mut upstream).await {
                    Offer::Tls => {
                        let first = match self.known.takes_plain() {
                            true => First::Plain(upstream),
                            false => First::Asked(upstream),
                        };
                        let downstream = self.accept(downstream, first.socket()).await?;
                        let upstream =
                            Upstream::new(config, self.known.clone(), self.credentials.clone(), first);
                        let upstream = Stream::Wrapped(Box::new(upstream));
                        return Ok(Opened { downstream, upstream, early: Vec::new() });
                    }
                    Offer::Nothing => deny(&mut downstream).await?,
                    Offer::Other => {
                        early.clear();
                        break;
                    }
                },
            }
            early.clear();
        }
        let (downstream, upstream) = (Stream::Socket(downstream), Stream::Socket(upstream));
        Ok(Opened { downstream, upstream, early })
    }

    /// Whether the server takes TLS. One that is known to is not asked again, and stays ready for a login in the clear.
    async fn ask(&self, upstream: &mut TcpStream) -> Offer {
        if self.known.takes_plain() {
            return Offer::Tls;
        }
        let mut answer = [0];
        if upstream.write_all(&SSL_REQUEST).await.is_err() || upstream.peek(&mut answer).await.is_err() {
            return Offer::Other;
        }
        let offer = match answer {
            [b'S'] => Offer::Tls,
            [b'N'] => Offer::Nothing,
            // Its end, or an error, is for the client to see.
            _ => return Offer::Other,
        };
        match upstream.read_exact(&mut answer).await {
            Ok(_) => offer,
            Err(_) => Offer::Other,
        }
    }

    /// Shakes hands with the client, for as long as the server waits.
    async fn accept(&self, mut downstream: TcpStream, upstream: &TcpStream) -> Result<Stream, String> {
        downstream.write_all(b"S").await.map_err(left)?;
        let mut byte = [0];
        tokio::select! {
            accepted = self.acceptor.accept(downstream) => accepted.map_err(|error| not_accepted(&error)),
            _ = upstream.peek(&mut byte) => Err("the server gave up during the client's TLS handshake".to_owned()),
        }
    }
}

impl Prelude for Encryption {
    fn settle(&self, opening: Opening) -> Settling<'_> {
        Box::pin(self.open(opening))
    }
}

/// What a client begins with.
enum Request {
    Tls,
    Gss,
    /// It left.
    Nothing,
}

/// What the server answers to a request for TLS.
enum Offer {
    Tls,
    Nothing,
    Other,
}

const GSS_ONLY: &str = "the client wants GSSAPI encryption, which hides its requests from rules: \
    set its gssencmode to disable or prefer";

/// Reads a request for encryption into `early`, and no byte more: what follows may be encrypted. `None` when the client
/// begins otherwise or goes silent, or the server speaks or ends first.
async fn read_request(
    downstream: &mut TcpStream,
    upstream: &TcpStream,
    early: &mut Vec<u8>,
) -> Option<Request> {
    loop {
        match codec::startup(early) {
            Ok(Some(Startup::SslRequest)) => return Some(Request::Tls),
            Ok(Some(Startup::GssRequest)) => return Some(Request::Gss),
            Ok(None) if early.len() < codec::STARTUP_HEADER => {}
            Ok(_) | Err(_) => return None,
        }
        let (mut chunk, mut byte) = ([0; codec::STARTUP_HEADER], [0]);
        let room = codec::STARTUP_HEADER - early.len();
        let has_begun = !early.is_empty();
        let count = tokio::select! {
            read = downstream.read(&mut chunk[..room]) => read.unwrap_or(0),
            _ = upstream.peek(&mut byte) => return None,
            () = tokio::time::sleep(QUIET), if has_begun => return None,
        };
        if count == 0 {
            return early.is_empty().then_some(Request::Nothing);
        }
        early.extend(&chunk[..count]);
    }
}

async fn deny(downstream: &mut TcpStream) -> Result<(), String> {
    downstream.write_all(b"N").await.map_err(left)
}

fn left(error: io::Error) -> String {
    format!("the client left while encryption was settled: {error}")
}

fn not_accepted(error: &io::Error) -> String {
    match refusal(error) {
        Some(word) => format!(
            "the client refused the run's certificate ({word}): point its sslrootcert at $FAULTBOX_CA"
        ),
        None => format!(
            "the TLS handshake with the client failed: {error}; \
             a client that checks certificates needs sslrootcert to point at $FAULTBOX_CA"
        ),
    }
}
