//! The descriptor intercepted calls arrive on, with typed requests.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::sys::{self, RawNotification, RawReply};

/// `SECCOMP_USER_NOTIF_FLAG_CONTINUE`: carry the call out as if nobody had looked.
const CONTINUE: u32 = 1;
/// `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP` (Linux 6.6): hand the processor over directly; three times faster across cores.
const SYNC_WAKE_UP: u64 = 1;

/// The supervisor's end of one service's filter.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    killable: bool,
}

impl Listener {
    pub(super) fn new(fd: OwnedFd, killable: bool) -> Listener {
        Listener { fd, killable }
    }

    /// Whether received calls wait unharmed by signals (`WAIT_KILLABLE_RECV`, Linux 5.19). Without it a signal can make a
    /// call of the target fail with EINTR or be seen twice.
    pub fn is_killable(&self) -> bool {
        self.killable
    }

    pub(super) fn enable_sync_wake_up(&self) -> io::Result<()> {
        sys::set_flags(self.as_fd(), SYNC_WAKE_UP)
    }

    /// ENOENT is routine: the target was killed or interrupted before its call was received.
    pub(super) fn receive(&self) -> io::Result<RawNotification> {
        sys::receive(self.as_fd())
    }

    pub(super) fn is_waiting(&self, id: u64) -> bool {
        sys::id_valid(self.as_fd(), id)
    }

    /// Answers with a copy of a descriptor. ENOENT when the target no longer waits; any other error is the target's own
    /// (EMFILE) or the kernel's, and the call still has no answer.
    pub(super) fn send_descriptor(
        &self,
        id: u64,
        descriptor: BorrowedFd<'_>,
        close_on_exec: bool,
    ) -> io::Result<()> {
        let flags = if close_on_exec { libc::O_CLOEXEC.cast_unsigned() } else { 0 };
        sys::answer_with_descriptor(self.as_fd(), id, descriptor, flags)
    }

    /// Whether the kernel accepted the answer; it does not when the target no longer waits for it.
    pub(super) fn send(&self, id: u64, sentence: Sentence) -> bool {
        let reply = match sentence {
            Sentence::Continue => RawReply { id, flags: CONTINUE, ..RawReply::default() },
            Sentence::Fail(errno) => RawReply { id, error: -errno, ..RawReply::default() },
            Sentence::Return(value) => RawReply { id, value, ..RawReply::default() },
        };
        sys::send(self.as_fd(), &reply).is_ok()
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// What the kernel is told, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sentence {
    Continue,
    /// Positive number: an errno, or one of the kernel's own restart codes.
    Fail(i32),
    Return(i64),
}
