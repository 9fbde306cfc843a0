//! What the thing under the cursor is: documentation, expanded families, resolved addresses, the last outcome.

use super::callable::{self, Callable};
use super::infer::Inference;
use super::results::{RunResults, TestResult};
use super::value::{ADDRESSES, Function, InterfaceShape, RESPONSE, ServiceShape, Value};
use super::{Snapshot, call_site, declarations, domains, loads, service_shape, signature, standard};
use crate::model::errno::Errno;
use crate::model::syscall::{self, Family};
use crate::spec::registry::{self, Builtin, Context, Keywords};
use crate::syntax::cursor::{self, Context as Typing};
use crate::syntax::{NodeId, NodeKind};
use crate::text::Span;

/// Markdown about a piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hover {
    pub span: Span,
    pub markdown: String,
}

/// What is known about the thing under `offset`.
pub fn hover(snapshot: &Snapshot<'_>, offset: u32, results: &RunResults) -> Option<Hover> {
    let inference = Inference::new(*snapshot);
    let tree = snapshot.tree();
    let node = tree.node_at(offset);
    if let NodeKind::String(literal) = tree.kind(node)
        && literal.content.touches(offset)
    {
        let parent = tree.parent(node)?;
        let markdown = match tree.kind(parent) {
            NodeKind::Load { .. } => Some(loads::file_at(snapshot, &literal.value)),
            NodeKind::LoadName { .. } => named(&inference, parent, &literal.value),
            _ => string(&inference, offset, &literal.value),
        }?;
        return Some(Hover { span: literal.content, markdown });
    }
    let (node, span) = tree.name_at(offset)?;
    let name = tree.str(span);
    let mut markdown = match tree.kind(node) {
        NodeKind::Argument { .. } => argument(&inference, node, name),
        NodeKind::Attribute { object, .. } => attribute(&inference, *object, name),
        _ => named(&inference, node, name),
    }?;
    if let Some(outcome) = outcome(snapshot, name, results) {
        markdown.push_str("\n\n");
        markdown.push_str(&outcome);
    }
    Some(Hover { span, markdown })
}

fn code(text: &str) -> String {
    format!("```python\n{text}\n```")
}

fn named(inference: &Inference<'_>, node: NodeId, name: &str) -> Option<String> {
    let file = inference.snapshot.file;
    let value = match file.scopes.resolve(node) {
        Some(id) => match inference.definition(file, file.scopes.definition(id)) {
            value @ (Value::Unknown | Value::Struct(_)) => match loads::recipes_of(file, id) {
                Some(recipes) => return Some(recipes),
                None => value,
            },
            value => value,
        },
        None => match registry::find(name) {
            Some(builtin) => return Some(builtin_doc(called_form(inference, node, builtin))),
            None => return standard_doc(name).or_else(|| not_supported(name)),
        },
    };
    Some(match &value {
        Value::Service(shape) => service(shape),
        Value::Interface(shape, at) => interface(shape, &shape.interfaces[*at]),
        Value::Assumption(assumption) => assumption_doc(inference, assumption),
        Value::Function(function) => function_doc(*function, name),
        value => code(&format!("{name}: {}", value.words()?)),
    })
}

fn function_doc(function: Function<'_>, name: &str) -> String {
    let callable = Callable { name: name.to_owned(), ..callable::of_function(function) };
    let label = signature::label(&callable);
    format!("{}\n{}", code(&format!("def {label}")), callable.doc).trim_end().to_owned()
}

/// The service of this name, in whatever file it is declared.
fn service_named(inference: &Inference<'_>, name: &str) -> Option<String> {
    let declared = inference.snapshot.files().find_map(|file| {
        let known = declarations::services(file).into_iter().find(|known| known.name == name)?;
        Some(service_shape::written(inference, file, known.call))
    });
    declared.or_else(|| service_shape::outlined(inference.snapshot, name)).map(|shape| service(&shape))
}

/// The form of the builtin that the call around a callee means.
fn called_form(inference: &Inference<'_>, callee: NodeId, builtin: &'static Builtin) -> &'static Builtin {
    let tree = inference.snapshot.tree();
    match tree.parent(callee) {
        Some(call) if matches!(tree.kind(call), NodeKind::Call { callee: own, .. } if *own == callee) => {
            call_site::form(builtin, &call_site::Written::of(tree, call))
        }
        _ => builtin,
    }
}

