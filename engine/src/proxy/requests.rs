//! The client's direction: cut requests, ask the rules, and carry out what they decide.

use super::action::Effect;
use super::alarm::Alarm;
use super::connection::Connection;
use super::due::Due;
use super::ledger::Slot;
use super::session::{Cut, Direction, Fault, Injection, UnitKind};
use crate::event::UnreadSubject;
use crate::model::{Action, DropMode};
use crate::rules::Decision;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;
use std::time::Instant;

/// Longest head of a unit; a longer one is not understood.
pub(super) const MAX_HEAD: usize = 64 * 1024;
/// The field for which a unit's body is kept back.
pub(super) const BODY: &str = "body";

/// Where the client's direction stands.
pub(super) enum Stage {
    /// Between units, or within one that passes.
    Passing,
    /// A unit is kept back until enough of its body is there for a rule.
    Gathering(Asked),
    /// A unit is kept back by a delay.
    Waiting { timer: Box<Alarm>, asked: Asked, terminal: Option<Due> },
    /// The rest of the unit is thrown away.
    Discarding,
    /// All the client still sends is thrown away, and the connection stays open until it closes.
    Silenced,
    /// Nothing more is read from the client.
    Ended,
}

/// A request unit that is kept back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    replies: u32,
    pub(super) head: usize,
    /// All of it is there.
    pub(super) ends: bool,
    arrived: Instant,
    /// How much of its body rules have looked at.
    pub(super) looked_at: usize,
}

impl Stage {
    /// True when the end of the client's bytes is for the server to know.
    pub(super) fn may_end(&self) -> bool {
        match self {
            Stage::Passing | Stage::Discarding | Stage::Silenced => true,
            Stage::Gathering(_) | Stage::Waiting { .. } | Stage::Ended => false,
        }
    }
}

