//! The manual: one opening chapter written by hand, the rest from the registry and the schemas.
//!
//! It stands here because it is what hover and signature help say, one after the other. `engine/tests/schemas.rs` compares
//! it with `MANUAL.md`.

mod arguments;

pub use arguments::words;

use super::value::{ADDRESSES, RESPONSE};
use super::{callable, signature};
use crate::diagnostic::Code;
use crate::model::errno::Errno;
use crate::model::syscall::{self, Coverage, Family, Files, Member};
use crate::model::{ActionSpec, Field, FieldKind, Param, ParamType, Protocol, Schema, StepSpec};
use crate::spec::recipes;
use crate::spec::registry::{self, Builtin, Context, Group, Keywords, Rest};

/// A part that can be read alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Words a reader may ask for; empty for chapters without one subject.
    pub names: Vec<String>,
    /// Markdown, heading included.
    pub text: String,
}

/// The whole manual, in reading order.
pub fn sections() -> Vec<Section> {
    let mut out =
        vec![Section { names: vec!["spec".to_owned()], text: include_str!("manual/opening.md").to_owned() }];
    for group in GROUPS {
        out.push(chapter(group_title(*group)));
        if *group == Group::Rules {
            out.push(named("triggers", triggers()));
        }
        out.extend(registry::all().filter(|builtin| builtin.group == *group).map(builtin));
    }
    out.push(chapter("Values"));
    out.push(named("response", response_values()));
    out.push(named("interface", addresses()));
    out.push(chapter("Protocols"));
    out.extend(Protocol::ALL.iter().map(|&one| protocol(crate::protocol::schema(one))));
    out.push(chapter("System calls"));
    out.push(named("syscalls", syscalls()));
    out.push(named("errno", errnos()));
    out.push(chapter("Recipes"));
    out.push(named("recipes", recipe_list()));
    out.push(chapter("Findings"));
    out.push(named("findings", findings()));
    out.push(chapter("Not there yet"));
    out.push(named("unsupported", unsupported()));
    out
}

/// The whole manual as one document.
pub fn text() -> String {
    sections().into_iter().map(|section| section.text).collect::<Vec<_>>().join("\n")
}

/// The part about a word: a builtin, a protocol, a chapter or the code of a finding.
pub fn about(word: &str) -> Option<String> {
    let code = Code::ALL.iter().find(|code| code.id().eq_ignore_ascii_case(word));
    if let Some(code) = code {
        return Some(format!("{}: {}\n", code.id(), code.explanation()));
    }
    let parts: Vec<String> = sections()
        .into_iter()
        .filter(|section| section.names.iter().any(|name| name == word))
        .map(|section| section.text)
        .collect();
    let parts = if parts.is_empty() { arguments::of(word) } else { parts };
    (!parts.is_empty()).then(|| parts.join("\n"))
}

const GROUPS: &[Group] = &[
    Group::Topology,
    Group::Model,
    Group::Rules,
    Group::Syscalls,
    Group::Inject,
    Group::Assertions,
    Group::Control,
    Group::Data,
];

fn group_title(group: Group) -> &'static str {
    match group {
        Group::Topology => "Services",
        Group::Model => "Scenarios and faults",
        Group::Rules => "Protocol rules",
        Group::Syscalls => "Syscall faults",
        Group::Inject => "Faults in a test body",
        Group::Assertions => "Assertions and expectations",
        Group::Control => "Control",
        Group::Data => "Data",
    }
}

fn chapter(title: &str) -> Section {
    Section { names: Vec::new(), text: format!("## {title}\n") }
}

fn named(name: &str, text: String) -> Section {
    Section { names: vec![name.to_owned()], text }
}

fn builtin(builtin: &'static Builtin) -> Section {
    let label = signature::label(&callable::of_builtin(builtin));
    let mut text = format!("### {}\n\n```python\n{label}\n```\n\n{}", builtin.name, builtin.doc);
    text.push_str(match builtin.context {
        Context::Load => " Only at the top level of a spec.\n",
        Context::Body => " Only in a running test.\n",
        Context::Both => "\n",
    });
    let is_rule = matches!(builtin.keywords, Keywords::Rule(_));
    let told_once =
        |own: &&Param| is_rule && registry::triggers().iter().any(|shared| shared.name == own.name);
    let mut items: Vec<String> = builtin.params.iter().filter(|own| !told_once(own)).map(param).collect();
    if let Rest::Many(what, ty) = builtin.rest {
        items.push(format!("further positional arguments, {what}: {}", ty.words()));
    }
    match builtin.keywords {
        Keywords::Closed => {}
        Keywords::Syscalls => {
            items.push("any syscall, family or operation of the service: a syscall fault".to_owned());
        }
        Keywords::Rule(_) => {
            items.push("what the target's protocol lets a rule match, and the triggers".to_owned());
        }
        Keywords::Open => items.push("any other name".to_owned()),
    }
    if let Keywords::Rule(action) = builtin.keywords {
        for &protocol in Protocol::ALL {
            let schema = crate::protocol::schema(protocol);
            let specs = schema.actions.iter().filter(|spec| spec.kind == action);
            items.extend(specs.map(|spec| format!("with **{protocol}**: {}", spec.doc)));
        }
    }
    list(&mut text, &items);
    Section { names: vec![builtin.name.to_owned()], text }
}

