//! Branches of `parallel(f, g, ...)`: stackful coroutines over one module, suspended at steps.
//!
//! Only one branch runs at a time, so branches share the module's state without races and interleave at steps only.
//! Which ready branch goes on is drawn from the leaf's seed.

use super::stage::{Refusal, Ticket};
use crate::model::StepReply;
use crate::rules::draw;
use corosensei::stack::DefaultStack;
use corosensei::{CoroutineResult, ScopedCoroutine, Yielder};
use std::io;

/// What a suspended branch is told when it goes on: which of its tickets is done, and its reply.
pub(super) type Answer = Result<(usize, StepReply), Refusal>;

/// What one branch does; it is given the means to suspend.
pub(super) type Body<'b> = Box<dyn FnOnce(&Branch<'_>) + 'b>;

/// Goes on with a suspended branch; gives the steps it waits for next, or `None` when it has ended.
type Resume<'r> = &'r mut (dyn FnMut(Option<Answer>) -> Option<Vec<Ticket>> + 'r);

/// Stack of one branch: evaluation recurses at most as deep as the call limit allows; pages are used on demand.
const STACK_BYTES: usize = 8 * 1024 * 1024;

/// The running branch, as builtins see it.
pub(super) struct Branch<'y> {
    yielder: &'y Yielder<Option<Answer>, Vec<Ticket>>,
}

impl Branch<'_> {
    /// Lets the other branches run until one of the steps is done.
    pub(super) fn wait(&self, tickets: &[Ticket]) -> Answer {
        // Only the first resumption carries no answer, and that one starts the body.
        self.yielder.suspend(tickets.to_vec()).unwrap_or(Err(Refusal::Cancelled))
    }
}

/// Runs the branches to their end. `wait` blocks until one of the tickets of all waiting branches is done.
///
/// Fails when a stack cannot be allocated.
pub(super) fn run(
    bodies: Vec<Body<'_>>,
    seed: u64,
    wait: &mut dyn FnMut(&[Ticket]) -> Answer,
) -> io::Result<()> {
    nest(bodies.into_iter(), Vec::new(), &mut |branches| drive(branches, seed, wait))
}

/// Opens one scope per branch, since a scoped coroutine may borrow what its closure uses.
fn nest(
    mut bodies: std::vec::IntoIter<Body<'_>>,
    live: Vec<Resume<'_>>,
    drive: &mut dyn FnMut(Vec<Resume<'_>>),
) -> io::Result<()> {
    let Some(body) = bodies.next() else {
        drive(live);
        return Ok(());
    };
    let stack = DefaultStack::new(STACK_BYTES)?;
    let coroutine = ScopedCoroutine::with_stack(stack, move |yielder, _start: Option<Answer>| {
        body(&Branch { yielder });
    });
    coroutine.scope(|mut coroutine| {
        let mut resume = |answer| match coroutine.as_mut().resume(answer) {
            CoroutineResult::Yield(tickets) => Some(tickets),
            CoroutineResult::Return(()) => None,
        };
        let mut live: Vec<Resume<'_>> = live.into_iter().map(|each| -> Resume<'_> { each }).collect();
        live.push(&mut resume);
        nest(bodies, live, drive)
    })
}

fn drive(mut branches: Vec<Resume<'_>>, seed: u64, wait: &mut dyn FnMut(&[Ticket]) -> Answer) {
    let mut waiting: Vec<Option<Vec<Ticket>>> = branches.iter().map(|_| None).collect();
    for at in order(branches.len(), seed, 0) {
        waiting[at] = branches[at](None);
    }
    for turn in 1.. {
        // The first ready ticket in this order goes on, so the order of the question is the choice.
        let mut asked: Vec<(usize, usize, Ticket)> = Vec::new();
        for at in order(branches.len(), seed, turn) {
            let tickets = waiting[at].iter().flatten().enumerate();
            asked.extend(tickets.map(|(nth, ticket)| (at, nth, *ticket)));
        }
        if asked.is_empty() {
            return;
        }
        let tickets: Vec<Ticket> = asked.iter().map(|(.., ticket)| *ticket).collect();
        match wait(&tickets) {
            Ok((done, reply)) => {
                let Some(&(at, nth, _)) = asked.get(done) else { return };
                waiting[at] = branches[at](Some(Ok((nth, reply))));
            }
            Err(refusal) => {
                for at in 0..branches.len() {
                    if waiting[at].is_some() {
                        waiting[at] = branches[at](Some(Err(refusal.clone())));
                    }
                }
            }
        }
    }
}

/// The numbers below `count`, shuffled by the seed.
fn order(count: usize, seed: u64, turn: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by(|&a, &b| {
        let key = |at: usize| draw(seed, turn, at as u64);
        key(a).total_cmp(&key(b))
    });
    order
}
