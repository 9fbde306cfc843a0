//! Which argument belongs to which parameter, by number and name alone.
//!
//! Used twice: when a builtin is called, and before anything runs, for the calls a test's body will make.

use super::outline::{ArgKind, CallSite};
use super::registry::{Builtin, Keywords, Rest};
use crate::diagnostic::suggest::nearest;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::{ActionKind, Param, Protocol};
use crate::text::Span;

/// What a callable takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signature<'s> {
    /// As messages name it, such as `service` or `api.public.post`.
    pub name: &'s str,
    pub params: &'s [Param],
    pub positional: usize,
    pub rest: Rest,
    pub keywords: Keywords,
}

impl From<&'static Builtin> for Signature<'static> {
    fn from(builtin: &'static Builtin) -> Signature<'static> {
        Signature {
            name: builtin.name,
            params: builtin.params,
            positional: builtin.positional,
            rest: builtin.rest,
            keywords: builtin.keywords,
        }
    }
}

/// Where each argument goes, and what is wrong with that.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub positional: Vec<Slot>,
    pub named: Vec<Slot>,
    pub faults: Vec<Fault>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    Param(usize),
    Rest,
    Extra,
    Nowhere,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    Surplus { at: usize },
    Unknown { name: String },
    Twice { name: String },
    Missing { param: usize },
}

/// Places `positional` values and the keywords `named`.
pub(crate) fn bind(signature: &Signature<'_>, positional: usize, named: &[&str]) -> Shape {
    let mut shape = Shape::default();
    let mut filled = vec![false; signature.params.len()];
    for at in 0..positional {
        let slot = filled.get_mut(at).filter(|_| at < signature.positional);
        shape.positional.push(if let Some(slot) = slot {
            *slot = true;
            Slot::Param(at)
        } else if signature.rest != Rest::None {
            Slot::Rest
        } else {
            shape.faults.push(Fault::Surplus { at });
            Slot::Nowhere
        });
    }
    for &name in named {
        let param = signature.params.iter().position(|param| param.name == name);
        shape.named.push(match param {
            Some(at) if filled[at] => {
                shape.faults.push(Fault::Twice { name: name.to_owned() });
                Slot::Nowhere
            }
            Some(at) => {
                filled[at] = true;
                Slot::Param(at)
            }
            None if takes(signature.keywords, name) => Slot::Extra,
            None => {
                shape.faults.push(Fault::Unknown { name: name.to_owned() });
                Slot::Nowhere
            }
        });
    }
    for (at, param) in signature.params.iter().enumerate() {
        if param.is_required() && !filled[at] {
            shape.faults.push(Fault::Missing { param: at });
        }
    }
    shape
}

fn takes(keywords: Keywords, name: &str) -> bool {
    match keywords {
        Keywords::Closed => false,
        // Which syscalls exist depends on the service, so they are checked when it is known.
        Keywords::Syscalls | Keywords::Open => true,
        Keywords::Rule(action) => rule_words(action).any(|word| word == name),
    }
}

/// Fields and parameters a rule with this action may have on some protocol.
pub(crate) fn rule_words(action: ActionKind) -> impl Iterator<Item = &'static str> {
    let schemas = Protocol::ALL.iter().map(|&protocol| crate::protocol::schema(protocol));
    let words = schemas.flat_map(move |schema| {
        let fields = schema.fields.iter().flat_map(|field| std::iter::once(&field.name).chain(field.aliases));
        let actions = schema.actions.iter().filter(move |spec| spec.kind == action);
        let params = actions.flat_map(|spec| spec.params.iter().map(|param| &param.name));
        fields.chain(params).copied()
    });
    words.chain(PLANNED_FIELDS.iter().copied())
}

/// Fields of protocols that are not there yet; a rule that has one is refused when it meets its interface.
pub(crate) const PLANNED_FIELDS: &[&str] = &["topic", "subject", "collection"];