fn builtin_doc(builtin: &'static Builtin) -> String {
    let label = signature::label(&callable::of_builtin(builtin));
    let mut text = format!("{}\n{}", code(&label), builtin.doc);
    match builtin.context {
        Context::Load => text.push_str("\n\nOnly at the top level of a spec."),
        Context::Body => text.push_str("\n\nOnly in a running test."),
        Context::Both => {}
    }
    if let Keywords::Rule(action) = builtin.keywords {
        for &protocol in crate::model::Protocol::ALL {
            let schema = crate::protocol::schema(protocol);
            if let Some(spec) = schema.actions.iter().find(|spec| spec.kind == action) {
                text.push_str(&format!("\n- **{protocol}**: {}", spec.doc));
            }
        }
    }
    for param in builtin.params {
        text.push_str(&format!("\n- `{}`: {}", param.name, param.doc));
    }
    text
}

fn standard_doc(name: &str) -> Option<String> {
    let function = standard::find(name)?;
    Some(format!("{}\n{}", code(function.signature), function.doc))
}

fn not_supported(name: &str) -> Option<String> {
    registry::not_supported(name).map(|instead| format!("`{name}` is not supported yet: {instead}."))
}

fn argument(inference: &Inference<'_>, argument: NodeId, name: &str) -> Option<String> {
    let call = inference.snapshot.tree().parent(argument)?;
    let callable = callable::of_call(inference, call)?;
    let slot = callable.slot(name)?;
    if slot.kind.is_syscall() {
        return Some(syscall_doc(name).unwrap_or_else(|| slot.doc.clone()));
    }
    let default = slot.default.as_deref().filter(|text| !text.is_empty());
    let default = default.map(|text| format!(", default `{text}`")).unwrap_or_default();
    Some(format!("**{name}**: {}{default}\n\n{}", slot.ty.words(), slot.doc))
}

fn attribute(inference: &Inference<'_>, object: NodeId, name: &str) -> Option<String> {
    match inference.of(object) {
        Value::Service(shape) => {
            let own = shape.interfaces.iter().find(|interface| interface.name == name);
            match own {
                Some(own) => Some(interface(&shape, own)),
                None => step(&shape, &shape.interfaces[shape.default_interface()?], name),
            }
        }
        Value::Interface(shape, at) => {
            let own = &shape.interfaces[at];
            step(&shape, own, name).or_else(|| address(own, name))
        }
        Value::Struct(fields) => {
            let (_, value) = fields.iter().find(|(field, _)| field == name)?;
            Some(match value {
                Value::Function(function) => function_doc(*function, name),
                value => code(&format!("{name}: {}", value.words()?)),
            })
        }
        Value::Response | Value::Unknown | Value::Data => {
            let (_, ty, doc) = RESPONSE.iter().find(|(known, ..)| *known == name)?;
            Some(format!("{}\n{doc}", code(&format!("response.{name}: {ty}"))))
        }
        _ => None,
    }
}

fn step(shape: &ServiceShape, own: &InterfaceShape, name: &str) -> Option<String> {
    let step = own.steps().iter().find(|step| step.name == name)?;
    let params: Vec<String> = step
        .params
        .iter()
        .map(|param| {
            param.default.map_or(param.name.to_owned(), |default| format!("{}={default}", param.name))
        })
        .collect();
    let label = format!("{}.{}.{name}({})", shape.name, own.name, params.join(", "));
    let mut text = format!("{}\n{}", code(&label), step.doc);
    for param in step.params {
        text.push_str(&format!("\n- `{}`: {}", param.name, param.doc));
    }
    Some(text)
}

fn address(own: &InterfaceShape, name: &str) -> Option<String> {
    let (_, what) = ADDRESSES.iter().find(|(known, _)| *known == name)?;
    let value = match (name, own.port) {
        ("host" | "proxy_host", _) => "\"localhost\"".to_owned(),
        ("port" | "proxy_port", Some(port)) => port.to_string(),
        (_, Some(port)) => format!("\"localhost:{port}\""),
        (_, None) => return Some((*what).to_owned()),
    };
    Some(format!("{}\n{what}; every test has a loopback of its own.", code(&format!("{name} = {value}"))))
}

