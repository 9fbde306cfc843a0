//! Conversations with a PostgreSQL server, written down message by message and replayed through the session.

mod relay;

use super::codec::write_message;
use super::{PostgresSession, codec};
use crate::model::Params;
use crate::protocol::replay::{check_chunking, replay};
use crate::proxy::{Direction, Fault, Injection, Session, UnitKind};
use Direction::{ToClient, ToServer};
use proptest::prelude::*;

type Talk = Vec<(Direction, Vec<u8>)>;

fn session() -> Box<dyn Session> {
    Box::new(PostgresSession::default())
}

fn startup(code: u32, rest: &[u8]) -> Vec<u8> {
    let mut bytes = (rest.len() as u32 + 8).to_be_bytes().to_vec();
    bytes.extend(code.to_be_bytes());
    bytes.extend(rest);
    bytes
}

fn message(direction: Direction, tag: char) -> Vec<u8> {
    let body: &[u8] = match (direction, tag) {
        (ToServer, 'Q') => b"INSERT INTO orders VALUES (1)\0",
        (ToServer, 'P') => b"s1\0SELECT  name FROM t WHERE id = $1\0\0\0",
        (ToServer, 'B') => b"\0s1\0\0\0\0\0\0\0",
        (ToServer, 'D') => b"P\0",
        (ToServer, 'E') => b"\0\0\0\0\0",
        (ToServer, 'C') => b"Ss1\0",
        (ToServer, 'd') | (ToClient, 'd') => b"1\tone\n",
        (ToServer, 'f') => b"no\0",
        (ToServer, 'F') => b"\0\0\0\x01\0\0\0\0\0\0",
        (ToClient, 'Z') => b"I",
        (ToClient, 'E') => b"SERROR\0C42P01\0Mno such table\0\0",
        (ToClient, 'C') => b"SELECT 1\0",
        (ToClient, 'G' | 'H') => b"\0\0\0",
        (ToClient, 'T' | 'D' | 't') => b"\0\0",
        _ => b"",
    };
    let mut out = Vec::new();
    write_message(tag as u8, body, &mut out);
    out
}

/// `> P B E S < 1 2 C Z`: which messages go which way, behind a login.
fn talk(script: &str) -> Talk {
    let mut talk = vec![
        (ToServer, startup(196_608, b"user\0app\0database\0shop\0\0")),
        (ToClient, message(ToClient, 'R')),
        (ToClient, [message(ToClient, 'S'), message(ToClient, 'K'), message(ToClient, 'Z')].concat()),
    ];
    let mut direction = ToServer;
    for word in script.split(' ').filter(|word| !word.is_empty()) {
        match word {
            ">" => direction = ToServer,
            "<" => direction = ToClient,
            tags => talk.push((direction, tags.chars().flat_map(|tag| message(direction, tag)).collect())),
        }
    }
    talk
}

fn borrowed(talk: &Talk) -> Vec<(Direction, &[u8])> {
    talk.iter().map(|(direction, bytes)| (*direction, bytes.as_slice())).collect()
}

/// One letter per unit: `r` a request with an answer, `n` one without, `c` control, `+` the end of an answer, `-`
/// part of one, `p` a push, a digit how many requests are settled, `?` not understood.
fn letters(session: &mut dyn Session, talk: &Talk) -> String {
    let letter = |kind: Option<UnitKind>| match kind {
        Some(UnitKind::Request { replies: 0 }) => "n".to_owned(),
        Some(UnitKind::Request { .. }) => "r".to_owned(),
        Some(UnitKind::Control) => "c".to_owned(),
        Some(UnitKind::Reply { last: true }) => "+".to_owned(),
        Some(UnitKind::Reply { last: false }) => "-".to_owned(),
        Some(UnitKind::Settle { requests }) => requests.to_string(),
        Some(UnitKind::Push) => "p".to_owned(),
        None => "?".to_owned(),
    };
    replay(session, &borrowed(talk), || usize::MAX).iter().map(|unit| letter(unit.kind)).collect()
}

