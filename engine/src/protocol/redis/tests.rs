//! Conversations with a Redis server, written down as redis-server 7.0 speaks, replayed through the session.

mod relay;

use super::{RedisSession, codec};
use crate::model::Params;
use crate::protocol::replay::{Conversation, check_chunking, replay};
use crate::proxy::{Cut, Direction, Fault, Injection, Session, UnitKind, Unsupported};
use Direction::{ToClient, ToServer};
use proptest::prelude::*;
use serde_json::{Value, json};

fn session() -> Box<dyn Session> {
    Box::new(RedisSession::default())
}

/// One letter per unit: `r` a request with a reply, `n` one without, `c` control, `+` a final reply, `-` part of an
/// answer, `p` a push, `?` not understood.
fn letters(talk: Conversation<'_>) -> String {
    let letter = |kind: Option<UnitKind>| match kind {
        Some(UnitKind::Request { replies: 0 }) => 'n',
        Some(UnitKind::Request { .. }) => 'r',
        Some(UnitKind::Control) => 'c',
        Some(UnitKind::Reply { last: true }) => '+',
        Some(UnitKind::Reply { last: false }) => '-',
        Some(UnitKind::Push) => 'p',
        Some(UnitKind::Settle { .. }) | None => '?',
    };
    replay(&mut *session(), talk, || usize::MAX).iter().map(|unit| letter(unit.kind)).collect()
}

#[test]
fn a_long_argument_is_let_go_by_its_length_however_much_of_it_is_there() {
    let head = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$16384\r\n";
    for there in [0, 1, 100, 16_385] {
        let bytes = [&head[..], &vec![b'x'; there]].concat();
        let cut = session().cut(ToServer, &bytes, false);
        assert_eq!(cut, Cut::Unit { head: bytes.len(), kind: UnitKind::Request { replies: 1 }, ends: false });
    }
    let short = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$16381\r\n";
    assert_eq!(session().cut(ToServer, short, false), Cut::More);
}

/// A command of these arguments, as far as `there` bytes, and what rules do not see of it.
fn missing(args: &[&[u8]], there: usize) -> Option<&'static str> {
    let mut bytes = Vec::new();
    codec::write_command(args.iter().copied(), &mut bytes);
    bytes.truncate(there);
    let mut session = session();
    assert!(matches!(session.cut(ToServer, &bytes, false), Cut::Unit { .. }));
    session.missing(&bytes).map(|missing| missing.field)
}

#[test]
fn every_key_of_a_long_command_is_seen_or_reported() {
    let keys: Vec<String> = (0..3000).map(|at| format!("key:{at}")).collect();
    let mut args: Vec<&[u8]> = vec![b"DEL"];
    args.extend(keys.iter().map(|key| key.as_bytes()));
    let mut bytes = Vec::new();
    codec::write_command(args.iter().copied(), &mut bytes);
    let mut session = session();
    for there in (0..bytes.len()).step_by(1400) {
        assert_eq!(session.cut(ToServer, &bytes[..there], false), Cut::More);
    }
    let whole = Cut::Unit { head: bytes.len(), kind: UnitKind::Request { replies: 1 }, ends: true };
    assert_eq!(session.cut(ToServer, &bytes, false), whole);
    assert!(session.message(&bytes).fields.contains(&("key", "key:2999".to_owned())));
    assert_eq!(session.missing(&bytes), None);
    let (long, many) = (vec![b'v'; 20_000], vec![&b"a_key_of_32_bytes_as_uuids_are_1"[..]; 2_500]);
    let value = &long[..];
    assert_eq!(missing(&[b"SET", b"k", value], 100), None);
    assert_eq!(missing(&[b"MSET", b"k", value], 100), None);
    assert_eq!(missing(&[b"MSET", b"k", value, b"l", b"1"], 100), Some("key"));
    assert_eq!(missing(&[b"MSET", b"k", value, b"l", b"1"], usize::MAX), None);
    assert_eq!(missing(&[b"EVAL", value, b"1", b"k"], 100), Some("key"));
    assert_eq!(missing(&[&[&b"DEL"[..]], &many[..]].concat(), 61_440), Some("key"));
    assert_eq!(missing(&[&[&b"RPUSH"[..]], &many[..]].concat(), 61_440), None);
}

#[test]
fn a_command_of_billions_of_arguments_costs_nothing() {
    let mut bytes = b"*2147483647\r\n$3\r\nDEL\r\n$1\r\na\r\n$30000\r\n".to_vec();
    bytes.extend_from_slice(&[b'x'; 100]);
    let mut session = session();
    assert!(matches!(session.cut(ToServer, &bytes, false), Cut::Unit { .. }));
    assert_eq!(session.message(&bytes).fields[1..], [("key", "a".to_owned())]);
    assert!(session.missing(&bytes).is_some());
}

