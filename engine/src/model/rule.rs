//! A rule: on which operations, what to do, and when.

use super::data::Data;
use super::glob::{Glob, Pattern};
use super::ids::{Endpoint, ServiceName};
use super::schema::ActionKind;
use super::units::{Probability, format_duration};
use crate::model::errno::Errno;
use crate::model::syscall::CallShape;
use crate::text::Span;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One written rule.
#[derive(Debug, Clone)]
pub struct Rule {
    pub name: RuleName,
    pub target: Target,
    pub matcher: Matcher,
    pub action: Action,
    pub trigger: Trigger,
    /// The user's own word for it, shown beside what it did.
    pub label: Option<String>,
    /// The expression that made the rule.
    pub span: Span,
}

/// How people see a rule: `api_503[0]`, or `fault[2]` for the third rule written in a test's body.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleName(pub Arc<str>);

/// Whose operations a rule sees.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Target {
    /// Messages on one interface.
    Interface(Endpoint),
    /// Syscalls of one service.
    Service(ServiceName),
}

/// Which operations a rule is for.
#[derive(Debug, Clone, PartialEq)]
pub enum Matcher {
    /// A message matches when every clause does; no clause means every message.
    Message(Vec<Clause>),
    Syscall(SyscallMatcher),
}

/// One field of a message and the pattern it must have.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// A field name of the protocol's schema.
    pub field: &'static str,
    /// The name within a table field, such as the header's.
    pub key: Option<String>,
    pub pattern: Pattern,
}

/// Syscalls of a family or operation, perhaps on certain files or to a certain peer only.
#[derive(Debug, Clone)]
pub struct SyscallMatcher {
    /// The keyword as written: a family, a raw name, or an operation of the service.
    pub keyword: String,
    /// What it stands for on this machine, sorted.
    pub calls: Arc<[CallShape]>,
    /// Glob over the absolute path of a file the call acts on; only a resolved path can match.
    pub path: Option<Glob>,
    /// Where the call connects to or sends to.
    pub peer: Option<Peer>,
}

/// Whom a call that carries an address is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The interface meant, whose service is on this machine; `None` for the port on any machine.
    pub interface: Option<Endpoint>,
    pub port: u16,
    /// Whether it is an interface of datagrams (UDP).
    pub datagrams: bool,
}

impl SyscallMatcher {
    /// The path as written.
    pub fn path_text(&self) -> Option<&str> {
        self.path.as_ref().map(Glob::as_str)
    }
}

impl PartialEq for SyscallMatcher {
    fn eq(&self, other: &SyscallMatcher) -> bool {
        self.calls == other.calls && self.path_text() == other.path_text() && self.peer == other.peer
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.interface {
            Some(interface) => interface.fmt(f),
            None => write!(f, "port {}", self.port),
        }
    }
}

/// What a rule does with an operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// The syscall fails with this errno and is not executed.
    Deny(Errno),
    /// The syscall passes; later rules are not asked.
    Allow,
    /// The operation waits, then later rules are asked.
    Delay(Duration),
    /// The peer gets this answer and the server sees nothing.
    Respond(Params),
    /// The peer gets the protocol's error answer.
    Error(Params),
    Drop(DropMode),
    /// The message is sent twice.
    Duplicate,
    /// The connection ends after this many bytes of the answer.
    Truncate {
        bytes: u64,
    },
    /// The answer flows at most this fast.
    Throttle {
        bytes_per_second: u64,
    },
    /// One byte of the message is changed.
    Corrupt {
        offset: u64,
    },
    /// The datagram goes out after the next one.
    Reorder,
}

/// How a drop ends the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DropMode {
    /// An orderly close without an answer.
    Fin,
    /// A TCP reset.
    Reset,
    /// Nothing: the message vanishes and the connection stays.
    Silent,
}

/// Values for an action's parameters, by the names of the protocol's schema.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Params(pub BTreeMap<&'static str, Data>);

/// When a matching rule acts. All conditions hold together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trigger {
    /// Only on the n-th match, counted from 1.
    pub nth: Option<u64>,
    /// Only behind the first n matches.
    pub after: Option<u64>,
    /// Only on every n-th match.
    pub every: Option<u64>,
    /// At most this many times.
    pub times: Option<u64>,
    pub probability: Probability,
}