/// A list, with a blank line before it.
fn list(text: &mut String, items: &[String]) {
    if !items.is_empty() {
        text.push('\n');
    }
    for item in items {
        text.push_str(&format!("- {item}\n"));
    }
}

fn param(param: &Param) -> String {
    let ty = match param.ty {
        ParamType::Any => String::new(),
        ty => format!(" {}{}", ty.words(), if param.default.is_some() { "," } else { "." }),
    };
    let default = match param.default {
        None => "",
        Some("") => " optional.",
        Some(text) => &format!(" default `{text}`."),
    };
    format!("`{}`:{ty}{default} {}", param.name, param.doc)
}

fn protocol(schema: &Schema) -> Section {
    let name = schema.protocol.name();
    let mut text = format!("### {name}\n\n{} Its usual port is {}.\n", schema.doc, schema.default_port);
    text.push_str("\nA rule may match:\n");
    list(&mut text, &schema.fields.iter().map(field).collect::<Vec<_>>());
    text.push_str("\nA rule may do:\n");
    list(&mut text, &schema.actions.iter().map(action).collect::<Vec<_>>());
    if !schema.steps.is_empty() {
        text.push_str("\nA test may make these steps:\n");
        list(&mut text, &schema.steps.iter().map(step).collect::<Vec<_>>());
    }
    named(name, text)
}

fn field(field: &Field) -> String {
    let kind = match field.kind {
        FieldKind::Text => "",
        FieldKind::Table { .. } => " (a dict)",
        FieldKind::TextOrTable => " (text or a dict)",
    };
    let aliases: String = field.aliases.iter().map(|alias| format!(" Also `{alias}`.")).collect();
    format!("`{}`{kind}: {}{aliases}", field.name, field.doc)
}

fn action(spec: &ActionSpec) -> String {
    let params: String = spec.params.iter().map(|own| format!("\n  - {}", param(own))).collect();
    format!("`{}`: {}{params}", spec.kind.builtin(), spec.doc)
}

fn step(step: &StepSpec) -> String {
    let names: Vec<&str> = step.params.iter().map(|param| param.name).collect();
    let params: String = step.params.iter().map(|own| format!("\n  - {}", param(own))).collect();
    format!("`{}({})`: {}{params}", step.name, names.join(", "), step.doc)
}

fn triggers() -> String {
    let mut text =
        "### Triggers\n\nEvery protocol rule takes these; without them it acts on each match.\n".to_owned();
    list(&mut text, &registry::triggers().iter().map(param).collect::<Vec<_>>());
    text
}

fn response_values() -> String {
    let mut text = "### response\n\nWhat a step gives back.\n".to_owned();
    let items = RESPONSE.iter().map(|(name, ty, doc)| format!("`r.{name}` ({ty}): {doc}"));
    list(&mut text, &items.collect::<Vec<_>>());
    text
}

fn addresses() -> String {
    let mut text =
        "### interface of a service\n\n`svc.name` is an interface; besides its protocol's steps it has:\n"
            .to_owned();
    list(&mut text, &ADDRESSES.iter().map(|(name, doc)| format!("`{name}`: {doc}")).collect::<Vec<_>>());
    text
}

