//! What rules may match and do on a Redis connection, and which steps a test may make. Pure data.

pub mod commands;

use crate::model::{
    ActionKind, ActionSpec, Clause, Dialect, Domain, Field, FieldKind, Objection, Param, ParamType, Params,
    Pattern, Protocol, Returns, Schema, StepSpec, Transport,
};
use crate::protocol::actions;

pub static SCHEMA: Schema = Schema {
    protocol: Protocol::Redis,
    doc: "Redis: RESP2, RESP3 and inline commands.",
    transport: Transport::Stream,
    default_port: 6379,
    fields: FIELDS,
    actions: ACTIONS,
    steps: STEPS,
    verify,
};

/// What a rule cannot send or never meets. An error is one line (RESP, simple errors): a second one would be the next
/// reply.
fn verify(_kind: ActionKind, params: &Params, clauses: &[Clause]) -> Option<Objection> {
    if params.str("message").is_some_and(|message| message.contains(['\r', '\n'])) {
        return Some(Objection::new("message", "an error of Redis is one line", "holds a line break"));
    }
    // A rule on the key of a command that has none would never act.
    let command = clauses.iter().find(|clause| clause.field == "command").map(|clause| &clause.pattern);
    let Some(Pattern::Glob(command)) = command else { return None };
    let name = command.as_str().to_ascii_uppercase();
    let has_key = name.contains(['*', '?']) || commands::keys_of(name.as_bytes()) != commands::Keys::None;
    if has_key || clauses.iter().all(|clause| clause.field != "key") {
        return None;
    }
    let objection = Objection::new("key", format!("`{name}` has no key"), "the rule would never act");
    let has_channel = !commands::channels_of(name.as_bytes(), 2).is_empty();
    Some(if has_channel { objection.help("match its channel with `channel=`") } else { objection })
}

static FIELDS: &[Field] = &[
    Field {
        name: "command",
        aliases: &[],
        kind: FieldKind::Text,
        dialect: Dialect::Plain,
        fold_case: true,
        doc: "The command's first word, such as `SET`; letters compare without case.",
        domain: Domain::RedisCommand,
    },
    Field {
        name: "key",
        aliases: &[],
        kind: FieldKind::Text,
        dialect: Dialect::Plain,
        fold_case: false,
        doc: "A key of the command, wherever the command has its keys; a rule matches when any key does. What a script \
              or a pattern of `SORT` reads besides is not seen.",
        domain: Domain::None,
    },
    Field {
        name: "channel",
        aliases: &[],
        kind: FieldKind::Text,
        dialect: Dialect::Plain,
        fold_case: false,
        doc: "The channel of `PUBLISH`, or a channel or pattern of `SUBSCRIBE` and the like; no key.",
        domain: Domain::None,
    },
];

static ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        kind: ActionKind::Error,
        params: &[Param {
            name: "message",
            ty: ParamType::Str,
            default: Some("\"ERR injected fault\""),
            domain: Domain::Words(&[
                "READONLY You can't write against a read only replica.",
                "OOM command not allowed when used memory > 'maxmemory'.",
                "LOADING Redis is loading the dataset in memory",
                "BUSY Redis is busy running a script.",
                "CLUSTERDOWN The cluster is down",
                "NOAUTH Authentication required.",
                "WRONGTYPE Operation against a key holding the wrong kind of value",
            ]),
            doc: "The error line. A first word in capitals (`READONLY ...`) is the code; without one it is `ERR`.",
        }],
        doc: "The client gets an error reply and the server does not see the command. Inside MULTI the command is \
              refused as Redis refuses one, so EXEC answers EXECABORT.",
    },
    ActionSpec {
        kind: ActionKind::Respond,
        params: &[Param {
            name: "value",
            ty: ParamType::Data,
            default: Some("None"),
            domain: Domain::None,
            doc: "None for nil, an int, text, bytes, a list or a dict, in the form of the RESP version agreed with HELLO. \
                  `\"OK\"`, `\"PONG\"` and `\"QUEUED\"` are sent as status replies, `b\"OK\"` as a bulk string.",
        }],
        doc: "The client gets this reply and the server does not see the command. Not possible inside MULTI, nor \
              on subscriptions.",
    },
    actions::delay(
        "The command reaches the server later; commands behind it on the connection wait as well.",
    ),
    actions::drop("The server does not see the command and the client gets no reply."),
    actions::truncate(
        "The command is executed and the connection ends within its reply; with 0 bytes the reply is lost.",
    ),
    actions::throttle("The reply arrives slowly."),
];

static STEPS: &[StepSpec] = &[
    step("get", &[KEY, TIMEOUT], "`data[\"value\"]` is the text, bytes when it is not UTF-8, or None."),
    step("set", &[KEY, VALUE, TIMEOUT], "`data[\"value\"]` is \"OK\"."),
    step("del", &[KEY, TIMEOUT], "`data[\"value\"]` is the number of keys removed."),
    step("incr", &[KEY, TIMEOUT], "`data[\"value\"]` is the new number."),
    step("ping", &[TIMEOUT], "`data[\"value\"]` is \"PONG\"."),
    step("keys", &[PATTERN, TIMEOUT], "`data[\"value\"]` is the list of keys."),
    step("lpush", &[KEY, VALUE, TIMEOUT], "`data[\"value\"]` is the new length."),
    step("rpush", &[KEY, VALUE, TIMEOUT], "`data[\"value\"]` is the new length."),
    step("lrange", &[KEY, START, STOP, TIMEOUT], "`data[\"value\"]` is the list."),
    step("command", &[CMD, ARGS, TIMEOUT], "`data[\"value\"]` is the reply."),
];

const PATTERN: Param = text("pattern", Some("\"*\""), "Redis's own pattern, such as `user:*`.");

const CMD: Param = text("cmd", None, "Any command, such as \"HSET\".");

const TIMEOUT: Param = Param {
    name: "timeout",
    ty: ParamType::Duration,
    default: Some("\"10s\""),
    domain: Domain::Duration,
    doc: "Longest wait for the reply.",
};

const KEY: Param =
    Param { name: "key", ty: ParamType::StrOrBytes, default: None, domain: Domain::None, doc: "The key." };

const VALUE: Param = Param {
    name: "value",
    ty: ParamType::Data,
    default: None,
    domain: Domain::None,
    doc: "Text, bytes or a number; a dict is stored as JSON, and each item of a list is pushed by itself.",
};

const START: Param = index("start", "0", "Index of the first item.");

const STOP: Param = index("stop", "-1", "Index of the last item; -1 is the end.");

const ARGS: Param = Param {
    name: "args",
    ty: ParamType::Data,
    default: Some("[]"),
    domain: Domain::None,
    doc: "The command's arguments, a list of texts, bytes and numbers.",
};

const fn step(name: &'static str, params: &'static [Param], doc: &'static str) -> StepSpec {
    StepSpec { name, params, returns: Returns::Response, doc }
}

const fn text(name: &'static str, default: Option<&'static str>, doc: &'static str) -> Param {
    Param { name, ty: ParamType::Str, default, domain: Domain::None, doc }
}

const fn index(name: &'static str, default: &'static str, doc: &'static str) -> Param {
    Param { name, ty: ParamType::Data, default: Some(default), domain: Domain::None, doc }
}
