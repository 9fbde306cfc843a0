//! What the server sends: which values answer a command, and which come unasked.

use super::codec::{self, Malformed, Version, Walk};
use super::session::{Channels, Kind};
use crate::model::Data;
use crate::proxy::{Cut, UnitKind};
use std::collections::VecDeque;

/// What the replies tell, and which commands wait for one.
#[derive(Debug, Default)]
pub(super) struct Replies {
    pub(super) waiting: VecDeque<Kind>,
    /// The rest of a value that was let go before its end.
    rest: Walk,
    pub(super) version: Version,
    /// Confirmed subscriptions by kind of channel.
    subscribed: [u32; 3],
}

impl Replies {
    pub(super) fn cut(&mut self, buf: &[u8]) -> Result<Cut, Malformed> {
        if !self.rest.is_done() {
            return body(&mut self.rest, buf);
        }
        let Some(&first) = buf.first() else { return Ok(Cut::More) };
        let mut walk = Walk::one_value();
        let head = walk.advance(buf)?;
        if head == 0 {
            return Ok(Cut::More);
        }
        let kind = match self.channel_event(first, buf, walk.is_done())? {
            ChannelEvent::Unclear => return Ok(Cut::More),
            ChannelEvent::Message => UnitKind::Push,
            ChannelEvent::Confirmation { channels, total } => self.confirm(channels, total),
            ChannelEvent::None => self.answer(first),
        };
        self.rest = walk;
        Ok(Cut::Unit { head, kind, ends: self.rest.is_done() })
    }

    /// A value that is no news of a channel: the answer to the command at the front.
    fn answer(&mut self, first: u8) -> UnitKind {
        match self.waiting.pop_front() {
            Some(Kind::Hello(version)) if first != b'-' => self.version = version,
            Some(Kind::Reset) if first != b'-' => {
                (self.version, self.subscribed) = (Version::Resp2, [0; 3]);
            }
            Some(_) => {}
            // The server complains unasked: too many clients, a timeout.
            None => return UnitKind::Push,
        }
        UnitKind::Reply { last: true }
    }

    /// Whether the value is news of a channel. Looks inside only where it can be: arrays of a subscribed connection
    /// in RESP2, pushes in RESP3.
    fn channel_event(&self, first: u8, buf: &[u8], whole: bool) -> Result<ChannelEvent, Malformed> {
        let expected = matches!(self.waiting.front(), Some(Kind::Subscription { .. }));
        let possible = first == b'>' || first == b'*' && (expected || self.subscribed != [0; 3]);
        if !possible {
            return Ok(ChannelEvent::None);
        }
        let Some(word) = codec::first_word(buf)? else { return Ok(ChannelEvent::Unclear) };
        let channels = match word {
            b"subscribe" | b"unsubscribe" => Channels::Plain,
            b"psubscribe" | b"punsubscribe" => Channels::Pattern,
            b"ssubscribe" | b"sunsubscribe" => Channels::Shard,
            b"message" | b"pmessage" | b"smessage" => return Ok(ChannelEvent::Message),
            _ if first == b'>' => return Ok(ChannelEvent::Message),
            _ => return Ok(ChannelEvent::None),
        };
        if !whole {
            return Ok(ChannelEvent::Unclear);
        }
        let total = match codec::reply(buf)? {
            Some((codec::Reply::Value(Data::List(items)), _)) => items.get(2).and_then(Data::as_i64),
            _ => None,
        };
        Ok(ChannelEvent::Confirmation { channels, total: total.unwrap_or(0).max(0) as u32 })
    }

    /// Counts a confirmation; it is the last of its command's when every channel is confirmed.
    fn confirm(&mut self, channels: Channels, total: u32) -> UnitKind {
        let [plain, pattern, _] = self.subscribed;
        let before = self.subscribed[channels as usize];
        let others = match channels {
            Channels::Plain => pattern,
            Channels::Pattern => plain,
            Channels::Shard => 0,
        };
        self.subscribed[channels as usize] = total.saturating_sub(others);
        match self.waiting.front_mut() {
            Some(Kind::Subscription { channels: awaited, count }) if *awaited == channels => {
                let left = count.unwrap_or(before.max(1)) - 1;
                *count = Some(left);
                if left == 0 {
                    self.waiting.pop_front();
                }
                UnitKind::Reply { last: left == 0 }
            }
            // The server ends a subscription by itself when a cluster's slot moves.
            _ => UnitKind::Push,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ChannelEvent {
    None,
    /// More bytes are needed to tell.
    Unclear,
    Message,
    /// A subscription was made or ended; `total` counts plain and pattern channels together, or shard channels.
    Confirmation {
        channels: Channels,
        total: u32,
    },
}

/// The next bytes of a value that was let go before its end.
pub(super) fn body(rest: &mut Walk, buf: &[u8]) -> Result<Cut, Malformed> {
    match rest.advance(buf)? {
        0 => Ok(Cut::More),
        len => Ok(Cut::Body { len, ends: rest.is_done() }),
    }
}