impl Connection {
    /// Understands and releases what it can of what the client sent.
    pub(super) fn cut_requests(&mut self, cx: &mut Context<'_>) {
        self.hold.since = None;
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
            if self.requests.unread().is_empty() {
                return self.hold_gathered();
            }
            if self.ledger.is_full() || self.replies.is_clogged() {
                return;
            }
            match self.session.cut(Direction::ToServer, self.requests.unread(), ended) {
                Cut::More if self.opaque_by_length() => {}
                Cut::More => return self.keep_or_pass_on(ended),
                Cut::Unit { head, kind, ends } => self.begin_request(head, kind, ends),
                Cut::Body { len, ends } => self.continue_request(len, ends),
                Cut::Left(reason) => self.go_opaque(UnreadSubject::Upgrade, reason),
                Cut::Opaque(reason) => self.go_opaque(UnreadSubject::Connection, reason),
            }
        }
    }

    /// True when the stage lets more be cut; a delay that is over is carried out first.
    fn stage_allows(&mut self, cx: &mut Context<'_>) -> bool {
        match &mut self.stage {
            Stage::Passing | Stage::Gathering(_) | Stage::Discarding => true,
            Stage::Silenced | Stage::Ended => {
                self.requests.discard_rest();
                false
            }
            Stage::Waiting { timer, .. } => {
                if Pin::new(timer.as_mut()).poll(cx).is_pending() {
                    return false;
                }
                if let Stage::Waiting { asked, terminal, .. } =
                    std::mem::replace(&mut self.stage, Stage::Passing)
                {
                    self.carry_out(asked, terminal);
                }
                !matches!(self.stage, Stage::Silenced | Stage::Ended)
            }
        }
    }

    /// True when more is there than a unit's head may have, and the connection is not understood because of that.
    fn opaque_by_length(&mut self) -> bool {
        let is_long = self.requests.unread().len() >= MAX_HEAD;
        if is_long {
            self.go_opaque(UnreadSubject::Connection, "the head of a request is longer than 64 KiB");
        }
        is_long
    }

    /// Part of a head is there. It goes out at once unless a rule could want to act on it.
    fn keep_or_pass_on(&mut self, ended: bool) {
        match self.stage {
            Stage::Discarding if ended => self.requests.discard_rest(),
            Stage::Passing if ended => self.requests.skip_understanding(),
            Stage::Passing if self.requests.is_ahead() || self.config.rules.is_empty() => {
                self.requests.release_all();
            }
            Stage::Passing => self.hold.since = Some(self.requests.arrival()),
            Stage::Gathering(_) => self.hold_gathered(),
            Stage::Discarding | Stage::Waiting { .. } | Stage::Silenced | Stage::Ended => {}
        }
    }

    fn hold_gathered(&mut self) {
        if let Stage::Gathering(asked) = self.stage {
            self.hold.since = Some(asked.arrived);
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
        let asked = Asked { replies, head, ends, arrived, looked_at: 0 };
        if passes {
            return self.pass(asked, None);
        }
        if !ends && self.waits_for_body() {
            if let Some(invitation) = self.session.invite_body() {
                self.ledger.push(Slot::Answer { bytes: invitation.to_vec(), close: false, due: None });
            }
            self.stage = Stage::Gathering(asked);
            return;
        }
        self.decide(asked);
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
                let asked = *asked;
                self.gather(asked, ends);
            }
            Stage::Waiting { .. } | Stage::Silenced | Stage::Ended => {}
        }
    }

    /// Asks the rules about the unit kept back.
    pub(super) fn decide(&mut self, asked: Asked) {
        let mut decision = Decision::default();
        let mut operation = String::new();
        self.session.inspect(self.requests.kept_bytes(), &mut |seen| {
            decision = self.config.rules.decide(seen);
            if !decision.is_pass() {
                operation = seen.describe();
            }
            if let Some(missing) = self.session.missing(self.requests.kept_bytes()) {
                self.config.rules.lacked(missing.field, seen, missing.reason);
            }
        });
        if decision.is_pass() {
            return self.pass(asked, None);
        }
        let operation: Arc<str> = operation.into();
        let due = |active| Due::new(&self.config.observe, active, &operation);
        for active in &decision.delays {
            match active.rule.action {
                Action::Delay(time) if time.is_zero() => {
                    due(active).had_no_effect("a delay of 0 holds nothing back");
                }
                _ => due(active).acted(),
            }
        }
        let terminal = decision.terminal.as_ref().map(due);
        if decision.delay.is_zero() {
            return self.carry_out(asked, terminal);
        }
        let timer = Box::new(self.clock.at(asked.arrived + decision.delay));
        self.stage = Stage::Waiting { timer, asked, terminal };
    }

    /// Does to the unit kept back what the terminal rule says.
    fn carry_out(&mut self, asked: Asked, terminal: Option<Due>) {
        let Some(mut due) = terminal else { return self.pass(asked, None) };
        if self.opaque {
            due.had_no_effect("the connection was no longer understood when its delay was over");
            return self.pass(asked, None);
        }
        match *due.action() {
            Action::Respond(_) | Action::Error(_) => self.answer(asked, due),
            Action::Drop(mode) => self.drop_unit(asked, mode, due),
            Action::Truncate { .. } | Action::Throttle { .. } | Action::Corrupt { .. } => {
                self.affect_reply(asked, due);
            }
            Action::Duplicate => self.duplicate(asked, due),
            Action::Deny(_) | Action::Allow | Action::Delay(_) | Action::Reorder => {
                due.had_no_effect("it changes nothing on a connection");
                self.pass(asked, None);
            }
        }
    }

    fn pass(&mut self, asked: Asked, effect: Option<Box<Effect>>) {
        self.requests.release();
        if asked.replies > 0 && !self.answering.is_opaque {
            self.ledger.push(Slot::Await { replies: asked.replies, effect });
        }
        self.stage = Stage::Passing;
    }

    fn affect_reply(&mut self, asked: Asked, mut due: Due) {
        if asked.replies == 0 {
            due.had_no_effect("the server does not reply to it");
            return self.pass(asked, None);
        }
        self.pass(asked, Effect::of(due).ok());
    }

    fn answer(&mut self, asked: Asked, mut due: Due) {
        let mut injection = Injection::default();
        let Some(fault) = Fault::of(due.action()) else { return self.pass(asked, None) };
        if let Err(unsupported) = self.session.inject(&fault, &mut injection) {
            due.had_no_effect(&unsupported.to_string());
            return self.pass(asked, None);
        }
        self.take_out(asked);
        self.requests.insert(&injection.to_server);
        let mut due = Some(due);
        if injection.swallow_replies > 0 {
            self.ledger.push(Slot::Swallow { replies: injection.swallow_replies });
        } else if let Some(mut due) = due.take() {
            due.acted();
        }
        self.ledger.push(Slot::Answer { bytes: injection.to_client, close: injection.close, due });
        if injection.close {
            self.stage = Stage::Ended;
        }
    }

    /// The server gets neither the unit nor anything that the client sends behind it: a server that has not answered one
    /// request answers and does none behind it.
    fn drop_unit(&mut self, asked: Asked, mode: DropMode, mut due: Due) {
        self.session.vanish();
        self.take_out(asked);
        match mode {
            DropMode::Silent => {
                self.ledger.push(Slot::Silence);
                self.stage = Stage::Silenced;
            }
            DropMode::Fin | DropMode::Reset => {
                self.ledger.push(Slot::End(mode));
                self.stage = Stage::Ended;
            }
        }
        due.acted();
    }

    /// Takes the unit out of the stream, with what is still to come of it.
    fn take_out(&mut self, asked: Asked) {
        self.requests.discard();
        self.stage = if asked.ends { Stage::Passing } else { Stage::Discarding };
    }

    /// Sends a whole unit twice; the answers to its second copy are swallowed. A unit too large to be kept whole
    /// goes once.
    fn duplicate(&mut self, asked: Asked, mut due: Due) {
        if !asked.ends {
            due.had_no_effect("it was too large to be kept whole, and went once");
            return self.pass(asked, None);
        }
        let copy = self.requests.kept_bytes().to_vec();
        self.pass(asked, None);
        self.session.repeat();
        self.requests.insert(&copy);
        if asked.replies > 0 {
            self.ledger.push(Slot::Swallow { replies: asked.replies });
        }
        due.acted();
    }

    /// Nothing the client sends is understood from here on: what was begun ends with what is there of it.
    pub(super) fn leave_unit(&mut self) {
        match self.stage {
            // What belongs to a request that a rule answered must not reach the server as a request of its own.
            Stage::Discarding => {
                self.ledger.push(Slot::End(DropMode::Fin));
                self.stage = Stage::Ended;
            }
            Stage::Gathering(asked) => self.pass(asked, None),
            Stage::Passing | Stage::Waiting { .. } | Stage::Silenced | Stage::Ended => {}
        }
    }
}
