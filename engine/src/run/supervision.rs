//! Which calls of a service are stopped on, and who answers them.

use super::interception::RuleJudge;
use super::services::{Services, StartFailure};
use super::sockets::{self, ServiceJudge, Sockets};
use super::unfaulted::Unfaulted;
use crate::event::EventKind;
use crate::model::syscall::{CallShape, Syscall, watched_beside};
use crate::model::{Service, ServiceName};
use crate::plan::Namespace;
use crate::rules::RuleSet;
use crate::seccomp::{Filter, LaunchError, Listener, SocketCalls, Subscription, Supervisor};
use crate::service::process::StartError;
use std::sync::Arc;

impl Services {
    /// The calls of a service that rules need, and those beside them that are only counted.
    fn ruled_calls(&self, service: &ServiceName) -> Vec<CallShape> {
        let wanted = self.setting.faults.wanted().syscalls.remove(service).unwrap_or_default();
        let wanted: Vec<CallShape> = wanted.into_iter().collect();
        let watched = watched_beside(&wanted);
        wanted.into_iter().chain(watched).collect()
    }

    /// What a service's calls are stopped on for; `None` when there is nothing.
    pub(super) fn filter(
        &self,
        service: &Service,
        namespace: Namespace,
    ) -> Result<Option<Filter>, StartFailure> {
        let network = &self.setting.network;
        let mut subscription = Subscription::new(self.ruled_calls(&service.name))
            .map_err(|error| StartFailure::Filter(error.to_string()))?;
        if service.seccomp {
            subscription.sockets = sockets::calls(network, namespace);
        } else {
            network.has_unwatched();
        }
        let needed = !subscription.is_empty() || subscription.sockets != SocketCalls::default();
        Ok(needed.then(|| Filter::new(&subscription)))
    }

    pub(super) fn supervise(
        &self,
        service: &Service,
        namespace: Namespace,
        rules: Option<Arc<RuleSet>>,
        listener: Listener,
    ) -> std::io::Result<Supervisor> {
        let name = service.name.to_string();
        let (recorder, network) = (self.setting.recorder.clone(), self.setting.network.clone());
        let sockets = network.is_split().then(|| Sockets { network, namespace, service: name.clone() });
        let detours = self.setting.network.detours();
        let rules = rules.map(|rules| RuleJudge {
            rules,
            recorder,
            service: name.clone(),
            unfaulted: Unfaulted::new(),
            detours,
        });
        let calls = self.ruled_calls(&service.name);
        let ring = Syscall::from_name("io_uring_setup").filter(|_| !calls.is_empty());
        let ruled = calls.into_iter().map(|shape| shape.syscall).chain(ring).collect();
        let judge = ServiceJudge { rules, ruled, sockets };
        Supervisor::start(&name, listener, Arc::new(judge))
    }

    /// A service's calls cannot be stopped on, which only its sockets would have needed.
    pub(super) fn cannot_watch(&self, service: &Service, error: &StartError) {
        self.setting.network.has_unwatched();
        let text = format!(
            "{}: in tests with rules on interfaces, ports it opens later are refused for up to 10 ms, and abstract \
             Unix sockets do not join it to other services: {error}",
            service.name
        );
        self.setting.recorder.event(EventKind::Notice { text });
    }
}

/// Whether a service did not start because its calls cannot be stopped on.
pub(super) fn is_about_filter(error: &StartError) -> bool {
    use LaunchError::{AnotherSupervisor, Filter, Listener};
    matches!(error, StartError::Launch(AnotherSupervisor | Filter(_) | Listener(_)))
}
