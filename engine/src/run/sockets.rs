//! Calls on sockets that services make while a test's services live in several network namespaces.
//!
//! - `listen` of TCP and `bind` of UDP are carried out here on a copy of the service's socket, and return when the
//!   mirrors in the other namespaces are open. So whoever learns of a port reaches it, as on one machine.
//! - `socket` of the domain AF_UNIX gives a socket of the namespace that services without rules share: names of the
//!   abstract kind belong to a network namespace (unix(7)), and this way there is one set of them. The sockets are the
//!   services' own, so descriptors and credentials pass as ever.

use super::interception::{Judged, RuleJudge};
use super::network::Network;
use crate::event::EventKind;
use crate::model::errno::Errno;
use crate::model::syscall::Syscall;
use crate::plan::{HOME, Namespace};
use crate::seccomp::{Answer, Carried, Judge, Reply, SocketCalls, SyscallView};
use crate::service::ports::Transport;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrLike, SockaddrStorage, bind, getsockname, getsockopt,
    listen, socket, sockopt,
};
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, MutexGuard};

/// Answers one service's intercepted calls: by its rules, and those on sockets so that they work across namespaces.
pub(super) struct ServiceJudge {
    pub(super) rules: Option<RuleJudge>,
    /// The calls the rules need.
    pub(super) ruled: BTreeSet<Syscall>,
    pub(super) sockets: Option<Sockets>,
}

impl Judge for ServiceJudge {
    type Token = Option<Judged>;

    fn judge(&self, call: &mut SyscallView<'_>) -> Answer<Option<Judged>> {
        match &self.rules {
            Some(rules) if self.ruled.contains(&call.syscall()) => rules.judge(call),
            _ => Answer { reply: Reply::Continue, token: None },
        }
    }

    fn carry_out(&self, call: &mut SyscallView<'_>) -> Carried {
        self.sockets.as_ref().map_or(Carried::ByKernel, |sockets| sockets.carry_out(call))
    }

    fn foreign(&self, call: Option<&mut SyscallView<'_>>) -> Option<Errno> {
        self.rules.as_ref().and_then(|rules| rules.foreign(call))
    }

    fn held(&self, token: &mut Option<Judged>) {
        if let Some(rules) = &self.rules {
            rules.held(token);
        }
    }

    fn shortened(&self, token: &Option<Judged>) {
        if let Some(rules) = &self.rules {
            rules.shortened(token);
        }
    }

    fn delivery(&self) -> Option<MutexGuard<'_, ()>> {
        self.rules.as_ref().and_then(Judge::delivery)
    }

    fn committed(&self, token: Option<Judged>) {
        if let Some(rules) = &self.rules {
            rules.committed(token);
        }
    }

    fn lost(&self, token: Option<Judged>) {
        if let Some(rules) = &self.rules {
            rules.lost(token);
        }
    }
}

/// The sockets of a service that lives in one of several namespaces.
pub(super) struct Sockets {
    pub(super) network: Arc<Network>,
    pub(super) namespace: Namespace,
    pub(super) service: String,
}

/// The calls of a service in a namespace that are carried out here.
pub(super) fn calls(network: &Network, namespace: Namespace) -> SocketCalls {
    let is_split = network.is_split();
    SocketCalls { opening: is_split, unix: is_split && namespace != HOME }
}

impl Sockets {
    fn carry_out(&self, call: &SyscallView<'_>) -> Carried {
        match call.syscall().name() {
            "listen" => self.listen(call),
            "bind" => self.bind(call),
            "socket" => self.unix_socket(call),
            _ => Carried::ByKernel,
        }
    }

