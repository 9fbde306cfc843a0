//! Targets that read text: specs, patterns, statements, replies of a Redis server.

use super::mutate::{Input, Random};
use faultbox_engine::model::{Dialect, Glob, Probability, format_duration, parse_duration};
use faultbox_engine::protocol::postgres::login::{self, Answer};
use faultbox_engine::protocol::postgres::schema::sql::{canonical_sql, short_sql};
use faultbox_engine::protocol::postgres::scram::Login;
use faultbox_engine::protocol::redis::codec::{self, Command, Walk};
use faultbox_engine::proxy::Direction;
use faultbox_engine::syntax::{self, cursor, dump, scope::Scopes};
use faultbox_engine::text::{FileId, LineIndex};

fn bytes_of(input: &Input) -> Vec<u8> {
    input.iter().flat_map(|turn| turn.1.iter().copied()).collect()
}

fn text_of(input: &Input) -> String {
    String::from_utf8_lossy(&bytes_of(input)).into_owned()
}

/// The reader of the `redis` steps, and what the session reads commands with.
pub(crate) fn check_resp(input: &Input, _seed: u64) -> u64 {
    let bytes = bytes_of(input);
    let mut at = 0;
    let mut count = 0;
    while let Ok(Some((_, len))) = codec::reply(&bytes[at..]) {
        assert!(len > 0 && at + len <= bytes.len());
        let mut walk = Walk::one_value();
        assert_eq!(walk.advance(&bytes[at..at + len]), Ok(len), "both readers end a value at one place");
        assert!(walk.is_done());
        (at, count) = (at + len, count + 1);
    }
    let mut command = Command::default();
    if let Ok(true) = command.read(&bytes) {
        assert!(command.len <= bytes.len());
        assert!(command.args.iter().all(|arg| bytes.get(arg.clone()).is_some()));
    }
    // A word is given or not; neither may panic.
    let _ = codec::first_word(&bytes);
    count
}

/// What a PostgreSQL server and its client say at a login.
pub(crate) fn check_login(input: &Input, _seed: u64) -> u64 {
    let bytes = bytes_of(input);
    let _ = login::denies_binding(&bytes);
    check_carried(input);
    let without = login::without_binding(&bytes);
    assert_eq!(login::without_binding(&without), without, "nothing is left to take out");
    let Ok(Some(answer)) = login::answer(&bytes) else {
        assert_eq!(without, bytes);
        return 0;
    };
    let expected = match answer {
        Answer::OffersBinding => Answer::GoesOn,
        Answer::GoesOn | Answer::Refused { .. } => answer.clone(),
    };
    assert_eq!(login::answer(&without), Ok(Some(expected)));
    match answer {
        Answer::GoesOn => 1,
        Answer::OffersBinding => 2,
        Answer::Refused { sqlstate, .. } => 3 + sqlstate.len().min(8) as u64,
    }
}

/// A login on its way keeps its lengths and comes to an end or not, whatever is said.
fn check_carried(input: &Input) {
    let mut carried = Login::new("pencil");
    for (direction, bytes) in input {
        let mut message = bytes.clone();
        match direction {
            Direction::ToServer => carried.to_server(&mut message),
            Direction::ToClient => drop(carried.to_client(&mut message)),
        }
        assert_eq!(message.len(), bytes.len());
    }
}

/// Patterns against the plainest matcher there is.
pub(crate) fn check_glob(input: &Input, seed: u64) -> u64 {
    let text = text_of(input);
    let (pattern, subject) = text.split_once('\n').unwrap_or((&text, &text));
    let (pattern, subject): (String, String) =
        (pattern.chars().take(40).collect(), subject.chars().take(200).collect());
    let fold = seed & 1 == 0;
    let plain = Glob::new(&pattern, Dialect::Plain, fold);
    let expected = plainly(&pattern.chars().collect::<Vec<_>>(), &subject.chars().collect::<Vec<_>>(), fold);
    assert_eq!(plain.matches(&subject), expected, "{pattern:?} on {subject:?}");
    let mut shape = u64::from(expected);
    for dialect in [Dialect::Path, Dialect::File, Dialect::Sql, Dialect::Subject, Dialect::RoutingKey] {
        let glob = Glob::new(&pattern, dialect, fold);
        shape = shape * 2 + u64::from(glob.matches(&subject));
        if let Some(literal) = glob.literal() {
            assert!(glob.matches(&literal), "{pattern:?} matches its own text {literal:?}");
        }
    }
    shape
}

