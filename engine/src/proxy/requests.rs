//! The client's direction: cut requests, ask the rules, and carry out what they decide.

use super::action::Effect;
use super::alarm::Alarm;
use super::connection::Connection;
use super::ledger::Slot;
use super::session::{Cut, Direction, Fault, Injection, UnitKind};
use crate::event::EventKind;
use crate::model::{Action, DropMode};
use crate::rules::{ActiveRule, Decision};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Instant;

/// Longest head of a unit; a longer one is not understood.
pub(super) const MAX_HEAD: usize = 64 * 1024;
/// How much of a body a rule may look at.
const MAX_BODY: usize = 64 * 1024;
/// The field for which a unit's body is kept back.
const BODY: &str = "body";

/// Where the client's direction stands.
pub(super) enum Stage {
    /// Between units, or within one that passes.
    Passing,
    /// A unit is kept back until enough of its body is there for a rule.
    Gathering(Asked),
    /// A unit is kept back by a delay.
    Waiting { timer: Box<Alarm>, asked: Asked, terminal: Option<Arc<ActiveRule>>, operation: String },
    /// The rest of the unit is thrown away.
    Discarding,
    /// Nothing more is read from the client.
    Ended,
}

/// A request unit that is kept back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    replies: u32,
    head: usize,
    /// All of it is there.
    ends: bool,
    arrived: Instant,
}

impl Stage {
    /// True when the end of the client's bytes is for the server to know.
    pub(super) fn may_end(&self) -> bool {
        match self {
            Stage::Passing | Stage::Discarding => true,
            Stage::Gathering(_) | Stage::Waiting { .. } | Stage::Ended => false,
        }
    }
}

impl Connection {
    /// Understands and releases what it can of what the client sent.
    pub(super) fn cut_requests(&mut self, cx: &mut Context<'_>) {
        loop {
            if !self.stage_allows(cx) {
                return;
            }
            if self.opaque {
                self.requests.skip_understanding();
                return;
            }
            let ended = self.requests.read_ended;
            if let Stage::Gathering(asked) = self.stage
                && ended
                && self.requests.unread().is_empty()
            {
                self.decide(asked);
                continue;
            }
            if self.requests.unread().is_empty() || self.ledger.is_full() || self.replies.is_clogged() {
                return;
            }
            match self.session.cut(Direction::ToServer, self.requests.unread(), ended) {
                Cut::More => return self.keep_or_pass_on(ended),
                Cut::Unit { head, kind, ends } => self.begin_request(head, kind, ends),
                Cut::Body { len, ends } => self.continue_request(len, ends),
                Cut::Opaque(reason) => self.leave_protocol(reason),
            }
        }
    }

    /// True when the stage lets more be cut; a delay that is over is carried out first.
    fn stage_allows(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.stage {
            Stage::Passing | Stage::Gathering(_) | Stage::Discarding => true,
            Stage::Ended => {
                self.requests.discard_rest();
                false
            }
            Stage::Waiting { timer, .. } => {
                if Pin::new(timer.as_mut()).poll(cx).is_pending() {
                    return false;
                }
                if let Stage::Waiting { asked, terminal, operation, .. } =
                    std::mem::replace(&mut self.stage, Stage::Passing)
                {
                    self.carry_out(asked, terminal, &operation);
                }
                !matches!(self.stage, Stage::Ended)
            }
        }
    }

    /// Part of a head is there. It goes out at once unless a rule could want to act on it.
    fn keep_or_pass_on(&mut self, ended: bool) {
        let unread = self.requests.unread().len();
        if ended {
            self.requests.skip_understanding();
        } else if unread >= MAX_HEAD {
            self.go_opaque("the head of a request is longer than 64 KiB");
            self.requests.skip_understanding();
        } else if self.requests.is_ahead() || self.config.rules.is_empty() {
            self.requests.release_all();
        }
    }

    fn begin_request(&mut self, head: usize, kind: UnitKind, ends: bool) {
        let passes = self.requests.is_ahead() || self.config.rules.is_empty();
        let arrived = self.requests.arrival();
        self.requests.understand(head);
        let UnitKind::Request { replies } = kind else {
            self.requests.release();
            return;
        };
        let asked = Asked { replies, head, ends, arrived };
        if passes {
            return self.pass(asked, None);
        }
        if !ends && self.wants_body() {
            if let Some(invitation) = self.session.invite_body() {
                self.ledger.push(Slot::Answer { bytes: invitation.to_vec(), close: false });
            }
            self.stage = Stage::Gathering(asked);
            return;
        }
        self.decide(asked);
    }

    fn wants_body(&self) -> bool {
        let mut wanted = false;
        if self.config.rules.names_field(BODY) {
            self.session.inspect(self.requests.kept_bytes(), &mut |operation| {
                wanted = self.config.rules.asks_for(BODY, operation);
            });
        }
        wanted
    }