const PIPELINE: Conversation<'static> = &[
    (ToServer, b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\nPING\r\n\r\n*0\r\n"),
    (ToClient, b"+OK\r\n$1\r\n1\r\n+PONG\r\n"),
    (ToServer, b"*2\r\n$4\r\nMGET\r\n$1\r\na\r\n*1\r\n$3\r\nGET\r\n"),
    (ToClient, b"*1\r\n$1\r\n1\r\n-ERR wrong number of arguments for 'get' command\r\n"),
];

const CHANNELS: Conversation<'static> = &[
    (ToServer, b"*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n$1\r\nb\r\n"),
    (ToClient, b"*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"),
    (ToServer, b"PING\r\nPSUBSCRIBE p*\r\n"),
    (ToClient, b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n"),
    (ToClient, b"*3\r\n$10\r\npsubscribe\r\n$2\r\np*\r\n:3\r\n*4\r\n$8\r\npmessage\r\n$2\r\np*\r\n$2\r\npx\r\n$1\r\nm\r\n"),
    (ToServer, b"*1\r\n$11\r\nUNSUBSCRIBE\r\n"),
    (ToClient, b"*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:2\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:1\r\n"),
    (ToServer, b"PUNSUBSCRIBE\r\nUNSUBSCRIBE\r\nLRANGE l 0 -1\r\n"),
    (ToClient, b"*3\r\n$12\r\npunsubscribe\r\n$2\r\np*\r\n:0\r\n*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n"),
    (ToClient, b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n"),
];

const RESP3: Conversation<'static> = &[
    (ToServer, b"HELLO 3\r\n"),
    (ToClient, b"%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$5\r\nproto\r\n:3\r\n"),
    (ToServer, b"SUBSCRIBE a\r\nGET k\r\n"),
    (
        ToClient,
        b">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nx\r\n_\r\n",
    ),
    (ToClient, b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"),
    (ToServer, b"SUNSUBSCRIBE\r\n"),
    (ToClient, b">3\r\n$12\r\nsunsubscribe\r\n_\r\n:0\r\n"),
];

const SILENCE: Conversation<'static> = &[
    (ToServer, b"CLIENT REPLY SKIP\r\nSET a 1\r\nGET a\r\nCLIENT REPLY OFF\r\nSET a 2\r\nCLIENT REPLY ON\r\nGET a\r\n"),
    (ToClient, b"$1\r\n1\r\n+OK\r\n$1\r\n2\r\n"),
];

const TRANSACTION: Conversation<'static> = &[
    (ToServer, b"MULTI\r\nSET a 1\r\nCLIENT REPLY OFF\r\nEXEC\r\nSUBSCRIBE x\r\n"),
    (ToClient, b"+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n-NOPERM no\r\n"),
    (ToClient, b"-ERR max number of clients reached\r\n"),
];

const REPLICA: Conversation<'static> = &[
    (ToServer, b"PING\r\n"),
    (ToClient, b"+PONG\r\n"),
    (ToServer, b"*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n"),
    (ToClient, b"+FULLRESYNC 8371b4 0\r\n$EOF:xyz\r\n"),
];

#[test]
fn replies_find_their_commands() {
    assert_eq!(letters(PIPELINE), "rrrcc+++rr++");
    assert_eq!(letters(CHANNELS), "r-+rrp++pr-+rrr+++");
    assert_eq!(letters(RESP3), "r+rr+p+pr+");
    assert_eq!(letters(SILENCE), "nnrnnrr+++");
    assert_eq!(letters(TRANSACTION), "rrrrr+++++p");
    assert_eq!(letters(REPLICA), "r+??");
}

