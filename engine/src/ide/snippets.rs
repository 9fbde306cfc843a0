//! What a builtin inserts beside its name: the arguments nearly every call has.

use crate::model::{ActionKind, Domain, Param, ParamType, Protocol, Schema};
use crate::spec::registry::{Builtin, Rest};

/// Hand-made ones for declarations, in the form the examples have.
const DECLARATIONS: &[(&str, &str)] = &[
    (
        "service",
        "service(\"${1:name}\", \"${2:path/to/program}\",\n    interface(\"${3:main}\", \"${4:http}\", ${5:8080}),\n    healthcheck = ${6:http(\"localhost:${5:8080}/health\")},\n)$0",
    ),
    (
        "fault_assumption",
        "fault_assumption(\"${1:name}\",\n    target = ${2:service.interface},\n    rules = [$3],\n)$0",
    ),
    (
        "fault_scenario",
        "fault_scenario(\"${1:name}\",\n    scenario = ${2:scenario},\n    faults = ${3:assumption},\n    expect = lambda r: assert_eq(r.status, ${4:503}),\n)$0",
    ),
    (
        "fault_matrix",
        "fault_matrix(\n    scenarios = [$1],\n    faults = [$2],\n    default_expect = lambda r: assert_true(r.status in [${3:200, 503}]),\n)$0",
    ),
    ("interface", "interface(\"${1:main}\", \"${2:http}\", ${3:8080})$0"),
    ("response", "response(${1:method=\"${2:POST}\", }path=\"${3:/}\", status=${4:503})$0"),
    ("error", "error(path=\"${1:/}\", message=\"${2:injected error}\")$0"),
    ("drop", "drop(path=\"${1:/}\")$0"),
    ("fault", "fault(${1:service}, ${2:write}=${3:deny(\"EIO\")}, run=${4:function})$0"),
    ("op", "op(syscalls=[\"${1:write}\"], path=\"${2:/data/*}\")$0"),
    ("scenario", "scenario(${1:function})$0"),
];

/// What to insert, and whether it has places to fill. `whole` asks for a declaration with its usual arguments.
pub(super) fn of(builtin: &Builtin, whole: bool) -> (String, bool) {
    let hand_made = DECLARATIONS.iter().find(|(name, _)| *name == builtin.name);
    if let Some((_, text)) = hand_made.filter(|_| whole || builtin.snippet) {
        return ((*text).to_owned(), true);
    }
    let takes_nothing = builtin.params.is_empty() && builtin.rest == Rest::None;
    let inside = if takes_nothing { "" } else { "$1" };
    (format!("{}({inside})$0", builtin.name), true)
}

/// A syscall fault with the value it needs. `errno` is the likeliest error of the syscall.
pub(super) fn fault(builtin: &Builtin, errno: &str) -> String {
    match builtin.name {
        "deny" => format!("deny(\"${{1:{errno}}}\")$0"),
        "delay" => "delay(\"${1:100ms}\")$0".to_owned(),
        other => format!("{other}()$0"),
    }
}

/// A rule of a protocol: what it commonly matches, then what makes the action what it is. `None` when the protocol
/// has no such action.
pub(super) fn rule(schema: &Schema, action: ActionKind) -> Option<String> {
    let spec = schema.actions.iter().find(|spec| spec.kind == action)?;
    let matched = MATCHED.iter().filter(|(protocol, ..)| *protocol == schema.protocol);
    let mut arguments: Vec<(&str, &str)> = matched.map(|&(_, field, value)| (field, value)).collect();
    for (at, param) in spec.params.iter().enumerate() {
        let is_answer = action == ActionKind::Respond && at == 0;
        let is_code = matches!(param.domain, Domain::HttpStatus | Domain::SqlState);
        if param.is_required() || is_answer || is_code {
            arguments.push((param.name, usual(param)));
        }
    }
    let place = |(at, (name, value)): (usize, (&str, &str))| {
        let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        match quoted {
            Some(text) => format!("{name}=\"${{{}:{text}}}\"", at + 1),
            None => format!("{name}=${{{}:{value}}}", at + 1),
        }
    };
    let places: Vec<String> = arguments.into_iter().enumerate().map(place).collect();
    Some(format!("{}({})$0", action.builtin(), places.join(", ")))
}

/// What a parameter of an action usually is.
fn usual(param: &Param) -> &'static str {
    match (param.domain, param.ty, param.name) {
        (Domain::HttpStatus, ..) => "503",
        (Domain::SqlState, ..) => "\"40001\"",
        (Domain::Duration, ..) => "\"500ms\"",
        (_, _, "bytes_per_second") => "1024",
        (_, ParamType::Int | ParamType::Number, _) => "0",
        (_, ParamType::Data, _) => "\"OK\"",
        _ => "\"\"",
    }
}

/// What rules of a protocol commonly match, with a pattern to change.
const MATCHED: &[(Protocol, &str, &str)] = &[
    (Protocol::Http, "method", "\"POST\""),
    (Protocol::Http, "path", "\"/\""),
    (Protocol::Redis, "command", "\"GET\""),
    (Protocol::Redis, "key", "\"*\""),
    (Protocol::Postgres, "query", "\"SELECT *\""),
];

#[cfg(test)]
mod tests {
    use super::DECLARATIONS;
    use crate::spec::registry;

    #[test]
    fn every_snippet_is_of_a_builtin() {
        for (name, text) in DECLARATIONS {
            assert!(registry::find(name).is_some_and(|builtin| builtin.snippet), "{name}");
            assert!(text.starts_with(&format!("{name}(")), "{name}");
        }
    }
}
