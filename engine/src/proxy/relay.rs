//! A relay: it accepts in a service's stead and owns every connection it relays.

use super::alarm::AlarmClock;
use super::connection::Connection;
use super::dial::{Dialer, Prepared, Route};
use super::prelude::{Opened, Opening, Prelude};
use super::session::Session;
use super::stream::Stream;
use crate::event::{EventKind, UnreadSubject};
use crate::rules::RuleSet;
use nix::sys::socket::{Backlog, setsockopt, sockopt};
use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

/// First and longest pause when descriptors or memory run out (accept(2), EMFILE); it doubles in between.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// Hears what happens on a relay. The run stamps leaf and time.
pub trait Observer: Send + Sync {
    /// Called on the relay's own task: it must not block.
    fn event(&self, kind: EventKind);

    /// Who hears of one connection or datagram by itself; `None` when this observer does.
    fn on_route(&self, _route: Route) -> Option<Arc<dyn Observer>> {
        None
    }
}

/// What a relay stands for.
#[derive(Clone)]
pub struct RelayConfig {
    /// The interface for events, such as `api.public`.
    pub name: String,
    pub upstream: Dialer,
    pub rules: Arc<RuleSet>,
    /// Makes the parser state of one connection; from `protocol::session`.
    pub session: Arc<dyn Fn() -> Box<dyn Session> + Send + Sync>,
    pub observe: Arc<dyn Observer>,
    /// What connections settle before their session begins; from `protocol::prelude`.
    pub prelude: Option<Arc<dyn Prelude>>,
}

/// Stands between consumers and one interface. Dropping it ends every connection at once.
#[derive(Debug)]
pub struct Relay {
    /// Dropped or sent on, it ends the owner.
    end: oneshot::Sender<()>,
    /// Asks for the listeners to be closed, and for word when they are. Taken by the first to ask.
    close: Option<oneshot::Sender<oneshot::Sender<()>>>,
    owner: JoinHandle<()>,
}

impl Relay {
    /// Starts to accept on `listeners`.
    ///
    /// # Panics
    /// When called outside a tokio runtime.
    pub fn start(listeners: Vec<std::net::TcpListener>, config: RelayConfig) -> Relay {
        let (end, ended) = oneshot::channel();
        let (close, closed) = oneshot::channel();
        let mut owner = Owner::new(config);
        owner.listen(listeners);
        Relay { end, close: Some(close), owner: tokio::spawn(owner.run(ended, closed)) }
    }

    /// Accepts nothing more, from when this returns. Connections go on until they end by themselves, as those of a
    /// server that closes its listening socket do.
    pub async fn close(&mut self) {
        let Some(close) = self.close.take() else { return };
        let (done, is_done) = oneshot::channel();
        // An error of either means that the owner is gone already, and its listeners with it.
        let _ = close.send(done);
        let _ = is_done.await;
    }

    /// Whether it is closed and has no connection any more.
    pub fn is_finished(&self) -> bool {
        self.owner.is_finished()
    }

    /// Closes listeners and connections, and returns when nothing of the relay is left.
    pub async fn stop(self) {
        // An error of either means that the owner is gone already.
        let _ = self.end.send(());
        let _ = self.owner.await;
    }
}

/// The task that accepts; its connections end with it.
struct Owner {
    config: Arc<RelayConfig>,
    listeners: Vec<TcpListener>,
    connections: JoinSet<()>,
    /// The socket the next connection will dial with: made before it is accepted, so that an accepted connection
    /// never waits for a descriptor that other accepted connections hold.
    spare: Option<Prepared>,
    pause: Duration,
    next_id: u64,
    clock: Arc<AlarmClock>,
}

impl Owner {
    fn new(config: RelayConfig) -> Owner {
        Owner {
            config: Arc::new(config),
            listeners: Vec::new(),
            connections: JoinSet::new(),
            spare: None,
            pause: FIRST_PAUSE,
            next_id: 1,
            clock: Arc::default(),
        }
    }

    async fn run(
        mut self,
        mut ended: oneshot::Receiver<()>,
        mut close: oneshot::Receiver<oneshot::Sender<()>>,
    ) {
        let mut is_closed = false;
        while !is_closed || !self.connections.is_empty() {
            tokio::select! {
                _ = &mut ended => break,
                asked = &mut close, if !is_closed => {
                    // Dropped without a word, the handle is about to end everything.
                    let Ok(done) = asked else { break };
                    is_closed = true;
                    self.listeners.clear();
                    self.spare = None;
                    // The one who asked may be gone.
                    let _ = done.send(());
                }
                accepted = accept(&self.listeners, &mut self.spare, &self.config.upstream) => match accepted {
                    Ok((stream, socket)) => self.connect(stream, socket),
                    Err(error) => self.back_off(&error).await,
                },
                Some(_) = self.connections.join_next() => {}
            }
        }
        self.connections.shutdown().await;
    }