#[test]
fn rules_see_command_and_keys_but_no_secrets() {
    let shown = |line: &[u8]| {
        let mut session = session();
        assert!(matches!(session.cut(ToServer, line, false), Cut::Unit { .. }));
        let message = session.message(line);
        let keys = message.fields.iter().filter(|(name, _)| *name == "key").map(|(_, key)| key.clone());
        (message.description, keys.collect::<Vec<_>>())
    };
    assert_eq!(shown(b"set user:1 x\r\n"), ("SET user:1".to_owned(), vec!["user:1".to_owned()]));
    assert_eq!(shown(b"MSET a 1 b 2\r\n"), ("MSET a".to_owned(), vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(shown(b"AUTH secret\r\n"), ("AUTH".to_owned(), vec![]));
    assert_eq!(shown(b"HELLO 3 AUTH me secret\r\n"), ("HELLO".to_owned(), vec![]));
}

/// Sends `before` through a session, injects into the last command, and gives what goes where.
fn inject(before: Conversation<'_>, fault: (&str, Value)) -> Result<(String, String, u32), Unsupported> {
    let mut session = session();
    replay(&mut *session, before, || usize::MAX);
    let mut params = Params::default();
    let mut out = Injection::default();
    let fault = match fault {
        ("error", message) => {
            params.0.insert("message", message.into());
            Fault::Error(&params)
        }
        (_, value) => {
            params.0.insert("value", value.into());
            Fault::Respond(&params)
        }
    };
    session.inject(&fault, &mut out)?;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ok((text(out.to_client), text(out.to_server), out.swallow_replies))
}

#[test]
fn an_error_in_a_transaction_reaches_the_server_too() {
    let error = || ("error", json!("READONLY no"));
    let readonly = "-READONLY no\r\n".to_owned();
    assert_eq!(inject(&[(ToServer, b"SET a 1\r\n")], error()), Ok((readonly.clone(), String::new(), 0)));
    let queued = inject(&[(ToServer, b"MULTI\r\nSET a 1\r\n")], error());
    assert_eq!(queued, Ok((readonly.clone(), "*1\r\n$3\r\nGET\r\n".to_owned(), 1)));
    let exec = inject(&[(ToServer, b"MULTI\r\nSET a 1\r\nEXEC\r\n")], error());
    assert_eq!(exec, Ok((readonly.clone(), "*1\r\n$7\r\nDISCARD\r\n".to_owned(), 1)));
    let outside = inject(&[(ToServer, b"MULTI\r\nEXEC\r\nGET a\r\n")], error());
    assert_eq!(outside, Ok((readonly, String::new(), 0)));
    let skipped = inject(&[(ToServer, b"CLIENT REPLY SKIP\r\nGET a\r\n")], error());
    assert_eq!(skipped, Ok((String::new(), "*1\r\n$3\r\nGET\r\n".to_owned(), 0)));
}

#[test]
fn values_fit_the_version_and_the_command() {
    let answer = |talk, value| inject(talk, ("respond", value)).map(|(to_client, _, _)| to_client);
    assert_eq!(answer(&[(ToServer, b"GET a\r\n")], json!(null)), Ok("$-1\r\n".to_owned()));
    assert_eq!(answer(&[(ToServer, b"BLPOP a 0\r\n")], json!(null)), Ok("*-1\r\n".to_owned()));
    assert_eq!(answer(&[(ToServer, b"SET a 1\r\n")], json!("OK")), Ok("+OK\r\n".to_owned()));
    let hello: Conversation<'_> = &[RESP3[0], RESP3[1], (ToServer, b"GET a\r\n")];
    assert_eq!(answer(hello, json!(null)), Ok("_\r\n".to_owned()));
    assert!(answer(&[(ToServer, b"MULTI\r\nGET a\r\n")], json!("x")).is_err());
    assert!(answer(&[(ToServer, b"SUBSCRIBE a\r\n")], json!("x")).is_err());
    assert!(answer(&[(ToServer, b"HELLO 3\r\n")], json!("x")).is_err());
}

#[test]
fn a_command_that_vanishes_owes_no_reply_and_changes_no_mode() {
    let mut session = session();
    replay(&mut *session, &[(ToServer, b"GET a\r\nMULTI\r\n")], || usize::MAX);
    session.vanish();
    let after =
        replay(&mut *session, &[(ToServer, b"GET b\r\n"), (ToClient, b"$-1\r\n$-1\r\n+OK\r\n")], || {
            usize::MAX
        });
    let kinds: Vec<_> = after.iter().filter_map(|unit| unit.kind).collect();
    let reply = UnitKind::Reply { last: true };
    assert_eq!(kinds, [UnitKind::Request { replies: 1 }, reply, reply, UnitKind::Push]);
}

#[test]
fn a_large_value_is_let_go_before_its_end() {
    let head = UnitKind::Request { replies: 1 };
    let refused = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2000000000\r\n";
    assert_eq!(
        session().cut(ToServer, refused, false),
        Cut::Unit { head: refused.len(), kind: head, ends: false }
    );
    let mut command = b"*3\r\n$10\r\n".to_vec();
    assert_eq!(session().cut(ToServer, &command, false), Cut::More);
    command = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000000\r\n".to_vec();
    command.resize(20_000, b'x');
    let mut session = session();
    let cut = session.cut(ToServer, &command, false);
    assert_eq!(cut, Cut::Unit { head: 20_000, kind: UnitKind::Request { replies: 1 }, ends: false });
    assert_eq!(session.message(&command).description, "SET k");
}

proptest! {
    #[test]
    fn chunking_changes_nothing(sizes in proptest::collection::vec(1_usize..40, 1..20)) {
        for talk in [PIPELINE, CHANNELS, RESP3, SILENCE, TRANSACTION, REPLICA] {
            check_chunking(session, talk, &sizes);
        }
    }

    #[test]
    fn random_bytes_do_no_harm(
        talk in proptest::collection::vec((any::<bool>(), "([*$%>:+-][0-9]{0,2}\r\n|[A-Z]{4,6}( [a-z]){0,3}\r\n|.{0,3}){0,6}"), 1..8),
        sizes in proptest::collection::vec(1_usize..20, 1..5),
    ) {
        let talk: Vec<(Direction, &[u8])> =
            talk.iter().map(|(up, text)| (if *up { ToServer } else { ToClient }, text.as_bytes())).collect();
        let mut turn = sizes.iter().copied().cycle();
        replay(&mut *session(), &talk, || turn.next().unwrap_or(1));
    }
}
