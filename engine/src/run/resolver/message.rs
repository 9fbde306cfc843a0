//! DNS messages, as far as a resolver with nothing but addresses needs them (RFC 1035, section 4; EDNS: RFC 6891).
//!
//! Foreign bytes come in here. Nothing is allocated before a question was read, and an answer is bounded.

use super::zone::{Found, Zone};

/// Response codes of RFC 1035, section 4.1.1.
const NO_ERROR: u16 = 0;
const FORMAT_ERROR: u16 = 1;
const NO_SUCH_NAME: u16 = 3;
const NOT_IMPLEMENTED: u16 = 4;
const REFUSED: u16 = 5;
/// BADVERS of RFC 6891, section 9: 16, of which the OPT record has the upper eight bits and the header the lower four.
const BAD_VERSION_UPPER: u8 = 1;

/// Bits of the header's flags.
const IS_REPLY: u16 = 1 << 15;
const AUTHORITATIVE: u16 = 1 << 10;
const TRUNCATED: u16 = 1 << 9;
const RECURSION_DESIRED: u16 = 1 << 8;
/// Without it, the C library and Go take an empty answer for a referral and ask elsewhere.
const RECURSION_AVAILABLE: u16 = 1 << 7;
const CHECKING_DISABLED: u16 = 1 << 4;

pub(super) const A: u16 = 1;
pub(super) const PTR: u16 = 12;
pub(super) const AAAA: u16 = 28;
const OPT: u16 = 41;
pub(super) const ANY: u16 = 255;
const INTERNET: u16 = 1;

const HEADER: usize = 12;
const MAX_NAME: usize = 255;
const MAX_LABEL: usize = 63;
/// The least and the most that a reply by UDP may have; what a client offers counts in between.
const MIN_DATAGRAM: usize = 512;
const MAX_DATAGRAM: usize = 4096;
const MAX_MESSAGE: usize = u16::MAX as usize;
/// A hosts file may have any number of addresses for a name.
const MAX_ANSWERS: usize = 100;
/// Seconds. Addresses are the same as long as the leaf lives.
const TIME_TO_LIVE: u32 = 60;

/// What carries a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    Udp,
    Tcp,
}

/// What is sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub bytes: Vec<u8>,
    /// The name and type that were asked for, when no such name is known.
    pub unknown: Option<(String, u16)>,
}

/// A question with what its sender can do.
struct Query<'q> {
    /// The question as it came: replies repeat it to the letter.
    question: &'q [u8],
    name: String,
    kind: u16,
    class: u16,
    edns: Option<Edns>,
}

#[derive(Clone, Copy)]
struct Edns {
    size: u16,
    version: u8,
}

/// Answers a message; `None` for what is no query.
pub fn answer(zone: &Zone, message: &[u8], carrier: Carrier) -> Option<Reply> {
    let flags = u16_at(message, 2).filter(|_| message.len() >= HEADER)?;
    if flags & IS_REPLY != 0 {
        return None;
    }
    let flags = flags & !TRUNCATED;
    let opcode = (flags >> 11) & 0xf;
    if opcode != 0 {
        return Some(bare(message, flags, NOT_IMPLEMENTED));
    }
    let Some(query) = query(message) else { return Some(bare(message, flags, FORMAT_ERROR)) };
    let (code, found, unknown) = match (query.class, query.edns) {
        (_, Some(Edns { version: 1.., .. })) => (NO_ERROR, Found::default(), None),
        (INTERNET | ANY, _) => match zone.find(&query.name, query.kind) {
            Some(found) => (NO_ERROR, found, None),
            None => (NO_SUCH_NAME, Found::default(), Some((query.name.clone(), query.kind))),
        },
        _ => (REFUSED, Found::default(), None),
    };
    let limit = match (carrier, query.edns) {
        (Carrier::Tcp, _) => MAX_MESSAGE,
        (Carrier::Udp, None) => MIN_DATAGRAM,
        (Carrier::Udp, Some(edns)) => usize::from(edns.size).clamp(MIN_DATAGRAM, MAX_DATAGRAM),
    };
    let mut bytes = reply(message, flags, code, &query, &found);
    if bytes.len() > limit {
        bytes = reply(message, flags | TRUNCATED, code, &query, &Found::default());
    }
    Some(Reply { bytes, unknown })
}

/// A reply with a header only.
fn bare(message: &[u8], flags: u16, code: u16) -> Reply {
    let mut bytes = Vec::with_capacity(HEADER);
    head(&mut bytes, message, flags, code, [0; 4]);
    Reply { bytes, unknown: None }
}

fn head(bytes: &mut Vec<u8>, message: &[u8], flags: u16, code: u16, counts: [u16; 4]) {
    const OPCODE: u16 = 0xf << 11;
    let kept = flags & (OPCODE | TRUNCATED | RECURSION_DESIRED | CHECKING_DISABLED);
    bytes.extend(message.iter().take(2));
    bytes.extend((IS_REPLY | AUTHORITATIVE | RECURSION_AVAILABLE | kept | code).to_be_bytes());
    bytes.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
}

