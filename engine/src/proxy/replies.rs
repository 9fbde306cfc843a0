//! The server's direction: cut replies, put the rules' answers between them, and act on the replies a rule named.

use super::action::Admitted;
use super::connection::Connection;
use super::ledger::Slot;
use super::requests::{MAX_HEAD, Stage};
use super::session::{Cut, Direction, UnitKind};
use crate::event::UnreadSubject;
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
    /// What the server says is no longer understood.
    pub(super) is_opaque: bool,
    /// A rule ended all replies: what the server still says, its end included, is thrown away.
    pub(super) is_silent: bool,
}

impl Connection {
    /// Understands and releases what it can of what the server sent.
    pub(super) fn cut_replies(&mut self, cx: &mut Context<'_>) {
        while self.end.is_none() {
            if self.answering.is_silent {
                self.replies.discard_rest();
                return;
            }
            if !self.let_go(cx) {
                return;
            }
            self.write_due_answers();
            if self.answering.is_silent {
                continue;
            }
            let ended = self.replies.read_ended || self.answering.lost;
            if self.answering.is_opaque || (self.opaque && self.ledger.is_empty()) {
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
                Cut::More => return self.pass_on_part(ended, cx),
                Cut::Unit { head, kind, ends } => {
                    self.replies.understand(head);
                    self.answering.unit = Some(kind);
                    self.answering.ends = ends;
                }
                Cut::Body { len, ends } => {
                    self.replies.understand(len);
                    self.answering.ends = ends;
                }
                Cut::Left(reason) => self.stop_understanding(UnreadSubject::Upgrade, reason),
                Cut::Opaque(reason) => self.stop_understanding(UnreadSubject::Connection, reason),
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
        let last = match unit {
            UnitKind::Reply { last } => Some(last),
            UnitKind::Settle { .. } | UnitKind::Push | UnitKind::Request { .. } | UnitKind::Control => None,
        };
        if last.is_some() && self.ledger.swallows() {
            self.replies.discard();
        } else if let Some(last) = last
            && let Some(effect) = self.ledger.effect().filter(|_| self.replies.kept() > 0)
        {
            let mut portion = self.session.portion();
            portion.more &= !(last && self.answering.ends);
            let admitted = effect.admit(self.replies.kept(), portion, Instant::now());
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
            UnitKind::Reply { last: true } => {
                let empty = self.session.portion().empty;
                self.ledger.reply_ended(empty);
            }
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
                Slot::Answer { bytes, close, due } => {
                    if let Some(mut due) = due {
                        due.acted();
                    }
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
                Slot::Silence => {
                    self.answering.is_silent = true;
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
        self.ledger.clear("the server closed the connection before its reply ended");
        if matches!(self.stage, Stage::Ended) {
            self.end = Some(DropMode::Fin);
        }
    }

    /// Part of a reply's head is there. It goes out at once, unless it is to be swallowed or changed.
    fn pass_on_part(&mut self, ended: bool, cx: &mut Context<'_>) {
        if ended {
            self.replies.skip_understanding();
        } else if self.replies.unread().len() >= MAX_HEAD {
            let reason = "the head of a reply is longer than 64 KiB";
            self.stop_understanding(UnreadSubject::Connection, reason);
            self.cut_replies(cx);
        } else if !self.ledger.swallows() && self.ledger.effect().is_none() {
            self.replies.release_all();
        }
    }

    /// The server speaks something else from here on.
    fn stop_understanding(&mut self, subject: UnreadSubject, reason: &str) {
        self.answering.unit = None;
        self.answering.ends = false;
        self.answering.is_opaque = true;
        self.ledger.clear(&format!("its reply was not understood: {reason}"));
        self.go_opaque(subject, reason);
    }
}
