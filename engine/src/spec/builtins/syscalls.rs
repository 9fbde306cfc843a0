//! Syscall faults: `deny`, `delay("...")`, `allow`.

use super::{optional, required};
use crate::diagnostic::suggest::nearest;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::errno::Errno;
use crate::model::{Action, Domain, Param, ParamType, Peer, Protocol};
use crate::spec::call::{Arg, Call};
use crate::spec::failure::Stop;
use crate::spec::registry::{Builtin, Context, Group, Keywords, Rest};
use crate::spec::values::{FaultValue, InterfaceRef};
use crate::spec::{builtins::rules, target};
use crate::text::Span;
use starlark::values::Value;

const PATH: Param = optional(
    "path",
    ParamType::Str,
    "\"\"",
    Domain::FilePath,
    "A glob over the absolute path of a file, or of a Unix socket; only calls on it are faulted. Of two names, as in rename, either may match.",
);

const TO: Param = optional(
    "to",
    ParamType::InterfaceRef,
    "None",
    Domain::None,
    "For connect and sendto: only calls to this interface, such as db.main, are faulted.",
);

const PORT: Param = optional(
    "port",
    ParamType::Int,
    "None",
    Domain::Port,
    "For connect, sendto and bind: only calls with this port in their address are faulted.",
);

/// The first argument of a syscall fault, then those all of them take.
macro_rules! fault {
    ($first:expr) => {
        &[
            $first,
            rules::PROBABILITY,
            rules::LABEL,
            PATH,
            TO,
            PORT,
            rules::NTH,
            rules::AFTER,
            rules::EVERY,
            rules::TIMES,
            rules::MAX_FIRES,
            rules::MODE,
        ]
    };
}

const DENY: &[Param] = fault![required(
    "errno",
    ParamType::Str,
    Domain::Errno,
    "The error the call fails with, such as \"EIO\"."
)];

const DELAY: &[Param] =
    fault![required("duration", ParamType::Duration, Domain::Duration, "How long the call waits.")];

pub(super) const BUILTINS: &[Builtin] = &[
    Builtin {
        name: "deny",
        params: DENY,
        positional: 3,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Both,
        returns: "syscall fault",
        group: Group::Syscalls,
        snippet: true,
        doc: "The syscall fails with this errno and is not executed.",
        run: deny,
    },
    Builtin {
        name: "delay",
        params: DELAY,
        positional: 3,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Both,
        returns: "syscall fault",
        group: Group::Syscalls,
        snippet: true,
        doc: "The syscall waits, then it is executed. With keywords only, delay() is a protocol rule.",
        run: delay,
    },
    Builtin {
        name: "allow",
        params: &[],
        positional: 0,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Both,
        returns: "syscall fault",
        group: Group::Syscalls,
        snippet: false,
        doc: "The syscall passes, whatever later rules say.",
        run: allow,
    },
];

/// The syscall form of `delay`.
pub(super) static DELAY_FORM: &Builtin = &BUILTINS[1];

fn deny<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let Some(arg) = call.get("errno") else { return Ok(call.hole()) };
    let text = arg.value.unpack_str().unwrap_or_default();
    let Some(errno) = Errno::from_name(text) else {
        let finding = unknown_errno(text, arg.span);
        call.report(finding)?;
        return Ok(call.hole());
    };
    fault(call, Action::Deny(errno))
}

/// No such errno, with the nearest or the common ones.
pub(in crate::spec) fn unknown_errno(text: &str, span: Span) -> Diagnostic {
    let finding = Diagnostic::new(Code::UnknownErrno, span, format!("there is no errno \"{text}\""))
        .label("unknown errno");
    match nearest(text, Errno::ALL.iter().map(|errno| errno.name())) {
        Some(near) => finding.help(format!("did you mean \"{near}\"?")).fix(
            format!("change to \"{near}\""),
            span,
            format!("\"{near}\""),
        ),
        None => {
            let common: Vec<&str> = Errno::RECOMMENDED.iter().take(12).map(|errno| errno.name()).collect();
            finding.help(format!("common ones: {}", common.join(", ")))
        }
    }
}

fn delay<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    match call.duration("duration")? {
        Some(duration) => fault(call, Action::Delay(duration)),
        None => Ok(call.hole()),
    }
}

fn allow<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    fault(call, Action::Allow)
}

fn fault<'v>(call: &mut Call<'v, '_, '_, '_>, action: Action) -> Result<Value<'v>, Stop> {
    let trigger = rules::trigger(call)?;
    let label = rules::label(call);
    let path = call.get("path").and_then(|arg| {
        let text = arg.value.unpack_str().filter(|text| !text.is_empty())?;
        let argument = Span { start: arg.name_span.unwrap_or(arg.span).start, ..arg.span };
        Some((target::file_glob(text), arg.span, argument))
    });
    let peer = peer(call)?;
    let span = call.context.use_span(call.eval);
    Ok(call.heap().alloc(FaultValue { action, trigger, label, path, peer, span }))
}

/// Whom `to=` or `port=` names.
fn peer(call: &mut Call<'_, '_, '_, '_>) -> Result<Option<(Peer, Span)>, Stop> {
    let given = |arg: Arg<'_>| arg.name_span.unwrap_or(arg.span);
    let to = call.get("to").and_then(|arg| Some((InterfaceRef::from_value(arg.value)?, given(arg))));
    if let (Some(_), Some(port)) = (&to, call.get("port")) {
        let finding = Diagnostic::new(Code::SurplusArgument, given(port), "to= names the port already");
        call.report(finding.label("one too many"))?;
    }
    if let Some((interface, span)) = to {
        let datagrams = interface.protocol == Protocol::Udp;
        let peer = Peer { interface: Some(interface.endpoint.clone()), port: interface.port, datagrams };
        return Ok(Some((peer, span)));
    }
    let Some(arg) = call.get("port") else { return Ok(None) };
    let port = arg.value.unpack_i32().and_then(|port| u16::try_from(port).ok()).filter(|&port| port > 0);
    let Some(port) = port else {
        let message = format!("{} is not a port", arg.value);
        call.report(Diagnostic::new(Code::BadValue, arg.span, message).label("1 to 65535"))?;
        return Ok(None);
    };
    Ok(Some((Peer { interface: None, port, datagrams: false }, given(arg))))
}
