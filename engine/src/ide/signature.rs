//! The parameters of the call being typed, with the one at hand.

use super::Snapshot;
use super::call_site::Written;
use super::callable::{self, Callable, Slot};
use super::infer::Inference;
use super::standard;
use crate::model::ParamType;
use crate::syntax::cursor::{self, ActiveCall};
use crate::syntax::{ArgumentKind, NodeKind, Tree};

/// What the call takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHelp {
    /// `deny(errno, probability=1.0, ...) -> syscall fault`.
    pub label: String,
    pub doc: String,
    pub parameters: Vec<ParameterHelp>,
    /// Index into `parameters`; `None` when none of them can be told to be at hand.
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
    let Some(callable) = callable::of_call(&inference, active.call) else {
        return standard_help(&inference, &active);
    };
    let (label, parts) = render(&callable);
    let at_hand = active_part(snapshot.tree(), &callable, &active, offset);
    let at = parts.iter().position(|(part, _)| Some(*part) == at_hand);
    let parameters = parts.into_iter().map(|(_, parameter)| parameter).collect();
    Some(SignatureHelp { label, doc: callable.doc, parameters, active: at })
}

/// How many parameters a label shows; syscalls are far more than a line holds.
const MAX_SHOWN: usize = 24;

/// What a piece of a label stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The n-th slot.
    Slot(usize),
    /// Further positionals.
    Rest,
    /// Any syscall.
    Syscall,
    /// Keywords without a parameter.
    Keywords,
}

/// The signature as text.
pub(super) fn label(callable: &Callable) -> String {
    render(callable).0
}

/// A label that grows, and its pieces with their places in it.
struct Rendering {
    label: String,
    parts: Vec<(Part, ParameterHelp)>,
}

impl Rendering {
    fn separate(&mut self) {
        if !self.label.ends_with('(') {
            self.label.push_str(", ");
        }
    }

    fn add(&mut self, part: Part, text: &str, doc: String) {
        self.separate();
        let start = self.label.len() as u32;
        self.label.push_str(text);
        let label = (start, self.label.len() as u32);
        self.parts.push((part, ParameterHelp { label, doc }));
    }

    /// The end of what may be given by position.
    fn star(&mut self, callable: &Callable) {
        match &callable.rest {
            Some((what, ty)) => self.add(Part::Rest, &format!("*{}", what.replace(' ', "_")), typed(*ty)),
            None => {
                self.separate();
                self.label.push('*');
            }
        }
    }
}

/// The label, and its pieces with their places in it.
fn render(callable: &Callable) -> (String, Vec<(Part, ParameterHelp)>) {
    let mut to = Rendering { label: format!("{}(", callable.name), parts: Vec::new() };
    let shown = callable.slots.iter().enumerate().filter(|(_, slot)| !slot.kind.is_syscall());
    let shown: Vec<(usize, &Slot)> = shown.take(MAX_SHOWN).collect();
    for &(at, slot) in &shown {
        if at == callable.positional {
            to.star(callable);
        }
        let default = slot.default.as_deref().map(|text| if text.is_empty() { "..." } else { text });
        let default = default.map(|text| format!("={text}")).unwrap_or_default();
        let doc = format!("{}{}", typed(slot.ty), slot.doc);
        to.add(Part::Slot(at), &format!("{}{default}", slot.name), doc);
    }
    if callable.rest.is_some() && shown.len() <= callable.positional {
        to.star(callable);
    }
    if callable.slots.iter().any(|slot| slot.kind.is_syscall()) {
        to.add(Part::Syscall, "<syscall>=...", "A syscall, a family or an operation.".to_owned());
    }
    if let Some(name) = &callable.other_keywords {
        to.add(Part::Keywords, &format!("**{name}"), String::new());
    }
    to.label.push(')');
    if !callable.returns.is_empty() {
        to.label.push_str(" -> ");
        to.label.push_str(&callable.returns);
    }
    (to.label, to.parts)
}

/// The type as a sentence in front of what the parameter means.
fn typed(ty: ParamType) -> String {
    let mut letters = ty.words().chars();
    match (ty, letters.next()) {
        (ParamType::Any, _) | (_, None) => String::new(),
        (_, Some(first)) => format!("{}{}. ", first.to_uppercase(), letters.as_str()),
    }
}

/// The part being given: the keyword's, else the one at the position. Behind a keyword only another one can follow, of
/// which no more is known than that what is required is still to come.
fn active_part(tree: &Tree, callable: &Callable, active: &ActiveCall, offset: u32) -> Option<Part> {
    if let Some(name) = &active.keyword {
        let at = callable.slots.iter().position(|slot| slot.name == *name);
        return match at {
            Some(at) if callable.slots[at].kind.is_syscall() => Some(Part::Syscall),
            Some(at) => Some(Part::Slot(at)),
            None => callable.other_keywords.as_ref().map(|_| Part::Keywords),
        };
    }
    let NodeKind::Call { args, .. } = tree.kind(active.call) else { return None };
    let behind_keyword = args.iter().any(|&arg| {
        let is_keyword = matches!(tree.kind(arg), NodeKind::Argument { kind: ArgumentKind::Keyword(_), .. });
        is_keyword && tree.span(arg).end < offset
    });
    let is_open = |slot: &Slot| !active.given.contains(&slot.name);
    if behind_keyword {
        let by_position = Written::of(tree, active.call).positional.len();
        let missing = callable.slots.iter().enumerate().skip(by_position.min(callable.positional));
        return missing
            .filter(|(_, slot)| slot.is_required() && is_open(slot))
            .map(|(at, _)| Part::Slot(at))
            .next();
    }
    if active.index >= callable.positional {
        return callable.rest.as_ref().map(|_| Part::Rest);
    }
    callable.slots.get(active.index).filter(|slot| is_open(slot)).map(|_| Part::Slot(active.index))
}

