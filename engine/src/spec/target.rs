//! A rule meets its target: which fields the protocol has, which actions it can carry out, which syscalls a word means.

use super::asked::{Asked, AskedPath};
use super::values::{FaultValue, Given, GivenPattern, RuleArg, RuleValue};
use super::wording;
use crate::diagnostic::{Code, Diagnostic};
use crate::model::syscall::{self, CallShape};
use crate::model::{
    Action, ActionKind, ActionSpec, Clause, Data, Dialect, Domain, Endpoint, Field, FieldKind, Glob, Matcher,
    Objection, Operation, ParamType, Params, Pattern, Peer, Protocol, Rule, RuleName, Schema, Service,
    SyscallMatcher, Target,
};
use crate::protocol::http::schema::answer::status_of;
use crate::protocol::postgres::schema::{sql::canonical_sql, sqlstate::is_sqlstate};
use crate::text::Span;

/// Makes the rule for an interface; what the protocol cannot do becomes findings.
pub(super) fn rule(
    value: &RuleValue,
    endpoint: &Endpoint,
    protocol: Protocol,
    name: RuleName,
) -> Result<Rule, Vec<Diagnostic>> {
    let schema = crate::protocol::schema(protocol);
    let mut findings = Vec::new();
    let Some(spec) = schema.actions.iter().find(|spec| spec.kind == value.kind) else {
        return Err(vec![wording::unsupported_action(value.kind, value.span, schema)]);
    };
    let mut clauses = Vec::new();
    let mut params = Params::default();
    for arg in &value.args {
        if let Err(finding) = place(arg, spec, schema, &mut params, &mut clauses) {
            findings.push(*finding);
        }
    }
    for param in spec.params.iter().filter(|param| param.is_required()) {
        if value.generic.is_none() && !params.0.contains_key(param.name) {
            let message = format!("{}() on {protocol} needs `{}`", value.kind.builtin(), param.name);
            findings.push(Diagnostic::new(Code::MissingArgument, value.span, message));
        }
    }
    if findings.is_empty() {
        findings.extend(objection(&value.args, value.span, schema, value.kind, &params, &clauses));
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    Ok(Rule {
        name,
        target: Target::Interface(endpoint.clone()),
        matcher: Matcher::Message(clauses),
        action: value.generic.clone().unwrap_or(match value.kind {
            ActionKind::Error => Action::Error(params),
            _ => Action::Respond(params),
        }),
        trigger: value.trigger,
        label: value.label.clone(),
        span: value.span,
    })
}

/// What the protocol objects to in parameters that are right each by itself.
fn objection(
    args: &[RuleArg],
    rule: Span,
    schema: &'static Schema,
    kind: ActionKind,
    params: &Params,
    clauses: &[Clause],
) -> Option<Diagnostic> {
    let objection = (schema.verify)(kind, params, clauses)?;
    let arg = args.iter().find(|arg| arg.name == objection.param);
    Some(objected(objection, arg.map_or(rule, |arg| arg.span)))
}

/// The finding that an objection amounts to.
pub(crate) fn objected(objection: Objection, span: Span) -> Diagnostic {
    let finding = Diagnostic::new(Code::BadValue, span, objection.message).label(objection.label);
    match objection.help {
        Some(help) => finding.help(help),
        None => finding,
    }
}

/// An argument of a rule whose value the text shows.
pub(crate) struct Literal {
    pub name: String,
    pub name_span: Span,
    pub value: Data,
    pub span: Span,
}

/// What is wrong with a rule of which the text shows these arguments, and all of them when it is `complete`. The
/// protocol has the action and every word.
pub(crate) fn literals(
    rule: Span,
    spec: &ActionSpec,
    schema: &'static Schema,
    literals: Vec<Literal>,
    complete: bool,
) -> Vec<Diagnostic> {
    let arg = |literal: Literal| RuleArg {
        name: literal.name,
        name_span: literal.name_span,
        value: Given::Data(literal.value),
        span: literal.span,
    };
    let args: Vec<RuleArg> = literals.into_iter().map(arg).collect();
    let (mut params, mut clauses) = (Params::default(), Vec::new());
    let placed = args.iter().filter_map(|arg| place(arg, spec, schema, &mut params, &mut clauses).err());
    let mut findings: Vec<Diagnostic> = placed.map(|finding| *finding).collect();
    if findings.is_empty() && complete {
        findings.extend(objection(&args, rule, schema, spec.kind, &params, &clauses));
    }
    findings
}

/// Puts one argument where it belongs: a parameter of the action before a field of the protocol.
fn place(
    arg: &RuleArg,
    spec: &ActionSpec,
    schema: &'static Schema,
    params: &mut Params,
    clauses: &mut Vec<Clause>,
) -> Result<(), Box<Diagnostic>> {
    if let Some(param) = spec.params.iter().find(|param| param.name == arg.name) {
        let value = param_value(arg, param.ty, spec.kind)?;
        check_word(arg, param.domain)?;
        params.0.insert(param.name, value);
        return Ok(());
    }
    let field = schema
        .fields
        .iter()
        .find(|field| field.name == arg.name || field.aliases.contains(&arg.name.as_str()));
    match field {
        Some(field) => {
            check_word(arg, field.domain)?;
            clauses_of(arg, field, clauses)
        }
        None => Err(Box::new(wording::unsupported_field(&arg.name, arg.name_span, spec, schema))),
    }
}

/// Refuses a text that the protocol would not take for what it is meant to be. A list with spaces in it only suggests.
fn check_word(arg: &RuleArg, domain: Domain) -> Result<(), Box<Diagnostic>> {
    if let (Domain::HttpStatus, Given::Data(Data::Number(number))) = (domain, &arg.value) {
        let checked = status_of(number.as_i64().unwrap_or_default());
        return checked.map(drop).map_err(|objection| Box::new(objected(objection, arg.span)));
    }
    let Given::Data(Data::Text(text)) = &arg.value else { return Ok(()) };
    let refuse = |message: String, label: String| {
        Err(Box::new(Diagnostic::new(Code::BadValue, arg.span, message).label(label)))
    };
    match domain {
        Domain::SqlState if !is_sqlstate(text) => {
            let label = "must be five digits or capital letters, such as \"40001\"";
            refuse(format!("{text:?} is no SQLSTATE"), label.to_owned())
        }
        Domain::Words(words)
            if !words.contains(&text.as_str()) && !words.iter().any(|word| word.contains(' ')) =>
        {
            refuse(
                format!("{text:?} is not known to `{}`", arg.name),
                format!("must be one of {}", words.join(", ")),
            )
        }
        _ => Ok(()),
    }
}

fn param_value(arg: &RuleArg, ty: ParamType, kind: ActionKind) -> Result<Data, Box<Diagnostic>> {
    let wrong = |got: &str| {
        let message = format!("{}() {}= must be {}, not {got}", kind.builtin(), arg.name, ty.words());
        let finding = Diagnostic::new(Code::WrongType, arg.span, message).label(format!("this is {got}"));
        // The commonest slip: a number in quotes.
        match (&arg.value, ty) {
            (Given::Data(Data::Text(text)), ParamType::Int) if text.parse::<i64>().is_ok() => {
                Box::new(finding.fix(format!("write {text} without quotes"), arg.span, text.clone()))
            }
            _ => Box::new(finding),
        }
    };
    let data = match &arg.value {
        Given::Data(data) => data,
        Given::Regex(_) | Given::Table(_) => return Err(wrong("re(...)")),
        Given::Other(ty) => return Err(wrong(ty)),
    };
    match (ty, data) {
        (ParamType::Body, Data::Dict(_) | Data::List(_)) if data.has_bytes() => {
            Err(wrong("JSON with bytes in it"))
        }
        (ParamType::Str | ParamType::Duration, Data::Text(_))
        | (ParamType::StrOrBytes, Data::Text(_) | Data::Bytes(_))
        | (ParamType::Bool, Data::Bool(_))
        | (ParamType::Number, Data::Number(_))
        | (ParamType::Body, Data::Text(_) | Data::Bytes(_) | Data::Dict(_) | Data::List(_))
        | (ParamType::StrList | ParamType::List, Data::List(_))
        | (ParamType::Dict, Data::Dict(_))
        | (ParamType::Data | ParamType::Any, _) => Ok(data.clone()),
        (ParamType::Int, Data::Number(number)) if number.is_i64() => Ok(data.clone()),
        (ParamType::StrDict, Data::Dict(entries)) => {
            let mut texts = Vec::new();
            for (key, value) in entries {
                let text = match value {
                    Data::Text(text) => text.clone(),
                    Data::Number(number) => number.to_string(),
                    Data::Bool(flag) => flag.to_string(),
                    Data::None | Data::Bytes(_) | Data::List(_) | Data::Dict(_) => {
                        return Err(wrong("a dict of other values"));
                    }
                };
                texts.push((key.clone(), Data::Text(text)));
            }
            Ok(Data::Dict(texts))
        }
        _ => Err(wrong(data_words(data))),
    }
}

fn data_words(data: &Data) -> &'static str {
    match data {
        Data::None => "None",
        Data::Bool(_) => "a bool",
        Data::Number(_) => "a number",
        Data::Text(_) => "a string",
        Data::Bytes(_) => "bytes",
        Data::List(_) => "a list",
        Data::Dict(_) => "a dict",
    }
}

