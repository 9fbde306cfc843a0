//! What rules and steps may say about datagrams.

use crate::model::{
    ActionKind, ActionSpec, Dialect, Domain, Field, FieldKind, Param, ParamType, Protocol, Returns, Schema,
    StepSpec, Transport,
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
};

const ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        kind: ActionKind::Respond,
        params: &[Param {
            name: "body",
            ty: ParamType::Body,
            default: Some("\"\""),
            domain: Domain::None,
            doc: "The datagram to send back.",
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
    ty: ParamType::Str,
    default: Some("\"\""),
    domain: Domain::None,
    doc: "The datagram to send, as it is.",
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
