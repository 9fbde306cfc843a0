//! The shape of protocols and builtins: which fields a rule may match, which actions it may take, which steps a test
//! may make, and which parameters each takes. One table drives argument checks, completion, hover and the manual.

use super::rule::{Clause, Params};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A protocol an interface may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
    Http,
    Redis,
    Postgres,
}

impl Protocol {
    pub const ALL: &[Protocol] =
        &[Protocol::Http, Protocol::Tcp, Protocol::Udp, Protocol::Redis, Protocol::Postgres];

    /// Protocols of the original language that this version cannot relay yet.
    pub const PLANNED: &[&str] = &[
        "http2",
        "grpc",
        "mysql",
        "kafka",
        "mongodb",
        "nats",
        "amqp",
        "memcached",
        "cassandra",
        "clickhouse",
    ];

    pub fn name(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
            Protocol::Http => "http",
            Protocol::Redis => "redis",
            Protocol::Postgres => "postgres",
        }
    }

    pub fn from_name(name: &str) -> Option<Protocol> {
        Protocol::ALL.iter().copied().find(|protocol| protocol.name() == name)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Stream,
    Datagram,
}

/// What one protocol can do.
#[derive(Debug)]
pub struct Schema {
    pub protocol: Protocol,
    /// One sentence for hover and the manual.
    pub doc: &'static str,
    pub transport: Transport,
    pub default_port: u16,
    pub fields: &'static [Field],
    pub actions: &'static [ActionSpec],
    pub steps: &'static [StepSpec],
    /// What about an action's parameters, each of the right type by itself, cannot go on the wire. Asked when a rule
    /// meets its interface, so that what is not refused can be sent.
    pub verify: fn(ActionKind, &Params, &[Clause]) -> Option<Objection>,
}

/// Why a parameter of an action cannot go on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// The parameter that is wrong; where it was left out, its rule is.
    pub param: &'static str,
    pub message: String,
    /// What would be right.
    pub label: String,
    pub help: Option<String>,
}

impl Objection {
    pub fn new(param: &'static str, message: impl Into<String>, label: impl Into<String>) -> Objection {
        Objection { param, message: message.into(), label: label.into(), help: None }
    }

    pub fn help(self, help: impl Into<String>) -> Objection {
        Objection { help: Some(help.into()), ..self }
    }
}

/// Something of a message that a rule may match.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    /// Other spellings a spec may use, such as `op` for `method`.
    pub aliases: &'static [&'static str],
    pub kind: FieldKind,
    pub dialect: super::Dialect,
    /// True when letters compare without case.
    pub fold_case: bool,
    pub doc: &'static str,
    pub domain: Domain,
}

/// Whether a field is one text or a table of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// One text: `path = "/x"`.
    Text,
    /// Named texts: `header = {"accept": "*json*"}`. Names compare without case when the flag says so.
    Table { fold_names: bool },
    /// Either: a glob over the raw text, or a table of names to globs.
    TextOrTable,
}

/// What a rule may do with a message it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionKind {
    Respond,
    Error,
    Delay,
    Drop,
    Duplicate,
    Truncate,
    Throttle,
    Corrupt,
    Reorder,
}

impl ActionKind {
    pub const ALL: &[ActionKind] = &[
        ActionKind::Respond,
        ActionKind::Error,
        ActionKind::Delay,
        ActionKind::Drop,
        ActionKind::Duplicate,
        ActionKind::Truncate,
        ActionKind::Throttle,
        ActionKind::Corrupt,
        ActionKind::Reorder,
    ];

    /// The builtin that makes a rule with this action.
    pub fn builtin(self) -> &'static str {
        match self {
            ActionKind::Respond => "response",
            ActionKind::Error => "error",
            ActionKind::Delay => "delay",
            ActionKind::Drop => "drop",
            ActionKind::Duplicate => "duplicate",
            ActionKind::Truncate => "truncate",
            ActionKind::Throttle => "throttle",
            ActionKind::Corrupt => "corrupt",
            ActionKind::Reorder => "reorder",
        }
    }
}

/// One action of a protocol with the parameters it takes there.
#[derive(Debug)]
pub struct ActionSpec {
    pub kind: ActionKind,
    pub params: &'static [Param],
    /// What the peer sees, in one sentence.
    pub doc: &'static str,
}

