//! Walks the schema of every protocol: what it lists is documented, can be completed, can be carried out, is fuzzed,
//! and has transcripts that a relay passes on byte for byte.

#[path = "../benches/fuzz/mutate.rs"]
#[expect(dead_code, reason = "the fuzzer uses the rest")]
mod mutate;
#[path = "../benches/fuzz/transcript.rs"]
mod transcript;

use faultbox_engine::event::EventKind;
use faultbox_engine::model::{
    Action, ActionKind, Clause, Dialect, Domain, DropMode, Endpoint, Glob, Matcher, Param, ParamType, Params,
    Pattern, Protocol, Rule, RuleName, Schema, Target, Transport, Trigger,
};
use faultbox_engine::protocol;
use faultbox_engine::proxy::{
    Cut, Dialer, Direction, Fault, Injection, Observer, Relay, RelayConfig, Session, UnitKind,
};
use faultbox_engine::rules::{Installed, RuleSet};
use faultbox_engine::text::{FileId, Span};
use mutate::Random;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn schemas() -> impl Iterator<Item = &'static Schema> {
    Protocol::ALL.iter().map(|&protocol| protocol::schema(protocol))
}

fn check_doc(place: &str, doc: &str) {
    assert!(doc.trim() == doc && doc.len() > 5, "{place}: {doc:?}");
    assert!(doc.ends_with('.'), "{place} ends without a full stop: {doc:?}");
    assert!(!doc.contains("  ") && !doc.contains('\n'), "{place} has stray space: {doc:?}");
}

fn check_param(place: &str, param: &Param) {
    let place = format!("{place}({})", param.name);
    check_doc(&place, param.doc);
    check_domain(&place, param.domain);
    let expected = match param.ty {
        ParamType::Duration => Some(Domain::Duration),
        ParamType::Probability => Some(Domain::Probability),
        _ => None,
    };
    assert!(expected.is_none_or(|domain| domain == param.domain), "{place}: an editor has nothing to offer");
}

fn check_domain(place: &str, domain: Domain) {
    let Domain::Words(words) = domain else { return };
    assert!(!words.is_empty() && words.iter().all(|word| !word.is_empty()), "{place}: empty words");
}

#[test]
fn everything_is_documented_and_can_be_completed() {
    for schema in schemas() {
        let name = schema.protocol.name();
        check_doc(name, schema.doc);
        assert!(
            !schema.fields.is_empty() && !schema.actions.is_empty(),
            "{name} has nothing to match or to do"
        );
        for field in schema.fields {
            let place = format!("{name}.{}", field.name);
            check_doc(&place, field.doc);
            check_domain(&place, field.domain);
        }
        for action in schema.actions {
            let place = format!("{name} {}", action.kind.builtin());
            check_doc(&place, action.doc);
            action.params.iter().for_each(|param| check_param(&place, param));
        }
        for step in schema.steps {
            let place = format!("{name}.{}", step.name);
            check_doc(&place, step.doc);
            step.params.iter().for_each(|param| check_param(&place, param));
        }
    }
}

#[test]
fn names_stand_once() {
    for schema in schemas() {
        let mut names: Vec<&str> = schema
            .fields
            .iter()
            .flat_map(|field| field.aliases.iter().copied().chain([field.name]))
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count, "{}: a field name stands twice", schema.protocol);
        let mut kinds: Vec<ActionKind> = schema.actions.iter().map(|action| action.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        assert_eq!(kinds.len(), schema.actions.len(), "{}: an action stands twice", schema.protocol);
    }
}

/// Sessions, each behind a request of a transcript: one per request.
fn asked(protocol: Protocol) -> Vec<Box<dyn Session>> {
    let talks = transcript::of(protocol);
    let stops = talks.iter().flat_map(|(_, talk)| (1..12).filter_map(|count| behind(protocol, talk, count)));
    stops.collect()
}

/// The session behind the request number `count`; `None` when there are fewer.
fn behind(protocol: Protocol, talk: &transcript::Talk, mut count: u32) -> Option<Box<dyn Session>> {
    let mut session = protocol::session(protocol);
    for (direction, bytes) in talk {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let taken = match session.cut(*direction, rest, false) {
                Cut::More | Cut::Left(_) | Cut::Opaque(_) => break,
                Cut::Unit { head, kind, .. } => {
                    count -= u32::from(matches!(kind, UnitKind::Request { .. }));
                    if count == 0 {
                        return Some(session);
                    }
                    head
                }
                Cut::Body { len, .. } => len,
            };
            rest = &rest[taken..];
        }
    }
    None
}

#[test]
fn a_session_answers_as_its_schema_says() {
    for schema in schemas().filter(|schema| schema.transport == Transport::Stream) {
        for kind in [ActionKind::Respond, ActionKind::Error] {
            let params = Params::default();
            let fault =
                if kind == ActionKind::Respond { Fault::Respond(&params) } else { Fault::Error(&params) };
            let mut answered = 0;
            for mut session in asked(schema.protocol) {
                let mut out = Injection::default();
                if session.inject(&fault, &mut out).is_ok() {
                    let changes = !out.to_client.is_empty() || !out.to_server.is_empty() || out.close;
                    answered += u32::from(changes);
                }
            }
            let listed = schema.actions.iter().any(|action| action.kind == kind);
            assert_eq!(answered > 0, listed, "{} {}: {answered} answers", schema.protocol, kind.builtin());
        }
    }
}

