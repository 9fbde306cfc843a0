//! What rules and steps may say about plain TCP.

use crate::model::{
    ActionKind, ActionSpec, Dialect, Domain, Field, FieldKind, Param, ParamType, Protocol, Returns, Schema,
    StepSpec, Transport,
};
use crate::protocol::actions;

pub static SCHEMA: Schema = Schema {
    protocol: Protocol::Tcp,
    doc: "Bytes over TCP. A rule acts on a connection when the client's first bytes arrive. Urgent data (`MSG_OOB`) is \
          passed on as such.",
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
                ty: ParamType::StrOrBytes,
                default: Some("\"\""),
                domain: Domain::None,
                doc: "What to send. A line end is put after text; bytes are sent as they are.",
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
        doc: "Sends one line on a new connection and gives the first line that comes back, without its end. When bytes are \
              sent, the line comes back as bytes, its end included; without a line end, all that came until the \
              connection closed.",
    }],
    verify: |_, _, _| None,
};

const ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        kind: ActionKind::Respond,
        params: &[Param {
            name: "body",
            ty: ParamType::Body,
            default: Some("\"\""),
            domain: Domain::None,
            doc: "What to send: text as UTF-8, bytes as they are, a dict or list as JSON; nothing is put after it.",
        }],
        doc: "The client gets these bytes and the connection closes; the server sees nothing.",
    },
    actions::delay("The client's first bytes, and all behind them, reach the server later."),
    actions::drop("The bytes never reach the server."),
    actions::truncate("The connection closes in the middle of the answer."),
    actions::throttle("The answer arrives slowly."),
    actions::corrupt("One byte of the answer arrives changed."),
];
