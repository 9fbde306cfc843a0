//! What Starlark says went wrong, as findings and failures with places in the text.

use super::failure::{Interruption, SpecFailure, SpecFailureKind};
use super::guard;
use super::handed;
use super::session::{Session, Written};
use crate::diagnostic::{Code, Diagnostic};
use crate::text::{FileId, Span};
use starlark::ErrorKind;

/// A finding about an evaluation that ended early while the spec loaded.
pub(super) fn finding(error: &starlark::Error, session: &Session<'_>, file: FileId) -> Diagnostic {
    if let Some(interruption) = interruption(error) {
        return match interruption {
            Interruption::Finding(finding) => *finding.clone(),
            Interruption::Failure(failure) => of_failure(failure, error, session, file),
        };
    }
    let read = read(error, session);
    // Whatever goes wrong in a call that should not have been made follows from that.
    let called = stack(error, session.written).into_iter().map(|(_, span)| span).chain(read.span);
    let handed = called.filter(|_| read.code != Code::EvaluationLimit);
    if let Some(handed) = handed.filter_map(|span| handed::result(session.written, span)).next() {
        return handed;
    }
    let span = read.span.unwrap_or(Span::start_of(file));
    let mut finding = Diagnostic::new(read.code, span, read.message).label(read.label);
    finding.help.extend(read.help);
    if let Some(near) = read.near {
        finding = finding.fix(format!("change to `{near}`"), span, near);
    }
    with_stack(finding, error, session.written)
}

fn of_failure(
    failure: &SpecFailure,
    error: &starlark::Error,
    session: &Session<'_>,
    file: FileId,
) -> Diagnostic {
    let code = match failure.kind {
        SpecFailureKind::Limit => Code::EvaluationLimit,
        SpecFailureKind::Assertion
        | SpecFailureKind::Evaluation
        | SpecFailureKind::Fail
        | SpecFailureKind::Cancelled
        | SpecFailureKind::Unprepared => Code::Evaluation,
    };
    let place = error.span().and_then(|span| session.written.span(span));
    let span = failure.span.or(place).or(session.statement.get()).unwrap_or(Span::start_of(file));
    let finding = Diagnostic::new(code, span, failure.message.clone()).label(failure.label.clone());
    with_stack(finding, error, session.written)
}

/// Where the code that failed was called from.
fn with_stack(mut finding: Diagnostic, error: &starlark::Error, written: &Written) -> Diagnostic {
    for (name, span) in stack(error, written) {
        if span != finding.primary.span && finding.secondary.len() < 5 {
            finding = finding.also(span, format!("in this call of {name}()"));
        }
    }
    finding
}

/// The failure of a performance that ended early.
pub(super) fn failure(error: &starlark::Error, session: &Session<'_>) -> SpecFailure {
    let mut failure = match interruption(error) {
        Some(Interruption::Failure(failure)) => *failure.clone(),
        Some(Interruption::Finding(finding)) => {
            let span = Some(finding.primary.span);
            let mut failure = SpecFailure::new(SpecFailureKind::Evaluation, finding.message.clone(), span);
            failure.label.clone_from(&finding.primary.text);
            failure.help.clone_from(&finding.help);
            failure
        }
        None => {
            let read = read(error, session);
            let kind = match (error.kind(), read.code) {
                (ErrorKind::Fail(_), _) => SpecFailureKind::Fail,
                (_, Code::EvaluationLimit) => SpecFailureKind::Limit,
                _ if read.message == CANCELLED => SpecFailureKind::Cancelled,
                _ => SpecFailureKind::Evaluation,
            };
            let mut failure = SpecFailure::new(kind, read.message, read.span);
            failure.label = read.label;
            failure.help.extend(read.help);
            failure
        }
    };
    if failure.span.is_none() {
        let place = error.span().and_then(|span| session.written.span(span));
        failure.span = place.or(session.statement.get());
    }
    failure.stack = stack(error, session.written);
    failure
}

fn interruption(error: &starlark::Error) -> Option<&Interruption> {
    match error.kind() {
        ErrorKind::Native(inner) | ErrorKind::Other(inner) => inner.downcast_ref::<Interruption>(),
        _ => None,
    }
}

fn stack(error: &starlark::Error, written: &Written) -> Vec<(String, Span)> {
    let frames = error.call_stack().frames.iter();
    let named = frames.filter(|frame| !frame.name.starts_with('$') && frame.name != "+" && frame.name != "*");
    named
        .filter_map(|frame| {
            let span = written.span(frame.location.as_ref()?)?;
            let name = frame.name.rsplit('.').next().unwrap_or(&frame.name);
            Some((name.to_owned(), span))
        })
        .collect()
}

/// A Starlark error in our words.
struct Read {
    code: Code,
    message: String,
    span: Option<Span>,
    label: String,
    help: Option<String>,
    /// The word that was probably meant at `span`.
    near: Option<String>,
}

/// Starlark's own word for a cancelled evaluation.
const CANCELLED: &str = "Evaluation cancelled";

