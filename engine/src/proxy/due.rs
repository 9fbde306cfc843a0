//! A rule that is due on an operation, until it is known what came of it.

use super::relay::Observer;
use crate::event::{EventKind, FaultWord};
use crate::model::Action;
use crate::rules::ActiveRule;
use std::sync::Arc;

/// Says once what came of a rule on one operation: to the rule, for its evidence, and, when it acted, to the observer.
pub(super) struct Due {
    observe: Arc<dyn Observer>,
    active: Arc<ActiveRule>,
    operation: Arc<str>,
    is_known: bool,
}

impl Due {
    pub(super) fn new(observe: &Arc<dyn Observer>, active: &Arc<ActiveRule>, operation: &Arc<str>) -> Due {
        Due {
            observe: observe.clone(),
            active: active.clone(),
            operation: operation.clone(),
            is_known: false,
        }
    }

    pub(super) fn action(&self) -> &Action {
        &self.active.rule.action
    }

    /// Something changed for a peer. Only the first word counts.
    pub(super) fn acted(&mut self) {
        if !std::mem::replace(&mut self.is_known, true) {
            self.active.acted(&self.operation);
            self.observe.event(fired(&self.active, &self.operation));
        }
    }

    /// Nothing changes for a peer, because `reason`.
    pub(super) fn had_no_effect(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.is_known, true) {
            self.active.had_no_effect(&self.operation, reason);
        }
    }
}

impl Drop for Due {
    fn drop(&mut self) {
        self.had_no_effect("its turn never came");
    }
}

/// The fact that a rule acted on an operation.
fn fired(active: &ActiveRule, operation: &str) -> EventKind {
    let rule = &active.rule;
    EventKind::RuleFired {
        rule: rule.name.clone(),
        target: rule.target.to_string(),
        word: word(&rule.action),
        action: rule.action.to_string(),
        operation: operation.to_owned(),
        label: rule.label.clone(),
        step: None,
        span: rule.span,
    }
}

fn word(action: &Action) -> FaultWord {
    match action {
        Action::Deny(_) => FaultWord::Deny,
        Action::Allow => FaultWord::Allow,
        Action::Delay(_) => FaultWord::Delay,
        Action::Respond(_) => FaultWord::Respond,
        Action::Error(_) => FaultWord::Error,
        Action::Drop(_) => FaultWord::Drop,
        Action::Duplicate
        | Action::Truncate { .. }
        | Action::Throttle { .. }
        | Action::Corrupt { .. }
        | Action::Reorder => FaultWord::Change,
    }
}
