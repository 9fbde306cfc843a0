//! What findings say. One text serves the loader, which knows values, and the editor, which knows the text alone.

use super::globals;
use super::registry;
use super::shape::{PLANNED_FIELDS, Signature};
use crate::diagnostic::suggest::nearest;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::errno::Errno;
use crate::model::{ActionKind, ActionSpec, Protocol, Schema, syscall};
use crate::text::Span;

/// A name that nothing defines. `own` are the names of the file, `behind` is the text behind the name.
pub(crate) fn unknown_name<'n>(
    name: &str,
    span: Span,
    own: impl Iterator<Item = &'n str>,
    behind: &str,
) -> Diagnostic {
    let finding =
        Diagnostic::new(Code::UnknownName, span, format!("nothing defines `{name}`")).label("unknown name");
    if Errno::from_name(name).is_some() {
        let quoted = format!("\"{name}\"");
        return finding.help(format!("an errno is text: {quoted}")).fix("put it in quotes", span, quoted);
    }
    let builtins = registry::all().map(|builtin| builtin.name).chain(globals::STANDARD.iter().copied());
    // A function has no attributes.
    let builtins = builtins.filter(|_| !behind.starts_with('.'));
    // Constants are meant by their names in other languages only, and what only begins like a name is another.
    let fits = |word: &&str| {
        let is_another = name.starts_with(word) && name.len() > word.len() + LONGER;
        !is_another && !["None", "True", "False"].contains(word)
    };
    match constant(name).or_else(|| nearest(name, own.chain(builtins).filter(fits))) {
        Some(near) => {
            finding.help(format!("did you mean `{near}`?")).fix(format!("change to `{near}`"), span, near)
        }
        None => finding,
    }
}

/// Letters that may stand behind a name that was meant.
const LONGER: usize = 2;

/// What a constant of another language is called here.
fn constant(name: &str) -> Option<&'static str> {
    match name.to_lowercase().as_str() {
        "true" => Some("True"),
        "false" => Some("False"),
        "none" | "null" | "nil" | "undefined" => Some("None"),
        _ => None,
    }
}

/// An attribute the value does not have; it has the `known` ones.
pub(crate) fn no_attribute(kind: &str, name: &str, span: Span, known: &[String]) -> Diagnostic {
    let finding = Diagnostic::new(Code::UnknownAttribute, span, format!("{kind} has no attribute `{name}`"))
        .label("no such attribute");
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => {
            finding.help(format!("did you mean `{near}`?")).fix(format!("change to `{near}`"), span, near)
        }
        None => finding.help(format!("it has: {}", known.join(", "))),
    }
}

/// A keyword that is neither a parameter nor a syscall.
pub(crate) fn stray_word(
    signature: &Signature<'_>,
    word: &str,
    span: Span,
    service: &str,
    operations: &[&str],
) -> Diagnostic {
    let params = signature.params.iter().map(|param| param.name);
    match nearest(word, params) {
        Some(near) => {
            let message = format!("{}() has no argument `{word}`", signature.name);
            Diagnostic::new(Code::UnknownArgument, span, message)
                .label("unknown argument")
                .help(format!("did you mean `{near}`?"))
                .fix(format!("change to `{near}`"), span, near)
        }
        None => unknown_syscall(word, span, service, operations),
    }
}

/// A word that is neither a syscall nor an operation of the service.
pub(crate) fn unknown_syscall(word: &str, span: Span, service: &str, operations: &[&str]) -> Diagnostic {
    let keywords = syscall::keywords();
    let near = nearest(word, operations.iter().copied().chain(keywords.iter().map(|keyword| keyword.name)));
    let message = format!("`{word}` is no syscall and no operation of \"{service}\"");
    let finding = Diagnostic::new(Code::UnknownSyscall, span, message).label("unknown");
    let finding = if syscall::exists_elsewhere(word) {
        finding.note(format!("`{word}` exists on other processors only"))
    } else {
        finding
    };
    let finding = match operations {
        [] => finding,
        named => finding.note(format!("operations of \"{}\": {}", service, named.join(", "))),
    };
    match near {
        Some(near) => {
            finding.help(format!("did you mean `{near}`?")).fix(format!("change to `{near}`"), span, near)
        }
        None => {
            let common: Vec<&str> =
                keywords.iter().filter(|keyword| keyword.doc.is_some()).map(|keyword| keyword.name).collect();
            finding.help(format!("commonly faulted: {}", common.join(", ")))
        }
    }
}

/// A function that is called where it should be handed over. `span` is the call of it.
pub(crate) fn result_not_function(name: &str, span: Span, is_plain: bool) -> Diagnostic {
    let message = format!("pass the function `{name}`, not its result");
    let finding = Diagnostic::new(Code::WrongType, span, message).label("called here");
    if !is_plain {
        return finding.help("make a function of the call: lambda: ...");
    }
    let brackets = Span { start: span.start + name.len() as u32, ..span };
    finding.help(format!("write `{name}` without brackets")).fix("remove the brackets", brackets, "")
}

