//! The bytes of one direction: read, understood, allowed to go, gone.
//!
//! One buffer holds what was read. Bytes pass through it without being copied; only where something is put between
//! them (an injected answer) or taken out (a swallowed request) are the unsent ones moved to `ahead`.

use super::stream::Stream;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWrite};

/// First size of a buffer; most requests and replies fit.
const SMALL: usize = 16 * 1024;
/// Largest size of a buffer: what a bulk transfer moves at a time, and twice what a rule may hold back.
const LARGE: usize = 256 * 1024;
/// Reads remembered with their own time; bytes read later count as read with the last of them.
const MAX_READS: usize = 1024;
/// Bytes put ahead beyond which the other direction waits.
pub(super) const MAX_AHEAD: usize = 1024 * 1024;

#[derive(Debug, Default)]
pub(super) struct Flow {
    data: Vec<u8>,
    /// First byte not forwarded yet.
    sent: usize,
    /// Bytes before this may be forwarded.
    clear: usize,
    /// Bytes before this are understood. Behind `clear` when bytes go out before they are understood.
    cut: usize,
    /// Goes out before anything in `data`.
    ahead: Vec<u8>,
    ahead_sent: usize,
    /// The last read filled the buffer: a bulk transfer.
    pub(super) bulk: bool,
    /// The source sent its last byte.
    pub(super) read_ended: bool,
    /// The end was passed on.
    pub(super) write_ended: bool,
    /// The end is passed on as soon as everything before it is written.
    pub(super) end_follows: bool,
    /// The sink accepts no more; what is left is thrown away.
    pub(super) broken: bool,
    /// The sink holds written bytes back until it is flushed.
    unflushed: bool,
    /// Bytes forwarded so far.
    pub(super) forwarded: u64,
    /// Bytes that were in `data` before its start.
    moved_out: u64,
    /// Whether urgent data is looked for, which takes a system call for each read.
    watches_urgent_data: bool,
    /// Urgent data is there, and perhaps bytes before it.
    urgent_waits: bool,
    /// Places in the stream of the bytes that go out as urgent data.
    urgent: VecDeque<u64>,
    /// When bytes were read: (place in the stream, time) of the reads that reach behind `cut`.
    reads: VecDeque<(u64, Instant)>,
}

impl Flow {
    /// A direction of which these bytes were read before.
    pub(super) fn begun_with(data: Vec<u8>, watches_urgent_data: bool) -> Flow {
        let mut flow = Flow { data, watches_urgent_data, ..Flow::default() };
        flow.note_read(0);
        flow
    }

    /// Bytes read and not understood yet.
    pub(super) fn unread(&self) -> &[u8] {
        &self.data[self.cut..]
    }

    /// Bytes understood but kept back: the unit a rule may act on.
    pub(super) fn kept_bytes(&self) -> &[u8] {
        &self.data[self.clear.min(self.cut)..self.cut]
    }

    /// True when part of the unit at the front of the unread bytes went out already.
    pub(super) fn is_ahead(&self) -> bool {
        self.clear > self.cut
    }

    /// How many bytes are understood but kept back.
    pub(super) fn kept(&self) -> usize {
        self.cut.saturating_sub(self.clear)
    }

    /// When the first of the unread bytes came in.
    pub(super) fn arrival(&self) -> Instant {
        let place = self.moved_out + self.cut as u64;
        let read = self.reads.iter().rev().find(|(start, _)| *start <= place);
        read.map_or_else(Instant::now, |(_, time)| *time)
    }

    /// When something came in last.
    pub(super) fn last_read(&self) -> Instant {
        self.reads.back().map_or_else(Instant::now, |(_, time)| *time)
    }

    fn note_read(&mut self, place: u64) {
        let cut = self.moved_out + self.cut as u64;
        while self.reads.get(1).is_some_and(|(start, _)| *start <= cut) {
            self.reads.pop_front();
        }
        let now = Instant::now();
        let full = self.reads.len() >= MAX_READS;
        match self.reads.back_mut().filter(|_| full) {
            Some((_, time)) => *time = now,
            None => self.reads.push_back((place, now)),
        }
    }

