//! What reporters that write after the fact remember of one leaf.

use super::logs::{Logs, Output, Part};
use crate::event::{EventKind, Failure, Leaf, LeafResult, Phase, ServiceEnd};
use crate::model::ServiceName;
use crate::text::Span;

/// The status of a service that ended without a complaint.
const DONE: &str = "exit code 0";

#[derive(Debug)]
pub(super) struct Record {
    pub(super) leaf: Leaf,
    logs: Logs,
    /// What each service wrote.
    pub(super) outputs: Vec<Output>,
    pub(super) printed: Vec<(String, Option<Span>)>,
    pub(super) warnings: Vec<Failure>,
    /// Services that ended while the test ran.
    pub(super) ends: Vec<End>,
    pub(super) result: Option<LeafResult>,
}

/// A service that ended by itself.
#[derive(Debug)]
pub(super) struct End {
    service: ServiceName,
    status: String,
    allowed: bool,
    cause: Option<String>,
}

impl Record {
    pub(super) fn new(leaf: Leaf, logs: Logs) -> Record {
        let (outputs, printed, warnings, ends) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Record { leaf, logs, outputs, printed, warnings, ends, result: None }
    }

    /// Remembers what matters of an event of this leaf.
    pub(super) fn event(&mut self, kind: &EventKind) {
        match kind {
            // Everything the first start did has vanished with it.
            EventKind::LeafRestarted { .. } => *self = Record::new(self.leaf.clone(), self.logs),
            EventKind::ServiceOutput { service, line, .. } => self.output(service).line(line),
            EventKind::OutputLeftOut { service, lines, .. } => self.output(service).left_out(*lines),
            EventKind::ServiceReady { service, .. } => self.output(service).enter(Part::Test),
            EventKind::PhaseEntered { phase: Phase::Stopping } => {
                self.outputs.iter_mut().for_each(|output| output.enter(Part::End));
            }
            EventKind::Printed { text, span } => self.printed.push((text.clone(), *span)),
            EventKind::Warning { failure } => self.warnings.push(failure.clone()),
            EventKind::ServiceExited { service, status, end, cause } if *end != ServiceEnd::Asked => {
                self.ends.push(End {
                    service: service.clone(),
                    status: status.clone(),
                    allowed: *end == ServiceEnd::Allowed,
                    cause: cause.clone(),
                });
            }
            EventKind::LeafFinished { result, .. } => self.result = Some(result.clone()),
            EventKind::RunStarted { .. }
            | EventKind::Notice { .. }
            | EventKind::LeafStarted { .. }
            | EventKind::PhaseEntered { .. }
            | EventKind::ServiceStarted { .. }
            | EventKind::ServiceExited { .. }
            | EventKind::StepSent { .. }
            | EventKind::StepReceived { .. }
            | EventKind::RuleInstalled { .. }
            | EventKind::RuleRemoved { .. }
            | EventKind::RuleFired { .. }
            | EventKind::ConnectionOpened { .. }
            | EventKind::ConnectionClosed { .. }
            | EventKind::ConnectionOpaque { .. }
            | EventKind::ConnectionFailed { .. }
            | EventKind::AssertionPassed { .. }
            | EventKind::RunFinished { .. } => {}
        }
    }

    /// A failure without the lines of services that stand under it anyway.
    pub(super) fn without_output(&self, failure: &Failure) -> Failure {
        let mut failure = failure.clone();
        let quoted = |text: &str| {
            let (service, _) = text.split_once(" | ")?;
            self.outputs.iter().find(|output| output.service.as_str() == service)
        };
        failure.notes.retain(|note| quoted(&note.text).is_none());
        failure
    }

    fn output(&mut self, service: &ServiceName) -> &mut Output {
        let known = self.outputs.iter().position(|output| output.service == *service);
        let at = known.unwrap_or_else(|| {
            self.outputs.push(Output::new(service.clone(), self.logs));
            self.outputs.len() - 1
        });
        &mut self.outputs[at]
    }
}

impl End {
    /// The explanation of a test that did not pass speaks of every end. One that passed goes on after an end that is
    /// allowed; that a service was done is shown on request.
    pub(super) fn is_worth_a_line(&self, good: bool, verbose: bool) -> bool {
        good && self.allowed && (verbose || self.status != DONE)
    }

    /// `worker ended: killed by SIGABRT, 12 ms after write -> ENOSPC on /tmp/work.log`.
    pub(super) fn text(&self) -> String {
        let cause = self.cause.as_ref().map(|cause| format!(", {cause}")).unwrap_or_default();
        format!("{} ended: {}{cause}", self.service, self.status)
    }
}