/// What a function or method of Starlark itself takes.
fn standard_help(inference: &Inference<'_>, active: &ActiveCall) -> Option<SignatureHelp> {
    let function = standard::of_call(inference, active.call)?;
    let (open, close) = (function.signature.find('(')? + 1, function.signature.rfind(')')?);
    let inside = function.signature.get(open..close).filter(|inside| !inside.is_empty())?;
    let texts: Vec<&str> = inside.split(", ").collect();
    let mut start = open;
    let place = |text: &&str| {
        let label = (start as u32, (start + text.len()) as u32);
        start += text.len() + ", ".len();
        ParameterHelp { label, doc: String::new() }
    };
    let parameters = texts.iter().map(place).collect();
    let named = |name: &String| texts.iter().position(|text| text.split('=').next() == Some(name));
    let repeated = |text: &str| text == "..." || text.starts_with('*') && !text.starts_with("**");
    let at = match &active.keyword {
        Some(name) => named(name).or_else(|| texts.iter().position(|text| text.starts_with("**"))),
        None => {
            let last = texts.iter().position(|text| repeated(text));
            let at = last.map_or(active.index, |last| active.index.min(last));
            Some(at).filter(|&at| texts.get(at).is_some_and(|text| !text.starts_with("**")))
        }
    };
    let doc = function.doc.to_owned();
    Some(SignatureHelp { label: function.signature.to_owned(), doc, parameters, active: at })
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
        check("def g(*a, k=1, **kw):\n    pass\ng($0)", "g([*a], k=1, **kw)");
        check("def g(*a, k=1, **kw):\n    pass\ng(1, 2, $0)", "g([*a], k=1, **kw)");
        check("def g(*a, k=1, **kw):\n    pass\ng(x=$0)", "g(*a, k=1, [**kw])");
        check("def g(a, *, k):\n    pass\ng(1, $0)", "g(a, *, k)");
        check("x = struct(f=len)\ndef g(a):\n    pass\ns = struct(h=g)\ns.h($0)", "s.h([a])");
    }

    #[test]
    fn what_is_given_is_not_marked_again() {
        let f = "def f(a, b=1):\n    pass\n";
        check(&format!("{f}f(b=1, $0)"), "f([a], b=1)");
        check(&format!("{f}f(1, b=1, $0)"), "f(a, b=1)");
        check(&format!("{f}f(1, $0, b=1)"), "f(a, b=1)");
        check(&format!("{f}f(a=1, $0)"), "f(a, b=1)");
        check("x = deny(\"EIO\", path=\"x\", $0)", "deny(errno, probability=1.0, label=\"\"");
    }

    #[test]
    fn what_takes_more_by_position_marks_that() {
        check("x = service(\"a\", $0)", "service(name, [*binary_and_interfaces], ");
        check("x = service(\"a\", 1, 2, 3, 4, 5, 6, 7, $0)", "service(name, [*binary_and_interfaces], ");
        check("print($0)", "print([*value])");
        check("def reading():\n    pass\nreading($0)", "reading()");
        check(
            "db = service(\"db\")\nfault(db, write=$0)",
            "fault(target, *rule, run, source=None, may_miss=False, [<syscall>=...])",
        );
    }

    #[test]
    fn a_delay_has_the_form_its_place_wants() {
        let db = "db = service(\"db\")\n";
        let form = "delay([duration], probability=1.0";
        check(&format!("{db}fault_assumption(\"a\", target=db, write=delay($0))"), form);
        check(&format!("{db}def f():\n    fault(db, wal=delay($0"), form);
        check(&format!("{db}fault_assumption(\"a\", rules=[delay($0)])"), "delay(*, delay");
    }

    #[test]
    fn functions_of_the_language_have_signatures() {
        check("x = len($0)", "len([x])");
        check("x = int(\"a\", base=$0)", "int(x, [base=10])");
        check("x = zip(a, b, c, d, $0)", "zip(a, b, [...])");
        check("x = dict($0)", "dict([pairs], **fields)");
        check("x = struct(a=$0)", "struct([**fields])");
        check("x = \"a\".join($0)", "join([items])");
        check("x = \"a\".strip($0)", "");
        check("x = {}\ny = x.get(\"a\", $0)", "get(key, [default=None])");
        check("def len(a, b):\n    pass\nx = len($0)", "len([a], b)");
    }
}