fn clauses_of(
    arg: &RuleArg,
    field: &'static Field,
    clauses: &mut Vec<Clause>,
) -> Result<(), Box<Diagnostic>> {
    let takes_text = !matches!(field.kind, FieldKind::Table { .. });
    let takes_table = !matches!(field.kind, FieldKind::Text);
    let wanted = match field.kind {
        FieldKind::Text => "a glob string or re(\"...\")",
        FieldKind::Table { .. } => "a dict of name to glob",
        FieldKind::TextOrTable => "a glob string, re(\"...\"), or a dict of name to glob",
    };
    let wrong = |got: &str| {
        let message = format!("matcher `{}` must be {wanted}, not {got}", arg.name);
        Box::new(Diagnostic::new(Code::WrongType, arg.span, message).label(format!("this is {got}")))
    };
    let glob = |text: &str| match field.dialect {
        // Statements are compared in their canonical spelling, so patterns are written in it too.
        Dialect::Sql => {
            Pattern::Glob(Glob::new(&canonical_sql(text), field.dialect, field.fold_case).written(text))
        }
        dialect => Pattern::Glob(Glob::new(text, dialect, field.fold_case)),
    };
    let regex = |text: &str| Pattern::Regex(compile(text, field.fold_case));
    let mut push = |key: Option<&str>, pattern: Pattern| {
        clauses.push(Clause { field: field.name, key: key.map(str::to_owned), pattern });
    };
    match &arg.value {
        Given::Data(Data::Text(text)) if takes_text => push(None, glob(text)),
        Given::Regex(text) if takes_text => push(None, regex(text)),
        Given::Data(Data::Dict(entries)) if takes_table => {
            for (key, value) in entries {
                let Some(text) = value.as_str() else { return Err(wrong("a dict of other values")) };
                push(Some(key), glob(text));
            }
        }
        Given::Table(entries) if takes_table => {
            for (key, pattern) in entries {
                push(
                    Some(key),
                    match pattern {
                        GivenPattern::Glob(text) => glob(text),
                        GivenPattern::Regex(text) => regex(text),
                    },
                );
            }
        }
        Given::Data(data) => return Err(wrong(data_words(data))),
        Given::Regex(_) => return Err(wrong("re(...)")),
        Given::Table(_) => return Err(wrong("a dict")),
        Given::Other(ty) => return Err(wrong(ty)),
    }
    Ok(())
}

