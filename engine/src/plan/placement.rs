//! Who stands between whom: which service lives in which network namespace.
//!
//! Services share one namespace and talk over loopback directly. A service with a ruled interface is taken out into a
//! namespace of its own; the relay then stands in every other namespace at the very address the service would have.

use super::needs::Needs;
use crate::model::{Endpoint, ServiceName, Spec};
use std::collections::BTreeMap;

/// A network namespace of the leaf. [`HOME`] is where the test's own steps come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Namespace(pub usize);

/// The namespace that services without rules share with the test.
pub const HOME: Namespace = Namespace(0);

/// Where each service of a leaf lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    pub services: BTreeMap<ServiceName, Namespace>,
    /// How many namespaces there are, [`HOME`] included.
    pub namespaces: usize,
    /// Interfaces whose connections are ruled.
    pub ruled: Vec<Endpoint>,
}

/// Places every service of the spec: home, unless one of its interfaces has rules.
pub fn place(spec: &Spec, needs: &Needs) -> Placement {
    let mut services = BTreeMap::new();
    let mut namespaces = 1;
    for service in &spec.services {
        let ruled = needs.interfaces.iter().any(|endpoint| endpoint.service == service.name);
        let namespace = if ruled { Namespace(namespaces) } else { HOME };
        namespaces += usize::from(ruled);
        services.insert(service.name.clone(), namespace);
    }
    Placement { services, namespaces, ruled: needs.interfaces.iter().cloned().collect() }
}

/// Places every service in the one network there is, for hosts that refuse namespaces.
pub fn together(spec: &Spec, needs: &Needs) -> Placement {
    let services = spec.services.iter().map(|service| (service.name.clone(), HOME)).collect();
    Placement { services, namespaces: 1, ruled: needs.interfaces.iter().cloned().collect() }
}

impl Placement {
    pub fn of(&self, service: &ServiceName) -> Namespace {
        self.services.get(service).copied().unwrap_or(HOME)
    }

    pub fn is_ruled(&self, endpoint: &Endpoint) -> bool {
        self.ruled.contains(endpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Interface, Protocol, Service};
    use crate::text::{FileId, Span};

    fn service(name: &str) -> Service {
        let span = Span::start_of(FileId(0));
        let interface = Interface { name: "main".into(), protocol: Protocol::Tcp, port: 1, span };
        Service {
            name: name.into(),
            binary: "x".to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            interfaces: vec![interface],
            depends_on: Vec::new(),
            healthcheck: None,
            operations: Vec::new(),
            seccomp: true,
            stdin: Default::default(),
            may_exit: false,
            span,
        }
    }

    #[test]
    fn only_services_with_ruled_interfaces_move_out() {
        let spec = Spec { services: vec![service("db"), service("api"), service("web")], ..Spec::default() };
        let api = Endpoint { service: "api".into(), interface: "main".into() };
        let mut needs = Needs::default();
        assert_eq!(place(&spec, &needs).namespaces, 1);
        needs.interfaces.insert(api.clone());
        let placement = place(&spec, &needs);
        assert_eq!(placement.namespaces, 2);
        assert_eq!(placement.of(&"db".into()), HOME);
        assert_eq!(placement.of(&"api".into()), Namespace(1));
        assert_eq!(placement.of(&"web".into()), HOME);
        assert!(placement.is_ruled(&api));
    }
}
