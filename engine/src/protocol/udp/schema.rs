//! What rules and steps may say about datagrams.

use crate::model::{
    ActionKind, ActionSpec, Clause, Dialect, Domain, Field, FieldKind, Objection, Param, ParamType, Params,
    Protocol, Returns, Schema, StepSpec, Transport,
};
use crate::protocol::actions;

pub static SCHEMA: Schema = Schema {
    protocol: Protocol::Udp,
    doc: "Datagrams over UDP. A rule acts on each datagram a client sends; answers pass untouched.",
    transport: Transport::Datagram,
    default_port: 0,
    fields: &[Field {
        name: "data",
        aliases: &["method"],
        kind: FieldKind::Text,
        dialect: Dialect::Plain,
        fold_case: false,
        doc: "The datagram, as text.",
        domain: Domain::None,
    }],
    actions: ACTIONS,
    steps: STEPS,
    verify,
};

/// The longest content of a datagram over IPv4: 65535 bytes without the headers (RFC 768, RFC 791).
const MAX_CONTENT: usize = 65_507;

fn verify(_kind: ActionKind, params: &Params, _clauses: &[Clause]) -> Option<Objection> {
    let len = params.get("body")?.content().0.len();
    let message = format!("a datagram of {len} bytes cannot be sent");
    (len > MAX_CONTENT)
        .then(|| Objection::new("body", message, format!("must be at most {MAX_CONTENT} bytes")))
}

const ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        kind: ActionKind::Respond,
        params: &[Param {
            name: "body",
            ty: ParamType::Body,
            default: Some("\"\""),
            domain: Domain::None,
            doc: "The datagram to send back: text, bytes, or a dict or list as JSON; at most 65507 bytes.",
        }],
        doc: "The client gets this datagram; the server sees nothing.",
    },
    actions::delay("The datagram arrives later; others may overtake it."),
    ActionSpec { kind: ActionKind::Drop, params: &[], doc: "The datagram is lost." },
    ActionSpec { kind: ActionKind::Duplicate, params: &[], doc: "The datagram arrives twice." },
    actions::truncate("The end of the datagram is missing."),
    actions::corrupt("One byte of the datagram arrives changed."),
];

const DATA: Param = Param {
    name: "data",
    ty: ParamType::StrOrBytes,
    default: Some("\"\""),
    domain: Domain::None,
    doc: "The datagram to send, as it is: text or bytes.",
};

const STEPS: &[StepSpec] = &[
    StepSpec {
        name: "send",
        params: &[
            DATA,
            Param {
                name: "timeout",
                ty: ParamType::Duration,
                default: Some("\"5s\""),
                domain: Domain::Duration,
                doc: "Longest wait for a datagram to come back.",
            },
        ],
        returns: Returns::Response,
        doc: "Sends a datagram and waits for one; it is the response's `body`.",
    },
    StepSpec {
        name: "send_no_reply",
        params: &[DATA],
        returns: Returns::Response,
        doc: "Sends a datagram and waits for nothing.",
    },
];