fn syscalls() -> String {
    let mut text = include_str!("manual/families.md").to_owned();
    for family in Family::all() {
        text.push_str(&format!("\n#### {}\n\n{}.\n", family.keyword(), sentence(family.doc())));
        list(&mut text, &coverage(family));
    }
    text.push_str("\n### Commonly faulted\n\nAny other system call may be named as well.\n");
    let common = syscall::keywords().into_iter().filter_map(|word| Some((word.name, word.doc?)));
    let single = common.filter(|(name, _)| Family::from_keyword(name).is_none());
    list(&mut text, &single.map(|(name, doc)| format!("`{name}`: {doc}")).collect::<Vec<_>>());
    text.push_str("\n### Never faulted\n");
    let never = syscall::untrappable_groups();
    list(
        &mut text,
        &never.map(|(names, reason)| format!("{}: {reason}", names.join(", "))).collect::<Vec<_>>(),
    );
    text
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// What a rule on a family does about each call that Linux offers for it.
fn coverage(family: Family) -> Vec<String> {
    let faulted = |member: &&Member| member.coverage == Coverage::Faulted;
    let (faulted, others): (Vec<&Member>, Vec<&Member>) = family.members().iter().partition(faulted);
    let names: Vec<String> = faulted.into_iter().map(member).collect();
    let mut items = vec![format!("faulted: {}", names.join(", "))];
    let mut elsewhere: Vec<(&str, Vec<String>)> = Vec::new();
    for other in others {
        let name = member(other);
        match other.coverage {
            Coverage::Faulted => {}
            Coverage::Counted(reason) => items.push(format!("counted: {name}: {reason}")),
            Coverage::Refused(reason) => items.push(format!("refused with ENOSYS: {name}: {reason}")),
            Coverage::Unseen(reason) => items.push(format!("not seen: {name}: {reason}")),
            Coverage::Elsewhere(keyword) => match elsewhere.iter_mut().find(|(known, _)| *known == keyword) {
                Some((_, names)) => names.push(name),
                None => elsewhere.push((keyword, vec![name])),
            },
        }
    }
    items.extend(
        elsewhere.into_iter().map(|(keyword, names)| format!("under `{keyword}`: {}", names.join(", "))),
    );
    items
}

/// The name of a call with what it is meant with.
fn member(member: &Member) -> String {
    let side = match member.files {
        Files::All => "",
        Files::First => "(what it writes to)",
        Files::Second => "(what it reads from)",
    };
    format!("{} {side}{}", member.name, member.when.words()).trim_end().to_owned()
}

fn errnos() -> String {
    let mut text =
        "### Error numbers\n\nThose a service is likely to meet; every Linux errno is accepted.\n".to_owned();
    let items = Errno::RECOMMENDED.iter().map(|errno| format!("`{}`: {}", errno.name(), errno.meaning()));
    list(&mut text, &items.collect::<Vec<_>>());
    text
}

fn recipe_list() -> String {
    let mut text =
        "Faults that come with Faultbox; `faultbox recipes show NAME` prints how they are written.\n"
            .to_owned();
    for (path, recipes) in recipes::summaries() {
        text.push_str(&format!("\n`load(\"{path}\", \"{}\")`\n", recipes::short(path)));
        list(
            &mut text,
            &recipes.into_iter().map(|one| format!("`{}`: {}", one.call, one.summary)).collect::<Vec<_>>(),
        );
    }
    text
}

fn findings() -> String {
    let mut text = "| code | severity | meaning |\n|---|---|---|\n".to_owned();
    for code in Code::ALL {
        text.push_str(&format!("| {} | {} | {} |\n", code.id(), code.severity().word(), code.explanation()));
    }
    text
}

fn unsupported() -> String {
    let mut text =
        "Names of the original Faultbox's language that this version refuses, and what to do instead.\n"
            .to_owned();
    let names = registry::NOT_SUPPORTED.iter();
    list(&mut text, &names.map(|(name, instead)| format!("`{name}`: {instead}")).collect::<Vec<_>>());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_builtin_and_protocol_can_be_asked_for() {
        for builtin in registry::all() {
            let text = about(builtin.name).unwrap();
            assert!(text.contains(builtin.doc), "{}: {text}", builtin.name);
        }
        for protocol in Protocol::ALL {
            assert!(about(protocol.name()).unwrap().contains("A rule may match"), "{protocol}");
        }
        assert_eq!(about("no-such-word"), None);
    }

    #[test]
    fn every_argument_and_system_call_can_be_asked_for() {
        for word in words() {
            assert!(about(&word).is_some(), "{word}");
        }
        for (word, part) in [
            ("nth", "every protocol rule, as a trigger: `nth`"),
            ("may_exit", "`service(...)`: `may_exit`"),
            ("rename", "as a system call: `rename`"),
            ("status", "`response(...)` on http: `status`"),
            ("query", "rules on http, as what they match: `query`"),
        ] {
            let text = about(word).unwrap();
            assert!(text.contains(part), "{word}: {text}");
        }
    }

    #[test]
    fn both_forms_of_delay_are_shown() {
        let text = about("delay").unwrap();
        assert!(
            text.contains("duration, probability=1.0") && text.contains("delay, probability=1.0"),
            "{text}"
        );
    }

    #[test]
    fn a_code_is_explained_in_any_case() {
        assert_eq!(about("fb0110"), about("FB0110"));
        assert!(about("FB0110").unwrap().starts_with("FB0110: "));
    }

    #[test]
    fn every_group_has_a_chapter() {
        for builtin in registry::all() {
            assert!(GROUPS.contains(&builtin.group), "{} has no chapter", builtin.name);
        }
    }
}
