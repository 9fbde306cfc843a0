//! How to tell that a service is ready, and its named operations.

use super::topology::texts;
use super::{optional, required};
use crate::diagnostic::suggest::nearest;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Domain, Healthcheck, HealthcheckKind, Operation, ParamType, syscall};
use crate::spec::asked::{Asked, AskedPath};
use crate::spec::call::{Arg, Call};
use crate::spec::failure::Stop;
use crate::spec::registry::{Builtin, Context, Group, Keywords, Rest};
use crate::spec::target;
use crate::spec::values::{HealthcheckValue, OpValue};
use crate::text::Span;
use starlark::values::Value;
use std::time::Duration;

const TIMEOUT: &str = "Longest wait from the start of the program.";

pub(super) const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "tcp",
        params: &[
            required("addr", ParamType::Str, Domain::Address, "Host and port, such as \"localhost:5432\"."),
            optional("timeout", ParamType::Duration, "\"10s\"", Domain::Duration, TIMEOUT),
        ],
        positional: 2,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Load,
        returns: "healthcheck",
        group: Group::Topology,
        snippet: false,
        doc: "The service is ready when it accepts a TCP connection.",
        run: tcp,
    },
    Builtin {
        name: "http",
        params: &[
            required(
                "url",
                ParamType::Str,
                Domain::Address,
                "Address and path, such as \"localhost:8080/health\".",
            ),
            optional("timeout", ParamType::Duration, "\"10s\"", Domain::Duration, TIMEOUT),
        ],
        positional: 2,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Load,
        returns: "healthcheck",
        group: Group::Topology,
        snippet: false,
        doc: "The service is ready when a GET is answered with a status from 200 to 399.",
        run: http,
    },
    Builtin {
        name: "ready",
        params: &[optional("timeout", ParamType::Duration, "\"30s\"", Domain::Duration, TIMEOUT)],
        positional: 0,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Load,
        returns: "healthcheck",
        group: Group::Topology,
        snippet: false,
        doc: "The service is ready when the protocol of its first interface answers a harmless request, or, with UDP, when a socket receives on its port.",
        run: ready,
    },
    Builtin {
        name: "op",
        params: &[
            required("syscalls", ParamType::StrList, Domain::Syscall, "Families or single syscalls."),
            optional("path", ParamType::Str, "\"\"", Domain::FilePath, "A glob over the file's path."),
        ],
        positional: 0,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Load,
        returns: "op",
        group: Group::Syscalls,
        snippet: true,
        doc: "A named set of syscalls, perhaps on certain files only: service(ops={\"wal\": op(...)}).",
        run: op,
    },
];

fn tcp<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let Some(arg) = call.get("addr") else { return Ok(call.hole()) };
    let text = arg.value.unpack_str().unwrap_or_default();
    let Some((host, port)) = host_and_port(text) else {
        return bad_address(call, &arg, text, "\"localhost:5432\"");
    };
    finish(call, HealthcheckKind::Tcp { host, port }, Duration::from_secs(10))
}

fn http<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let Some(arg) = call.get("url") else { return Ok(call.hole()) };
    let text = arg.value.unpack_str().unwrap_or_default();
    let rest = text.strip_prefix("http://").unwrap_or(text);
    let (address, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    let Some((host, port)) = host_and_port(address) else {
        return bad_address(call, &arg, text, "\"localhost:8080/health\"");
    };
    finish(call, HealthcheckKind::Http { host, port, path: path.to_owned() }, Duration::from_secs(10))
}

fn ready<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    finish(call, HealthcheckKind::Ready, Duration::from_secs(30))
}

fn finish<'v>(
    call: &mut Call<'v, '_, '_, '_>,
    kind: HealthcheckKind,
    default: Duration,
) -> Result<Value<'v>, Stop> {
    let timeout = call.duration("timeout")?.unwrap_or(default);
    let healthcheck = Healthcheck { kind, timeout, span: call.span };
    Ok(call.heap().alloc(HealthcheckValue { healthcheck }))
}

/// `host:port`; IPv6 hosts stand in brackets.
fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse::<u16>().ok().filter(|&port| port > 0)?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let plain = !host.is_empty() && !host.contains(['/', ' ', '@']);
    plain.then(|| (host.to_owned(), port))
}

fn bad_address<'v>(
    call: &mut Call<'v, '_, '_, '_>,
    arg: &Arg<'v>,
    text: &str,
    example: &str,
) -> Result<Value<'v>, Stop> {
    let message = format!("{}() cannot read \"{text}\" as an address", call.signature.name);
    let finding = Diagnostic::new(Code::BadValue, arg.span, message).label("not host and port");
    call.report(finding.help(format!("write {example}")))?;
    Ok(call.hole())
}

fn op<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let syscalls = texts(call, "syscalls")?;
    let Some(arg) = call.get("syscalls") else { return Ok(call.hole()) };
    if syscalls.is_empty() && !call.faulty {
        let finding = Diagnostic::new(Code::BadValue, arg.span, "op() needs at least one syscall");
        call.report(finding.label("empty"))?;
    }
    for (at, word) in syscalls.iter().enumerate() {
        let span = call.item_span(&arg, at);
        if let Some(reason) = syscall::untrappable(word) {
            let message = format!("`{word}` cannot be faulted");
            call.report(Diagnostic::new(Code::UnknownSyscall, span, message).note(reason))?;
        } else if syscall::resolve(word).is_none() {
            let keywords = syscall::keywords();
            let near = nearest(word, keywords.iter().map(|keyword| keyword.name));
            let finding = Diagnostic::new(Code::UnknownSyscall, span, format!("`{word}` is no syscall"));
            let finding = match near {
                Some(near) => finding.help(format!("did you mean \"{near}\"?")).fix(
                    format!("change to \"{near}\""),
                    span,
                    format!("\"{near}\""),
                ),
                None => finding,
            };
            call.report(finding.label("unknown"))?;
        }
    }
    check_path(call, &arg, &syscalls)?;
    let path = call.str("path").filter(|path| !path.is_empty()).map(target::file_glob);
    let operation = Operation { name: String::new(), syscalls, path, span: call.span };
    Ok(call.heap().alloc(OpValue { operation }))
}

/// Reports a path that some of the syscalls can never match.
fn check_path<'v>(call: &mut Call<'v, '_, '_, '_>, words: &Arg<'v>, syscalls: &[String]) -> Result<(), Stop> {
    let Some(arg) = call.get("path") else { return Ok(()) };
    let Some(glob) = arg.value.unpack_str().filter(|glob| !glob.is_empty()) else { return Ok(()) };
    let argument = Span { start: arg.name_span.unwrap_or(arg.span).start, ..arg.span };
    let path = Some(AskedPath { glob, span: arg.span, argument });
    for (at, word) in syscalls.iter().enumerate() {
        let Some(calls) = syscall::resolve(word) else { continue };
        let asked = Asked { word, calls: &calls, path, has_own_path: false, peer: None };
        if let Some(finding) = asked.finding() {
            let word = call.item_span(words, at);
            call.report(finding.also(word, "named here"))?;
            break;
        }
    }
    Ok(())
}
