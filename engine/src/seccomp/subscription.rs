//! Which calls of one service the rules of a leaf need to see.

use std::collections::BTreeMap;

use crate::model::syscall::{self, CallShape, Syscall, When};

/// The calls a filter stops on, each with the arguments that make it worth stopping. Only ever holds calls that are safe
/// to intercept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    calls: BTreeMap<Syscall, Vec<When>>,
    /// Calls on sockets the judge carries out itself, besides what rules need.
    pub sockets: SocketCalls,
    /// Let calls on descriptors 0, 1 and 2 pass without asking. Off by default: what a service prints counts too.
    pub exempt_stdio: bool,
}

/// Which calls on sockets are stopped on so that the judge can carry them out (see `Judge::carry_out`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SocketCalls {
    /// `listen` and `bind`.
    pub opening: bool,
    /// `socket` with the domain AF_UNIX.
    pub unix: bool,
}

/// A call that must not be intercepted was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("intercept `{call}`: {reason}")]
pub struct SubscriptionError {
    pub call: Syscall,
    pub reason: &'static str,
}

impl Subscription {
    /// Collects the calls, or names the first one that may never be intercepted. With certain arguments only, which no
    /// loader or allocator uses, any call may be.
    pub fn new<C: Into<CallShape>>(
        calls: impl IntoIterator<Item = C>,
    ) -> Result<Subscription, SubscriptionError> {
        let mut all: BTreeMap<Syscall, Vec<When>> = BTreeMap::new();
        for shape in calls {
            let CallShape { syscall: call, when, .. } = shape.into();
            if let Some(reason) = syscall::untrappable(call.name()).filter(|_| when == When::Always) {
                return Err(SubscriptionError { call, reason });
            }
            let whens = all.entry(call).or_default();
            if !whens.contains(&when) {
                whens.push(when);
            }
        }
        Ok(Subscription { calls: all, sockets: SocketCalls::default(), exempt_stdio: false })
    }

    /// Whether no rule needs a call.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    pub fn contains(&self, call: Syscall) -> bool {
        self.calls.contains_key(&call)
    }

    /// Whether everything `other` needs is seen through this one, so that a running service needs no restart.
    pub fn covers(&self, other: &Subscription) -> bool {
        let covers = |(call, whens): (&Syscall, &Vec<When>)| {
            let own = self.calls.get(call).map(Vec::as_slice).unwrap_or_default();
            own.contains(&When::Always) || whens.iter().all(|when| own.contains(when))
        };
        other.calls.iter().all(covers) && (!self.exempt_stdio || other.exempt_stdio)
    }

    /// In order of number.
    pub fn calls(&self) -> impl Iterator<Item = (Syscall, &[When])> + '_ {
        self.calls.iter().map(|(&call, whens)| (call, whens.as_slice()))
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
    fn with_certain_arguments_a_call_of_the_loader_may_be_looked_at() {
        let mmap = Syscall::from_name("mmap").expect("mmap exists");
        assert!(Subscription::new([mmap]).is_err());
        let shared = CallShape { when: When::MapsToWrite, ..mmap.into() };
        let narrow = Subscription::new([shared]).expect("only shared mappings of files");
        assert!(narrow.contains(mmap) && narrow.covers(&narrow.clone()));
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