fn service(shape: &ServiceShape) -> String {
    let mut text = code(&format!("service \"{}\"", shape.name));
    for interface in &shape.interfaces {
        let protocol = interface.protocol.map_or("?", crate::model::Protocol::name);
        let port = interface.port.map(|port| format!(" at `localhost:{port}`")).unwrap_or_default();
        text.push_str(&format!("\n- `{}`: {protocol}{port}", interface.name));
    }
    if !shape.operations.is_empty() {
        text.push_str(&format!("\n- operations: {}", shape.operations.join(", ")));
    }
    text
}

fn interface(shape: &ServiceShape, own: &InterfaceShape) -> String {
    let port = own.port.map(|port| format!(" localhost:{port}")).unwrap_or_default();
    let protocol = own.protocol.map_or("?", crate::model::Protocol::name);
    let mut text = code(&format!("{}.{}: {protocol}{port}", shape.name, own.name));
    let Some(schema) = own.protocol.map(crate::protocol::schema) else { return text };
    text.push_str(&format!("\n{}", schema.doc));
    let list = |title: &str, names: Vec<&str>| match names.is_empty() {
        true => String::new(),
        false => format!("\n- {title}: {}", names.join(", ")),
    };
    text.push_str(&list("steps", schema.steps.iter().map(|step| step.name).collect()));
    text.push_str(&list("rules", schema.actions.iter().map(|action| action.kind.builtin()).collect()));
    text.push_str(&list("rules match", schema.fields.iter().map(|field| field.name).collect()));
    text
}

fn assumption_doc(inference: &Inference<'_>, name: &str) -> String {
    let mut text = code(&format!("fault_assumption \"{name}\""));
    let outline = inference.snapshot.outline;
    let known = outline.and_then(|outline| outline.assumptions.iter().find(|known| known.name == name));
    if let Some(known) = known {
        if !known.description.is_empty() {
            text.push_str(&format!("\n{}", known.description));
        }
        for rule in &known.rules {
            text.push_str(&format!("\n- `{}` on {}: {}", rule.name, rule.target, rule.text));
        }
        for part in &known.parts {
            text.push_str(&format!("\n- all of `{part}`"));
        }
    }
    text
}

/// A syscall or family, with the calls it covers.
fn syscall_doc(word: &str) -> Option<String> {
    let calls = syscall::resolve(word)?;
    let doc = syscall::keyword_doc(word).unwrap_or("");
    let Some(family) = Family::from_keyword(word) else {
        return Some(format!("**{word}(2)**\n\n{doc}").trim_end().to_owned());
    };
    let names =
        calls.iter().map(|call| format!("{} {}", call.syscall.name(), call.when.words()).trim().to_owned());
    let names: Vec<String> = names.collect();
    let counted = family.counted();
    let counted: Vec<&str> = counted.iter().map(|call| call.syscall.name()).collect();
    let beside = if counted.is_empty() {
        String::new()
    } else {
        format!("\n\nCannot be faulted, only counted: {}", counted.join(", "))
    };
    Some(format!("**{word}**: the family of {}\n\n{doc}{beside}", names.join(", ")))
}

fn string(inference: &Inference<'_>, offset: u32, text: &str) -> Option<String> {
    let Typing::String { place, .. } = cursor::at(inference.snapshot.file.parsed, offset).context else {
        return None;
    };
    let active = place.argument?;
    let callable = callable::of_call(inference, active.call)?;
    let slot = callable.slot_of(active.index, active.keyword.as_deref())?;
    match slot.domain {
        crate::model::Domain::Errno => {
            let errno = Errno::from_name(text)?;
            Some(format!("**{}** ({}): {}", errno.name(), errno.number(), errno.meaning()))
        }
        crate::model::Domain::Syscall => syscall_doc(text),
        crate::model::Domain::ServiceName => service_named(inference, text),
        domain => {
            let word = domains::words(domain).into_iter().find(|word| word.text == text)?;
            (!word.detail.is_empty()).then(|| format!("**{text}**: {}", word.detail))
        }
    }
}

