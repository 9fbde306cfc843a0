//! The real [`Stage`]: a body on its own thread asks, the async side of the worker does.

use super::faults::Faults;
use super::recorder::Recorder;
use crate::event::{EventKind, Phase};
use crate::model::{Rule, StepCall, StepId, StepReply};
use crate::spec::{FaultCall, InstallId, Refusal, Stage, Ticket};
use crate::text::Span;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use tokio::sync::mpsc::UnboundedSender;

/// A step for the async side to make.
#[derive(Debug)]
pub(super) struct StepRequest {
    pub(super) ticket: Ticket,
    pub(super) step: StepId,
    pub(super) call: StepCall,
}

/// What the async side tells a waiting body.
pub(super) enum Answer {
    Reply(Ticket, StepReply),
    /// Wake up and look at the cancel flag.
    Wake,
}

/// The body's half of the bridge. Lives on the body's thread.
pub(super) struct LiveStage {
    pub(super) requests: UnboundedSender<StepRequest>,
    pub(super) answers: mpsc::Receiver<Answer>,
    pub(super) faults: Arc<Faults>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) cancelled: Arc<AtomicBool>,
    pub(super) seed: u64,
    pub(super) tickets: Cell<u64>,
    pub(super) early: RefCell<BTreeMap<u64, StepReply>>,
}

impl LiveStage {
    fn checked(&self) -> Result<(), Refusal> {
        if self.is_cancelled() { Err(Refusal::Cancelled) } else { Ok(()) }
    }
}

impl Stage for LiveStage {
    fn begin(&self, step: StepId, call: StepCall) -> Result<Ticket, Refusal> {
        self.checked()?;
        let ticket = Ticket(self.tickets.get());
        self.tickets.set(ticket.0 + 1);
        self.recorder.event(EventKind::StepSent {
            step,
            target: call.endpoint.to_string(),
            method: call.method.to_owned(),
            summary: super::steps::summary(&call),
            span: call.span,
        });
        self.requests.send(StepRequest { ticket, step, call }).map_err(|_| Refusal::Cancelled)?;
        Ok(ticket)
    }

    fn wait_any(&self, tickets: &[Ticket]) -> Result<(usize, StepReply), Refusal> {
        loop {
            self.checked()?;
            let mut early = self.early.borrow_mut();
            if let Some(at) = tickets.iter().position(|ticket| early.contains_key(&ticket.0))
                && let Some(reply) = early.remove(&tickets[at].0)
            {
                return Ok((at, reply));
            }
            drop(early);
            match self.answers.recv() {
                Ok(Answer::Reply(ticket, reply)) => {
                    self.early.borrow_mut().insert(ticket.0, reply);
                }
                Ok(Answer::Wake) => {}
                Err(mpsc::RecvError) => return Err(Refusal::Cancelled),
            }
        }
    }

    fn install(&self, call: FaultCall, rules: Vec<Rule>) -> Result<InstallId, Refusal> {
        self.checked()?;
        self.faults.install(Some(call), rules)
    }

    fn remove(&self, id: InstallId) -> Result<(), Refusal> {
        self.faults.remove(id);
        Ok(())
    }

    fn enter_expect(&self) {
        self.recorder.event(EventKind::PhaseEntered { phase: Phase::Expect });
    }

    fn print(&self, text: &str, span: Option<Span>) {
        self.recorder.event(EventKind::Printed { text: text.to_owned(), span });
    }

    fn asserted(&self, span: Span) {
        self.recorder.event(EventKind::AssertionPassed { span });
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.load(SeqCst)
    }

    fn seed(&self) -> u64 {
        self.seed
    }
}