fn reply(message: &[u8], flags: u16, code: u16, query: &Query<'_>, found: &Found) -> Vec<u8> {
    let mut answers = Vec::new();
    let mut count = 0;
    for (kind, data) in found.records(query.kind).take(MAX_ANSWERS) {
        // A pointer to the question's name, which begins behind the header.
        answers.extend([0xc0, HEADER as u8]);
        answers.extend(kind.to_be_bytes());
        answers.extend(INTERNET.to_be_bytes());
        answers.extend(TIME_TO_LIVE.to_be_bytes());
        answers.extend((data.len() as u16).to_be_bytes());
        answers.extend(data);
        count += 1;
    }
    let mut bytes = Vec::with_capacity(HEADER + query.question.len() + answers.len() + 11);
    head(&mut bytes, message, flags, code, [1, count, 0, u16::from(query.edns.is_some())]);
    bytes.extend(query.question);
    bytes.extend(answers);
    if let Some(edns) = query.edns {
        let upper = if edns.version > 0 { BAD_VERSION_UPPER } else { 0 };
        // The root's name, then the size we take as class, the upper bits of the code, our version, flags, no options.
        bytes.push(0);
        bytes.extend(OPT.to_be_bytes());
        bytes.extend((MAX_DATAGRAM as u16).to_be_bytes());
        bytes.extend([upper, 0, 0, 0, 0, 0]);
    }
    bytes
}

/// Reads the only question of a message, and its OPT record where it has one. `None` for what has another form.
fn query(message: &[u8]) -> Option<Query<'_>> {
    let counts = [4, 6, 8, 10].map(|at| u16_at(message, at));
    let [Some(1), Some(answers), Some(authorities), Some(additional)] = counts else { return None };
    let (name, end) = name(message)?;
    let (kind, class) = (u16_at(message, end)?, u16_at(message, end + 2)?);
    let mut at = end + 4;
    let question = message.get(HEADER..at)?;
    for _ in 0..u32::from(answers) + u32::from(authorities) {
        at = record(message, at)?.end;
    }
    let mut edns = None;
    for _ in 0..additional {
        let record = record(message, at)?;
        at = record.end;
        if record.kind == OPT {
            let one = Edns { size: record.class, version: record.ttl[1] };
            // A second one is an error (RFC 6891, section 6.1.1).
            if edns.replace(one).is_some() {
                return None;
            }
        }
    }
    Some(Query { question, name, kind, class, edns })
}

/// The question's name as text in lower case, and where it ends. A pointer is an error: nothing is before it to point to.
fn name(message: &[u8]) -> Option<(String, usize)> {
    let (mut text, mut at) = (String::new(), HEADER);
    loop {
        let length = usize::from(*message.get(at)?);
        let label = message.get(at + 1..at + 1 + length).filter(|_| length <= MAX_LABEL)?;
        at += 1 + length;
        if at - HEADER > MAX_NAME {
            return None;
        }
        if length == 0 {
            return Some((text, at));
        }
        if !text.is_empty() {
            text.push('.');
        }
        label.iter().for_each(|&byte| push(&mut text, byte));
    }
}

/// Writes a byte of a label as a zone file would: what is no printable character, and what would be taken for something
/// else, in decimal (RFC 1035, section 5.1). ASCII letters are compared without case (RFC 4343).
fn push(text: &mut String, byte: u8) {
    match byte {
        b'.' | b'\\' | 0..=32 | 127.. => text.push_str(&format!("\\{byte:03}")),
        _ => text.push(char::from(byte.to_ascii_lowercase())),
    }
}

/// A name in the form of a message; `None` when it does not fit into one.
pub(super) fn encode(name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(name.len() + 2);
    for label in name.split('.') {
        let length =
            u8::try_from(label.len()).ok().filter(|length| (1..=MAX_LABEL as u8).contains(length))?;
        bytes.push(length);
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    (bytes.len() <= MAX_NAME).then_some(bytes)
}

struct Record {
    kind: u16,
    class: u16,
    ttl: [u8; 4],
    end: usize,
}

/// Steps over a resource record.
fn record(message: &[u8], at: usize) -> Option<Record> {
    let fixed = skip_name(message, at)?;
    let ttl = message.get(fixed + 4..fixed + 8)?.try_into().ok()?;
    let length = usize::from(u16_at(message, fixed + 8)?);
    let end = fixed + 10 + length;
    message.get(fixed..end)?;
    Some(Record { kind: u16_at(message, fixed)?, class: u16_at(message, fixed + 2)?, ttl, end })
}

/// Where a name ends that may end in a pointer.
fn skip_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            0xc0.. => return Some(at + 2),
            length if usize::from(length) <= MAX_LABEL => at += 1 + usize::from(length),
            _ => return None,
        }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
