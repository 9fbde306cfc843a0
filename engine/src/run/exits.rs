//! Services that end before they are asked to: what ended, how, and which fault it met last.

use crate::event::{Failure, FailureKind};
use crate::expect::{Course, FiredRule};
use crate::model::{Service, ServiceName, Spec};
use crate::service::output::Output;
use crate::service::process::describe;
use crate::text::Span;
use nix::sys::signal::Signal;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

/// How long after an act of a rule an end may come to be told together with it.
const RECENT: Duration = Duration::from_secs(2);

/// A service that ended while its test ran.
#[derive(Clone)]
pub(super) struct Exit {
    pub(super) service: ServiceName,
    pub(super) status: Option<ExitStatus>,
    /// `12 ms after write -> ENOSPC on /tmp/work.log`.
    pub(super) cause: Option<String>,
    /// Since the leaf started.
    pub(super) at: Duration,
    /// True when the test goes on as if nothing had happened.
    pub(super) allowed: bool,
    pub(super) output: Output,
    pub(super) span: Span,
}

impl Exit {
    /// `worker ended by SIGABRT 12 ms after write -> ENOSPC on /tmp/work.log`.
    fn sentence(&self) -> String {
        // One number right behind another is hard to read.
        let comma = if self.status.is_some_and(|status| status.code().is_some()) { "," } else { "" };
        let after = self.cause.as_ref().map(|cause| format!("{comma} {cause}")).unwrap_or_default();
        format!("{} {}{after}", self.service, ended(self.status))
    }

    /// Its last lines, as notes that reporters know to be a service's output.
    fn with_lines(&self, mut failure: Failure) -> Failure {
        for line in self.output.last_lines() {
            failure = failure.note(format!("{} | {line}", self.service), None);
        }
        failure
    }
}

/// The failure that the first end is which is not allowed.
pub(super) fn failure(exits: &[Exit]) -> Option<Failure> {
    let first = exits.iter().position(|exit| !exit.allowed)?;
    let exit = &exits[first];
    let mut failure = Failure::new(FailureKind::ServiceEnded, exit.sentence(), Some(exit.span));
    failure.label = "ended while the test ran".to_owned();
    let others: Vec<Exit> =
        exits.iter().enumerate().filter(|(at, _)| *at != first).map(|(_, exit)| exit.clone()).collect();
    let failure = explained(exit.with_lines(failure), &others);
    Some(failure.help("say may_exit = True on the service when the test is about its end"))
}

/// Adds the services that ended on the way to another failure.
pub(super) fn explained(mut failure: Failure, exits: &[Exit]) -> Failure {
    for exit in exits {
        let after = exit.cause.as_ref().map(|cause| format!(", {cause}")).unwrap_or_default();
        let status = describe(exit.status);
        let text = format!("service {} ended during the test: {status}{after}", exit.service);
        failure = exit.with_lines(failure.note(text, Some(exit.span)));
    }
    failure
}

/// `ended by SIGABRT`, `ended with exit code 3`.
fn ended(status: Option<ExitStatus>) -> String {
    let Some(status) = status else { return "ended, and its exit status was lost".to_owned() };
    let core = if status.core_dumped() { " (core dumped)" } else { "" };
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with exit code {code}"),
        (None, Some(number)) => match Signal::try_from(number) {
            Ok(signal) => format!("ended by {signal}{core}"),
            Err(_) => format!("ended by signal {number}{core}"),
        },
        (None, None) => "ended".to_owned(),
    }
}

/// The last fault that a service met before it ended, in words that follow its end.
pub(super) fn cause(course: &Course, spec: &Spec, service: &Service, at: Duration) -> Option<String> {
    let acts = course.fired.iter().chain(course.latest.values());
    let met = acts.filter(|act| act.at <= at && at - act.at <= RECENT && meets(spec, service, act));
    let last = met.max_by_key(|act| act.at)?;
    Some(format!("{} after {}", pause(at - last.at), act(last)))
}

/// Whether the service can notice the act: it was on its own calls, on its own interface, or on what it sent to another.
fn meets(spec: &Spec, service: &Service, act: &FiredRule) -> bool {
    let Some((of, interface)) = act.target.split_once('.') else {
        return act.target == service.name.as_str();
    };
    if of == service.name.as_str() {
        return true;
    }
    let Some(other) = spec.services.iter().find(|other| other.name.as_str() == of) else { return false };
    let Some(interface) = other.interfaces.iter().find(|each| each.name.as_str() == interface) else {
        return false;
    };
    act.step.is_none() && (service.depends_on.contains(&other.name) || names_port(service, interface.port))
}

