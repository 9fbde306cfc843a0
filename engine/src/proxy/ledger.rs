//! Which answers are owed to the client, in order.
//!
//! An injected answer waits in its slot until every earlier reply has gone out, so pipelined requests are answered
//! in the order they were asked.

use super::action::Effect;
use super::due::Due;
use crate::model::DropMode;
use std::collections::VecDeque;

/// Requests in flight on one connection beyond which no more are read; a client that pipelines more waits.
const MAX_SLOTS: usize = 16 * 1024;

/// What is owed for one request.
pub(super) enum Slot {
    /// The server answers with this many final replies.
    Await { replies: u32, effect: Option<Box<Effect>> },
    /// The server answers with this many final replies that nobody asked for.
    Swallow { replies: u32 },
    /// This answer, from a rule. With `due`, the rule has not fired yet: the server may still pass over what it got in
    /// the request's stead, as it would have passed over the request.
    Answer { bytes: Vec<u8>, close: bool, due: Option<Due> },
    /// The connection ends here.
    End(DropMode),
    /// The client hears nothing more.
    Silence,
}

#[derive(Default)]
pub(super) struct Ledger {
    slots: VecDeque<Slot>,
}

impl Ledger {
    pub(super) fn push(&mut self, slot: Slot) {
        self.slots.push_back(slot);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.slots.len() >= MAX_SLOTS
    }

    /// The effect on the reply that comes next.
    pub(super) fn effect(&mut self) -> Option<&mut Effect> {
        match self.slots.front_mut()? {
            Slot::Await { effect, .. } => effect.as_deref_mut(),
            Slot::Swallow { .. } | Slot::Answer { .. } | Slot::End(_) | Slot::Silence => None,
        }
    }

    pub(super) fn swallows(&self) -> bool {
        matches!(self.slots.front(), Some(Slot::Swallow { .. }))
    }

    /// A final reply of the server has ended; `empty` says why it had no content, where that is known.
    pub(super) fn reply_ended(&mut self, empty: Option<&str>) {
        let (Some(Slot::Await { replies, .. }) | Some(Slot::Swallow { replies })) = self.slots.front_mut()
        else {
            return;
        };
        *replies = replies.saturating_sub(1);
        if *replies == 0
            && let Some(Slot::Await { effect: Some(mut effect), .. }) = self.slots.pop_front()
        {
            effect.answer_ended(empty);
        }
    }

    /// The slot at the front, when it is a rule's and so due now.
    pub(super) fn take_due(&mut self) -> Option<Slot> {
        match self.slots.front()? {
            Slot::Answer { .. } | Slot::End(_) | Slot::Silence => self.slots.pop_front(),
            Slot::Await { .. } | Slot::Swallow { .. } => None,
        }
    }

    /// The oldest `requests` get no answer any more, not even a rule's, because the server passed over them.
    pub(super) fn settle(&mut self, requests: u32) {
        const PASSED_OVER: &str = "the server passed over it after an earlier error";
        for _ in 0..requests {
            match self.slots.pop_front() {
                Some(Slot::Await { effect: Some(mut effect), .. }) => effect.answer_is_lost(PASSED_OVER),
                Some(Slot::Swallow { .. }) if matches!(self.slots.front(), Some(Slot::Answer { .. })) => {
                    if let Some(Slot::Answer { due: Some(mut due), .. }) = self.slots.pop_front() {
                        due.had_no_effect(PASSED_OVER);
                    }
                }
                _ => {}
            }
        }
    }

    /// Nothing that is owed comes any more, because `reason`.
    pub(super) fn clear(&mut self, reason: &str) {
        for slot in self.slots.drain(..) {
            match slot {
                Slot::Await { effect: Some(mut effect), .. } => effect.answer_is_lost(reason),
                // The request itself did not reach the server, whatever becomes of the answer.
                Slot::Answer { due: Some(mut due), .. } => due.acted(),
                Slot::Await { effect: None, .. }
                | Slot::Answer { due: None, .. }
                | Slot::Swallow { .. }
                | Slot::End(_)
                | Slot::Silence => {}
            }
        }
    }
}