fn read(error: &starlark::Error, session: &Session<'_>) -> Read {
    let written = session.written;
    let text = error.without_diagnostic().to_string();
    let text = text.trim().trim_start_matches("fail:").trim().to_owned();
    let span = error.span().and_then(|span| written.span(span));
    let plain = |code: Code, message: String| Read {
        code,
        message,
        span,
        label: String::new(),
        help: None,
        near: None,
    };
    if let ErrorKind::StackOverflow(_) = error.kind() {
        let depth = session.limits.max_call_depth;
        let mut read = plain(Code::EvaluationLimit, format!("calls are nested deeper than {depth}"));
        read.span = span.or(session.statement.get());
        read.help = Some("a function may not call itself; use a loop".to_owned());
        return read;
    }
    if text.starts_with("Execution duration limit") {
        let ticks = session.limits.max_ticks;
        let mut read = plain(Code::EvaluationLimit, format!("evaluation took more than {ticks} steps"));
        read.span = session.statement.get().or(span);
        read.label = "in this statement".to_owned();
        return read;
    }
    if text.starts_with("Heap memory limit") {
        let mut read = plain(Code::EvaluationLimit, guard::memory_text(&session.limits));
        read.span = session.statement.get().or(span);
        return read;
    }
    if let Some((object, rest)) = text.strip_prefix("Object of type `").and_then(|rest| rest.split_once('`'))
    {
        return no_attribute(object, rest, span, written)
            .unwrap_or_else(|| plain(Code::UnknownAttribute, text));
    }
    if text.contains("Immutable") || text.contains("frozen") {
        let mut read =
            plain(Code::Evaluation, "this value was made while the spec loaded and is frozen".to_owned());
        read.label = "cannot be changed in a test".to_owned();
        read.help = Some("tests share nothing: make the list or dict inside the function".to_owned());
        return read;
    }
    let code = match error.kind() {
        ErrorKind::Scope(_) => Code::UnknownName,
        ErrorKind::Parser(_) => Code::Syntax,
        ErrorKind::Function(_) => Code::WrongType,
        _ => Code::Evaluation,
    };
    plain(code, lower_first(&without_files(&text, written)))
}

/// The text with functions named as in the spec: Starlark puts the file before them.
fn without_files(text: &str, written: &Written) -> String {
    let mut files: Vec<&String> = written.by_name.keys().collect();
    // The longest first, as one name may end with another.
    files.sort_by_key(|name| std::cmp::Reverse(name.len()));
    files.into_iter().fold(text.to_owned(), |text, name| text.replace(&format!("`{name}."), "`"))
}

fn no_attribute(object: &str, rest: &str, span: Option<Span>, written: &Written) -> Option<Read> {
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let (attribute, near) = (quoted.next()?, quoted.next());
    let name =
        span.and_then(|span| only_attribute(written.sources.text(span), attribute).map(|at| (span, at)));
    let name = name.map(|(span, at)| {
        let start = span.start + at as u32;
        Span { start, end: start + attribute.len() as u32, ..span }
    });
    Some(Read {
        code: Code::UnknownAttribute,
        message: format!("a {object} has no attribute `{attribute}`").replace("a interface", "an interface"),
        span: name.or(span),
        label: "no such attribute".to_owned(),
        help: near.map(|near| format!("did you mean `{near}`?")),
        // What else the place covers must not be replaced.
        near: near.filter(|_| name.is_some()).map(str::to_owned),
    })
}

/// Where in the text `.attribute` stands, behind the dot; `None` when that is not clear.
fn only_attribute(text: &str, attribute: &str) -> Option<usize> {
    let dotted = format!(".{attribute}");
    let ends = |at: usize| !text[at + dotted.len()..].starts_with(|c: char| c == '_' || c.is_alphanumeric());
    let mut places = text.match_indices(&dotted).map(|(at, _)| at).filter(|at| ends(*at));
    match (places.next(), places.next()) {
        (Some(at), None) => Some(at + 1),
        _ => None,
    }
}

/// A parse error. `unclosed` is what the text alone shows, which explains it better.
pub(super) fn syntax(error: &starlark::Error, file: FileId, unclosed: Option<Diagnostic>) -> Diagnostic {
    if let Some(unclosed) = unclosed {
        return unclosed;
    }
    let span = error.span().map_or(Span::start_of(file), |location| {
        Span::new(file, location.span.begin().get(), location.span.end().get())
    });
    let text = error.without_diagnostic().to_string();
    let text = text.trim().trim_start_matches("Parse error:").trim();
    let finding = Diagnostic::new(Code::Syntax, span, lower_first(text));
    match text {
        _ if text.contains("ositional argument after") => {
            finding.label("by position").help("put the positional arguments before the keywords")
        }
        _ => finding,
    }
}

/// Messages are sentences without capital and full stop here.
fn lower_first(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim_end_matches('.');
    let mut letters = line.chars();
    match letters.next() {
        // `None` and other words of the language keep their letters.
        Some(first) if !line.starts_with("None") && !line.starts_with("True") => {
            first.to_lowercase().chain(letters).collect()
        }
        Some(_) | None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::only_attribute;

    #[test]
    fn an_attribute_is_found_where_only_one_can_be_meant() {
        fn found(text: &str) -> Option<&str> {
            only_attribute(text, "get").map(|at| &text[at..])
        }
        assert_eq!(found("api.get"), Some("get"));
        assert_eq!(found("api.get(path=\"/x\", nth=1)"), Some("get(path=\"/x\", nth=1)"));
        assert_eq!(found("api.getter.get(1)"), Some("get(1)"));
        assert_eq!(found("a.get(b.get)"), None);
        assert_eq!(found("getattr(api, \"get\")"), None);
    }
}
