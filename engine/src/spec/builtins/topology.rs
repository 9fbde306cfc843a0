//! Services, interfaces and how to tell that a service is ready.

use super::{optional, required};
use crate::diagnostic::suggest::nearest;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{
    Domain, Healthcheck, Interface, Operation, Param, ParamType, Service, ServiceName, Stdin, Transport,
};
use crate::spec::call::{Arg, Call};
use crate::spec::draft::duplicate;
use crate::spec::failure::Stop;
use crate::spec::outline::{CallSite, ExprShape};
use crate::spec::registry::{Builtin, Context, Group, Keywords, Rest};
use crate::spec::values::{HealthcheckValue, Hole, InterfaceValue, OpValue, ServiceValue};
use crate::spec::{accept, convert, shape};
use crate::text::Span;
use starlark::values::Value;
use starlark::values::dict::DictRef;
use std::sync::Arc;

const SERVICE: &[Param] = &[
    required("name", ParamType::Str, Domain::ServiceName, "The service's name, unique in the spec."),
    optional(
        "binary",
        ParamType::Str,
        "None",
        Domain::FilePath,
        "The program: a path from the spec's directory, an absolute path, or a name in PATH.",
    ),
    optional("args", ParamType::StrList, "[]", Domain::None, "Arguments of the program."),
    optional("env", ParamType::StrDict, "{}", Domain::None, "Variables set for the program."),
    optional("depends_on", ParamType::List, "[]", Domain::ServiceName, "Services that must be ready first."),
    optional("healthcheck", ParamType::Healthcheck, "None", Domain::None, "How to tell that it is ready."),
    optional("ops", ParamType::Dict, "{}", Domain::None, "Named operations, each an op(...)."),
    optional(
        "seccomp",
        ParamType::Bool,
        "True",
        Domain::None,
        "False forbids syscall faults on the service.",
    ),
    optional(
        "stdin",
        ParamType::Str,
        "\"open\"",
        Domain::Words(&["open", "eof"]),
        "Its standard input: open with nothing to read until the test ends, or at its end from the start.",
    ),
    optional(
        "may_exit",
        ParamType::Bool,
        "False",
        Domain::None,
        "True when it may end while a test runs. Otherwise that fails the test, but for exit code 0 of a service without interfaces.",
    ),
];

pub(super) const BUILTINS: &[Builtin] = &[Builtin {
    name: "service",
    params: SERVICE,
    positional: 1,
    rest: Rest::Many("binary and interfaces", ParamType::Any),
    keywords: Keywords::Open,
    context: Context::Load,
    returns: "service",
    group: Group::Topology,
    snippet: true,
    doc: "Declares a program under test, with the interfaces it listens on.",
    run: service,
}];

/// Arguments of the original language's service() that are not there yet.
const PLANNED: &[(&str, &str)] = &[
    ("image", "containers are not there yet; give the program as binary="),
    ("build", "containers are not there yet; give the program as binary="),
    ("remote", "remote services are not there yet; give the program as binary="),
    ("volumes", "containers are not there yet"),
    ("ports", "containers are not there yet"),
    ("observe", "the program's output is always recorded"),
    ("reuse", "every test gets fresh services; that takes milliseconds"),
    ("seed", "do it in the scenario; every test gets fresh services"),
    ("reset", "every test gets fresh services"),
    ("nondeterministic_ok", "unmediated clocks and randomness are not detected yet"),
];

