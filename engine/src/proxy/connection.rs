//! One connection through a relay: both directions, polled as one task.
//!
//! A single owner of both sockets needs no locks, and an answer a rule gives is written by the same hand that writes
//! the server's replies. The halves of the work stand in `requests.rs` and `replies.rs`.

use super::alarm::AlarmClock;
use super::flow::Flow;
use super::hold::Hold;
use super::ledger::Ledger;
use super::prelude::Opened;
use super::relay::RelayConfig;
use super::replies::Answering;
use super::requests::Stage;
use super::session::Session;
use super::stream::Stream;
use crate::event::{EventKind, UnreadSubject};
use crate::model::DropMode;
use crate::rules::Unseen;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWrite;
use tokio::io::AsyncWriteExt;

/// Rounds of one poll before other connections get a turn.
const MAX_ROUNDS: usize = 32;
/// How long a closed connection waits for its client to close too. Closing at once while the client still sends
/// would answer its bytes with a reset, which could overtake the answer (RFC 9112, section 9.6).
const LINGER: Duration = Duration::from_secs(2);

pub(super) struct Connection {
    pub(super) config: Arc<RelayConfig>,
    pub(super) clock: Arc<AlarmClock>,
    pub(super) id: u64,
    pub(super) session: Box<dyn Session>,
    /// From downstream to upstream.
    pub(super) requests: Flow,
    pub(super) stage: Stage,
    pub(super) hold: Hold,
    /// From upstream to downstream.
    pub(super) replies: Flow,
    pub(super) answering: Answering,
    pub(super) ledger: Ledger,
    /// Requests, and later replies, are no longer understood.
    pub(super) opaque: bool,
    /// Keeps that in the evidence of rules for as long as the connection is open.
    unseen: Option<Unseen>,
    /// The server is lost, found while looking ahead.
    is_lost_next: bool,
    /// Set when a rule ends the connection; carried out when everything before it is written.
    pub(super) end: Option<DropMode>,
    downstream: Stream,
    upstream: Stream,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Both sides said all they had, or the server did and reads no more. What the client still sends then meets a
    /// closed socket, as it would without a relay.
    Complete,
    /// In order, by a rule.
    Closed,
    /// By a rule, or because one side vanished: the other learns of it the same way.
    Reset,
}

impl Connection {
    pub(super) fn new(
        config: Arc<RelayConfig>,
        clock: Arc<AlarmClock>,
        id: u64,
        opened: Opened,
    ) -> Connection {
        let session = (config.session)();
        (config.observe).event(EventKind::ConnectionOpened { target: config.name.clone(), connection: id });
        let watches_urgent_data = session.has_urgent_data();
        if watches_urgent_data {
            opened.downstream.keep_urgent_data();
            opened.upstream.keep_urgent_data();
        }
        Connection {
            config,
            clock,
            id,
            session,
            requests: Flow::begun_with(opened.early, watches_urgent_data),
            stage: Stage::Passing,
            hold: Hold::default(),
            replies: Flow::begun_with(Vec::new(), watches_urgent_data),
            answering: Answering::default(),
            ledger: Ledger::default(),
            opaque: false,
            unseen: None,
            is_lost_next: false,
            end: None,
            downstream: opened.downstream,
            upstream: opened.upstream,
        }
    }

