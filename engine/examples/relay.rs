//! A relay by itself, for suites and benchmarks: `relay --listen 127.0.0.1:7000 --upstream 127.0.0.1:6379
//! --protocol redis [--rules 1]`. Its rules match nothing, so that everything is parsed and nothing is changed.

use faultbox_engine::event::EventKind;
use faultbox_engine::model::{
    Action, Clause, Dialect, Endpoint, Glob, InterfaceName, Matcher, Pattern, Protocol, Rule, RuleName,
    ServiceName, Target, Trigger,
};
use faultbox_engine::protocol;
use faultbox_engine::proxy::{Dialer, Observer, Relay, RelayConfig};
use faultbox_engine::rules::RuleSet;
use faultbox_engine::text::{FileId, Span};
use std::collections::HashMap;
use std::error::Error;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// Writes down what should not happen in a suite.
struct Complaints;

impl Observer for Complaints {
    fn event(&self, kind: EventKind) {
        let text = match kind {
            EventKind::ConnectionOpaque { reason, .. } => format!("opaque: {reason}"),
            EventKind::ConnectionFailed { reason, .. } => format!("failed: {reason}"),
            EventKind::RuleFired { operation, .. } => format!("fired: {operation}"),
            _ => return,
        };
        // A closed stderr is no reason to stop relaying.
        let _ = writeln!(std::io::stderr(), "{text}");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let options: HashMap<&str, &str> =
        words.chunks_exact(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
    let option = |name: &str| options.get(name).copied().ok_or(format!("{name} is missing"));
    let protocol = Protocol::from_name(option("--protocol")?).ok_or("no such protocol")?;
    let upstream: SocketAddr = option("--upstream")?.parse()?;
    let rules = RuleSet::new(0);
    let count: usize = options.get("--rules").copied().unwrap_or("1").parse()?;
    let _installed = rules.install((0..count).map(|at| never(protocol, at)).collect());
    let listener = TcpListener::bind(option("--listen")?)?;
    let config = RelayConfig {
        name: "suite.main".to_owned(),
        upstream: Dialer::new(upstream),
        rules: rules.clone(),
        session: Arc::new(move || protocol::session(protocol)),
        observe: Arc::new(Complaints),
        prelude: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let _relay = Relay::start(vec![listener], config);
        std::future::pending::<()>().await;
    });
    Ok(())
}

/// A rule whose first field never fits.
fn never(protocol: Protocol, at: usize) -> Rule {
    let clauses = protocol::schema(protocol).fields.first().map(|field| Clause {
        field: field.name,
        key: None,
        pattern: Pattern::Glob(Glob::new(&format!("no such {at}*"), Dialect::Plain, field.fold_case)),
    });
    Rule {
        name: RuleName(format!("never[{at}]").into()),
        target: Target::Interface(Endpoint {
            service: ServiceName::new("suite"),
            interface: InterfaceName::new("main"),
        }),
        matcher: Matcher::Message(clauses.into_iter().collect()),
        action: Action::Delay(Duration::from_secs(1)),
        trigger: Trigger::ALWAYS,
        label: None,
        span: Span::start_of(FileId(0)),
    }
}