fn service<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let interfaces = positionals(call)?;
    let (binary, elsewhere) = (binary(call, &interfaces), other_keywords(call)?);
    let name = call.str("name").unwrap_or_default().to_owned();
    if name.is_empty() {
        if let Some(arg) = call.get("name") {
            let finding = Diagnostic::new(Code::BadValue, arg.span, "a service needs a name").label("empty");
            call.report(finding)?;
        }
        return Ok(call.hole());
    }
    if binary.is_none() && !elsewhere && !call.faulty {
        let message = format!("service \"{name}\" has no program");
        let finding = Diagnostic::new(Code::MissingArgument, call.span, message)
            .label("`binary` is missing")
            .help("give the program as second argument: service(\"name\", \"path/to/program\", ...)");
        call.report(finding)?;
    }
    let service = Service {
        name: ServiceName::new(&name),
        binary: binary.unwrap_or_default(),
        args: texts(call, "args")?,
        env: env(call)?,
        interfaces: own_interfaces(call, &name, interfaces.interfaces)?,
        depends_on: dependencies(call, &name)?,
        healthcheck: healthcheck(call)?,
        operations: operations(call)?,
        seccomp: call.get("seccomp").is_none_or(|arg| arg.value.to_bool()),
        stdin: stdin(call)?,
        may_exit: call.flag("may_exit"),
        span: call.span,
    };
    register(call, Arc::new(service))
}

fn register<'v>(call: &mut Call<'v, '_, '_, '_>, service: Arc<Service>) -> Result<Value<'v>, Stop> {
    let Some(load) = call.context.load() else { return Ok(call.hole()) };
    let first = load.draft.borrow().service(service.name.as_str()).map(|first| first.span);
    let name_span = call.get("name").map_or(call.span, |arg| arg.span);
    match first {
        Some(first) => call.report(duplicate("service", service.name.as_str(), name_span, first))?,
        None => load.draft.borrow_mut().services.push(Service::clone(&service)),
    }
    Ok(call.heap().alloc(ServiceValue { service }))
}

#[derive(Default)]
struct Positionals<'v> {
    binary: Option<String>,
    interfaces: Vec<&'v InterfaceValue>,
}

/// Sorts what follows the name: one string is the program, interfaces are collected.
fn positionals<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Positionals<'v>, Stop> {
    let mut sorted = Positionals::default();
    for arg in std::mem::take(&mut call.rest) {
        if let Some(interface) = InterfaceValue::from_value(arg.value) {
            sorted.interfaces.push(interface);
        } else if Hole::is(arg.value) {
            call.faulty = true;
        } else if let Some(text) = arg.value.unpack_str() {
            if sorted.binary.is_some() || call.get("binary").is_some() {
                let finding = Diagnostic::new(Code::SurplusArgument, arg.span, "a service has one program")
                    .label("a second program")
                    .help("arguments of the program go into args=[...]");
                call.report(finding)?;
            }
            sorted.binary = Some(text.to_owned());
        } else {
            let finding = call.wrong("argument", "the program as a string, or an interface(...)", &arg);
            call.report(finding)?;
        }
    }
    Ok(sorted)
}

fn binary(call: &Call<'_, '_, '_, '_>, positionals: &Positionals<'_>) -> Option<String> {
    positionals.binary.clone().or_else(|| call.str("binary").map(str::to_owned))
}

/// Reports keywords service() does not take; true when one of them says where the service comes from.
fn other_keywords(call: &mut Call<'_, '_, '_, '_>) -> Result<bool, Stop> {
    let mut elsewhere = false;
    for (word, arg) in std::mem::take(&mut call.extra) {
        let span = arg.name_span.unwrap_or(arg.span);
        elsewhere |= matches!(word.as_str(), "image" | "build" | "remote");
        let finding = stray_keyword(&call.signature, word, span, call.span, call.site());
        call.report(finding)?;
    }
    Ok(elsewhere)
}

/// A keyword service() does not take. `call` is the whole call.
pub(crate) fn stray_keyword(
    signature: &shape::Signature<'_>,
    word: String,
    span: Span,
    call: Span,
    site: Option<&CallSite>,
) -> Diagnostic {
    let planned = PLANNED.iter().find(|(name, _)| *name == word);
    match (planned, word.as_str()) {
        (Some((_, instead)), _) => {
            Diagnostic::new(Code::NotSupported, span, format!("service() `{word}` is not supported yet"))
                .label("not supported yet")
                .help(*instead)
        }
        (None, "cmd" | "command" | "entrypoint") => {
            Diagnostic::new(Code::UnknownArgument, span, format!("service() has no argument `{word}`"))
                .label("unknown argument")
                .help("the program is the second argument, its arguments are args=[...]")
        }
        (None, _) => shape::finding(signature, &shape::Fault::Unknown { name: word }, call, site),
    }
}