/// Whether the service's arguments or variables name a port.
fn names_port(service: &Service, port: u16) -> bool {
    let port = port.to_string();
    let values = service.args.iter().chain(service.env.iter().map(|(_, value)| value));
    values.flat_map(|value| value.split(|c: char| !c.is_ascii_digit())).any(|number| number == port)
}

/// `write -> ENOSPC on /tmp/work.log`, `GET /x -> response 503 on db.main`.
fn act(act: &FiredRule) -> String {
    let (operation, action) = (&act.operation, &act.action);
    if act.target.contains('.') {
        return format!("{operation} -> {action} on {}", act.target);
    }
    let errno = action.strip_prefix("deny(").and_then(|rest| rest.strip_suffix(')'));
    let action = errno.unwrap_or(action);
    match operation.split_once(' ') {
        Some((call, path)) if !path.starts_with('(') => format!("{call} -> {action} on {path}"),
        _ => format!("{operation} -> {action}"),
    }
}

fn pause(duration: Duration) -> String {
    match duration.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        millis => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Interface, Protocol, RuleName, StepId};
    use crate::text::FileId;

    fn span() -> Span {
        Span::start_of(FileId(0))
    }

    fn service(name: &str, port: u16) -> Service {
        let interface = Interface { name: "main".into(), protocol: Protocol::Tcp, port, span: span() };
        Service {
            name: name.into(),
            binary: String::new(),
            args: Vec::new(),
            env: Vec::new(),
            interfaces: vec![interface],
            depends_on: Vec::new(),
            healthcheck: None,
            operations: Vec::new(),
            seccomp: true,
            stdin: Default::default(),
            may_exit: false,
            span: span(),
        }
    }

    fn fired(target: &str, millis: u64, action: &str, operation: &str, step: Option<u32>) -> FiredRule {
        FiredRule {
            rule: RuleName(format!("{target} {millis}").into()),
            target: target.to_owned(),
            at: Duration::from_millis(millis),
            action: action.to_owned(),
            verb: "",
            operation: operation.to_owned(),
            detail: String::new(),
            step: step.map(StepId),
            span: span(),
        }
    }

    /// What is said of the end of `api` after 100 ms. It talks to `db`, and not to `other`.
    #[track_caller]
    fn check(acts: &[FiredRule], expected: Option<&str>) {
        let mut api = service("api", 8080);
        api.env = vec![("DB".to_owned(), "postgres://localhost:5432/x".to_owned())];
        let services = vec![service("db", 5432), service("other", 543), api.clone()];
        let spec = Spec { services, ..Spec::default() };
        let course = Course { fired: acts.to_vec(), ..Course::default() };
        let found = cause(&course, &spec, &api, Duration::from_millis(3100));
        assert_eq!(found.as_deref(), expected);
    }

    #[test]
    fn the_last_fault_that_a_service_met_is_named() {
        let write = |millis| fired("api", millis, "deny(ENOSPC)", "write /tmp/work.log", None);
        check(&[], None);
        check(&[write(3000), write(3088)], Some("12 ms after write -> ENOSPC on /tmp/work.log"));
        let socket = fired("api", 2000, "delay 1s", "write (socket or pipe)", None);
        check(&[socket], Some("1.1 s after write (socket or pipe) -> delay 1s"));
    }

    #[test]
    fn faults_that_it_cannot_have_met_are_not() {
        // Too long ago, afterwards, on another service, on what the test sent to another, on one it does not know.
        check(&[fired("api", 1000, "deny(EIO)", "read /x", None)], None);
        check(&[fired("api", 3200, "deny(EIO)", "read /x", None)], None);
        check(&[fired("db", 3090, "deny(EIO)", "read /x", None)], None);
        check(&[fired("db.main", 3090, "drop", "QUERY", Some(1))], None);
        check(&[fired("other.main", 3090, "drop", "QUERY", None)], None);
        check(&[fired("db.main", 3090, "drop", "QUERY", None)], Some("10 ms after QUERY -> drop on db.main"));
        check(
            &[fired("api.main", 3090, "drop", "GET /", Some(1))],
            Some("10 ms after GET / -> drop on api.main"),
        );
    }

    #[test]
    fn ends_are_said_as_people_say_them() {
        let check = |raw: i32, expected: &str| assert_eq!(ended(Some(ExitStatus::from_raw(raw))), expected);
        check(0, "ended with exit code 0");
        check(3 << 8, "ended with exit code 3");
        check(6, "ended by SIGABRT");
        check(11 | 0x80, "ended by SIGSEGV (core dumped)");
        check(40, "ended by signal 40");
        assert_eq!(ended(None), "ended, and its exit status was lost");
    }
}
