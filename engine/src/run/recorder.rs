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
use tokio::sync::Notify;

/// How often one rule's acts are reported one by one; its evidence counts all of them.
pub(super) const MAX_ACTS_PER_RULE: u64 = 256;

/// How long, and until how many bytes, facts of little weight wait for company.
const LONGEST_WAIT: Duration = Duration::from_millis(10);
const MOST_WAITING: usize = 16 << 10;

/// How much of a reply's body is told in explanations, in characters.
const SHORT_BODY: usize = 60;

/// Stamps facts with leaf and time and sends them. Shared by every thread of a worker.
pub(super) struct Recorder {
    leaf: u32,
    start: Instant,
    state: Mutex<State>,
    /// Something waits to be sent.
    waits: Notify,
}

struct State {
    out: Reports,
    /// Lines that wait for the next one that does not.
    waiting: Vec<u8>,
    course: Course,
    acts: BTreeMap<RuleName, u64>,
}

impl Recorder {
    pub(super) fn new(leaf: u32, out: File, start: Instant) -> Recorder {
        let (course, acts) = (Course::default(), BTreeMap::new());
        let state = State { out: Reports::Here(out), waiting: Vec::new(), course, acts };
        Recorder { leaf, start, state: Mutex::new(state), waits: Notify::new() }
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
        let queue = {
            let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            state.send();
            state.out.queue()
        };
        if let Some(queue) = queue {
            queue.flush();
        }
    }

    /// Reports a fact.
    pub(super) fn event(&self, kind: EventKind) {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let at = self.start.elapsed();
        if state.note(&kind, at) {
            let may_wait = may_wait(&kind);
            let event = Event { leaf: Some(self.leaf), at, kind };
            state.add(&Message::Event(Box::new(event)));
            if !may_wait || state.waiting.len() > MOST_WAITING {
                state.send();
            } else {
                self.waits.notify_one();
            }
        }
    }

    /// Sends what waits, a little later, for as long as it is polled.
    pub(super) async fn send_what_waits(&self) {
        loop {
            self.waits.notified().await;
            tokio::time::sleep(LONGEST_WAIT).await;
            self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).send();
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
        state.add(&Message::Unprepared(needs));
        state.send();
    }

    pub(super) fn course(&self) -> Course {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).course.clone()
    }
}

impl State {
    /// Puts a message behind those that wait.
    fn add(&mut self, message: &Message) {
        let Ok(line) = serde_json::to_vec(message) else { return };
        self.waiting.extend(line);
        self.waiting.push(b'\n');
    }

    /// Sends whatever waits, in order.
    fn send(&mut self) {
        if !self.waiting.is_empty() {
            self.out.send(std::mem::take(&mut self.waiting));
        }
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

/// Connections come by the thousand, and nobody acts on one: each sent at once would wake the dispatcher while its client
/// waits.
fn may_wait(kind: &EventKind) -> bool {
    matches!(kind, EventKind::ConnectionOpened { .. } | EventKind::ConnectionClosed { .. })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Phase;
    use std::io::Read;
    use std::sync::Arc;

    fn opened(connection: u64) -> EventKind {
        EventKind::ConnectionOpened { target: "api.public".to_owned(), connection }
    }

    /// A recorder, and the other end of its pipe.
    fn recorder() -> (Arc<Recorder>, std::io::PipeReader) {
        let (read, write) = std::io::pipe().expect("a pipe");
        let out = File::from(std::os::fd::OwnedFd::from(write));
        (Arc::new(Recorder::new(0, out, Instant::now())), read)
    }

    #[test]
    fn connections_go_with_the_next_fact_in_order() {
        let (recorder, mut read) = recorder();
        recorder.event(opened(1));
        recorder.event(opened(2));
        recorder.event(EventKind::PhaseEntered { phase: Phase::Stopping });
        drop(recorder);
        let mut text = String::new();
        read.read_to_string(&mut text).expect("lines");
        let found: Vec<bool> = text.lines().map(|line| line.contains("connection")).collect();
        assert_eq!(found, [true, true, false], "{text}");
    }

    #[tokio::test]
    async fn connections_go_alone_when_nothing_follows() {
        let (recorder, mut read) = recorder();
        let sending = recorder.clone();
        let _sending = tokio::spawn(async move { sending.send_what_waits().await });
        recorder.event(opened(1));
        // Ends when something comes: the recorder stays alive, and so does its end of the pipe.
        let first = tokio::task::spawn_blocking(move || read.read(&mut [0; 64])).await.expect("a thread");
        assert!(first.expect("a line") > 0);
    }
}