/// Protocol rules on a service; `first` is one of its interfaces.
pub(crate) fn rules_need_interface(
    service: &str,
    first: Option<&str>,
    span: Span,
    target_span: Span,
) -> Diagnostic {
    let message = format!("`{service}` is a service; `rules=` act on an interface");
    let finding = Diagnostic::new(Code::WrongLayer, span, message)
        .label("protocol rules need an interface")
        .also(target_span, format!("this is service \"{service}\""));
    let Some(first) = first else {
        return finding
            .help(format!("declare an interface on \"{service}\": interface(\"main\", \"tcp\", 5432)"));
    };
    let insert = Span { start: target_span.end, ..target_span };
    finding.help(format!("did you mean `target = {service}.{first}`?")).fix(
        format!("target the interface `{first}`"),
        insert,
        format!(".{first}"),
    )
}

/// `deny(...)` or `delay("...")` in a list of protocol rules. `duration` is the positional argument of a delay.
pub(crate) fn fault_among_rules(span: Span, duration: Option<Span>) -> Diagnostic {
    let message = "this is a syscall fault; here protocol rules are wanted";
    let finding = Diagnostic::new(Code::WrongLayer, span, message).label("acts on syscalls");
    let Some(duration) = duration else {
        return finding.help("give it by keyword to a service: fault(db, write=deny(\"EIO\"), run=f)");
    };
    let insert = Span { end: duration.start, ..duration };
    finding.help("for messages, give the duration by name: delay(path=..., delay=\"500ms\")").fix(
        "delay messages",
        insert,
        "delay=",
    )
}

/// `write = delay(delay="200ms")`. `keyword` is the `delay=` of a delay that has nothing else.
pub(crate) fn rule_as_fault(word: &str, span: Span, keyword: Option<Span>) -> Diagnostic {
    let message = format!("this is a protocol rule; `{word}=` takes a syscall fault");
    let finding = Diagnostic::new(Code::WrongLayer, span, message).label("acts on messages");
    match keyword {
        Some(keyword) => finding.help("for syscalls, give the duration by position: delay(\"200ms\")").fix(
            "delay the syscall",
            keyword,
            "",
        ),
        None => finding
            .help("syscall faults: deny(\"EIO\"), delay(\"200ms\"), allow(); rules go into rules=[...]"),
    }
}

/// The protocol has no such action.
pub(crate) fn unsupported_action(kind: ActionKind, span: Span, schema: &Schema) -> Diagnostic {
    let (name, protocol) = (kind.builtin(), schema.protocol);
    let known: Vec<&str> = schema.actions.iter().map(|spec| spec.kind.builtin()).collect();
    Diagnostic::new(Code::UnsupportedAction, span, format!("{protocol} has no {name}() rules"))
        .label(format!("not possible on {protocol}"))
        .help(format!("{protocol} rules: {}", known.join(", ")))
}

/// The protocol has no such field, and the action no such parameter.
pub(crate) fn unsupported_field(name: &str, span: Span, spec: &ActionSpec, schema: &Schema) -> Diagnostic {
    let protocol = schema.protocol;
    let fields: Vec<&str> = schema.fields.iter().map(|field| field.name).collect();
    let params = spec.params.iter().map(|param| param.name);
    let words: Vec<&str> = fields.iter().copied().chain(params.clone()).collect();
    let is_field = PLANNED_FIELDS.contains(&name) || is_field_somewhere(name);
    let finding = if is_field {
        let message = format!("{protocol} rules cannot match on `{name}`");
        let help = if fields.is_empty() {
            format!("{protocol} rules act on every message")
        } else {
            format!("{protocol} matches: {}", fields.join(", "))
        };
        Diagnostic::new(Code::UnsupportedMatcher, span, message).help(help)
    } else {
        let message = format!("{}() on {protocol} has no `{}`", spec.kind.builtin(), name);
        let params: Vec<&str> = params.collect();
        let help = format!("{} on {protocol} takes: {}", spec.kind.builtin(), params.join(", "));
        Diagnostic::new(Code::UnknownArgument, span, message).help(help)
    };
    match nearest(name, words.iter().copied()) {
        Some(near) => {
            finding.label(format!("did you mean `{near}`?")).fix(format!("change to `{near}`"), span, near)
        }
        None => finding.label(format!("not known to {protocol}")),
    }
}

fn is_field_somewhere(name: &str) -> bool {
    Protocol::ALL.iter().any(|&protocol| {
        let fields = crate::protocol::schema(protocol).fields;
        fields.iter().any(|field| field.name == name || field.aliases.contains(&name))
    })
}

/// No such protocol, or none yet.
pub(crate) fn unknown_protocol(text: &str, span: Span) -> Diagnostic {
    let names: Vec<&str> = Protocol::ALL.iter().map(|protocol| protocol.name()).collect();
    let listed = format!("protocols: {}", names.join(", "));
    if Protocol::PLANNED.contains(&text) {
        Diagnostic::new(Code::NotSupported, span, format!("protocol \"{text}\" is not supported yet"))
            .label("not supported yet")
            .help("declare it as \"tcp\" to pass its bytes through, delay or drop them")
            .note(listed)
    } else {
        let finding = Diagnostic::new(Code::BadValue, span, format!("there is no protocol \"{text}\""))
            .label("no such protocol");
        match nearest(text, names.iter().copied()) {
            Some(near) => finding.help(format!("did you mean \"{near}\"?")).note(listed).fix(
                format!("change to \"{near}\""),
                span,
                format!("\"{near}\""),
            ),
            None => finding.help(listed),
        }
    }
}
