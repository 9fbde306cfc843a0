//! Services under test and their interfaces.

use super::glob::Glob;
use super::ids::{Endpoint, InterfaceName, ServiceName};
use super::schema::Protocol;
use crate::text::Span;
use std::time::Duration;

/// A process under test.
#[derive(Debug, Clone)]
pub struct Service {
    pub name: ServiceName,
    /// The program as written: a path relative to the spec's directory, an absolute path, or a name looked up in
    /// `PATH` when it holds no `/` and the spec's directory has no such file.
    pub binary: String,
    pub args: Vec<String>,
    /// Variables set for the process, in the order written, on top of the runner's own environment.
    pub env: Vec<(String, String)>,
    pub interfaces: Vec<Interface>,
    pub depends_on: Vec<ServiceName>,
    pub healthcheck: Option<Healthcheck>,
    /// Named operations that syscall faults may be written against.
    pub operations: Vec<Operation>,
    /// False when the spec forbids syscall interception for this service.
    pub seccomp: bool,
    pub stdin: Stdin,
    /// True when a test may go on after it has ended by itself.
    pub may_exit: bool,
    /// The whole `service(...)` call.
    pub span: Span,
}

/// What a service finds on its standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stdin {
    /// Open, and nothing ever comes: a read waits until the test ends.
    #[default]
    Open,
    /// At its end from the start.
    Eof,
}

/// An endpoint a service listens on.
#[derive(Debug, Clone)]
pub struct Interface {
    pub name: InterfaceName,
    pub protocol: Protocol,
    pub port: u16,
    /// The whole `interface(...)` call.
    pub span: Span,
}

/// How to tell that a service is ready.
#[derive(Debug, Clone)]
pub struct Healthcheck {
    pub kind: HealthcheckKind,
    /// Longest wait from the start of the process.
    pub timeout: Duration,
    pub span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthcheckKind {
    /// A TCP connection is accepted.
    Tcp { host: String, port: u16 },
    /// `GET path` answers with a status from 200 to 399.
    Http { host: String, port: u16, path: String },
    /// The protocol of the service's first interface answers a harmless request.
    Ready,
}

/// A named set of syscalls, perhaps on certain paths only: `ops = {"wal": op(...)}`.
#[derive(Debug, Clone)]
pub struct Operation {
    pub name: String,
    /// Syscall keywords as written: families or raw names.
    pub syscalls: Vec<String>,
    pub path: Option<Glob>,
    pub span: Span,
}

impl Service {
    pub fn interface(&self, name: &InterfaceName) -> Option<&Interface> {
        self.interfaces.iter().find(|interface| interface.name == *name)
    }

    pub fn endpoint(&self, interface: &Interface) -> Endpoint {
        Endpoint { service: self.name.clone(), interface: interface.name.clone() }
    }

    /// The interface that `svc.get(...)` means: the only one, or the one named `default`.
    pub fn default_interface(&self) -> Option<&Interface> {
        match self.interfaces.as_slice() {
            [only] => Some(only),
            several => several.iter().find(|interface| interface.name.as_str() == "default"),
        }
    }
}