/// The last outcome of the test a name declares.
fn outcome(snapshot: &Snapshot<'_>, name: &str, results: &RunResults) -> Option<String> {
    let tests = declarations::tests(snapshot.file);
    let test =
        tests.iter().find(|test| test.name == name || test.name.strip_prefix("test_") == Some(name))?;
    match results.tests.get(&test.name)? {
        TestResult::Running => Some("Last run: running".to_owned()),
        TestResult::Ended { outcome, duration, reason, .. } => {
            let reason = reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
            Some(format!("Last run: {outcome} in {} ms{reason}", duration.as_millis()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::hover;
    use crate::event::Outcome;
    use crate::ide::fixture::Fixture;
    use crate::ide::results::{RunResults, TestResult};
    use std::time::Duration;

    #[track_caller]
    fn check(fixture: &str, expected: &[&str]) {
        let ended = TestResult::Ended {
            outcome: Outcome::Pass,
            duration: Duration::from_millis(7),
            not_fired: false,
            reason: None,
            has_trace: false,
        };
        let results = RunResults {
            tests: [("test_ran".to_owned(), ended)].into_iter().collect(),
            ..RunResults::default()
        };
        let fixture = Fixture::new(fixture);
        let found = fixture.ask(|snapshot, offset| hover(snapshot, offset, &results));
        let text = found.map_or(String::new(), |found| found.markdown);
        for words in expected {
            assert!(text.contains(words), "{words} is not in: {text}");
        }
        assert_eq!(text.is_empty(), expected.is_empty(), "{text}");
    }

    #[test]
    fn builtins_arguments_and_words_are_explained() {
        check("den$0y(\"EIO\")", &["deny(errno", "fails with this errno"]);
        check("deny(\"E$0IO\")", &["**EIO** (5)"]);
        check("deny(\"EIO\", labe$0l=\"x\")", &["**label**", "reports"]);
        check("fault_assumption(\"x\", target=db, wri$0te=deny(\"EIO\"))", &["pwritev2", "family"]);
        check("op(syscalls=[\"fsy$0nc\"])", &["fdatasync", "only counted: io_submit, sync"]);
        check("fault_assumption(\"x\", target=db, rmd$0ir=deny(\"EIO\"))", &["unlinkat with AT_REMOVEDIR"]);
        check("deny(\"EIO\", t$0o=db.main)", &["**to**", "only calls to this interface"]);
        check("interface(\"x\", \"htt$0p\", 1)", &["HTTP/1.1"]);
        check("x = 1 $0+ 2", &[]);
        check("x = load_by$0tes(\"a\")", &["load_bytes(path) -> bytes", "whatever they are"]);
        check("x = byt$0es(\"a\")", &["bytes(x)", "UTF-8"]);
    }

    #[test]
    fn values_of_the_spec_are_described() {
        let api = "api = service(\"api\", \"x\", interface(\"public\", \"http\", 8080))\n";
        check(&format!("{api}x = ap$0i"), &["service \"api\"", "localhost:8080"]);
        check(&format!("{api}x = api.pub$0lic"), &["api.public: http", "steps: get, post"]);
        check(&format!("{api}x = api.public.ad$0dr"), &["\"localhost:8080\""]);
        check(&format!("{api}x = api.ge$0t(path=\"/\")"), &["Sends a GET request."]);
        check(&format!("{api}x = api.get().body_byt$0es"), &["bytes", "as it came"]);
        check("def test_ra$0n():\n    pass\n", &["Last run: PASS in 7 ms"]);
    }

    #[test]
    fn a_service_is_described_where_a_string_names_it() {
        let api = "service(\"api\", \"x\", depends_on=[\"d$0b\"])\n";
        let db = "db = service(\"db\", \"x\", interface(\"main\", \"tcp\", 5432))\n";
        check(&format!("{db}{api}"), &["service \"db\"", "localhost:5432"]);
        check(&format!("{api}//- /w/lib.star\n{db}"), &["service \"db\"", "localhost:5432"]);
        check(api, &[]);
    }
}
