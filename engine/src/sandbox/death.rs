//! Ties that let nothing outlive the process it belongs to.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::thread;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

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
    use std::os::fd::AsFd;
    let mut ready = [PollFd::new(pipe.as_fd(), PollFlags::POLLIN)];
    let polled = poll(&mut ready, PollTimeout::ZERO);
    polled.is_ok() && ready[0].revents().is_some_and(|found| found.contains(PollFlags::POLLHUP))
}
