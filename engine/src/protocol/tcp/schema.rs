//! What rules and steps may say about plain TCP.

use crate::model::{
    ActionKind, ActionSpec, Dialect, Domain, Field, FieldKind, Param, ParamType, Protocol, Returns, Schema,
    StepSpec, Transport,
};

pub static SCHEMA: Schema = Schema {
    protocol: Protocol::Tcp,
    doc: "Bytes over TCP. A rule acts on a connection when the client's first bytes arrive.",
    transport: Transport::Stream,
    default_port: 0,
    fields: &[Field {
        name: "data",
        aliases: &["method"],
        kind: FieldKind::Text,
        dialect: Dialect::Plain,
        fold_case: false,
        doc: "The first bytes the client sends, as text; end the pattern with `*`, as in `\"SET *\"`.",
        domain: Domain::None,
    }],
    actions: ACTIONS,
    steps: &[StepSpec {
        name: "send",
        params: &[
            Param {
                name: "data",
                ty: ParamType::Str,
                default: Some("\"\""),
                domain: Domain::None,
                doc: "What to send; a line end is put behind it.",
            },
            Param {
                name: "timeout",
                ty: ParamType::Duration,
                default: Some("\"10s\""),
                domain: Domain::Duration,
                doc: "Longest wait for the line.",
            },
        ],
        returns: Returns::Text,
        doc: "Sends one line on a new connection and gives the first line that comes back, without its end.",
    }],
};

const ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        kind: ActionKind::Respond,
        params: &[Param {
            name: "body",
            ty: ParamType::Body,
            default: Some("\"\""),
            domain: Domain::None,
            doc: "The bytes to send; nothing is put behind them.",
        }],
        doc: "The client gets these bytes and the connection closes; the server sees nothing.",
    },
    ActionSpec {
        kind: ActionKind::Delay,
        params: &[Param {
            name: "delay",
            ty: ParamType::Duration,
            default: None,
            domain: Domain::Duration,
            doc: "How long the first bytes wait before they go on.",
        }],
        doc: "The client's first bytes, and all behind them, reach the server later.",
    },
    ActionSpec {
        kind: ActionKind::Drop,
        params: &[Param {
            name: "mode",
            ty: ParamType::Str,
            default: Some("\"fin\""),
            domain: Domain::Words(&["fin", "reset", "silent"]),
            doc: "`fin` closes the connection, `reset` breaks it, `silent` keeps it and never answers.",
        }],
        doc: "The bytes never reach the server.",
    },
    ActionSpec {
        kind: ActionKind::Truncate,
        params: &[Param {
            name: "bytes",
            ty: ParamType::Int,
            default: None,
            domain: Domain::None,
            doc: "How many bytes of the answer still arrive.",
        }],
        doc: "The connection closes in the middle of the answer.",
    },
    ActionSpec {
        kind: ActionKind::Throttle,
        params: &[Param {
            name: "bytes_per_second",
            ty: ParamType::Int,
            default: None,
            domain: Domain::None,
            doc: "How fast the answer flows at most.",
        }],
        doc: "The answer arrives slowly.",
    },
    ActionSpec {
        kind: ActionKind::Corrupt,
        params: &[Param {
            name: "offset",
            ty: ParamType::Int,
            default: Some("0"),
            domain: Domain::None,
            doc: "Which byte of the answer has its bits inverted.",
        }],
        doc: "One byte of the answer arrives changed.",
    },
];