    /// Relays until both sides have ended or a rule ends the connection.
    pub(super) async fn run(mut self) {
        let ending = poll_fn(|cx| self.poll(cx)).await;
        match ending {
            Ending::Complete => {}
            Ending::Reset => {
                self.downstream.reset_when_closed();
                self.upstream.reset_when_closed();
            }
            Ending::Closed => self.close_in_order().await,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ending> {
        for _ in 0..MAX_ROUNDS {
            match self.round(cx) {
                Err(_) => return Poll::Ready(Ending::Reset),
                Ok(moved) => {
                    if let Some(ending) = self.ending() {
                        return Poll::Ready(ending);
                    }
                    if !moved && !self.hold_is_over(cx) {
                        return Poll::Pending;
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Does what can be done now in both directions; true when bytes moved. An error means that a peer is gone.
    fn round(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut moved = false;
        if self.end.is_none() {
            moved |= self.requests.poll_read(&mut self.downstream, cx)?;
        }
        self.cut_requests(cx);
        match self.requests.poll_write(&mut self.upstream, cx) {
            Ok(wrote) => moved |= wrote,
            // The server reads no more, but it may have answered already.
            Err(_) => self.requests.broken = true,
        }
        if std::mem::take(&mut self.is_lost_next) {
            self.answering.lost = true;
            moved = true;
        }
        if self.end.is_none() && !self.answering.lost {
            match self.replies.poll_read(&mut self.upstream, cx) {
                Ok(read) => moved |= read,
                Err(_) => self.answering.lost = true,
            }
            self.look_for_end(cx);
        }
        self.cut_replies(cx);
        self.replies.end_follows = self.end.is_none() && !self.answering.is_silent && !self.answering.lost;
        moved |= self.replies.poll_write(&mut self.downstream, cx)?;
        moved |= self.pass_ends(cx)?;
        Ok(moved)
    }

    /// A server that closes after a reply has mostly done so by now: then the last bytes and the end go as one.
    fn look_for_end(&mut self, cx: &mut Context<'_>) {
        let is_short = !self.replies.bulk && !self.replies.is_empty() && !self.replies.read_ended;
        if is_short && self.end.is_none() && !self.answering.lost {
            // What came before the loss is looked at as if there were none yet.
            self.is_lost_next = self.replies.poll_read(&mut self.upstream, cx).is_err();
        }
    }

    /// Passes the end of each direction on once everything before it is written.
    fn pass_ends(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        if self.answering.is_silent {
            return Ok(false);
        }
        let mut moved = false;
        let asked_all = self.requests.read_ended && self.requests.is_empty();
        // Once all replies are out, closing says the same.
        let close_says_it = self.replies.write_ended && matches!(self.upstream, Stream::Socket(_));
        if asked_all && !self.requests.write_ended && self.stage.may_end() && close_says_it {
            self.requests.write_ended = true;
            moved = true;
        }
        if asked_all
            && !self.requests.write_ended
            && self.stage.may_end()
            && let Poll::Ready(outcome) = shut(&mut self.upstream, cx)
        {
            self.requests.write_ended = true;
            moved |= outcome.is_ok();
        }
        let answered_all = self.replies.read_ended && self.replies.is_empty();
        if answered_all
            && !self.replies.write_ended
            && self.end.is_none()
            && let Poll::Ready(outcome) = shut(&mut self.downstream, cx)
        {
            self.replies.write_ended = true;
            outcome?;
            moved = true;
        }
        Ok(moved)
    }

    fn ending(&self) -> Option<Ending> {
        if !self.replies.is_flushed() {
            return None;
        }
        if self.answering.is_silent {
            return self.requests.read_ended.then_some(Ending::Complete);
        }
        match self.end {
            Some(DropMode::Reset) => return Some(Ending::Reset),
            Some(DropMode::Fin | DropMode::Silent) => return Some(Ending::Closed),
            None => {}
        }
        if self.answering.lost {
            return Some(Ending::Reset);
        }
        let asked_all = self.requests.write_ended || self.requests.broken;
        (asked_all && self.replies.write_ended).then_some(Ending::Complete)
    }

    /// Closes towards the client, then reads what it still sends until it closes too or [`LINGER`] is over.
    async fn close_in_order(&mut self) {
        if self.downstream.shutdown().await.is_err() {
            return;
        }
        let drain = async {
            let mut rest = [0; 4096];
            while matches!(self.downstream.read(&mut rest).await, Ok(count) if count > 0) {}
        };
        // Over either way: a client that neither closes nor stops sending is cut off.
        let _ = tokio::time::timeout(LINGER, drain).await;
    }

    /// Forwards as it is from now on, because `reason`.
    pub(super) fn go_opaque(&mut self, subject: UnreadSubject, reason: &str) {
        if self.opaque {
            return;
        }
        self.opaque = true;
        self.unseen = Some(self.config.rules.cannot_see(subject, reason));
        self.tell(EventKind::ConnectionOpaque {
            target: self.config.name.clone(),
            connection: self.id,
            reason: reason.to_owned(),
        });
        self.leave_unit();
    }

    pub(super) fn tell(&self, event: EventKind) {
        self.config.observe.event(event);
    }
}

impl Drop for Connection {
    /// Also when the relay is stopped, so that every opened connection is closed in the log.
    fn drop(&mut self) {
        self.ledger.clear("the connection ended before its reply did");
        self.tell(EventKind::ConnectionClosed {
            target: self.config.name.clone(),
            connection: self.id,
            to_server: self.requests.forwarded,
            to_client: self.replies.forwarded,
        });
    }
}

/// Sends a FIN. A socket never has to wait for that; TLS says goodbye before it, which may.
fn shut(stream: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
    AsyncWrite::poll_shutdown(Pin::new(stream), cx)
}