    pub(super) fn understand(&mut self, len: usize) {
        self.cut += len;
    }

    /// Lets everything understood go.
    pub(super) fn release(&mut self) {
        self.clear = self.clear.max(self.cut);
    }

    /// Lets `len` more bytes of those kept back go.
    pub(super) fn release_some(&mut self, len: usize) {
        self.clear = (self.clear + len).min(self.cut);
    }

    /// Lets everything go before it is understood.
    pub(super) fn release_all(&mut self) {
        self.clear = self.data.len();
    }

    /// Gives up understanding what was read.
    pub(super) fn skip_understanding(&mut self) {
        self.cut = self.data.len();
        self.release();
    }

    /// Takes the bytes that are understood but kept back out of the stream.
    pub(super) fn discard(&mut self) {
        if self.clear < self.cut {
            self.set_unsent_ahead();
            (self.sent, self.clear) = (self.cut, self.cut);
        }
    }

    /// Throws away everything kept back and everything not understood.
    pub(super) fn discard_rest(&mut self) {
        self.cut = self.data.len();
        self.discard();
    }

    /// Puts bytes into the stream behind those that may go and before those kept back.
    pub(super) fn insert(&mut self, bytes: &[u8]) {
        self.set_unsent_ahead();
        self.ahead.extend_from_slice(bytes);
    }

    fn set_unsent_ahead(&mut self) {
        if self.sent < self.clear {
            self.ahead.extend_from_slice(&self.data[self.sent..self.clear]);
            self.sent = self.clear;
        }
    }

    pub(super) fn is_clogged(&self) -> bool {
        self.ahead.len() - self.ahead_sent > MAX_AHEAD
    }

    /// Inverts the byte `offset` bytes into those kept back.
    pub(super) fn invert_kept(&mut self, offset: usize) {
        if let Some(byte) = self.data.get_mut(self.clear + offset) {
            *byte = !*byte;
        }
    }

    /// True when everything that may go is gone.
    pub(super) fn is_flushed(&self) -> bool {
        !self.unflushed && self.is_written()
    }

    fn is_written(&self) -> bool {
        self.ahead_sent == self.ahead.len() && self.sent >= self.clear
    }

    /// True when nothing that was read is left.
    pub(super) fn is_empty(&self) -> bool {
        self.ahead_sent == self.ahead.len() && self.sent == self.data.len()
    }

    /// True when there is space to read into, or can be made cheaply: never by moving a little often.
    fn has_room(&self) -> bool {
        let full = self.data.len() == self.data.capacity() && self.data.capacity() >= LARGE;
        !full || self.sent.min(self.cut) >= LARGE / 2
    }

    /// Reads once; true when something came (bytes or the end).
    pub(super) fn poll_read(&mut self, source: &mut Stream, cx: &mut Context<'_>) -> io::Result<bool> {
        if self.read_ended || !self.has_room() {
            return Ok(false);
        }
        if self.urgent_waits {
            return self.read_urgent(source, cx);
        }
        match source.poll_read_ready(cx)? {
            Poll::Ready(()) => self.make_room(),
            Poll::Pending => {
                self.shrink();
                return Ok(false);
            }
        }
        if self.watches_urgent_data && source.has_urgent_data() {
            return self.read_urgent(source, cx);
        }
        let (before, space) = (self.data.len(), self.data.capacity() - self.data.len());
        match pin!(source.read_buf(&mut self.data)).poll(cx)? {
            Poll::Pending => {
                self.shrink();
                Ok(false)
            }
            Poll::Ready(count) => {
                self.read_ended = count == 0;
                self.bulk = count == space;
                self.note_read(self.moved_out + before as u64);
                Ok(true)
            }
        }
    }

