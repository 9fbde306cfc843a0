use super::super::zone::Zone;
use super::*;

fn zone() -> Zone {
    Zone::of_hosts("127.0.0.1 localhost\n127.0.0.1 db\n::1 db\n")
}

/// A query for one name, with the bytes of its additional records behind it.
fn query_of(name: &str, kind: u16, additional: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, additional.len() as u8];
    bytes.extend(encode(name).unwrap());
    bytes.extend(kind.to_be_bytes());
    bytes.extend(INTERNET.to_be_bytes());
    additional.iter().for_each(|record| bytes.extend(*record));
    bytes
}

fn opt(size: u16, version: u8) -> Vec<u8> {
    let [high, low] = size.to_be_bytes();
    // With an option, a cookie: it is not ours to read.
    let mut bytes = vec![0, 0, 41, high, low, 0, version, 0x80, 0, 0, 12, 0, 10, 0, 8];
    bytes.extend([7; 8]);
    bytes
}

fn replied(query: &[u8], carrier: Carrier) -> Reply {
    answer(&zone(), query, carrier).expect("a reply")
}

fn code(reply: &Reply) -> u16 {
    u16_at(&reply.bytes, 2).unwrap() & 0xf
}

fn counts(reply: &Reply) -> [u16; 4] {
    [4, 6, 8, 10].map(|at| u16_at(&reply.bytes, at).unwrap())
}

#[test]
fn a_known_name_is_answered_with_its_address() {
    let query = query_of("DB", A, &[]);
    let reply = replied(&query, Carrier::Udp);
    // QR, AA, RD and RA are set.
    let mut expected = vec![0xab, 0xcd, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    expected.extend(&query[HEADER..]);
    expected.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);
    assert_eq!(reply, Reply { bytes: expected, unknown: None });
}

#[test]
fn another_type_of_a_known_name_is_an_empty_answer_and_an_unknown_name_is_not_there() {
    let empty = replied(&query_of("db", 16, &[]), Carrier::Udp);
    assert_eq!((code(&empty), counts(&empty), &empty.unknown), (NO_ERROR, [1, 0, 0, 0], &None));
    let absent = replied(&query_of("Telemetry.Example.com", AAAA, &[]), Carrier::Tcp);
    assert_eq!((code(&absent), counts(&absent)), (NO_SUCH_NAME, [1, 0, 0, 0]));
    assert_eq!(absent.unknown, Some(("telemetry.example.com".to_owned(), AAAA)));
}

#[test]
fn edns_is_answered_in_kind() {
    let reply = replied(&query_of("db", A, &[&opt(1232, 0)]), Carrier::Udp);
    assert_eq!((code(&reply), counts(&reply)), (NO_ERROR, [1, 1, 0, 1]));
    assert!(reply.bytes.ends_with(&[0, 0, 41, 16, 0, 0, 0, 0, 0, 0, 0]));
    let reply = replied(&query_of("db", A, &[&opt(1232, 1)]), Carrier::Udp);
    assert_eq!(counts(&reply), [1, 0, 0, 1]);
    assert!(reply.bytes.ends_with(&[0, 0, 41, 16, 0, BAD_VERSION_UPPER, 0, 0, 0, 0, 0]));
    let twice = replied(&query_of("db", A, &[&opt(1232, 0), &opt(1232, 0)]), Carrier::Udp);
    assert_eq!(code(&twice), FORMAT_ERROR);
}

#[test]
fn an_answer_that_does_not_fit_says_so() {
    let hosts: String = (0..200).map(|last| format!("10.0.0.{last} many\n")).collect();
    let ask = |additional: &[&[u8]], carrier| {
        let reply = answer(&Zone::of_hosts(&hosts), &query_of("many", A, additional), carrier).unwrap();
        let is_truncated = u16_at(&reply.bytes, 2).unwrap() & TRUNCATED != 0;
        (counts(&reply)[1], is_truncated)
    };
    assert_eq!(ask(&[], Carrier::Udp), (0, true));
    assert_eq!(ask(&[&opt(0, 0)], Carrier::Udp), (0, true));
    assert_eq!(ask(&[&opt(4096, 0)], Carrier::Udp), (100, false));
    assert_eq!(ask(&[], Carrier::Tcp), (100, false));
}

#[test]
fn what_is_no_query_is_refused_or_ignored() {
    let query = query_of("db", A, &[]);
    assert_eq!(answer(&zone(), &query[..11], Carrier::Udp), None);
    assert_eq!(answer(&zone(), &[], Carrier::Tcp), None);
    let changed = |at: usize, byte: u8| {
        let mut query = query.clone();
        query[at] = byte;
        query
    };
    assert_eq!(answer(&zone(), &changed(2, 0x81), Carrier::Udp), None, "a reply");
    let refused = |query: &[u8]| {
        let reply = replied(query, Carrier::Udp);
        (code(&reply), reply.bytes.len())
    };
    assert_eq!(refused(&changed(2, 0x29)), (NOT_IMPLEMENTED, HEADER), "an update");
    for questions in [0, 2] {
        assert_eq!(refused(&changed(5, questions)), (FORMAT_ERROR, HEADER), "{questions} questions");
    }
    assert_eq!(refused(&changed(12, 0xc0)), (FORMAT_ERROR, HEADER), "a pointer to itself");
    assert_eq!(refused(&changed(12, 0x40)), (FORMAT_ERROR, HEADER), "a label of an unknown kind");
    assert_eq!(refused(&changed(12, 63)), (FORMAT_ERROR, HEADER), "a label beyond the end");
    assert_eq!(refused(&changed(11, 1)), (FORMAT_ERROR, HEADER), "a record that is not there");
    for end in HEADER..query.len() {
        assert_eq!(refused(&query[..end]), (FORMAT_ERROR, HEADER), "{end} bytes");
    }
    let last = query.len() - 1;
    assert_eq!(refused(&changed(last, 3)).0, REFUSED, "the class of version.bind");
}

#[test]
fn a_name_may_have_any_bytes() {
    let mut query = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, b'd', b'.', 0xff, b'B', 0, 0, 1, 0, 1];
    let reply = replied(&query, Carrier::Udp);
    assert_eq!(reply.unknown, Some(("d\\046\\255b".to_owned(), A)));
    query.truncate(HEADER);
    // 4 x 64 bytes and the root are one more than fit.
    query.extend([[&[63][..], &[b'a'; 63]].concat(), vec![63], vec![b'a'; 63]].concat());
    query.extend([[&[63][..], &[b'a'; 63]].concat(), vec![63], vec![b'a'; 63]].concat());
    query.extend([0, 0, 1, 0, 1]);
    assert_eq!(code(&replied(&query, Carrier::Udp)), FORMAT_ERROR);
}

#[test]
fn names_are_written_only_when_they_fit() {
    assert_eq!(encode("a.b"), Some(vec![1, b'a', 1, b'b', 0]));
    for name in ["", "a..b", ".", &"a".repeat(64), &"a.".repeat(128)] {
        assert_eq!(encode(name), None, "{name}");
    }
}