    fn listen(&mut self, listeners: Vec<std::net::TcpListener>) {
        for listener in listeners {
            // A burst of connections that the server's queue would hold must fit into this one as well, and the
            // standard library asks for 128 only. As deep as the system allows (listen(2)); failing leaves it as it is.
            let _ = nix::sys::socket::listen(&listener, Backlog::MAXALLOWABLE);
            // What is accepted has the listener's options. Without this one a small write waits for the peer's delayed
            // acknowledgement, which the relay must not add.
            let _ = setsockopt(&listener, sockopt::TcpNoDelay, &true);
            match listener.set_nonblocking(true).and_then(|()| TcpListener::from_std(listener)) {
                Ok(listener) => self.listeners.push(listener),
                Err(error) => self.failed(format!("cannot listen: {error}")),
            }
        }
    }

    fn connect(&mut self, downstream: TcpStream, socket: Prepared) {
        self.pause = FIRST_PAUSE;
        let id = self.next_id;
        self.next_id += 1;
        let (config, clock) = (self.config.clone(), self.clock.clone());
        self.connections.spawn(relay_one(config, clock, id, downstream, socket));
    }

    /// Waits a little when the machine has no descriptor or memory left. Connections go on and free theirs.
    async fn back_off(&mut self, error: &io::Error) {
        if self.pause == FIRST_PAUSE {
            self.failed(format!("cannot accept: {error}"));
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    fn failed(&self, reason: String) {
        self.config.observe.event(EventKind::ConnectionFailed { target: self.config.name.clone(), reason });
    }
}

/// Waits for a connection on any listener, with a socket to dial the server.
async fn accept(
    listeners: &[TcpListener],
    spare: &mut Option<Prepared>,
    upstream: &Dialer,
) -> io::Result<(TcpStream, Prepared)> {
    poll_fn(|cx| {
        for listener in listeners {
            if spare.is_none() {
                *spare = Some(upstream.prepare()?);
            }
            match listener.poll_accept(cx) {
                Poll::Pending => {}
                // The client gave up between its SYN and our accept (accept(2), ECONNABORTED).
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::ConnectionAborted => {
                    cx.waker().wake_by_ref();
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok((stream, _))) => {
                    if let Some(socket) = spare.take() {
                        return Poll::Ready(Ok((stream, socket)));
                    }
                }
            }
        }
        Poll::Pending
    })
    .await
}

/// The configuration with the observer of this connection.
fn for_route(config: Arc<RelayConfig>, downstream: &TcpStream) -> Arc<RelayConfig> {
    // An error means that the client is gone already.
    let (Ok(from), Ok(to)) = (downstream.peer_addr(), downstream.local_addr()) else { return config };
    match config.observe.on_route(Route::connection(from, to)) {
        Some(observe) => Arc::new(RelayConfig { observe, ..RelayConfig::clone(&config) }),
        None => config,
    }
}

/// Dials the server and relays; a refusal is passed on as a reset, the nearest thing an accepted socket can do.
async fn relay_one(
    config: Arc<RelayConfig>,
    clock: Arc<AlarmClock>,
    id: u64,
    downstream: TcpStream,
    socket: Prepared,
) {
    let config = for_route(config, &downstream);
    let upstream = match socket.connect_for(&downstream).await {
        Ok(upstream) => upstream,
        Err(error) => {
            let reason = format!("cannot connect to {}: {error}", config.upstream.address());
            config.observe.event(EventKind::ConnectionFailed { target: config.name.clone(), reason });
            // Failing to ask for a reset leaves an orderly close, the next best thing.
            let _ = downstream.set_zero_linger();
            return;
        }
    };
    let opened = match &config.prelude {
        None => Opened {
            downstream: Stream::Socket(downstream),
            upstream: Stream::Socket(upstream),
            early: Vec::new(),
        },
        Some(prelude) => {
            // Further connections to the server are made for the same client.
            let own =
                RelayConfig { upstream: config.upstream.on_behalf_of(&downstream), ..(*config).clone() };
            let opening = Opening { config: Arc::new(own), downstream, upstream };
            match prelude.settle(opening).await {
                Ok(opened) => opened,
                Err(reason) => {
                    config.rules.could_not_see(UnreadSubject::Connection, &reason);
                    let target = config.name.clone();
                    return config.observe.event(EventKind::ConnectionFailed { target, reason });
                }
            }
        }
    };
    Connection::new(config, clock, id, opened).run().await;
}
