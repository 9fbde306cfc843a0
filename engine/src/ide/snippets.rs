//! What a builtin inserts beside its name: the arguments nearly every call has.

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
        "fault_matrix(\n    scenarios = [$1],\n    faults = [$2],\n    default_expect = lambda r: assert_true(${3:r.ok}),\n)$0",
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
