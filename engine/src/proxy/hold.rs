//! How long part of a request is kept back: for as long as its client goes on sending it.
//!
//! A client that has stopped may be waiting for an answer to what it sent, as interactive streams do and protocols
//! that are not the interface's, so keeping more back than a moment would hang it for good.

use super::connection::Connection;
use super::requests::{Asked, BODY, Stage};
use super::session::MAX_BODY;
use crate::event::UnreadSubject;
use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::{Duration, Instant};
use tokio::time::Sleep;

/// How long a client may stay silent within a unit that is kept back.
const QUIET: Duration = Duration::from_secs(1);
const IS_QUIET: &str = "the client sent no more of it for 1s";
/// How long a unit is kept back at most.
const LONGEST: Duration = Duration::from_secs(10);
const IS_LONG: &str = "it was still arriving after 10s";
const IS_LARGE: &str = "its body is longer than 64 KiB";
/// A body up to this size is looked at again with each of its pieces, a larger one whenever it has doubled.
const SMALL: usize = 4 * 1024;

/// Whether part of a unit is kept back, and until when.
#[derive(Default)]
pub(super) struct Hold {
    /// When the unit that is kept back began to arrive.
    pub(super) since: Option<Instant>,
    /// Made when first needed, and used again.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Connection {
    /// True when something was kept back long enough and goes on now. Called when there is nothing else to do, so that
    /// units that come in one go cost no timer.
    pub(super) fn hold_is_over(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(since) = self.hold.since else { return false };
        let (quiet, longest) = (self.requests.last_read() + QUIET, since + LONGEST);
        let at = tokio::time::Instant::from_std(quiet.min(longest));
        let timer = self.hold.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        if timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.hold.since = None;
        let reason = if longest < quiet { IS_LONG } else { IS_QUIET };
        match self.stage {
            Stage::Gathering(asked) => self.decide_on_part(asked, reason),
            Stage::Passing | Stage::Waiting { .. } | Stage::Discarding | Stage::Silenced | Stage::Ended => {
                self.config.rules.could_not_see(UnreadSubject::Request, reason);
                self.requests.release_all();
            }
        }
        true
    }

    /// Takes more of a unit whose body a rule waits for.
    pub(super) fn gather(&mut self, mut asked: Asked, ends: bool) {
        asked.ends = ends;
        let size = self.requests.kept() - asked.head.min(self.requests.kept());
        if size >= MAX_BODY {
            return self.decide_on_part(asked, IS_LARGE);
        }
        if ends {
            return self.decide(asked);
        }
        if size < SMALL || size >= asked.looked_at * 2 {
            asked.looked_at = size;
            if !self.waits_for_body() {
                return self.decide(asked);
            }
        }
        self.stage = Stage::Gathering(asked);
    }

    /// Whether more of the body of the unit that is kept back could decide what a rule does to it.
    pub(super) fn waits_for_body(&self) -> bool {
        let rules = &self.config.rules;
        let mut waits = false;
        if rules.names_field(BODY) {
            self.session.inspect(self.requests.kept_bytes(), &mut |operation| {
                waits = rules.waits_for(BODY, operation);
            });
        }
        waits
    }

    fn decide_on_part(&mut self, asked: Asked, reason: &str) {
        let rules = &self.config.rules;
        self.session.inspect(self.requests.kept_bytes(), &mut |operation| {
            // Framing may make a whole body look too large.
            let is_whole = asked.ends && operation.field(BODY).is_none_or(|body| body.len() < MAX_BODY);
            if !is_whole {
                rules.could_not_read(BODY, operation, reason);
            }
        });
        self.decide(asked);
    }
}