/// Says what is wrong. `span` is the whole call, `site` its arguments when they are known.
pub(crate) fn finding(
    signature: &Signature<'_>,
    fault: &Fault,
    span: Span,
    site: Option<&CallSite>,
) -> Diagnostic {
    let name = signature.name;
    match fault {
        Fault::Surplus { at } => {
            let place = site.and_then(|site| {
                site.args.iter().filter(|arg| arg.kind == ArgKind::Positional).nth(*at).map(|arg| arg.span)
            });
            let finding = surplus(signature, place.unwrap_or(span));
            let is_given = |name: &str| keyword_span(site, name).is_some();
            let meant =
                signature.params.get(*at).filter(|param| param.is_required() && !is_given(param.name));
            match (place, meant) {
                (Some(place), Some(param)) => {
                    let before = Span { end: place.start, ..place };
                    finding.fix(format!("write `{}=`", param.name), before, format!("{}=", param.name))
                }
                _ => finding,
            }
        }
        Fault::Unknown { name: word } => unknown(signature, word, keyword_span(site, word).unwrap_or(span)),
        Fault::Twice { name: word } => {
            let place = keyword_span(site, word).unwrap_or(span);
            Diagnostic::new(Code::SurplusArgument, place, format!("{name}() got `{word}` twice"))
                .label("it was given by position already")
        }
        Fault::Missing { param } => missing(signature, &signature.params[*param], span),
    }
}

fn keyword_span(site: Option<&CallSite>, word: &str) -> Option<Span> {
    let named = |kind: &ArgKind| match kind {
        ArgKind::Named(name, span) if name == word => Some(*span),
        ArgKind::Named(..) | ArgKind::Positional | ArgKind::Spread | ArgKind::SpreadNamed => None,
    };
    site?.args.iter().find_map(|arg| named(&arg.kind))
}

fn surplus(signature: &Signature<'_>, span: Span) -> Diagnostic {
    let (name, most) = (signature.name, signature.positional);
    let takes = match most {
        0 => "takes keywords only".to_owned(),
        1 => "takes one argument by position".to_owned(),
        _ => format!("takes {most} arguments by position"),
    };
    let finding =
        Diagnostic::new(Code::SurplusArgument, span, format!("{name}() {takes}")).label("one too many");
    let left: Vec<&str> = signature.params[most..].iter().map(|param| param.name).collect();
    match left.as_slice() {
        [] => finding,
        left => finding.help(format!("the others are given by name: {}", left.join("=, ") + "=")),
    }
}

fn unknown(signature: &Signature<'_>, word: &str, span: Span) -> Diagnostic {
    let name = signature.name;
    let mut valid: Vec<&str> = Vec::new();
    if let Keywords::Rule(action) = signature.keywords {
        // What a rule matches stands first, so that `pth` is taken for `path` and not for `nth`.
        for word in rule_words(action).filter(|word| !PLANNED_FIELDS.contains(word)) {
            if !valid.contains(&word) {
                valid.push(word);
            }
        }
    }
    valid.extend(signature.params.iter().map(|param| param.name));
    let finding = Diagnostic::new(Code::UnknownArgument, span, format!("{name}() has no argument `{word}`"))
        .label("unknown argument");
    if word == "max_fires" {
        return finding.help("times= limits how often it acts; a test does not fan out yet");
    }
    let listed = if valid.is_empty() {
        format!("{name}() takes no keywords")
    } else {
        format!("valid: {}", valid.join(", "))
    };
    match nearest(word, valid.iter().copied()) {
        Some(near) => finding.help(format!("did you mean `{near}`?")).note(listed).fix(
            format!("change to `{near}`"),
            span,
            near,
        ),
        None => finding.help(listed),
    }
}

fn missing(signature: &Signature<'_>, param: &Param, span: Span) -> Diagnostic {
    let message = format!("{}() needs `{}`", signature.name, param.name);
    Diagnostic::new(Code::MissingArgument, span, message)
        .label(format!("`{}` is missing", param.name))
        .help(format!("`{}` is {}: {}", param.name, param.ty.words(), param.doc.trim_end_matches('.')))
}
