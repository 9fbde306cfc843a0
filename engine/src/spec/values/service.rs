//! Services, their interfaces and the steps a test makes on them.

use crate::model::{Endpoint, Healthcheck, Interface, Protocol, Service, StepSpec};
use crate::spec::builtins;
use crate::text::Span;
use allocative::Allocative;
use derive_more::Display;
use starlark::any::ProvidesStaticType;
use starlark::eval::{Arguments, Evaluator};
use starlark::starlark_simple_value;
use starlark::values::{Heap, NoSerialize, StarlarkPagablePanic, StarlarkValue, Value, starlark_value};
use std::sync::Arc;

/// Host part of every address a spec sees; each leaf has a loopback of its own.
const HOST: &str = "localhost";

/// `interface(...)`, until a service takes it.
#[derive(Debug, Clone, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("<interface {}>", interface.name)]
pub(in crate::spec) struct InterfaceValue {
    #[allocative(skip)]
    pub interface: Interface,
    /// The port's expression.
    #[allocative(skip)]
    pub port_span: Span,
    #[allocative(skip)]
    pub name_span: Span,
}

/// `tcp(...)`, `http(...)`, `ready()`.
#[derive(Debug, Clone, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("<healthcheck>")]
pub(in crate::spec) struct HealthcheckValue {
    #[allocative(skip)]
    pub healthcheck: Healthcheck,
}

/// `service(...)`.
#[derive(Debug, Clone, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("<service {}>", service.name)]
pub(in crate::spec) struct ServiceValue {
    #[allocative(skip)]
    pub service: Arc<Service>,
}

/// `db.main`.
#[derive(Debug, Clone, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("<interface_ref {endpoint}>")]
pub(in crate::spec) struct InterfaceRef {
    #[allocative(skip)]
    pub service: Arc<Service>,
    #[allocative(skip)]
    pub endpoint: Endpoint,
    #[allocative(skip)]
    pub protocol: Protocol,
    pub port: u16,
}

/// `api.public.post`.
#[derive(Debug, Clone, Display, ProvidesStaticType, NoSerialize, StarlarkPagablePanic, Allocative)]
#[display("<step {endpoint}.{}>", step.name)]
pub(in crate::spec) struct StepMethod {
    #[allocative(skip)]
    pub endpoint: Endpoint,
    #[allocative(skip)]
    pub protocol: Protocol,
    #[allocative(skip)]
    pub step: &'static StepSpec,
}

starlark_simple_value!(InterfaceValue);
starlark_simple_value!(HealthcheckValue);
starlark_simple_value!(ServiceValue);
starlark_simple_value!(InterfaceRef);
starlark_simple_value!(StepMethod);

/// Attributes of an interface that are addresses, not steps.
const ADDRESSES: [&str; 7] =
    ["addr", "host", "port", "internal_addr", "proxy_addr", "proxy_host", "proxy_port"];

impl InterfaceRef {
    pub(in crate::spec) fn new(service: &Arc<Service>, interface: &Interface) -> InterfaceRef {
        InterfaceRef {
            service: Arc::clone(service),
            endpoint: service.endpoint(interface),
            protocol: interface.protocol,
            port: interface.port,
        }
    }

    fn address(&self) -> String {
        format!("{HOST}:{}", self.port)
    }

    pub(in crate::spec) fn step(&self, name: &str) -> Option<StepMethod> {
        let step = crate::protocol::schema(self.protocol).steps.iter().find(|step| step.name == name)?;
        Some(StepMethod { endpoint: self.endpoint.clone(), protocol: self.protocol, step })
    }
}

impl ServiceValue {
    fn default_interface(&self) -> Option<InterfaceRef> {
        Some(InterfaceRef::new(&self.service, self.service.default_interface()?))
    }
}

#[starlark_value(type = "interface")]
impl<'v> StarlarkValue<'v> for InterfaceValue {
    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        match attribute {
            "name" => Some(heap.alloc(self.interface.name.as_str())),
            "protocol" => Some(heap.alloc(self.interface.protocol.name())),
            "port" => Some(heap.alloc(i32::from(self.interface.port))),
            _ => None,
        }
    }

    fn dir_attr(&self) -> Vec<String> {
        ["name", "protocol", "port"].map(str::to_owned).to_vec()
    }
}

#[starlark_value(type = "healthcheck")]
impl<'v> StarlarkValue<'v> for HealthcheckValue {}

#[starlark_value(type = "service")]
impl<'v> StarlarkValue<'v> for ServiceValue {
    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        if attribute == "name" {
            return Some(heap.alloc(self.service.name.as_str()));
        }
        let interfaces = &self.service.interfaces;
        if let Some(interface) = interfaces.iter().find(|interface| interface.name.as_str() == attribute) {
            return Some(heap.alloc(InterfaceRef::new(&self.service, interface)));
        }
        Some(heap.alloc(self.default_interface()?.step(attribute)?))
    }

    fn dir_attr(&self) -> Vec<String> {
        let mut names = vec!["name".to_owned()];
        names.extend(self.service.interfaces.iter().map(|interface| interface.name.to_string()));
        if let Some(interface) = self.service.default_interface() {
            let steps = crate::protocol::schema(interface.protocol).steps;
            names.extend(steps.iter().map(|step| step.name.to_owned()));
        }
        names
    }

    fn write_hash(&self, hasher: &mut starlark::collections::StarlarkHasher) -> starlark::Result<()> {
        std::hash::Hash::hash(&self.service.name, hasher);
        Ok(())
    }

    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(ServiceValue::from_value(other).is_some_and(|other| other.service.name == self.service.name))
    }
}

#[starlark_value(type = "interface_ref")]
impl<'v> StarlarkValue<'v> for InterfaceRef {
    fn get_attr(&self, attribute: &str, heap: Heap<'v>) -> Option<Value<'v>> {
        Some(match attribute {
            "addr" | "internal_addr" | "proxy_addr" => heap.alloc(self.address()),
            "host" | "proxy_host" => heap.alloc(HOST),
            "port" | "proxy_port" => heap.alloc(i32::from(self.port)),
            _ => heap.alloc(self.step(attribute)?),
        })
    }

    fn dir_attr(&self) -> Vec<String> {
        let steps = crate::protocol::schema(self.protocol).steps.iter().map(|step| step.name);
        ADDRESSES.into_iter().chain(steps).map(str::to_owned).collect()
    }

    fn write_hash(&self, hasher: &mut starlark::collections::StarlarkHasher) -> starlark::Result<()> {
        std::hash::Hash::hash(&self.endpoint, hasher);
        Ok(())
    }

    fn equals(&self, other: Value<'v>) -> starlark::Result<bool> {
        Ok(InterfaceRef::from_value(other).is_some_and(|other| other.endpoint == self.endpoint))
    }
}

#[starlark_value(type = "step_method")]
impl<'v> StarlarkValue<'v> for StepMethod {
    fn invoke(
        &self,
        _me: Value<'v>,
        args: &Arguments<'v, '_>,
        eval: &mut Evaluator<'v, '_, '_>,
    ) -> starlark::Result<Value<'v>> {
        Ok(builtins::steps::make(self, args, eval)?)
    }
}
