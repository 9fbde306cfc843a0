//! What rules and steps may say about HTTP.

pub mod answer;

use crate::model::{
    ActionKind, ActionSpec, Dialect, Domain, Field, FieldKind, Param, ParamType, Protocol, Returns, Schema,
    StepSpec, Transport,
};
use crate::protocol::actions;

pub static SCHEMA: Schema = Schema {
    protocol: Protocol::Http,
    doc: "HTTP/1.1 and HTTP/1.0, with keep-alive and pipelining; a connection that upgrades is forwarded as it is.",
    transport: Transport::Stream,
    default_port: 80,
    fields: FIELDS,
    actions: ACTIONS,
    steps: STEPS,
    verify: answer::verify,
};

const FIELDS: &[Field] = &[
    Field {
        name: "method",
        aliases: &["op"],
        kind: FieldKind::Text,
        dialect: Dialect::Plain,
        fold_case: true,
        doc: "The request's method, such as `POST`; letters compare without case.",
        domain: Domain::HttpMethod,
    },
    Field {
        name: "path",
        aliases: &[],
        kind: FieldKind::Text,
        dialect: Dialect::Path,
        fold_case: false,
        doc: "The path, percent-decoded and without the query.",
        domain: Domain::RequestPath,
    },
    Field {
        name: "host",
        aliases: &[],
        kind: FieldKind::Text,
        dialect: Dialect::Plain,
        fold_case: true,
        doc: "The `Host` header, with its port when it has one.",
        domain: Domain::None,
    },
    Field {
        name: "query",
        aliases: &[],
        kind: FieldKind::TextOrTable,
        dialect: Dialect::Plain,
        fold_case: false,
        doc: "The query as sent, or a dict of parameter to pattern over the decoded parameters.",
        domain: Domain::None,
    },
    Field {
        name: "header",
        aliases: &[],
        kind: FieldKind::Table { fold_names: true },
        dialect: Dialect::Plain,
        fold_case: false,
        doc: "A dict of header name to pattern; names compare without case.",
        domain: Domain::Header,
    },
    Field {
        name: "body",
        aliases: &["request_body"],
        kind: FieldKind::Text,
        dialect: Dialect::Plain,
        fold_case: false,
        doc: "The first 64 KiB of the request's content, without chunk framing; in response(...), where body= is the answer, \
              write request_body=. A request waits for its content only as long as that can decide: at most 10 s, or until \
              its client sends nothing for 1 s. The evidence says when a rule did not see all of it.",
        domain: Domain::None,
    },
];

const STATUS: Param = Param {
    name: "status",
    ty: ParamType::Int,
    default: Some("500"),
    domain: Domain::HttpStatus,
    doc: "The status of the answer, from 200 to 599; interim ones (1xx) answer no request.",
};
const HEADERS: Param = Param {
    name: "headers",
    ty: ParamType::StrDict,
    default: Some("{}"),
    domain: Domain::Header,
    doc: "Headers by name; they replace the ones set otherwise. `Connection: close` closes the connection after the \
          answer; a length that is not the content's is refused.",
};
const REASON: Param = Param {
    name: "reason",
    ty: ParamType::Str,
    default: Some("\"\""),
    domain: Domain::None,
    doc: "The words behind the status; the usual ones when left out.",
};

const ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        kind: ActionKind::Respond,
        params: &[
            STATUS,
            Param {
                name: "body",
                ty: ParamType::Body,
                default: Some("\"\""),
                domain: Domain::None,
                doc: "The content. A dict, a list and a text that is a JSON object or array are sent as `application/json`, \
                      bytes as `application/octet-stream`, other text as `text/plain`, unless headers= says otherwise. \
                      204, 205 and 304 have none.",
            },
            HEADERS,
            REASON,
        ],
        doc: "The client gets this answer and the server never sees the request. A HEAD request gets its head only.",
    },
    ActionSpec {
        kind: ActionKind::Error,
        params: &[
            Param {
                name: "message",
                ty: ParamType::Str,
                default: Some("\"injected error\""),
                domain: Domain::None,
                doc: "The text of the error.",
            },
            STATUS,
            HEADERS,
        ],
        doc: "The client gets `{\"error\": message}` with this status and the server never sees the request.",
    },
    actions::delay(
        "The request reaches the server later; what is behind it on the connection waits with it.",
    ),
    actions::drop("The request never reaches the server and the client gets no answer."),
    actions::truncate(
        "The connection closes in the middle of the answer's content; heads and the framing of chunks are not counted.",
    ),
    actions::throttle("The answer's content arrives slowly."),
    actions::corrupt(
        "One byte of the answer's content arrives changed, never one of its head or of the framing of chunks.",
    ),
];

const PATH: Param = Param {
    name: "path",
    ty: ParamType::Str,
    default: Some("\"/\""),
    domain: Domain::RequestPath,
    doc: "The path, with a query when there is one.",
};
const BODY: Param = Param {
    name: "body",
    ty: ParamType::Body,
    default: Some("\"\""),
    domain: Domain::None,
    doc: "The content. A dict, a list and a text that is a JSON object or array are sent as `application/json`, bytes \
          as `application/octet-stream`, unless headers= says otherwise.",
};
const SENT_HEADERS: Param = Param {
    name: "headers",
    ty: ParamType::StrDict,
    default: Some("{}"),
    domain: Domain::Header,
    doc: "Headers by name.",
};
const TIMEOUT: Param = Param {
    name: "timeout",
    ty: ParamType::Duration,
    default: Some("\"30s\""),
    domain: Domain::Duration,
    doc: "Longest wait for the whole answer.",
};
const FOLLOW: Param = Param {
    name: "follow_redirects",
    ty: ParamType::Bool,
    default: Some("True"),
    domain: Domain::None,
    doc: "Whether a redirect within the interface is followed, at most ten times.",
};
const WITHOUT_BODY: &[Param] = &[PATH, SENT_HEADERS, TIMEOUT, FOLLOW];
const WITH_BODY: &[Param] = &[PATH, BODY, SENT_HEADERS, TIMEOUT, FOLLOW];

const STEPS: &[StepSpec] = &[
    StepSpec { name: "get", params: WITHOUT_BODY, returns: Returns::Response, doc: "Sends a GET request." },
    StepSpec { name: "post", params: WITH_BODY, returns: Returns::Response, doc: "Sends a POST request." },
    StepSpec { name: "put", params: WITH_BODY, returns: Returns::Response, doc: "Sends a PUT request." },
    StepSpec { name: "patch", params: WITH_BODY, returns: Returns::Response, doc: "Sends a PATCH request." },
    StepSpec {
        name: "delete",
        params: WITH_BODY,
        returns: Returns::Response,
        doc: "Sends a DELETE request.",
    },
    StepSpec { name: "head", params: WITHOUT_BODY, returns: Returns::Response, doc: "Sends a HEAD request." },
    StepSpec {
        name: "options",
        params: WITHOUT_BODY,
        returns: Returns::Response,
        doc: "Sends an OPTIONS request.",
    },
];