    /// Reads up to urgent data, or the urgent data and what follows it. A read ends before it (tcp(7)), so it is the
    /// first byte of the read after which there is none any more.
    fn read_urgent(&mut self, source: &mut Stream, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut bytes = [0; SMALL / 4];
        match source.read_now(&mut bytes) {
            Ok(count) => {
                let place = self.moved_out + self.data.len() as u64;
                self.data.extend_from_slice(&bytes[..count]);
                self.read_ended = count == 0;
                self.note_read(place);
                self.urgent_waits = count > 0 && source.has_urgent_data();
                if count > 0 && !self.urgent_waits {
                    self.urgent.push_back(place);
                }
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.urgent_waits = false;
                // Asked so that what comes wakes this task.
                Ok(source.poll_read_ready(cx)?.is_ready())
            }
            Err(error) => Err(error),
        }
    }

    /// Makes space to read into: at the start of an empty buffer, in a larger one, or by moving what is left.
    fn make_room(&mut self) {
        let base = self.sent.min(self.cut);
        let full = self.data.len() == self.data.capacity();
        if base > 0 && (full || base == self.data.len()) {
            self.data.drain(..base);
            self.moved_out += base as u64;
            self.sent -= base;
            self.clear -= base;
            self.cut -= base;
        }
        let wanted = if self.bulk || !self.data.is_empty() { LARGE } else { SMALL };
        let cramped = self.data.is_empty() || self.data.len() == self.data.capacity();
        if self.data.capacity() < wanted && cramped {
            self.data.reserve_exact(wanted - self.data.len());
        }
    }

    /// Gives the memory of an idle direction back: thousands of idle connections must cost little.
    fn shrink(&mut self) {
        if self.data.capacity() > 0 && self.sent == self.data.len() && self.cut == self.data.len() {
            self.moved_out += self.data.len() as u64;
            self.data = Vec::new();
            (self.sent, self.clear, self.cut) = (0, 0, 0);
        }
    }

    /// Writes what may go; true when something went. An error means that the sink is gone.
    pub(super) fn poll_write(&mut self, sink: &mut Stream, cx: &mut Context<'_>) -> io::Result<bool> {
        let mut moved = false;
        while !self.is_written() {
            if self.broken {
                self.throw_away();
                return Ok(true);
            }
            match self.write_once(sink, cx) {
                Poll::Pending => break,
                Poll::Ready(outcome) => outcome?,
            }
            moved = true;
        }
        if self.unflushed && Pin::new(sink).poll_flush(cx)?.is_ready() {
            self.unflushed = false;
            moved = true;
        }
        Ok(moved)
    }

    fn write_once(&mut self, sink: &mut Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let in_ahead = self.ahead_sent < self.ahead.len();
        let bytes = if in_ahead { &self.ahead[self.ahead_sent..] } else { &self.data[self.sent..self.clear] };
        let place = self.moved_out + self.sent as u64;
        // Those taken out of the stream, or put ahead, are not urgent any more.
        while self.urgent.front().is_some_and(|&urgent| urgent < place) {
            self.urgent.pop_front();
        }
        let before_urgent = match self.urgent.front() {
            Some(urgent) if !in_ahead => usize::try_from(urgent - place).unwrap_or(usize::MAX),
            Some(_) | None => usize::MAX,
        };
        let is_last = self.end_follows && self.read_ended && !in_ahead && self.clear == self.data.len();
        let count = match before_urgent {
            usize::MAX if is_last => ready!(sink.poll_write_last(cx, bytes))?,
            0 => ready!(sink.poll_write_urgent(cx, bytes[0]))?,
            before => ready!(Pin::new(&mut *sink).poll_write(cx, &bytes[..bytes.len().min(before)]))?,
        };
        self.forwarded += count as u64;
        self.unflushed = matches!(sink, Stream::Wrapped(_));
        if !in_ahead {
            self.sent += count;
            return Poll::Ready(Ok(()));
        }
        self.ahead_sent += count;
        if self.ahead_sent == self.ahead.len() {
            (self.ahead, self.ahead_sent) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }

    fn throw_away(&mut self) {
        (self.ahead, self.ahead_sent) = (Vec::new(), 0);
        self.sent = self.clear;
        self.unflushed = false;
    }
}