/// What each script is cut into, behind the login.
const SCRIPTS: &[(&str, &str)] = &[
    // Simple queries, one after the other and pipelined; a failing one; notices between.
    ("> Q < T D D C Z > Q Q < C Z N A C Z", "r----+rr-+pp-+"),
    ("> Q < E Z", "r-+"),
    // The extended protocol in its usual forms.
    ("> P D S < 1 t T Z", "cccpppp"),
    ("> B E S < 2 D D C Z", "crcp--+p"),
    ("> P B D E S < 1 2 T D s Z", "cccrcppp-+p"),
    ("> E H < D s > E S < D C Z", "rc-+rc-+p"),
    ("> P B E S P B E S < 1 2 C Z 1 2 C Z", "ccrcccrcpp+ppp+p"),
    ("> C S X < 3 Z", "cccpp"),
    // An error ends everything up to the next Sync.
    ("> P B E B E S B E S < 1 2 E Z 2 C Z", "ccrcrccrcpp+1p+p"),
    ("> P B E S < E Z > B E S < 2 C Z", "ccrcp1crcp+p"),
    ("> P B E < E > B E S < Z > Q < C Z", "ccrpccc1r-+"),
    // COPY, either way and in both protocols; Sync between its data means nothing.
    ("> Q < G > d d c < C Z", "r-ccc-+"),
    ("> Q < G > d f < E Z", "r-cc-+"),
    ("> Q < H d d c C Z", "r-----+"),
    ("> P B E S < 1 2 G > d S c S < C Z > Q < C Z", "ccrcpp-cccc+pr-+"),
    ("> B E d c S < 2 G C Z > Q < C Z", "crcccp-+pr-+"),
    ("> B E < 2 G > d E d < E > d c S < Z", "crp-crc+ccc1"),
    // Function calls, and the server's last word.
    ("> F < V Z > Q < C Z", "cppr-+"),
    ("< E", "p"),
];

#[test]
fn answers_find_their_requests() {
    for (script, units) in SCRIPTS {
        assert_eq!(letters(&mut *session(), &talk(script)), format!("npppp{units}"), "{script}");
    }
}

#[test]
fn encryption_is_left_alone_and_refused_encryption_is_not() {
    let ssl = startup(80_877_103, b"");
    let gss = startup(80_877_104, b"");
    let mut refused: Talk =
        vec![(ToServer, gss), (ToClient, b"N".to_vec()), (ToServer, ssl.clone()), (ToClient, b"N".to_vec())];
    refused.extend(talk("> Q < C Z"));
    assert_eq!(letters(&mut *session(), &refused), "cpcpnppppr-+");
    let agreed: Talk =
        vec![(ToServer, ssl), (ToClient, b"S".to_vec()), (ToServer, b"\x16\x03\x01\0".to_vec())];
    assert_eq!(letters(&mut *session(), &agreed), "c??");
    let cancel: Talk = vec![(ToServer, startup(80_877_102, b"\0\0\0\x01\0\0\0\x02"))];
    assert_eq!(letters(&mut *session(), &cancel), "c");
    let tls: Talk = vec![(ToServer, b"\x16\x03\x01\0".to_vec())];
    assert_eq!(letters(&mut *session(), &tls), "?");
}

#[test]
fn rules_see_the_statement_whichever_way_it_comes() {
    let talk = talk("> Q P B E S");
    let seen = replay(&mut *session(), &borrowed(&talk), || usize::MAX);
    let shown: Vec<&str> =
        seen.iter().map(|unit| unit.operation.as_str()).filter(|text| !text.is_empty()).collect();
    assert_eq!(
        shown,
        ["connect as app to shop", "INSERT INTO orders VALUES (1)", "SELECT name FROM t WHERE id = $1"]
    );
    let mut session = session();
    replay(&mut *session, &borrowed(&talk[..3].to_vec()), || usize::MAX);
    let query = message(ToServer, 'Q');
    session.cut(ToServer, &query, false);
    let fields = session.message(&query).fields;
    let wanted = [("query", "insert into orders values ( 1 )"), ("user", "app"), ("database", "shop")];
    assert_eq!(fields, wanted.map(|(name, text)| (name, text.to_owned())));
}

