//! Why a service did not become ready.

use crate::event::{Failure, FailureKind};
use crate::model::{Healthcheck, Service};
use crate::service::input::Reader;

/// A service whose healthcheck did not succeed in time.
pub(super) fn unready(
    service: &Service,
    check: &Healthcheck,
    refusal: &str,
    lines: &[String],
    readers: &[Reader],
) -> Failure {
    let limit = crate::model::format_duration(check.timeout);
    let message = format!("service {} was not ready within {limit}: {refusal}", service.name);
    let mut failure = Failure::new(FailureKind::Service, message, Some(check.span));
    for Reader { name, descriptor, .. } in readers {
        let text = format!("process `{name}` of {} waits for input on descriptor {descriptor}", service.name);
        failure = failure.note(text, Some(service.span));
    }
    if !readers.is_empty() {
        failure =
            failure.help("standard input stays open and silent; stdin = \"eof\" in service(...) ends it");
    }
    with_lines(failure, service, lines).help(
        "is the healthcheck's address the one the service listens on? raise its timeout= if it is only slow",
    )
}

/// A service that ended before it was ready.
pub(super) fn died(service: &Service, status: &str, lines: &[String]) -> Failure {
    let message = format!("service {} ended before it was ready: {status}", service.name);
    with_lines(Failure::new(FailureKind::Service, message, Some(service.span)), service, lines)
}

fn with_lines(mut failure: Failure, service: &Service, lines: &[String]) -> Failure {
    for line in lines {
        failure = failure.note(format!("{} | {line}", service.name), None);
    }
    failure
}
