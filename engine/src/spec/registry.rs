//! THE table of builtins: what each takes, where it may be called, what it gives back.
//!
//! Argument checks, did-you-mean, completion, hover, signature help and the manual all read it. Each theme's entries
//! stand beside their implementation in `builtins/`.

use super::builtins;
use crate::model::{ActionKind, Param, ParamType};

/// One builtin of the spec language.
pub struct Builtin {
    pub name: &'static str,
    /// In call order.
    pub params: &'static [Param],
    /// How many of `params`, from the front, may be given by position.
    pub positional: usize,
    /// What further positionals mean.
    pub rest: Rest,
    /// What keywords outside `params` mean.
    pub keywords: Keywords,
    pub context: Context,
    /// What it returns, in a word or two.
    pub returns: &'static str,
    pub group: Group,
    /// Worth a snippet in completion.
    pub snippet: bool,
    /// One or two sentences for hover and the manual.
    pub doc: &'static str,
    pub(super) run: builtins::Run,
}

/// What positionals behind the named parameters mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    None,
    /// Any number of values of this type.
    Many(&'static str, ParamType),
}

/// What keywords outside the parameters mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keywords {
    /// There are none.
    Closed,
    /// A syscall, family or operation of the service, with a syscall fault.
    Syscalls,
    /// A field or parameter of the target's protocol, for rules with this action.
    Rule(ActionKind),
    /// Any name.
    Open,
}

/// When a builtin may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// While the spec loads.
    Load,
    /// In a running test.
    Body,
    Both,
}

/// Chapters of the manual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Topology,
    Model,
    Rules,
    Syscalls,
    Assertions,
    Inject,
    Data,
    Control,
}

/// Every builtin, theme by theme.
pub fn all() -> impl Iterator<Item = &'static Builtin> {
    builtins::THEMES.iter().flat_map(|theme| theme.iter())
}

/// The builtin of this name. `delay` has two entries, by layer; this gives the syscall one.
pub fn find(name: &str) -> Option<&'static Builtin> {
    all().find(|builtin| builtin.name == name)
}

/// When a rule acts: what every protocol rule takes besides its own.
pub fn triggers() -> &'static [Param] {
    builtins::rules::TRIGGERS
}

/// Names of the original language this version does not have, with what to use or expect instead.
pub const NOT_SUPPORTED: &[(&str, &str)] = &[
    ("always", TEMPORAL),
    ("assert_before", TRACE),
    ("assert_eventually", TRACE),
    ("assert_never", TRACE),
    ("assume", FAN_OUT),
    ("await_event", TEMPORAL),
    ("await_stable", TEMPORAL),
    ("bandwidth", PACKETS),
    ("bytes_response", MOCKS),
    ("choose", FAN_OUT),
    (
        "client",
        "contract clients are not there yet; make the step on the interface, such as api.get(path=...)",
    ),
    ("decoder", TRACE),
    ("determinism", "unmediated clocks and randomness are not detected yet"),
    ("dynamic", MOCKS),
    ("events", TRACE),
    ("eventually", TEMPORAL),
    ("grpc_error", MOCKS),
    ("grpc_raw_response", MOCKS),
    ("grpc_response", MOCKS),
    ("grpc_typed_response", MOCKS),
    ("halt", FAN_OUT),
    ("json_response", MOCKS),
    ("jwt_jwks", "tokens are not made yet; load one with load_file(...)"),
    ("jwt_keypair", "tokens are not made yet; load one with load_file(...)"),
    ("jwt_sign", "tokens are not made yet; load one with load_file(...)"),
    ("kafka_ready", "Kafka is not there yet; use tcp(...) for readiness"),
    ("match", TRACE),
    ("mock_service", MOCKS),
    ("monitor", "monitors are not there yet; assert in the scenario or in expect="),
    ("mtu", PACKETS),
    ("nondet", FAN_OUT),
    ("observe", TRACE),
    ("packet_corrupt", PACKETS),
    ("packet_delay", PACKETS),
    ("packet_drop", PACKETS),
    ("packet_duplicate", PACKETS),
    ("packet_pass", PACKETS),
    ("packet_reorder", PACKETS),
    ("packet_reset", PACKETS),
    ("packet_window", PACKETS),
    ("partition", PARTITION),
    ("partition_start", PARTITION),
    ("partition_stop", PARTITION),
    ("redirect", MOCKS),
    ("remotes", "remote services are not there yet; start the service from a binary"),
    ("sleep", "tests do not sleep; use a delay rule, or make a step that waits"),
    ("status_only", MOCKS),
    ("test", "write the test as `def test_name():`"),
    ("text_response", MOCKS),
    ("tls_cert", "TLS is not there yet"),
    ("trace", TRACE),
    ("trace_start", TRACE),
    ("trace_stop", TRACE),
    ("watch", TRACE),
    ("watch_start", TRACE),
    ("watch_stop", TRACE),
];

const TRACE: &str = "questions about the trace are not there yet; assert on what a step returns";
const TEMPORAL: &str = "temporal properties are not there yet; assert on what a step returns";
const FAN_OUT: &str =
    "a test does not fan out yet; use a fault_matrix, or a loop that declares several tests";
const PACKETS: &str =
    "packet faults are not there yet; use drop(...), delay(delay=...) or throttle(...) on the interface";
const MOCKS: &str = "mock services are not there yet; start a small program as a service";
const PARTITION: &str = "partitions are not there yet; use drop(mode=\"silent\") on the interface, or connect=deny(\"EHOSTUNREACH\", to=db.main)";

/// What to do instead of a name this version does not have.
pub fn not_supported(name: &str) -> Option<&'static str> {
    NOT_SUPPORTED.iter().find(|(known, _)| *known == name).map(|(_, instead)| *instead)
}

/// Arguments that builtins know only to say that they are not supported yet.
const REFUSED: &[(&[&str], &[&str])] = &[
    (&["deny", "delay"], &["max_fires", "mode"]),
    (&["interface"], &["spec", "tls"]),
    (&["fault_assumption", "fault_scenario", "fault_matrix"], &["monitors"]),
    (&["fault"], &["source"]),
    (&["parallel"], &["interleavings"]),
];

/// True when an argument of a builtin is only there to be refused.
pub fn refuses(builtin: &str, argument: &str) -> bool {
    REFUSED.iter().any(|(builtins, arguments)| builtins.contains(&builtin) && arguments.contains(&argument))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_not_supported_is_refused() {
        for builtin in all() {
            for param in builtin.params {
                let is_told = param.doc.contains("not supported yet");
                assert_eq!(refuses(builtin.name, param.name), is_told, "{}({}=)", builtin.name, param.name);
            }
        }
    }

    #[test]
    fn names_are_unique_and_documented() {
        let mut seen = BTreeSet::new();
        for builtin in all() {
            // `delay` has a form per layer.
            let new = seen.insert(builtin.name) || builtin.name == "delay";
            assert!(new, "{} is there twice", builtin.name);
            assert!(builtin.doc.ends_with('.'), "{} has no doc", builtin.name);
            assert!(builtin.positional <= builtin.params.len());
            assert!(not_supported(builtin.name).is_none(), "{} is supported", builtin.name);
            for param in builtin.params {
                assert!(!param.doc.is_empty(), "{}({}=) has no doc", builtin.name, param.name);
            }
        }
    }
}
