//! The relay as a program: this one again, in a process of its own.

use super::runtime::block_on;
use faultbox_engine::event::EventKind;
use faultbox_engine::model::{
    Action, Clause, Dialect, Endpoint, Glob, Matcher, Pattern, Protocol, Rule, RuleName, Target, Trigger,
};
use faultbox_engine::protocol;
use faultbox_engine::proxy::{Dialer, Observer, Relay, RelayConfig};
use faultbox_engine::rules::RuleSet;
use faultbox_engine::text::{FileId, Span};
use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

struct Deaf;

impl Observer for Deaf {
    fn event(&self, _kind: EventKind) {}
}

/// Relays until standard input ends: `--relay UPSTREAM PROTOCOL RULES`, where the rules are `delay:MILLISECONDS`,
/// `throttle:BYTES_PER_SECOND` or a number of rules on what nobody asks for. Prints its address.
pub(crate) fn run_relay(upstream: &str, protocol: &str, rules: &str) {
    let upstream = upstream.parse().expect("an address");
    let protocol = Protocol::from_name(protocol).expect("a protocol");
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    println!("{}", listener.local_addr().expect("a bound address"));
    let set = RuleSet::new(0);
    let _installed = set.install(read_rules(protocol, rules));
    let config = RelayConfig {
        name: "bench.main".to_owned(),
        upstream: Dialer::new(upstream),
        rules: set.clone(),
        session: Arc::new(move || protocol::session(protocol)),
        observe: Arc::new(Deaf),
        prelude: None,
    };
    std::thread::spawn(|| {
        // Whatever ends the pipe ends the relay.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    block_on(async {
        let _relay = Relay::start(vec![listener], config);
        std::future::pending::<()>().await;
    });
}

fn read_rules(protocol: Protocol, text: &str) -> Vec<Rule> {
    let number = |text: &str| text.parse().expect("a number");
    if let Some(delay) = text.strip_prefix("delay:") {
        return vec![rule("path", "/*", Action::Delay(Duration::from_millis(number(delay))))];
    }
    if let Some(rate) = text.strip_prefix("throttle:") {
        return vec![rule("path", "/*", Action::Throttle { bytes_per_second: number(rate) })];
    }
    // Each protocol's rules look at what costs it most to find.
    let field = match protocol {
        Protocol::Redis => "key",
        Protocol::Postgres => "query",
        Protocol::Tcp => "data",
        _ => "path",
    };
    (0..number(text)).map(|at| rule(field, &format!("/none/{at}/*"), Action::Duplicate)).collect()
}

fn rule(field: &'static str, glob: &str, action: Action) -> Rule {
    let dialect = if field == "path" { Dialect::Path } else { Dialect::Plain };
    let pattern = Pattern::Glob(Glob::new(glob, dialect, false));
    Rule {
        name: RuleName("bench[0]".into()),
        target: Target::Interface(Endpoint { service: "bench".into(), interface: "main".into() }),
        matcher: Matcher::Message(vec![Clause { field, key: None, pattern }]),
        action,
        trigger: Trigger::ALWAYS,
        label: None,
        span: Span::start_of(FileId(0)),
    }
}
