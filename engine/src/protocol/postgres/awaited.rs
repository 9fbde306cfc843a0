//! Which answers the server owes, in order.
//!
//! In the extended protocol each message has its own answer, but an error ends everything up to the next Sync, and
//! only Sync is answered with ReadyForQuery. The relay pairs requests with answers by order, so this file says which
//! message of the server ends which request's answer.

use crate::proxy::UnitKind;
use std::collections::VecDeque;

/// A message of the client that is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Awaited {
    Query,
    /// A query whose answer was given by a rule; the server's ReadyForQuery is still to come.
    AnsweredQuery,
    InjectedQuery,
    Parse,
    Bind,
    Describe,
    Execute,
    InjectedExecute,
    Close,
    Sync,
    Function,
    /// The client ended a COPY. No answer of its own; the server takes no Sync before it.
    CopyEnd,
}

impl Awaited {
    /// True when ReadyForQuery ends it.
    fn ends_with_ready(self) -> bool {
        match self {
            Awaited::Query
            | Awaited::AnsweredQuery
            | Awaited::InjectedQuery
            | Awaited::Sync
            | Awaited::Function => true,
            Awaited::Parse
            | Awaited::Bind
            | Awaited::Describe
            | Awaited::Execute
            | Awaited::InjectedExecute
            | Awaited::Close
            | Awaited::CopyEnd => false,
        }
    }

