//! Where a body ends (RFC 9112 sections 6 and 7).

use super::head::Refused;
use super::schema::answer::is_value;

/// Longest line of a chunk's size or of a trailer.
const MAX_LINE: usize = 8 * 1024;
/// Most digits of a chunk's size; more than this is more than any body.
const MAX_DIGITS: u8 = 15;

/// A body on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    /// So many bytes to come.
    Length(u64),
    Chunked(Chunk),
    /// Until the peer closes.
    UntilClose,
}

/// Where in a chunked body we are. Every byte is looked at once, wherever the pieces fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunk {
    Size { size: u64, digits: u8 },
    Extension { size: u64, length: usize },
    SizeEnd { size: u64 },
    Data { left: u64 },
    DataEnd { cr_seen: bool },
    TrailerStart,
    Trailer { length: usize },
    TrailerEnd,
    LastEnd,
}

impl Chunk {
    pub(super) const START: Chunk = Chunk::Size { size: 0, digits: 0 };
}

impl Body {
    /// Takes what belongs to the body off the front of `buf`: how many bytes, and whether the body ends with them.
    /// `data` hears the bytes that are content.
    pub(super) fn take(&mut self, buf: &[u8], mut data: impl FnMut(&[u8])) -> Result<(usize, bool), Refused> {
        match self {
            Body::Length(left) => {
                let taken = buf.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                data(&buf[..taken]);
                Ok((taken, *left == 0))
            }
            Body::UntilClose => {
                data(buf);
                Ok((buf.len(), false))
            }
            Body::Chunked(chunk) => take_chunks(chunk, buf, data),
        }
    }
}

/// What stands at the front of a body: content, or the framing between pieces of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) len: usize,
    pub(super) is_content: bool,
    /// The body ends with these bytes.
    pub(super) ends: bool,
    /// More content certainly follows.
    pub(super) more: bool,
}

impl Body {
    /// Takes bytes of one kind off the front of `buf`, which is not empty.
    pub(super) fn take_run(&mut self, buf: &[u8]) -> Result<Run, Refused> {
        let window = match self {
            Body::Length(_) | Body::UntilClose => buf.len(),
            Body::Chunked(Chunk::Data { left }) => {
                buf.len().min(usize::try_from(*left).unwrap_or(usize::MAX))
            }
            Body::Chunked(chunk) => return take_framing(chunk, buf),
        };
        let (len, ends) = self.take(&buf[..window], |_| {})?;
        let more = matches!(self, Body::Length(1..) | Body::Chunked(Chunk::Data { .. }));
        Ok(Run { len, is_content: true, ends, more })
    }
}

fn take_framing(chunk: &mut Chunk, buf: &[u8]) -> Result<Run, Refused> {
    let mut run = Run { len: 0, is_content: false, ends: false, more: false };
    for &byte in buf {
        run.len += 1;
        match chunk.step(byte)? {
            Some(next) => *chunk = next,
            None => run.ends = true,
        }
        run.more = matches!(chunk, Chunk::Data { .. });
        if run.ends || run.more {
            break;
        }
    }
    Ok(run)
}

fn take_chunks(chunk: &mut Chunk, buf: &[u8], mut data: impl FnMut(&[u8])) -> Result<(usize, bool), Refused> {
    let mut at = 0;
    while let Some(&byte) = buf.get(at) {
        if let Chunk::Data { left } = chunk {
            let taken = (buf.len() - at).min(usize::try_from(*left).unwrap_or(usize::MAX));
            data(&buf[at..at + taken]);
            at += taken;
            *left -= taken as u64;
            if *left == 0 {
                *chunk = Chunk::DataEnd { cr_seen: false };
            }
            continue;
        }
        at += 1;
        match chunk.step(byte)? {
            Some(next) => *chunk = next,
            None => return Ok((at, true)),
        }
    }
    Ok((at, false))
}

impl Chunk {
    /// The state behind one more byte of framing; `None` when the body has ended.
    fn step(self, byte: u8) -> Result<Option<Chunk>, Refused> {
        let next = match (self, byte) {
            (Chunk::Size { size, digits }, byte) if byte.is_ascii_hexdigit() => {
                if digits == MAX_DIGITS {
                    return Err(Refused("a chunk size that is too large"));
                }
                let digit = (byte as char).to_digit(16).unwrap_or_default();
                Chunk::Size { size: size * 16 + u64::from(digit), digits: digits + 1 }
            }
            (Chunk::Size { digits: 0, .. }, _) => return Err(Refused("a chunk without a size")),
            (Chunk::Size { size, .. }, b'\r') => Chunk::SizeEnd { size },
            (Chunk::Size { size, .. }, b';') => Chunk::Extension { size, length: 0 },
            (Chunk::Extension { size, .. }, b'\r') => Chunk::SizeEnd { size },
            (Chunk::Extension { size, length }, byte) if is_value(byte) && length < MAX_LINE => {
                Chunk::Extension { size, length: length + 1 }
            }
            (Chunk::SizeEnd { size: 0 }, b'\n') => Chunk::TrailerStart,
            (Chunk::SizeEnd { size }, b'\n') => Chunk::Data { left: size },
            (Chunk::DataEnd { cr_seen: false }, b'\r') => Chunk::DataEnd { cr_seen: true },
            (Chunk::DataEnd { cr_seen: true }, b'\n') => Chunk::START,
            (Chunk::TrailerStart, b'\r') => Chunk::LastEnd,
            (Chunk::TrailerStart, byte) if byte > b' ' && is_value(byte) => Chunk::Trailer { length: 1 },
            (Chunk::Trailer { .. }, b'\r') => Chunk::TrailerEnd,
            (Chunk::Trailer { length }, byte) if is_value(byte) && length < MAX_LINE => {
                Chunk::Trailer { length: length + 1 }
            }
            (Chunk::TrailerEnd, b'\n') => Chunk::TrailerStart,
            (Chunk::LastEnd, b'\n') => return Ok(None),
            _ => return Err(Refused("chunks that are not framed as RFC 9112 says")),
        };
        Ok(Some(next))
    }
}
