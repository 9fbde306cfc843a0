//! The parameters of the call being typed, with the one at hand.

use super::Snapshot;
use super::callable::{self, Callable, CallableKind};
use super::infer::Inference;
use crate::model::ParamType;
use crate::syntax::cursor::{self, ActiveCall};

/// What the call takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHelp {
    /// `deny(errno, probability=1.0, ...) -> syscall fault`.
    pub label: String,
    pub doc: String,
    pub parameters: Vec<ParameterHelp>,
    /// Index into `parameters`; `None` behind the last one.
    pub active: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterHelp {
    /// Bytes of the label.
    pub label: (u32, u32),
    pub doc: String,
}

/// Help for the innermost call around `offset`.
pub fn signature_help(snapshot: &Snapshot<'_>, offset: u32) -> Option<SignatureHelp> {
    let active = cursor::enclosing_call(snapshot.file.parsed, offset)?;
    let inference = Inference::new(*snapshot);
    let callable = callable::of_call(&inference, active.call)?;
    let (label, parameters) = render(&callable);
    let at = active_slot(&callable, &active).filter(|&at| at < parameters.len());
    Some(SignatureHelp { label, doc: callable.doc, parameters, active: at })
}

/// How many parameters a label shows; syscalls are far more than a line holds.
const MAX_SHOWN: usize = 24;

/// The label, and its parameters with their places in it.
pub(super) fn render(callable: &Callable) -> (String, Vec<ParameterHelp>) {
    let mut label = format!("{}(", callable.name);
    let mut parameters = Vec::new();
    let shown = callable.slots.iter().filter(|slot| !slot.kind.is_syscall()).take(MAX_SHOWN);
    for (at, slot) in shown.enumerate() {
        separate(&mut label);
        if at == callable.positional && callable.kind != CallableKind::Function {
            label.push_str(callable.rest.map_or("*, ", |_| ""));
            if let Some((what, _)) = callable.rest {
                label.push('*');
                label.push_str(&what.replace(' ', "_"));
                label.push_str(", ");
            }
        }
        let start = label.len() as u32;
        label.push_str(&slot.name);
        match slot.default.as_deref() {
            Some("") => label.push_str("=..."),
            Some(default) => {
                label.push('=');
                label.push_str(default);
            }
            None => {}
        }
        let ty = match slot.ty {
            ParamType::Any => String::new(),
            ty => format!("{}. ", capital(ty.words())),
        };
        parameters
            .push(ParameterHelp { label: (start, label.len() as u32), doc: format!("{ty}{}", slot.doc) });
    }
    if callable.slots.iter().any(|slot| slot.kind.is_syscall()) {
        separate(&mut label);
        label.push_str("<syscall>=...");
    }
    label.push(')');
    if !callable.returns.is_empty() {
        label.push_str(" -> ");
        label.push_str(&callable.returns);
    }
    (label, parameters)
}

fn separate(label: &mut String) {
    if !label.ends_with('(') {
        label.push_str(", ");
    }
}

fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The parameter being given: the keyword's, else the one at the position.
fn active_slot(callable: &Callable, active: &ActiveCall) -> Option<usize> {
    match &active.keyword {
        Some(name) => callable.slots.iter().position(|slot| slot.name == *name),
        None => Some(active.index).filter(|&at| at < callable.positional),
    }
}

#[cfg(test)]
mod tests {
    use super::signature_help;
    use crate::ide::fixture::Fixture;

    /// Expected is the parameter at hand in brackets, within the start of the label.
    #[track_caller]
    fn check(fixture: &str, expected: &str) {
        let fixture = Fixture::new(fixture);
        let help = fixture.ask(signature_help);
        let shown = help.map_or(String::new(), |help| {
            let mut label = help.label;
            if let Some(at) = help.active {
                let (start, end) = help.parameters[at].label;
                label.insert(end as usize, ']');
                label.insert(start as usize, '[');
            }
            label
        });
        assert!(shown.starts_with(expected), "{shown}");
    }

    #[test]
    fn the_parameter_at_hand_is_marked() {
        check("x = deny($0", "deny([errno], probability=1.0");
        check("x = deny(\"EIO\", $0)", "deny(errno, [probability=1.0]");
        check("x = deny(\"EIO\", label=$0)", "deny(errno, probability=1.0, [label=\"\"]");
        check("x = interface(\"main\", \"tcp\", $0\ny = 1", "interface(name, protocol, [port], ");
    }

    #[test]
    fn steps_and_functions_have_signatures() {
        let api = "api = service(\"api\", \"x\", interface(\"public\", \"http\", 80))\n";
        check(&format!("{api}api.post($0"), "api.public.post([path=\"/\"], body=\"\"");
        check("def f(a, b=1):\n    pass\nf(1, $0)", "f(a, [b=1])");
        check("x = unknown($0)", "");
    }
}