impl Trigger {
    pub const ALWAYS: Trigger =
        Trigger { nth: None, after: None, every: None, times: None, probability: Probability::ALWAYS };
}

impl Action {
    /// True when no later rule is asked once this one acted.
    pub fn is_terminal(&self) -> bool {
        !matches!(self, Action::Delay(_))
    }

    /// The kind a protocol's schema lists, `None` for the actions only syscalls have.
    pub fn kind(&self) -> Option<ActionKind> {
        match self {
            Action::Deny(_) | Action::Allow => None,
            Action::Delay(_) => Some(ActionKind::Delay),
            Action::Respond(_) => Some(ActionKind::Respond),
            Action::Error(_) => Some(ActionKind::Error),
            Action::Drop(_) => Some(ActionKind::Drop),
            Action::Duplicate => Some(ActionKind::Duplicate),
            Action::Truncate { .. } => Some(ActionKind::Truncate),
            Action::Throttle { .. } => Some(ActionKind::Throttle),
            Action::Corrupt { .. } => Some(ActionKind::Corrupt),
            Action::Reorder => Some(ActionKind::Reorder),
        }
    }
}

impl Params {
    pub fn str(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        self.0.get(name)?.as_i64()
    }

    pub fn get(&self, name: &str) -> Option<&Data> {
        self.0.get(name)
    }
}

impl Rule {
    /// Two rules with the same key draw the same chances: where it is written does not matter, what it says does.
    pub fn draw_text(&self) -> String {
        format!("{} {} {} {}", self.name, self.target, self.matcher, self.action)
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Interface(endpoint) => endpoint.fmt(f),
            Target::Service(service) => service.fmt(f),
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Matcher::Message(clauses) if clauses.is_empty() => f.write_str("*"),
            Matcher::Message(clauses) => {
                for (at, clause) in clauses.iter().enumerate() {
                    let space = if at == 0 { "" } else { " " };
                    write!(f, "{space}{clause}")?;
                }
                Ok(())
            }
            Matcher::Syscall(matcher) => {
                f.write_str(&matcher.keyword)?;
                matcher.peer.as_ref().map_or(Ok(()), |peer| write!(f, " to {peer}"))?;
                matcher.path_text().map_or(Ok(()), |path| write!(f, " {path}"))
            }
        }
    }
}

impl fmt::Display for Clause {
    /// The fields people read without their name (`POST /data/*`) stand bare, the others as `name=pattern`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key, self.field) {
            (Some(key), field) => write!(f, "{field}[{key}]={}", self.pattern),
            (None, "method" | "path" | "command" | "key" | "query") => write!(f, "{}", self.pattern),
            (None, field) => write!(f, "{field}={}", self.pattern),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Deny(errno) => write!(f, "deny({})", errno.name()),
            Action::Allow => f.write_str("allow"),
            Action::Delay(duration) => write!(f, "delay {}", format_duration(*duration)),
            Action::Respond(params) => write!(f, "response{params}"),
            Action::Error(params) => write!(f, "error{params}"),
            Action::Drop(DropMode::Fin) => f.write_str("drop"),
            Action::Drop(DropMode::Reset) => f.write_str("drop (reset)"),
            Action::Drop(DropMode::Silent) => f.write_str("drop (silent)"),
            Action::Duplicate => f.write_str("duplicate"),
            Action::Truncate { bytes } => write!(f, "truncate after {bytes} bytes"),
            Action::Throttle { bytes_per_second } => write!(f, "throttle {bytes_per_second} B/s"),
            Action::Corrupt { offset } => write!(f, "corrupt byte {offset}"),
            Action::Reorder => f.write_str("reorder"),
        }
    }
}

impl fmt::Display for Params {
    /// Only what tells answers apart: the status, a SQLSTATE, a message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for name in ["status", "sqlstate", "message", "value"] {
            match self.0.get(name) {
                Some(Data::Text(text)) => write!(f, " {text:?}")?,
                Some(value) => write!(f, " {value}")?,
                None => {}
            }
        }
        Ok(())
    }
}