/// A call a test may make on an interface.
#[derive(Debug)]
pub struct StepSpec {
    pub name: &'static str,
    pub params: &'static [Param],
    pub returns: Returns,
    pub doc: &'static str,
}

/// What a step gives back to the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returns {
    /// A response value; a transport failure gives `ok = False`.
    Response,
    /// Plain text; a transport failure fails the test.
    Text,
}

/// One parameter of a builtin, an action or a step.
#[derive(Debug, Clone, Copy)]
pub struct Param {
    pub name: &'static str,
    pub ty: ParamType,
    /// `None` when the caller must give it; else the default as a spec would write it.
    pub default: Option<&'static str>,
    pub domain: Domain,
    pub doc: &'static str,
}

impl Param {
    pub fn is_required(&self) -> bool {
        self.default.is_none()
    }
}

/// The type a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamType {
    Str,
    /// Text, sent as UTF-8, or bytes, sent as they are.
    StrOrBytes,
    Int,
    /// Int or float.
    Number,
    Bool,
    /// A duration as text, such as `"500ms"`.
    Duration,
    /// A fraction from 0 to 1, or text such as `"30%"`.
    Probability,
    /// Text or bytes, or a dict or list that is sent as JSON.
    Body,
    /// Any plain data: None, bool, int, float, str, bytes, list, dict.
    Data,
    /// A dict of text to text; ints and bools are written as text.
    StrDict,
    /// A list of text.
    StrList,
    /// A glob or `re("...")`.
    Pattern,
    /// A glob or `re("...")`, or a dict of names to such.
    PatternOrTable,
    Callable,
    Service,
    Interface,
    InterfaceRef,
    /// A service or an interface of one.
    ServiceOrInterface,
    Healthcheck,
    Assumption,
    /// An assumption or a list of them.
    Assumptions,
    /// `deny(...)`, `delay("...")` or `allow()`.
    SyscallFault,
    /// `response(...)`, `error(...)`, `delay(delay=...)`, `drop(...)` and so on.
    ProtocolRule,
    /// A list of values of the kind the builtin's doc names.
    List,
    /// A dict of the kind the builtin's doc names.
    Dict,
    Any,
}

impl ParamType {
    /// How a message names the type.
    pub fn words(self) -> &'static str {
        match self {
            ParamType::Str => "a string",
            ParamType::StrOrBytes => "a string or bytes",
            ParamType::Int => "an int",
            ParamType::Number => "a number",
            ParamType::Bool => "True or False",
            ParamType::Duration => "a duration such as \"500ms\"",
            ParamType::Probability => "a probability such as 0.3 or \"30%\"",
            ParamType::Body => "a string or bytes, or a dict or list that is sent as JSON",
            ParamType::Data => "plain data",
            ParamType::StrDict => "a dict of strings",
            ParamType::StrList => "a list of strings",
            ParamType::Pattern => "a glob string or re(\"...\")",
            ParamType::PatternOrTable => "a glob string, re(\"...\"), or a dict of name to glob",
            ParamType::Callable => "a function or lambda",
            ParamType::Service => "a service",
            ParamType::Interface => "an interface(...)",
            ParamType::InterfaceRef => "an interface of a service, such as db.main",
            ParamType::ServiceOrInterface => "a service or an interface of one",
            ParamType::Healthcheck => "a healthcheck: tcp(...), http(...) or ready()",
            ParamType::Assumption => "a fault_assumption",
            ParamType::Assumptions => "a fault_assumption or a list of them",
            ParamType::SyscallFault => "a syscall fault: deny(...), delay(\"...\") or allow()",
            ParamType::ProtocolRule => {
                "a protocol rule: response(...), error(...), delay(delay=...) or drop(...)"
            }
            ParamType::List => "a list",
            ParamType::Dict => "a dict",
            ParamType::Any => "a value",
        }
    }
}

/// The words an editor may offer for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Domain {
    None,
    Errno,
    Syscall,
    Protocol,
    HttpMethod,
    HttpStatus,
    /// Request paths seen in the spec.
    RequestPath,
    FilePath,
    Duration,
    Probability,
    ServiceName,
    Address,
    /// A port of an interface.
    Port,
    Header,
    RedisCommand,
    SqlState,
    /// One of these words.
    Words(&'static [&'static str]),
}