#[test]
fn every_protocol_is_fuzzed_and_written_down() {
    let targets = include_str!("../benches/fuzz/targets.rs");
    for protocol in Protocol::ALL {
        assert!(targets.contains(&format!("name: \"{protocol}\"")), "{protocol} has no fuzz target");
        let talks = transcript::of(*protocol);
        let says = |wanted: Direction| talks.iter().any(|(_, talk)| talk.iter().any(|turn| turn.0 == wanted));
        assert!(says(Direction::ToServer) && says(Direction::ToClient), "{protocol} has no transcript");
    }
}

struct Deaf;

impl Observer for Deaf {
    fn event(&self, _kind: EventKind) {}
}

/// Rules that look at every field and fit nothing.
fn never(schema: &Schema) -> Vec<Rule> {
    let rule = |field: &faultbox_engine::model::Field| Rule {
        name: RuleName(format!("never {}", field.name).into()),
        target: Target::Interface(Endpoint { service: "db".into(), interface: "main".into() }),
        matcher: Matcher::Message(vec![Clause {
            field: field.name,
            key: None,
            pattern: Pattern::Glob(Glob::new("no such*thing", Dialect::Plain, field.fold_case)),
        }]),
        action: Action::Drop(DropMode::Fin),
        trigger: Trigger::ALWAYS,
        label: None,
        span: Span::start_of(FileId(0)),
    };
    schema.fields.iter().map(rule).collect()
}

/// Sends the turns of one side in random pieces, and before each of them waits for what the other side said first.
async fn play(mut peer: TcpStream, us: Direction, talk: &transcript::Talk, random: &mut Random) -> Vec<u8> {
    // Small pieces must not wait for acknowledgements.
    peer.set_nodelay(true).unwrap();
    let (mut seen, mut due) = (Vec::new(), 0);
    for (direction, bytes) in talk {
        if *direction != us {
            due += bytes.len();
            continue;
        }
        while seen.len() < due {
            assert_ne!(peer.read_buf(&mut seen).await.unwrap(), 0, "the other side ended early");
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(1 + random.below(rest.len()));
            peer.write_all(piece).await.unwrap();
            rest = later;
            tokio::task::yield_now().await;
        }
    }
    while seen.len() < due {
        assert_ne!(peer.read_buf(&mut seen).await.unwrap(), 0, "the other side ended early");
    }
    peer.shutdown().await.unwrap();
    peer.read_to_end(&mut seen).await.unwrap();
    seen
}

/// A relay with rules that fit nothing, in front of a server.
struct Stand {
    schema: &'static Schema,
    server: TcpListener,
    address: SocketAddr,
    relay: Relay,
    _installed: Installed,
}

impl Stand {
    async fn new(schema: &'static Schema) -> Stand {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let rules = RuleSet::new(0);
        let installed = rules.install(never(schema));
        let config = RelayConfig {
            name: "db.main".to_owned(),
            upstream: Dialer::new(server.local_addr().unwrap()),
            rules,
            session: Arc::new(|| protocol::session(schema.protocol)),
            observe: Arc::new(Deaf),
            prelude: None,
        };
        let relay = Relay::start(vec![listener], config);
        Stand { schema, server, address, relay, _installed: installed }
    }

    async fn pass_on(&self, name: &str, talk: &transcript::Talk, seed: u64) {
        let protocol = self.schema.protocol;
        let client = TcpStream::connect(self.address).await.unwrap();
        let (service, _) = self.server.accept().await.unwrap();
        let (mut ours, mut theirs) = (Random::new(2 * seed), Random::new(2 * seed + 1));
        let both = async {
            tokio::join!(
                play(client, Direction::ToServer, talk, &mut ours),
                play(service, Direction::ToClient, talk, &mut theirs)
            )
        };
        let both = tokio::time::timeout(Duration::from_secs(10), both).await;
        let (replies, requests) = both.unwrap_or_else(|_| panic!("{protocol}/{name} hangs, seed {seed}"));
        for (direction, seen) in [(Direction::ToServer, requests), (Direction::ToClient, replies)] {
            let said = talk.iter().filter(|turn| turn.0 == direction).flat_map(|turn| turn.1.clone());
            assert_eq!(seen, said.collect::<Vec<u8>>(), "{protocol}/{name}, seed {seed}");
        }
    }
}

/// Of each protocol's transcripts together; takes seconds in a debug build.
const CHUNKINGS: u64 = 10_000;

#[tokio::test]
async fn transcripts_pass_a_relay_byte_for_byte_however_they_are_cut() {
    for schema in schemas().filter(|schema| schema.transport == Transport::Stream) {
        let (stand, talks) = (Stand::new(schema).await, transcript::of(schema.protocol));
        for (seed, (name, talk)) in (0..CHUNKINGS).zip(talks.iter().cycle()) {
            stand.pass_on(name, talk, seed).await;
        }
        stand.relay.stop().await;
    }
}

#[test]
fn the_manual_in_the_tree_is_the_one_the_program_prints() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../MANUAL.md");
    let text = faultbox_engine::ide::manual::text();
    if std::env::var_os("FAULTBOX_UPDATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == text,
        "MANUAL.md is out of date: FAULTBOX_UPDATE=1 cargo test -p faultbox-engine --test schemas"
    );
}