    fn continue_request(&mut self, len: usize, ends: bool) {
        self.requests.understand(len);
        match &mut self.stage {
            Stage::Passing => self.requests.release(),
            Stage::Discarding => {
                self.requests.discard();
                if ends {
                    self.stage = Stage::Passing;
                }
            }
            Stage::Gathering(asked) => {
                asked.ends = ends;
                let asked = *asked;
                if ends || self.requests.kept() >= asked.head + MAX_BODY {
                    self.decide(asked);
                }
            }
            Stage::Waiting { .. } | Stage::Ended => {}
        }
    }

    /// Asks the rules about the unit kept back.
    fn decide(&mut self, asked: Asked) {
        let mut decision = Decision::default();
        let mut operation = String::new();
        self.session.inspect(self.requests.kept_bytes(), &mut |seen| {
            decision = self.config.rules.decide(seen);
            if !decision.is_pass() {
                operation = seen.describe();
            }
        });
        if decision.is_pass() {
            return self.pass(asked, None);
        }
        for active in &decision.delays {
            self.tell_fired(active, &operation);
        }
        if decision.delay.is_zero() {
            return self.carry_out(asked, decision.terminal, &operation);
        }
        let timer = Box::new(self.clock.at(asked.arrived + decision.delay));
        self.stage = Stage::Waiting { timer, asked, terminal: decision.terminal, operation };
    }

    /// Does to the unit kept back what the terminal rule says.
    fn carry_out(&mut self, asked: Asked, terminal: Option<Arc<ActiveRule>>, operation: &str) {
        let Some(active) = terminal else { return self.pass(asked, None) };
        match &active.rule.action {
            Action::Respond(_) | Action::Error(_) => return self.answer(asked, &active, operation),
            Action::Drop(mode) => self.drop_unit(asked, *mode),
            Action::Truncate { .. } | Action::Throttle { .. } | Action::Corrupt { .. } => {
                self.pass(asked, Effect::of(&active.rule.action));
            }
            Action::Duplicate => self.duplicate(asked),
            Action::Deny(_) | Action::Allow | Action::Delay(_) | Action::Reorder => self.pass(asked, None),
        }
        self.tell_fired(&active, operation);
    }

    fn pass(&mut self, asked: Asked, effect: Option<Box<Effect>>) {
        self.requests.release();
        if asked.replies > 0 {
            self.ledger.push(Slot::Await { replies: asked.replies, effect });
        }
        self.stage = Stage::Passing;
    }

    fn answer(&mut self, asked: Asked, active: &Arc<ActiveRule>, operation: &str) {
        let mut injection = Injection::default();
        let Some(fault) = Fault::of(&active.rule.action) else { return self.pass(asked, None) };
        if let Err(unsupported) = self.session.inject(&fault, &mut injection) {
            let text = format!("{}: {operation}: {unsupported}; it passed", active.rule.name);
            self.tell(EventKind::Notice { text });
            active.was_not_carried_out(operation, &unsupported.to_string());
            return self.pass(asked, None);
        }
        self.take_out(asked);
        self.requests.insert(&injection.to_server);
        if injection.swallow_replies > 0 {
            self.ledger.push(Slot::Swallow { replies: injection.swallow_replies });
        }
        self.ledger.push(Slot::Answer { bytes: injection.to_client, close: injection.close });
        if injection.close {
            self.stage = Stage::Ended;
        }
        self.tell_fired(active, operation);
    }

    fn drop_unit(&mut self, asked: Asked, mode: DropMode) {
        self.session.vanish();
        self.take_out(asked);
        match mode {
            DropMode::Silent => {}
            DropMode::Fin | DropMode::Reset => {
                self.ledger.push(Slot::End(mode));
                self.stage = Stage::Ended;
            }
        }
    }

    /// Takes the unit out of the stream, with what is still to come of it.
    fn take_out(&mut self, asked: Asked) {
        self.requests.discard();
        self.stage = if asked.ends { Stage::Passing } else { Stage::Discarding };
    }

    /// Sends a whole unit twice; the answers to its second copy are swallowed. A unit too large to be kept whole
    /// goes once.
    fn duplicate(&mut self, asked: Asked) {
        let copy = if asked.ends { self.requests.kept_bytes().to_vec() } else { Vec::new() };
        self.pass(asked, None);
        if copy.is_empty() {
            return;
        }
        self.session.repeat();
        self.requests.insert(&copy);
        if asked.replies > 0 {
            self.ledger.push(Slot::Swallow { replies: asked.replies });
        }
    }

    /// The client speaks something else from here on.
    fn leave_protocol(&mut self, reason: &'static str) {
        self.go_opaque(reason);
        match self.stage {
            // What belongs to a request that a rule answered must not reach the server as a request of its own.
            Stage::Discarding => {
                self.ledger.push(Slot::End(DropMode::Fin));
                self.stage = Stage::Ended;
            }
            Stage::Gathering(asked) => self.pass(asked, None),
            Stage::Passing | Stage::Waiting { .. } | Stage::Ended => {}
        }
    }
}
