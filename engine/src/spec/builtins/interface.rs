//! `interface(...)`: an endpoint a service listens on.

use super::{optional, required};
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{Domain, Interface, InterfaceName, ParamType, Protocol};
use crate::spec::call::Call;
use crate::spec::convert;
use crate::spec::failure::Stop;
use crate::spec::registry::{Builtin, Context, Group, Keywords, Rest};
use crate::spec::values::InterfaceValue;
use crate::spec::wording;
use starlark::values::Value;

pub(super) const BUILTINS: &[Builtin] = &[Builtin {
    name: "interface",
    params: &[
        required("name", ParamType::Str, Domain::None, "Its name, unique in the service."),
        required("protocol", ParamType::Str, Domain::Protocol, "The protocol it speaks."),
        required("port", ParamType::Int, Domain::None, "The port the program listens on."),
        optional("spec", ParamType::Str, "\"\"", Domain::FilePath, "A contract file; not supported yet."),
        optional("tls", ParamType::Any, "None", Domain::None, "Certificates; not supported yet."),
    ],
    positional: 5,
    rest: Rest::None,
    keywords: Keywords::Closed,
    context: Context::Load,
    returns: "interface",
    group: Group::Topology,
    snippet: true,
    doc: "An endpoint a service listens on.",
    run: interface,
}];

fn interface<'v>(call: &mut Call<'v, '_, '_, '_>) -> Result<Value<'v>, Stop> {
    for planned in ["spec", "tls"] {
        if let Some(arg) = call.get(planned) {
            let message = format!("interface() `{planned}` is not supported yet");
            let span = arg.name_span.unwrap_or(arg.span);
            call.report(Diagnostic::new(Code::NotSupported, span, message).help("leave it out"))?;
        }
    }
    let protocol = protocol(call)?;
    let port = port(call)?;
    let (Some(name), Some(protocol), Some(port)) = (call.get("name"), protocol, port) else {
        return Ok(call.hole());
    };
    let text = name.value.unpack_str().unwrap_or_default();
    if text.is_empty() || text == "name" {
        let message = format!("an interface cannot be named \"{text}\"");
        call.report(Diagnostic::new(Code::BadValue, name.span, message).label("choose another name"))?;
        return Ok(call.hole());
    }
    let interface = Interface { name: InterfaceName::new(text), protocol, port, span: call.span };
    let port_span = call.get("port").map_or(call.span, |arg| arg.span);
    Ok(call.heap().alloc(InterfaceValue { interface, port_span, name_span: name.span }))
}

fn protocol(call: &mut Call<'_, '_, '_, '_>) -> Result<Option<Protocol>, Stop> {
    let Some(arg) = call.get("protocol") else { return Ok(None) };
    let text = arg.value.unpack_str().unwrap_or_default();
    let known = Protocol::from_name(text);
    if known.is_some() {
        return Ok(known);
    }
    let finding = wording::unknown_protocol(text, arg.span);
    call.report(finding)?;
    Ok(None)
}

fn port(call: &mut Call<'_, '_, '_, '_>) -> Result<Option<u16>, Stop> {
    let Some(arg) = call.get("port") else { return Ok(None) };
    let port = convert::int(arg.value).and_then(|port| u16::try_from(port).ok()).filter(|&port| port > 0);
    if port.is_none() {
        let message = format!("{} is no port", convert::shown(arg.value));
        call.report(Diagnostic::new(Code::BadValue, arg.span, message).label("must be from 1 to 65535"))?;
    }
    Ok(port)
}
