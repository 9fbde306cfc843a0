//! The server's direction: cut replies, put the rules' answers between them, and act on the replies a rule named.

use super::action::Admitted;
use super::connection::Connection;
use super::ledger::Slot;
use super::requests::{MAX_HEAD, Stage};
use super::session::{Cut, Direction, UnitKind};
use crate::model::DropMode;
use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Instant;
use tokio::time::Sleep;

/// Where the server's direction stands.
#[derive(Default)]
pub(super) struct Answering {
    /// The unit that has begun and not ended.
    unit: Option<UnitKind>,
    /// The bytes kept back are the last of their unit.
    ends: bool,
    /// When more of the bytes kept back may go.
    timer: Option<Pin<Box<Sleep>>>,
    /// The server's side broke; what came before still goes out.
    pub(super) lost: bool,
}

impl Connection {
    /// Understands and releases what it can of what the server sent.
    pub(super) fn cut_replies(&mut self, cx: &mut Context<'_>) {
        while self.end.is_none() {
            if !self.let_go(cx) {
                return;
            }
            self.write_due_answers();
            let ended = self.replies.read_ended || self.answering.lost;
            if self.opaque && self.ledger.is_empty() {
                self.replies.skip_understanding();
                return;
            }
            if self.end.is_some() {
                return;
            }
            if self.replies.unread().is_empty() {
                return self.settle_unanswered(ended);
            }
            match self.session.cut(Direction::ToClient, self.replies.unread(), ended) {
                Cut::More => return self.pass_on_part(ended),
                Cut::Unit { head, kind, ends } => self.begin_reply(head, kind, ends),
                Cut::Body { len, ends } => {
                    self.replies.understand(len);
                    self.answering.ends = ends;
                }
                Cut::Opaque(reason) => {
                    self.go_opaque(reason);
                    self.ledger.clear();
                }
            }
        }
    }

    /// Lets go what the fault on this reply, if any, allows; true when nothing is kept back.
    fn let_go(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(unit) = self.answering.unit else { return true };
        if let Some(timer) = &mut self.answering.timer {
            if timer.as_mut().poll(cx).is_pending() {
                return false;
            }
            self.answering.timer = None;
        }
        let is_reply = matches!(unit, UnitKind::Reply { .. });
        if is_reply && self.ledger.swallows() {
            self.replies.discard();
        } else if let Some(effect) = self.ledger.effect().filter(|_| is_reply && self.replies.kept() > 0) {
            let admitted = effect.admit(self.replies.kept(), Instant::now());
            self.apply(&admitted);
        } else {
            self.replies.release();
        }
        if self.end.is_some() {
            return false;
        }
        if let Some(timer) = &mut self.answering.timer {
            // Polled once so that it wakes this task; one that is due already comes back here.
            if timer.as_mut().poll(cx).is_ready() {
                self.answering.timer = None;
                return self.let_go(cx);
            }
            return false;
        }
        if self.answering.ends {
            self.end_reply(unit);
        }
        true
    }

    fn apply(&mut self, admitted: &Admitted) {
        if let Some(offset) = admitted.invert {
            self.replies.invert_kept(offset);
        }
        self.replies.release_some(admitted.bytes);
        if admitted.end {
            self.end = Some(DropMode::Fin);
        }
        let sleep_until = |again| Box::pin(tokio::time::sleep_until(tokio::time::Instant::from_std(again)));
        self.answering.timer = admitted.again.map(sleep_until);
    }

    fn end_reply(&mut self, unit: UnitKind) {
        self.answering.unit = None;
        self.answering.ends = false;
        match unit {
            UnitKind::Reply { last: true } => self.ledger.reply_ended(),
            UnitKind::Settle { requests } => self.ledger.settle(requests),
            UnitKind::Reply { last: false }
            | UnitKind::Push
            | UnitKind::Request { .. }
            | UnitKind::Control => {}
        }
    }

    /// Writes the answers rules gave, as far as their turn has come.
    fn write_due_answers(&mut self) {
        if self.answering.unit.is_some() || self.replies.is_ahead() {
            return;
        }
        while let Some(slot) = self.ledger.take_due() {
            match slot {
                Slot::Answer { bytes, close } => {
                    self.replies.insert(&bytes);
                    if close {
                        self.end = Some(DropMode::Fin);
                        return;
                    }
                }
                Slot::End(mode) => {
                    self.end = Some(mode);
                    return;
                }
                Slot::Await { .. } | Slot::Swallow { .. } => {}
            }
        }
    }

    /// When the server has said its last, what it still owed never comes, and an answer behind that would be taken
    /// for it.
    fn settle_unanswered(&mut self, ended: bool) {
        if !ended {
            return;
        }
        self.ledger.clear();
        if matches!(self.stage, Stage::Ended) {
            self.end = Some(DropMode::Fin);
        }
    }

    /// Part of a reply's head is there. It goes out at once, unless it is to be swallowed or changed.
    fn pass_on_part(&mut self, ended: bool) {
        if ended {
            self.replies.skip_understanding();
        } else if self.replies.unread().len() >= MAX_HEAD {
            self.go_opaque("the head of a reply is longer than 64 KiB");
            self.ledger.clear();
            self.replies.skip_understanding();
        } else if !self.ledger.swallows() && self.ledger.effect().is_none() {
            self.replies.release_all();
        }
    }

    fn begin_reply(&mut self, head: usize, kind: UnitKind, ends: bool) {
        self.replies.understand(head);
        self.answering.unit = Some(kind);
        self.answering.ends = ends;
        if self.session.counts_head() || self.ledger.swallows() {
            return;
        }
        self.replies.release();
        // An answer that is to end behind no byte of its body ends here.
        if kind == (UnitKind::Reply { last: true })
            && let Some(effect) = self.ledger.effect()
            && effect.admit(0, Instant::now()).end
        {
            self.end = Some(DropMode::Fin);
        }
    }
}
