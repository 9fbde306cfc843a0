//! Numbers of a test's steps, rules and `fault(...)` calls, known when each begins and the same in every run.
//!
//! A test counts 1, 2, 3. Branches of `parallel` count in rounds: the first step of each branch in the order of the text,
//! then the second of each, and so on. Which branch gets how far first depends on the services; the numbers do not.
//! Branches of different lengths leave gaps.

use crate::model::StepId;
use std::cell::Cell;

/// The furthest apart two numbers of one branch may be; branches that are nested deeper are refused.
const MAX_STRIDE: u32 = 1 << 20;

/// The counters of the test itself, or of one branch.
#[derive(Debug)]
pub(super) struct Numbering {
    steps: Sequence,
    rules: Sequence,
    calls: Sequence,
}

/// `next`, `next + stride`, `next + 2 * stride` and so on.
#[derive(Debug, Clone)]
pub(super) struct Sequence {
    start: u32,
    next: Cell<u32>,
    stride: u32,
}

impl Default for Numbering {
    fn default() -> Numbering {
        Numbering { steps: Sequence::new(1, 1), rules: Sequence::new(0, 1), calls: Sequence::new(0, 1) }
    }
}

impl Numbering {
    pub(super) fn step(&self) -> StepId {
        StepId(self.steps.take())
    }

    /// Numbers rules of a body for their names.
    pub(super) fn rules(&self) -> &Sequence {
        &self.rules
    }

    /// The number of a call that installs rules.
    pub(super) fn fault_call(&self) -> u32 {
        self.calls.take()
    }

    /// Counters for branches that begin here; `None` when they are nested too deeply.
    pub(super) fn branches(&self, count: usize) -> Option<Vec<Numbering>> {
        let count = u32::try_from(count).ok()?;
        let branch = |at| {
            Some(Numbering {
                steps: self.steps.branch(at, count)?,
                rules: self.rules.branch(at, count)?,
                calls: self.calls.branch(at, count)?,
            })
        };
        (0..count).map(branch).collect()
    }

    /// Goes on behind the branches.
    pub(super) fn join(&self, branches: &[Numbering]) {
        self.steps.pass(branches.iter().map(|branch| &branch.steps));
        self.rules.pass(branches.iter().map(|branch| &branch.rules));
        self.calls.pass(branches.iter().map(|branch| &branch.calls));
    }
}

impl Sequence {
    fn new(start: u32, stride: u32) -> Sequence {
        Sequence { start, next: Cell::new(start), stride }
    }

    /// Numbers from 0, for rules that are declared one after the other.
    pub(super) fn from_zero() -> Sequence {
        Sequence::new(0, 1)
    }

    pub(super) fn take(&self) -> u32 {
        let number = self.next.get();
        self.next.set(number.saturating_add(self.stride));
        number
    }

    fn branch(&self, at: u32, count: u32) -> Option<Sequence> {
        let stride = self.stride.checked_mul(count).filter(|&stride| stride <= MAX_STRIDE)?;
        let start = self.next.get().checked_add(at * self.stride)?;
        Some(Sequence::new(start, stride))
    }

    /// Moves behind the last number that a branch took.
    fn pass<'s>(&self, branches: impl Iterator<Item = &'s Sequence>) {
        let last = branches.filter_map(Sequence::last).max();
        while last.is_some_and(|last| self.next.get() <= last) && self.next.get() < u32::MAX {
            self.take();
        }
    }

    fn last(&self) -> Option<u32> {
        let next = self.next.get();
        (next > self.start).then(|| next.saturating_sub(self.stride))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(numbering: &Numbering, count: usize) -> Vec<u32> {
        (0..count).map(|_| numbering.step().0).collect()
    }

    #[test]
    fn branches_count_in_rounds_whatever_order_they_run_in() {
        let test = Numbering::default();
        assert_eq!(taken(&test, 2), [1, 2]);
        let branches = test.branches(3).unwrap();
        assert_eq!(taken(&branches[2], 1), [5]);
        assert_eq!(taken(&branches[0], 2), [3, 6]);
        assert_eq!(taken(&branches[1], 1), [4]);
        test.join(&branches);
        assert_eq!(taken(&test, 2), [7, 8]);
    }

    #[test]
    fn branches_of_a_branch_share_its_numbers() {
        let test = Numbering::default();
        let outer = test.branches(2).unwrap();
        let inner = outer[0].branches(2).unwrap();
        assert_eq!(taken(&inner[1], 2), [3, 7]);
        assert_eq!(taken(&inner[0], 1), [1]);
        assert_eq!(taken(&outer[1], 3), [2, 4, 6]);
        outer[0].join(&inner);
        assert_eq!(taken(&outer[0], 1), [9]);
        test.join(&outer);
        assert_eq!(taken(&test, 1), [10]);
    }

    #[test]
    fn branches_without_steps_leave_no_gap_and_endless_nesting_is_refused() {
        let test = Numbering::default();
        let mut inner = test.branches(256).unwrap();
        test.join(&inner);
        assert_eq!(taken(&test, 1), [1]);
        inner = inner[255].branches(256).unwrap();
        inner = inner[255].branches(16).unwrap();
        assert!(inner[15].branches(2).is_none());
    }
}
