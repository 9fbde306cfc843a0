//! Where a worker's facts go: to the dispatcher, in order, and into the course the verdict is judged by.

use super::reports::Reports;
use super::wire::Message;
use crate::event::{Event, EventKind, FaultWord};
use crate::expect::{Course, FiredRule, StepRecord};
use crate::model::RuleName;
use crate::plan::Needs;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// How often one rule's acts are reported one by one; its evidence counts all of them.
pub(super) const MAX_ACTS_PER_RULE: u64 = 256;

/// How much of a reply's body is told in explanations, in characters.
const SHORT_BODY: usize = 60;

/// Stamps facts with leaf and time and sends them. Shared by every thread of a worker.
pub(super) struct Recorder {
    leaf: u32,
    start: Instant,
    state: Mutex<State>,
}

struct State {
    out: Reports,
    course: Course,
    acts: BTreeMap<RuleName, u64>,
}

impl Recorder {
    pub(super) fn new(leaf: u32, out: File, start: Instant) -> Recorder {
        let state = State { out: Reports::Here(out), course: Course::default(), acts: BTreeMap::new() };
        Recorder { leaf, start, state: Mutex::new(state) }
    }

    pub(super) fn start(&self) -> Instant {
        self.start
    }

    /// From now on a slow dispatcher holds up nobody. The process gets another thread.
    pub(super) fn detach(&self) -> io::Result<()> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).out.detach()
    }

    /// Waits until the dispatcher has everything; without this the end of the process loses what waits.
    pub(super) fn flush(&self) {
        let queue = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).out.queue();
        if let Some(queue) = queue {
            queue.flush();
        }
    }

    /// Reports a fact.
    pub(super) fn event(&self, kind: EventKind) {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let at = self.start.elapsed();
        if state.note(&kind, at) {
            let event = Event { leaf: Some(self.leaf), at, kind };
            state.send(&Message::Event(Box::new(event)));
        }
    }

    /// A rule that is no longer reported one by one acted again, on whatever it was.
    pub(super) fn acted_again(&self, rule: &RuleName) {
        let at = self.start.elapsed();
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(fired) = state.course.latest.get_mut(rule) {
            fired.at = at;
            let call = fired.operation.find(' ').unwrap_or(fired.operation.len());
            fired.operation.truncate(call);
        }
    }

    /// Asks to be started again, prepared.
    pub(super) fn unprepared(&self, needs: Needs) {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        state.send(&Message::Unprepared(needs));
    }

    pub(super) fn course(&self) -> Course {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).course.clone()
    }
}

impl State {
    fn send(&mut self, message: &Message) {
        let Ok(mut line) = serde_json::to_vec(message) else { return };
        line.push(b'\n');
        self.out.send(line);
    }

    /// Keeps what the verdict needs; false when the fact is one too many of its kind to report.
    fn note(&mut self, kind: &EventKind, at: Duration) -> bool {
        match kind {
            EventKind::StepSent { step, target, method: _, summary, span } => {
                let (target, summary) = (target.clone(), summary.clone());
                self.course.steps.push(StepRecord {
                    step: *step,
                    target,
                    summary,
                    reply: String::new(),
                    span: *span,
                });
            }
            EventKind::StepReceived { step, status, ok, error, body, .. } => {
                if let Some(record) = self.course.steps.iter_mut().find(|record| record.step == *step) {
                    record.reply = short_reply(*status, *ok, error, body);
                }
            }
            EventKind::RuleFired { rule, target, word, action, operation, step, span, .. } => {
                let (verb, detail) = wording(*word, action);
                let fired = FiredRule {
                    rule: rule.clone(),
                    target: target.clone(),
                    at,
                    action: action.clone(),
                    verb,
                    operation: operation.clone(),
                    detail,
                    step: *step,
                    span: *span,
                };
                if !matches!(word, FaultWord::Delay | FaultWord::Allow) {
                    self.course.settled.extend(step);
                }
                self.course.latest.insert(rule.clone(), fired.clone());
                let acts = self.acts.entry(rule.clone()).or_default();
                *acts += 1;
                if *acts > MAX_ACTS_PER_RULE {
                    return false;
                }
                self.course.fired.push(fired);
            }
            _ => {}
        }
        true
    }
}

fn wording(word: FaultWord, action: &str) -> (&'static str, String) {
    let rest = action.split_once(' ').map_or(action, |(_, rest)| rest).to_owned();
    match word {
        FaultWord::Respond | FaultWord::Error => ("answered", rest),
        FaultWord::Delay => ("delayed", rest),
        FaultWord::Drop => ("dropped", "no answer".to_owned()),
        FaultWord::Deny => ("denied", action.to_owned()),
        FaultWord::Allow => ("let pass", action.to_owned()),
        FaultWord::Change => ("changed", action.to_owned()),
    }
}

fn short_reply(status: i64, ok: bool, error: &str, body: &str) -> String {
    if !ok && !error.is_empty() {
        return error.to_owned();
    }
    let mut short: String = body.chars().take(SHORT_BODY).collect();
    if short.len() < body.len() {
        short.push('…');
    }
    match (status, short.is_empty()) {
        (0, true) => "no text".to_owned(),
        (0, false) => format!("{short:?}"),
        (status, true) => status.to_string(),
        (status, false) => format!("{status} {short:?}"),
    }
}