/// Compiles what `re(...)` has checked already.
fn compile(text: &str, fold_case: bool) -> regex::Regex {
    let built = regex::RegexBuilder::new(text).case_insensitive(fold_case).size_limit(REGEX_BYTES).build();
    // `re(...)` compiled the same text; a pattern that never matches is the safe way out.
    built.or_else(|_| regex::Regex::new("[^\\s\\S]")).expect("a fixed pattern compiles")
}

/// Largest compiled expression, in bytes.
pub(super) const REGEX_BYTES: usize = 1 << 20;

/// A syscall fault under the keyword `word`, on its service.
pub(super) fn fault(
    value: &FaultValue,
    service: &Service,
    word: &str,
    word_span: Span,
    name: RuleName,
) -> Result<Rule, Box<Diagnostic>> {
    let operation = service.operations.iter().find(|operation| operation.name == word);
    let calls = calls_of(word, operation);
    if let Some(reason) = syscall::untrappable(word).filter(|_| operation.is_none()) {
        let message = format!("`{word}` cannot be faulted");
        return Err(Box::new(
            Diagnostic::new(Code::UnknownSyscall, word_span, message).label("not this one").note(reason),
        ));
    }
    if calls.is_empty() {
        return Err(Box::new(unknown_syscall(word, word_span, service)));
    }
    let named = operation.and_then(|operation| operation.path.clone());
    if let Some(((_, span, _), _)) = value.path.as_ref().zip(named.as_ref()) {
        let message = format!("the operation `{word}` of \"{}\" names its files already", service.name);
        return Err(Box::new(Diagnostic::new(Code::BadValue, *span, message).label("a second path")));
    }
    let asked = Asked {
        word,
        calls: &calls,
        path: value.path.as_ref().map(|(glob, span, argument)| AskedPath {
            glob: glob.as_str(),
            span: *span,
            argument: *argument,
        }),
        has_own_path: named.is_some(),
        peer: value.peer.as_ref().map(|(peer, span)| (asked_name(peer), *span)),
    };
    if let Some(finding) = asked.finding() {
        return Err(Box::new(finding));
    }
    Ok(Rule {
        name,
        target: Target::Service(service.name.clone()),
        matcher: Matcher::Syscall(SyscallMatcher {
            keyword: word.to_owned(),
            calls: calls.into(),
            path: value.path.as_ref().map(|(glob, ..)| glob.clone()).or(named),
            peer: value.peer.as_ref().map(|(peer, _)| peer.clone()),
        }),
        action: value.action.clone(),
        trigger: value.trigger,
        label: value.label.clone(),
        span: value.span,
    })
}

/// What a word stands for on a service: an operation of it, a family or a single call.
fn calls_of(word: &str, operation: Option<&Operation>) -> Vec<CallShape> {
    let resolve = |word: &str| syscall::resolve(word).unwrap_or_default();
    let mut calls = match operation {
        Some(operation) => operation.syscalls.iter().flat_map(|word| resolve(word)).collect(),
        None => resolve(word),
    };
    calls.sort_unstable();
    calls.dedup();
    calls
}

fn asked_name(peer: &Peer) -> &'static str {
    if peer.interface.is_some() { "to" } else { "port" }
}

pub(super) fn unknown_syscall(word: &str, span: Span, service: &Service) -> Diagnostic {
    wording::unknown_syscall(word, span, service.name.as_str(), &operations(service))
}

/// Names of the service's operations.
pub(super) fn operations(service: &Service) -> Vec<&str> {
    service.operations.iter().map(|operation| operation.name.as_str()).collect()
}

/// A glob over a file's absolute path.
pub(super) fn file_glob(text: &str) -> Glob {
    Glob::new(text, Dialect::File, false)
}
