//! The rules of a running leaf: one set per prepared target, and what each rule has to show for itself.

use super::recorder::Recorder;
use crate::event::{EventKind, Evidence};
use crate::model::{Endpoint, Rule, ServiceName, Target};
use crate::plan::Needs;
use crate::rules::{Installed, RuleSet};
use crate::spec::{InstallId, Refusal};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

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
    next: u64,
    installed: BTreeMap<u64, Vec<Installed>>,
    /// Evidence by installation, so that the order of removal does not matter.
    collected: BTreeMap<u64, Vec<Evidence>>,
    wanted: Needs,
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

    /// Installs rules, or remembers what was missing for them.
    pub(super) fn install(&self, rules: Vec<Rule>) -> Result<InstallId, Refusal> {
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
        let id = state.next;
        state.next += 1;
        let installed =
            groups.into_iter().filter_map(|(target, rules)| Some(self.set(&target)?.install(rules)));
        let installed = installed.collect();
        state.installed.insert(id, installed);
        Ok(InstallId(id))
    }

    /// Removes rules; their evidence stays.
    pub(super) fn remove(&self, id: InstallId) {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(installed) = state.installed.remove(&id.0) {
            let evidence: Vec<Evidence> = installed.iter().flat_map(Installed::evidence).collect();
            drop(installed);
            for rule in &evidence {
                self.recorder.event(EventKind::RuleRemoved { rule: rule.rule.clone() });
            }
            state.collected.insert(id.0, evidence);
        }
    }

    /// What every rule did so far, in the order they were installed.
    pub(super) fn evidence(&self) -> Vec<Evidence> {
        let state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut all = state.collected.clone();
        for (id, installed) in &state.installed {
            all.insert(*id, installed.iter().flat_map(Installed::evidence).collect());
        }
        all.into_values().flatten().collect()
    }

    /// Removes whatever is still installed, newest first.
    pub(super) fn remove_all(&self) {
        loop {
            let state = self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let Some(id) = state.installed.keys().next_back().copied() else { return };
            drop(state);
            self.remove(InstallId(id));
        }
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
