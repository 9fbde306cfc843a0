//! What rules may match and do on a PostgreSQL connection, and which steps a test may make. Pure data.

pub mod sql;
pub mod sqlstate;

use crate::model::{
    ActionKind, ActionSpec, Clause, Dialect, Domain, Field, FieldKind, Objection, Param, ParamType, Params,
    Protocol, Returns, Schema, StepSpec, Transport,
};
use crate::protocol::actions;

pub static SCHEMA: Schema = Schema {
    protocol: Protocol::Postgres,
    doc: "PostgreSQL: simple and extended protocol, prepared statements, COPY. Rules act inside TLS as well: where the \
          server takes it, the client's TLS ends at the relay, behind a certificate of this run's own authority. A \
          client that checks certificates needs that authority among its roots: `sslrootcert=$FAULTBOX_CA`.",
    transport: Transport::Stream,
    default_port: 5432,
    fields: FIELDS,
    actions: ACTIONS,
    steps: STEPS,
    verify,
};

/// The texts of an error are zero-terminated (PostgreSQL 15, section 55.7), so none can hold a zero byte.
fn verify(_kind: ActionKind, params: &Params, _clauses: &[Clause]) -> Option<Objection> {
    let names = ["message", "detail", "hint"];
    let name = names.into_iter().find(|name| params.str(name).is_some_and(|text| text.contains('\0')))?;
    let message = format!("the {name} of an error cannot hold a zero byte");
    Some(Objection::new(name, message, "ends the text on the wire"))
}

static FIELDS: &[Field] = &[
    Field {
        name: "query",
        aliases: &["sql"],
        kind: FieldKind::Text,
        dialect: Dialect::Sql,
        fold_case: false,
        doc: "The statement's text, such as `INSERT INTO orders*`. Layout, comments and the case of words do not \
              matter, and `?` stands for any placeholder. Prepared statements match each time they are executed.",
        domain: Domain::None,
    },
    Field {
        name: "user",
        aliases: &[],
        kind: FieldKind::Text,
        dialect: Dialect::Plain,
        fold_case: false,
        doc: "The user the connection was made for.",
        domain: Domain::None,
    },
    Field {
        name: "database",
        aliases: &[],
        kind: FieldKind::Text,
        dialect: Dialect::Plain,
        fold_case: false,
        doc: "The database the connection was made to.",
        domain: Domain::None,
    },
    Field {
        name: "on",
        aliases: &[],
        kind: FieldKind::Text,
        dialect: Dialect::Plain,
        fold_case: false,
        doc: "`on = \"connect\"` acts on connecting instead of on statements.",
        domain: Domain::Words(&["connect"]),
    },
];

static ACTIONS: &[ActionSpec] = &[
    ActionSpec {
        kind: ActionKind::Error,
        params: &[
            text("message", Some("\"injected fault\""), "The error's message."),
            Param {
                name: "sqlstate",
                ty: ParamType::Str,
                default: Some("\"XX000\""),
                domain: Domain::SqlState,
                doc: "The five-character code drivers look at, such as \"40001\".",
            },
            Param {
                name: "severity",
                ty: ParamType::Str,
                default: Some("\"\""),
                domain: Domain::Words(&["ERROR", "FATAL"]),
                doc: "FATAL ends the connection. By default what PostgreSQL uses for the code.",
            },
            text("detail", Some("\"\""), "The error's second line."),
            text("hint", Some("\"\""), "The error's advice."),
        ],
        doc: "The statement is not executed and fails with this error, on the server as well: an open transaction is \
              aborted as by a real error.",
    },
    actions::delay("The statement reaches the server later."),
    actions::drop("The server does not see the statement and the client gets no answer."),
    actions::truncate(
        "The statement is executed and the connection ends within its answer. 0 bytes on `COMMIT` is a commit \
              whose answer is lost.",
    ),
    actions::throttle("The rows arrive slowly."),
];

static STEPS: &[StepSpec] = &[
    StepSpec {
        name: "query",
        params: &[SQL, USER, PASSWORD, DATABASE, TIMEOUT],
        returns: Returns::Response,
        doc: "`data` is a list of rows, each a dict of column to value; numbers, booleans, JSON and NULL are such.",
    },
    StepSpec {
        name: "exec",
        params: &[SQL, USER, PASSWORD, DATABASE, TIMEOUT],
        returns: Returns::Response,
        doc: "Runs one or several statements; `data[\"rows_affected\"]` is the sum over them.",
    },
];

const SQL: Param = text("sql", None, "The statement.");
const USER: Param =
    text("user", Some("\"\""), "By default POSTGRES_USER of the service's env, else \"postgres\".");
const PASSWORD: Param = text("password", Some("\"\""), "By default POSTGRES_PASSWORD of the service's env.");
const DATABASE: Param =
    text("database", Some("\"\""), "By default POSTGRES_DB of the service's env, else the user.");

const TIMEOUT: Param = Param {
    name: "timeout",
    ty: ParamType::Duration,
    default: Some("\"30s\""),
    domain: Domain::Duration,
    doc: "Longest wait for the answer.",
};

const fn text(name: &'static str, default: Option<&'static str>, doc: &'static str) -> Param {
    Param { name, ty: ParamType::Str, default, domain: Domain::None, doc }
}
