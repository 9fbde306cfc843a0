//! Ties that let nothing outlive the process it belongs to.

use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// Exit code of a process that ended because what it served is gone (128 + SIGHUP, as a shell would show it).
pub(super) const ORPHANED: i32 = 129;

/// Ends this process as soon as the other end of `pipe` is closed everywhere, which the kernel does for whoever holds it,
/// however it dies. The thread needs no end of its own: it dies with the process.
///
/// Everyone else who holds a copy of the other end keeps this process alive, so it must be close-on-exec.
pub fn lifeline(pipe: OwnedFd) -> io::Result<()> {
    let mut pipe = std::fs::File::from(pipe);
    thread::Builder::new().name("lifeline".into()).spawn(move || {
        // Nothing is ever written to a lifeline; bytes are ignored.
        loop {
            match pipe.read(&mut [0; 64]) {
                Ok(0) => break,
                Err(error) if error.kind() != io::ErrorKind::Interrupted => break,
                _ => {}
            }
        }
        end();
    })?;
    Ok(())
}

/// Waits until the child has ended; ends this process too when the other end of `lifeline` is closed before.
///
/// A thread cannot do this here: a process whose children enter another PID namespace cannot start one (clone(2), EINVAL).
pub(super) fn await_end(child: Pid, lifeline: Option<&OwnedFd>) -> io::Result<()> {
    let process = super::sys::open_process(child.as_raw())?;
    loop {
        let mut ready = vec![PollFd::new(process.as_fd(), PollFlags::POLLIN)];
        // Only its closing matters, which is reported without being asked for.
        ready.extend(lifeline.map(|pipe| PollFd::new(pipe.as_fd(), PollFlags::empty())));
        match poll(&mut ready, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        if is_hung_up(ready.get(1)) {
            end();
        }
        if ready[0].any() == Some(true) {
            return Ok(());
        }
    }
}

/// Dies at once, without destructors: as PID 1 this makes the kernel kill every process of the sandbox.
pub(super) fn end() -> ! {
    super::sys::exit(ORPHANED)
}

/// Asks the kernel to kill this process when its parent thread dies, and makes sure the parent was not dead before: the
/// pipe from it is closed then.
pub(super) fn die_with_parent(pipe: &OwnedFd) -> io::Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    if is_closed(pipe) {
        end();
    }
    Ok(())
}

fn is_closed(pipe: &OwnedFd) -> bool {
    let mut ready = [PollFd::new(pipe.as_fd(), PollFlags::empty())];
    poll(&mut ready, PollTimeout::ZERO).is_ok() && is_hung_up(ready.first())
}

fn is_hung_up(polled: Option<&PollFd<'_>>) -> bool {
    polled.and_then(PollFd::revents).is_some_and(|found| found.contains(PollFlags::POLLHUP))
}
