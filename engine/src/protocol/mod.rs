//! One folder per protocol, sibling files with the same names: schema, session, client.
//!
//! Until the protocols' own folders arrive this file holds just enough of HTTP and TCP for the loader.

use crate::model::{
    ActionKind, ActionSpec, Dialect, Domain, Field, FieldKind, Param, ParamType, Protocol, Returns, Schema,
    StepSpec, Transport,
};

/// What `protocol` can do.
pub fn schema(protocol: Protocol) -> &'static Schema {
    match protocol {
        Protocol::Http => &HTTP,
        Protocol::Tcp => &TCP,
        Protocol::Udp => &UDP,
        Protocol::Redis => &REDIS,
        Protocol::Postgres => &POSTGRES,
    }
}

const fn param(name: &'static str, ty: ParamType, default: Option<&'static str>) -> Param {
    Param { name, ty, default, domain: Domain::None, doc: "" }
}

const fn text(name: &'static str, aliases: &'static [&'static str], dialect: Dialect, fold: bool) -> Field {
    Field { name, aliases, kind: FieldKind::Text, dialect, fold_case: fold, doc: "", domain: Domain::None }
}

const fn plain(kind: ActionKind) -> ActionSpec {
    ActionSpec { kind, params: &[], doc: "" }
}

const HTTP_STEP: &[Param] = &[
    param("path", ParamType::Str, Some("\"/\"")),
    param("body", ParamType::Body, Some("\"\"")),
    param("headers", ParamType::StrDict, Some("{}")),
];

const fn http_step(name: &'static str) -> StepSpec {
    StepSpec { name, params: HTTP_STEP, returns: Returns::Response, doc: "" }
}

static HTTP: Schema = Schema {
    protocol: Protocol::Http,
    doc: "HTTP/1.1",
    transport: Transport::Stream,
    default_port: 80,
    fields: &[
        text("method", &["op"], Dialect::Plain, true),
        text("path", &[], Dialect::Path, false),
        text("host", &[], Dialect::Plain, true),
        Field {
            name: "query",
            aliases: &[],
            kind: FieldKind::TextOrTable,
            dialect: Dialect::Plain,
            fold_case: false,
            doc: "",
            domain: Domain::None,
        },
        Field {
            name: "header",
            aliases: &[],
            kind: FieldKind::Table { fold_names: true },
            dialect: Dialect::Plain,
            fold_case: false,
            doc: "",
            domain: Domain::None,
        },
        text("body", &[], Dialect::Plain, false),
    ],
    actions: &[
        ActionSpec {
            kind: ActionKind::Respond,
            params: &[
                param("status", ParamType::Int, Some("500")),
                param("body", ParamType::Body, Some("\"\"")),
                param("headers", ParamType::StrDict, Some("{}")),
                param("reason", ParamType::Str, Some("\"\"")),
            ],
            doc: "",
        },
        ActionSpec {
            kind: ActionKind::Error,
            params: &[
                param("message", ParamType::Str, Some("\"\"")),
                param("status", ParamType::Int, Some("500")),
            ],
            doc: "",
        },
        plain(ActionKind::Delay),
        plain(ActionKind::Drop),
        plain(ActionKind::Truncate),
        plain(ActionKind::Throttle),
    ],
    steps: &[http_step("get"), http_step("post"), http_step("put"), http_step("delete"), http_step("patch")],
};

static TCP: Schema = Schema {
    protocol: Protocol::Tcp,
    doc: "lines over TCP",
    transport: Transport::Stream,
    default_port: 0,
    fields: &[text("data", &["method"], Dialect::Plain, false)],
    actions: &[
        ActionSpec {
            kind: ActionKind::Respond,
            params: &[param("body", ParamType::Str, Some("\"\""))],
            doc: "",
        },
        plain(ActionKind::Delay),
        plain(ActionKind::Drop),
        plain(ActionKind::Truncate),
        plain(ActionKind::Throttle),
        plain(ActionKind::Corrupt),
    ],
    steps: &[StepSpec {
        name: "send",
        params: &[param("data", ParamType::Str, None)],
        returns: Returns::Text,
        doc: "",
    }],
};

const fn bare(protocol: Protocol, transport: Transport) -> Schema {
    Schema { protocol, doc: "", transport, default_port: 0, fields: &[], actions: &[], steps: &[] }
}

static UDP: Schema = bare(Protocol::Udp, Transport::Datagram);
static REDIS: Schema = bare(Protocol::Redis, Transport::Stream);
static POSTGRES: Schema = bare(Protocol::Postgres, Transport::Stream);
