//! What reporters that write after the fact remember of one leaf.

use crate::event::{EventKind, Failure, Leaf, LeafResult, ServiceEnd, Stream};
use crate::model::ServiceName;
use crate::text::{Span, shown};
use std::borrow::Cow;
use std::collections::VecDeque;

/// Lines kept of one service's output in one leaf; what a service says before that is counted, not kept.
const MAX_LINES: usize = 10_000;

/// Lines of a service's output shown beside a failure.
pub(super) const TAIL_LINES: usize = 20;

/// The status of a service that ended without a complaint.
const DONE: &str = "exit code 0";

/// Characters of one such line.
const TAIL_WIDTH: usize = 500;

#[derive(Debug)]
pub(super) struct Record {
    pub(super) leaf: Leaf,
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

/// The end of what one service wrote.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) service: ServiceName,
    pub(super) lines: VecDeque<(Stream, String)>,
    /// How many lines it wrote in all.
    pub(super) total: usize,
}

impl Record {
    pub(super) fn new(leaf: Leaf) -> Record {
        let (outputs, printed, warnings, ends) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Record { leaf, outputs, printed, warnings, ends, result: None }
    }

    /// Remembers what matters of an event of this leaf.
    pub(super) fn event(&mut self, kind: &EventKind) {
        match kind {
            // Everything the first start did has vanished with it.
            EventKind::LeafRestarted { .. } => *self = Record::new(self.leaf.clone()),
            EventKind::ServiceOutput { service, stream, line } => self.output(service, *stream, line),
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
            | EventKind::ServiceReady { .. }
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

    fn output(&mut self, service: &ServiceName, stream: Stream, line: &str) {
        let known = self.outputs.iter().position(|output| output.service == *service);
        let at = known.unwrap_or_else(|| {
            self.outputs.push(Output { service: service.clone(), lines: VecDeque::new(), total: 0 });
            self.outputs.len() - 1
        });
        let output = &mut self.outputs[at];
        output.total += 1;
        output.lines.push_back((stream, line.to_owned()));
        if output.lines.len() > MAX_LINES {
            output.lines.pop_front();
        }
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

impl Output {
    /// A headline and the last `limit` lines, indented by two; empty when the service wrote nothing.
    pub(super) fn text(&self, limit: usize) -> String {
        let count = self.lines.len().min(limit);
        let title = match (count == self.total, self.total) {
            (true, 1) => "1 line".to_owned(),
            (true, total) => format!("{total} lines"),
            (false, total) => format!("last {count} of {total} lines"),
        };
        let mut text = format!("  output of {}, {title}:\n", self.service);
        for (_, line) in self.lines.iter().skip(self.lines.len() - count) {
            let line = shown(line);
            // Everything was asked for, or a screen of it.
            let line = if limit == usize::MAX { line } else { clipped(line) };
            text.push_str(format!("    | {line}").trim_end());
            text.push('\n');
        }
        text
    }
}

/// A line that would fill the screen alone, cut, with its length.
fn clipped(line: Cow<'_, str>) -> Cow<'_, str> {
    match line.char_indices().nth(TAIL_WIDTH) {
        Some((end, _)) => format!("{}… ({} characters)", &line[..end], line.chars().count()).into(),
        None => line,
    }
}