/// Replays the script, injects an error into its last message, and goes on with `after`.
fn inject(script: &str, sqlstate: &str, after: &str) -> (Injection, String) {
    let mut session = session();
    replay(&mut *session, &borrowed(&talk(script)), || usize::MAX);
    let mut params = Params::default();
    params.0.insert("sqlstate", sqlstate.into());
    params.0.insert("message", "no".into());
    let mut out = Injection::default();
    session.inject(&Fault::Error(&params), &mut out).unwrap();
    let rest = talk(after).split_off(3);
    let units = letters(&mut *session, &rest);
    (out, units)
}

#[test]
fn an_injected_error_fails_on_the_server_as_well() {
    let (query, units) = inject("> Q", "40001", "< E Z > Q < C Z");
    assert!(query.to_server.starts_with(b"Q") && query.to_client.starts_with(b"E"));
    assert_eq!((query.swallow_replies, query.close), (1, false));
    // The server's error ends the answer that is swallowed; its ReadyForQuery goes on to the client.
    assert_eq!(units, "+pr-+");

    let (execute, units) = inject("> P B E", "40001", "> E S < 1 2 E Z > Q < C Z");
    assert!(execute.to_server.starts_with(b"E"));
    assert_eq!(execute.swallow_replies, 1);
    assert_eq!(units, "rcpp+1r-+");

    // A real error before it: the server never comes to it, and neither must the client hear of it.
    let (_, units) = inject("> P B E", "40001", "> S < E Z > Q < C Z");
    assert_eq!(units, "cp1r-+");
}

#[test]
fn a_fatal_error_ends_the_session_on_both_sides() {
    let (query, _) = inject("> Q", "57P01", "");
    assert!(query.close);
    assert_eq!((query.to_server.as_slice(), query.swallow_replies), (&b"X\0\0\0\x04"[..], 0));
    let text = String::from_utf8_lossy(&query.to_client).into_owned();
    assert!(text.contains("SFATAL\0VFATAL\0C57P01\0Mno\0"), "{text}");
    let (connect, _) = inject("", "53300", "");
    assert!(connect.close && connect.to_server.is_empty());
    let rows = session().inject(&Fault::Respond(&Params::default()), &mut Injection::default());
    assert!(rows.is_err());
}

#[test]
fn a_statement_that_vanishes_is_not_waited_for() {
    let mut session = session();
    replay(&mut *session, &borrowed(&talk("> P B E")), || usize::MAX);
    session.vanish();
    assert_eq!(letters(&mut *session, &talk("> S < 1 2 Z").split_off(3)), "cppp");
}

#[test]
fn a_large_query_is_let_go_before_its_end() {
    let mut session = session();
    replay(&mut *session, &borrowed(&talk("")), || usize::MAX);
    let mut query = Vec::new();
    write_message(b'Q', &[b"SELECT '", &[b'x'; 100_000][..], b"'\0"].concat(), &mut query);
    let cut = session.cut(ToServer, &query[..20_000], false);
    assert_eq!(
        cut,
        crate::proxy::Cut::Unit { head: 20_000, kind: UnitKind::Request { replies: 1 }, ends: false }
    );
    assert!(codec::header(&query).is_ok());
}

proptest! {
    #[test]
    fn chunking_changes_nothing(sizes in proptest::collection::vec(1_usize..40, 1..20)) {
        for (script, _) in SCRIPTS {
            check_chunking(session, &borrowed(&talk(script)), &sizes);
        }
    }

    #[test]
    fn random_messages_do_no_harm(
        script in proptest::collection::vec("[<>] [A-Za-z0-9]{1,5}", 0..12),
        noise in proptest::collection::vec(any::<u8>(), 0..40),
        sizes in proptest::collection::vec(1_usize..30, 1..5),
    ) {
        let mut talk = talk(&script.join(" "));
        talk.push((ToServer, noise.clone()));
        talk.push((ToClient, noise));
        let mut turn = sizes.iter().copied().cycle();
        replay(&mut *session(), &borrowed(&talk), || turn.next().unwrap_or(1));
    }
}