    fn listen(&self, call: &SyscallView<'_>) -> Carried {
        let Ok(socket) = call.take_descriptor(0) else { return self.unseen() };
        // Unix sockets remember who listened (SO_PEERCRED), so that must be the service itself.
        if !is_internet(&socket) {
            return Carried::ByKernel;
        }
        // What is beyond the system's limit is cut to it either way (listen(2)).
        let backlog = Backlog::new(call.arguments()[1] as i32).unwrap_or(Backlog::MAXALLOWABLE);
        match listen(&socket, backlog) {
            Ok(()) => self.opened(&socket, Transport::Stream),
            Err(errno) => Carried::failed(&errno.into()),
        }
    }

    fn bind(&self, call: &SyscallView<'_>) -> Carried {
        let Some(address) = call.socket_address(1, 2) else { return Carried::ByKernel };
        let Ok(socket) = call.take_descriptor(0) else { return self.unseen() };
        if !is_internet(&socket) || getsockopt(&socket, sockopt::SockType) != Ok(SockType::Datagram) {
            return Carried::ByKernel;
        }
        match bind(socket.as_raw_fd(), &SockaddrStorage::from(address)) {
            Ok(()) => self.opened(&socket, Transport::Datagram),
            Err(errno) => Carried::failed(&errno.into()),
        }
    }

    /// Opens the mirrors of a socket that is open now.
    fn opened(&self, socket: &OwnedFd, transport: Transport) -> Carried {
        let address = local_address(socket);
        let found = address.is_some_and(|address| self.network.opened(self.namespace, transport, address));
        let is_open = transport == Transport::Datagram || getsockopt(socket, sockopt::AcceptConn) == Ok(true);
        if let (false, true, Some(address)) = (found, is_open, address) {
            let protocol = match transport {
                Transport::Stream => "TCP",
                Transport::Datagram => "UDP",
            };
            let text = format!(
                "{}: port {} is only reachable from {} itself while this test has rules on interfaces: \
                 it is not a {protocol} port of the test's network",
                self.service,
                address.port(),
                self.service
            );
            self.network.recorder().event(EventKind::Notice { text });
        }
        Carried::Value(0)
    }

    /// A socket that cannot be taken over: its port is found by looking.
    fn unseen(&self) -> Carried {
        self.network.has_unwatched();
        Carried::ByKernel
    }

    fn unix_socket(&self, call: &SyscallView<'_>) -> Carried {
        let [domain, kind, protocol, ..] = call.arguments().map(|argument| argument as i32);
        // AF_UNIX knows no other protocol than itself; whatever else is asked for, the kernel refuses.
        if domain != libc::AF_UNIX || ![0, libc::AF_UNIX].contains(&protocol) {
            return Carried::ByKernel;
        }
        let flags = SockFlag::from_bits_truncate(kind);
        let kind = match kind & !flags.bits() {
            libc::SOCK_STREAM => SockType::Stream,
            libc::SOCK_DGRAM => SockType::Datagram,
            libc::SOCK_SEQPACKET => SockType::SeqPacket,
            _ => return Carried::ByKernel,
        };
        let made = self
            .network
            .enter(HOME, || socket(AddressFamily::Unix, kind, flags | SockFlag::SOCK_CLOEXEC, None));
        match made.and_then(|made| made.map_err(io::Error::from)) {
            Ok(descriptor) => {
                Carried::Descriptor { descriptor, close_on_exec: flags.contains(SockFlag::SOCK_CLOEXEC) }
            }
            Err(error) => Carried::failed(&error),
        }
    }
}

fn is_internet(socket: &OwnedFd) -> bool {
    let name = getsockname::<SockaddrStorage>(socket.as_raw_fd());
    let family = name.ok().and_then(|name| name.family());
    matches!(family, Some(AddressFamily::Inet | AddressFamily::Inet6))
}

fn local_address(socket: &OwnedFd) -> Option<SocketAddr> {
    let name = getsockname::<SockaddrStorage>(socket.as_raw_fd()).ok()?;
    let v4 = name.as_sockaddr_in().map(|&v4| SocketAddr::V4(v4.into()));
    v4.or_else(|| name.as_sockaddr_in6().map(|&v6| SocketAddr::V6(v6.into())))
}