/// Strings of a list argument; other items are reported.
pub(super) fn texts<'v>(call: &mut Call<'v, '_, '_, '_>, name: &str) -> Result<Vec<String>, Stop> {
    let Some(arg) = call.get(name) else { return Ok(Vec::new()) };
    let mut texts = Vec::new();
    for (at, item) in accept::items(arg.value).unwrap_or_default().iter().enumerate() {
        if let Some(text) = item.unpack_str() {
            texts.push(text.to_owned());
        } else if !Hole::is(*item) {
            let item = Arg { value: *item, span: call.item_span(&arg, at), name_span: None };
            let finding = call.wrong(&format!("{name}[{at}]"), "a string", &item);
            call.report(finding)?;
        }
    }
    Ok(texts)
}

fn env(call: &mut Call<'_, '_, '_, '_>) -> Result<Vec<(String, String)>, Stop> {
    let Some(arg) = call.get("env") else { return Ok(Vec::new()) };
    let Some(dict) = DictRef::from_value(arg.value) else { return Ok(Vec::new()) };
    let mut env = Vec::new();
    for (at, (key, value)) in dict.iter().enumerate() {
        let (key_span, value_span) = call.entry_span(&arg, at);
        let Some(key_text) = key.unpack_str() else {
            let key = Arg { value: key, span: key_span, name_span: None };
            let finding = call.wrong("env key", "a string", &key);
            call.report(finding)?;
            continue;
        };
        if key_text.is_empty() || key_text.contains(['=', '\0']) {
            let message = format!("\"{key_text}\" cannot name an environment variable");
            call.report(Diagnostic::new(Code::BadValue, key_span, message).label("not a variable's name"))?;
        } else if let Some(text) = convert::text(value) {
            env.push((key_text.to_owned(), text));
        } else if !Hole::is(value) {
            let value = Arg { value, span: value_span, name_span: None };
            let finding = call.wrong(&format!("env[\"{key_text}\"]"), "a string, an int or a bool", &value);
            call.report(finding)?;
        }
    }
    Ok(env)
}

/// The interfaces, with their names and ports checked against each other and against all others.
fn own_interfaces(
    call: &mut Call<'_, '_, '_, '_>,
    service: &str,
    values: Vec<&InterfaceValue>,
) -> Result<Vec<Interface>, Stop> {
    let mut interfaces: Vec<Interface> = Vec::new();
    for value in values {
        let interface = value.interface.clone();
        if let Some(first) = interfaces.iter().find(|known| known.name == interface.name) {
            let finding = duplicate("interface", interface.name.as_str(), value.name_span, first.span);
            call.report(finding)?;
            continue;
        }
        claim_port(call, service, value)?;
        interfaces.push(interface);
    }
    Ok(interfaces)
}

fn claim_port(call: &mut Call<'_, '_, '_, '_>, service: &str, value: &InterfaceValue) -> Result<(), Stop> {
    let Some(load) = call.context.load() else { return Ok(()) };
    let interface = &value.interface;
    let datagrams = crate::protocol::schema(interface.protocol).transport == Transport::Datagram;
    let owner = format!("{service}.{}", interface.name);
    let taken = load
        .draft
        .borrow()
        .ports
        .iter()
        .find(|(port, other, ..)| *port == interface.port && *other == datagrams)
        .map(|(_, _, owner, span)| (owner.clone(), *span));
    if let Some((other, span)) = taken {
        let message = format!("`{owner}` and `{other}` both want port {}", interface.port);
        let finding = Diagnostic::new(Code::PortClash, value.port_span, message)
            .label("taken already")
            .also(span, format!("`{other}` has it"));
        return call.report(finding);
    }
    load.draft.borrow_mut().ports.push((interface.port, datagrams, owner, value.port_span));
    Ok(())
}