    /// True for what the relay waits for as well.
    fn is_request(self) -> bool {
        match self {
            Awaited::Query | Awaited::InjectedQuery | Awaited::Execute | Awaited::InjectedExecute => true,
            Awaited::AnsweredQuery
            | Awaited::Parse
            | Awaited::Bind
            | Awaited::Describe
            | Awaited::Close
            | Awaited::Sync
            | Awaited::Function
            | Awaited::CopyEnd => false,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Answers {
    queue: VecDeque<Awaited>,
    /// The last message of the client stands at the end of the queue.
    added: bool,
    /// The server skips everything until a Sync that the client has not sent yet.
    skipping: bool,
    /// Requests the server skipped; the relay learns of them with the next ReadyForQuery.
    skipped: u32,
    /// The server reads COPY data, and passes over Sync.
    copying: bool,
    batches_sent: u64,
    batches_done: u64,
}

impl Answers {
    /// Notes a message of the client; false when the server will not answer it.
    pub(super) fn expect(&mut self, awaited: Awaited) -> bool {
        self.added = false;
        match awaited {
            Awaited::Sync if self.copying => return false,
            Awaited::Sync => self.skipping = false,
            _ if self.skipping => return false,
            _ => {}
        }
        self.batches_sent += u64::from(awaited.ends_with_ready());
        self.queue.push_back(awaited);
        self.added = true;
        true
    }

    /// The client's last message has no answer of its own.
    pub(super) fn nothing_added(&mut self) {
        self.added = false;
    }

    /// The client's last message does not reach the server.
    pub(super) fn forget_last(&mut self) {
        if std::mem::take(&mut self.added)
            && let Some(awaited) = self.queue.pop_back()
        {
            self.batches_sent -= u64::from(awaited.ends_with_ready());
        }
    }

    /// The client's last message is replaced by one that fails.
    pub(super) fn inject_last(&mut self) {
        match self.queue.back_mut().filter(|_| self.added) {
            Some(last @ Awaited::Query) => *last = Awaited::InjectedQuery,
            Some(last @ Awaited::Execute) => *last = Awaited::InjectedExecute,
            Some(_) | None => {}
        }
    }

    /// The client sent its last COPY data.
    pub(super) fn copy_ended(&mut self) {
        if !std::mem::take(&mut self.copying) && !self.queue.is_empty() {
            self.queue.push_back(Awaited::CopyEnd);
        }
        self.added = false;
    }

    pub(super) fn batches_sent(&self) -> u64 {
        self.batches_sent
    }

    pub(super) fn batches_done(&self) -> u64 {
        self.batches_done
    }

    /// ReadyForQuery: everything up to the Sync or the query it answers is over.
    pub(super) fn ready(&mut self) -> UnitKind {
        self.copying = false;
        let mut ended = std::mem::take(&mut self.skipped);
        let Some(at) = self.queue.iter().position(|awaited| awaited.ends_with_ready()) else {
            return settle(ended);
        };
        self.batches_done += 1;
        let last = self.queue[at];
        ended += self.queue.drain(..=at).filter(|awaited| awaited.is_request()).count() as u32;
        match last {
            Awaited::Query if ended == 1 => UnitKind::Reply { last: true },
            _ => settle(ended),
        }
    }

    /// Any other message of the server.
    pub(super) fn received(&mut self, tag: u8) -> UnitKind {
        // Notices, notifications and parameters come when they want.
        if matches!(tag, b'N' | b'A' | b'S') {
            return UnitKind::Push;
        }
        while self.queue.front() == Some(&Awaited::CopyEnd) {
            self.queue.pop_front();
        }
        let Some(&front) = self.queue.front() else { return UnitKind::Push };
        if tag == b'E' {
            return self.failed(front);
        }
        let over = match front {
            Awaited::Query => return UnitKind::Reply { last: false },
            Awaited::Parse => tag == b'1',
            Awaited::Bind => tag == b'2',
            Awaited::Close => tag == b'3',
            Awaited::Describe => matches!(tag, b'T' | b'n'),
            Awaited::Execute => {
                if tag == b'G' {
                    self.copy_begins();
                }
                matches!(tag, b'C' | b'I' | b's')
            }
            Awaited::InjectedQuery
            | Awaited::AnsweredQuery
            | Awaited::InjectedExecute
            | Awaited::Sync
            | Awaited::Function
            | Awaited::CopyEnd => false,
        };
        if over {
            self.queue.pop_front();
        }
        match front {
            Awaited::Execute => UnitKind::Reply { last: over },
            _ => UnitKind::Push,
        }
    }

    fn failed(&mut self, front: Awaited) -> UnitKind {
        self.copying = false;
        match front {
            Awaited::Query => return UnitKind::Reply { last: false },
            Awaited::InjectedQuery => {
                self.queue[0] = Awaited::AnsweredQuery;
                return UnitKind::Reply { last: true };
            }
            Awaited::AnsweredQuery | Awaited::Sync | Awaited::Function | Awaited::CopyEnd => {
                return UnitKind::Push;
            }
            Awaited::Parse
            | Awaited::Bind
            | Awaited::Describe
            | Awaited::Execute
            | Awaited::InjectedExecute
            | Awaited::Close => {}
        }
        self.queue.pop_front();
        // The server passes over everything up to the next Sync, other queries included.
        let next_sync = self.queue.iter().position(|awaited| *awaited == Awaited::Sync);
        self.skipping = next_sync.is_none();
        let skipped = self.queue.drain(..next_sync.unwrap_or(self.queue.len()));
        let mut queries = 0;
        for awaited in skipped {
            self.skipped += u32::from(awaited.is_request());
            queries += u64::from(awaited.ends_with_ready());
        }
        self.batches_done += queries;
        if front.is_request() { UnitKind::Reply { last: true } } else { UnitKind::Push }
    }

    /// COPY data is asked for. The server passes over each Sync it reads before the data's end.
    fn copy_begins(&mut self) {
        let end = self.queue.iter().position(|awaited| *awaited == Awaited::CopyEnd);
        self.copying = end.is_none();
        let mut at = 0;
        let before_end = end.unwrap_or(self.queue.len());
        self.queue.retain(|awaited| {
            at += 1;
            at > before_end || *awaited != Awaited::Sync
        });
    }
}

fn settle(requests: u32) -> UnitKind {
    if requests == 0 { UnitKind::Push } else { UnitKind::Settle { requests } }
}
