//! The rules of a running leaf: one set per prepared target, and what each rule has to show for itself.

use super::recorder::Recorder;
use crate::event::{EventKind, Evidence};
use crate::model::{Endpoint, Rule, ServiceName, Target};
use crate::plan::Needs;
use crate::rules::{Installed, RuleSet};
use crate::spec::{FaultCall, InstallId, Refusal};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

/// How long a match may be under way when the test is over. Most that are then never come to an end.
const SETTLE: Duration = Duration::from_millis(100);

/// Installs and removes rules, and keeps the evidence of the removed ones.
pub(super) struct Faults {
    needs: Needs,
    interfaces: BTreeMap<Endpoint, Arc<RuleSet>>,
    services: BTreeMap<ServiceName, Arc<RuleSet>>,
    recorder: Arc<Recorder>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// In the order they were made.
    installations: Vec<Installation>,
    wanted: Needs,
}

/// Rules installed together.
struct Installation {
    /// `None` for the faults a test is declared with.
    call: Option<FaultCall>,
    rules: Vec<Installed>,
}

/// What every rule of a leaf did, and who installed which.
#[derive(Default)]
pub(super) struct Proof {
    pub(super) evidence: Vec<Evidence>,
    pub(super) installed: Vec<(Option<FaultCall>, Range<usize>)>,
}

impl Faults {
    pub(super) fn new(needs: Needs, seed: u64, recorder: Arc<Recorder>) -> Faults {
        let interfaces = needs.interfaces.iter().map(|endpoint| (endpoint.clone(), RuleSet::new(seed)));
        let services = needs.syscalls.keys().map(|service| (service.clone(), RuleSet::new(seed)));
        Faults {
            interfaces: interfaces.collect(),
            services: services.collect(),
            needs,
            recorder,
            state: Mutex::default(),
        }
    }

    pub(super) fn on_interface(&self, endpoint: &Endpoint) -> Option<Arc<RuleSet>> {
        self.interfaces.get(endpoint).cloned()
    }

    pub(super) fn on_service(&self, service: &ServiceName) -> Option<Arc<RuleSet>> {
        self.services.get(service).cloned()
    }

    /// Installs rules, or remembers what was missing for them. `call` is the call in the test that asks for them.
    pub(super) fn install(&self, call: Option<FaultCall>, rules: Vec<Rule>) -> Result<InstallId, Refusal> {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if rules.iter().any(|rule| !self.needs.cover(rule)) {
            rules.iter().for_each(|rule| state.wanted.add(rule));
            return Err(Refusal::Unprepared);
        }
        let mut groups: Vec<(Target, Vec<Rule>)> = Vec::new();
        for rule in rules {
            self.recorder.event(EventKind::RuleInstalled {
                rule: rule.name.clone(),
                target: rule.target.to_string(),
                text: format!("{} on {}", rule.action, rule.matcher),
                span: rule.span,
            });
            match groups.iter_mut().find(|(target, _)| *target == rule.target) {
                Some((_, group)) => group.push(rule),
                None => groups.push((rule.target.clone(), vec![rule])),
            }
        }
        let installed =
            groups.into_iter().filter_map(|(target, rules)| Some(self.set(&target)?.install(rules)));
        let rules = installed.collect();
        state.installations.push(Installation { call, rules });
        Ok(InstallId(state.installations.len() as u64 - 1))
    }

    /// Removes rules; their evidence stays.
    pub(super) fn remove(&self, id: InstallId) {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let at = usize::try_from(id.0).unwrap_or(usize::MAX);
        let Some(installation) = state.installations.get_mut(at) else { return };
        for installed in installation.rules.iter_mut().filter(|installed| !installed.is_removed()) {
            installed.remove();
            for rule in installed.evidence() {
                self.recorder.event(EventKind::RuleRemoved { rule: rule.rule });
            }
        }
    }

    /// Waits a moment for what comes of matches: a peer may know the end of a reply before the relay has noted it.
    pub(super) async fn settle(&self) {
        // What has not come to an end by then is told as under way.
        let _ = tokio::time::timeout(SETTLE, poll_fn(|cx| self.poll_settled(cx))).await;
    }

    fn poll_settled(&self, cx: &mut Context<'_>) -> Poll<()> {
        let state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut installed = state.installations.iter().flat_map(|each| &each.rules);
        // One is enough to wait for: the others are asked when it has settled.
        if installed.any(|rules| rules.poll_settled(cx).is_pending()) {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }

    /// What every rule did so far: those of the test's declaration, then by the place of their calls in the test.
    pub(super) fn proof(&self) -> Proof {
        let state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut proof = Proof::default();
        let mut installations: Vec<&Installation> = state.installations.iter().collect();
        installations.sort_by_key(|each| each.call.as_ref().map(|call| call.number));
        for installation in installations {
            let start = proof.evidence.len();
            proof.evidence.extend(installation.rules.iter().flat_map(Installed::evidence));
            proof.installed.push((installation.call.clone(), start..proof.evidence.len()));
        }
        proof
    }

    /// Removes whatever is still installed, newest first.
    pub(super) fn remove_all(&self) {
        let state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let count = state.installations.len() as u64;
        drop(state);
        (0..count).rev().for_each(|id| self.remove(InstallId(id)));
    }

    /// What the leaf has, plus what its body asked for in vain.
    pub(super) fn wanted(&self) -> Needs {
        let state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut all = self.needs.clone();
        all.merge(&state.wanted);
        all
    }

    fn set(&self, target: &Target) -> Option<&Arc<RuleSet>> {
        match target {
            Target::Interface(endpoint) => self.interfaces.get(endpoint),
            Target::Service(service) => self.services.get(service),
        }
    }
}