fn dependencies(call: &mut Call<'_, '_, '_, '_>, service: &str) -> Result<Vec<ServiceName>, Stop> {
    let Some(arg) = call.get("depends_on") else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for (at, item) in accept::items(arg.value).unwrap_or_default().iter().enumerate() {
        let span = call.item_span(&arg, at);
        let name = match ServiceValue::from_value(*item) {
            Some(value) => value.service.name.clone(),
            None if Hole::is(*item) => continue,
            None => match item.unpack_str() {
                Some(name) => ServiceName::new(name),
                None => {
                    let item = Arg { value: *item, span, name_span: None };
                    let finding = call.wrong(&format!("depends_on[{at}]"), "a service or its name", &item);
                    call.report(finding)?;
                    continue;
                }
            },
        };
        if let Some(load) = call.context.load() {
            let key = (service.to_owned(), name.to_string());
            load.draft.borrow_mut().dependency_spans.entry(key).or_insert(span);
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

fn healthcheck(call: &mut Call<'_, '_, '_, '_>) -> Result<Option<Healthcheck>, Stop> {
    let value = call.get("healthcheck").and_then(|arg| HealthcheckValue::from_value(arg.value));
    Ok(value.map(|value| value.healthcheck.clone()))
}

fn stdin(call: &mut Call<'_, '_, '_, '_>) -> Result<Stdin, Stop> {
    match call.str("stdin") {
        None | Some("open") => return Ok(Stdin::Open),
        Some("eof") => return Ok(Stdin::Eof),
        Some(_) => {}
    }
    let Some(arg) = call.get("stdin") else { return Ok(Stdin::Open) };
    let word = arg.value.unpack_str().unwrap_or_default();
    let message = format!("service() stdin= is \"open\" or \"eof\", not \"{word}\"");
    let finding = Diagnostic::new(Code::BadValue, arg.span, message).label("neither of the two");
    let meant = match word.to_lowercase().as_str() {
        "null" | "none" | "closed" | "close" | "empty" | "/dev/null" => Some("eof"),
        "pipe" | "silent" | "inherit" => Some("open"),
        other => nearest(other, ["open", "eof"]),
    };
    let is_written = call.written(&arg).is_some_and(|site| matches!(site.shape, ExprShape::Str(_)));
    call.report(match meant.filter(|_| is_written) {
        Some(word) => finding.fix(format!("change to \"{word}\""), arg.span, format!("\"{word}\"")),
        None => finding,
    })?;
    Ok(Stdin::Open)
}

fn operations(call: &mut Call<'_, '_, '_, '_>) -> Result<Vec<Operation>, Stop> {
    let Some(arg) = call.get("ops") else { return Ok(Vec::new()) };
    let Some(dict) = DictRef::from_value(arg.value) else { return Ok(Vec::new()) };
    let mut operations = Vec::new();
    for (at, (key, value)) in dict.iter().enumerate() {
        let (key_span, span) = call.entry_span(&arg, at);
        let Some(name) = key.unpack_str() else {
            let finding =
                call.wrong("ops key", "a string", &Arg { value: key, span: key_span, name_span: None });
            call.report(finding)?;
            continue;
        };
        match OpValue::from_value(value) {
            Some(op) => operations.push(Operation { name: name.to_owned(), ..op.operation.clone() }),
            None if Hole::is(value) => {}
            None => {
                let value = Arg { value, span, name_span: None };
                let finding = call.wrong(&format!("ops[\"{name}\"]"), "an op(...)", &value);
                call.report(finding)?;
            }
        }
    }
    Ok(operations)
}
