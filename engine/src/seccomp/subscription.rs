//! Which calls of one service the rules of a leaf need to see.

use std::collections::BTreeSet;

use crate::model::syscall::{self, Syscall};

/// The calls a filter stops on. Only ever holds calls that are safe to intercept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    calls: BTreeSet<Syscall>,
    /// Let calls on descriptors 0, 1 and 2 pass without asking. Off by default: what a service prints counts too.
    pub exempt_stdio: bool,
}

/// A call that must not be intercepted was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("intercept `{call}`: {reason}")]
pub struct SubscriptionError {
    pub call: Syscall,
    pub reason: &'static str,
}

impl Subscription {
    /// Collects the calls, or names the first one that may never be intercepted.
    pub fn new(calls: impl IntoIterator<Item = Syscall>) -> Result<Subscription, SubscriptionError> {
        let calls: BTreeSet<Syscall> = calls.into_iter().collect();
        for &call in &calls {
            if let Some(reason) = syscall::untrappable(call.name()) {
                return Err(SubscriptionError { call, reason });
            }
        }
        Ok(Subscription { calls, exempt_stdio: false })
    }

    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub fn contains(&self, call: Syscall) -> bool {
        self.calls.contains(&call)
    }

    /// Whether everything `other` needs is seen through this one, so that a running service needs no restart.
    pub fn covers(&self, other: &Subscription) -> bool {
        other.calls.is_subset(&self.calls) && (!self.exempt_stdio || other.exempt_stdio)
    }

    /// In order of number.
    pub fn calls(&self) -> impl Iterator<Item = Syscall> + '_ {
        self.calls.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::syscall::resolve;

    fn subscription(keyword: &str) -> Result<Subscription, SubscriptionError> {
        Subscription::new(resolve(keyword).expect("a known keyword"))
    }

    #[test]
    fn refuses_what_may_not_be_intercepted() {
        let refused = subscription("close").expect_err("close is refused");
        assert_eq!(refused.call.name(), "close");
        assert!(subscription("exit_group").is_err() && subscription("futex").is_err());
    }

    #[test]
    fn a_wider_one_covers_a_narrower() {
        let wide = subscription("write").expect("a family");
        let narrow = subscription("pwrite64").expect("a call");
        assert!(wide.covers(&narrow) && !narrow.covers(&wide));
        let mut deaf = wide.clone();
        deaf.exempt_stdio = true;
        assert!(!deaf.covers(&wide) && wide.covers(&deaf));
    }
}
