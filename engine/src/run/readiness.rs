//! When a service is ready, as its healthcheck says.

use super::network::transport;
use super::services::Services;
use crate::model::{Healthcheck, HealthcheckKind, Protocol, Service};
use crate::plan::Namespace;
use crate::protocol;
use crate::proxy::Dialer;
use crate::service::health;

impl Services {
    /// Waits until a service's healthcheck holds; the error is its last refusal.
    pub(super) async fn wait_ready(
        &self,
        service: &Service,
        check: &Healthcheck,
        namespace: Namespace,
    ) -> Result<(), String> {
        let is_service =
            |name: &str| self.setting.spec.services.iter().any(|service| service.name.as_str() == name);
        let dialer = |host: &str, port: u16| match health::loopback(host, is_service) {
            Some(ips) => {
                let addresses = ips.into_iter().map(|ip| (ip, port).into()).collect();
                Ok(self.setting.network.within(namespace, Dialer::first_of(addresses)))
            }
            None => Err(format!(
                "inside a test only loopback exists, and {host} is neither localhost nor a service"
            )),
        };
        match &check.kind {
            HealthcheckKind::Tcp { host, port } => {
                let dialer = dialer(host, *port)?;
                health::wait_until(check.timeout, || protocol::ready(Protocol::Tcp, &dialer, &service.env))
                    .await
            }
            HealthcheckKind::Http { host, port, path } => {
                let dialer = dialer(host, *port)?;
                health::wait_until(check.timeout, || protocol::http::ready(&dialer, path)).await
            }
            HealthcheckKind::Ready => {
                let Some(interface) = service.default_interface().or(service.interfaces.first()) else {
                    return Ok(());
                };
                let transport = transport(interface.protocol);
                let dialer = self.setting.network.reaching(namespace, transport, interface.port);
                let probe = async || {
                    // A server of datagrams need not answer, but the kernel knows who receives them.
                    if !self.setting.network.is_reached(namespace, transport, interface.port) {
                        return Err(format!("nothing listens on port {}", interface.port));
                    }
                    protocol::ready(interface.protocol, &dialer, &service.env).await
                };
                health::wait_until(check.timeout, probe).await
            }
        }
    }
}
