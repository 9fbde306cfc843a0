//! A network namespace, and acting inside it for the length of a closure.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

use super::sys;

/// A network namespace, alive as long as this descriptor or anything made inside it is.
#[derive(Debug)]
pub struct NetNs {
    fd: OwnedFd,
}

/// Lets services of an ordinary user listen below port 1024, in the calling thread's network namespace, which is its
/// own to decide (ip_unprivileged_port_start of ip(7)). Where the kernel says no, they meet the refusal they know.
pub(super) fn open_low_ports() {
    let _ = std::fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
}

impl NetNs {
    /// The calling thread's.
    pub fn current() -> io::Result<NetNs> {
        let fd = File::open("/proc/thread-self/ns/net")?.into();
        Ok(NetNs { fd })
    }

    /// A fresh one with loopback up and nothing else. Needs CAP_SYS_ADMIN, which a sandbox's PID 1 has. About 0.6 ms.
    pub fn new() -> io::Result<NetNs> {
        // A thread of its own makes it, so that there is nothing to switch back.
        let maker = thread::Builder::new().name("netns".into()).spawn(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            sys::loopback_up()?;
            open_low_ports();
            NetNs::current()
        })?;
        maker.join().map_err(|_| io::Error::other("the thread that makes a network namespace panicked"))?
    }

    /// Which ports the kernel gives to sockets that ask for none, in the calling thread's network namespace, and which of
    /// them it does not (ip_local_port_range and ip_local_reserved_ports of ip(7)). Where the kernel says no, they stay
    /// the usual ones.
    pub fn give_client_ports(first: u16, last: u16, reserved: &[u16]) {
        let list = reserved.iter().map(u16::to_string).collect::<Vec<_>>().join(",");
        let _ = std::fs::write("/proc/sys/net/ipv4/ip_local_reserved_ports", list);
        let _ = std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", format!("{first} {last}"));
    }

    /// Runs `act` with the calling thread inside this namespace: sockets it makes and processes it starts belong there
    /// for good. The thread is back in its own namespace afterwards, also when `act` panics.
    pub fn enter<T>(&self, act: impl FnOnce() -> T) -> io::Result<T> {
        let home = NetNs::current()?;
        setns(self.fd.as_fd(), CloneFlags::CLONE_NEWNET)?;
        let _way_back = WayBack { home };
        Ok(act())
    }

    /// Whether both are the same namespace.
    pub fn is_same(&self, other: &NetNs) -> io::Result<bool> {
        let (ours, theirs) = (nix::sys::stat::fstat(&self.fd)?, nix::sys::stat::fstat(&other.fd)?);
        Ok((ours.st_dev, ours.st_ino) == (theirs.st_dev, theirs.st_ino))
    }
}

/// Returns the thread to its namespace when dropped.
struct WayBack {
    home: NetNs,
}

impl Drop for WayBack {
    fn drop(&mut self) {
        if setns(self.home.fd.as_fd(), CloneFlags::CLONE_NEWNET).is_err() {
            // A thread stranded in the wrong namespace would connect services to the wrong peers from now on.
            std::process::abort();
        }
    }
}
