//! What a leaf must have prepared before its services start: relays and syscall filters cannot be added later.

use crate::model::syscall::CallShape;
use crate::model::{Endpoint, Matcher, Rule, ServiceName, Spec, Target, Test};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Interfaces that need a relay and syscalls that need interception.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Needs {
    pub interfaces: BTreeSet<Endpoint>,
    pub syscalls: BTreeMap<ServiceName, BTreeSet<CallShape>>,
}

/// The needs of a test's own faults. Exact for fault scenarios and cells, whose rules are known; a body that asks for
/// more while it runs has its leaf started again with [`Needs::add`].
pub fn needs(spec: &Spec, test: &Test) -> Needs {
    let mut needs = Needs::default();
    for fault in test.faults() {
        spec.rules_of(fault).into_iter().for_each(|rule| needs.add(rule));
    }
    needs
}

impl Needs {
    /// Adds what one rule needs.
    pub fn add(&mut self, rule: &Rule) {
        match (&rule.target, &rule.matcher) {
            (Target::Interface(endpoint), _) => {
                self.interfaces.insert(endpoint.clone());
            }
            (Target::Service(service), Matcher::Syscall(matcher)) => {
                self.syscalls.entry(service.clone()).or_default().extend(matcher.calls.iter());
            }
            (Target::Service(_), Matcher::Message(_)) => {}
        }
    }

    /// True when everything `rule` needs is prepared.
    pub fn cover(&self, rule: &Rule) -> bool {
        match (&rule.target, &rule.matcher) {
            (Target::Interface(endpoint), _) => self.interfaces.contains(endpoint),
            (Target::Service(service), Matcher::Syscall(matcher)) => {
                self.syscalls.get(service).is_some_and(|prepared| {
                    let is_prepared = |call: &CallShape| prepared.iter().any(|known| known.covers(*call));
                    matcher.calls.iter().all(is_prepared)
                })
            }
            (Target::Service(_), Matcher::Message(_)) => true,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.interfaces.is_empty() && self.syscalls.is_empty()
    }

    /// Adds everything of `other`.
    pub fn merge(&mut self, other: &Needs) {
        self.interfaces.extend(other.interfaces.iter().cloned());
        for (service, calls) in &other.syscalls {
            self.syscalls.entry(service.clone()).or_default().extend(calls);
        }
    }
}