/// `*`, `?` and `\` by a table of all prefixes.
fn plainly(pattern: &[char], subject: &[char], fold: bool) -> bool {
    let same = |a: char, b: char| a == b || (fold && a.to_lowercase().eq(b.to_lowercase()));
    let mut reach = vec![false; subject.len() + 1];
    reach[0] = true;
    let mut rest = pattern.iter();
    while let Some(&c) = rest.next() {
        let mut next = vec![false; subject.len() + 1];
        match c {
            '*' => {
                let mut any = false;
                for at in 0..=subject.len() {
                    any |= reach[at];
                    next[at] = any;
                }
            }
            '?' => next[1..].copy_from_slice(&reach[..subject.len()]),
            c => {
                let literal = if c == '\\' { *rest.next().unwrap_or(&'\\') } else { c };
                for at in 0..subject.len() {
                    next[at + 1] = reach[at] && same(literal, subject[at]);
                }
            }
        }
        reach = next;
    }
    reach[subject.len()]
}

/// Whatever the text, the tokens tile it and every node lies in it.
pub(crate) fn check_syntax(input: &Input, _seed: u64) -> u64 {
    let text = text_of(input);
    let parsed = syntax::parse(FileId(0), &text);
    let mut end = 0;
    for token in &parsed.tokens {
        assert_eq!(token.start, end, "tokens tile the text");
        end = token.end;
    }
    assert_eq!(end as usize, text.len());
    for finding in &parsed.diagnostics {
        let span = finding.primary.span;
        assert!(text.get(span.start as usize..span.end as usize).is_some(), "{finding:?}");
    }
    for id in parsed.tree.ids() {
        let span = parsed.tree.span(id);
        assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?}");
    }
    let again = syntax::parse(FileId(0), &text);
    assert_eq!(dump::dump(&parsed.tree), dump::dump(&again.tree));
    parsed.diagnostics.iter().fold(parsed.diagnostics.len() as u64, |shape, finding| {
        shape.wrapping_mul(31) ^ finding.message.len() as u64
    })
}

/// What is being typed, anywhere; positions there and back.
pub(crate) fn check_cursor(input: &Input, seed: u64) -> u64 {
    let text = text_of(input);
    let parsed = syntax::parse(FileId(0), &text);
    let scopes = Scopes::of(&parsed.tree);
    let lines = LineIndex::new(&text);
    let mut random = Random::new(seed);
    let mut shape = 0_u64;
    for _ in 0..12 {
        let offset = random.below(text.len() + 3) as u32;
        let typed = cursor::at(&parsed, offset);
        assert!(text.get(typed.replace.start as usize..typed.replace.end as usize).is_some(), "{typed:?}");
        let call = cursor::enclosing_call(&parsed, offset);
        let visible = scopes.visible_at(&parsed.tree, offset).len();
        shape = shape.wrapping_mul(31) ^ u64::from(call.is_some()) ^ (visible.min(4) as u64) << 1;
        let boundary = text.floor_char_boundary(offset as usize) as u32;
        assert_eq!(lines.offset(lines.position(boundary)), boundary, "bytes there and back");
        let there = lines.utf16_position(&text, boundary);
        let back = lines.utf16_offset(&text, there);
        let in_line_end = text.as_bytes().get(boundary as usize) == Some(&b'\n')
            && boundary > 0
            && text.as_bytes()[boundary as usize - 1] == b'\r';
        assert!(
            back == boundary || (in_line_end && back + 1 == boundary),
            "{there:?}: {back}, not {boundary}"
        );
    }
    shape
}

/// One spelling for SQL is a fixed point, and shortening shortens.
pub(crate) fn check_sql(input: &Input, seed: u64) -> u64 {
    let text = text_of(input);
    let canonical = canonical_sql(&text);
    assert_eq!(canonical_sql(&canonical), canonical, "canonical text is a fixed point: {text:?}");
    let limit = (seed % 80) as usize;
    assert!(short_sql(&text, limit).chars().count() <= limit + 2);
    canonical.len() as u64 / 8
}

/// Durations and probabilities as specs write them.
pub(crate) fn check_units(input: &Input, _seed: u64) -> u64 {
    let text = text_of(input);
    let fraction = Probability::parse(&text).map(Probability::as_fraction);
    assert!(fraction.is_none_or(|fraction| (0.0..=1.0).contains(&fraction)), "{text:?}");
    let Some(duration) = parse_duration(&text) else { return u64::from(fraction.is_some()) };
    let written = format_duration(duration);
    let again = parse_duration(&written);
    assert!(again.is_some(), "{text:?} is written as {written:?}, which cannot be read");
    2
}
