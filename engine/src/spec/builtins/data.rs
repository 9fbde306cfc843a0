//! Files and durations as data.

use super::required;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Domain, Param, ParamType};
use crate::spec::call::Call;
use crate::spec::convert;
use crate::spec::failure::Stop;
use crate::spec::registry::{Builtin, Context, Group, Keywords, Rest};
use serde_json::Value as Json;
use starlark::values::Value;
use starlark::values::bytes::StarlarkBytes;
use std::sync::Arc;

const PATH: &[Param] = &[required(
    "path",
    ParamType::Str,
    Domain::FilePath,
    "A path from the spec's directory, to a regular file of at most 16 MiB.",
)];

const fn loader(name: &'static str, returns: &'static str, doc: &'static str, run: super::Run) -> Builtin {
    Builtin {
        name,
        params: PATH,
        positional: 1,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Load,
        returns,
        group: Group::Data,
        snippet: false,
        doc,
        run,
    }
}

pub(super) const BUILTINS: &[Builtin] = &[
    loader("load_file", "str", "The text of a file, which must be UTF-8.", load_file),
    loader(
        "load_bytes",
        "bytes",
        "The bytes of a file, whatever they are: for body=, data= and value= of rules and steps. At most 16 MiB.",
        load_bytes,
    ),
    loader("load_json", "data", "The content of a JSON file.", load_json),
    loader("load_yaml", "data", "The content of a YAML file.", load_yaml),
    Builtin {
        name: "duration",
        params: &[required("text", ParamType::Duration, Domain::Duration, "Such as \"1m30s\".")],
        positional: 1,
        rest: Rest::None,
        keywords: Keywords::Closed,
        context: Context::Both,
        returns: "int",
        group: Group::Data,
        snippet: false,
        doc: "A duration in nanoseconds.",
        run: duration,
    },
];

/// The bytes of the file named by the call; a file that cannot be read is reported.
fn bytes(call: &mut Call<'_, '_, '_, '_>) -> Result<Option<Arc<[u8]>>, Stop> {
    let (Some(arg), Some(load)) = (call.get("path"), call.context.load()) else { return Ok(None) };
    let given = arg.value.unpack_str().unwrap_or_default();
    if given.contains("://") {
        let finding = Diagnostic::new(Code::BadValue, arg.span, "only files can be loaded, not addresses");
        call.report(finding.label("an address"))?;
        return Ok(None);
    }
    let path = load.resolve(given);
    load.data_files.borrow_mut().insert(path.clone());
    let error = match load.files.read(&path) {
        Ok(bytes) => return Ok(Some(bytes)),
        Err(error) => error,
    };
    let message = format!("cannot read `{given}`: {error}");
    let finding = Diagnostic::new(Code::UnreadableFile, arg.span, message).label("this file");
    call.report(finding.note(format!("looked for {}", path.display())))?;
    Ok(None)
}

/// The same as text.
fn text(call: &mut Call<'_, '_, '_, '_>) -> Result<Option<String>, Stop> {
    let Some(bytes) = bytes(call)? else { return Ok(None) };
    if let Ok(text) = std::str::from_utf8(&bytes) {
        return Ok(Some(text.to_owned()));
    }
    let (given, span) =
        (call.str("path").unwrap_or_default(), call.get("path").map_or(call.span, |arg| arg.span));
    let finding =
        Diagnostic::new(Code::NotUtf8, span, format!("`{given}` is not valid UTF-8")).label("this file");
    let is_text_wanted = call.signature.name == "load_file";
    call.report(if is_text_wanted { finding.help("load_bytes() reads any file") } else { finding })?;
    Ok(None)
}

fn load_bytes<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let bytes = bytes(call)?;
    Ok(bytes.map_or_else(|| call.hole(), |bytes| call.heap().alloc(StarlarkBytes::new(&bytes))))
}

fn load_file<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let text = text(call)?;
    Ok(text.map_or_else(|| call.hole(), |text| call.heap().alloc(text)))
}

fn load_json<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let Some(text) = text(call)? else { return Ok(call.hole()) };
    parsed(call, "JSON", serde_json::from_str(&text).map_err(|error| error.to_string()))
}

fn load_yaml<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    let Some(text) = text(call)? else { return Ok(call.hole()) };
    parsed(call, "YAML", serde_norway::from_str(&text).map_err(|error| error.to_string()))
}

fn parsed<'v>(
    call: &mut Call<'v, '_, '_, '_>,
    format: &str,
    read: Result<Json, String>,
) -> Result<Value<'v>, Stop> {
    match read {
        Ok(json) => Ok(convert::from_data(&json.into(), call.heap())),
        Err(reason) => {
            let span = call.get("path").map_or(call.span, |arg| arg.span);
            let message = format!("this file is not valid {format}: {reason}");
            call.report(Diagnostic::new(Code::BadValue, span, message).label("this file"))?;
            Ok(call.hole())
        }
    }
}

fn duration<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    match call.duration("text")? {
        Some(duration) => Ok(call.heap().alloc(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))),
        None => Ok(call.hole()),
    }
}
