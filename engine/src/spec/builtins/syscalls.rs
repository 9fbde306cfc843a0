//! Syscall faults: `deny`, `delay("...")`, `allow`.

use super::{optional, required};
use crate::diagnostic::suggest::nearest;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::errno::Errno;
use crate::model::{Action, Domain, Param, ParamType};
use crate::spec::call::Call;
use crate::spec::failure::Stop;
use crate::spec::registry::{Builtin, Context, Group, Keywords, Rest};
use crate::spec::values::FaultValue;
use crate::spec::{builtins::rules, target};
use starlark::values::Value;

const PATH: Param = optional(
    "path",
    ParamType::Str,
    "\"\"",
    Domain::FilePath,
    "A glob over the file's absolute path; only calls on such files are faulted.",
);

/// The first argument of a syscall fault, then those all of them take.
macro_rules! fault {
    ($first:expr) => {
        &[
            $first,
            rules::PROBABILITY,
            rules::LABEL,
            PATH,
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
pub(in crate::spec) fn unknown_errno(text: &str, span: crate::text::Span) -> Diagnostic {
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
        Some((target::file_glob(text), arg.span))
    });
    Ok(call.heap().alloc(FaultValue { action, trigger, label, path, span: call.span }))
}
