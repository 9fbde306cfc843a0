//! Which answers are owed to the client, in order.
//!
//! An injected answer waits in its slot until every earlier reply has gone out, so pipelined requests are answered
//! in the order they were asked.

use super::action::Effect;
use crate::model::DropMode;
use std::collections::VecDeque;

/// Requests in flight on one connection beyond which no more are read; a client that pipelines more waits.
const MAX_SLOTS: usize = 16 * 1024;

/// What is owed for one request.
#[derive(Debug)]
pub(super) enum Slot {
    /// The server answers with this many final replies.
    Await { replies: u32, effect: Option<Box<Effect>> },
    /// The server answers with this many final replies that nobody asked for.
    Swallow { replies: u32 },
    /// This answer, from a rule.
    Answer { bytes: Vec<u8>, close: bool },
    /// The connection ends here.
    End(DropMode),
}

#[derive(Debug, Default)]
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
            Slot::Swallow { .. } | Slot::Answer { .. } | Slot::End(_) => None,
        }
    }

    pub(super) fn swallows(&self) -> bool {
        matches!(self.slots.front(), Some(Slot::Swallow { .. }))
    }

    /// A final reply of the server has ended.
    pub(super) fn reply_ended(&mut self) {
        let (Some(Slot::Await { replies, .. }) | Some(Slot::Swallow { replies })) = self.slots.front_mut()
        else {
            return;
        };
        *replies = replies.saturating_sub(1);
        if *replies == 0 {
            self.slots.pop_front();
        }
    }

    /// The slot at the front, when it is a rule's and so due now.
    pub(super) fn take_due(&mut self) -> Option<Slot> {
        match self.slots.front()? {
            Slot::Answer { .. } | Slot::End(_) => self.slots.pop_front(),
            Slot::Await { .. } | Slot::Swallow { .. } => None,
        }
    }

    /// The oldest `requests` get no answer any more, not even a rule's.
    pub(super) fn settle(&mut self, requests: u32) {
        for _ in 0..requests {
            let swallows = self.swallows();
            self.slots.pop_front();
            if swallows && matches!(self.slots.front(), Some(Slot::Answer { .. })) {
                self.slots.pop_front();
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
    }
}
